//! Limbo: what was unlinked, until no reader can see it any more.
//!
//! ```text
//!  unlinked -> fresh --(a batch: closed)--> waiting --(a fence, a look at the participants)--> vacant
//! ```
//! Slots are chained through their entries, so that unlinking needs no memory. There is one batch that waits at
//! a time: what is unlinked meanwhile becomes the next, however much that is.

use std::ptr::NonNull;

use super::grace::Grace;
use super::participant;
use super::table::Table;

/// Slots of a batch. Two of them make a fence worth its while, where there is no other arena to share it.
pub(super) const BATCH: usize = if cfg!(cache_tiered_loom) { 1 } else { 64 };

/// What waits is looked at whenever so many slots are fresh, or a multiple of that: others may have fenced for it.
const LOOK: usize = if cfg!(cache_tiered_loom) { 1 } else { 16 };

/// A chain of slots: the first and the last, 1 higher, or 0; each entry's `link` goes on in the same way.
#[derive(Copy, Clone, Debug, Default)]
#[repr(C)]
pub(super) struct Chain {
    pub(super) len: usize,
    pub(super) head: u32,
    pub(super) last: u32,
}

/// A table that was replaced.
#[derive(Debug)]
struct OldTable(NonNull<Table>);

impl OldTable {
    /// # Safety
    /// 1. The table came from a `Box`. 2. Nobody uses it any more.
    unsafe fn free(self) {
        // SAFETY: clause 2; there are no references but shared ones, and their time is over.
        unsafe { self.0.as_ref() }.end();
        if !cfg!(cache_tiered_loom) {
            // SAFETY: clauses 1 and 2. (In models a fault must not lead to memory that is not there.)
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        }
    }
}

/// What was unlinked from one arena, and not reclaimed; what each change looks at comes first.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Limbo {
    /// With so many fresh slots, or more, [`pass`](Self::pass) may have something to do.
    look: usize,
    /// Unlinked since the last batch was closed.
    pub(super) fresh: Chain,
    /// Unlinked before `grace` began: the batch that is closed.
    waiting: Chain,
    /// The tables, likewise.
    fresh_tables: Vec<OldTable>,
    waiting_tables: Vec<OldTable>,
    /// Who may see what waits.
    grace: Grace,
    /// Above 0 if the system has refused its fence, with so many fresh slots: it is not asked again before there are
    /// twice as many.
    refused: usize,
    /// Whether the owner was asked to fence for the batch that waits.
    asked: bool,
}

impl Limbo {
    /// Slots in here.
    pub(super) fn len(&self) -> usize {
        self.fresh.len + self.waiting.len
    }

    /// Takes in a table that readers may be in.
    ///
    /// # Safety
    /// 1. It came from a `Box`, and is the caller's. 2. Readers that pin after the next heavy fence do not get
    ///    to see it.
    pub(super) unsafe fn push_table(&mut self, table: NonNull<Table>) {
        // Clauses 1 and 2 are what `free` asks for, a grace period later.
        self.fresh_tables.push(OldTable(table));
        self.look = 0;
    }

    /// Whether [`pass`](Self::pass) may have something to do.
    #[inline]
    pub(super) fn has_work(&self) -> bool {
        self.fresh.len >= self.look
    }

    /// Whether the owner should [fence](super::fence) soon, when it has no lock: a pass would have to before long. True
    /// once for a batch.
    pub(super) fn wants_fence(&mut self) -> bool {
        let wants = !self.asked
            && self.refused == 0
            && self.grace.wants_fence()
            && self.fresh.len + LOOK >= BATCH.max(participant::looks());
        self.asked |= wants;
        wants
    }

    /// With how many fresh slots there may be something to do next.
    fn next_look(&self) -> usize {
        let has_old = !self.waiting_tables.is_empty() && self.refused == 0;
        if has_old || !self.fresh_tables.is_empty() {
            0
        } else if self.is_waiting() {
            self.fresh.len.next_multiple_of(LOOK)
        } else {
            BATCH
        }
    }

    #[inline]
    fn is_waiting(&self) -> bool {
        self.waiting.len > 0 || !self.waiting_tables.is_empty()
    }

    /// Lets time pass for what is in here, and gives back the slots that no reader sees any more. A batch is closed
    /// when it is full, and a fence made for it when the next one is full as well; both at once if it is `urgent`, or
    /// has a table.
    pub(super) fn pass(&mut self, urgent: bool) -> Chain {
        let reclaimed = self.advance(urgent);
        self.look = self.next_look();
        reclaimed
    }

    fn advance(&mut self, urgent: bool) -> Chain {
        if !self.is_waiting() && (urgent || self.is_full() || !self.fresh_tables.is_empty()) {
            self.close();
        }
        if !self.is_waiting() {
            return Chain::default();
        }
        let has_table = !self.waiting_tables.is_empty() && self.refused == 0;
        let urgent = urgent || has_table || self.is_full();
        if !self.grace.is_over(urgent) {
            if urgent && self.grace.wants_fence() {
                self.refused = self.fresh.len.max(1);
            }
            return Chain::default();
        }
        self.refused = 0;
        for table in self.waiting_tables.drain(..) {
            // SAFETY: 1 is clause 1 of `push_table`. 2: by clause 2 only readers that were pinned when the
            // grace period began could use it, and each has unpinned since.
            unsafe { table.free() };
        }
        let reclaimed = std::mem::take(&mut self.waiting);
        if self.is_full() {
            self.close();
        }
        reclaimed
    }

    /// Whether there are as many fresh slots as a batch has: as a look at all participants is worth, at least; and
    /// twice as many as when the system refused a fence.
    fn is_full(&self) -> bool {
        let looks = match cfg!(cache_tiered_loom) {
            true => 0,
            false => participant::looks(),
        };
        self.fresh.len >= BATCH && self.fresh.len >= looks.max(2 * self.refused)
    }

    /// Makes what is fresh the batch that waits.
    fn close(&mut self) {
        if self.fresh.len == 0 && self.fresh_tables.is_empty() {
            return;
        }
        self.grace.begin();
        self.asked = false;
        self.waiting = std::mem::take(&mut self.fresh);
        self.waiting_tables = std::mem::take(&mut self.fresh_tables);
    }
}

impl Drop for Limbo {
    /// Frees the tables. The arena goes, so nobody reads there any more.
    fn drop(&mut self) {
        for table in self
            .fresh_tables
            .drain(..)
            .chain(self.waiting_tables.drain(..))
        {
            // SAFETY: 1 is clause 1 of `push_table`; 2: the arena, of which its readers hold a reference, is
            // being dropped.
            unsafe { table.free() };
        }
    }
}

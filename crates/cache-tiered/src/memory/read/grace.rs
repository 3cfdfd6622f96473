//! Grace periods: the time until no reader sees what was unlinked before.
//!
//! ```text
//!  writer of one arena          whoever fences, for all arenas      writer of that arena, later
//!  unlink ...
//!  ticket = CLOSED++    ----->  upto = CLOSED
//!                               heavy fence
//!                               FENCED = max(FENCED, upto)   -----> FENCED > ticket?
//!                                                                   look who is pinned
//! ```
//! A heavy fence costs microseconds and interrupts each core, so arenas share them: a writer closes a batch, goes on,
//! and fences itself only if nobody has until its next batch is full. With many shards that are written to alike there
//! is one fence for a batch of each of them. It takes no lock of any arena: a writer that keeps others waiting is told
//! before long that it is due, and fences when it no longer does.
//!
//! A reader stores that it is pinned, fences lightly, and loads from the index. What was unlinked before the ticket was
//! drawn comes before the fence that sees the ticket, and that before the look at the participants. So either the look
//! finds the reader pinned, or the reader finds the index as it was then. That goes for new participants too, whose
//! threads publish them before they fence.

use crossbeam::utils::CachePadded;

use super::mutant::{Mutant, active, weaken};
use super::participant::{Participant, participants};
use super::sync::atomic::{AtomicU64, Ordering};
use super::sync::{Fence, process_wide};

/// Which batches of this process were closed and fenced.
#[derive(Debug)]
struct Tickets {
    /// Batches closed so far. Any writer adds to it, with Release, what it unlinked being before; whoever fences loads
    /// it with Acquire. On a line of its own: the other is looked at far more often than it changes.
    closed: CachePadded<AtomicU64>,
    /// Batches below this have had a heavy fence since they were closed. Whoever fenced raises it, with Release; writers
    /// load it with Acquire. All changes are read-modify-writes, so that each later value publishes all earlier ones.
    fenced: CachePadded<AtomicU64>,
}

process_wide! {
    static TICKETS: Tickets = Tickets {
        closed: CachePadded::new(AtomicU64::new(0)),
        fenced: CachePadded::new(AtomicU64::new(0)),
    };
}

/// Fences for all batches that are closed, of all arenas, which takes microseconds. `false`: the system refuses it.
pub(crate) fn fence() -> bool {
    #[cfg(all(test, not(cache_tiered_loom)))]
    if refusal::applies() {
        return false;
    }
    let upto = TICKETS.closed.load(Ordering::Acquire);
    if !active(Mutant::GraceUnfenced) && !Fence::of_process().heavy() {
        return false;
    }
    let release = weaken(Ordering::Release, Mutant::FencedRelaxed);
    TICKETS.fenced.fetch_max(upto, release);
    true
}

/// What a closed batch waits for. One at a time.
#[derive(Debug, Default)]
pub(super) struct Grace {
    /// The batch's number, until it was seen to be fenced.
    ticket: Option<u64>,
    /// The readers that were pinned at the look after that, and have not been seen otherwise since, with their states.
    pinned: Vec<(&'static Participant, u64)>,
}

impl Grace {
    /// Begins a grace period for all that the caller has unlinked. One addition to a number of the process.
    pub(super) fn begin(&mut self) {
        debug_assert!(self.pinned.is_empty(), "one grace period at a time");
        let release = weaken(Ordering::Release, Mutant::ClosedRelaxed);
        self.ticket = Some(TICKETS.closed.fetch_add(1, release));
    }

    /// Whether the batch still waits for a fence.
    pub(super) fn wants_fence(&self) -> bool {
        self.ticket.is_some()
    }

    /// Whether it is over. Fences for that if it is `urgent` and nobody else has, which is refused or takes some
    /// microseconds; looks at each participant once after a fence, and then at those that were pinned.
    pub(super) fn is_over(&mut self, urgent: bool) -> bool {
        let Some(ticket) = self.ticket else {
            self.pinned.retain(|(one, state)| one.state() == *state);
            return self.pinned.is_empty();
        };
        let early = active(Mutant::ParticipantsReadEarly).then(participants);
        let fenced = TICKETS.fenced.load(Ordering::Acquire) > ticket;
        let fenced = fenced || urgent && fence();
        if !fenced {
            return false;
        }
        self.ticket = None;
        let states = early
            .unwrap_or_else(participants)
            .map(|one| (one, one.state()));
        self.pinned
            .extend(states.filter(|(_, state)| state % 2 == 1));
        if active(Mutant::PinnedForgotten) {
            self.pinned.clear();
        }
        self.pinned.is_empty()
    }
}

/// A system that refuses its fence, as a filter of system calls may.
#[cfg(all(test, not(cache_tiered_loom)))]
pub(super) mod refusal {
    use std::cell::Cell;

    std::thread_local! {
        /// How often this thread was refused, while it is.
        static REFUSED: Cell<Option<u32>> = const { Cell::new(None) };
    }

    pub(super) fn applies() -> bool {
        REFUSED.set(REFUSED.get().map(|times| times + 1));
        REFUSED.get().is_some()
    }

    /// Runs `work` while this thread is refused its fences; how often it was.
    pub(in crate::memory::read) fn during(work: impl FnOnce()) -> u32 {
        REFUSED.set(Some(0));
        work();
        REFUSED.take().expect("set above")
    }
}

//! The heap of one local cache: the slabs that it owns, and how it finds a slot among them.
//!
//! ```text
//!              no slot left            freed here
//!   current -----------------> full ---------------> ready ----> current
//!      ^                        |                      |
//!      +--- freed elsewhere ----+                      +-- empty, and more than the spare ones: to the provider
//! ```
//!
//! A full slab says nothing when another thread frees one of its slots. When a slot is wanted, the heap looks at a few
//! full slabs in turn before it takes a new one, so what is freed elsewhere is found after a bounded number of new slabs.

use core::cell::Cell;
use core::ptr::{self, NonNull};

use super::chain::Chain;
use super::control::Control;
use super::header::Slab;
use super::remote::Settled;

/// Full slabs that a refill looks at before it asks for another slab.
const SCANNED_MAX: usize = 8;
/// `alarm` of the current slab: never.
const CURRENT: u16 = 0;
/// `alarm` of a slab in `ready`: when it is empty.
const READY: u16 = 1;
/// `alarm` of a slab in `full`: always.
const FULL: u16 = u16::MAX;

/// Slabs in a ring of two links each; the first and the last are known.
struct List {
    first: Cell<Option<Slab>>,
    last: Cell<Option<Slab>>,
    len: Cell<usize>,
}

impl List {
    const fn new() -> Self {
        Self {
            first: Cell::new(None),
            last: Cell::new(None),
            len: Cell::new(0),
        }
    }

    /// # Safety
    /// 1. The heap possesses `slab` and the list's slabs. 2. `slab` is in no list.
    unsafe fn push_front(&self, slab: Slab) {
        let next = self.first.replace(Some(slab));
        // SAFETY: clauses 1 and 2.
        unsafe {
            slab.private(|private| (private.previous, private.next) = (None, next));
            match next {
                Some(next) => next.private(|private| private.previous = Some(slab)),
                None => self.last.set(Some(slab)),
            }
        }
        self.len.set(self.len.get() + 1);
    }

    /// # Safety
    /// As for `push_front`.
    unsafe fn push_back(&self, slab: Slab) {
        let previous = self.last.replace(Some(slab));
        // SAFETY: clauses 1 and 2.
        unsafe {
            slab.private(|private| (private.previous, private.next) = (previous, None));
            match previous {
                Some(previous) => previous.private(|private| private.next = Some(slab)),
                None => self.first.set(Some(slab)),
            }
        }
        self.len.set(self.len.get() + 1);
    }

    /// # Safety
    /// 1. The heap possesses the list's slabs. 2. `slab` is in this list.
    unsafe fn remove(&self, slab: Slab) {
        // SAFETY: clauses 1 and 2.
        unsafe {
            let (previous, next) =
                slab.private(|private| (private.previous.take(), private.next.take()));
            match previous {
                Some(previous) => previous.private(|private| private.next = next),
                None => self.first.set(next),
            }
            match next {
                Some(next) => next.private(|private| private.previous = previous),
                None => self.last.set(previous),
            }
        }
        self.len.set(self.len.get() - 1);
    }

    /// # Safety
    /// 1. The heap possesses the list's slabs.
    unsafe fn pop_front(&self) -> Option<Slab> {
        let slab = self.first.get()?;
        // SAFETY: clause 1, and the first is in the list.
        unsafe { self.remove(slab) };
        Some(slab)
    }
}

/// Lies in a block of its own, so that its address is its name. Used by one thread at a time.
pub(super) struct LocalHeap {
    /// Slots come from here; it is in no list.
    current: Cell<Option<Slab>>,
    /// Slabs with a free slot, the last freed into first.
    ready: List,
    /// Slabs without a free slot, the longest unlooked at first.
    full: List,
    /// Slabs in `ready` of which no slot is in use.
    empty: Cell<usize>,
    /// The local cache's handle keeps it.
    control: NonNull<Control>,
}

impl LocalHeap {
    pub(super) const fn new(control: NonNull<Control>) -> Self {
        Self {
            current: Cell::new(None),
            ready: List::new(),
            full: List::new(),
            empty: Cell::new(0),
            control,
        }
    }

    pub(super) fn control(&self) -> NonNull<Control> {
        self.control
    }

    /// A free slot of the slabs that the heap has, now in use.
    ///
    /// # Safety
    /// 1. The cache's slabs are of this geometry.
    #[inline(always)]
    pub(super) unsafe fn take<T, const SLAB: usize>(&self) -> Option<NonNull<T>> {
        // SAFETY: the heap possesses its slabs; clause 1.
        unsafe { self.current.get()?.take::<T, SLAB>() }
    }

    /// Frees a slot of a slab that the heap owns.
    ///
    /// # Safety
    /// 1. `slab` is one of the heap's, and the rest as for [`Slab::put`]. 2. No reference into the slot is left.
    #[inline(always)]
    pub(super) unsafe fn put<T, const SLAB: usize>(
        this: NonNull<Self>,
        slab: Slab,
        slot: NonNull<T>,
    ) {
        // SAFETY: clause 1; the heap is there as long as it owns a slab.
        unsafe {
            if slab.put::<T, SLAB>(slot) {
                this.as_ref().relist(slab);
            }
        }
    }

    /// After a free that left `slab` with fewer slots in use than its alarm.
    ///
    /// # Safety
    /// 1. `slab` is one of the heap's, in `full` or `ready` as its alarm says.
    #[cold]
    unsafe fn relist(&self, slab: Slab) {
        // SAFETY: clause 1 and the heap's possession of its slabs.
        unsafe {
            let (alarm, used) = slab.private(|private| (private.alarm, private.used));
            if alarm == FULL {
                self.full.remove(slab);
                self.make_ready(slab);
            }
            if used != 0 {
                return;
            }
            if self.empty.get() < self.control.as_ref().spare {
                self.empty.set(self.empty.get() + 1);
            } else {
                self.ready.remove(slab);
                Control::release(self.control, slab);
            }
        }
    }

    /// # Safety
    /// 1. The heap possesses `slab`, which is in no list.
    unsafe fn make_ready(&self, slab: Slab) {
        // SAFETY: clause 1.
        unsafe {
            slab.private(|private| private.alarm = READY);
            self.ready.push_front(slab);
        }
    }

    /// Finds a slab with a free slot among the heap's own, looking at `scanned` full ones, and makes it current.
    ///
    /// # Safety
    /// 1. The current slab has no free slot that the heap knows.
    pub(super) unsafe fn refill(&self, scanned: usize) -> bool {
        // SAFETY: the heap possesses its slabs, which are OWNED; clause 1, and full slabs have no free slot either.
        unsafe {
            if let Some(slab) = self.current.take() {
                if slab.collect() {
                    self.current.set(Some(slab));
                    return true;
                }
                slab.private(|private| private.alarm = FULL);
                self.full.push_back(slab);
            }
            if let Some(slab) = self.ready.pop_front() {
                if slab.private(|private| private.used == 0) {
                    self.empty.set(self.empty.get() - 1);
                }
                self.make_current(slab);
                return true;
            }
            for _ in 0..scanned.min(self.full.len.get()) {
                let Some(slab) = self.full.pop_front() else {
                    break;
                };
                if slab.collect() {
                    self.make_current(slab);
                    return true;
                }
                self.full.push_back(slab);
            }
        }
        false
    }

    /// As [`refill`](Self::refill) looks at most before it asks for another slab.
    pub(super) const SCANNED_MAX: usize = SCANNED_MAX;

    /// # Safety
    /// 1. The heap possesses `slab`, which is in no list; there is no current one.
    unsafe fn make_current(&self, slab: Slab) {
        // SAFETY: clause 1.
        unsafe { slab.private(|private| private.alarm = CURRENT) };
        self.current.set(Some(slab));
    }

    /// Takes a slab that the caller possesses, and makes it current.
    ///
    /// # Safety
    /// 1. `slab` is OWNED, in no list, and the heap's now.
    pub(super) unsafe fn adopt(&self, slab: Slab) {
        // SAFETY: clause 1, and the heap's possession of the slab before.
        unsafe {
            // There is none, unless the provider itself allocated from this heap.
            if let Some(previous) = self.current.take() {
                self.make_ready(previous);
            }
            slab.set_owner(ptr::from_ref(self).cast_mut());
            self.make_current(slab);
        }
    }

    /// Gives every empty slab but `keep` back to the provider, after taking back what others freed. The number of slabs
    /// given back. O(slabs).
    ///
    /// # Safety
    /// As for [`take`](Self::take).
    pub(super) unsafe fn trim(&self, keep: usize) -> usize {
        let mut surplus = Chain::EMPTY;
        let mut kept = Chain::EMPTY;
        // SAFETY: the heap possesses its slabs. One whose slots are all free, be it by others, is known to nobody else.
        unsafe {
            for list in [&self.ready, &self.full] {
                for _ in 0..list.len.get() {
                    let Some(slab) = list.pop_front() else { break };
                    if !slab.is_empty() {
                        list.push_back(slab);
                    } else if kept.len < keep {
                        kept.push(slab);
                    } else {
                        surplus.push(slab);
                    }
                }
            }
            self.empty.set(0);
            while let Some(slab) = kept.pop() {
                slab.reset();
                self.empty.set(self.empty.get() + 1);
                self.make_ready(slab);
            }
            let released = surplus.len;
            Control::release_chain(self.control, surplus);
            released
        }
    }

    /// Lets go of every slab: the heap ends. Empty ones beyond the spare go to the provider, those with a free slot to
    /// the depot, the others are DETACHED.
    ///
    /// # Safety
    /// 1. The cache's slabs are of this geometry, and its handle is still counted.
    pub(super) unsafe fn close<T, const SLAB: usize>(&self) {
        let mut kept = 0;
        // SAFETY: the heap possesses its slabs, and forgets them here; clause 1.
        unsafe {
            let control = self.control.as_ref();
            while let Some(slab) = self.any() {
                slab.set_owner(ptr::null_mut());
                match slab.settle::<T, SLAB>(true) {
                    Settled::Detached => {}
                    Settled::Queued => control.push(slab),
                    Settled::Empty if kept < control.spare => {
                        kept += 1;
                        slab.queue_empty();
                        control.push(slab);
                    }
                    Settled::Empty => Control::release(self.control, slab),
                }
            }
        }
    }

    /// Any slab, no longer in a list.
    fn any(&self) -> Option<Slab> {
        if let Some(slab) = self.current.take() {
            return Some(slab);
        }
        // SAFETY: the heap possesses its slabs.
        unsafe { self.ready.pop_front().or_else(|| self.full.pop_front()) }
    }
}

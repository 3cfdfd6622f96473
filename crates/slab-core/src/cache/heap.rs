//! The heap of one local cache: the slabs that it owns, and how it finds a slot among them.
//!
//! ```text
//!              no slot left            freed here
//!   current -----------------> full ---------------> ready ----> current
//!      ^                        |                      |
//!      +--- freed elsewhere ----+                      +-- empty, and more than the spare ones: to the provider
//! ```
//!
//! A slot comes from one of three places, in this order: the slot that was freed last, whose line is in the nearest
//! cache and whose slab need not be touched; the claim, a word of the current slab's bitmap; the lists above. Only when
//! another slot is freed does the one freed before it go back to its slab.
//!
//! A full slab says nothing when another thread frees one of its slots. When a slot is wanted, the heap looks at a few
//! full slabs in turn before it takes a new one, so what is freed elsewhere is found after a bounded number of new slabs.
//!
//! Nor does a slab say so when others free its last slots. With each slab's worth of slots that the heap claims, it looks
//! at one slab of each list, in turn, and treats one that is empty as if it had become so here.

use core::cell::Cell;
use core::ptr::{self, NonNull};

use super::chain::Chain;
use super::claim::Claim;
use super::control::Control;
use super::geometry::Geometry;
use super::header::{Place, Slab};
use super::remote::Settled;

/// Full slabs that a refill looks at before it asks for another slab.
const SCANNED_MAX: usize = 8;

/// Slots that are claimed at most between two looks for slabs that others emptied.
const UNSURVEYED_MAX: u16 = 1024;

/// Slabs in a row of two links each; the first and the last are known.
struct List {
    first: Cell<Option<Slab>>,
    last: Cell<Option<Slab>>,
    /// The slab to look at next for one that others emptied; `None` for the first.
    surveyed: Cell<Option<Slab>>,
    len: Cell<usize>,
}

impl List {
    const fn new() -> Self {
        Self {
            first: Cell::new(None),
            last: Cell::new(None),
            surveyed: Cell::new(None),
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
            if self.surveyed.get() == Some(slab) {
                self.surveyed.set(next);
            }
        }
        self.len.set(self.len.get() - 1);
    }

    /// The next slab of the list in turn, which stays where it is.
    ///
    /// # Safety
    /// 1. The heap possesses the list's slabs.
    unsafe fn survey(&self) -> Option<Slab> {
        let slab = self.surveyed.get().or(self.first.get())?;
        // SAFETY: clause 1; a slab that leaves the list is not the one to look at next any more.
        self.surveyed
            .set(unsafe { slab.private(|private| private.next) });
        Some(slab)
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
    /// The slot freed last, unless it is in use again. Its slab is the heap's, and counts it as in use.
    last: Cell<Option<NonNull<u8>>>,
    /// Slots of the current slab; without one it is empty.
    claim: Claim,
    /// The slab of the claim; it is in no list.
    current: Cell<Option<Slab>>,
    /// Slabs with a free slot, or adopted with one that others freed: the last freed into or adopted first, the spare ones
    /// last.
    ready: List,
    /// Slabs without a free slot, the longest unlooked at first.
    full: List,
    /// Slabs in `ready` of which no slot is in use.
    empty: Cell<usize>,
    /// Slots claimed since the last look for slabs that others emptied.
    unsurveyed: Cell<u16>,
    /// The local cache's handle keeps it.
    control: NonNull<Control>,
}

impl LocalHeap {
    pub(super) const fn new(control: NonNull<Control>) -> Self {
        Self {
            last: Cell::new(None),
            claim: Claim::new(),
            current: Cell::new(None),
            ready: List::new(),
            full: List::new(),
            empty: Cell::new(0),
            unsurveyed: Cell::new(0),
            control,
        }
    }

    pub(super) fn control(&self) -> NonNull<Control> {
        self.control
    }

    /// A free slot that the heap has at hand, now in use.
    ///
    /// # Safety
    /// 1. The cache's slabs are of this geometry.
    #[inline(always)]
    pub(super) unsafe fn take<T, const SLAB: usize>(&self) -> Option<NonNull<T>> {
        let slot = match self.last.get() {
            Some(slot) => {
                self.last.set(None);
                slot.cast()
            }
            None => self.claim.take::<T, SLAB>()?,
        };
        // SAFETY: clause 1; the slot's slab is there, and the slot is the caller's.
        unsafe { Slab::of::<T, T, SLAB>(slot).witness::<T, SLAB>(slot) };
        Some(slot)
    }

    /// Frees a slot of a slab that the heap owns.
    ///
    /// # Safety
    /// 1. `slot` points to a slot of one of the heap's slabs, which are of this geometry; it derives from the slab's
    ///    base, and is in use without a value. 2. No reference into the slot is left.
    #[inline(always)]
    pub(super) unsafe fn put<T, const SLAB: usize>(this: NonNull<Self>, slot: NonNull<T>) {
        // SAFETY: clauses 1 and 2; the heap is there as long as it owns a slab. What `last` held came from here too.
        unsafe {
            Slab::of::<T, T, SLAB>(slot).witness::<T, SLAB>(slot);
            let Some(earlier) = this.as_ref().last.replace(Some(slot.cast())) else {
                return;
            };
            debug_assert!(earlier != slot.cast(), "a slot was freed twice");
            let slab = Slab::of::<u8, T, SLAB>(earlier);
            if slab.put::<T, SLAB>(earlier.cast()) {
                this.as_ref().note::<T, SLAB>(slab, earlier.cast());
            }
        }
    }

    /// Puts the slot freed last and the rest of the claim back into their slabs. Slabs that are empty then stay, and
    /// are not counted as such.
    ///
    /// # Safety
    /// 1. The cache's slabs are of this geometry.
    unsafe fn settle<T, const SLAB: usize>(&self) {
        // SAFETY: clause 1; both are of the heap's slabs.
        unsafe {
            if let Some(slab) = self.current.get() {
                slab.unclaim::<T, SLAB>(&self.claim);
            }
            let Some(slot) = self.last.take() else { return };
            let slab = Slab::of::<u8, T, SLAB>(slot);
            if slab.put::<T, SLAB>(slot.cast()) {
                slab.note::<T, SLAB>(slot.cast());
            }
            if slab.private(|private| private.place) == Place::Full {
                self.full.remove(slab);
                self.make_ready(slab);
            }
        }
    }

    /// After a free of `slot` that may have made `slab` one with a free slot, or one that is empty.
    ///
    /// # Safety
    /// 1. `slab` is one of the heap's, in the list that its place says, and of this geometry. 2. [`Slab::put`] said so
    ///    of `slot`.
    #[cold]
    #[inline(never)]
    unsafe fn note<T, const SLAB: usize>(&self, slab: Slab, slot: NonNull<T>) {
        // SAFETY: clauses 1 and 2, and the heap's possession of its slabs.
        unsafe {
            slab.note::<T, SLAB>(slot);
            let place = slab.private(|private| private.place);
            if place == Place::Full {
                self.full.remove(slab);
                self.make_ready(slab);
            }
            if place == Place::Current || !slab.all_free::<T, SLAB>() {
                return;
            }
            self.ready.remove(slab);
            self.keep_or_release(slab);
        }
    }

    /// Keeps a slab as a spare one, or gives it back if there are enough.
    ///
    /// # Safety
    /// 1. The heap possesses `slab`, which is in no list, and knows all of its slots to be free.
    unsafe fn keep_or_release(&self, slab: Slab) {
        // SAFETY: clause 1. The provider is called last: it may use this heap.
        unsafe {
            if self.empty.get() < self.control.as_ref().spare {
                // Last in the row: those that are in use anyway fill up first.
                self.empty.set(self.empty.get() + 1);
                slab.private(|private| private.place = Place::Ready);
                self.ready.push_back(slab);
            } else {
                Control::release(self.control, slab);
            }
        }
    }

    /// Looks at one slab of each list, if a slab's worth of slots was claimed since the last time: one that others
    /// emptied becomes a spare one or goes back.
    ///
    /// # Safety
    /// 1. The cache's slabs are of this geometry.
    pub(super) unsafe fn survey<T, const SLAB: usize>(&self) {
        if self.unsurveyed.get() < Geometry::<T, SLAB>::CAPACITY.min(UNSURVEYED_MAX) {
            return;
        }
        self.unsurveyed.set(0);
        for list in [&self.full, &self.ready] {
            // SAFETY: clause 1; the heap possesses its slabs. The slot freed last counts as in use, so an empty one is
            // known to nobody else. Those that are known to be empty are spare ones.
            unsafe {
                let Some(slab) = list.survey() else { continue };
                if !slab.all_free::<T, SLAB>() && slab.is_empty::<T, SLAB>() {
                    list.remove(slab);
                    slab.reset::<T, SLAB>();
                    self.keep_or_release(slab);
                }
            }
        }
    }

    /// # Safety
    /// 1. The heap possesses `slab`, which is in no list.
    unsafe fn make_ready(&self, slab: Slab) {
        // SAFETY: clause 1.
        unsafe {
            slab.private(|private| private.place = Place::Ready);
            self.ready.push_front(slab);
        }
    }

    /// Fills the claim, if no slot is at hand, from the heap's own slabs, looking at `scanned` full ones; false if that
    /// gave none.
    ///
    /// # Safety
    /// 1. The cache's slabs are of this geometry.
    pub(super) unsafe fn refill<T, const SLAB: usize>(&self, scanned: usize) -> bool {
        // A provider that itself uses this heap may have filled it.
        if self.last.get().is_some() || !self.claim.is_empty() {
            return true;
        }
        // SAFETY: the heap possesses its slabs, which are OWNED; clause 1.
        unsafe {
            if let Some(slab) = self.current.take() {
                if self.claim_of::<T, SLAB>(slab) {
                    return true;
                }
                slab.private(|private| private.place = Place::Full);
                self.full.push_back(slab);
            }
            while let Some(slab) = self.ready.pop_front() {
                if slab.all_free::<T, SLAB>() {
                    self.empty.set(self.empty.get() - 1);
                }
                if self.claim_of::<T, SLAB>(slab) {
                    return true;
                }
                slab.private(|private| private.place = Place::Full);
                self.full.push_back(slab);
            }
            for _ in 0..scanned.min(self.full.len.get()) {
                let Some(slab) = self.full.pop_front() else {
                    break;
                };
                if self.claim_of::<T, SLAB>(slab) {
                    return true;
                }
                self.full.push_back(slab);
            }
        }
        false
    }

    /// Makes `slab` current if it has a free slot, or one that others freed.
    ///
    /// # Safety
    /// 1. The heap possesses `slab`, which is in no list; there is no current one, and the claim is empty. 2. The
    ///    cache's slabs are of this geometry.
    unsafe fn claim_of<T, const SLAB: usize>(&self, slab: Slab) -> bool {
        // SAFETY: clauses 1 and 2; a heap's slab is OWNED.
        unsafe {
            let claim = &self.claim;
            let some = slab.claim::<T, SLAB>(claim)
                || slab.collect::<T, SLAB>() && slab.claim::<T, SLAB>(claim);
            if some {
                let unsurveyed = self.unsurveyed.get().saturating_add(claim.len());
                self.unsurveyed.set(unsurveyed);
                slab.private(|private| private.place = Place::Current);
                self.current.set(Some(slab));
            }
            some
        }
    }

    /// As [`refill`](Self::refill) looks at most before it asks for another slab.
    pub(super) const SCANNED_MAX: usize = SCANNED_MAX;

    /// Takes a slab that the caller possesses: the next that slots come from.
    ///
    /// # Safety
    /// 1. `slab` is OWNED, of this geometry, in no list, and the heap's now.
    pub(super) unsafe fn adopt<T, const SLAB: usize>(&self, slab: Slab) {
        // SAFETY: clause 1.
        unsafe {
            slab.set_owner(ptr::from_ref(self).cast_mut());
            self.make_ready(slab);
            if slab.all_free::<T, SLAB>() {
                self.empty.set(self.empty.get() + 1);
            }
        }
    }

    /// Gives every empty slab but `keep` back to the provider, after taking back what others freed. The number of slabs
    /// given back. O(slabs).
    ///
    /// # Safety
    /// As for [`take`](Self::take).
    pub(super) unsafe fn trim<T, const SLAB: usize>(&self, keep: usize) -> usize {
        let mut surplus = Chain::EMPTY;
        let mut kept = Chain::EMPTY;
        // SAFETY: the heap possesses its slabs. One whose slots are all free, be it by others, is known to nobody else.
        unsafe {
            self.settle::<T, SLAB>();
            for list in [&self.ready, &self.full] {
                for _ in 0..list.len.get() {
                    let Some(slab) = list.pop_front() else { break };
                    if !slab.is_empty::<T, SLAB>() {
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
                slab.reset::<T, SLAB>();
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
            self.settle::<T, SLAB>();
            while let Some(slab) = self.any() {
                slab.set_owner(ptr::null_mut());
                match slab.settle::<T, SLAB>(true) {
                    Settled::Detached => {}
                    Settled::Queued => control.push(slab),
                    Settled::Empty if kept < control.spare => {
                        kept += 1;
                        slab.queue_empty::<T, SLAB>();
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

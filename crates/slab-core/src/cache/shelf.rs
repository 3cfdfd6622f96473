//! The shelf: the slabs that a cache possesses itself, under its lock.
//!
//! ```text
//!                    take a slot                      no slot left
//!   ready, empty --------------> current ----------------------------> DETACHED (nobody's)
//!      ^    ^                       | freed elsewhere                       | first free
//!      |    |                       v                                       v
//!      |    +--- put ----- who took the slot: collects                    depot
//!      +-- adopt --- incoming <--- take all --------------------------------+
//! ```
//!
//! A slab with slots that others freed and nobody collected leaves the shelf for that time: collecting takes a step for
//! each slot, of which there are thousands, and the lock is held for a few dozen. No step under the lock calls the provider: empty slabs beyond the spare ones are handed to the caller, who gives
//! them back afterwards.

use core::mem;
use core::ptr::NonNull;

use super::chain::Chain;
use super::claim::Claim;
use super::control::Control;
use super::header::Slab;

/// Slabs that one refill adopts at most: a bound on the time under the lock.
const ADOPTED_MAX: usize = 32;

/// What [`Shelf::take`] found.
pub(super) enum Taken<T> {
    /// A slot, in use now.
    Slot(NonNull<T>),
    /// A slab that is the caller's now: it knows no free slot, but others freed some. The caller collects them, takes one,
    /// and [puts](Shelf::put) the slab back.
    Uncollected(Slab),
    /// No slab with a free slot is here.
    Nothing,
}

/// All slabs here are OWNED, but the incoming ones, which are QUEUED.
pub(super) struct Shelf {
    /// Slots for [`take`](Shelf::take) come from here.
    claim: Claim,
    /// The slab of the claim; without one the claim is empty.
    current: Option<Slab>,
    /// Each has a free slot, or a pending one.
    ready: Chain,
    /// None of their slots is in use.
    empty: Chain,
    /// Taken out of the depot and not looked at; each leads to the next by `below`.
    incoming: Option<Slab>,
}

// SAFETY: the shelf is the possession of its slabs, which the lock passes from thread to thread.
unsafe impl Send for Shelf {}

impl Shelf {
    pub(super) const fn new() -> Self {
        Self {
            claim: Claim::new(),
            current: None,
            ready: Chain::EMPTY,
            empty: Chain::EMPTY,
            incoming: None,
        }
    }

    /// A free slot, or where to find one. Slabs that nobody needs are added to `surplus`.
    ///
    /// # Safety
    /// 1. `control` is the block of the cache whose shelf this is, and its slabs are of this geometry.
    #[inline]
    pub(super) unsafe fn take<T, const SLAB: usize>(
        &mut self,
        control: &Control,
        surplus: &mut Chain,
    ) -> Taken<T> {
        loop {
            if let Some(slot) = self.claim.take::<T, SLAB>() {
                // SAFETY: the slot's slab is there, and the slot is the caller's.
                unsafe { Slab::of::<T, T, SLAB>(slot).witness::<T, SLAB>(slot) };
                return Taken::Slot(slot);
            }
            if let Some(slab) = self.current {
                // SAFETY: the shelf possesses its slabs; clause 1 for the geometry. Detached, the slab is forgotten.
                unsafe {
                    if slab.claim::<T, SLAB>(&self.claim) {
                        continue;
                    }
                    self.current = None;
                    if !slab.detach::<T, SLAB>() {
                        return Taken::Uncollected(slab);
                    }
                }
            }
            // SAFETY: clause 1.
            self.current = unsafe { self.pop(control, surplus) };
            if self.current.is_none() {
                return Taken::Nothing;
            }
        }
    }

    /// A slab with a free or pending slot; it is the caller's now.
    ///
    /// # Safety
    /// 1. `control` is the block of the cache whose shelf this is.
    pub(super) unsafe fn pop(&mut self, control: &Control, surplus: &mut Chain) -> Option<Slab> {
        if let Some(slab) = self.ready.pop() {
            return Some(slab);
        }
        for _ in 0..ADOPTED_MAX {
            if self.incoming.is_none() {
                self.incoming = control.take_queued();
            }
            // SAFETY: clause 1: incoming slabs were taken from this cache's depot.
            if !unsafe { self.adopt(control.spare, surplus) } {
                break;
            }
        }
        self.ready
            .pop()
            .or_else(|| self.empty.pop())
            .or_else(|| surplus.pop())
    }

    /// Moves an incoming slab to where it belongs: false if there is none.
    ///
    /// # Safety
    /// 1. Incoming slabs were taken from the depot.
    unsafe fn adopt(&mut self, spare: usize, surplus: &mut Chain) -> bool {
        let Some(slab) = self.incoming else {
            return false;
        };
        // SAFETY: clause 1; who takes from the depot possesses the slab.
        unsafe {
            self.incoming = slab.below();
            if !slab.adopt() {
                self.ready.push(slab);
            } else if self.empty.len < spare {
                self.empty.push(slab);
            } else {
                surplus.push(slab);
            }
        }
        true
    }

    /// Puts a slab with a free or pending slot on the shelf.
    ///
    /// # Safety
    /// 1. The caller possesses it, and it is OWNED and in no list; it is the shelf's now.
    pub(super) unsafe fn put(&mut self, slab: Slab) {
        match self.current {
            None => self.current = Some(slab),
            // SAFETY: clause 1.
            Some(_) => unsafe { self.ready.push(slab) },
        }
    }

    /// Takes the empty slabs but `keep` of them off the shelf and the depot. O(slabs there).
    ///
    /// # Safety
    /// 1. `control` is the block of the cache whose shelf this is, and its slabs are of this geometry.
    pub(super) unsafe fn trim<T, const SLAB: usize>(
        &mut self,
        control: &Control,
        keep: usize,
    ) -> Chain {
        let mut surplus = Chain::EMPTY;
        // SAFETY: clause 1 and the shelf's possession of its slabs.
        unsafe {
            loop {
                if self.incoming.is_none() {
                    self.incoming = control.take_queued();
                }
                if !self.adopt(keep, &mut surplus) {
                    break;
                }
            }
            if let Some(slab) = self.current {
                slab.unclaim::<T, SLAB>(&self.claim);
            }
            if let Some(slab) = self.current.take_if(|slab| slab.is_empty::<T, SLAB>()) {
                self.empty.push(slab);
            }
            let mut ready = mem::replace(&mut self.ready, Chain::EMPTY);
            while let Some(slab) = ready.pop() {
                if slab.is_empty::<T, SLAB>() {
                    self.empty.push(slab);
                } else {
                    self.ready.push(slab);
                }
            }
        }
        while self.empty.len > keep {
            let Some(slab) = self.empty.pop() else { break };
            // SAFETY: it was the shelf's.
            unsafe { surplus.push(slab) };
        }
        surplus
    }

    /// Any OWNED slab; it is the caller's now.
    ///
    /// # Safety
    /// 1. The slabs of the shelf are of this geometry.
    pub(super) unsafe fn owned<T, const SLAB: usize>(&mut self) -> Option<Slab> {
        if let Some(slab) = self.current {
            // SAFETY: the shelf possesses its slabs, and the claim is the current one's; clause 1.
            unsafe { slab.unclaim::<T, SLAB>(&self.claim) };
        }
        self.current
            .take()
            .or_else(|| self.ready.pop())
            .or_else(|| self.empty.pop())
    }

    /// The QUEUED slabs, each leading to the next by `below`; they are the caller's now.
    pub(super) fn incoming(&mut self) -> Option<Slab> {
        self.incoming.take()
    }
}

#[cfg(all(test, feature = "alloc", not(slab_core_loom)))]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::SlabCache;

    #[test]
    fn what_others_freed_is_not_collected_under_the_lock() {
        let cache = SlabCache::<u64>::new().expect("there is memory");
        let slots = cache.stats().slots_per_slab;
        let boxes: Vec<_> = (0..slots).map(|_| cache.alloc(1)).collect();
        drop(boxes);
        let mut surplus = Chain::EMPTY;
        // SAFETY: the shelf is this cache's.
        let taken = cache
            .on_shelf(|shelf, control| unsafe { shelf.take::<u64, 65536>(control, &mut surplus) });
        let Taken::Uncollected(slab) = taken else {
            panic!("the slab has slots, but none that its possessor knows");
        };
        // SAFETY: the slab is ours, and goes back.
        unsafe {
            assert!(slab.collect::<u64, 65536>());
            assert!(slab.all_free::<u64, 65536>());
            cache.on_shelf(|shelf, _| shelf.put(slab));
        }
        let again: Vec<_> = (0..slots).map(|_| cache.alloc(2)).collect();
        assert_eq!((again.len(), cache.stats().slabs), (slots, 1));
    }

    #[test]
    fn a_slab_whose_last_slot_was_taken_off_the_shelf_does_not_go_back() {
        let cache = SlabCache::<u64>::new().expect("there is memory");
        let slots = cache.stats().slots_per_slab;
        let mut boxes: Vec<_> = (0..2 * slots).map(|_| cache.alloc(1).unwrap()).collect();
        // The first slab comes back with one slot, and is the next to be looked at.
        boxes.swap_remove(0);
        let mut surplus = Chain::EMPTY;
        // SAFETY: the shelf is this cache's.
        let taken = cache
            .on_shelf(|shelf, control| unsafe { shelf.take::<u64, 65536>(control, &mut surplus) });
        assert!(matches!(taken, Taken::Uncollected(_)));
        // Meanwhile another thread gets a slab of its own, which is the shelf's current one then.
        let other = cache.alloc(2).unwrap();
        let slot = cache.refill(taken).expect("the slot that came back");
        let local = cache.local().unwrap();
        assert_eq!(*local.alloc(3).expect("a slab with a slot"), 3);
        assert_eq!(*other, 2);
        // SAFETY: the slot is in use and ours; nothing refers to it.
        unsafe { Slab::of::<u64, u64, 65536>(slot).free::<u64, 65536>(slot) };
    }
}

//! A claim: free slots of one slab, taken out of its bitmap a word at a time, so that most allocations touch no header.

use core::cell::Cell;
use core::ptr::NonNull;

use super::geometry::Geometry;

/// Up to 64 free slots of the slab that its owner allocates from. The slab counts them as in use.
pub(super) struct Claim {
    /// A bit for each slot that is left: bit n for the nth from `first` on.
    bits: Cell<u64>,
    /// The slot of bit 0; derives from the base of its slab. Dangling in a claim that never had a slot.
    first: Cell<NonNull<u8>>,
}

// SAFETY: whoever has the claim has the slots; they may pass to another thread with their slab.
unsafe impl Send for Claim {}

impl Claim {
    pub(super) const fn new() -> Self {
        Self {
            bits: Cell::new(0),
            first: Cell::new(NonNull::dangling()),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bits.get() == 0
    }

    /// How many slots are left.
    pub(super) fn len(&self) -> u16 {
        self.bits.get().count_ones() as u16
    }

    /// The lowest slot that is left; it is the caller's now.
    #[inline(always)]
    pub(super) fn take<T, const SLAB: usize>(&self) -> Option<NonNull<T>> {
        let bits = self.bits.get();
        if bits == 0 {
            return None;
        }
        self.bits.set(bits & (bits - 1));
        let offset = bits.trailing_zeros() as usize * Geometry::<T, SLAB>::STRIDE;
        // SAFETY: `fill`'s clause 1: the slot of a bit that is set lies in the slab of `first`.
        Some(unsafe { self.first.get().byte_add(offset).cast() })
    }

    /// Takes the slots of `bits`. The claim must have none left.
    ///
    /// # Safety
    /// 1. `first` derives from the base of a slab, and for each bit n of `bits` the nth slot from it on lies in that
    ///    slab and is the caller's.
    pub(super) unsafe fn fill(&self, first: NonNull<u8>, bits: u64) {
        debug_assert_eq!(self.bits.get(), 0, "slots would be lost");
        self.first.set(first);
        self.bits.set(bits);
    }

    /// Gives up what is left: the slot of bit 0, and the bits. `None` if that is nothing.
    pub(super) fn give_up(&self) -> Option<(NonNull<u8>, u64)> {
        match self.bits.replace(0) {
            0 => None,
            bits => Some((self.first.get(), bits)),
        }
    }
}

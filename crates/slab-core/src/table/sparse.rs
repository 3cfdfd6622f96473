//! A table used by index: the caller says which slot is live, in which generation. Nothing is handed
//! out, so summaries and the stack of open slabs are not kept.

use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::{Slot, SlotTable, generation_of, set_generation};
use crate::error::InsertErrorKind;
use crate::provider::Provider;

impl<V> SlotTable<V> {
    /// The slot of `index`, with memory for its slab if there was none.
    ///
    /// # Safety
    /// 1. `provider` is the table's.
    #[inline]
    pub(crate) unsafe fn ensure<P: Provider>(
        &mut self,
        index: u32,
        provider: &P,
    ) -> Result<NonNull<Slot<V>>, InsertErrorKind> {
        if let Some(slot) = self.slot(index) {
            return Ok(slot);
        }
        // SAFETY: clause 1.
        unsafe { self.extend_to(index, provider)? };
        self.slot(index).ok_or(InsertErrorKind::IndexSpace)
    }

    /// # Safety
    /// 1. `provider` is the table's. 2. The slab of `index` has no memory.
    #[cold]
    unsafe fn extend_to<P: Provider>(
        &mut self,
        index: u32,
        provider: &P,
    ) -> Result<(), InsertErrorKind> {
        let (slab, _) = self.locate(index);
        if slab >= self.slabs_max {
            return Err(InsertErrorKind::IndexSpace);
        }
        while self.directory.len() <= slab {
            // SAFETY: clause 1.
            unsafe { self.directory.push(provider, self.slabs_max)? };
        }
        // SAFETY: clauses 1 and 2; the slab is in the directory now.
        unsafe { self.materialise(slab, provider)? };
        Ok(())
    }

    /// Makes the slot of `index` live in `generation`, which is odd, whatever it was; a value that was in
    /// it is not dropped.
    ///
    /// # Safety
    /// 1. `slot` is the slot of `index`. 2. If it was live, the caller has read its value out.
    pub(crate) unsafe fn occupy(
        &mut self,
        index: u32,
        slot: NonNull<Slot<V>>,
        generation: u32,
        value: V,
    ) {
        debug_assert!(generation & 1 == 1);
        // SAFETY: clause 1: the slot is in a resident slab; clause 2.
        unsafe {
            slot.write(Slot {
                value: MaybeUninit::new(value),
                generation,
            })
        };
        self.mark(index, false);
    }

    /// Makes a live slot free, at the even number below its generation.
    ///
    /// # Safety
    /// 1. `slot` is the live slot of `index`. 2. The caller has read its value out, or forgets it.
    pub(crate) unsafe fn unoccupy(&mut self, index: u32, slot: NonNull<Slot<V>>) {
        set_generation(slot, generation_of(slot) - 1);
        self.mark(index, true);
    }

    /// Sets or clears the free bit of the slot of `index`.
    fn mark(&mut self, index: u32, free: bool) {
        let (slab, slot) = self.locate(index);
        let Some(base) = self.directory.base(slab) else {
            return;
        };
        let bit = 1 << (slot & 63);
        // SAFETY: the slab is resident, its words are initialised, and `slot` is below its slots.
        unsafe {
            let word = self.shape.word(base, slot >> 6);
            let bits = word.read();
            let marked = if free { bits | bit } else { bits & !bit };
            word.write(marked);
            self.free_bits = self.free_bits + marked.count_ones() - bits.count_ones();
        }
    }
}

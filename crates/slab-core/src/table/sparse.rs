//! A table used by index: the caller says which slot is live, in which generation. Nothing is handed
//! out, so summaries and the stack of open slabs are not kept.

use core::ptr::NonNull;

use super::slab::{generation_of, set_generation, value_of};
use super::{Key, Slot, SlotTable};
use crate::error::{HandleError, InsertError, InsertErrorKind};
use crate::provider::Provider;

impl<V> SlotTable<V> {
    /// Makes the slot of `key` live with `value`; gives the value that was live there, and its
    /// generation. A slot that has seen a later generation keeps what it has.
    ///
    /// # Safety
    /// 1. `provider` is the table's. 2. Nothing is ever handed out (`refill`).
    #[inline]
    pub(crate) unsafe fn store<P: Provider>(
        &mut self,
        key: Key,
        value: V,
        provider: &P,
    ) -> Result<Option<(u32, V)>, InsertError<V>> {
        // SAFETY: clause 1.
        let slot = match unsafe { self.ensure(key.index, provider) } {
            Ok(slot) => slot,
            Err(kind) => return Err(InsertError::new(value, kind)),
        };
        // SAFETY: the slab is resident.
        let present = unsafe { generation_of(slot) };
        if present > key.generation.get() {
            let stale = InsertErrorKind::Handle(HandleError::Stale);
            return Err(InsertError::new(value, stale));
        }
        // SAFETY: the slab is resident. An odd generation means that the value is initialised; it is
        // overwritten before anybody can read it again.
        let before = (present & 1 == 1).then(|| unsafe { (present, value_of(slot).read()) });
        // SAFETY: the slab is resident, and the value was read out if there was one.
        unsafe { slot.write(Slot::live(value, key.generation)) };
        self.mark(key.index, false);
        Ok(before)
    }

    /// The slot of `index`, with memory for its slab if there was none.
    ///
    /// # Safety
    /// 1. `provider` is the table's.
    #[inline]
    unsafe fn ensure<P: Provider>(
        &mut self,
        index: u32,
        provider: &P,
    ) -> Result<NonNull<Slot<V>>, InsertErrorKind> {
        if let Some(slot) = self.slot(index) {
            return Ok(slot);
        }
        // SAFETY: clause 1, and the slab has no memory.
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
        // SAFETY: clause 1.
        unsafe { self.directory.reserve(slab + 1, provider, self.slabs_max)? };
        while self.directory.len() <= slab {
            self.directory.push();
        }
        // SAFETY: clauses 1 and 2; the slab is in the directory now.
        unsafe { self.materialise(slab, provider)? };
        Ok(())
    }

    /// Makes a live slot free, at the even number below its generation.
    ///
    /// # Safety
    /// 1. `slot` is the live slot of `index`. 2. The caller has read its value out, or forgets it.
    pub(super) unsafe fn unoccupy(&mut self, index: u32, slot: NonNull<Slot<V>>) {
        // SAFETY: clause 1; the new generation is even.
        unsafe { set_generation(slot, generation_of(slot) - 1) };
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
            let (more, less) = (marked.count_ones(), bits.count_ones());
            self.free_bits = self.free_bits + more - less;
            let entry = self.directory.entry(slab);
            entry.free = entry.free + more as u16 - less as u16;
        }
    }
}

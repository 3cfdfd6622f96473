//! Copies of a table: the same slots in the same generations, in memory of their own.

use super::slab::{generation_of, set_generation};
use super::{Key, Slot, SlotTable};
use crate::error::InsertErrorKind;
use crate::provider::Provider;

impl<V> SlotTable<V> {
    /// An empty table without memory, of the same shape.
    pub(crate) fn empty_like(&self) -> Self {
        Self {
            shape: self.shape,
            slabs_max: self.slabs_max,
            ..Self::new(0, 1)
        }
    }

    /// Makes an empty table one in which every key of `model` has the state that it has there, but that
    /// live slots are vacant, and stay so until `restore`. An error leaves slabs behind for `destroy`.
    ///
    /// # Safety
    /// 1. `provider` is the table's. 2. The table was made by `model.empty_like()` and not used since. 3. It is
    ///    only restored, read or destroyed until every live slot of `model` was restored.
    pub(crate) unsafe fn copy_slots<P: Provider>(
        &mut self,
        model: &Self,
        provider: &P,
    ) -> Result<(), InsertErrorKind> {
        let slabs = model.directory.len();
        // SAFETY: clause 1.
        unsafe { self.directory.reserve(slabs, provider, self.slabs_max)? };
        for slab in 0..slabs {
            self.directory.push();
            if let Some(from) = model.directory.base(slab) {
                // SAFETY: clause 1; the slab was just added without memory.
                unsafe { self.materialise(slab, provider)? };
                let Some(to) = self.directory.base(slab) else {
                    continue;
                };
                for slot in 0..self.shape.slots() as usize {
                    // SAFETY: both slabs are resident and of one shape, and `slot` is below its slots. What is
                    // live there is not live here yet: the generation is made even.
                    unsafe { set_generation(to.add(slot), generation_of(from.add(slot)) & !1) };
                }
                for word in 0..self.shape.words() {
                    // SAFETY: as above, for the words of the bitmap.
                    unsafe {
                        let bits = self.shape.word(from, word).read();
                        self.shape.word(to, word).write(bits);
                    }
                }
            }
            *self.directory.entry(slab) = model.directory.peek(slab);
        }
        self.open = model.open;
        self.absent = model.absent;
        self.free_bits = model.free_bits;
        self.retired = model.retired;
        self.detached = model.detached;
        self.magazine = model.magazine;
        self.vacancy = model
            .vacancy
            .and_then(|(index, _)| Some((index, self.slot(index)?)));
        Ok(())
    }

    /// Makes the slot of `key` live again, as it is in the model.
    ///
    /// # Safety
    /// 1. The table was made by `copy_slots`. 2. `key` is live in its model, and was not restored yet.
    pub(crate) unsafe fn restore(&mut self, key: Key, value: V) {
        if let Some(slot) = self.slot(key.index) {
            // SAFETY: the slab is resident; by clause 2 the slot holds no value.
            unsafe { slot.write(Slot::live(value, key.generation)) };
        }
    }
}

//! Slots kept for values that were taken out and may come back.

use core::ptr::NonNull;

use super::slab::{generation_of, set_generation};
use super::{DETACHED, Key, Slot, SlotTable};

impl<V> SlotTable<V> {
    /// Makes a live slot detached; its value is no longer the table's to drop.
    ///
    /// # Safety
    /// 1. `slot` is the live slot of `index`. 2. The caller has read the value out, or forgets it.
    pub(super) unsafe fn detach(&mut self, index: u32, slot: NonNull<Slot<V>>) {
        // SAFETY: clause 1; the new generation is even.
        unsafe { set_generation(slot, (generation_of(slot) + 1) | DETACHED) };
        self.entry_of(index).detached += 1;
        self.detached += 1;
    }

    /// The slot of `key` if its value is detached.
    fn detached_slot(&self, key: Key) -> Option<NonNull<Slot<V>>> {
        let slot = self.slot(key.index)?;
        // SAFETY: the slab is resident.
        is_detached(unsafe { generation_of(slot) }, key).then_some(slot)
    }

    /// Makes a detached slot live again with `value`, or gives the value back.
    pub(crate) fn reattach(&mut self, key: Key, value: V) -> Result<(), V> {
        let Some(slot) = self.detached_slot(key) else {
            return Err(value);
        };
        // SAFETY: the slot is in a resident slab and, being detached, holds no value.
        unsafe { slot.write(Slot::live(value, key.generation)) };
        self.entry_of(key.index).detached -= 1;
        self.detached -= 1;
        Ok(())
    }

    /// Hands a detached slot out again; its handle is stale from now on. False if it is not detached.
    pub(crate) fn abandon(&mut self, key: Key) -> bool {
        let Some(slot) = self.detached_slot(key) else {
            return false;
        };
        self.entry_of(key.index).detached -= 1;
        self.detached -= 1;
        // SAFETY: the slot is detached: not live, not free, and the key has its last generation.
        unsafe { self.free(key.index, slot, key.generation.get()) };
        true
    }
}

/// Whether a slot in generation `present` is kept for the value of `key`.
pub(super) fn is_detached(present: u32, key: Key) -> bool {
    present == (key.generation.get() + 1) | DETACHED
}

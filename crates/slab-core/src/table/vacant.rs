//! `Vacant`: the slot that a table uses next, for as long as the table is borrowed.

use super::slab::generation_of;
use super::{Generation, Key, Site, Slot, SlotTable};

/// A table with a vacancy: filling it cannot fail.
pub(crate) struct Vacant<'a, V> {
    /// It has a vacancy.
    table: &'a mut SlotTable<V>,
}

impl<'a, V> Vacant<'a, V> {
    /// # Safety
    /// 1. `table` has a vacancy.
    #[inline]
    pub(super) unsafe fn new(table: &'a mut SlotTable<V>) -> Self {
        debug_assert!(table.vacancy.is_some());
        Self { table }
    }

    #[inline]
    fn site(&self) -> Site<V> {
        // SAFETY: by `new` there is a vacancy.
        unsafe { self.table.vacancy.unwrap_unchecked() }
    }

    /// The key that the value will have.
    #[inline]
    pub(crate) fn key(&self) -> Key {
        let (index, slot) = self.site();
        // SAFETY: the slot is in a resident slab.
        let generation = Generation::of_live(unsafe { generation_of(slot) } + 1);
        Key { index, generation }
    }

    /// Makes the slot live with `value`; gives its key.
    #[inline]
    pub(crate) fn fill(self, value: V) -> Key {
        let key = self.key();
        let (_, slot) = self.site();
        self.table.vacancy = None;
        // SAFETY: the slot is in a resident slab and holds no value, so nothing is overwritten.
        unsafe { slot.write(Slot::live(value, key.generation)) };
        key
    }
}

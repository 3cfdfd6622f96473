//! `Live` and `LiveMut`: slots that are known to hold a value, for as long as their table is borrowed.

use core::marker::PhantomData;
use core::ptr::NonNull;

use super::slab::{generation_of, value_of};
use super::{Generation, Key, Slot, SlotTable};

/// A live slot of a table that is borrowed, and so stays live, for `'a`.
pub(crate) struct Live<'a, V> {
    index: u32,
    /// Live, and its slab resident, throughout `'a`.
    slot: NonNull<Slot<V>>,
    values: PhantomData<&'a V>,
}

impl<'a, V> Live<'a, V> {
    /// # Safety
    /// 1. `slot` is the live slot of `index` in a table that is borrowed for `'a`. 2. Its value is not
    ///    exclusively borrowed.
    #[inline]
    pub(super) unsafe fn new(index: u32, slot: NonNull<Slot<V>>) -> Self {
        Self {
            index,
            slot,
            values: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn key(&self) -> Key {
        // SAFETY: the slot's slab is resident for `'a`.
        let generation = Generation::of_live(unsafe { generation_of(self.slot) });
        Key {
            index: self.index,
            generation,
        }
    }

    #[inline]
    pub(crate) fn value(&self) -> &'a V {
        // SAFETY: the slot is live, so its value is initialised; the table is borrowed for `'a`, so nobody
        // writes.
        unsafe { value_of(self.slot).as_ref() }
    }
}

/// A live slot of a table that is borrowed exclusively: its value may be changed or taken out.
pub(crate) struct LiveMut<'a, V> {
    table: &'a mut SlotTable<V>,
    index: u32,
    /// The live slot of `index` in `table`.
    slot: NonNull<Slot<V>>,
}

impl<'a, V> LiveMut<'a, V> {
    /// # Safety
    /// 1. `slot` is the live slot of `index` in `table`.
    #[inline]
    pub(super) unsafe fn new(
        table: &'a mut SlotTable<V>,
        index: u32,
        slot: NonNull<Slot<V>>,
    ) -> Self {
        Self { table, index, slot }
    }

    #[inline]
    pub(crate) fn key(&self) -> Key {
        // SAFETY: the slot's slab is resident.
        let generation = Generation::of_live(unsafe { generation_of(self.slot) });
        Key {
            index: self.index,
            generation,
        }
    }

    #[inline]
    pub(crate) fn value_mut(&mut self) -> &mut V {
        // SAFETY: the slot is live, and `self`, which has the table, is borrowed exclusively.
        unsafe { value_of(self.slot).as_mut() }
    }

    #[inline]
    pub(crate) fn into_value(self) -> &'a mut V {
        // SAFETY: the slot is live, and the table is borrowed exclusively for `'a`.
        unsafe { value_of(self.slot).as_mut() }
    }

    /// Takes the value out and hands the slot out again. Never fails and never unwinds.
    #[inline]
    pub(crate) fn take(self) -> V {
        // SAFETY: the slot is the live one of `index`; once it is vacated nobody reads the value again.
        unsafe {
            let value = value_of(self.slot).read();
            self.table.vacate(self.index, self.slot);
            value
        }
    }

    /// Takes the value out and keeps the slot for it.
    pub(crate) fn detach(self) -> V {
        // SAFETY: the slot is live; once it is detached nobody reads the value again.
        unsafe {
            let value = value_of(self.slot).read();
            self.table.detach(self.index, self.slot);
            value
        }
    }

    /// Takes the value out of a table that is used by index.
    pub(crate) fn withdraw(self) -> V {
        // SAFETY: the slot is the live one of `index`; once it is not nobody reads the value again.
        unsafe {
            let value = value_of(self.slot).read();
            self.table.unoccupy(self.index, self.slot);
            value
        }
    }
}

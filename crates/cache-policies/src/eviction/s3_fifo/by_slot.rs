//! What few slots have: a number or a hash, by slot.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::slot::Slot;

/// A map for as few slots as are exceptions. 8 or 16 bytes a slot and a byte for its place, at a load of 7/8 at most.
#[derive(Clone, Debug)]
pub(super) struct BySlot<V> {
    table: HashTable<(u32, V)>,
}

impl<V: Copy> BySlot<V> {
    pub(super) const fn new() -> Self {
        BySlot {
            table: HashTable::new(),
        }
    }

    /// Slots are small numbers in a row, so that every bit has to count above and below.
    fn spread(slot: u32) -> u64 {
        let product = u64::from(slot).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        product ^ product >> 32
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn get(&self, slot: Slot) -> Option<V> {
        let found = self
            .table
            .find(Self::spread(slot.get()), |entry| entry.0 == slot.get());
        found.map(|entry| entry.1)
    }

    /// What a slot has, which is `value` if it had nothing.
    pub(super) fn get_or_insert(&mut self, slot: Slot, value: V) -> &mut V {
        let entry = self.table.entry(
            Self::spread(slot.get()),
            |entry| entry.0 == slot.get(),
            |entry| Self::spread(entry.0),
        );
        match entry {
            Entry::Occupied(entry) => &mut entry.into_mut().1,
            Entry::Vacant(entry) => &mut entry.insert((slot.get(), value)).into_mut().1,
        }
    }

    /// Takes out what a slot has. Gives memory back that many more slots have used.
    pub(super) fn remove(&mut self, slot: Slot) -> Option<V> {
        let found = self
            .table
            .find_entry(Self::spread(slot.get()), |entry| entry.0 == slot.get());
        let ((_, value), _) = found.ok()?.remove();
        if self.table.is_empty() && self.table.capacity() > 64 {
            self.table = HashTable::new();
        }
        Some(value)
    }
}

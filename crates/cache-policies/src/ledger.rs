//! The ledger of a policy: its capacity, and the number and the weights of its resident entries.

use alloc::vec::Vec;

use crate::slot::Slot;

/// Capacity, count and weight; the weight of each entry only once one differs from 1.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    capacity: u64,
    /// The sum of the weights of the resident entries.
    weight: u64,
    len: u32,
    /// By slot; empty while every entry that was ever admitted weighs 1.
    weights: Vec<u32>,
}

impl Ledger {
    pub(crate) fn new(capacity: u64) -> Self {
        Ledger {
            capacity,
            weight: 0,
            len: 0,
            weights: Vec::new(),
        }
    }

    #[inline(always)]
    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }

    pub(crate) fn set_capacity(&mut self, capacity: u64) {
        self.capacity = capacity;
    }

    #[inline(always)]
    pub(crate) fn weight(&self) -> u64 {
        self.weight
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether so much more weight is within the capacity.
    #[inline(always)]
    pub(crate) fn has_room_for(&self, weight: u32) -> bool {
        self.weight + u64::from(weight) <= self.capacity
    }

    /// The weight of a resident slot.
    #[inline(always)]
    pub(crate) fn weight_of(&self, slot: Slot) -> u32 {
        // Past the end: admitted before the first weight other than 1 was.
        self.weights.get(slot.index()).copied().unwrap_or(1)
    }

    #[inline(always)]
    pub(crate) fn admit(&mut self, slot: Slot, weight: u32) {
        self.set_weight(slot, weight);
        self.weight += u64::from(weight);
        self.len += 1;
    }

    /// Takes a resident slot off, and returns its weight.
    #[inline(always)]
    pub(crate) fn dismiss(&mut self, slot: Slot) -> u32 {
        let weight = self.weight_of(slot);
        self.weight -= u64::from(weight);
        self.len -= 1;
        weight
    }

    /// Changes the weight of a resident slot, and returns the one that it had.
    #[inline(always)]
    pub(crate) fn reweigh(&mut self, slot: Slot, weight: u32) -> u32 {
        let old = self.weight_of(slot);
        self.set_weight(slot, weight);
        self.weight = self.weight - u64::from(old) + u64::from(weight);
        old
    }

    #[inline(always)]
    fn set_weight(&mut self, slot: Slot, weight: u32) {
        if let Some(place) = self.weights.get_mut(slot.index()) {
            *place = weight;
        } else if weight != 1 {
            grow(&mut self.weights, slot, || 1);
            self.weights[slot.index()] = weight;
        }
    }

    /// Makes room for the weights of slots below this number.
    pub(crate) fn reserve(&mut self, slots: usize) {
        if !self.weights.is_empty() {
            reserve(&mut self.weights, slots);
        }
    }

    /// Asserts that count and weight are those of the given resident slots.
    pub(crate) fn check(&self, residents: impl Iterator<Item = Slot>) {
        let (mut len, mut weight) = (0_u32, 0);
        for slot in residents {
            len += 1;
            weight += u64::from(self.weight_of(slot));
        }
        assert_eq!(self.len, len, "the count differs from the resident slots");
        assert_eq!(
            self.weight, weight,
            "the weight differs from the resident slots"
        );
    }
}

/// A share of the capacity, rounded down.
pub(crate) fn share(capacity: u64, share: f64) -> u64 {
    (capacity as f64 * share) as u64
}

/// How many places a column needs to hold `slot`, behind so many that are for no slot.
///
/// # Panics
/// If the slot is above [`Slot::MAX`].
fn places(before: usize, slot: Slot) -> usize {
    assert!(
        slot <= Slot::MAX,
        "slot {} is above the highest that a policy takes",
        slot.get()
    );
    before + slot.index() + 1
}

/// Extends a column to hold `slot`. Grows by an eighth at a time: a doubling would leave up to one unused place for each
/// used one.
#[cold]
pub(crate) fn grow<T>(column: &mut Vec<T>, slot: Slot, fill: impl FnMut() -> T) {
    grow_behind(column, 0, slot, fill);
}

/// Extends a column whose first `before` places are for no slot, as [`grow`] does.
#[cold]
pub(crate) fn grow_behind<T>(
    column: &mut Vec<T>,
    before: usize,
    slot: Slot,
    fill: impl FnMut() -> T,
) {
    let wanted = places(before, slot);
    if column.capacity() < wanted {
        let target = wanted.max(column.len() + column.len() / 8 + 8);
        column.reserve_exact(target - column.len());
    }
    column.resize_with(wanted, fill);
}

/// Gives a column the memory for so many slots and no more.
pub(crate) fn reserve<T>(column: &mut Vec<T>, slots: usize) {
    column.reserve_exact(slots.saturating_sub(column.len()));
}

#[cfg(test)]
mod tests {
    use super::places;
    use crate::slot::Slot;

    #[test]
    fn the_highest_slot_has_a_place_behind_others() {
        let highest = Slot::MAX.index();
        assert_eq!(places(0, Slot::new(0)), 1);
        assert_eq!(places(0, Slot::MAX), highest + 1);
        assert_eq!(places(8, Slot::MAX), highest + 9);
    }

    #[test]
    #[should_panic(expected = "is above the highest that a policy takes")]
    fn the_next_one_has_none() {
        let next = Slot::new(Slot::MAX.get() + 1);
        assert_eq!(places(0, next), 0);
    }
}

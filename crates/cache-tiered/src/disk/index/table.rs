//! The table of one shard: linear probing in the order of the hashes.
//!
//! An entry's home is its hash scaled to the table, so that homes grow with hashes, and entries
//! stand in the order of their hashes, each at its home or behind it with no gap between:
//!
//! ```text
//!  hash      0x11..  0x14..  0x29..  0x80..  0x81..  0x83..  0xf2..
//!  home         0       0       1       4       4       4       7
//!  slot         0       1       2       4       5       6       7
//! ```
//!
//! A look-up that finds nothing ends where a larger hash stands, so it costs no more than one that
//! finds; a table of another size is filled by one pass in order; and nothing but the entries is
//! stored: no control bytes, no marks of what was removed. That lets the table be nine tenths full.

use super::place::Place;

/// The hash and the place of an entry: 12 bytes, no padding.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    hash: u32,
    /// The two halves of [`Place::word`], the low one first; zero where the slot is free.
    place: [u32; 2],
}

impl Slot {
    const FREE: Self = Self {
        hash: 0,
        place: [0; 2],
    };

    fn new(hash: u32, place: Place) -> Self {
        let word = place.word();
        Self {
            hash,
            place: [word as u32, (word >> 32) as u32],
        }
    }

    fn place(self) -> Option<Place> {
        Place::from_word(u64::from(self.place[1]) << 32 | u64::from(self.place[0]))
    }
}

const _: () = assert!(size_of::<Slot>() == 12);

/// Homes of a table that holds anything, at least.
const HOMES_MIN: usize = 16;
/// Slots behind the last home, for entries that are pushed beyond it; when they are used up, so many more.
const OVERFLOW: usize = 32;

/// Places by 32-bit hashes. Two entries with one hash are one.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// `homes` slots, then the overflow.
    slots: Vec<Slot>,
    homes: usize,
    len: usize,
}

impl Table {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Bytes on the heap.
    #[cfg(test)]
    fn heap_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
    }

    fn home(&self, hash: u32) -> usize {
        ((u64::from(hash) * self.homes as u64) >> 32) as usize
    }

    /// The slot where `hash` is (Ok) or would be put (Err).
    fn search(&self, hash: u32) -> Result<usize, usize> {
        let home = self.home(hash);
        for (index, slot) in self.slots.iter().enumerate().skip(home) {
            match slot.place() {
                Some(_) if slot.hash < hash => {}
                Some(_) if slot.hash == hash => return Ok(index),
                _ => return Err(index),
            }
        }
        Err(self.slots.len())
    }

    pub(super) fn get(&self, hash: u32) -> Option<Place> {
        let found = self.search(hash).ok()?;
        self.slots[found].place()
    }

    /// Sets the place of a hash that has one.
    pub(super) fn set(&mut self, hash: u32, place: Place) {
        let found = self.search(hash);
        debug_assert!(found.is_ok(), "only what is there is set");
        if let Ok(index) = found {
            self.slots[index] = Slot::new(hash, place);
        }
    }

    /// Puts a place; returns the one it replaces.
    pub(super) fn insert(&mut self, hash: u32, place: Place) -> Option<Place> {
        // Nine tenths full at most.
        if (self.len + 1) * 10 > self.homes * 9 && self.search(hash).is_err() {
            self.resize(self.homes + self.homes / 4);
        }
        match self.search(hash) {
            Ok(index) => {
                let old = self.slots[index].place();
                self.slots[index] = Slot::new(hash, place);
                old
            }
            Err(index) => {
                let is_free = |slot: &Slot| slot.place().is_none();
                let free = self.slots[index..].iter().position(is_free);
                let end = index + free.unwrap_or_else(|| self.lengthen() - index);
                self.slots.copy_within(index..end, index + 1);
                self.slots[index] = Slot::new(hash, place);
                self.len += 1;
                None
            }
        }
    }

    /// Adds slots behind the last one; returns the first of them.
    fn lengthen(&mut self) -> usize {
        let first = self.slots.len();
        self.slots.reserve_exact(OVERFLOW);
        self.slots.resize(first + OVERFLOW, Slot::FREE);
        first
    }

    /// Removes a hash; returns its place.
    pub(super) fn remove(&mut self, hash: u32) -> Option<Place> {
        let index = self.search(hash).ok()?;
        let old = self.slots[index].place();
        // What stands behind and is not at home moves up.
        let end = (index + 1..self.slots.len())
            .find(|&next| {
                let slot = self.slots[next];
                slot.place().is_none() || self.home(slot.hash) == next
            })
            .unwrap_or(self.slots.len());
        self.slots.copy_within(index + 1..end, index);
        self.slots[end - 1] = Slot::FREE;
        self.len -= 1;
        if self.len * 2 < self.homes && self.homes > HOMES_MIN {
            self.resize(self.homes * 5 / 8);
        }
        old
    }

    /// Moves everything to a table with `homes` homes.
    fn resize(&mut self, homes: usize) {
        let homes = homes.max(HOMES_MIN);
        let slots = vec![Slot::FREE; homes + OVERFLOW];
        let old = std::mem::replace(&mut self.slots, slots);
        self.homes = homes;
        let mut next = 0;
        for slot in old.into_iter().filter(|slot| slot.place().is_some()) {
            let index = self.home(slot.hash).max(next);
            if index == self.slots.len() {
                self.lengthen();
            }
            self.slots[index] = slot;
            next = index + 1;
        }
    }

    /// All hashes and places, in the order of the hashes.
    #[cfg(test)]
    fn iter(&self) -> impl Iterator<Item = (u32, Place)> + '_ {
        let place = |slot: &Slot| Some((slot.hash, slot.place()?));
        self.slots.iter().filter_map(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn place(number: u64) -> Place {
        Place::new(1, number % 1000 * 8, 8)
    }

    impl Table {
        /// Everything stands in order, at home or behind it without a gap.
        fn check(&self) {
            let mut last = None;
            let mut count = 0;
            for (index, slot) in self.slots.iter().enumerate() {
                if slot.place().is_none() {
                    continue;
                }
                count += 1;
                assert!(last < Some(slot.hash), "out of order at {index}");
                last = Some(slot.hash);
                let home = self.home(slot.hash);
                assert!(home <= index, "before its home");
                let gap = self.slots[home..index]
                    .iter()
                    .find(|slot| slot.place().is_none());
                assert!(gap.is_none(), "a gap before {index}");
            }
            assert_eq!(count, self.len);
        }
    }

    proptest! {
        /// Against a map. Hashes are few, crowded at the ends, or anything.
        #[test]
        fn a_table_is_a_map(
            steps in prop::collection::vec((prop_oneof![0..40_u32, u32::MAX - 40..=u32::MAX, any::<u32>()], 0..3_u8), 1..400)
        ) {
            let mut table = Table::default();
            let mut model = BTreeMap::new();
            for (number, (hash, step)) in steps.into_iter().enumerate() {
                let place = place(number as u64);
                match step {
                    0 => prop_assert_eq!(table.remove(hash), model.remove(&hash)),
                    _ => prop_assert_eq!(table.insert(hash, place), model.insert(hash, place)),
                }
                prop_assert_eq!(table.get(hash), model.get(&hash).copied());
                table.check();
            }
            prop_assert!(table.iter().eq(model));
        }
    }

    #[test]
    fn hashes_that_all_have_the_last_home_fit() {
        let mut table = Table::default();
        for number in 0..1000 {
            assert_eq!(table.insert(u32::MAX - number, place(1)), None);
        }
        table.check();
        assert!((0..1000).all(|number| table.get(u32::MAX - number).is_some()));
    }

    #[test]
    fn an_entry_takes_seventeen_bytes_at_most() {
        let mut table = Table::default();
        let mut hash = 0_u32;
        for count in 1..100_000_usize {
            hash = hash.wrapping_add(0x9e37_79b9);
            table.insert(hash, place(1));
            let bytes = table.heap_bytes();
            assert!(
                count < 4000 || bytes <= count * 17,
                "{bytes} bytes for {count}"
            );
        }
        for count in (4000..100_000_usize).rev() {
            table.remove(hash);
            hash = hash.wrapping_sub(0x9e37_79b9);
            assert!(table.heap_bytes() <= count * 26, "{count} are left");
        }
    }
}

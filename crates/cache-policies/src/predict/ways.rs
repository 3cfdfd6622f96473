//! A set-associative table: entries by hash in bounded memory, the least worth of a set leaving for a new one.

use alloc::vec::Vec;

use crate::mix::mix;

/// Entries of a set.
const WIDTH: usize = 8;
/// The tag of a vacant place.
const VACANT: u32 = 0;

/// Entries by the hash of their keys, 4 bytes a place beside the entries.
///
/// A set is chosen by one half of the mixed hash and searched by 32 bits of the other, which lie in one half of a cache
/// line. Two keys that agree in both are one key to the table: for n places, that befalls a key that is not there with a
/// chance of 8 in 2^32.
#[derive(Clone, Debug)]
pub(super) struct Ways<T> {
    tags: Vec<u32>,
    entries: Vec<T>,
    len: usize,
}

impl<T: Default> Ways<T> {
    /// A table of at least `keys` places, a multiple of the width of a set. Allocates them all.
    pub(super) fn new(keys: usize) -> Self {
        let places = keys.next_multiple_of(WIDTH);
        assert!(
            u32::try_from(places).is_ok(),
            "a predictor knows at most 2^32 - 8 keys"
        );
        let mut entries = Vec::new();
        entries.resize_with(places, T::default);
        Self {
            tags: alloc::vec![VACANT; places],
            entries,
            len: 0,
        }
    }

    pub(super) fn places(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The first place of the hash's set, and its tag; `None` in a table without places.
    #[inline]
    fn set(&self, hash: u64) -> Option<(usize, u32)> {
        let mixed = mix(hash);
        let sets = (self.entries.len() / WIDTH) as u64;
        let set = ((mixed >> 32) * sets) >> 32;
        (sets != 0).then_some((set as usize * WIDTH, (mixed as u32).max(VACANT + 1)))
    }

    /// The place of the hash's entry.
    #[inline]
    pub(super) fn find(&self, hash: u64) -> Option<usize> {
        let (first, tag) = self.set(hash)?;
        let tags = &self.tags[first..first + WIDTH];
        tags.iter()
            .position(|&other| other == tag)
            .map(|way| first + way)
    }

    /// A place for a hash that has none: a vacant one, or that of the entry of its set with the lowest `worth`. The entry
    /// there is whatever it was. `None` in a table without places.
    pub(super) fn claim<O: Ord>(
        &mut self,
        hash: u64,
        worth: impl Fn(&T) -> O,
    ) -> Option<(usize, bool)> {
        let (first, tag) = self.set(hash)?;
        let places = first..first + WIDTH;
        let vacant = places.clone().find(|&place| self.tags[place] == VACANT);
        let place = vacant.or_else(|| places.min_by_key(|&place| worth(&self.entries[place])))?;
        self.tags[place] = tag;
        self.len += usize::from(vacant.is_some());
        Some((place, vacant.is_none()))
    }

    /// Makes a place vacant; what was in it.
    pub(super) fn vacate(&mut self, place: usize) -> T {
        debug_assert_ne!(self.tags[place], VACANT, "the place is taken");
        self.tags[place] = VACANT;
        self.len -= 1;
        core::mem::take(&mut self.entries[place])
    }

    pub(super) fn clear(&mut self) {
        self.tags.fill(VACANT);
        self.entries.fill_with(T::default);
        self.len = 0;
    }

    #[inline]
    pub(super) fn at(&self, place: usize) -> &T {
        &self.entries[place]
    }

    #[inline]
    pub(super) fn at_mut(&mut self, place: usize) -> &mut T {
        &mut self.entries[place]
    }
}

#[cfg(test)]
mod tests {
    use super::Ways;

    #[test]
    fn a_table_finds_what_it_holds_and_never_more_than_its_places() {
        let mut ways = Ways::<u64>::new(100);
        assert_eq!(ways.places(), 104);
        for hash in 0..10_000u64 {
            assert_eq!(ways.find(hash), None);
            let (place, _) = ways.claim(hash, |&hash| hash).unwrap();
            *ways.at_mut(place) = hash;
            assert_eq!(ways.find(hash), Some(place));
            assert!(ways.len() <= 104);
        }
        assert_eq!(ways.len(), 104, "sequential numbers fill every set");
        let held = (0..10_000).filter(|&hash| ways.find(hash).is_some());
        let held = held.collect::<alloc::vec::Vec<_>>();
        assert_eq!(held.len(), 104);
        for hash in held {
            let place = ways.find(hash).unwrap();
            assert_eq!(ways.vacate(place), hash);
            assert_eq!(ways.find(hash), None);
        }
        assert_eq!(ways.len(), 0);
    }

    #[test]
    fn the_least_worth_of_a_set_leaves() {
        let mut ways = Ways::<u64>::new(8);
        for hash in 1..=8 {
            let (place, displaced) = ways.claim(hash, |&worth| worth).unwrap();
            assert!(!displaced);
            *ways.at_mut(place) = 100 - hash;
        }
        let (place, displaced) = ways.claim(9, |&worth| worth).unwrap();
        assert!(displaced);
        assert_eq!(*ways.at(place), 92);
        assert_eq!(ways.find(8), None);
    }

    #[test]
    fn a_table_without_places_holds_nothing() {
        let mut ways = Ways::<u64>::new(0);
        assert_eq!(ways.find(1), None);
        assert_eq!(ways.claim(1, |&worth| worth), None);
        ways.clear();
        assert_eq!(ways.len(), 0);
    }
}

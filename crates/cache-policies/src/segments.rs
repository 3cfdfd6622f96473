//! Several lists of slots with the weight of each: what every policy whose entries move between queues is made of.

use core::fmt::Debug;

use crate::ledger::Ledger;
use crate::list::{Lists, Unlinked};
use crate::marks::Marks;
use crate::slot::Slot;

/// Where the number of each slot's segment is kept.
pub(crate) trait Labels: Default {
    /// Sets the segment of a slot, which may be new.
    fn start(&mut self, slot: Slot, segment: u8);

    /// The segment of a slot that has one.
    fn get(&self, slot: Slot) -> u8;

    /// Changes the segment of a slot that has one.
    fn set(&mut self, slot: Slot, segment: u8);
}

impl Labels for Marks {
    #[inline(always)]
    fn start(&mut self, slot: Slot, segment: u8) {
        Marks::start(self, slot, segment);
    }

    #[inline(always)]
    fn get(&self, slot: Slot) -> u8 {
        Marks::get(self, slot)
    }

    #[inline(always)]
    fn set(&mut self, slot: Slot, segment: u8) {
        Marks::set(self, slot, segment);
    }
}

/// The resident slots of a policy: each belongs to one of `SEGMENTS` and is linked in its order, or pinned out of it.
///
/// 8 bytes a slot, 12 once weights differ from 1, and the labels: a byte each, where they are nothing else. Each call but
/// `check` takes constant time.
#[derive(Clone, Debug)]
pub(crate) struct Segments<const SEGMENTS: usize, L = Marks> {
    pub(crate) ledger: Ledger,
    lists: Lists<SEGMENTS>,
    /// Of each resident slot.
    pub(crate) labels: L,
    /// The weight of the linked entries of each segment; that of pinned ones counts in the ledger alone.
    weights: [u64; SEGMENTS],
}

impl<const SEGMENTS: usize, L: Labels> Segments<SEGMENTS, L> {
    pub(crate) fn new(capacity: u64) -> Self {
        const { assert!(SEGMENTS <= u8::MAX as usize) };
        Segments {
            ledger: Ledger::new(capacity),
            lists: Lists::new(),
            labels: L::default(),
            weights: [0; SEGMENTS],
        }
    }

    /// How many slots are linked in a segment.
    #[inline]
    pub(crate) fn len(&self, segment: usize) -> usize {
        self.lists.len(segment)
    }

    /// The weight of the slots that are linked in a segment.
    #[inline]
    pub(crate) fn weight(&self, segment: usize) -> u64 {
        self.weights[segment]
    }

    /// The oldest linked slot of a segment.
    #[inline]
    pub(crate) fn oldest(&self, segment: usize) -> Option<Slot> {
        self.lists.back(segment)
    }

    /// The segment of a resident slot, linked or pinned.
    #[inline]
    pub(crate) fn segment_of(&self, slot: Slot) -> usize {
        usize::from(self.labels.get(slot))
    }

    /// Whether a slot is resident, linked or pinned.
    #[inline]
    pub(crate) fn is_resident(&self, slot: Slot) -> bool {
        self.lists.unlinked(slot) != Some(Unlinked::Absent)
    }

    /// Whether a resident slot is linked.
    ///
    /// # Panics
    /// If it is not resident.
    #[inline]
    pub(crate) fn is_linked(&self, slot: Slot) -> bool {
        self.lists.expect_resident(slot).is_none()
    }

    /// Makes a slot resident, the newest of a segment.
    ///
    /// # Panics
    /// If it is resident already, or above [`Slot::MAX`].
    #[inline]
    pub(crate) fn insert(&mut self, slot: Slot, segment: usize, weight: u32) {
        self.lists.expect_absent(slot);
        self.lists.push_front(segment, slot);
        self.admit(slot, segment, weight);
    }

    /// Makes a slot resident, the oldest of a segment.
    ///
    /// # Panics
    /// As [`insert`](Segments::insert).
    pub(crate) fn insert_oldest(&mut self, slot: Slot, segment: usize, weight: u32) {
        self.lists.expect_absent(slot);
        match self.lists.back(segment) {
            Some(oldest) => {
                let place = Lists::<SEGMENTS>::place(oldest);
                self.lists.link_behind(place, segment, slot);
            }
            None => self.lists.push_front(segment, slot),
        }
        self.admit(slot, segment, weight);
    }

    #[inline]
    fn admit(&mut self, slot: Slot, segment: usize, weight: u32) {
        self.labels.start(slot, segment as u8);
        self.ledger.admit(slot, weight);
        self.weights[segment] += u64::from(weight);
    }

    /// Makes a linked slot of this segment the newest of it.
    #[inline]
    pub(crate) fn make_newest(&mut self, slot: Slot, segment: usize) {
        self.lists.move_to_front(segment, slot);
    }

    /// Makes a slot the newest of a segment; a pinned one will be that once it is unpinned.
    ///
    /// # Panics
    /// If it is not resident.
    #[inline]
    pub(crate) fn assign(&mut self, slot: Slot, segment: usize) {
        let old = self.segment_of(slot);
        if self.is_linked(slot) {
            if old == segment {
                self.lists.move_to_front(segment, slot);
                return;
            }
            self.relink(slot, old, segment);
        }
        self.labels.set(slot, segment as u8);
    }

    /// Makes a linked slot of one segment the newest of another.
    #[inline]
    pub(crate) fn transfer(&mut self, slot: Slot, from: usize, to: usize) {
        self.relink(slot, from, to);
        self.labels.set(slot, to as u8);
    }

    #[inline]
    fn relink(&mut self, slot: Slot, from: usize, to: usize) {
        let weight = u64::from(self.ledger.weight_of(slot));
        self.lists.unlink(from, slot, Unlinked::Absent);
        self.lists.push_front(to, slot);
        self.weights[from] -= weight;
        self.weights[to] += weight;
    }

    /// Makes a linked slot of this segment absent; returns its weight.
    #[inline]
    pub(crate) fn evict(&mut self, segment: usize, slot: Slot) -> u32 {
        self.lists.unlink(segment, slot, Unlinked::Absent);
        let weight = self.ledger.dismiss(slot);
        self.weights[segment] -= u64::from(weight);
        weight
    }

    /// Makes a slot, linked or pinned, absent; returns the segment it was of, and its weight.
    ///
    /// # Panics
    /// If it is not resident.
    pub(crate) fn remove(&mut self, slot: Slot) -> (usize, u32) {
        let linked = self.is_linked(slot);
        let segment = self.segment_of(slot);
        if linked {
            return (segment, self.evict(segment, slot));
        }
        self.lists.forget(slot);
        (segment, self.ledger.dismiss(slot))
    }

    /// The weight of a slot.
    ///
    /// # Panics
    /// If it is not resident.
    #[inline]
    pub(crate) fn weight_of(&self, slot: Slot) -> u32 {
        self.lists.expect_resident(slot);
        self.ledger.weight_of(slot)
    }

    /// Changes the weight of a slot.
    ///
    /// # Panics
    /// If it is not resident.
    pub(crate) fn reweigh(&mut self, slot: Slot, weight: u32) {
        let linked = self.is_linked(slot);
        let old = self.ledger.reweigh(slot, weight);
        if linked {
            let segment = self.segment_of(slot);
            let sum = &mut self.weights[segment];
            *sum = *sum - u64::from(old) + u64::from(weight);
        }
    }

    /// Takes a slot out of the order of its segment, unless it is pinned already.
    ///
    /// # Panics
    /// If it is not resident.
    pub(crate) fn pin(&mut self, slot: Slot) {
        if self.is_linked(slot) {
            let segment = self.segment_of(slot);
            self.lists.unlink(segment, slot, Unlinked::Pinned);
            self.weights[segment] -= u64::from(self.ledger.weight_of(slot));
        }
    }

    /// Makes a slot the newest of its segment, if it is pinned; whether it was.
    ///
    /// # Panics
    /// If it is not resident.
    pub(crate) fn unpin(&mut self, slot: Slot) -> bool {
        let pinned = !self.is_linked(slot);
        if pinned {
            let segment = self.segment_of(slot);
            self.lists.push_front(segment, slot);
            self.weights[segment] += u64::from(self.ledger.weight_of(slot));
        }
        pinned
    }

    /// The linked slots of a segment, oldest first.
    pub(crate) fn iter(&self, segment: usize) -> impl Iterator<Item = Slot> {
        self.lists.iter(segment)
    }

    /// The pinned slots, in the order of their numbers.
    pub(crate) fn pinned(&self) -> impl Iterator<Item = Slot> {
        self.lists.pinned()
    }

    /// Asserts that the lists are whole, that each slot is in that of its segment, and that the weights add up.
    pub(crate) fn check(&self) {
        for segment in 0..SEGMENTS {
            self.lists.check(segment);
            let mut weight = 0;
            for slot in self.iter(segment) {
                assert_eq!(
                    self.segment_of(slot),
                    segment,
                    "an entry is linked in another segment than its own"
                );
                weight += u64::from(self.ledger.weight_of(slot));
            }
            assert_eq!(
                self.weights[segment], weight,
                "the weight of a segment differs from its entries'"
            );
        }
        assert!(
            self.pinned().all(|slot| self.segment_of(slot) < SEGMENTS),
            "a pinned entry is of no segment"
        );
        let linked = (0..SEGMENTS).flat_map(|segment| self.iter(segment));
        self.ledger.check(linked.chain(self.pinned()));
    }
}

#[cfg(test)]
mod tests {
    use super::Segments;
    use crate::slot::Slot;
    use std::vec::Vec;

    fn orders(segments: &Segments<3>) -> [Vec<u32>; 3] {
        segments.check();
        [0, 1, 2].map(|segment| segments.iter(segment).map(Slot::get).collect())
    }

    fn filled() -> Segments<3> {
        let mut segments = Segments::new(100);
        for number in 0..6 {
            segments.insert(Slot::new(number), number as usize % 3, number + 1);
        }
        segments
    }

    #[test]
    fn entries_move_between_segments_with_their_weights() {
        let mut segments = filled();
        segments.assign(Slot::new(0), 2);
        segments.assign(Slot::new(2), 2);
        segments.assign(Slot::new(1), 1);
        assert_eq!(orders(&segments), [&[3][..], &[4, 1], &[5, 0, 2]]);
        assert_eq!(
            [0, 1, 2].map(|segment| segments.weight(segment)),
            [4, 7, 10]
        );
        assert_eq!([0, 1, 2].map(|segment| segments.len(segment)), [1, 2, 3]);
        assert_eq!(segments.oldest(2), Some(Slot::new(5)));
        assert_eq!(segments.evict(2, Slot::new(5)), 6);
        assert_eq!(segments.remove(Slot::new(4)), (1, 5));
        assert_eq!(orders(&segments), [&[3][..], &[1], &[0, 2]]);
        assert_eq!((segments.ledger.len(), segments.ledger.weight()), (4, 10));
    }

    #[test]
    fn an_entry_may_come_in_as_the_oldest() {
        let mut segments = filled();
        segments.insert_oldest(Slot::new(6), 1, 5);
        assert_eq!(orders(&segments), [&[0, 3][..], &[6, 1, 4], &[2, 5]]);
        assert_eq!(segments.weight(1), 12);
        let mut segments = Segments::new(100);
        segments.insert_oldest(Slot::new(0), 2, 7);
        assert_eq!(orders(&segments), [&[][..], &[], &[0]]);
    }

    #[test]
    fn a_pinned_entry_weighs_in_no_segment_and_comes_back_to_its_own() {
        let mut segments = filled();
        segments.pin(Slot::new(2));
        segments.pin(Slot::new(2));
        segments.assign(Slot::new(2), 2);
        segments.reweigh(Slot::new(2), 30);
        assert!(!segments.is_linked(Slot::new(2)));
        assert_eq!((segments.weight(2), segments.ledger.weight()), (6, 48));
        segments.assign(Slot::new(2), 0);
        assert_eq!(orders(&segments), [&[0, 3][..], &[1, 4], &[5]]);
        assert!(segments.unpin(Slot::new(2)));
        assert!(!segments.unpin(Slot::new(2)));
        assert_eq!(orders(&segments), [&[0, 3, 2][..], &[1, 4], &[5]]);
        segments.reweigh(Slot::new(2), 3);
        assert_eq!((segments.weight(0), segments.ledger.weight()), (8, 21));
        segments.pin(Slot::new(3));
        assert_eq!(segments.remove(Slot::new(3)), (0, 4));
        assert_eq!((segments.weight(0), segments.ledger.weight()), (4, 17));
        segments.check();
    }
}

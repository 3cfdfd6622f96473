//! The naive model of segmented LRU.

use super::Model;
use super::shelves::{Entry, Shelves};

pub(crate) struct SlruModel {
    shares: Vec<u32>,
    capacity: u64,
    segments: Shelves,
    fell: bool,
}

impl SlruModel {
    pub(crate) fn new(shares: &[u32], capacity: u64) -> Self {
        SlruModel {
            shares: shares.to_vec(),
            capacity,
            segments: Shelves::new(shares.len()),
            fell: false,
        }
    }

    fn room(&self, segment: usize) -> u64 {
        let total: u64 = self.shares.iter().map(|share| u64::from(*share)).sum();
        self.capacity * u64::from(self.shares[segment]) / total
    }
}

impl SlruModel {
    /// Of this segment and those below, the highest whose share an entry of this weight is within.
    fn landing(&self, mut segment: usize, weight: u64) -> usize {
        while segment > 0 && weight > self.room(segment) {
            segment -= 1;
        }
        segment
    }
}

impl Model for SlruModel {
    fn miss(&mut self, _hash: u64) -> bool {
        false
    }

    fn insert(&mut self, slot: u32, hash: u64, weight: u32, _remembered: bool) {
        let weight = u64::from(weight);
        let mut with_room = (0..self.shares.len())
            .filter(|segment| self.segments.weight(*segment) + weight <= self.room(*segment));
        let queue = with_room.next().unwrap_or(0);
        self.segments.add(Entry {
            slot,
            hash,
            weight,
            queue,
            pinned: false,
        });
        self.fell = false;
    }

    fn hit(&mut self, slot: u32) {
        let (before, weight) = {
            let entry = self.segments.entry(slot);
            (entry.queue, entry.weight)
        };
        let mut segment = self.landing((before + 1).min(self.shares.len() - 1), weight);
        self.segments.lift(slot, segment);
        self.fell |= segment == 0 && before > 0;
        let mut lowest = segment;
        while segment > 0 && segment >= lowest {
            while self.segments.weight(segment) > self.room(segment) {
                let mut entry = self.segments.pop(segment).unwrap();
                entry.queue = self.landing(segment - 1, entry.weight);
                self.fell |= entry.queue == 0;
                lowest = lowest.min(entry.queue);
                self.segments.add(entry);
            }
            segment -= 1;
        }
    }

    fn evict(&mut self) -> Option<u32> {
        let entry = (0..self.shares.len()).find_map(|segment| self.segments.pop(segment));
        entry.map(|entry| entry.slot)
    }

    fn overflow(&mut self) -> Option<u32> {
        if self.fell && self.segments.weight(0) > self.room(0) {
            return self.segments.pop(0).map(|entry| entry.slot);
        }
        self.fell = false;
        None
    }

    fn remove(&mut self, slot: u32, _remember: bool) {
        self.segments.take(slot);
    }

    fn reweigh(&mut self, slot: u32, weight: u32) {
        self.segments.entry(slot).weight = u64::from(weight);
    }

    fn pin(&mut self, slot: u32) {
        self.segments.pin(slot);
    }

    fn unpin(&mut self, slot: u32) {
        self.segments.unpin(slot);
    }

    fn set_capacity(&mut self, capacity: u64) {
        self.capacity = capacity;
    }
}

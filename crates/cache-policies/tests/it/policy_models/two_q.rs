//! The naive model of 2Q.

use std::collections::VecDeque;

use super::Model;
use super::shelves::{Entry, Shelves};

const A1_IN: usize = 0;
const AM: usize = 1;

pub(crate) struct TwoQModel {
    kin: f64,
    kout: f64,
    capacity: u64,
    queues: Shelves,
    /// Hashes and weights.
    a1_out: VecDeque<(u64, u64)>,
}

impl TwoQModel {
    pub(crate) fn new(kin: f64, kout: f64, capacity: u64) -> Self {
        TwoQModel {
            kin,
            kout,
            capacity,
            queues: Shelves::new(2),
            a1_out: VecDeque::new(),
        }
    }

    fn in_capacity(&self) -> u64 {
        (self.capacity as f64 * self.kin) as u64
    }

    fn remember(&mut self, entry: &Entry) {
        let room = (self.capacity as f64 * self.kout) as u64;
        if entry.weight.max(1) <= room {
            self.a1_out.push_back((entry.hash, entry.weight.max(1)));
        }
        while self.a1_out.iter().map(|key| key.1).sum::<u64>() > room {
            self.a1_out.pop_front();
        }
    }
}

impl Model for TwoQModel {
    fn miss(&mut self, hash: u64) -> bool {
        let at = self.a1_out.iter().rposition(|key| key.0 == hash);
        at.and_then(|at| self.a1_out.remove(at)).is_some()
    }

    fn insert(&mut self, slot: u32, hash: u64, weight: u32, remembered: bool) {
        self.queues.add(Entry {
            slot,
            hash,
            weight: u64::from(weight),
            queue: if remembered { AM } else { A1_IN },
            pinned: false,
        });
    }

    fn hit(&mut self, slot: u32) {
        if self.queues.entry(slot).queue == AM {
            self.queues.lift(slot, AM);
        }
    }

    fn evict(&mut self) -> Option<u32> {
        let is_over = self.queues.weight(A1_IN) > self.in_capacity();
        if is_over || self.queues.queue(AM).is_empty() {
            let entry = self.queues.pop(A1_IN)?;
            self.remember(&entry);
            return Some(entry.slot);
        }
        self.queues.pop(AM).map(|entry| entry.slot)
    }

    fn overflow(&mut self) -> Option<u32> {
        if self.queues.weight(AM) <= self.capacity - self.in_capacity() {
            return None;
        }
        self.queues.pop(AM).map(|entry| entry.slot)
    }

    fn remove(&mut self, slot: u32, remember: bool) {
        let entry = self.queues.take(slot);
        if remember && entry.queue == A1_IN {
            self.remember(&entry);
        }
    }

    fn reweigh(&mut self, slot: u32, weight: u32) {
        self.queues.entry(slot).weight = u64::from(weight);
    }

    fn pin(&mut self, slot: u32) {
        self.queues.pin(slot);
    }

    fn unpin(&mut self, slot: u32) {
        self.queues.unpin(slot);
    }

    fn set_capacity(&mut self, capacity: u64) {
        self.capacity = capacity;
        let room = (capacity as f64 * self.kout) as u64;
        while self.a1_out.iter().map(|key| key.1).sum::<u64>() > room {
            self.a1_out.pop_front();
        }
    }
}

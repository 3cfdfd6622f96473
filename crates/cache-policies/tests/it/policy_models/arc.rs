//! The naive model of ARC.

use std::collections::VecDeque;

use cache_policies::ArcStep;

use super::Model;
use super::shelves::{Entry, Shelves};

const T1: usize = 0;
const T2: usize = 1;

/// The ghost that the last miss found its key in.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Found {
    Nowhere,
    InB1,
    InB2,
}

pub(crate) struct ArcModel {
    step: ArcStep,
    capacity: u64,
    queues: Shelves,
    /// B1 and B2: hashes and weights.
    ghosts: [VecDeque<(u64, u64)>; 2],
    p: f64,
    found: Found,
    /// What left since the last insert or miss, with the weights of T1 and T2 before that.
    leaving: Vec<(Entry, u64, u64)>,
}

impl ArcModel {
    pub(crate) fn new(step: ArcStep, capacity: u64) -> Self {
        ArcModel {
            step,
            capacity,
            queues: Shelves::new(2),
            ghosts: [VecDeque::new(), VecDeque::new()],
            p: 0.0,
            found: Found::Nowhere,
            leaving: Vec::new(),
        }
    }

    fn ghost_weight(&self, queue: usize) -> u64 {
        self.ghosts[queue].iter().map(|key| key.1).sum()
    }

    fn leave(&mut self, entry: Entry, once: u64, twice: u64) {
        self.leaving.push((entry, once, twice));
    }

    fn remember(&mut self, entry: &Entry) {
        self.ghosts[entry.queue].push_back((entry.hash, entry.weight.max(1)));
    }

    /// No insert followed.
    fn give_up(&mut self) {
        for (entry, _, _) in std::mem::take(&mut self.leaving) {
            self.remember(&entry);
        }
        while self.queues.weight(T1) + self.ghost_weight(T1) > self.capacity
            && !self.ghosts[T1].is_empty()
        {
            self.ghosts[T1].pop_front();
        }
        let resident = self.queues.weight(T1) + self.queues.weight(T2);
        while resident + self.ghost_weight(T1) + self.ghost_weight(T2) > 2 * self.capacity
            && !self.ghosts[T2].is_empty()
        {
            self.ghosts[T2].pop_front();
        }
    }

    /// By what p moves for the weight that the key had.
    fn take(&mut self, queue: usize, hash: u64) -> Option<f64> {
        let ghost = &mut self.ghosts[queue];
        let at = ghost.iter().rposition(|key| key.0 == hash);
        let (_, weight) = at.and_then(|at| ghost.remove(at))?;
        Some(match self.step {
            ArcStep::Unit => 1.0,
            _ => weight as f64,
        })
    }
}

impl Model for ArcModel {
    fn miss(&mut self, hash: u64) -> bool {
        if !self.leaving.is_empty() {
            self.give_up();
        }
        let [b1, b2] = [T1, T2].map(|queue| self.ghost_weight(queue) as f64);
        self.found = if let Some(step) = self.take(T1, hash) {
            self.p = (self.p + f64::max(b2 / b1, 1.0) * step).min(self.capacity as f64);
            Found::InB1
        } else if let Some(step) = self.take(T2, hash) {
            self.p = (self.p - f64::max(b1 / b2, 1.0) * step).max(0.0);
            Found::InB2
        } else {
            Found::Nowhere
        };
        self.found != Found::Nowhere
    }

    fn insert(&mut self, slot: u32, hash: u64, weight: u32, remembered: bool) {
        let weight = u64::from(weight);
        for (entry, once, twice) in std::mem::take(&mut self.leaving) {
            if !remembered {
                let b1 = self.ghost_weight(T1);
                let all = once + twice + b1 + self.ghost_weight(T2);
                if once + b1 + weight > self.capacity {
                    let forgot = self.ghosts[T1].pop_front().is_some();
                    if !forgot && entry.queue == T1 {
                        continue;
                    }
                } else if all >= 2 * self.capacity {
                    self.ghosts[T2].pop_front();
                }
            }
            self.remember(&entry);
        }
        self.queues.add(Entry {
            slot,
            hash,
            weight,
            queue: if remembered { T2 } else { T1 },
            pinned: false,
        });
        self.found = Found::Nowhere;
    }

    fn hit(&mut self, slot: u32) {
        self.queues.lift(slot, T2);
    }

    fn evict(&mut self) -> Option<u32> {
        let (once, twice) = (self.queues.weight(T1), self.queues.weight(T2));
        let tie = self.found == Found::InB2 && once as f64 == self.p;
        let from_t1 = once as f64 > self.p || tie || self.queues.queue(T2).is_empty();
        let queue = if from_t1 && !self.queues.queue(T1).is_empty() {
            T1
        } else {
            T2
        };
        let entry = self.queues.pop(queue)?;
        let slot = entry.slot;
        self.leave(entry, once, twice);
        Some(slot)
    }

    fn remove(&mut self, slot: u32, remember: bool) {
        let (mut once, mut twice) = (self.queues.weight(T1), self.queues.weight(T2));
        let entry = self.queues.take(slot);
        if entry.pinned {
            // It counts as if it had been linked.
            let sum = [&mut once, &mut twice];
            *sum[entry.queue] += entry.weight;
        }
        if remember {
            self.leave(entry, once, twice);
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
        self.p = self.p.min(capacity as f64);
        self.give_up();
    }
}

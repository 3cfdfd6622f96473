//! The naive model of S3-FIFO with all its parameters, Clock2Q+ among what they make.

use std::collections::VecDeque;

use cache_policies::{S3FifoConfig, WarmUp};

use super::Model;

#[derive(Clone, Debug)]
struct Entry {
    slot: u32,
    hash: u64,
    weight: u64,
    hits: u32,
    small: bool,
    /// What had been put into the small queue by then; hits are skipped while that is not long ago.
    stamp: u64,
    skipping: bool,
}

pub(crate) struct S3FifoModel {
    config: S3FifoConfig,
    capacity: u64,
    /// Oldest first.
    small: VecDeque<Entry>,
    main: VecDeque<Entry>,
    pinned: Vec<Entry>,
    ghost: VecDeque<(u64, u64)>,
    inserted: u64,
    has_evicted: bool,
}

fn weight_of(queue: &VecDeque<Entry>) -> u64 {
    queue.iter().map(|entry| entry.weight).sum()
}

impl S3FifoModel {
    pub(crate) fn new(config: S3FifoConfig, capacity: u64) -> Self {
        S3FifoModel {
            config,
            capacity,
            small: VecDeque::new(),
            main: VecDeque::new(),
            pinned: Vec::new(),
            ghost: VecDeque::new(),
            inserted: 0,
            has_evicted: false,
        }
    }

    fn small_capacity(&self) -> u64 {
        (self.capacity as f64 * self.config.small()) as u64
    }

    fn append(&mut self, mut entry: Entry) {
        if !entry.small {
            self.main.push_back(entry);
            return;
        }
        self.inserted += entry.weight.max(1);
        entry.stamp = self.inserted;
        self.small.push_back(entry);
        self.end_skipping();
    }

    fn end_skipping(&mut self) {
        let span = (self.small_capacity() as f64 * self.config.skip()).ceil() as u64;
        for entry in &mut self.small {
            entry.skipping &= self.inserted - entry.stamp < span;
        }
    }

    fn remember(&mut self, entry: &Entry) {
        let weight = entry.weight.max(1);
        let limit = (self.capacity as f64 * self.config.ghost()) as u64;
        if weight <= limit {
            self.ghost.push_back((entry.hash, weight));
            self.shrink_ghost();
        }
    }

    fn shrink_ghost(&mut self) {
        let limit = (self.capacity as f64 * self.config.ghost()) as u64;
        while self.ghost.iter().map(|key| key.1).sum::<u64>() > limit {
            self.ghost.pop_front();
        }
    }

    fn entry(&mut self, slot: u32) -> &mut Entry {
        let mut all = self
            .main
            .iter_mut()
            .chain(&mut self.small)
            .chain(&mut self.pinned);
        all.find(|entry| entry.slot == slot).unwrap()
    }

    fn unlink(&mut self, slot: u32) -> Option<Entry> {
        for queue in [&mut self.small, &mut self.main] {
            if let Some(at) = queue.iter().position(|entry| entry.slot == slot) {
                return queue.remove(at);
            }
        }
        None
    }
}

impl Model for S3FifoModel {
    fn miss(&mut self, hash: u64) -> bool {
        let at = self.ghost.iter().rposition(|key| key.0 == hash);
        at.and_then(|at| self.ghost.remove(at)).is_some()
    }

    fn insert(&mut self, slot: u32, hash: u64, weight: u32, remembered: bool) {
        let full = weight_of(&self.small) >= self.small_capacity();
        let warming = self.config.warm_up() == WarmUp::Main && !self.has_evicted;
        self.append(Entry {
            slot,
            hash,
            weight: u64::from(weight),
            hits: 0,
            small: !(remembered || warming && full),
            stamp: 0,
            skipping: true,
        });
    }

    fn hit(&mut self, slot: u32) {
        let entry = self.entry(slot);
        if !(entry.small && entry.skipping) {
            entry.hits += 1;
        }
    }

    fn evict(&mut self) -> Option<u32> {
        if self.small.is_empty() && self.main.is_empty() {
            return None;
        }
        self.has_evicted = true;
        let threshold = u32::from(self.config.threshold());
        if weight_of(&self.main) <= self.capacity - self.small_capacity() {
            while let Some(mut oldest) = self.small.pop_front() {
                if oldest.hits < threshold {
                    self.remember(&oldest);
                    return Some(oldest.slot);
                }
                oldest.hits = 0;
                oldest.small = false;
                self.main.push_back(oldest);
            }
        }
        loop {
            let mut oldest = self.main.pop_front()?;
            if oldest.hits == 0 {
                return Some(oldest.slot);
            }
            oldest.hits = oldest.hits.min(u32::from(self.config.chances())) - 1;
            self.main.push_back(oldest);
        }
    }

    fn remove(&mut self, slot: u32, remember: bool) {
        let entry = match self.pinned.iter().position(|entry| entry.slot == slot) {
            Some(at) => self.pinned.remove(at),
            None => self.unlink(slot).unwrap(),
        };
        if remember && entry.small {
            self.remember(&entry);
        }
    }

    fn reweigh(&mut self, slot: u32, weight: u32) {
        self.entry(slot).weight = u64::from(weight);
    }

    fn pin(&mut self, slot: u32) {
        let unlinked = self.unlink(slot);
        self.pinned.extend(unlinked);
    }

    fn unpin(&mut self, slot: u32) {
        if let Some(at) = self.pinned.iter().position(|entry| entry.slot == slot) {
            let entry = self.pinned.remove(at);
            self.append(entry);
        }
    }

    fn set_capacity(&mut self, capacity: u64) {
        self.capacity = capacity;
        self.end_skipping();
        self.shrink_ghost();
    }
}

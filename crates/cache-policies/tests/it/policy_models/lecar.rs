//! The naive model of LeCaR, with the same lots: entries with stamps, searched for each victim.

use super::Model;
use super::sampled::Lots;

#[derive(Clone, Debug)]
struct Entry {
    slot: u32,
    hash: u64,
    weight: u64,
    frequency: u64,
    /// When it was last asked for, or unpinned.
    recency: u64,
    /// When it got its frequency, or was unpinned.
    since: u64,
}

#[derive(Clone, Debug)]
struct Departed {
    hash: u64,
    weight: u64,
    frequency: u64,
    time: u64,
}

pub(crate) struct LeCaRModel {
    rate: f64,
    ghost: f64,
    capacity: u64,
    linked: Vec<Entry>,
    pinned: Vec<Entry>,
    /// Of LRU and LFU.
    histories: [Vec<Departed>; 2],
    weights: [f64; 2],
    lots: Lots,
    requests: u64,
    stamp: u64,
    /// What a returning key had been asked for, until it is inserted.
    returning: u64,
}

impl LeCaRModel {
    pub(crate) fn new(rate: f64, ghost: f64, seed: u64, capacity: u64) -> Self {
        LeCaRModel {
            rate,
            ghost,
            capacity,
            linked: Vec::new(),
            pinned: Vec::new(),
            histories: [Vec::new(), Vec::new()],
            weights: [0.5, 0.5],
            lots: Lots(seed),
            requests: 0,
            stamp: 0,
            returning: 0,
        }
    }

    fn shrink_histories(&mut self) {
        let limit = (self.capacity as f64 * self.ghost) as u64;
        for history in &mut self.histories {
            while history.iter().map(|key| key.weight).sum::<u64>() > limit {
                history.remove(0);
            }
        }
    }

    fn next_stamp(&mut self) -> u64 {
        self.stamp += 1;
        self.stamp
    }

    fn entry(&mut self, slot: u32) -> &mut Entry {
        let mut all = self.linked.iter_mut().chain(&mut self.pinned);
        all.find(|entry| entry.slot == slot).unwrap()
    }
}

impl Model for LeCaRModel {
    fn miss(&mut self, hash: u64) -> bool {
        self.requests += 1;
        for expert in 0..2 {
            let history = &mut self.histories[expert];
            let Some(at) = history.iter().position(|key| key.hash == hash) else {
                continue;
            };
            let key = history.remove(at);
            let entries = (self.linked.len() + self.pinned.len()).max(1) as f64;
            let elapsed = (self.requests - key.time) as f64;
            let regret = libm::exp(libm::log(0.005) * elapsed / entries);
            self.weights[expert] *= libm::exp(-self.rate * regret);
            let lru = self.weights[0] / (self.weights[0] + self.weights[1]);
            let lru = lru.clamp(0.01, 0.99);
            self.weights = [lru, 1.0 - lru];
            self.returning = key.frequency;
            return true;
        }
        false
    }

    fn insert(&mut self, slot: u32, hash: u64, weight: u32, remembered: bool) {
        let stamp = self.next_stamp();
        self.linked.push(Entry {
            slot,
            hash,
            weight: u64::from(weight),
            frequency: if remembered { self.returning + 1 } else { 1 },
            recency: stamp,
            since: stamp,
        });
    }

    fn hit(&mut self, slot: u32) {
        self.requests += 1;
        let stamp = self.next_stamp();
        let entry = self.entry(slot);
        entry.frequency += 1;
        entry.recency = stamp;
        entry.since = stamp;
    }

    fn evict(&mut self) -> Option<u32> {
        let linked = || 0..self.linked.len();
        let lru = linked().min_by_key(|at| self.linked[*at].recency)?;
        let lfu = linked().min_by_key(|at| (self.linked[*at].frequency, self.linked[*at].since))?;
        let (victim, blamed) = if lru == lfu {
            (lru, None)
        } else if self.lots.share() < self.weights[0] {
            (lru, Some(0))
        } else {
            (lfu, Some(1))
        };
        let victim = self.linked.remove(victim);
        let limit = (self.capacity as f64 * self.ghost) as u64;
        let weight = victim.weight.max(1);
        if let Some(expert) = blamed
            && weight <= limit
        {
            self.histories[expert].push(Departed {
                hash: victim.hash,
                weight,
                frequency: victim.frequency,
                time: self.requests,
            });
            self.shrink_histories();
        }
        Some(victim.slot)
    }

    fn remove(&mut self, slot: u32, _remember: bool) {
        self.linked.retain(|entry| entry.slot != slot);
        self.pinned.retain(|entry| entry.slot != slot);
    }

    fn reweigh(&mut self, slot: u32, weight: u32) {
        self.entry(slot).weight = u64::from(weight);
    }

    fn pin(&mut self, slot: u32) {
        if let Some(at) = self.linked.iter().position(|entry| entry.slot == slot) {
            self.pinned.push(self.linked.remove(at));
        }
    }

    fn unpin(&mut self, slot: u32) {
        if let Some(at) = self.pinned.iter().position(|entry| entry.slot == slot) {
            let stamp = self.next_stamp();
            let entry = self.pinned.remove(at);
            self.linked.push(Entry {
                recency: stamp,
                since: stamp,
                ..entry
            });
        }
    }

    fn set_capacity(&mut self, capacity: u64) {
        self.capacity = capacity;
        self.shrink_histories();
    }
}

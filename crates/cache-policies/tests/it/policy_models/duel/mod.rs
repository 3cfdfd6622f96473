//! duel on vectors and maps, from the page that it was specified on; frequencies are the sketch's, which has a model of its own.

mod engine;

use std::cell::Cell;
use std::rc::Rc;

use cache_policies::{DuelMode, Insight};

use super::Model;
use super::tiny_lfu::{Gate, expected, split_mix};
use engine::{Engine, Entry, fold, spread};

/// duel. In the miniatures a key's slot is what the sketch knows of it.
pub(crate) struct DuelModel {
    engine: Engine,
    miniatures: Vec<Engine>,
    gate: Gate,
    entries: u64,
    full: bool,
    rate_max: f64,
    seed: u64,
    salt: u64,
    /// The share of the keys that is sampled, and the entries of a miniature.
    rate: f64,
    shadow: f64,
    /// The mean of what the cache holds of the sample.
    held: f64,
    n: u64,
    changed_at: u64,
    pen: f64,
    d: [i64; 5],
    samples: u64,
    misses: [u64; 5],
    changes: Rc<Cell<u64>>,
}

impl DuelModel {
    pub(crate) fn new(capacity: u64, start: DuelMode, rate_max: f64, seed: u64) -> Self {
        let mut gate = Gate::new(10, seed);
        gate.entries_min = 512;
        let mut state = seed;
        DuelModel {
            engine: Engine::new(capacity, start, seed),
            miniatures: Vec::new(),
            gate,
            entries: 0,
            full: false,
            rate_max,
            seed,
            salt: split_mix(&mut state),
            rate: 0.0,
            shadow: 1.0,
            held: 0.0,
            n: 0,
            changed_at: 0,
            pen: 0.0,
            d: [0; 5],
            samples: 0,
            misses: [0; 5],
            changes: Rc::default(),
        }
    }

    /// How often the mode has changed.
    pub(crate) fn changes(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.changes)
    }

    fn fit(&mut self) {
        let capacity = self.engine.capacity;
        let (len, weight) = (self.engine.entries.len() as u64, self.engine.total());
        self.gate.fit(capacity, len, weight);
        self.entries = expected(capacity, len, weight);
        self.engine.ghost_resize(2 * self.entries);
        let entries = self.entries.max(1) as f64;
        let small = (32.0 / entries).max(1.0 / 6.0);
        let rate = (56.0 / entries).min(small).max(1.0 / 48.0);
        let rate = rate.min(self.rate_max);
        if self.rate == 0.0 || rate > 2.0 * self.rate || 2.0 * rate < self.rate {
            self.rate = rate;
            let miniature = |(mode, number)| Engine::new(0, mode, self.seed.wrapping_add(number));
            self.miniatures = DuelMode::ALL.into_iter().zip(1..).map(miniature).collect();
        }
        let shadow = (self.entries as f64 * self.rate).round().max(1.0);
        self.held = capacity as f64 * self.rate;
        for engine in &mut self.miniatures {
            engine.capacity = (capacity as f64 * self.rate).round().max(1.0) as u64;
            if !matches!(engine.mode, DuelMode::Frequency | DuelMode::Lru) {
                engine.ghost_resize(2 * shadow as u64);
            }
        }
        if shadow != self.shadow {
            self.shadow = shadow;
            (self.n, self.changed_at, self.pen, self.d) = (0, 0, 0.0, [0; 5]);
        }
    }

    fn current(&self) -> usize {
        let is_it = |mode: &DuelMode| *mode == self.engine.mode;
        DuelMode::ALL.iter().position(is_it).unwrap()
    }

    fn takes(&self, hash: u64) -> bool {
        let below = (self.rate * 2.0_f64.powi(64)) as u64;
        spread(u64::from(fold(hash)) ^ self.salt) < below
    }

    fn sample(&mut self, hash: u64, weight: u64) {
        if !self.takes(hash) {
            return;
        }
        if self.full {
            let entries = self.engine.entries.values();
            let sampled = entries.filter(|entry| self.takes(entry.hash));
            let held: u64 = sampled.map(|entry| entry.weight).sum();
            self.held += (held as f64 - self.held) * (1.0 / (16.0 * self.shadow));
            let part = self.engine.capacity as f64 * self.rate;
            for engine in &mut self.miniatures {
                engine.capacity = self.held.min(part).round().max(1.0) as u64;
            }
        }
        if weight > self.miniatures[0].capacity {
            return;
        }
        let slot = fold(hash);
        let mut misses = [0_i64; 5];
        for (engine, misses) in self.miniatures.iter_mut().zip(&mut misses) {
            let room = |engine: &Engine, weight: u64| engine.total() + weight <= engine.capacity;
            if engine.entries.contains_key(&slot) {
                engine.hit(slot);
                engine.entries.get_mut(&slot).unwrap().weight = weight;
                while !room(engine, 0) && engine.evict(&self.gate.sketch).is_some() {}
            } else {
                *misses = 1;
                let comes_back = engine.miss(hash);
                while !room(engine, weight) && engine.evict(&self.gate.sketch).is_some() {}
                engine.insert(slot, hash, weight, comes_back);
            }
        }
        self.n += 1;
        self.samples += 1;
        for (sum, miss) in self.misses.iter_mut().zip(misses) {
            *sum += miss as u64;
        }
        let current = self.current();
        if misses == [misses[0]; 5] {
            return;
        }
        for (d, miss) in self.d.iter_mut().zip(misses) {
            *d = (*d + misses[current] - miss).max(0);
        }
        let most = *self.d.iter().max().unwrap();
        let best = self.d.iter().position(|d| *d == most).unwrap();
        let passed = (self.n - self.changed_at) as f64;
        let pen = self.pen * (-passed / (100.0 * self.shadow)).exp();
        if most as f64 > (0.3 * self.shadow).max(10.0) * (1.0 + 0.3 * pen) {
            self.pen = 1.0 + pen;
            self.changed_at = self.n;
            self.d = [0; 5];
            self.engine.mode = DuelMode::ALL[best];
            self.changes.set(self.changes.get() + 1);
        }
    }
}

impl Model for DuelModel {
    fn miss(&mut self, hash: u64) -> bool {
        self.gate.miss(hash);
        self.engine.miss(hash)
    }

    fn insert(&mut self, slot: u32, hash: u64, weight: u32, remembered: bool) {
        self.engine.insert(slot, hash, weight.into(), remembered);
        if self.engine.entries.len() as u64 > self.entries {
            self.fit();
        }
        self.sample(hash, weight.into());
    }

    fn hit(&mut self, slot: u32) {
        let Entry { hash, weight, .. } = self.engine.entries[&slot];
        self.gate.sketch.increment(hash);
        self.engine.hit(slot);
        self.sample(hash, weight);
    }

    fn evict(&mut self) -> Option<u32> {
        if !self.full {
            self.full = true;
            self.fit();
        }
        self.engine.evict(&self.gate.sketch)
    }

    fn remove(&mut self, slot: u32, remember: bool) {
        let hash = self.engine.entries[&slot].hash;
        self.engine.drop(slot, remember);
        if !remember && self.takes(hash) {
            for engine in &mut self.miniatures {
                engine.ghost_take(hash);
                if engine.entries.contains_key(&fold(hash)) {
                    engine.drop(fold(hash), false);
                }
            }
        }
    }

    fn reweigh(&mut self, slot: u32, weight: u32) {
        self.engine.entries.get_mut(&slot).unwrap().weight = weight.into();
    }

    fn pin(&mut self, slot: u32) {
        self.engine.unlink(slot);
        self.engine.entries.get_mut(&slot).unwrap().pinned = true;
    }

    fn unpin(&mut self, slot: u32) {
        let entry = self.engine.entries.get_mut(&slot).unwrap();
        if std::mem::replace(&mut entry.pinned, false) {
            let list = entry.list;
            self.engine.lists[list].push(slot);
        }
    }

    fn set_capacity(&mut self, capacity: u64) {
        if capacity == self.engine.capacity {
            return;
        }
        self.engine.capacity = capacity;
        if self.engine.entries.is_empty() {
            // With the next entry.
            self.entries = 0;
        } else {
            self.fit();
        }
    }

    fn explain(&self) -> Option<Vec<Insight>> {
        let mode = Insight::Choice {
            name: "mode",
            chosen: self.current(),
            of: &["f", "l", "i", "m", "h"],
        };
        let names = [
            "misses of f",
            "misses of l",
            "misses of i",
            "misses of m",
            "misses of h",
        ];
        let miss = |(name, part)| Insight::Ratio {
            name,
            part,
            whole: self.samples,
        };
        let misses = names.into_iter().zip(self.misses).map(miss);
        Some([mode].into_iter().chain(misses).collect())
    }
}

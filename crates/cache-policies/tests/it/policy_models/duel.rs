//! duel on vectors and maps, from the page that it was specified on; frequencies are the sketch's, which has a model of its own.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use cache_policies::{DuelMode, FrequencySketch, Insight};

use super::Model;
use super::tiny_lfu::{Gate, admits, expected, split_mix};

/// What the sketch knows of a hash: 30 bits, above two that are 0.
fn fold(hash: u64) -> u32 {
    let mixed = (spread(hash) >> 32) as u32;
    (mixed ^ (mixed >> 15)) & !3
}

fn spread(hash: u64) -> u64 {
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A key that is resident, in a slot.
#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u64,
    weight: u64,
    last: u64,
    list: usize,
    pinned: bool,
}

const W: usize = 0;
const P: usize = 1;
const T: usize = 2;

/// The engine of the page. The newest of a list is its last.
struct Engine {
    capacity: u64,
    mode: DuelMode,
    lists: [Vec<u32>; 3],
    entries: HashMap<u32, Entry>,
    /// Sets of eight: who left, and when it was asked for last.
    ghost: Vec<Vec<(u32, u64)>>,
    now: u64,
    lots: u64,
    /// Where the key that has just missed will go.
    coming: usize,
}

impl Engine {
    fn new(capacity: u64, mode: DuelMode, seed: u64) -> Self {
        Engine {
            capacity,
            mode,
            lists: Default::default(),
            entries: HashMap::new(),
            ghost: Vec::new(),
            now: 0,
            lots: seed,
            coming: W,
        }
    }

    fn wcap(&self) -> u64 {
        let share = match self.mode {
            DuelMode::Frequency | DuelMode::Recency => 0.01,
            DuelMode::Lru => 1.0,
            DuelMode::Mixed => 0.1,
            DuelMode::Half => 0.5,
        };
        let window = (share * self.capacity as f64).round() as u64;
        window.max(1).min(self.capacity)
    }

    fn mcap(&self) -> u64 {
        self.capacity - self.wcap()
    }

    fn pcap(&self) -> u64 {
        match self.mode {
            DuelMode::Recency => self.mcap(),
            _ => (4 * u128::from(self.mcap()) / 5) as u64,
        }
    }

    fn tests_frequency(&self) -> bool {
        matches!(
            self.mode,
            DuelMode::Frequency | DuelMode::Mixed | DuelMode::Half
        )
    }

    fn tests_recency(&self) -> bool {
        matches!(
            self.mode,
            DuelMode::Recency | DuelMode::Mixed | DuelMode::Half
        )
    }

    fn landing(&self) -> usize {
        if self.mode == DuelMode::Recency { T } else { P }
    }

    fn weight(&self, list: usize) -> u64 {
        self.lists[list]
            .iter()
            .map(|slot| self.entries[slot].weight)
            .sum()
    }

    fn main(&self) -> u64 {
        self.weight(P) + self.weight(T)
    }

    /// Of all that is resident.
    fn total(&self) -> u64 {
        self.entries.values().map(|entry| entry.weight).sum()
    }

    fn victim(&self) -> Option<u32> {
        self.lists[P].first().or(self.lists[T].first()).copied()
    }

    fn fresher(&self, previous: u64) -> bool {
        let waits = |victim: u32| self.now - self.entries[&victim].last;
        let is_sooner = |victim: u32| self.now - previous < waits(victim);
        self.mcap() > 0 && (self.main() < self.mcap() || self.victim().is_some_and(is_sooner))
    }

    /// To the front of a list, from whichever it is in.
    fn put(&mut self, slot: u32, list: usize) {
        self.unlink(slot);
        self.lists[list].push(slot);
        self.entries.get_mut(&slot).unwrap().list = list;
    }

    fn unlink(&mut self, slot: u32) {
        for list in &mut self.lists {
            list.retain(|other| *other != slot);
        }
    }

    fn shrink_protected(&mut self) -> bool {
        let is_over = self.weight(T) > self.pcap();
        let oldest = self.lists[T].first().copied().filter(|_| is_over);
        if let Some(oldest) = oldest {
            self.put(oldest, P);
        }
        oldest.is_some()
    }

    fn has_room(&self, main: u64, slot: u32) -> bool {
        main < self.mcap() && main + self.entries[&slot].weight <= self.mcap()
    }

    fn rebalance(&mut self) {
        for _ in 0..2 {
            if self.shrink_protected() {
                continue;
            }
            let is_over = self.weight(W) > self.wcap();
            let oldest = self.lists[W].first().copied().filter(|_| is_over);
            match oldest.filter(|oldest| self.has_room(self.main(), *oldest)) {
                Some(oldest) => self.put(oldest, self.landing()),
                None => return,
            }
        }
    }

    fn trim(&mut self) {
        while self.main() > self.mcap() {
            let Some(victim) = self.victim() else { return };
            self.put(victim, W);
        }
    }

    fn begin(&mut self) {
        self.now += 1;
        self.rebalance();
    }

    fn hit(&mut self, slot: u32) {
        self.begin();
        self.coming = W;
        let now = self.now;
        let entry = self.entries.get_mut(&slot).unwrap();
        let previous = std::mem::replace(&mut entry.last, now);
        let Entry {
            weight,
            list,
            pinned,
            ..
        } = *entry;
        if pinned {
            return;
        }
        let fits = weight <= self.pcap();
        if list == W {
            if self.mode == DuelMode::Recency && fits && self.fresher(previous) {
                self.put(slot, T);
                self.trim();
            } else {
                self.put(slot, W);
            }
        } else if self.mcap() == 0 {
            self.put(slot, W);
        } else if list == P && fits {
            self.put(slot, T);
            let _ = self.shrink_protected() && self.shrink_protected();
        } else {
            self.put(slot, list);
        }
    }

    /// Whether the key comes back soon enough for the main region.
    fn miss(&mut self, hash: u64) -> bool {
        self.begin();
        let previous = self.ghost_take(hash);
        let comes_back =
            self.tests_recency() && previous.is_some_and(|previous| self.fresher(previous));
        self.coming = match (comes_back, self.tests_frequency()) {
            (false, _) => W,
            (true, true) => P,
            (true, false) => T,
        };
        comes_back
    }

    fn insert(&mut self, slot: u32, hash: u64, weight: u64, comes_back: bool) {
        self.coming = W;
        let entry = Entry {
            hash,
            weight,
            last: self.now,
            list: W,
            pinned: false,
        };
        self.entries.insert(slot, entry);
        let share = if self.tests_frequency() {
            self.mcap()
        } else {
            self.pcap()
        };
        if comes_back && weight <= share {
            self.put(slot, if self.tests_frequency() { P } else { T });
            if !self.tests_frequency() {
                self.trim();
            }
        } else {
            self.put(slot, W);
            if weight > self.wcap() {
                // The next candidate.
                self.lists[W].rotate_right(1);
            }
        }
    }

    fn evict(&mut self, sketch: &FrequencySketch) -> Option<u32> {
        for _ in 0..16 {
            // The one that is to come counts already.
            let main = match self.coming {
                P => self.main() + 1,
                T if self.main() < self.mcap() => self.main() + 1,
                _ => self.main(),
            };
            let Some(candidate) = self.lists[W].first().copied() else {
                let victim = self.victim()?;
                self.drop(victim, false);
                return Some(victim);
            };
            let victim = self.victim();
            if main > self.mcap()
                && let Some(victim) = victim
            {
                self.drop(victim, false);
                return Some(victim);
            }
            if self.has_room(main, candidate) {
                self.put(candidate, self.landing());
                continue;
            }
            if let Some(victim) = victim.filter(|_| self.tests_frequency()) {
                let frequency = |slot: u32| sketch.estimate(self.entries[&slot].hash);
                let margin = u8::from(self.mode != DuelMode::Frequency);
                let (ours, theirs) = (frequency(candidate), frequency(victim) + margin);
                if admits(&mut self.lots, ours, theirs) {
                    self.put(candidate, P);
                    self.drop(victim, false);
                    return Some(victim);
                }
            }
            self.drop(candidate, true);
            return Some(candidate);
        }
        // Too many have to move.
        let oldest = self.lists[W].first().copied().or(self.victim())?;
        self.drop(oldest, true);
        Some(oldest)
    }

    fn drop(&mut self, slot: u32, remember: bool) {
        self.unlink(slot);
        let entry = self.entries.remove(&slot).unwrap();
        if remember && entry.list == W {
            self.ghost_put(entry.hash, entry.last);
        }
    }

    fn set_of(&self, key: u32) -> usize {
        let spread = u64::from(key.wrapping_mul(0x9e37_79b1));
        ((spread * self.ghost.len() as u64) >> 32) as usize
    }

    fn ghost_put(&mut self, hash: u64, last: u64) {
        if self.ghost.is_empty() {
            return;
        }
        let at = self.set_of(fold(hash));
        if self.ghost[at].len() == 8 {
            let oldest = self.ghost[at].iter().map(|(_, last)| *last).min();
            self.ghost[at].retain(|(_, last)| Some(*last) != oldest);
        }
        self.ghost[at].push((fold(hash), last));
    }

    fn ghost_take(&mut self, hash: u64) -> Option<u64> {
        if self.ghost.is_empty() {
            return None;
        }
        let at = self.set_of(fold(hash));
        let way = self.ghost[at]
            .iter()
            .position(|(key, _)| *key == fold(hash))?;
        Some(self.ghost[at].swap_remove(way).1)
    }

    /// The newest of each set stay.
    fn ghost_resize(&mut self, keys: u64) {
        let sets = keys.div_ceil(8) as usize;
        if sets == self.ghost.len() {
            return;
        }
        let mut all: Vec<(u32, u64)> = self.ghost.drain(..).flatten().collect();
        all.sort_by_key(|(_, last)| std::cmp::Reverse(*last));
        self.ghost = vec![Vec::new(); sets];
        for (key, last) in all {
            if sets > 0 && self.ghost[self.set_of(key)].len() < 8 {
                let at = self.set_of(key);
                self.ghost[at].push((key, last));
            }
        }
    }
}

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

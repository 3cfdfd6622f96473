//! W-TinyLFU, and TinyLFU before LRU, on deques; frequencies are the sketch's, which has a model of its own.

use std::collections::VecDeque;

use cache_policies::FrequencySketch;

use super::Model;

#[derive(Clone, Debug)]
struct Entry {
    slot: u32,
    hash: u64,
    weight: u64,
    segment: usize,
}

const WINDOW: usize = 0;
const PROBATION: usize = 1;
const PROTECTED: usize = 2;

/// Frequencies, and the lots that are drawn where they do not tell.
pub(super) struct Gate {
    pub(super) sketch: FrequencySketch,
    pub(super) entries: u64,
    /// It suits so many.
    suits: u64,
    /// The sketch is made for so many at least.
    pub(super) entries_min: u64,
    /// The requests before the first entry.
    early: Vec<u64>,
    sample: u64,
    lots: u64,
}

impl Gate {
    pub(super) fn new(sample: u64, seed: u64) -> Self {
        Gate {
            sketch: FrequencySketch::new(64, 64 * sample),
            entries: 0,
            suits: 0,
            entries_min: 1,
            early: Vec::new(),
            sample,
            lots: seed,
        }
    }

    pub(super) fn miss(&mut self, hash: u64) {
        self.sketch.increment(hash);
        if self.entries == 0 {
            self.early.push(hash);
        }
    }

    /// Makes the sketch one for the entries that there is room for at their mean weight.
    pub(super) fn fit(&mut self, capacity: u64, len: u64, weight: u64) {
        let entries = expected(capacity, len, weight).max(self.entries_min);
        let sample = (self.sample * entries).max(2);
        let mut words = self.sketch.words();
        if self.entries == 0 {
            (self.entries, self.suits) = (entries, entries);
            self.sketch = FrequencySketch::new(entries.max(64) as usize, sample);
            let forgotten = self.early.len().saturating_sub(64);
            for hash in &self.early[forgotten..] {
                self.sketch.increment(*hash);
            }
            return;
        }
        if entries <= self.entries / 2 {
            words = entries.max(64) as usize;
            self.entries = entries;
        } else if entries > self.entries {
            self.entries = entries.max(self.entries * 2);
            while (words as u64) < self.entries {
                words *= 2;
            }
        }
        self.suits = self.entries;
        self.sketch.resize(words, sample);
    }

    fn admits(&mut self, candidate: u64, victim: u64) -> bool {
        let frequency = self.sketch.estimate(candidate);
        let other = self.sketch.estimate(victim);
        admits(&mut self.lots, frequency, other)
    }
}

/// The entries that a capacity is for.
pub(super) fn expected(capacity: u64, len: u64, weight: u64) -> u64 {
    let expected = capacity / (weight / len.max(1)).max(1);
    let entries = expected.min(len.next_power_of_two().max(65_536));
    if entries < len {
        return len.next_power_of_two();
    }
    entries
}

/// Whether who is so frequent takes the place of who is so frequent.
pub(super) fn admits(lots: &mut u64, candidate: u8, victim: u8) -> bool {
    candidate > victim || candidate >= 6 && split_mix(lots).is_multiple_of(128)
}

/// SplitMix64.
pub(super) fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The climber's sample, and what it remembers of those before.
#[derive(Default)]
struct Climber {
    requests: u64,
    hits: [u64; 2],
    ratio: f64,
    step: f64,
}

/// W-TinyLFU.
pub(crate) struct WTinyLfuModel {
    window: f64,
    protected: f64,
    capacity: u64,
    /// Of the window, the main region and the protected segment.
    shares: [u64; 3],
    window_now: f64,
    /// The oldest first.
    queues: [VecDeque<Entry>; 3],
    pinned: Vec<Entry>,
    gate: Gate,
    climber: Option<Climber>,
    was_full: bool,
}

impl WTinyLfuModel {
    pub(crate) fn new(
        capacity: u64,
        (window, protected): (f64, f64),
        (sample, seed): (u64, u64),
        adaptive: bool,
    ) -> Self {
        let mut model = WTinyLfuModel {
            window,
            protected,
            capacity,
            shares: [0; 3],
            window_now: window,
            queues: Default::default(),
            pinned: Vec::new(),
            gate: Gate::new(sample, seed),
            climber: adaptive.then(|| Climber {
                step: -0.0625,
                ..Climber::default()
            }),
            was_full: false,
        };
        model.divide(model.first_main());
        model
    }

    fn first_main(&self) -> u64 {
        (self.capacity as f64 * (1.0 - self.window)) as u64
    }

    fn divide(&mut self, main: u64) {
        let protected = (main as f64 * self.protected) as u64;
        self.shares = [self.capacity - main, main, protected];
    }

    fn weight(&self, segments: &[usize]) -> u64 {
        let queues = segments.iter().flat_map(|segment| &self.queues[*segment]);
        queues.map(|entry| entry.weight).sum()
    }

    fn all(&self) -> impl Iterator<Item = &Entry> {
        self.queues.iter().flatten().chain(&self.pinned)
    }

    fn move_oldest(&mut self, from: usize, to: usize, weight_max: u64) -> bool {
        match self.queues[from].front() {
            Some(oldest) if oldest.weight <= weight_max => {
                let mut oldest = self.queues[from].pop_front().unwrap();
                oldest.segment = to;
                self.queues[to].push_back(oldest);
                true
            }
            _ => false,
        }
    }

    fn settle(&mut self) {
        for _ in 0..4 {
            let window = self.weight(&[WINDOW]);
            let main = self.weight(&[PROBATION, PROTECTED]);
            let moved = if self.weight(&[PROTECTED]) > self.shares[2] {
                self.move_oldest(PROTECTED, PROBATION, u64::MAX)
            } else if window > self.shares[0] {
                self.move_oldest(WINDOW, PROBATION, self.shares[1].saturating_sub(main))
            } else if self.climber.is_some() && main > self.shares[1] {
                self.move_oldest(PROBATION, WINDOW, self.shares[0] - window)
            } else {
                false
            };
            if !moved {
                return;
            }
        }
    }

    /// Counts a request; at the end of a sample the shares change.
    fn climb(&mut self, hit_in: Option<usize>) {
        let entries = self.all().count() as u64;
        let Some(climber) = self.climber.as_mut().filter(|_| self.was_full) else {
            return;
        };
        climber.requests += 1;
        if let Some(segment) = hit_in {
            climber.hits[usize::from(segment != WINDOW)] += 1;
        }
        let small = entries <= 4_096;
        if climber.requests < entries.max(1) * if small { 10 } else { 4 } {
            return;
        }
        let capacity = self.capacity as f64;
        let (hits, requests) = (climber.hits, climber.requests as f64);
        let (change, floor) = if small {
            let ratio = (hits[0] + hits[1]) as f64 / requests;
            let difference = ratio - climber.ratio;
            let step = if difference < 0.0 {
                -climber.step
            } else {
                climber.step
            };
            climber.ratio = ratio;
            climber.step = if difference.abs() < 0.05 {
                0.98 * step
            } else {
                0.0625_f64.copysign(step)
            };
            (step * capacity, 1.0)
        } else {
            let earned = hits.map(|hits| (hits as f64).max(requests / 8_192.0));
            let main = self.capacity - self.shares[0];
            let window_density = earned[0] / self.shares[0].max(1) as f64;
            let error = (window_density / (earned[1] / main.max(1) as f64)).ln();
            ((0.03 * error).clamp(-0.3, 0.3) * capacity, 0.02 * capacity)
        };
        (climber.requests, climber.hits) = (0, [0, 0]);
        let main = self.first_main();
        let window_max = self.capacity - main + (main as f64 * self.protected) as u64;
        let window = (self.shares[0] as f64 + change).max(floor) as u64;
        let window = window.max(1).min(window_max);
        if window != self.shares[0] {
            self.window_now = window as f64 / capacity;
        }
        self.divide(self.capacity - window);
        self.settle();
    }

    fn unlink(&mut self, slot: u32) -> Option<Entry> {
        self.queues.iter_mut().find_map(|queue| {
            let at = queue.iter().position(|entry| entry.slot == slot)?;
            queue.remove(at)
        })
    }
}

impl Model for WTinyLfuModel {
    fn miss(&mut self, hash: u64) -> bool {
        self.gate.miss(hash);
        self.climb(None);
        false
    }

    fn insert(&mut self, slot: u32, hash: u64, weight: u32, _remembered: bool) {
        let entry = Entry {
            slot,
            hash,
            weight: u64::from(weight),
            segment: WINDOW,
        };
        if entry.weight > self.shares[0] {
            self.queues[WINDOW].push_front(entry);
        } else {
            self.queues[WINDOW].push_back(entry);
        }
        let len = self.all().count() as u64;
        if len > self.gate.suits {
            let weight = self.all().map(|entry| entry.weight).sum();
            self.gate.fit(self.capacity, len, weight);
        }
        self.settle();
    }

    fn hit(&mut self, slot: u32) {
        let entry = self.all().find(|entry| entry.slot == slot).unwrap();
        let (hash, segment) = (entry.hash, entry.segment);
        self.gate.sketch.increment(hash);
        if let Some(mut entry) = self.unlink(slot) {
            let promoted = segment == PROBATION && entry.weight <= self.shares[2];
            entry.segment = if promoted { PROTECTED } else { segment };
            self.queues[entry.segment].push_back(entry);
            if promoted {
                self.settle();
            }
        }
        self.climb(Some(segment));
    }

    fn evict(&mut self) -> Option<u32> {
        self.was_full = true;
        let from = if self.queues[PROBATION].is_empty() {
            PROTECTED
        } else {
            PROBATION
        };
        let main = self.weight(&[PROBATION, PROTECTED]);
        let duel = main <= self.shares[1] || self.queues[from].is_empty();
        let ends = (self.queues[WINDOW].front(), self.queues[from].front());
        let loser = match ends {
            (Some(candidate), Some(victim)) if duel => {
                if self.gate.admits(candidate.hash, victim.hash) {
                    let victim = self.queues[from].pop_front();
                    self.move_oldest(WINDOW, PROBATION, u64::MAX);
                    victim
                } else {
                    self.queues[WINDOW].pop_front()
                }
            }
            (_, Some(_)) => self.queues[from].pop_front(),
            _ => self.queues[WINDOW].pop_front(),
        };
        loser.map(|entry| entry.slot)
    }

    fn remove(&mut self, slot: u32, _remember: bool) {
        self.unlink(slot);
        self.pinned.retain(|entry| entry.slot != slot);
    }

    fn reweigh(&mut self, slot: u32, weight: u32) {
        let linked = self.queues.iter_mut().flatten();
        if let Some(entry) = linked.into_iter().find(|entry| entry.slot == slot) {
            entry.weight = u64::from(weight);
            self.settle();
        }
        for entry in self.pinned.iter_mut().filter(|entry| entry.slot == slot) {
            entry.weight = u64::from(weight);
        }
    }

    fn pin(&mut self, slot: u32) {
        let entry = self.unlink(slot);
        self.pinned.extend(entry);
    }

    fn unpin(&mut self, slot: u32) {
        if let Some(at) = self.pinned.iter().position(|entry| entry.slot == slot) {
            let entry = self.pinned.remove(at);
            self.queues[entry.segment].push_back(entry);
            self.settle();
        }
    }

    fn set_capacity(&mut self, capacity: u64) {
        if self.capacity == capacity {
            return;
        }
        self.capacity = capacity;
        let first = self.first_main();
        let probation = first - (first as f64 * self.protected) as u64;
        let main = (capacity as f64 * (1.0 - self.window_now)) as u64;
        self.divide(main.max(probation));
        if let Some(climber) = &mut self.climber {
            (climber.requests, climber.hits) = (0, [0, 0]);
        }
        let len = self.all().count() as u64;
        if len > 0 {
            let weight = self.all().map(|entry| entry.weight).sum();
            self.gate.fit(capacity, len, weight);
        } else {
            self.gate.suits = 0;
        }
        self.settle();
    }
}

/// TinyLFU before LRU.
pub(crate) struct TinyLfuModel {
    capacity: u64,
    /// Of LRU, the oldest first.
    queue: VecDeque<Entry>,
    pinned: Vec<Entry>,
    candidate: Option<Entry>,
    gate: Gate,
}

impl TinyLfuModel {
    pub(crate) fn new(capacity: u64, sample: u64, seed: u64) -> Self {
        TinyLfuModel {
            capacity,
            queue: VecDeque::new(),
            pinned: Vec::new(),
            candidate: None,
            gate: Gate::new(sample, seed),
        }
    }

    fn fit(&mut self) {
        let all = self.queue.iter().chain(&self.pinned).chain(&self.candidate);
        let (len, weight) = all.fold((0, 0), |(len, sum), entry| (len + 1, sum + entry.weight));
        if len > 0 {
            self.gate.fit(self.capacity, len, weight);
        } else {
            self.gate.suits = 0;
        }
    }

    fn unlink(&mut self, slot: u32) -> Option<Entry> {
        let at = self.queue.iter().position(|entry| entry.slot == slot)?;
        self.queue.remove(at)
    }

    fn is_candidate(&self, slot: u32) -> bool {
        self.candidate
            .as_ref()
            .is_some_and(|entry| entry.slot == slot)
    }
}

impl Model for TinyLfuModel {
    fn miss(&mut self, hash: u64) -> bool {
        self.gate.miss(hash);
        false
    }

    fn insert(&mut self, slot: u32, hash: u64, weight: u32, _remembered: bool) {
        let candidate = Entry {
            slot,
            hash,
            weight: u64::from(weight),
            segment: WINDOW,
        };
        self.queue.extend(self.candidate.replace(candidate));
        if (self.queue.len() + self.pinned.len()) as u64 >= self.gate.suits {
            self.fit();
        }
    }

    fn hit(&mut self, slot: u32) {
        if let Some(entry) = self.unlink(slot) {
            self.queue.push_back(entry);
        }
        let mut all = self.queue.iter().chain(&self.pinned).chain(&self.candidate);
        let hash = all.find(|entry| entry.slot == slot).unwrap().hash;
        self.gate.sketch.increment(hash);
    }

    fn evict(&mut self) -> Option<u32> {
        let leaving = match (&self.candidate, self.queue.front()) {
            (Some(candidate), Some(victim)) => {
                if self.gate.admits(candidate.hash, victim.hash) {
                    let victim = self.queue.pop_front();
                    self.queue.extend(self.candidate.take());
                    victim
                } else {
                    self.candidate.take()
                }
            }
            (Some(_), None) => self.candidate.take(),
            (None, _) => self.queue.pop_front(),
        };
        leaving.map(|entry| entry.slot)
    }

    fn remove(&mut self, slot: u32, _remember: bool) {
        self.unlink(slot);
        self.pinned.retain(|entry| entry.slot != slot);
        self.candidate.take_if(|entry| entry.slot == slot);
    }

    fn reweigh(&mut self, slot: u32, weight: u32) {
        let resident = self.queue.iter_mut().chain(&mut self.pinned);
        for entry in resident.chain(&mut self.candidate) {
            if entry.slot == slot {
                entry.weight = u64::from(weight);
            }
        }
    }

    fn pin(&mut self, slot: u32) {
        if self.is_candidate(slot) {
            self.queue.extend(self.candidate.take());
        }
        let entry = self.unlink(slot);
        self.pinned.extend(entry);
    }

    fn unpin(&mut self, slot: u32) {
        if let Some(at) = self.pinned.iter().position(|entry| entry.slot == slot) {
            self.queue.push_back(self.pinned.remove(at));
        }
    }

    fn set_capacity(&mut self, capacity: u64) {
        if self.capacity != capacity {
            self.capacity = capacity;
            self.fit();
        }
    }
}

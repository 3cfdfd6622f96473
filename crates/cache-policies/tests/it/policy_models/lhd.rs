//! The naive model of LHD, with the same lots: each class as plain columns, built anew where the policy shifts them.

use std::collections::BTreeMap;

use super::Model;
use super::sampled::Lots;

const AGES: usize = 4_096;
const OLDEST: usize = AGES - 1;

#[derive(Clone, Debug)]
struct Entry {
    slot: u32,
    weight: u32,
    stamp: u64,
    last_age: usize,
    class: u32,
    explorer: bool,
}

#[derive(Clone, Debug)]
struct Class {
    hits: Vec<f32>,
    evictions: Vec<f32>,
    densities: Vec<f32>,
}

pub(crate) struct LhdModel {
    capacity: u64,
    sample: usize,
    interval: u64,
    linked: Vec<Entry>,
    pinned: Vec<Entry>,
    lots: Lots,
    clock: u64,
    /// The intervals so far, and the request at which this one ends. All are equal: those of the tests are short, or
    /// longer than a test.
    intervals: u32,
    end: u64,
    /// By group of weights and class of ages.
    classes: BTreeMap<(u32, u32), Class>,
    step: u32,
    fitted: usize,
    recent: [Option<u32>; 8],
    recent_next: usize,
    victim_density: f32,
}

/// How often the sum of the last two ages can be doubled before it reaches the number of ages.
fn class_of(ages: usize) -> u32 {
    if ages == 0 {
        return 15;
    }
    (0..15)
        .find(|doublings| ages << doublings >= AGES)
        .unwrap_or(15)
}

/// Weights up to 1, 7, 31, ...: two more bits each.
fn group_of(weight: u32) -> u32 {
    (0..15)
        .find(|group| u64::from(weight) < 2 << (2 * group))
        .unwrap_or(15)
}

impl LhdModel {
    pub(crate) fn new(sample: usize, interval: u64, seed: u64, capacity: u64) -> Self {
        LhdModel {
            capacity,
            sample,
            interval,
            linked: Vec::new(),
            pinned: Vec::new(),
            lots: Lots(seed),
            clock: 0,
            intervals: 0,
            end: interval,
            classes: BTreeMap::new(),
            step: 0,
            fitted: 0,
            recent: [None; 8],
            recent_next: 0,
            victim_density: 0.0,
        }
    }

    fn residents(&self) -> impl Iterator<Item = &Entry> {
        self.linked.iter().chain(&self.pinned)
    }

    fn age(&self, entry: &Entry) -> usize {
        (((self.clock - entry.stamp) >> self.step) as usize).min(OLDEST)
    }

    fn initial(&self, class: u32, age: usize) -> f32 {
        if self.intervals > 0 {
            0.0
        } else {
            (class as f32 + 1.0) / (age as f32 + 1.0)
        }
    }

    fn density(&self, entry: &Entry) -> f32 {
        let age = self.age(entry);
        if entry.weight == 0 {
            return f32::INFINITY;
        }
        if age == OLDEST {
            return f32::NEG_INFINITY;
        }
        let density = match self.classes.get(&(group_of(entry.weight), entry.class)) {
            Some(class) => class.densities[age],
            None => self.initial(entry.class, age),
        };
        let explored = if entry.explorer { 1.0 } else { 0.0 };
        density / entry.weight as f32 + explored
    }

    fn class(&mut self, entry: &Entry) -> &mut Class {
        let key = (group_of(entry.weight), entry.class);
        if !self.classes.contains_key(&key) {
            let initial = (0..AGES).map(|age| self.initial(entry.class, age));
            let fresh = Class {
                hits: vec![0.0; AGES],
                evictions: vec![0.0; AGES],
                densities: initial.collect(),
            };
            self.classes.insert(key, fresh);
        }
        self.classes.get_mut(&key).unwrap()
    }

    fn explores(&mut self) -> bool {
        let explorers = self.residents().filter(|entry| entry.explorer);
        let explored: u64 = explorers.map(|entry| u64::from(entry.weight)).sum();
        self.intervals < 50 && explored < self.capacity / 100 && self.lots.below(32) == 0
    }

    fn tick(&mut self) {
        self.clock += 1;
        if self.clock == self.end {
            self.intervals += 1;
            self.end += self.interval;
            if self.fitted > 0 {
                self.fit();
            }
            for class in self.classes.values_mut() {
                for event in class.hits.iter_mut().chain(&mut class.evictions) {
                    *event *= 0.9;
                }
                learn(class);
            }
        }
    }

    fn fit(&mut self) {
        let entries = self.residents().count();
        // The first step at which the ages reach over a hundred times the entries.
        let reaches = |step: &u32| AGES << step >= 100 * entries.max(1);
        let wanted = (0..60).find(reaches).unwrap();
        if self.fitted > 0 && wanted.abs_diff(self.step) <= 1 {
            return;
        }
        for class in self.classes.values_mut() {
            for events in [&mut class.hits, &mut class.evictions] {
                *events = shifted(events, self.step, wanted);
            }
        }
        let (step, finer) = (self.step, wanted < self.step);
        for entry in self.linked.iter_mut().chain(&mut self.pinned) {
            if entry.last_age < OLDEST {
                entry.last_age = match finer {
                    true => (entry.last_age << (step - wanted)).min(OLDEST),
                    false => entry.last_age >> (wanted - step),
                };
            }
        }
        self.step = wanted;
        self.fitted = 4 * entries;
    }

    fn unlink(&mut self, slot: u32) -> Entry {
        let queue = if self.linked.iter().any(|entry| entry.slot == slot) {
            &mut self.linked
        } else {
            &mut self.pinned
        };
        let at = queue.iter().position(|entry| entry.slot == slot).unwrap();
        queue.swap_remove(at)
    }

    fn entry(&mut self, slot: u32) -> &mut Entry {
        let mut all = self.linked.iter_mut().chain(&mut self.pinned);
        all.find(|entry| entry.slot == slot).unwrap()
    }

    fn leave(&mut self, slot: u32, remember: bool) {
        let entry = self.unlink(slot);
        if remember {
            let age = self.age(&entry);
            self.class(&entry).evictions[age] += 1.0;
        }
        for recent in &mut self.recent {
            if *recent == Some(slot) {
                *recent = None;
            }
        }
    }
}

fn learn(class: &mut Class) {
    let (mut hits, mut events, mut time) = (0.0, 0.0, 0.0);
    for age in (0..AGES).rev() {
        hits += class.hits[age];
        events += class.hits[age] + class.evictions[age];
        time += events;
        class.densities[age] = if events > 1e-5 { hits / time } else { 0.0 };
    }
}

fn shifted(events: &[f32], step: u32, wanted: u32) -> Vec<f32> {
    let mut moved = vec![0.0; AGES];
    moved[OLDEST] = events[OLDEST];
    if wanted >= step {
        for age in 0..OLDEST {
            moved[age >> (wanted - step)] += events[age];
        }
        return moved;
    }
    let finer = step - wanted;
    let share = 1.0 / (1_u64 << finer) as f32;
    for event in &events[(AGES >> finer).max(1)..OLDEST] {
        moved[OLDEST] += event;
    }
    for age in 0..OLDEST {
        moved[age] = events[age >> finer] * share;
    }
    moved
}

impl Model for LhdModel {
    fn miss(&mut self, _hash: u64) -> bool {
        false
    }

    fn insert(&mut self, slot: u32, _hash: u64, weight: u32, _remembered: bool) {
        let mut entry = Entry {
            slot,
            weight,
            stamp: self.clock,
            last_age: 0,
            class: 0,
            explorer: false,
        };
        entry.explorer = self.explores();
        if !entry.explorer && self.density(&entry) < self.victim_density {
            self.recent[self.recent_next] = Some(slot);
            self.recent_next = (self.recent_next + 1) % 8;
        }
        self.linked.push(entry);
        self.tick();
    }

    fn hit(&mut self, slot: u32) {
        let before = self.entry(slot).clone();
        let age = self.age(&before);
        self.class(&before).hits[age] += 1.0;
        self.entry(slot).explorer = false;
        let explorer = self.explores();
        *self.entry(slot) = Entry {
            stamp: self.clock,
            last_age: age,
            class: class_of(age + before.last_age),
            explorer,
            ..before
        };
        self.tick();
    }

    fn evict(&mut self) -> Option<u32> {
        if self.residents().count() > self.fitted {
            let step = self.step;
            self.fit();
            if self.step != step && self.intervals > 0 {
                self.classes.values_mut().for_each(learn);
            }
        }
        if self.linked.is_empty() {
            return None;
        }
        let mut candidates: Vec<u32> = (0..self.sample)
            .map(|_| self.linked[self.lots.below(self.linked.len())].slot)
            .collect();
        let is_linked = |slot: &u32| self.linked.iter().any(|entry| entry.slot == *slot);
        candidates.extend(self.recent.iter().flatten().filter(|slot| is_linked(slot)));
        let mut victim = self.entry(candidates[0]).clone();
        for slot in candidates {
            let other = self.entry(slot).clone();
            if self.density(&other) < self.density(&victim) {
                victim = other;
            }
        }
        let density = self.density(&victim);
        if density.is_finite() {
            self.victim_density = 0.9 * self.victim_density + (1.0 - 0.9) * density;
        }
        self.leave(victim.slot, true);
        Some(victim.slot)
    }

    fn remove(&mut self, slot: u32, remember: bool) {
        self.leave(slot, remember);
    }

    fn reweigh(&mut self, slot: u32, weight: u32) {
        self.entry(slot).weight = weight;
    }

    fn pin(&mut self, slot: u32) {
        let entry = self.unlink(slot);
        self.pinned.push(entry);
    }

    fn unpin(&mut self, slot: u32) {
        if let Some(at) = self.pinned.iter().position(|entry| entry.slot == slot) {
            self.linked.push(self.pinned.swap_remove(at));
        }
    }

    fn set_capacity(&mut self, capacity: u64) {
        self.capacity = capacity;
    }
}

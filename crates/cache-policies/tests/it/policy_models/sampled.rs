//! The naive models of the policies that draw lots among their entries, with the same lots.

use super::Model;
use crate::policy_random::mix;

/// What a model is of, with its parameters.
#[derive(Clone, Debug)]
pub(crate) enum SampledKind {
    Random,
    Hyperbolic { sample: usize },
}

#[derive(Clone, Debug)]
struct Entry {
    slot: u32,
    weight: u32,
    requests: u64,
    since: u64,
}

/// Entries in the order that lots are drawn from: the last one fills the gap of one that leaves.
pub(crate) struct SampledModel {
    kind: SampledKind,
    linked: Vec<Entry>,
    pinned: Vec<Entry>,
    lots: Lots,
    clock: u64,
}

/// SplitMix64, from the finalizer that the tests have anyway.
pub(crate) struct Lots(pub(crate) u64);

impl Lots {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let number = mix(self.0);
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        ((u128::from(number) * bound as u128) >> 64) as usize
    }

    pub(crate) fn share(&mut self) -> f64 {
        (self.below(1 << 53)) as f64 / (1_u64 << 53) as f64
    }
}

impl SampledModel {
    pub(crate) fn new(kind: SampledKind, seed: u64) -> Self {
        SampledModel {
            kind,
            linked: Vec::new(),
            pinned: Vec::new(),
            lots: Lots(seed),
            clock: 0,
        }
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

    /// Requests an age and a unit of weight.
    fn priority(&self, entry: &Entry) -> f64 {
        if entry.weight == 0 {
            return f64::INFINITY;
        }
        entry.requests as f64 / ((self.clock - entry.since) as f64 * f64::from(entry.weight))
    }
}

impl Model for SampledModel {
    fn miss(&mut self, _hash: u64) -> bool {
        false
    }

    fn insert(&mut self, slot: u32, _hash: u64, weight: u32, _remembered: bool) {
        self.linked.push(Entry {
            slot,
            weight,
            requests: 1,
            since: self.clock,
        });
        self.clock += 1;
    }

    fn hit(&mut self, slot: u32) {
        self.entry(slot).requests += 1;
        self.clock += 1;
    }

    fn evict(&mut self) -> Option<u32> {
        if self.linked.is_empty() {
            return None;
        }
        let draws = match self.kind {
            SampledKind::Random => 1,
            SampledKind::Hyperbolic { sample } => sample,
        };
        let drawn: Vec<usize> = (0..draws)
            .map(|_| self.lots.below(self.linked.len()))
            .collect();
        let mut victim = drawn[0];
        for other in drawn {
            if self.priority(&self.linked[other]) < self.priority(&self.linked[victim]) {
                victim = other;
            }
        }
        Some(self.linked.swap_remove(victim).slot)
    }

    fn remove(&mut self, slot: u32, _remember: bool) {
        self.unlink(slot);
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

    fn set_capacity(&mut self, _capacity: u64) {}
}

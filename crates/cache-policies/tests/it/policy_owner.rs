//! An owner of entries that drives a policy through random operations and checks it after each.

use std::collections::{HashMap, HashSet};

use cache_policies::{Hint, Policy, Slot};

use crate::policy_models::Model;
use crate::policy_random::{Random, Workload, mix};

/// The sequence of one run.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Sequence {
    pub(crate) seed: u64,
    pub(crate) operations: u64,
    pub(crate) workload: Workload,
    pub(crate) capacity: u64,
    /// Weights are from 0 to this; 1 stands for all of weight 1.
    pub(crate) weight_max: u64,
}

impl Sequence {
    /// These many sequences of 500 operations, over all workloads, weights and capacities (0 and 1 among them).
    pub(crate) fn several(cases: u64) -> impl Iterator<Item = Sequence> {
        (0..cases).map(|seed| Sequence {
            seed,
            operations: 500,
            workload: Workload::ALL[(seed % 4) as usize],
            capacity: [10, 1, 33, 0, 20, 100, 3][(seed % 7) as usize],
            weight_max: [1, 1, 6, 40][(seed / 4 % 4) as usize],
        })
    }
}

/// How many sequences each policy is put through, in all its configurations: `STRATA_CASES`, or 2,000, a million operations.
pub(crate) fn cases() -> u64 {
    match std::env::var("STRATA_CASES") {
        Ok(text) => text.parse().expect("STRATA_CASES is a number"),
        Err(_) => 2_000,
    }
}

struct Entry {
    key: u64,
    weight: u32,
}

/// The entries, by slot, and what they must add up to.
pub(crate) struct Owner<P> {
    policy: P,
    model: Option<Box<dyn Model>>,
    random: Random,
    entries: Vec<Option<Entry>>,
    free: Vec<Slot>,
    index: HashMap<u64, Slot>,
    pinned: HashSet<Slot>,
    weight: u64,
    weight_max: u64,
}

impl<P: Policy> Owner<P> {
    /// Drives a new policy through a sequence, beside a model if one is given.
    ///
    /// # Panics
    /// If the policy breaks its contract, or differs from the model.
    pub(crate) fn run(config: &P::Config, model: Option<Box<dyn Model>>, sequence: Sequence) {
        let mut owner = Owner {
            policy: P::new(sequence.capacity, config).unwrap(),
            model,
            random: Random::new(sequence.seed),
            entries: Vec::new(),
            free: Vec::new(),
            index: HashMap::new(),
            pinned: HashSet::new(),
            weight: 0,
            weight_max: sequence.weight_max,
        };
        for position in 0..sequence.operations {
            owner.step(position, sequence);
            owner.check();
        }
        owner.drain();
    }

    fn step(&mut self, position: u64, sequence: Sequence) {
        let slot = self.any_slot();
        match (self.random.below(40), slot) {
            (0, Some(slot)) => self.remove(slot),
            (1, Some(slot)) => self.pin(slot),
            (2..=3, Some(slot)) => self.unpin(slot),
            (4, Some(slot)) if self.weight_max > 1 => self.reweigh(slot),
            // A model is not asked for a victim that stays.
            (5, _) if self.model.is_none() && self.random.below(2) == 0 => self.remove_victim(),
            (5, _) => {
                self.evict();
            }
            (6, _) if self.random.below(10) == 0 => self.resize(sequence.capacity),
            _ => {
                let universe = sequence.capacity * 2 + 5;
                let key = sequence.workload.key(&mut self.random, position, universe);
                self.request(key);
                // Owners may let go of what is over at once, or keep it until they need the room.
                while (sequence.seed / 16).is_multiple_of(2) && self.overflow() {}
            }
        }
    }

    fn request(&mut self, key: u64) {
        let hash = mix(key);
        self.foresee();
        if let Some(&slot) = self.index.get(&key) {
            self.policy.hit(slot, hash);
            if let Some(model) = &mut self.model {
                model.hit(slot.get());
            }
            return;
        }
        let hint = self.policy.miss(hash);
        let remembered = self.model.as_mut().is_some_and(|model| model.miss(hash));
        assert!(
            self.model.is_none() || remembered == (hint != Hint::NONE),
            "the ghosts differ"
        );
        let weight = self.any_weight();
        if u64::from(weight) > self.policy.capacity() {
            return;
        }
        while self.policy.weight() + u64::from(weight) > self.policy.capacity() {
            if !self.evict() {
                return;
            }
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            Slot::new(self.entries.len() as u32 - 1)
        });
        self.policy.insert(slot, hash, weight, hint);
        if let Some(model) = &mut self.model {
            model.insert(slot.get(), hash, weight, remembered);
        }
        self.entries[slot.index()] = Some(Entry { key, weight });
        self.index.insert(key, slot);
        self.weight += u64::from(weight);
    }

    /// What is foreseen need not come true: a policy has no way to know.
    fn foresee(&mut self) {
        let distance = match self.random.below(8) {
            0 => u64::MAX,
            _ => 1 + self.random.below(200),
        };
        self.policy.foresee(distance);
        if let Some(model) = &mut self.model {
            model.foresee(distance);
        }
    }

    /// Lets the victim go that the policy names, as an owner does that has compared it with something.
    fn remove_victim(&mut self) {
        let before = (self.policy.len(), self.policy.weight());
        let victim = self.policy.victim();
        self.policy.check();
        assert_eq!(before, (self.policy.len(), self.policy.weight()));
        let Some(victim) = victim else {
            assert_eq!(self.pinned.len(), self.index.len(), "no victim was named");
            return;
        };
        assert!(!self.pinned.contains(&victim), "a pinned victim was named");
        self.policy.remove(victim, true);
        self.depart(victim);
    }

    /// Whether there was a victim.
    fn evict(&mut self) -> bool {
        let victim = self.policy.evict();
        if let Some(model) = &mut self.model {
            assert_eq!(victim.map(Slot::get), model.evict(), "the victims differ");
        }
        let Some(victim) = victim else {
            assert_eq!(
                self.pinned.len(),
                self.index.len(),
                "nothing was evicted, though something is linked"
            );
            return false;
        };
        assert!(!self.pinned.contains(&victim), "a pinned entry was evicted");
        self.depart(victim);
        true
    }

    /// Whether a queue had no room for an entry, which is gone then.
    fn overflow(&mut self) -> bool {
        let victim = self.policy.overflow();
        if let Some(model) = &mut self.model {
            let expected = model.overflow();
            assert_eq!(victim.map(Slot::get), expected, "what is over differs");
        }
        if let Some(victim) = victim {
            assert!(!self.pinned.contains(&victim), "a pinned entry was evicted");
            self.depart(victim);
        }
        victim.is_some()
    }

    fn depart(&mut self, slot: Slot) {
        let entry = self.entries[slot.index()]
            .take()
            .expect("the slot is resident");
        self.index.remove(&entry.key);
        self.pinned.remove(&slot);
        self.free.push(slot);
        self.weight -= u64::from(entry.weight);
    }

    fn remove(&mut self, slot: Slot) {
        let remember = self.random.below(2) == 0;
        self.policy.remove(slot, remember);
        if let Some(model) = &mut self.model {
            model.remove(slot.get(), remember);
        }
        self.depart(slot);
    }

    fn pin(&mut self, slot: Slot) {
        self.policy.pin(slot);
        if let Some(model) = &mut self.model {
            model.pin(slot.get());
        }
        self.pinned.insert(slot);
    }

    fn unpin(&mut self, slot: Slot) {
        // Half of the time one that is pinned, if there is any.
        let pinned = self.pinned.iter().copied().min();
        let slot = if self.random.below(2) == 0 {
            pinned.unwrap_or(slot)
        } else {
            slot
        };
        self.policy.unpin(slot);
        if let Some(model) = &mut self.model {
            model.unpin(slot.get());
        }
        self.pinned.remove(&slot);
    }

    fn reweigh(&mut self, slot: Slot) {
        let weight = self.any_weight();
        self.policy.reweigh(slot, weight);
        if let Some(model) = &mut self.model {
            model.reweigh(slot.get(), weight);
        }
        let entry = self.entries[slot.index()]
            .as_mut()
            .expect("the slot is resident");
        self.weight = self.weight - u64::from(entry.weight) + u64::from(weight);
        entry.weight = weight;
        self.evict_excess();
    }

    fn resize(&mut self, usual: u64) {
        let capacity = if self.random.below(2) == 0 {
            usual
        } else {
            self.random.below(usual + 20)
        };
        self.policy.set_capacity(capacity);
        if let Some(model) = &mut self.model {
            model.set_capacity(capacity);
        }
        assert_eq!(self.policy.capacity(), capacity);
        self.check();
        self.evict_excess();
    }

    fn evict_excess(&mut self) {
        while self.policy.weight() > self.policy.capacity() && self.evict() {
            self.check();
        }
    }

    fn check(&self) {
        self.policy.check();
        assert_eq!(self.policy.len(), self.index.len());
        assert_eq!(self.policy.is_empty(), self.index.is_empty());
        assert_eq!(self.policy.weight(), self.weight);
        if let Some(insights) = self.model.as_ref().and_then(|model| model.explain()) {
            let mut told = Vec::new();
            self.policy.explain(&mut |insight| told.push(insight));
            assert_eq!(told, insights, "it tells something else");
        }
        let resident = self.entries.iter().zip(0..);
        for (entry, slot) in resident.filter_map(|(entry, slot)| Some((entry.as_ref()?, slot))) {
            assert_eq!(self.policy.weight_of(Slot::new(slot)), entry.weight);
        }
    }

    /// Unpins half, evicts what is linked, then the rest.
    fn drain(&mut self) {
        let mut pinned: Vec<Slot> = self.pinned.iter().copied().collect();
        pinned.sort();
        for half in [pinned.len() / 2, pinned.len() - pinned.len() / 2] {
            while self.evict() {}
            assert_eq!(self.policy.len(), self.pinned.len());
            for slot in pinned.drain(..half) {
                self.policy.unpin(slot);
                if let Some(model) = &mut self.model {
                    model.unpin(slot.get());
                }
                self.pinned.remove(&slot);
            }
        }
        while self.evict() {}
        self.check();
        assert_eq!((self.policy.len(), self.policy.weight()), (0, 0));
    }

    fn any_slot(&mut self) -> Option<Slot> {
        if self.entries.is_empty() {
            return None;
        }
        let at = self.random.below(self.entries.len() as u64) as usize;
        self.entries[at].is_some().then(|| Slot::new(at as u32))
    }

    fn any_weight(&mut self) -> u32 {
        if self.weight_max == 1 {
            1
        } else {
            self.random.below(self.weight_max + 1) as u32
        }
    }
}

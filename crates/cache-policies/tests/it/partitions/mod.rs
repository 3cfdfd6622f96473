//! `Partitions` against the dullest ones, and as a residency where there is but one.

mod model;

use std::collections::{BTreeMap, BTreeSet};

use cache_policies::{
    AnyConfig, AnyPolicy, Fifo, FifoConfig, Hint, Lru, LruConfig, Partition, Partitions, Policy,
    Quota, QuotaError, RejectReason, Residency, Room, Slot,
};

use self::model::{Entry, Model, Part};
use crate::policy_owner::cases;
use crate::policy_random::{Random, mix};

/// Keys and slots on partitions; keys of partitions differ.
struct Owner<P: Policy> {
    partitions: Partitions<P>,
    slots: BTreeMap<u64, Slot>,
    keys: Vec<Option<u64>>,
    vacant: BTreeSet<Slot>,
}

impl<P: Policy> Owner<P> {
    fn new(capacity: u64, config: P::Config) -> Self {
        Self {
            partitions: Partitions::new(capacity, config).unwrap(),
            slots: BTreeMap::new(),
            keys: Vec::new(),
            vacant: BTreeSet::new(),
        }
    }

    fn vacate(&mut self, slot: Slot) -> u64 {
        let key = self.keys[slot.index()].take().expect("the slot is taken");
        self.slots.remove(&key);
        self.vacant.insert(slot);
        key
    }

    /// Inserts or replaces; tells `expect` of each victim, and then that there is room.
    fn put(
        &mut self,
        partition: Partition,
        key: u64,
        weight: u32,
        mut expect: impl FnMut(Option<u64>),
    ) -> Result<(), RejectReason> {
        let own = self.slots.get(&key).copied();
        let mut claim = self.partitions.claim(partition, weight, u64::MAX, own)?;
        let mut hint = Hint::NONE;
        match own {
            Some(slot) => self.partitions.hit(slot, mix(key)),
            None => hint = self.partitions.miss(partition, mix(key)),
        }
        loop {
            match self.partitions.make_room(&mut claim) {
                Room::Made => break expect(None),
                Room::Victim(victim) => {
                    let victim = self.vacate(victim.slot);
                    expect(Some(victim));
                }
                Room::None => panic!("what was not refused has room"),
            }
        }
        match claim.replaced() {
            Some(slot) => self.partitions.replace(slot, &claim),
            None => {
                let slot = self.vacant.pop_first().unwrap_or_else(|| {
                    self.keys.push(None);
                    Slot::new(self.keys.len() as u32 - 1)
                });
                self.keys[slot.index()] = Some(key);
                self.slots.insert(key, slot);
                self.partitions.insert(slot, mix(key), &claim, hint);
            }
        }
        Ok(())
    }
}

/// A run of random operations on both.
struct Run {
    owner: Owner<Lru>,
    model: Model,
    random: Random,
}

impl Run {
    fn new(seed: u64) -> Self {
        let capacity = 60;
        Self {
            owner: Owner::new(capacity, LruConfig::default()),
            model: Model {
                capacity,
                parts: Vec::new(),
            },
            random: Random::new(seed),
        }
    }

    fn quota(&mut self) -> Quota {
        let random = &mut self.random;
        let min = random.below(3) * random.below(12);
        Quota {
            min,
            max: [u64::MAX, min + random.below(50)][random.below(2) as usize],
            weight: random.below(4) as u32,
        }
    }

    fn add(&mut self) {
        let quota = self.quota();
        if self.owner.partitions.add(quota).is_ok() {
            self.model.parts.push(Part {
                quota,
                share: 0,
                entries: Vec::new(),
            });
        }
        self.learn_shares();
    }

    fn learn_shares(&mut self) {
        for partition in self.owner.partitions.iter() {
            self.model.parts[partition.index()].share = self.owner.partitions.share(partition);
        }
    }

    fn any_partition(&mut self) -> Partition {
        let partitions: Vec<Partition> = self.owner.partitions.iter().collect();
        partitions[self.random.below(partitions.len() as u64) as usize]
    }

    fn step(&mut self) {
        let partition = self.any_partition();
        let at = partition.index();
        let key = at as u64 * 1000 + self.random.below(30);
        let slot = self.owner.slots.get(&key).copied();
        let partitions = &mut self.owner.partitions;
        match (self.random.below(30), slot) {
            (0, Some(slot)) => {
                partitions.remove(slot);
                self.owner.vacate(slot);
                self.forget(key);
            }
            (1, Some(slot)) => {
                partitions.pin(slot);
                let entry = self.model.find(at, key).unwrap();
                self.model.parts[at].entries[entry].pinned = true;
            }
            (2..=4, Some(slot)) => {
                if partitions.unpin(slot) {
                    let entry = self.model.find(at, key).unwrap();
                    self.model.parts[at].entries[entry].pinned = false;
                    self.model.hit(at, key);
                }
            }
            (5, _) if self.random.below(4) == 0 => self.set_quota(partition),
            (6, _) if self.random.below(4) == 0 => self.set_capacity(),
            (7, _) if self.model.parts.len() < 6 => self.add(),
            (8..=20, Some(slot)) => {
                partitions.hit(slot, mix(key));
                self.model.hit(at, key);
            }
            _ => self.put(partition, key),
        }
        self.compare();
    }

    fn forget(&mut self, key: u64) -> Entry {
        let part = &mut self.model.parts[(key / 1000) as usize];
        let at = part.entries.iter().position(|entry| entry.key == key);
        part.entries.remove(at.expect("it is there"))
    }

    fn put(&mut self, partition: Partition, key: u64) {
        let weight = 1 + self.random.below(8) as u32;
        let at = partition.index();
        let refusal = self.model.refusal(at, key, u64::from(weight));
        if let Some(reason) = refusal {
            let refused = self
                .owner
                .put(partition, key, weight, |_| panic!("it was refused"));
            return assert_eq!(refused, Err(reason));
        }
        let model = &mut self.model;
        if model.find(at, key).is_some() {
            model.hit(at, key);
        }
        let mut pinned = false;
        let put = self.owner.put(partition, key, weight, |victim| {
            let expected = model.victim(at, key, u64::from(weight));
            assert_eq!(victim, expected.map(|(_, key)| key));
            if let Some((part, victim)) = expected {
                let entries = &mut model.parts[part].entries;
                entries.retain(|entry| entry.key != victim);
            } else if let Some(own) = model.find(at, key) {
                pinned = model.parts[at].entries.remove(own).pinned;
            }
        });
        put.expect("it was not refused");
        self.model.parts[at].entries.push(Entry {
            key,
            weight: u64::from(weight),
            pinned,
        });
    }

    fn set_quota(&mut self, partition: Partition) {
        let quota = self.quota();
        let part = &mut self.model.parts[partition.index()];
        let result = self.owner.partitions.set_quota(partition, quota);
        match result {
            Ok(()) => part.quota = quota,
            Err(QuotaError::Pinned { pinned }) => {
                assert!(pinned == part.pinned() && pinned > quota.max);
            }
            Err(error) => assert!(matches!(error, QuotaError::Overcommitted { .. }), "{error}"),
        }
        self.shed();
    }

    fn set_capacity(&mut self) {
        let capacity = self.random.below(100);
        if self.owner.partitions.set_capacity(capacity).is_ok() {
            self.model.capacity = capacity;
        }
        self.shed();
    }

    /// Sheds all that is too much.
    fn shed(&mut self) {
        self.learn_shares();
        while let Some(victim) = self.owner.partitions.shed() {
            let victim = self.owner.vacate(victim.slot);
            let over = |part: &Part| {
                part.weight() > part.quota.max && part.entries.iter().any(|entry| !entry.pinned)
            };
            let weights: Vec<u64> = self.model.parts.iter().map(Part::weight).collect();
            let part = self.model.parts.iter().position(over);
            let part = part.or_else(|| self.model.most_over(weights.clone(), false));
            let part = part
                .or_else(|| self.model.most_over(weights, true))
                .unwrap();
            assert_eq!(victim, self.model.first(part));
            self.forget(victim);
        }
    }

    fn compare(&self) {
        let partitions = &self.owner.partitions;
        partitions.check();
        assert_eq!(partitions.weight(), self.model.weight());
        assert!(partitions.weight() <= partitions.capacity());
        for partition in partitions.iter() {
            let part = &self.model.parts[partition.index()];
            assert_eq!(partitions.weight_in(partition), part.weight());
            assert_eq!(partitions.len_in(partition), part.entries.len());
            assert!(part.weight() <= part.quota.max);
            for entry in &part.entries {
                let slot = self.owner.slots[&entry.key];
                assert_eq!(partitions.partition_of(slot), Some(partition));
                assert_eq!(partitions.is_pinned(slot), entry.pinned);
                assert_eq!(u64::from(partitions.weight_of(slot)), entry.weight);
            }
        }
        for slot in &self.owner.vacant {
            assert_eq!(partitions.partition_of(*slot), None);
        }
    }
}

#[test]
fn partitions_equal_the_dullest_ones() {
    for seed in 0..cases().div_ceil(10) {
        let mut run = Run::new(seed);
        while run.model.parts.is_empty() {
            run.add();
        }
        for _ in 0..400 {
            run.step();
        }
    }
}

#[test]
fn one_partition_is_a_residency() {
    // Those that know the future go by the number of the slot where they are not told it.
    let configs = AnyConfig::all().into_iter();
    for config in configs.filter(|config| !config.is_offline()) {
        let mut owner = Owner::<AnyPolicy>::new(40, config.clone());
        let all = owner.partitions.add(Quota::default()).unwrap();
        let mut alone = Residency::new(AnyPolicy::new(40, &config).unwrap());
        let mut random = Random::new(5);
        for _ in 0..3000 {
            let key = (random.share().powi(3) * 150.0) as u64;
            if let Some(&slot) = owner.slots.get(&key) {
                owner.partitions.hit(slot, mix(key));
                alone.hit(slot, mix(key));
                continue;
            }
            let weight = random.below(4) as u32;
            let mut demand = alone.demand(weight, u64::MAX, None).unwrap();
            let hint = alone.miss(mix(key));
            let mut victims = Vec::new();
            while let Room::Victim(victim) = alone.make_room(&mut demand) {
                victims.push(owner.keys[victim.slot.index()].unwrap());
            }
            let mut lost = Vec::new();
            let put = owner.put(all, key, weight, |victim| lost.extend(victim));
            assert_eq!((put, lost), (Ok(()), victims), "{config}");
            alone.insert(owner.slots[&key], mix(key), &demand, hint);
        }
        assert_eq!(owner.partitions.weight(), alone.weight());
    }
}

/// What each partition keeps that asks for so many keys in turns with the others.
fn keep(config: &AnyConfig, quotas: &[Quota], keys: &[u64]) -> Vec<u64> {
    let mut owner = Owner::<AnyPolicy>::new(100, config.clone());
    for quota in quotas {
        owner.partitions.add(*quota).unwrap();
    }
    let mut random = Random::new(3);
    for _ in 0..1000 {
        for partition in owner.partitions.iter().collect::<Vec<_>>() {
            let bound = keys[partition.index()];
            let key = partition.index() as u64 * 100_000 + random.below(bound.max(1));
            match owner.slots.get(&key).copied() {
                _ if bound == 0 => {}
                Some(slot) => owner.partitions.hit(slot, mix(key)),
                None => owner.put(partition, key, 1, |_| {}).unwrap(),
            }
        }
    }
    owner.partitions.check();
    let partitions = &owner.partitions;
    partitions
        .iter()
        .map(|partition| partitions.weight_in(partition))
        .collect()
}

#[test]
fn every_policy_keeps_partitions_to_their_shares() {
    let weighed = |weight| Quota {
        weight,
        ..Quota::default()
    };
    for config in AnyConfig::all() {
        let keep = |quotas: &[Quota], keys: &[u64]| keep(&config, quotas, keys);
        assert_eq!(
            keep(&[weighed(1), weighed(3)], &[5000, 5000]),
            [25, 75],
            "{config}"
        );
        // Who wants less leaves the rest to the others.
        assert_eq!(
            keep(&[weighed(1), weighed(3)], &[5000, 20]),
            [80, 20],
            "{config}"
        );
        let bounded = Quota {
            max: 10,
            ..Quota::default()
        };
        assert_eq!(
            keep(&[bounded, weighed(1)], &[5000, 5000]),
            [10, 90],
            "{config}"
        );
        let assured = Quota {
            min: 60,
            ..Quota::default()
        };
        assert_eq!(
            keep(&[assured, weighed(5)], &[5000, 5000]),
            [60, 40],
            "{config}"
        );
    }
}

#[test]
fn a_scan_in_one_partition_costs_the_others_nothing() {
    let mut owner = Owner::<Lru>::new(100, LruConfig::default());
    let kept = owner.partitions.add(Quota::default()).unwrap();
    let scanned = owner.partitions.add(Quota::default()).unwrap();
    for key in 0..50 {
        owner.put(kept, key, 1, |_| {}).unwrap();
    }
    for key in 1000..5000 {
        owner.put(scanned, key, 1, |_| {}).unwrap();
    }
    assert!((0..50).all(|key| owner.slots.contains_key(&key)));
    assert_eq!(owner.partitions.weight_in(scanned), 50);
}

#[test]
fn a_lowered_capacity_costs_a_bounded_number_of_evictions_a_call() {
    let mut owner = Owner::<Lru>::new(100, LruConfig::default());
    let all = owner.partitions.add(Quota::default()).unwrap();
    for key in 0..100 {
        owner.put(all, key, 1, |_| {}).unwrap();
    }
    owner.partitions.set_capacity(10).unwrap();
    let mut evicted = 0;
    owner
        .put(all, 1000, 1, |victim| {
            evicted += usize::from(victim.is_some())
        })
        .unwrap();
    assert_eq!((evicted, owner.partitions.weight()), (9, 92));
    while let Some(victim) = owner.partitions.shed() {
        owner.vacate(victim.slot);
    }
    assert_eq!(owner.partitions.weight(), 10);
    owner.partitions.check();
}

#[test]
fn lives_end_in_every_partition() {
    let partitions = Partitions::<Fifo>::new(100, FifoConfig::default()).unwrap();
    let mut partitions = partitions.with_now(10).with_time_to_idle(20);
    let names = [(); 2].map(|()| partitions.add(Quota::default()).unwrap());
    for (number, partition) in (0..).zip(names) {
        let claim = partitions.claim(partition, 1, 30, None).unwrap();
        partitions.insert(Slot::new(number), u64::from(number), &claim, Hint::NONE);
    }
    let refused = partitions.claim(names[0], 1, 0, None);
    assert_eq!(refused.unwrap_err(), RejectReason::Stillborn);
    assert_eq!(partitions.deadline(Slot::new(1)), Some(30));
    partitions.pin(Slot::new(1));
    partitions.advance_to(31);
    assert!(partitions.is_dead(Slot::new(0)) && partitions.next_wakeup() <= Some(31));
    // The first was used at 15, which nobody told.
    assert_eq!(
        partitions.pop_idle(|slot| [15, 10][slot.index()]),
        Some(Slot::new(1))
    );
    assert_eq!(partitions.pop_idle(|_| unreachable!("none is due")), None);
    assert!(partitions.renew(Slot::new(0), 30) && partitions.set_life(Slot::new(0), 1));
    partitions.advance_to(32);
    assert_eq!(
        (partitions.pop_dead(), partitions.pop_dead()),
        (Some(Slot::new(0)), None)
    );
    assert!(partitions.is_empty());
    partitions.check();
}

#[test]
fn hits_that_are_counted_keep_entries_of_partitions() {
    let config: AnyConfig = "sieve".parse().unwrap();
    let mut partitions = Partitions::<AnyPolicy>::new(4, config).unwrap();
    let names = [(); 2].map(|()| partitions.add(Quota::default()).unwrap());
    for number in 0..4 {
        let partition = names[(number / 2) as usize];
        let claim = partitions.claim(partition, 1, u64::MAX, None).unwrap();
        partitions.insert(Slot::new(number), u64::from(number), &claim, Hint::NONE);
    }
    let mut counts = [0, 0, 1, 0];
    let mut claim = partitions.claim(names[1], 1, u64::MAX, None).unwrap();
    let room =
        partitions.make_room_touched(&mut claim, |slot| std::mem::take(&mut counts[slot.index()]));
    assert!(matches!(room, Room::Victim(victim) if victim.slot == Slot::new(3)));
    assert_eq!(counts, [0; 4]);
}

#[test]
fn quotas_that_cannot_be_are_refused() {
    let mut partitions = Partitions::<Fifo>::new(100, FifoConfig::default()).unwrap();
    let half = Quota {
        min: 50,
        ..Quota::default()
    };
    let first = partitions.add(half).unwrap();
    partitions.add(half).unwrap();
    let overcommitted = QuotaError::Overcommitted {
        min: 101,
        capacity: 100,
    };
    assert_eq!(
        partitions.set_quota(first, Quota { min: 51, ..half }),
        Err(overcommitted)
    );
    assert_eq!(partitions.quota(first), half);
    let crossed = Quota { max: 49, ..half };
    let error = QuotaError::Crossed { min: 50, max: 49 };
    assert_eq!(partitions.set_quota(first, crossed), Err(error));
    assert!(partitions.set_capacity(99).is_err());
    assert_eq!(partitions.capacity(), 100);
}

//! Hits through shared references: the same as exclusive ones, from any thread.

use cache_policies::{
    AnyConfig, AnyPolicy, Clock, ClockConfig, ConfigError, Hint, Policy, S3Fifo, S3FifoConfig,
    SharedHit, Sieve, Slot,
};

use crate::policy_models::{Kind, QueueModel};
use crate::policy_owner::{Owner, Sequence, cases};
use crate::policy_random::mix;

/// A policy whose hits all go through `touch`.
struct Touching<P>(P);

impl<P: SharedHit> Policy for Touching<P> {
    type Config = P::Config;

    fn new(capacity: u64, config: &P::Config) -> Result<Self, ConfigError> {
        P::new(capacity, config).map(Touching)
    }

    fn miss(&mut self, hash: u64) -> Hint {
        self.0.miss(hash)
    }

    fn insert(&mut self, slot: Slot, hash: u64, weight: u32, hint: Hint) {
        self.0.insert(slot, hash, weight, hint);
    }

    fn hit(&mut self, slot: Slot, _hash: u64) {
        self.0.touch(slot);
    }

    fn victim(&mut self) -> Option<Slot> {
        self.0.victim()
    }

    fn evict(&mut self) -> Option<Slot> {
        self.0.evict()
    }

    fn remove(&mut self, slot: Slot, remember: bool) {
        self.0.remove(slot, remember);
    }

    fn weight_of(&self, slot: Slot) -> u32 {
        self.0.weight_of(slot)
    }

    fn reweigh(&mut self, slot: Slot, weight: u32) {
        self.0.reweigh(slot, weight);
    }

    fn pin(&mut self, slot: Slot) {
        self.0.pin(slot);
    }

    fn unpin(&mut self, slot: Slot) {
        self.0.unpin(slot);
    }

    fn capacity(&self) -> u64 {
        self.0.capacity()
    }

    fn set_capacity(&mut self, capacity: u64) {
        self.0.set_capacity(capacity);
    }

    fn weight(&self) -> u64 {
        self.0.weight()
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn check(&self) {
        self.0.check();
    }
}

fn touches_are_hits<P: SharedHit>(config: &P::Config, kind: &Kind) {
    for sequence in Sequence::several(cases().div_ceil(20)) {
        let model = QueueModel::new(kind.clone(), sequence.capacity);
        Owner::<Touching<P>>::run(config, Some(Box::new(model)), sequence);
    }
}

#[test]
fn touches_are_hits_to_clock() {
    touches_are_hits::<Clock>(
        &ClockConfig::default().with_bits(3),
        &Kind::Clock { count_max: 7 },
    );
}

#[test]
fn touches_are_hits_to_sieve() {
    touches_are_hits::<Sieve>(&Default::default(), &Kind::Sieve);
}

#[test]
fn touches_are_hits_to_s3_fifo() {
    let kind = Kind::S3Fifo {
        small: 0.1,
        threshold: 2,
        ghost: 0.9,
        warm_up_in_main: true,
    };
    touches_are_hits::<S3Fifo>(&S3FifoConfig::default(), &kind);
}

/// Four threads mark the even slots, each several times; all odd ones go first.
fn survives_touches_of_many_threads<P: SharedHit + Sync>(config: &P::Config) {
    let mut policy = P::new(1_000, config).unwrap();
    for number in 0..1_000 {
        policy.insert(Slot::new(number), mix(u64::from(number)), 1, Hint::NONE);
    }
    let shared = &policy;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                for _ in 0..300 {
                    (0..1_000)
                        .step_by(2)
                        .for_each(|number| shared.touch(Slot::new(number)));
                }
            });
        }
    });
    policy.check();
    let victims: Vec<u32> = std::iter::from_fn(|| policy.evict())
        .map(Slot::get)
        .collect();
    assert!(
        victims[..500].iter().all(|victim| victim % 2 == 1),
        "a touched entry went before an untouched one"
    );
    assert!(victims[500..].iter().all(|victim| victim % 2 == 0));
    assert_eq!(victims.len(), 1_000);
}

#[test]
fn touches_of_many_threads_keep_the_touched() {
    survives_touches_of_many_threads::<Clock>(&ClockConfig::default());
    survives_touches_of_many_threads::<Clock>(&ClockConfig::default().with_bits(8));
    survives_touches_of_many_threads::<Sieve>(&Default::default());
    survives_touches_of_many_threads::<S3Fifo>(&S3FifoConfig::default());
}

#[test]
fn any_policy_says_which_hits_need_exclusive_access() {
    for config in AnyConfig::all() {
        let mut policy = AnyPolicy::new(2, &config).unwrap();
        policy.insert(Slot::new(0), mix(0), 1, Hint::NONE);
        let shared = [
            "fifo",
            "clock",
            "sieve",
            "s3-fifo",
            "clock2q+",
            "random",
            "clock-pro",
        ]
        .contains(&config.name());
        assert_eq!(policy.try_touch(Slot::new(0)), shared, "{config}");
    }
}

#[test]
fn policies_can_be_shared_and_sent() {
    fn shared_and_sent<P: Send + Sync + 'static>() {}
    shared_and_sent::<AnyPolicy>();
    shared_and_sent::<S3Fifo>();
}

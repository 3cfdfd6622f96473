//! `Cache` against the dullest correct cache: random operations on every policy.
//!
//! The model does not know who the policy evicts; it hears that from the listener, like any owner, and checks that the
//! victim was there, was not pinned, and had to go. Everything else it predicts.

mod model;
mod operation;
mod subject;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher};

use cache_policies::{AnyConfig, AnyPolicy, Cache, Policy, S3Fifo, S3FifoConfig};
use foldhash::quality::FixedState;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use self::model::{Model, Resident, Value};
use self::operation::{KEYS, Op, Settings, op, settings};
use self::subject::{Subject, apply};
use crate::policy_owner::cases;

/// What must hold between any two operations.
fn compare<P: Policy + Clone, S: BuildHasher + Clone>(model: &Model, cache: &Subject<P, S>) {
    cache.check();
    assert_eq!(*cache.listener(), [], "each departure was expected");
    assert_eq!(cache.now(), model.now);
    assert_eq!(cache.weight(), model.weight());
    assert!(cache.weight() <= cache.capacity() && cache.len() <= cache.max_entries());
    assert_eq!(
        (cache.capacity(), cache.max_entries()),
        (model.settings.capacity, model.settings.max_entries)
    );
    assert_eq!(cache.len(), model.residents.len());
    let mut listed = 0;
    for (key, value) in cache {
        assert_eq!(model.residents[key].id, value.id);
        listed += 1;
    }
    assert_eq!(listed, model.residents.len());
    for key in 0..KEYS {
        let resident = model.residents.get(&key);
        assert_eq!(cache.is_pinned(&key), resident.is_some_and(|r| r.pinned));
        assert_eq!(
            cache.deadline(&key),
            resident
                .map(|r| r.deadline)
                .filter(|&deadline| deadline != u64::MAX)
        );
    }
    // Each value is resident, was returned, or was heard of.
    assert_eq!(model.owed.len(), model.residents.len());
    let owed = |resident: &Resident| model.owed.contains(&resident.id);
    assert!(model.residents.values().all(owed));
}

fn run<P: Policy + Clone, S: BuildHasher + Clone>(
    config: P::Config,
    hasher: S,
    settings: Settings,
    ops: &[Op],
) {
    let weigher: fn(&u32, &Value) -> u32 = |_, value| value.weight;
    let mut cache: Subject<P, S> = Cache::builder()
        .capacity(settings.capacity)
        .max_entries(settings.max_entries)
        .time_to_live(settings.time_to_live)
        .time_to_idle(settings.time_to_idle)
        .policy::<P>(config)
        .weigher(weigher)
        .listener(Vec::new())
        .hasher(hasher)
        .build()
        .unwrap();
    let mut model = Model {
        settings,
        now: 0,
        residents: BTreeMap::new(),
        owed: BTreeSet::new(),
        made: 0,
    };
    for op in ops {
        apply(&mut model, &mut cache, op);
        compare(&model, &cache);
    }
    for (key, value) in cache {
        assert_eq!(
            model.residents.remove(&key).expect("it was there").id,
            value.id
        );
    }
    assert!(model.residents.is_empty());
}

/// Every key has the same hash.
#[derive(Clone, Default)]
struct Constant;

impl BuildHasher for Constant {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self
    }
}

impl Hasher for Constant {
    fn write(&mut self, _: &[u8]) {}

    fn finish(&self) -> u64 {
        42
    }
}

fn config(seed: u64) -> ProptestConfig {
    ProptestConfig {
        cases: 4 * u32::try_from(cases()).expect("as many as 32 bits count"),
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 4000,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(1))]

    #[test]
    fn a_cache_of_any_policy_equals_the_model(
        policy in any::<prop::sample::Index>(),
        settings in settings(),
        ops in prop::collection::vec(op(), 0..400),
    ) {
        let config = policy.get(&AnyConfig::all()).clone();
        run::<AnyPolicy, _>(config, FixedState::with_seed(1), settings, &ops);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: config(6).cases / 5, ..config(6) })]

    #[test]
    fn a_cache_whose_hashes_all_collide_equals_the_model(
        settings in settings(),
        ops in prop::collection::vec(op(), 0..400),
    ) {
        run::<S3Fifo, _>(S3FifoConfig::default(), Constant, settings, &ops);
    }
}

//! Random operations with injected failures, one at a time, against a plain map.

use crate::doubles::{Fate, Probe, cached, probed, read};
use crate::figures::cases;
use cache_tiered::{PutError, RemoveError, Tiered};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Step {
    Get(u64),
    GetFailing(u64),
    Put(u64, u64, Outcome),
    Remove(u64, Outcome),
    Invalidate(u64),
    InvalidateAll,
    Flush,
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Done,
    Refused,
    DoneButUnknown,
    NotDoneAndUnknown,
}

impl Outcome {
    fn fate(self) -> Fate {
        match self {
            Self::Done => Fate::Succeed,
            Self::Refused => Fate::Fail,
            Self::DoneButUnknown => Fate::DoneButUnknown,
            Self::NotDoneAndUnknown => Fate::NotDoneAndUnknown,
        }
    }

    fn takes_effect(self) -> bool {
        matches!(self, Self::Done | Self::DoneButUnknown)
    }
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        6 => Just(Outcome::Done),
        1 => Just(Outcome::Refused),
        1 => Just(Outcome::DoneButUnknown),
        1 => Just(Outcome::NotDoneAndUnknown),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0..12_u64;
    prop_oneof![
        8 => key.clone().prop_map(Step::Get),
        1 => key.clone().prop_map(Step::GetFailing),
        6 => (key.clone(), 0..1_000_u64, outcome()).prop_map(|(key, value, outcome)| Step::Put(key, value, outcome)),
        3 => (key.clone(), outcome()).prop_map(|(key, outcome)| Step::Remove(key, outcome)),
        1 => key.prop_map(Step::Invalidate),
        1 => Just(Step::InvalidateAll),
        1 => Just(Step::Flush),
    ]
}

/// Does a step on cache and model and compares what it returns.
fn apply(cache: &Tiered<u64, u64>, probe: &Probe, model: &mut BTreeMap<u64, u64>, step: &Step) {
    match *step {
        Step::Get(key) => assert_eq!(read(cache, key), model.get(&key).copied()),
        Step::GetFailing(key) => {
            let resident = cached(cache, key);
            probe.tell(Fate::Fail);
            match cache.get(&key).wait() {
                Ok(hit) => assert_eq!(
                    hit.map(|hit| hit.value),
                    resident,
                    "memory answers without the store"
                ),
                Err(_) => assert_eq!(
                    (resident, cached(cache, key)),
                    (None, None),
                    "nothing is kept of a failure"
                ),
            }
            probe.fates.lock().unwrap().clear();
        }
        Step::Put(key, value, outcome) => {
            let resident = cached(cache, key);
            probe.tell(outcome.fate());
            let put = cache.put(key, value).wait();
            if outcome.takes_effect() {
                model.insert(key, value);
            }
            match (outcome, put) {
                (Outcome::Done, Ok(())) => {}
                (Outcome::Refused, Err(PutError::Refused { value: back, .. })) => {
                    assert_eq!((back, cached(cache, key)), (value, resident), "as it was");
                }
                (
                    Outcome::DoneButUnknown | Outcome::NotDoneAndUnknown,
                    Err(PutError::Unknown { value: back, .. }),
                ) => {
                    assert_eq!((back, cached(cache, key)), (value, None), "hidden");
                }
                (outcome, put) => panic!("{outcome:?} gave {put:?}"),
            }
        }
        Step::Remove(key, outcome) => {
            let resident = cached(cache, key);
            let existed = model.contains_key(&key);
            probe.tell(outcome.fate());
            let removed = cache.remove(&key).wait();
            if outcome.takes_effect() {
                model.remove(&key);
            }
            match (outcome, removed) {
                (Outcome::Done, Ok(found)) => {
                    assert_eq!((found, cached(cache, key)), (existed, None))
                }
                (Outcome::Refused, Err(RemoveError::Refused(_))) => {
                    assert_eq!(cached(cache, key), resident)
                }
                (_, Err(RemoveError::Unknown(_))) => assert_eq!(cached(cache, key), None),
                (outcome, removed) => panic!("{outcome:?} gave {removed:?}"),
            }
        }
        Step::Invalidate(key) => {
            let resident = cached(cache, key).is_some();
            assert_eq!(cache.invalidate(&key), resident);
        }
        Step::InvalidateAll => cache.invalidate_all(),
        Step::Flush => assert_eq!(cache.flush().wait().unwrap().dead, 0),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(2_000),
        rng_seed: RngSeed::Fixed(0x7ee5),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn g1_g3_the_cache_is_its_store(memory in 1..8_u64, steps in prop::collection::vec(step(), 1..120)) {
        let (cache, probe) = probed(memory);
        let mut model = BTreeMap::new();
        for step in &steps {
            apply(&cache, &probe, &mut model, step);
            // What memory holds, the store holds.
            for key in 0..12 {
                let resident = cached(&cache, key);
                prop_assert!(resident.is_none() || resident == model.get(&key).copied(), "key {} after {:?}", key, step);
            }
            prop_assert_eq!(probe.entries.entries(), model.clone());
            prop_assert!(cache.stats().memory.len as u64 <= memory);
        }
    }
}

//! Failures of the medium at every call: what was acknowledged is there, whatever failed.

use super::medium::{Call, Medium};
use crate::doubles::Random;
use crate::figures::stride;
use cache_tiered::{
    ApplyError, BlockingSink, BlockingSource, Durability, MemoryTier, Mutation, PutError, Redb,
    RedbError, Tiered,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

const KEYS: u64 = 24;

fn open(medium: &Medium, durability: Durability) -> Redb {
    let opener = medium.clone();
    Redb::options()
        .durability(durability)
        .cache_bytes(1 << 20)
        .open_backend("medium", move || opener.open())
        .unwrap()
}

fn load(store: &Redb, key: u64) -> Result<Option<String>, RedbError> {
    BlockingSource::<u64, String>::load(store, &key).map(|loaded| loaded.into_value())
}

/// What the store must hold of a key, and what else it may hold since an outcome was unknown.
#[derive(Clone, Debug, Default)]
struct Truth {
    acknowledged: Option<String>,
    possible: Option<Option<String>>,
}

impl Truth {
    fn admits(&self, found: &Option<String>) -> bool {
        *found == self.acknowledged || self.possible.as_ref() == Some(found)
    }
}

type Truths = BTreeMap<u64, Truth>;

/// One mutation; returns how it failed.
fn mutate(
    store: &Redb,
    truths: &mut Truths,
    random: &mut Random,
    stamp: u64,
) -> Option<ApplyError<RedbError>> {
    let key = random.below(KEYS);
    let value =
        (random.below(4) != 0).then(|| format!("{stamp} ").repeat(1 + random.below(400) as usize));
    let mutation = match &value {
        Some(value) => Mutation::put(key, value.clone(), stamp),
        None => Mutation::remove(key, stamp),
    };
    let truth = truths.entry(key).or_default();
    match BlockingSink::apply(store, &[mutation]) {
        Ok(applied) => {
            if truth.possible.is_none() {
                assert_eq!(applied.existed(0), truth.acknowledged.is_some());
            }
            *truth = Truth {
                acknowledged: value,
                possible: None,
            };
            None
        }
        Err(error) => {
            if let ApplyError::Unknown(_) = error {
                truth.possible = Some(value);
            }
            Some(error)
        }
    }
}

fn verify(store: &Redb, truths: &Truths, context: &str) {
    for (key, truth) in truths {
        let found = load(store, *key).unwrap();
        assert!(
            truth.admits(&found),
            "{context}: key {key} is {found:?}, not {truth:?}"
        );
    }
}

/// Sixty mutations with one failing call. False once the call that was to fail was never made.
fn survive(call: Call, nth: u64, durability: Durability) -> bool {
    let context = format!("{call:?} {nth} at {durability}");
    let medium = Medium::default();
    let store = open(&medium, durability);
    let mut truths = Truths::new();
    let mut random = Random(nth);
    for stamp in 0..20 {
        assert!(mutate(&store, &mut truths, &mut random, stamp).is_none());
    }
    medium.fail(call, nth);
    let mut failures = 0;
    for stamp in 20..60 {
        let failed = mutate(&store, &mut truths, &mut random, stamp);
        failures += u64::from(failed.is_some());
        if stamp % 5 == 0 && call != Call::Read {
            verify(&store, &truths, &context);
        }
    }
    let met = medium.faults() > 0;
    if call != Call::Sync {
        assert!(
            failures <= 1,
            "{context}: one failing call costs one mutation, not {failures}"
        );
        // And writes go on.
        medium.unlimit();
        assert!(mutate(&store, &mut truths, &mut random, 60).is_none());
        verify(&store, &truths, &context);
    }
    medium.unlimit();
    drop(store);
    verify(&open(&medium, durability), &truths, &context);
    met
}

#[test]
fn a_full_disk_at_any_write_loses_nothing_that_was_acknowledged() {
    for durability in [Durability::Process, Durability::Power] {
        let tried = (0..)
            .step_by(stride())
            .take_while(|nth| survive(Call::Write, *nth, durability))
            .count();
        assert!(tried * stride() > 50, "{tried} writes");
    }
}

#[test]
fn a_write_that_fails_after_it_was_done_is_judged_by_what_is_there() {
    for durability in [Durability::Process, Durability::Power] {
        let tried = (0..)
            .step_by(stride())
            .take_while(|nth| survive(Call::LateWrite, *nth, durability))
            .count();
        assert!(tried * stride() > 50, "{tried} writes");
    }
}

#[test]
fn a_failing_read_costs_one_call_and_nothing_else() {
    let medium = Medium::default();
    let value = |key: u64| format!("{key} ").repeat(200);
    // More than redb keeps in memory, so that reads reach the medium.
    let batch: Vec<_> = (0..3_000)
        .map(|key| Mutation::put(key, value(key), key))
        .collect();
    BlockingSink::apply(&open(&medium, Durability::Process), &batch).unwrap();
    for nth in [0, 1, 2, 10, 100, 500] {
        let store = open(&medium, Durability::Process);
        medium.fail(Call::Read, nth);
        let mut failed = 0;
        for key in 0..3_000 {
            match load(&store, key) {
                Ok(found) => assert_eq!(found, Some(value(key))),
                Err(error) => {
                    failed += 1;
                    assert!(matches!(error, RedbError::Io(_)), "{error}");
                    assert_eq!(
                        load(&store, key).unwrap(),
                        Some(value(key)),
                        "the next read finds it"
                    );
                }
            }
        }
        assert_eq!((failed, store.stats().reopened), (1, 1), "read {nth}");
    }
}

#[test]
fn a_failing_sync_is_an_unknown_outcome_and_the_end_of_writes() {
    let mut met = 0;
    for nth in 0..6 {
        let medium = Medium::default();
        let store = open(&medium, Durability::Power);
        let mut truths = Truths::new();
        let mut random = Random(nth);
        medium.fail(Call::Sync, nth);
        let mut outcomes =
            (0..20).filter_map(|stamp| mutate(&store, &mut truths, &mut random, stamp));
        let Some(first) = outcomes.next() else {
            continue;
        };
        met += 1;
        assert!(
            matches!(first, ApplyError::Unknown(RedbError::Io(_))),
            "{first:?}"
        );
        assert!(outcomes.all(|later| matches!(later, ApplyError::Refused(RedbError::Unsynced))));
        // Reads go on, and so does a store that was opened anew.
        verify(&store, &truths, "the same handle");
        assert!(matches!(
            BlockingSink::<u64, String>::flush(&store),
            Err(RedbError::Unsynced)
        ));
        drop(store);
        let store = open(&medium, Durability::Power);
        verify(&store, &truths, "a new handle");
        assert!(mutate(&store, &mut truths, &mut random, 99).is_none());
    }
    assert!(met > 0);
}

#[test]
fn only_power_syncs_and_flush_always_does() {
    for durability in [Durability::Volatile, Durability::Process, Durability::Power] {
        let medium = Medium::default();
        let store = open(&medium, durability);
        let before = medium.syncs();
        let mut truths = Truths::new();
        for stamp in 0..10 {
            assert!(mutate(&store, &mut truths, &mut Random(stamp), stamp).is_none());
        }
        let during = medium.syncs() - before;
        assert_eq!(
            during >= 10,
            durability == Durability::Power,
            "{durability}: {during} syncs"
        );
        assert_eq!(during == 0, durability != Durability::Power);
        BlockingSink::<u64, String>::flush(&store).unwrap();
        assert_eq!(medium.syncs() - before, during + 1);
    }
}

#[test]
fn a_disk_that_stays_full_refuses_writes_serves_reads_and_recovers() {
    let medium = Medium::default();
    let tier = MemoryTier::entries(4);
    let store = open(&medium, Durability::Power);
    let cache: Tiered<u64, String> = Tiered::builder().memory(tier).store(store).build().unwrap();
    let value = |key: u64| format!("{key} ").repeat(500);
    for key in 0..50 {
        cache.put(key, value(key)).wait().unwrap();
    }
    medium.limit(4);
    let mut refused = 0;
    for key in 50..100 {
        match cache.put(key, value(key)).wait() {
            Ok(()) => assert_eq!(cache.get(&key).wait().unwrap().unwrap().value, value(key)),
            Err(PutError::Refused {
                value: back,
                source,
            }) => {
                refused += 1;
                assert_eq!(back, value(key));
                let full = matches!(source.downcast_ref(), Some(RedbError::Full(_)));
                assert!(full && source.to_string().contains("make room"), "{source}");
                assert!(cache.get(&key).wait().unwrap().is_none());
            }
            Err(other) => panic!("{other}"),
        }
        // Memory holds four of these; most come from the store.
        let old = (key * 7) % 50;
        assert_eq!(cache.get(&old).wait().unwrap().unwrap().value, value(old));
    }
    assert!(refused > 30, "{refused} of 50 puts found no room");
    medium.unlimit();
    for key in 50..100 {
        cache.put(key, value(key)).wait().unwrap();
    }
    assert!((0..100).all(|key| cache.get(&key).wait().unwrap().unwrap().value == value(key)));
}

#[test]
fn a_file_whose_making_was_cut_short_is_made_anew() {
    for durability in [Durability::Process, Durability::Power] {
        for call in [Call::Write, Call::LateWrite, Call::Sync] {
            if (call, durability) == (Call::Sync, Durability::Process) {
                continue;
            }
            let mut cut = 0;
            for nth in 0.. {
                let medium = Medium::default();
                medium.fail(call, nth);
                let opener = medium.clone();
                let options = Redb::options().durability(durability);
                let made = options.open_backend("medium", move || opener.open());
                let met = medium.faults() > 0;
                cut += u64::from(made.is_err());
                drop(made);
                medium.unlimit();
                let store = open(&medium, durability);
                BlockingSink::apply(&store, &[Mutation::put(1_u64, "one".to_owned(), 1)]).unwrap();
                assert_eq!(load(&store, 1).unwrap().as_deref(), Some("one"));
                if !met {
                    break;
                }
            }
            assert!(cut > 1, "{cut} makings were cut short");
        }
    }
}

#[test]
fn a_file_that_was_replaced_while_in_use_is_an_error_and_not_an_empty_store() {
    let (medium, other) = (Medium::default(), Medium::default());
    let opened = AtomicBool::new(false);
    let (first, second) = (medium.clone(), other.clone());
    let store = Redb::options()
        .open_backend("medium", move || {
            if opened.swap(true, Ordering::SeqCst) {
                second.open()
            } else {
                first.open()
            }
        })
        .unwrap();
    let put = |key: u64| BlockingSink::apply(&store, &[Mutation::put(key, "one".to_owned(), 1)]);
    put(1).unwrap();
    medium.fail(Call::Write, 0);
    assert!(put(2).is_err());
    assert_eq!(medium.faults(), 1);
    for _ in 0..2 {
        assert!(matches!(load(&store, 1), Err(RedbError::Reopen(_))));
        assert!(matches!(
            put(3),
            Err(ApplyError::Refused(RedbError::Reopen(_)))
        ));
    }
}

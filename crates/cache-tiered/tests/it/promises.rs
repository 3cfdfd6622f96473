//! G1 and G3 by name, each race held open by a gate.

use crate::doubles::{Fate, cached, probed, read};
use cache_tiered::{BlockingSink, FlushError, LoadError, Mutation, PutError, RemoveError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::thread;

#[test]
fn g1_a_load_that_raced_with_a_put_is_not_installed() {
    let (cache, probe) = probed(10);
    cache.put(1, 10).wait().unwrap();
    cache.invalidate(&1);
    probe.loaded.hold(1);
    thread::scope(|scope| {
        let early = scope.spawn(|| read(&cache, 1));
        probe.loaded.wait_for(1);
        assert!(cache.explain(&1).loading);
        cache.put(1, 11).wait().unwrap();
        assert_eq!(read(&cache, 1), Some(11));
        probe.loaded.open();
        assert_eq!(early.join().unwrap(), Some(10), "it asked before the put");
    });
    assert_eq!(cached(&cache, 1), Some(11));
    assert_eq!(cache.stats().raced, 1);
}

#[test]
fn g1_a_load_that_raced_with_a_remove_is_neither_installed_nor_joined() {
    let (cache, probe) = probed(10);
    cache.put(1, 10).wait().unwrap();
    cache.invalidate(&1);
    probe.loaded.hold(1);
    thread::scope(|scope| {
        let early = scope.spawn(|| read(&cache, 1));
        probe.loaded.wait_for(1);
        assert!(cache.remove(&1).wait().unwrap());
        assert_eq!(
            read(&cache, 1),
            None,
            "a read of its own, not the one that is under way"
        );
        probe.loaded.open();
        assert_eq!(early.join().unwrap(), Some(10));
    });
    assert_eq!(cached(&cache, 1), None);
    assert_eq!((probe.loads(), cache.stats().raced), (2, 1));
}

#[test]
fn g1_a_load_that_raced_with_an_invalidation_is_not_installed() {
    for all in [false, true] {
        let (cache, probe) = probed(10);
        cache.put(1, 10).wait().unwrap();
        cache.invalidate(&1);
        probe.loaded.hold(1);
        thread::scope(|scope| {
            let early = scope.spawn(|| read(&cache, 1));
            probe.loaded.wait_for(1);
            if all {
                cache.invalidate_all();
            } else {
                cache.invalidate(&1);
            }
            probe.loaded.open();
            assert_eq!(early.join().unwrap(), Some(10));
        });
        assert_eq!(cached(&cache, 1), None);
    }
}

#[test]
fn g1_a_put_during_which_the_key_was_invalidated_is_read_from_the_store() {
    for all in [false, true] {
        let (cache, probe) = probed(10);
        probe.applied.hold(1);
        thread::scope(|scope| {
            let put = scope.spawn(|| cache.put(1, 10).wait().unwrap());
            probe.applied.wait_for(1);
            // Somebody else writes to the store, and says so.
            let other = Mutation::put(1, 11, 0);
            BlockingSink::apply(&probe.entries, &[other]).unwrap();
            if all {
                cache.invalidate_all();
            } else {
                cache.invalidate(&1);
            }
            probe.applied.open();
            put.join().unwrap();
        });
        assert_eq!(read(&cache, 1), Some(11));
        cache.put(1, 12).wait().unwrap();
        assert_eq!(cached(&cache, 1), Some(12), "the next one is shown");
    }
}

#[test]
fn g1_a_value_too_heavy_for_memory_leaves_no_older_one_behind() {
    use cache_tiered::{InMemory, MemoryTier, Tiered};
    let tier = MemoryTier::weighted(10, |_: &u64, value: &u64| u32::try_from(*value).unwrap());
    let cache: Tiered<u64, u64> = Tiered::builder()
        .memory(tier)
        .store(InMemory::new())
        .build()
        .unwrap();
    cache.put(1, 10).wait().unwrap();
    assert_eq!(cached(&cache, 1), Some(10));
    cache.put(1, 11).wait().unwrap();
    assert_eq!(cached(&cache, 1), None);
    assert_eq!(read(&cache, 1), Some(11));
}

#[test]
fn g3_readers_see_the_old_value_until_the_store_has_acknowledged_the_new_one() {
    let (cache, probe) = probed(10);
    cache.put(1, 10).wait().unwrap();
    probe.applying.hold(1);
    thread::scope(|scope| {
        let put = scope.spawn(|| cache.put(1, 11).wait().unwrap());
        probe.applying.wait_for(1);
        assert!(cache.explain(&1).mutating);
        assert_eq!(cached(&cache, 1), Some(10));
        assert_eq!(probe.entries.value(&1), Some(10));
        probe.applying.open();
        put.join().unwrap();
    });
    assert_eq!(cached(&cache, 1), Some(11));
}

#[test]
fn g3_an_unknown_outcome_hides_the_key_and_says_so() {
    for (fate, truth) in [(Fate::DoneButUnknown, 11), (Fate::NotDoneAndUnknown, 10)] {
        let (cache, probe) = probed(10);
        cache.put(1, 10).wait().unwrap();
        probe.tell(fate);
        let error = cache.put(1, 11).wait().unwrap_err();
        assert!(
            matches!(error, PutError::Unknown { value: 11, .. }),
            "{error}"
        );
        assert!(!error.is_without_effect());
        assert_eq!(cached(&cache, 1), None);
        assert_eq!(read(&cache, 1), Some(truth), "the store knows");
        assert_eq!(cache.stats().unknown, 1);
    }
}

#[test]
fn g3_an_unknown_removal_hides_the_key_and_says_so() {
    for (fate, truth) in [
        (Fate::DoneButUnknown, None),
        (Fate::NotDoneAndUnknown, Some(10)),
    ] {
        let (cache, probe) = probed(10);
        cache.put(1, 10).wait().unwrap();
        probe.tell(fate);
        assert!(matches!(
            cache.remove(&1).wait(),
            Err(RemoveError::Unknown(_))
        ));
        assert_eq!(cached(&cache, 1), None);
        assert_eq!(read(&cache, 1), truth);
    }
}

#[test]
fn a_store_that_panics_in_a_write_hides_the_key_and_frees_it() {
    let (cache, probe) = probed(10);
    cache.put(1, 10).wait().unwrap();
    probe.tell(Fate::Panic);
    let panicked = catch_unwind(AssertUnwindSafe(|| cache.put(1, 11).wait()));
    assert!(panicked.is_err(), "the panic reaches the caller");
    assert_eq!(cached(&cache, 1), None);
    assert!(!cache.explain(&1).mutating);
    cache.put(1, 12).wait().unwrap();
    assert_eq!(
        (cached(&cache, 1), probe.entries.value(&1)),
        (Some(12), Some(12))
    );
}

#[test]
fn mutations_of_one_key_take_effect_one_after_the_other() {
    let (cache, probe) = probed(10);
    thread::scope(|scope| {
        for writer in 0..8_u64 {
            let cache = &cache;
            scope.spawn(move || {
                for round in 0..200 {
                    if round % 10 == 9 {
                        cache.remove(&1).wait().unwrap();
                    } else {
                        cache.put(1, writer * 1_000 + round).wait().unwrap();
                    }
                }
            });
        }
    });
    assert!(!probe.overlapped.load(Ordering::SeqCst));
    assert_eq!(probe.applies(), 1_600);
    assert_eq!(
        cached(&cache, 1),
        probe.entries.value(&1),
        "the same mutation was the last for both"
    );
}

#[test]
fn close_waits_for_what_has_begun_and_refuses_what_comes_later() {
    let (cache, probe) = probed(10);
    probe.applying.hold(1);
    thread::scope(|scope| {
        let put = scope.spawn(|| cache.put(1, 10).wait());
        probe.applying.wait_for(1);
        let close = scope.spawn(|| cache.close().wait());
        while !matches!(cache.get(&1).wait(), Err(LoadError::Closed)) {
            thread::yield_now();
        }
        assert!(matches!(
            cache.put(2, 20).wait(),
            Err(PutError::Closed { value: 20 })
        ));
        assert!(matches!(cache.remove(&1).wait(), Err(RemoveError::Closed)));
        assert!(matches!(cache.flush().wait(), Err(FlushError::Closed)));
        assert!(!close.is_finished());
        probe.applying.open();
        put.join().unwrap().unwrap();
        close.join().unwrap().unwrap();
    });
    assert!(matches!(cache.close().wait(), Err(FlushError::Closed)));
    assert_eq!(probe.entries.value(&1), Some(10));
    assert_eq!(probe.entries.value(&2), None);
}

//! compute: one step among the mutations of its key.

use crate::doubles::{Fate, cached, probed, read};
use cache_tiered::{Compute, ComputeError, LoadError, PutError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

fn count(former: Option<u64>) -> Compute<u64> {
    Compute::Put(former.unwrap_or(0) + 1)
}

#[test]
fn a_count_that_many_raise_is_exact() {
    // Memory holds one key of three, so most counts begin with a load.
    let (cache, probe) = probed(1);
    thread::scope(|scope| {
        for thread in 0..8_u64 {
            let cache = &cache;
            scope.spawn(move || {
                for round in 0..300 {
                    cache.compute((thread + round) % 3, count).wait().unwrap();
                    if round % 50 == 0 {
                        cache.invalidate(&(round % 3));
                    }
                }
            });
        }
    });
    let sum: u64 = (0..3).map(|key| read(&cache, key).unwrap()).sum();
    assert_eq!((sum, probe.entries.len()), (2_400, 3));
    let stored: u64 = (0..3).map(|key| probe.entries.value(&key).unwrap()).sum();
    assert_eq!(stored, 2_400);
}

#[test]
fn what_is_computed_is_written_removed_or_left() {
    let (cache, probe) = probed(10);
    assert_eq!(cache.compute(1, |_| Compute::Keep).wait().unwrap(), None);
    assert_eq!((probe.loads(), probe.applies()), (1, 0));
    assert_eq!(cache.compute(1, count).wait().unwrap(), Some(1));
    assert_eq!(
        (cached(&cache, 1), probe.entries.value(&1)),
        (Some(1), Some(1))
    );
    let kept = cache.compute(1, |former| {
        assert_eq!(former, Some(1));
        Compute::Keep
    });
    assert_eq!(kept.wait().unwrap(), Some(1));
    let removed = cache.compute(1, |_| Compute::Remove).wait().unwrap();
    assert_eq!(
        (removed, cached(&cache, 1), probe.entries.value(&1)),
        (None, None, None)
    );
    assert_eq!((cache.stats().puts, cache.stats().removals), (1, 1));
}

#[test]
fn a_closure_that_panics_changes_nothing_and_frees_the_key() {
    let (cache, probe) = probed(10);
    cache.put(1, 10).wait().unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        cache.compute(1, |_| panic!("told to")).wait()
    }));
    assert!(panicked.is_err());
    assert_eq!(
        (cached(&cache, 1), probe.entries.value(&1)),
        (Some(10), Some(10))
    );
    assert!(!cache.explain(&1).mutating);
    assert_eq!(cache.compute(1, count).wait().unwrap(), Some(11));
}

#[test]
fn a_failed_load_or_write_is_told_and_changes_nothing() {
    let (cache, probe) = probed(10);
    cache.put(1, 10).wait().unwrap();
    cache.invalidate(&1);
    probe.tell(Fate::Fail);
    let failed = cache
        .compute(1, |_| unreachable!("it has no value to compute from"))
        .wait();
    assert!(matches!(
        failed,
        Err(ComputeError::Load(LoadError::Store(_)))
    ));
    assert_eq!(read(&cache, 1), Some(10));
    probe.tell(Fate::Fail);
    let refused = cache.compute(1, count).wait();
    assert!(matches!(
        refused,
        Err(ComputeError::Put(PutError::Refused { value: 11, .. }))
    ));
    assert_eq!(
        (cached(&cache, 1), probe.entries.value(&1)),
        (Some(10), Some(10))
    );
    assert!(!cache.explain(&1).mutating);
}

#[test]
fn a_computation_waits_for_the_put_before_it() {
    let (cache, probe) = probed(10);
    probe.applying.hold(1);
    thread::scope(|scope| {
        let put = scope.spawn(|| cache.put(1, 10).wait().unwrap());
        probe.applying.wait_for(1);
        let computed = scope.spawn(|| cache.compute(1, count).wait().unwrap());
        probe.applying.open();
        put.join().unwrap();
        assert_eq!(computed.join().unwrap(), Some(11));
    });
}

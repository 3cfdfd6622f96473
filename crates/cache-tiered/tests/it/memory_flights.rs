//! `get_or_insert_with`: one closure for all who miss at once, whatever becomes of it.

use crate::doubles::Gate;
use cache_tiered::MemoryCache;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

fn cache() -> MemoryCache<u64, u64> {
    MemoryCache::builder().capacity(100).build().unwrap()
}

fn wait_for_misses(cache: &MemoryCache<u64, u64>, misses: u64) {
    while cache.stats().misses < misses {
        thread::yield_now();
    }
}

#[test]
fn concurrent_misses_run_one_closure() {
    let (cache, gate, calls) = (cache(), Gate::default(), AtomicUsize::new(0));
    gate.hold(1);
    thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                let value = cache.get_or_insert_with(1, || {
                    calls.fetch_add(1, Ordering::SeqCst);
                    gate.pass();
                    10
                });
                assert_eq!(value, 10);
            });
        }
        gate.wait_for(1);
        wait_for_misses(&cache, 50);
        gate.open();
    });
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[test]
fn a_closure_that_panics_or_fails_hands_over() {
    for panics in [true, false] {
        let (cache, gate) = (cache(), Gate::default());
        gate.hold(1);
        thread::scope(|scope| {
            let leader = scope.spawn(|| {
                catch_unwind(AssertUnwindSafe(|| {
                    cache.try_get_or_insert_with(1, || {
                        gate.pass();
                        assert!(!panics, "as it was told");
                        Err("as it was told")
                    })
                }))
            });
            gate.wait_for(1);
            let waiting =
                scope.spawn(|| cache.try_get_or_insert_with(1, || Ok::<_, Infallible>(11)));
            wait_for_misses(&cache, 2);
            assert!(!waiting.is_finished());
            gate.open();
            match leader.join().unwrap() {
                Ok(failed) => assert_eq!((failed, panics), (Err("as it was told"), false)),
                Err(_) => assert!(panics),
            }
            assert_eq!(waiting.join().unwrap(), Ok(11));
        });
        assert_eq!(cache.get(&1), Some(11));
    }
}

#[test]
fn an_insert_while_the_closure_runs_wins() {
    let cache = cache();
    let value = cache.get_or_insert_with(1, || {
        cache.insert(1, 11);
        10
    });
    assert_eq!((value, cache.get(&1)), (10, Some(11)));
}

#[test]
fn a_removal_while_the_closure_runs_wins() {
    for clear in [true, false] {
        let cache = cache();
        let value = cache.get_or_insert_with(1, || {
            if clear {
                cache.clear();
            } else {
                cache.remove(&1);
            }
            10
        });
        assert_eq!((value, cache.get(&1)), (10, None));
    }
}

#[test]
fn closures_of_different_keys_may_nest() {
    let cache = cache();
    let value = cache.get_or_insert_with(1, || cache.get_or_insert_with(2, || 20) + 1);
    assert_eq!((value, cache.get(&2)), (21, Some(20)));
}

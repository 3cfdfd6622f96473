//! Single flight: one load for all who miss at once.

use crate::doubles::{Fate, cached, probed, read};
use cache_tiered::{Life, LoadError, Loaded, Tier};
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Waits until so many look-ups have missed in memory.
fn wait_for_misses(cache: &cache_tiered::Tiered<u64, u64>, misses: u64) {
    while cache.stats().memory.misses < misses {
        thread::yield_now();
    }
}

#[test]
fn a_thousand_concurrent_misses_make_one_load() {
    let (cache, probe) = probed(10);
    cache.put(1, 10).wait().unwrap();
    cache.invalidate(&1);
    probe.loaded.hold(1);
    thread::scope(|scope| {
        for _ in 0..1_000 {
            let builder = thread::Builder::new().stack_size(128 << 10);
            builder
                .spawn_scoped(scope, || assert_eq!(read(&cache, 1), Some(10)))
                .unwrap();
        }
        probe.loaded.wait_for(1);
        wait_for_misses(&cache, 1_000);
        probe.loaded.open();
    });
    assert_eq!(probe.loads(), 1);
    let stats = cache.stats();
    assert_eq!((stats.loads, stats.store_hits), (1, 1));
    assert!(stats.joined <= 999, "the others found it in memory");
}

#[test]
fn an_error_reaches_everybody_who_joined_and_is_not_kept() {
    let (cache, probe) = probed(10);
    probe.loaded.hold(1);
    probe.tell(Fate::Fail);
    let errors = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                if matches!(cache.get(&1).wait(), Err(LoadError::Store(_))) {
                    errors.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        probe.loaded.wait_for(1);
        wait_for_misses(&cache, 20);
        probe.loaded.open();
    });
    // One load has failed; who had not joined it by then has loaded anew, with success.
    let stats = cache.stats();
    assert_eq!(
        (stats.load_failures, stats.loads as usize),
        (1, probe.loads())
    );
    assert!((1..=1 + stats.joined).contains(&(errors.load(Ordering::SeqCst) as u64)));
    assert_eq!(read(&cache, 1), None, "and it is not kept");
}

#[test]
fn a_leader_that_panics_is_replaced() {
    let (cache, probe) = probed(10);
    cache.put(1, 10).wait().unwrap();
    cache.invalidate(&1);
    probe.loaded.hold(1);
    probe.tell(Fate::Panic);
    thread::scope(|scope| {
        let leader = scope.spawn(|| catch_unwind(AssertUnwindSafe(|| read(&cache, 1))).is_err());
        probe.loaded.wait_for(1);
        let waiting: Vec<_> = (0..4).map(|_| scope.spawn(|| read(&cache, 1))).collect();
        wait_for_misses(&cache, 5);
        probe.loaded.open();
        assert!(leader.join().unwrap(), "its panic is its own");
        for waiting in waiting {
            assert_eq!(waiting.join().unwrap(), Some(10));
        }
    });
    assert_eq!(probe.loads(), 2);
}

#[test]
fn get_or_load_keeps_what_its_loader_says_and_leaves_the_store_alone() {
    let (cache, probe) = probed(10);
    let load = |life: Life| {
        let square = cache.get_or_load(&3, move |key| async move {
            Ok::<_, Infallible>(Loaded::Value(key * key, life))
        });
        square.wait().unwrap().unwrap()
    };
    let hit = load(Life::NONE);
    assert_eq!((hit.value, hit.tier), (9, Tier::Loader));
    assert_eq!(cached(&cache, 3), None, "not kept");
    load(Life::FOREVER.ttl(Duration::from_secs(3_600)));
    assert_eq!(cached(&cache, 3), Some(9), "kept");
    assert_eq!(load(Life::NONE).tier, Tier::Memory);
    assert_eq!((probe.loads(), probe.applies()), (0, 0));
}

#[test]
fn get_or_load_reports_the_error_of_its_loader() {
    let (cache, _) = probed(10);
    let failed = cache
        .get_or_load(&3, |_| async {
            Err::<Loaded<u64>, _>(crate::doubles::Told)
        })
        .wait();
    assert!(matches!(failed, Err(LoadError::Loader(_))));
    assert_eq!(cached(&cache, 3), None);
}

#[test]
fn an_absence_is_kept_only_where_its_source_says_so() {
    let (cache, _) = probed(10);
    let ask = |life: Life| {
        cache.get_or_load(&3, move |_| async move {
            Ok::<_, Infallible>(Loaded::Absent(life))
        })
    };
    assert_eq!(ask(Life::NONE).wait().unwrap(), None);
    assert!(!cache.explain(&3).in_memory);
    assert_eq!(ask(Life::FOREVER).wait().unwrap(), None);
    assert!(cache.explain(&3).in_memory);
    assert_eq!((cached(&cache, 3), cache.stats().absent), (None, 2));
    cache.put(3, 9).wait().unwrap();
    assert_eq!(cached(&cache, 3), Some(9));
}

/// A thousand misses of key 1, whose value is 10, of which one is under way until the gate opens.
fn a_thousand_join(cache: &cache_tiered::Tiered<u64, u64>, probe: &crate::doubles::Probe) {
    let misses = cache.stats().memory.misses;
    thread::scope(|scope| {
        for _ in 0..1_000 {
            let builder = thread::Builder::new().stack_size(128 << 10);
            builder
                .spawn_scoped(scope, || assert_eq!(read(cache, 1), Some(10)))
                .unwrap();
        }
        wait_for_misses(cache, misses + 1_000);
        probe.loaded.open();
    });
}

#[test]
fn a_thousand_that_joined_a_load_whose_handle_is_dropped_make_no_other() {
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Waker};
    let (cache, probe) = probed(10);
    cache.put(1, 10).wait().unwrap();
    cache.invalidate(&1);
    probe.loaded.hold(1);
    let mut leader = cache.get(&1);
    let polled = Pin::new(&mut leader).poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
    probe.loaded.wait_for(1);
    drop(leader);
    a_thousand_join(&cache, &probe);
    assert_eq!(probe.loads(), 1);
}

#[test]
fn a_thousand_that_joined_a_load_which_panics_make_one_other() {
    let (cache, probe) = probed(10);
    cache.put(1, 10).wait().unwrap();
    cache.invalidate(&1);
    probe.loaded.hold(1);
    probe.tell(Fate::Panic);
    thread::scope(|scope| {
        let leader = scope.spawn(|| catch_unwind(AssertUnwindSafe(|| read(&cache, 1))).is_err());
        probe.loaded.wait_for(1);
        a_thousand_join(&cache, &probe);
        assert!(leader.join().unwrap());
    });
    assert_eq!(probe.loads(), 2);
}

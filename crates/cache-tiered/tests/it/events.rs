//! Events: what is told, to whom, and what is dropped.

use crate::doubles::{Fate, probed};
use cache_tiered::{Cause, Event, InMemory, ManualClock, MemoryTier, Tier, Tiered};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[test]
fn a_load_and_its_failure_are_told_in_their_order() {
    let (cache, probe) = probed(10);
    cache.get(&1).wait().unwrap();
    let mut events = cache.events();
    probe.tell(Fate::Fail);
    cache.get(&2).wait().unwrap_err();
    cache.get(&3).wait().unwrap();
    let Some(Event::LoadFailed {
        key: 2,
        background: false,
        error,
    }) = events.try_next()
    else {
        panic!()
    };
    assert!(error.to_string().contains("could not load"));
    let loaded = events.try_next();
    assert!(
        matches!(
            loaded,
            Some(Event::Loaded {
                key: 3,
                tier: Tier::Store,
                found: false,
                ..
            })
        ),
        "{loaded:?}"
    );
    assert!(
        events.try_next().is_none(),
        "nothing from before the listener came"
    );
}

#[test]
fn a_listener_that_does_not_listen_loses_the_oldest_events_and_no_other_listener_does() {
    let (cache, _) = probed(10);
    let (mut lazy, mut eager) = (cache.events(), cache.events());
    for key in 0..1_030 {
        cache.get(&key).wait().unwrap();
        assert!(matches!(eager.try_next(), Some(Event::Loaded { key: told, .. }) if told == key));
    }
    assert_eq!((lazy.dropped(), eager.dropped()), (6, 0));
    assert!(matches!(
        lazy.try_next(),
        Some(Event::Loaded { key: 6, .. })
    ));
}

#[test]
fn a_listener_that_leaves_is_forgotten_and_the_end_of_the_cache_ends_all() {
    let (cache, _) = probed(10);
    drop(cache.events());
    let mut events = cache.events();
    cache.get(&1).wait().unwrap();
    drop(cache);
    assert!(events.wait().is_some());
    assert!(events.wait().is_none() && events.try_next().is_none());
}

/// Keys and causes of the evictions among the events that wait.
fn evicted<V>(events: &mut cache_tiered::Events<V>) -> Vec<(V, Cause)> {
    let told = std::iter::from_fn(|| events.try_next());
    let evicted = told.filter_map(|event| match event {
        Event::Evicted { key, cause } => Some((key, cause)),
        _ => None,
    });
    evicted.collect()
}

#[test]
fn what_leaves_memory_is_told_with_its_cause_and_what_is_written_or_removed_is_not() {
    let clock = Arc::new(ManualClock::new());
    let shown = Arc::clone(&clock);
    let cache: Tiered<u64, u64> = Tiered::builder()
        .memory(
            MemoryTier::entries(2)
                .shards(1)
                .policy("fifo".parse().unwrap())
                .time_to_live(Duration::from_millis(10))
                .absent_for(Duration::from_millis(10))
                .clock(move || cache_tiered::Clock::now(&*shown)),
        )
        .store(InMemory::new())
        .build()
        .unwrap();
    let mut events = cache.events();
    cache.put(1, 10).wait().unwrap();
    cache.put(1, 11).wait().unwrap();
    cache.put(2, 20).wait().unwrap();
    assert_eq!(evicted(&mut events), []);
    cache.put(3, 30).wait().unwrap();
    assert_eq!(evicted(&mut events), [(1, Cause::Capacity)]);
    cache.remove(&2).wait().unwrap();
    assert!(
        cache.get(&4).wait().unwrap().is_none(),
        "its absence is kept"
    );
    clock.advance(Duration::from_millis(10));
    assert!(cache.get(&3).wait().unwrap().is_some(), "loaded anew");
    assert_eq!(
        evicted(&mut events),
        [(3, Cause::Expired)],
        "an absence is no value"
    );
    cache.invalidate(&3);
    cache.put(5, 50).wait().unwrap();
    cache.invalidate_all();
    assert_eq!(evicted(&mut events), [(5, Cause::Cleared)]);
}

#[test]
fn every_value_is_told_of_once_when_it_leaves_whichever_threads_write() {
    let cache: Tiered<u64, u64> = Tiered::builder()
        .memory(MemoryTier::entries(64).shards(4))
        .store(InMemory::new())
        .build()
        .unwrap();
    let mut events = cache.events();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let cache = &cache;
            scope.spawn(move || {
                for key in 0..200 {
                    cache.put(thread * 1_000 + key, key).wait().unwrap();
                }
            });
        }
    });
    // A put is told of beside what it evicts, so about half of the 1,024 events that wait are evictions.
    let waiting = evicted(&mut events);
    let stats = cache.stats().memory;
    assert_eq!(stats.evictions, 800 - 64);
    let told: std::collections::BTreeSet<u64> = waiting.iter().map(|(key, _)| *key).collect();
    assert_eq!(told.len(), waiting.len(), "once");
    assert!(
        told.iter()
            .all(|key| cache.get_cached(key).wait().unwrap().is_none())
    );
    assert!(waiting.len() as u64 <= stats.evictions && waiting.len() >= 400);
}

/// A value that counts its clones.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

#[test]
fn while_nobody_listens_nothing_that_leaves_is_copied() {
    let clones = Arc::new(AtomicUsize::new(0));
    let store: InMemory<u64, Counted> = InMemory::new();
    let cache: Tiered<u64, Counted> = Tiered::builder()
        .memory(MemoryTier::entries(10).shards(1))
        .store(store)
        .build()
        .unwrap();
    let mut next = 0;
    let mut clones_of_puts = || {
        let before = clones.load(Ordering::Relaxed);
        for _ in 0..100 {
            cache
                .put(next, Counted(Arc::clone(&clones)))
                .wait()
                .unwrap();
            next += 1;
        }
        clones.load(Ordering::Relaxed) - before
    };
    clones_of_puts();
    let unheard = clones_of_puts();
    let mut events = cache.events();
    assert_eq!(
        clones_of_puts(),
        unheard + 100,
        "one copy of each that leaves"
    );
    assert_eq!(evicted(&mut events).len(), 100);
    drop(events);
    assert_eq!(clones_of_puts(), unheard, "as before");
    assert_eq!(cache.stats().memory.evictions, 390);
}

#[test]
fn a_listener_of_the_tier_and_those_of_events_hear_the_same() {
    let told: Arc<Mutex<Vec<_>>> = Arc::default();
    let listener = Arc::clone(&told);
    let cache: Tiered<u64, u64> =
        Tiered::builder()
            .memory(MemoryTier::entries(10).listener(move |key, value, cause| {
                listener.lock().unwrap().push((key, value, cause))
            }))
            .store(InMemory::new())
            .build()
            .unwrap();
    for key in 0..20 {
        cache.put(key, key * 10).wait().unwrap();
    }
    assert_eq!(
        told.lock().unwrap().drain(..).count(),
        10,
        "without events too"
    );
    let mut events = cache.events();
    for key in 20..40 {
        cache.put(key, key * 10).wait().unwrap();
    }
    let heard: Vec<_> = told
        .lock()
        .unwrap()
        .drain(..)
        .map(|(key, _, cause)| (key, cause))
        .collect();
    assert_eq!(heard.len(), 20);
    assert_eq!(evicted(&mut events), heard);
}

#[test]
fn who_hears_of_an_eviction_may_use_the_key_that_is_told() {
    let cache: Tiered<u64, u64> = Tiered::builder()
        .memory(MemoryTier::entries(1))
        .store(InMemory::new())
        .build()
        .unwrap();
    let mut events = cache.events();
    std::thread::scope(|scope| {
        let watched = cache.clone();
        scope.spawn(move || {
            let mut again = 0;
            while again < 50 {
                if let Some(Event::Evicted { key, .. }) = events.wait() {
                    let value = watched.get(&key).wait().unwrap().map(|hit| hit.value);
                    assert_eq!(value, Some(key * 10), "G1: the store still has it");
                    again += 1;
                }
            }
        });
        for key in 0..60 {
            cache.put(key, key * 10).wait().unwrap();
        }
    });
}

//! Listeners that panic, or that use the cache for the very key whose operation called them.

use crate::doubles::{Gate, Probe, ProbeStore};
use cache_tiered::{Blocking, Cause, MemoryCache, MemoryTier, Tiered};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

type Reaction = Box<dyn Fn(&Tiered<u64, u64>, u64) + Send>;

/// A cache whose listener does what it is told to do next, once, and then nothing any more.
struct Listened {
    cache: Tiered<u64, u64>,
    probe: Arc<Probe>,
    next: Arc<Mutex<Option<Reaction>>>,
    /// The cache as its listener has it: a ring, until it is taken from there.
    handle: Arc<Mutex<Option<Tiered<u64, u64>>>>,
}

impl Drop for Listened {
    fn drop(&mut self) {
        let cache = self.handle.lock().unwrap().take();
        drop(cache);
    }
}

/// A cache of so many entries, each of which lives for ten ticks of `clock`.
fn listened(entries: u64, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Listened {
    let next: Arc<Mutex<Option<Reaction>>> = Arc::default();
    let handle: Arc<Mutex<Option<Tiered<u64, u64>>>> = Arc::default();
    let (told, itself) = (Arc::clone(&next), Arc::clone(&handle));
    let store = ProbeStore::default();
    let probe = Arc::clone(&store.0);
    let tier = MemoryTier::entries(entries)
        .time_to_live(Duration::from_millis(10))
        .clock(clock)
        .listener(move |key: u64, _: u64, _: Cause| {
            let reaction = told.lock().unwrap().take();
            let cache = itself.lock().unwrap().clone();
            if let (Some(react), Some(cache)) = (reaction, cache) {
                react(&cache, key);
            }
        });
    let builder = Tiered::builder().memory(tier).store(Blocking::new(store));
    let cache = builder.build().unwrap();
    *handle.lock().unwrap() = Some(cache.clone());
    Listened {
        cache,
        probe,
        next,
        handle,
    }
}

impl Listened {
    fn react(&self, reaction: impl Fn(&Tiered<u64, u64>, u64) + Send + 'static) {
        *self.next.lock().unwrap() = Some(Box::new(reaction));
    }

    fn has_reacted(&self) -> bool {
        self.next.lock().unwrap().is_none()
    }
}

fn clock() -> (Arc<AtomicU64>, impl Fn() -> u64 + Send + Sync + 'static) {
    let now = Arc::new(AtomicU64::new(0));
    let shown = Arc::clone(&now);
    (now, move || shown.load(Ordering::SeqCst))
}

#[test]
fn a_listener_that_panics_after_a_put_does_not_hand_the_key_over_twice() {
    let listened = listened(1, || 0);
    listened.cache.put(2, 20).wait().unwrap();
    let probe = Arc::clone(&listened.probe);
    listened.react(move |cache, _| {
        // Another put of the key has it by now, and is within the store.
        probe.applying.hold(1);
        let mut other = cache.put(1, 11);
        let polled = Pin::new(&mut other).poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        probe.applying.wait_for(1);
        panic!("as it was told");
    });
    let put = catch_unwind(AssertUnwindSafe(|| listened.cache.put(1, 10).wait()));
    assert!(put.is_err() && listened.has_reacted());
    assert!(listened.cache.explain(&1).mutating, "the other put has it");
    listened.probe.applying.open();
    listened.cache.put(1, 12).wait().unwrap();
    assert!(!listened.probe.overlapped.load(Ordering::SeqCst));
    assert_eq!(listened.probe.entries.value(&1), Some(12));
}

#[test]
fn a_listener_that_panics_does_not_leave_a_key_owned_for_ever() {
    let (now, clock) = clock();
    let listened = listened(10, clock);
    listened.cache.put(1, 10).wait().unwrap();
    now.store(10, Ordering::SeqCst);
    listened.react(|_, _| panic!("as it was told"));
    let put = catch_unwind(AssertUnwindSafe(|| listened.cache.put(1, 11).wait()));
    assert!(put.is_err() && listened.has_reacted());
    assert!(!listened.cache.explain(&1).mutating);
    listened.cache.put(1, 12).wait().unwrap();
}

#[test]
fn a_listener_may_write_the_key_whose_mutation_called_it() {
    for removes in [false, true] {
        let (now, clock) = clock();
        let listened = listened(10, clock);
        listened.cache.put(1, 10).wait().unwrap();
        now.store(10, Ordering::SeqCst);
        listened.react(|cache, key| cache.put(key, 12).wait().unwrap());
        if removes {
            assert!(listened.cache.remove(&1).wait().unwrap());
        } else {
            listened.cache.put(1, 11).wait().unwrap();
        }
        assert!(listened.has_reacted());
        assert_eq!(listened.probe.entries.value(&1), Some(12));
        let got = listened.cache.get(&1).wait().unwrap();
        assert_eq!(got.map(|hit| hit.value), Some(12));
    }
}

#[test]
fn a_listener_may_read_the_key_whose_read_called_it() {
    // Time jumps between any two looks at the clock, so also between a miss and its load.
    let looks = Arc::new(AtomicU64::new(0));
    let shown = Arc::clone(&looks);
    let listened = listened(10, move || shown.fetch_add(1, Ordering::SeqCst));
    for look in 0..10 {
        listened.cache.put(2, 20).wait().unwrap();
        looks.fetch_add(look, Ordering::SeqCst);
        listened.react(|cache, _| assert!(cache.get(&1).wait().unwrap().is_none()));
        while !listened.has_reacted() {
            assert!(listened.cache.get(&1).wait().unwrap().is_none());
        }
    }
}

#[test]
fn a_listener_that_panics_does_not_leave_a_load_without_end() {
    let (now, clock) = clock();
    let cache: MemoryCache<u64, u64> = MemoryCache::builder()
        .capacity(10)
        .time_to_live(Duration::from_millis(10))
        .clock(clock)
        .listener(|_, _, _| panic!("as it was told"))
        .build()
        .unwrap();
    cache.insert(2, 20);
    let gate = Gate::default();
    gate.hold(1);
    thread::scope(|scope| {
        let leader = scope.spawn(|| {
            catch_unwind(AssertUnwindSafe(|| {
                cache.try_get_or_insert_with(1, || {
                    gate.pass();
                    now.store(10, Ordering::SeqCst);
                    Err("as it was told")
                })
            }))
        });
        gate.wait_for(1);
        let joined = scope.spawn(|| {
            catch_unwind(AssertUnwindSafe(|| cache.get_or_insert_with(1, || 11))).is_ok()
        });
        while cache.stats().misses < 2 {
            thread::yield_now();
        }
        gate.open();
        let _either = leader.join().unwrap();
        // It met the panic or it did not, but it does not wait for ever.
        let _either = joined.join().unwrap();
    });
    assert_eq!(cache.get_or_insert_with(1, || 12) / 10, 1);
}

#[test]
fn an_entry_without_a_life_has_expired_and_one_without_room_was_evicted() {
    let told: Arc<Mutex<Vec<_>>> = Arc::default();
    let listener = Arc::clone(&told);
    let cache: MemoryCache<u64, u64> = MemoryCache::builder()
        .capacity(10)
        .weigher(|_: &u64, value: &u64| u32::try_from(*value).unwrap())
        .listener(move |key, value, cause| listener.lock().unwrap().push((key, value, cause)))
        .build()
        .unwrap();
    assert_eq!(cache.insert_with_ttl(1, 5, Duration::ZERO), None);
    assert_eq!(cache.insert(2, 11), None);
    assert_eq!(
        *told.lock().unwrap(),
        [(1, 5, Cause::Expired), (2, 11, Cause::Capacity)]
    );
    assert!(cache.is_empty());
}

//! The memory tier alone: capacity, weights, lifetimes, pins, listener.

use crate::doubles::Random;
use cache_tiered::{AnyConfig, BuildError, Cause, MemoryCache, RejectReason, ResizeError};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

type Numbers = MemoryCache<u64, u64>;

fn sized(capacity: u64) -> Numbers {
    MemoryCache::builder().capacity(capacity).build().unwrap()
}

/// A cache whose values are their own weight.
fn weighted(capacity: u64, shards: usize) -> Numbers {
    let weigher = |_: &u64, value: &u64| u32::try_from(*value).unwrap();
    MemoryCache::builder()
        .capacity(capacity)
        .shards(shards)
        .weigher(weigher)
        .build()
        .unwrap()
}

#[test]
fn is_send_and_sync() {
    fn check<T: Send + Sync + Clone + 'static>() {}
    check::<Numbers>();
    check::<cache_tiered::Tiered<u64, u64>>();
    fn check_handle<T: Send + Unpin>() {}
    check_handle::<cache_tiered::Operation<u64>>();
}

#[test]
fn a_capacity_of_one_holds_one() {
    let cache = sized(1);
    assert_eq!(cache.shards(), 1);
    assert_eq!(cache.insert(1, 10), None);
    assert_eq!(cache.insert(1, 11), Some(10));
    assert_eq!(cache.insert(2, 20), None);
    assert_eq!(
        (cache.len(), cache.get(&1), cache.get(&2)),
        (1, None, Some(20))
    );
}

#[test]
fn a_capacity_of_zero_is_refused() {
    let error = Numbers::builder().build().unwrap_err();
    assert_eq!(error, BuildError::ZeroCapacity);
    assert_eq!(
        error.to_string(),
        "a memory tier of capacity 0 holds nothing: give it a capacity of at least 1"
    );
}

#[test]
fn more_shards_than_capacity_are_refused() {
    let built = Numbers::builder().capacity(5).shards(6).build();
    assert_eq!(
        built.unwrap_err(),
        BuildError::TooManyShards {
            shards: 8,
            capacity: 5
        }
    );
}

#[test]
fn shards_share_the_capacity_exactly() {
    for capacity in [4, 5, 7, 16, 1_003] {
        let cache = Numbers::builder()
            .capacity(capacity)
            .shards(4)
            .build()
            .unwrap();
        for key in 0..100 * capacity {
            cache.insert(key, key);
        }
        // Every shard has been filled, so the sum of the shares is what is there.
        assert_eq!(cache.len() as u64, capacity);
        assert_eq!((cache.weight(), cache.capacity()), (capacity, capacity));
        assert_eq!(cache.max_entry_weight(), capacity / 4);
    }
}

#[test]
fn small_caches_have_one_shard_and_take_whatever_fits() {
    let builder = Numbers::builder()
        .capacity(1 << 20)
        .weigher(|_, weight| u32::try_from(*weight).unwrap());
    let cache = builder.build().unwrap();
    assert_eq!(cache.shards(), 1);
    cache.insert(1, 1 << 20);
    assert_eq!(cache.weight(), 1 << 20);
}

#[test]
fn what_is_heavier_than_a_share_leaves_at_once_and_takes_the_old_value_with_it() {
    let departed = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&departed);
    let builder = Numbers::builder()
        .capacity(40)
        .shards(4)
        .weigher(|_, weight| u32::try_from(*weight).unwrap());
    let listener = move |key, value, cause| heard.lock().unwrap().push((key, value, cause));
    let cache = builder.listener(listener).build().unwrap();
    cache.insert(1, 10);
    let rejected = cache.try_insert(1, 11).unwrap_err();
    assert_eq!(
        (rejected.value, rejected.reason),
        (11, RejectReason::TooHeavy)
    );
    assert_eq!(cache.get(&1), Some(10), "a rejected value changes nothing");
    assert_eq!(cache.insert(1, 11), Some(10));
    assert_eq!((cache.get(&1), cache.len()), (None, 0));
    assert_eq!(*departed.lock().unwrap(), [(1, 11, Cause::Capacity)]);
}

#[test]
fn entries_without_weight_are_kept_beside_a_full_capacity() {
    let cache = weighted(10, 1);
    cache.insert(1, 10);
    cache.insert(2, 0);
    assert_eq!((cache.get(&1), cache.get(&2)), (Some(10), Some(0)));
}

#[test]
fn lifetimes_end_on_the_tick() {
    let now = Arc::new(AtomicU64::new(1_000));
    let clock = Arc::clone(&now);
    let builder = Numbers::builder()
        .capacity(10)
        .clock(move || clock.load(Ordering::SeqCst));
    let cache = builder
        .time_to_live(Duration::from_millis(100))
        .build()
        .unwrap();
    cache.insert(1, 10);
    // Rounded up to milliseconds.
    cache.insert_with_ttl(2, 20, Duration::from_micros(4_001));
    cache.insert_with_ttl(3, 30, Duration::ZERO);
    assert_eq!(cache.get(&3), None, "no life, no entry");
    now.store(1_004, Ordering::SeqCst);
    assert_eq!(cache.get(&2), Some(20));
    now.store(1_005, Ordering::SeqCst);
    assert_eq!(cache.get(&2), None);
    now.store(1_099, Ordering::SeqCst);
    assert_eq!(cache.get(&1), Some(10));
    now.store(1_100, Ordering::SeqCst);
    assert!(!cache.contains(&1));
    assert_eq!((cache.len(), cache.stats().expirations), (0, 2));
}

#[test]
fn a_life_of_its_own_needs_no_default() {
    let now = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&now);
    let cache = Numbers::builder()
        .capacity(10)
        .clock(move || clock.load(Ordering::SeqCst))
        .build()
        .unwrap();
    cache.insert(1, 10);
    now.store(50, Ordering::SeqCst);
    cache.insert_with_ttl(2, 20, Duration::from_millis(7));
    now.store(56, Ordering::SeqCst);
    assert_eq!(
        cache.get(&2),
        Some(20),
        "counted from its insert, not from the start of the clock"
    );
    now.store(57, Ordering::SeqCst);
    assert_eq!(cache.iter().collect::<Vec<_>>(), [(1, 10)]);
    cache.expire();
    assert_eq!((cache.len(), cache.get(&1)), (1, Some(10)));
}

#[test]
fn idle_time_starts_anew_with_each_use() {
    let now = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&now);
    let builder = Numbers::builder()
        .capacity(10)
        .clock(move || clock.load(Ordering::SeqCst));
    let cache = builder
        .time_to_idle(Duration::from_millis(10))
        .build()
        .unwrap();
    cache.insert(1, 10);
    for time in [9, 18, 27] {
        now.store(time, Ordering::SeqCst);
        assert_eq!(cache.get(&1), Some(10));
    }
    now.store(37, Ordering::SeqCst);
    assert_eq!(cache.get(&1), None);
}

#[test]
fn pinned_entries_stay_and_what_cannot_fit_beside_them_is_rejected() {
    let cache = Numbers::builder()
        .capacity(2)
        .policy("lru".parse().unwrap())
        .build()
        .unwrap();
    cache.insert(1, 10);
    assert!(cache.pin(&1));
    assert!(!cache.pin(&9));
    for key in 2..100 {
        cache.insert(key, key);
    }
    assert_eq!((cache.get(&1), cache.len()), (Some(10), 2));
    assert!(cache.pin(&99));
    assert_eq!(
        cache.try_insert(100, 0).unwrap_err().reason,
        RejectReason::AllPinned
    );
    assert_eq!(cache.resize(1), Err(ResizeError::Pinned { capacity: 1 }));
    assert_eq!(cache.capacity(), 2);
    assert!(cache.unpin(&1));
    assert!(!cache.unpin(&1));
    assert_eq!(cache.try_insert(100, 0), Ok(None));
}

#[test]
fn resize_is_all_or_nothing_across_shards() {
    let cache = Numbers::builder().capacity(400).shards(4).build().unwrap();
    for key in 0..4_000 {
        cache.insert(key, key);
    }
    cache.resize(101).unwrap();
    assert_eq!(
        (cache.len(), cache.weight(), cache.capacity()),
        (101, 101, 101)
    );
    assert_eq!(
        cache.resize(3),
        Err(ResizeError::TooSmall {
            capacity: 3,
            shards: 4
        })
    );
    cache.iter().for_each(|(key, _)| assert!(cache.pin(&key)));
    assert_eq!(cache.resize(50), Err(ResizeError::Pinned { capacity: 50 }));
    assert_eq!((cache.len(), cache.capacity()), (101, 101));
    cache.resize(1_000).unwrap();
    for key in 0..40_000 {
        cache.insert(key, key);
    }
    assert_eq!(cache.len(), 1_000);
}

#[test]
fn the_listener_may_use_the_cache() {
    static CACHE: OnceLock<Numbers> = OnceLock::new();
    static HEARD: AtomicUsize = AtomicUsize::new(0);
    let listener = |key, value, cause| {
        assert_eq!((value, cause), (key * 10, Cause::Capacity));
        assert_eq!(CACHE.get().unwrap().get(&key), None, "it is out already");
        HEARD.fetch_add(1, Ordering::SeqCst);
    };
    let cache = CACHE.get_or_init(|| {
        Numbers::builder()
            .capacity(3)
            .listener(listener)
            .build()
            .unwrap()
    });
    for key in 0..10 {
        cache.insert(key, key * 10);
    }
    assert_eq!(HEARD.load(Ordering::SeqCst), 7);
}

#[test]
fn the_listener_may_ask_for_the_capacity_while_it_is_changed() {
    static CACHE: OnceLock<Numbers> = OnceLock::new();
    static HEARD: AtomicUsize = AtomicUsize::new(0);
    let listener = |_, _, _| {
        assert_eq!(CACHE.get().unwrap().stats().capacity, 2);
        HEARD.fetch_add(1, Ordering::SeqCst);
    };
    let cache = CACHE.get_or_init(|| {
        Numbers::builder()
            .capacity(10)
            .listener(listener)
            .build()
            .unwrap()
    });
    for key in 0..10 {
        cache.insert(key, key);
    }
    cache.resize(2).unwrap();
    assert_eq!(HEARD.load(Ordering::SeqCst), 8);
}

#[test]
fn values_are_dropped_outside_of_locks() {
    static CACHE: OnceLock<MemoryCache<u64, Nosy>> = OnceLock::new();
    static THERE: AtomicUsize = AtomicUsize::new(0);
    struct Nosy;
    impl Nosy {
        fn new() -> Self {
            THERE.fetch_add(1, Ordering::SeqCst);
            Self
        }
    }
    impl Clone for Nosy {
        fn clone(&self) -> Self {
            Self::new()
        }
    }
    impl Drop for Nosy {
        fn drop(&mut self) {
            // Would wait for itself if the shard were locked.
            THERE.fetch_sub(1, Ordering::SeqCst);
            assert!(CACHE.get().is_none_or(|cache| cache.len() < 100));
        }
    }
    let cache = CACHE.get_or_init(|| MemoryCache::builder().capacity(2).build().unwrap());
    for key in 0..10 {
        cache.insert(key, Nosy::new());
        drop(cache.insert(key, Nosy::new()));
    }
    cache.remove(&9);
    cache.clear();
    assert_eq!(cache.len(), 0);
    // Readers of other tests may be under way, for which values wait.
    while THERE.load(Ordering::SeqCst) > 0 {
        cache.expire();
        thread::yield_now();
    }
}

#[test]
fn what_has_left_a_small_cache_does_not_outnumber_what_is_there() {
    let cache: MemoryCache<u64, Arc<()>> = MemoryCache::builder()
        .capacity(16)
        .build()
        .expect("sound settings");
    let alive = Arc::new(());
    // Readers of other tests, which may be interrupted, make what left wait: it is dropped when they go on.
    let dropped = (0..100_000).any(|key| {
        cache.insert(key, Arc::clone(&alive));
        if key % 100 == 99 {
            std::thread::yield_now();
        }
        key > 1_000 && Arc::strong_count(&alive) - 1 <= 32
    });
    assert!(dropped, "{} values for 16", Arc::strong_count(&alive) - 1);
}

#[test]
fn iteration_sees_every_entry_once_and_clear_tells_the_listener_of_all() {
    let cleared = Arc::new(AtomicUsize::new(0));
    let heard = Arc::clone(&cleared);
    let listener = move |_, _, cause| {
        heard.fetch_add(usize::from(cause == Cause::Cleared), Ordering::SeqCst);
    };
    let cache = Numbers::builder()
        .capacity(1_000)
        .shards(8)
        .listener(listener)
        .build()
        .unwrap();
    let expected: BTreeMap<u64, u64> = (0..100).map(|key| (key, key * key)).collect();
    for (key, value) in &expected {
        cache.insert(*key, *value);
    }
    let before = cache.stats();
    assert_eq!(cache.iter().collect::<BTreeMap<_, _>>(), expected);
    assert_eq!(cache.iter().count(), 100);
    assert_eq!(cache.stats(), before, "neither hits nor misses");
    cache.clear();
    assert_eq!((cache.len(), cleared.load(Ordering::SeqCst)), (0, 100));
}

#[test]
fn every_policy_serves_many_threads_within_its_capacity() {
    for config in AnyConfig::all() {
        let cache = Numbers::builder()
            .capacity(256)
            .shards(4)
            .policy(config)
            .build()
            .unwrap();
        thread::scope(|scope| {
            for thread in 0..4 {
                let cache = &cache;
                scope.spawn(move || {
                    let mut random = Random(thread);
                    for _ in 0..20_000 {
                        let key = random.below(1_000);
                        match random.below(8) {
                            0 => drop(cache.remove(&key)),
                            1..4 => drop(cache.insert(key, key * 3)),
                            _ => assert!(cache.get(&key).is_none_or(|value| value == key * 3)),
                        }
                    }
                });
            }
        });
        assert!(cache.len() <= 256 && cache.weight() == cache.len() as u64);
        let stats = cache.stats();
        assert!(
            stats.hits > 0 && stats.misses > 0 && stats.evictions > 0,
            "{stats:?}"
        );
    }
}

#[test]
fn the_heaviest_entry_fits_a_shard() {
    for weight in [1_u32, 1 << 20, 10 << 20, 64 << 20] {
        let cache: MemoryCache<u64, u32> = MemoryCache::builder()
            .capacity(64 << 20)
            .weigher(|_, weight| *weight)
            .heaviest_entry(weight)
            .build()
            .unwrap();
        assert!(cache.max_entry_weight() >= u64::from(weight));
        cache.insert(1, weight);
        assert!(cache.contains(&1), "an entry of weight {weight}");
    }
}

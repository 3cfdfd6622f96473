//! The defects of the system that this crate replaces, one test each.

use crate::doubles::{Fate, Told, cached, probed, read};
use cache_tiered::{
    InMemory, InMemoryError, LoadError, MemoryCache, MemoryTier, PutError, RemoveError, Tiered,
};
use std::cell::Cell;
use std::hash::{Hash, Hasher};

thread_local! {
    static COMPARISONS: Cell<u64> = const { Cell::new(0) };
}

/// A key that counts how often it is compared.
#[derive(Clone, Eq)]
struct Counted(u64);

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        COMPARISONS.set(COMPARISONS.get() + 1);
        self.0 == other.0
    }
}

impl Hash for Counted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// Key comparisons of 2,000 operations on a cache that is full: half evict, half replace.
fn comparisons_when_full(policy: &str, capacity: u64) -> u64 {
    let builder = MemoryCache::builder().capacity(capacity).shards(1);
    let cache = builder.policy(policy.parse().unwrap()).build().unwrap();
    for key in 0..2 * capacity {
        cache.insert(Counted(key), key);
    }
    assert_eq!(cache.len() as u64, capacity, "full");
    COMPARISONS.set(0);
    for key in 2 * capacity..2 * capacity + 1_000 {
        cache.insert(Counted(key), key);
        cache.insert(Counted(key), key);
    }
    assert_eq!(cache.len() as u64, capacity, "still full");
    COMPARISONS.get()
}

#[test]
fn eviction_order_needs_no_linear_scan() {
    for policy in ["fifo", "lru", "clock", "sieve", "s3-fifo"] {
        for capacity in [100, 10_000] {
            let comparisons = comparisons_when_full(policy, capacity);
            // Two thousand look-ups, of which a thousand meet their key; the rest are tag collisions.
            assert!(
                (1_000..4_000).contains(&comparisons),
                "{policy} at {capacity}: {comparisons}"
            );
        }
    }
}

#[test]
fn load_error_reaches_the_caller() {
    let (cache, probe) = probed(10);
    probe.tell(Fate::Fail);
    let error = cache.get(&1).wait().unwrap_err();
    let LoadError::Store(source) = &error else {
        panic!("{error}")
    };
    assert_eq!(source.downcast_ref(), Some(&Told));
    assert_eq!(error.to_string(), "the store could not load the key");
    assert_eq!(source.to_string(), "the probe was told to fail");
    // It is not cached: the next read asks again.
    assert_eq!(read(&cache, 1), None);
    assert_eq!((probe.loads(), cache.stats().load_failures), (2, 1));
}

#[test]
fn remove_error_reaches_the_caller() {
    let (cache, probe) = probed(10);
    cache.put(1, 10).wait().unwrap();
    probe.tell(Fate::Fail);
    let error = cache.remove(&1).wait().unwrap_err();
    let RemoveError::Refused(source) = &error else {
        panic!("{error}")
    };
    assert_eq!(source.downcast_ref(), Some(&Told));
    assert_eq!(
        (cached(&cache, 1), probe.entries.value(&1)),
        (Some(10), Some(10))
    );
    assert!(cache.remove(&1).wait().unwrap());
    assert!(!cache.remove(&1).wait().unwrap());
}

#[test]
fn cache_is_usable_through_a_shared_reference() {
    fn from_many_threads(cache: &Tiered<u64, u64>) {
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || {
                    cache.put(thread, thread).wait().unwrap();
                    assert_eq!(read(cache, thread), Some(thread));
                    assert!(cache.remove(&thread).wait().unwrap());
                });
            }
        });
    }
    from_many_threads(&probed(10).0);
}

#[test]
fn refused_write_leaves_cache_and_store_as_they_were() {
    let store = InMemory::with_limit(2).unwrap();
    let tier = MemoryTier::entries(10);
    let cache: Tiered<u64, String> = Tiered::builder()
        .memory(tier)
        .store(store.clone())
        .build()
        .unwrap();
    cache.put(1, "one".to_owned()).wait().unwrap();
    cache.put(2, "two".to_owned()).wait().unwrap();
    let before = (store.entries(), cache.stats().memory.len);
    match cache.put(3, "three".to_owned()).wait() {
        Err(PutError::Refused { value, source }) => {
            assert_eq!(value, "three", "the value comes back");
            assert_eq!(
                source.downcast_ref(),
                Some(&InMemoryError::Full { limit: 2 })
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!((store.entries(), cache.stats().memory.len), before);
    assert!(!cache.explain(&3).in_memory);
    assert!(cache.get(&3).wait().unwrap().is_none());
    // At the limit an overwrite is none too many, and a removal makes room.
    cache.put(2, "zwei".to_owned()).wait().unwrap();
    assert!(cache.remove(&1).wait().unwrap());
    cache.put(3, "three".to_owned()).wait().unwrap();
    assert_eq!(
        store.entries().into_values().collect::<Vec<_>>(),
        ["zwei", "three"]
    );
}

#[test]
fn refused_overwrite_leaves_the_old_value_in_memory() {
    let (cache, probe) = probed(10);
    cache.put(1, 10).wait().unwrap();
    probe.tell(Fate::Fail);
    let error = cache.put(1, 11).wait().unwrap_err();
    assert!(error.is_without_effect());
    assert_eq!(error.into_value(), 11);
    assert_eq!(
        (cached(&cache, 1), probe.entries.value(&1)),
        (Some(10), Some(10))
    );
}

#[test]
fn eviction_from_memory_never_touches_the_store() {
    let (cache, probe) = probed(4);
    for key in 0..1_000 {
        cache.put(key, key).wait().unwrap();
    }
    assert_eq!(
        probe.applies(),
        1_000,
        "one for each put, none for an eviction"
    );
    assert_eq!((probe.entries.len(), cache.stats().memory.len), (1_000, 4));
    assert_eq!(cache.stats().memory.evictions, 996);
    cache.invalidate_all();
    assert!((0..1_000).all(|key| read(&cache, key) == Some(key)));
    assert_eq!(probe.applies(), 1_000);
}

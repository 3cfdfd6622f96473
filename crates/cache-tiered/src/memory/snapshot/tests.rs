//! Snapshots of caches: what is hot here is hot there, and time away counts.

use crate::{MemoryCache, MemoryCacheBuilder, Raw};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds)
}

fn builder(capacity: u64, policy: &str) -> MemoryCacheBuilder<u64, u64> {
    MemoryCache::builder()
        .capacity(capacity)
        .policy(policy.parse().unwrap())
}

fn snapshot(cache: &MemoryCache<u64, u64>, path: &Path) -> u64 {
    cache.snapshot_at(path, &Raw, &Raw, at(0)).unwrap().entries
}

/// A cache of 100 whose keys below 20 are hot: each policy would keep them longer than the others.
fn warm(policy: &str) -> MemoryCache<u64, u64> {
    let cache = builder(100, policy).shards(1).build().unwrap();
    for key in 0..100 {
        cache.insert(key, key * 10);
    }
    for _ in 0..3 {
        (0..20).for_each(|key| assert_eq!(cache.get(&key), Some(key * 10)));
    }
    cache
}

#[test]
fn what_is_hot_is_restored_first_and_stays_hottest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hot");
    for policy in [
        "lru",
        "sieve",
        "clock",
        "s3-fifo",
        "w-tinylfu",
        "arc",
        "lfu",
    ] {
        let cache = warm(policy);
        let misses = cache.stats().misses;
        assert_eq!(snapshot(&cache, &path), 100, "{policy}");
        assert_eq!(
            (cache.len(), cache.stats().misses),
            (100, misses),
            "{policy}: nothing was used"
        );
        let smaller = builder(30, policy).shards(1).build().unwrap();
        let restored = smaller.restore_at(&path, &Raw, &Raw, at(1)).unwrap();
        assert_eq!(
            (restored.entries, restored.present),
            (30, 0),
            "{policy}: as many as fit"
        );
        let hot = (0..20).filter(|key| smaller.contains(key)).count();
        assert_eq!(hot, 20, "{policy}: the hot ones are among them");
        assert!((0..100).all(|key| smaller.get(&key).is_none_or(|value| value == key * 10)));
    }
}

#[test]
fn time_away_counts_and_no_life_is_longer_than_the_caches() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hot");
    let now = Arc::new(AtomicU64::new(5));
    let clocked = |ttl: Option<u64>| {
        let clock = Arc::clone(&now);
        let builder = builder(10, "lru").clock(move || clock.load(Ordering::Relaxed));
        match ttl {
            None => builder.build().unwrap(),
            Some(ttl) => builder
                .time_to_live(Duration::from_millis(ttl))
                .build()
                .unwrap(),
        }
    };
    let cache = clocked(None);
    cache.insert(1, 10);
    cache.insert_with_ttl(2, 20, Duration::from_millis(5_000));
    cache.insert_with_ttl(3, 30, Duration::from_millis(2_000));
    now.store(1_005, Ordering::Relaxed);
    assert_eq!(snapshot(&cache, &path), 3);
    // A second away: 3 had a second left.
    let other = clocked(None);
    let restored = other.restore_at(&path, &Raw, &Raw, at(1)).unwrap();
    assert_eq!((restored.entries, restored.expired), (2, 1));
    now.store(1_005 + 2_999, Ordering::Relaxed);
    assert_eq!((other.get(&1), other.get(&2)), (Some(10), Some(20)));
    now.store(1_005 + 3_000, Ordering::Relaxed);
    assert_eq!((other.get(&1), other.get(&2)), (Some(10), None));
    let short = clocked(Some(100));
    assert_eq!(
        short.restore_at(&path, &Raw, &Raw, at(0)).unwrap().entries,
        3
    );
    now.fetch_add(100, Ordering::Relaxed);
    assert_eq!(short.get(&1), None, "its own time to live");
}

#[test]
fn updated_and_pinned_entries_are_in_it_and_what_is_there_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hot");
    let cache = builder(100, "s3-fifo").shards(4).build().unwrap();
    for round in 0..3 {
        for key in 0..50 {
            cache.insert(key, key + round);
        }
    }
    assert!(cache.pin(&7));
    assert_eq!(snapshot(&cache, &path), 50);
    let other = builder(100, "s3-fifo").build().unwrap();
    other.insert(3, 0);
    let restored = other.restore_at(&path, &Raw, &Raw, at(0)).unwrap();
    assert_eq!((restored.entries, restored.present), (49, 1));
    assert_eq!(
        (other.get(&3), other.get(&7), other.get(&8)),
        (Some(0), Some(9), Some(10))
    );
}

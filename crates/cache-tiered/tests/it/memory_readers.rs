//! Readers beside writers of the memory tier: what they see, what they count, and when values are dropped.

use crate::doubles::Random;
use cache_tiered::{Compute, MemoryCache};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A value that counts how many of its kind there are, clones included, and knows whose it is.
struct Counted {
    key: u64,
    version: u64,
    there: Arc<AtomicI64>,
}

impl Counted {
    fn new(key: u64, version: u64, there: &Arc<AtomicI64>) -> Self {
        there.fetch_add(1, Ordering::SeqCst);
        Self {
            key,
            version,
            there: Arc::clone(there),
        }
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self::new(self.key, self.version, &self.there)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.there.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One turn of a thread that does everything there is to do.
fn turn(cache: &MemoryCache<u64, Counted>, random: &mut Random, there: &Arc<AtomicI64>) {
    let key = random.below(400);
    let value = || Counted::new(key, 0, there);
    match random.below(32) {
        0 => drop(cache.remove(&key)),
        1 => drop(cache.pin(&key)),
        2..4 => drop(cache.unpin(&key)),
        4..8 => drop(cache.insert(key, value())),
        8..10 => drop(cache.insert_with_ttl(key, value(), Duration::from_millis(3))),
        10 => drop(cache.compute(key, |former| match former {
            Some(former) if former.key == key => Compute::Remove,
            Some(_) => Compute::Keep,
            None => Compute::Put(value()),
        })),
        11 => drop(cache.get_or_insert_with(key, value)),
        12 if random.below(50) == 0 => cache.clear(),
        13 if random.below(50) == 0 => cache.retain(|key, _| key % 3 != 0),
        14 if random.below(20) == 0 => drop(cache.resize(100 + random.below(200))),
        15 if random.below(20) == 0 => cache.expire(),
        16 if random.below(20) == 0 => {
            cache.for_each(|key, value| assert_eq!(key, value.key));
        }
        _ => assert!(cache.get(&key).is_none_or(|value| value.key == key)),
    }
}

#[test]
fn values_are_whole_while_everything_happens_and_all_dropped_in_the_end() {
    for policy in ["s3-fifo", "sieve", "lru", "w-tinylfu", "arc"] {
        let there = Arc::new(AtomicI64::new(0));
        let now = Arc::new(AtomicU64::new(0));
        let (clock, heard) = (Arc::clone(&now), Arc::new(AtomicU64::new(0)));
        let listener = Arc::clone(&heard);
        let cache = MemoryCache::builder()
            .capacity(200)
            .shards(2)
            .policy(policy.parse().unwrap())
            .time_to_idle(Duration::from_millis(50))
            .clock(move || clock.load(Ordering::Relaxed))
            .listener(move |key, value: Counted, _| {
                assert_eq!(key, value.key);
                listener.fetch_add(1, Ordering::Relaxed);
            })
            .build()
            .unwrap();
        thread::scope(|scope| {
            for seed in 0..4 {
                let (cache, there, now) = (&cache, &there, &now);
                scope.spawn(move || {
                    let mut random = Random(seed);
                    for step in 0..10_000 {
                        turn(cache, &mut random, there);
                        if step % 16 == 0 {
                            now.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        let stats = cache.stats();
        assert!(cache.len() <= 300 && cache.weight() == cache.len() as u64);
        assert_eq!(
            heard.load(Ordering::Relaxed),
            stats.evictions + stats.expirations + stats.cleared,
            "{policy}"
        );
        assert_eq!(
            stats.inserts,
            stats.evictions + stats.expirations + stats.cleared + stats.removals + stats.len as u64,
            "{policy}: each entry that came has left, or is there"
        );
        drop(cache);
        assert_eq!(there.load(Ordering::SeqCst), 0, "{policy}");
    }
}

#[test]
fn nobody_reads_what_is_older_than_what_was_acknowledged_before() {
    const KEYS: u64 = 32;
    for policy in ["s3-fifo", "lru"] {
        let cache: MemoryCache<u64, u64> = MemoryCache::builder()
            .capacity(KEYS / 2)
            .policy(policy.parse().unwrap())
            .build()
            .unwrap();
        let acknowledged: Vec<_> = (0..KEYS).map(|_| AtomicU64::new(0)).collect();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let (cache, acknowledged, done) = (&cache, &acknowledged, &done);
            let readers: Vec<_> = (0..2)
                .map(|seed| {
                    scope.spawn(move || {
                        let (mut random, mut seen) = (Random(seed), 0_u64);
                        while !done.load(Ordering::Relaxed) {
                            let key = random.below(KEYS);
                            let floor = acknowledged[key as usize].load(Ordering::Acquire);
                            if let Some(version) = cache.get(&key) {
                                assert!(version >= floor, "{policy}: {version} after {floor}");
                                seen += 1;
                            }
                        }
                        seen
                    })
                })
                .collect();
            let mut random = Random(9);
            for version in 1..60_000 {
                let key = random.below(KEYS);
                if random.below(8) == 0 {
                    cache.remove(&key);
                } else {
                    cache.insert(key, version);
                }
                acknowledged[key as usize].store(version, Ordering::Release);
            }
            // On one core the readers may not have begun.
            while cache.stats().hits == 0 {
                cache.insert(0, u64::MAX);
                thread::yield_now();
            }
            done.store(true, Ordering::Relaxed);
            let seen: u64 = readers
                .into_iter()
                .map(|reader| reader.join().unwrap())
                .sum();
            assert!(seen > 0);
        });
    }
}

#[test]
fn what_waits_for_readers_is_bounded_by_weight() {
    let there = Arc::new(AtomicI64::new(0));
    let cache: MemoryCache<u64, Counted> = MemoryCache::builder()
        .capacity(64 * 1_000)
        .shards(1)
        .weigher(|_, _| 1_000)
        .build()
        .unwrap();
    let mut key = 0;
    for _ in 0..1_000 {
        // 64 entries, two that wait, and some that are let go of while readers of other tests are under way.
        let mut tries = 0;
        loop {
            drop(cache.insert(key, Counted::new(key, 0, &there)));
            key += 1;
            tries += 1;
            if there.load(Ordering::SeqCst) <= 64 + 3 {
                break;
            }
            assert!(
                tries < 100_000,
                "{} wait",
                there.load(Ordering::SeqCst) - 64
            );
            thread::yield_now();
        }
    }
    assert_eq!(cache.len(), 64);
}

#[test]
fn values_are_read_where_they_are() {
    let there = Arc::new(AtomicI64::new(0));
    let cache: MemoryCache<u64, Counted> = MemoryCache::builder().capacity(10).build().unwrap();
    drop(cache.insert(1, Counted::new(1, 7, &there)));
    let read = |value: &Counted| {
        // The one that is read stays what it is, whatever becomes of the key.
        drop(cache.insert(1, Counted::new(1, 8, &there)));
        drop(cache.remove(&1));
        cache.expire();
        (value.version, there.load(Ordering::SeqCst))
    };
    assert_eq!(cache.get_with(&1, read), Some((7, 2)));
    assert!(!cache.contains(&1));
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.updates, stats.removals), (1, 1, 1));
}

#[test]
fn idle_time_is_put_off_by_readers_who_tell_nobody() {
    let now = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&now);
    let left = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&left);
    for policy in ["s3-fifo", "lru"] {
        now.store(0, Ordering::SeqCst);
        let (clock, heard) = (Arc::clone(&clock), Arc::clone(&heard));
        let cache: MemoryCache<u64, u64> = MemoryCache::builder()
            .capacity(10)
            .policy(policy.parse().unwrap())
            .time_to_live(Duration::from_millis(100))
            .time_to_idle(Duration::from_millis(10))
            .clock(move || clock.load(Ordering::SeqCst))
            .listener(move |key, _, cause| heard.lock().unwrap().push((key, cause)))
            .build()
            .unwrap();
        for key in 0..3 {
            cache.insert(key, key);
        }
        for time in (5..100).step_by(5) {
            now.store(time, Ordering::SeqCst);
            assert_eq!(cache.get(&0), Some(0), "at {time}");
            if time == 10 {
                assert!(!cache.contains(&2));
            }
            cache.expire();
            assert_eq!(cache.len(), if time < 10 { 3 } else { 1 }, "at {time}");
        }
        now.store(100, Ordering::SeqCst);
        assert_eq!(cache.get(&0), None, "its whole life is over");
        assert!(cache.is_empty());
        let mut left = std::mem::take(&mut *left.lock().unwrap());
        left.sort_unstable_by_key(|(key, _)| *key);
        let expired = cache_tiered::Cause::Expired;
        assert_eq!(left, [(0, expired), (1, expired), (2, expired)]);
    }
}

//! `Cache` by example: what is defined for each edge, and the defects of earlier systems, by name.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};

use cache_policies::{
    Cache, Cause, Entry, Equivalent, Fifo, FifoConfig, Lru, LruConfig, RejectReason, S3Fifo,
    S3FifoConfig, Sieve, SieveConfig, ValueMut,
};

/// Weighs a value by its bytes.
const BYTES: fn(&u64, &Vec<u8>) -> u32 = |_, value| value.len() as u32;

#[test]
fn replacing_keeps_the_key_and_starts_its_life_anew() {
    /// Equal by number alone.
    #[derive(Debug)]
    struct Named(u64, &'static str);
    impl PartialEq for Named {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }
    impl Eq for Named {}
    impl Hash for Named {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }
    let mut cache = Cache::<Named, u64>::builder()
        .capacity(10)
        .time_to_live(10)
        .build()
        .unwrap();
    cache.insert(Named(1, "first"), 1).unwrap();
    cache.advance_to(8);
    assert_eq!(cache.insert(Named(1, "second"), 2), Ok(Some(1)));
    assert_eq!(cache.deadline(&Named(1, "")), Some(18));
    assert_eq!(
        cache
            .remove_entry(&Named(1, ""))
            .map(|(key, value)| (key.1, value)),
        Some(("first", 2))
    );
    let stats = cache.stats();
    assert_eq!((stats.inserts, stats.updates), (1, 1));
}

#[test]
fn an_expired_entry_is_never_returned() {
    let mut cache = Cache::<u64, u64>::builder()
        .capacity(10)
        .listener(Vec::new())
        .now(100)
        .build()
        .unwrap();
    cache.insert_with_ttl(1, 1, 5).unwrap();
    cache.insert_with_ttl(2, 2, u64::MAX).unwrap();
    cache.insert_with_ttl(3, 3, u64::MAX - 100).unwrap();
    assert_eq!(cache.deadline(&1), Some(105));
    assert_eq!(
        (cache.deadline(&2), cache.deadline(&3)),
        (None, None),
        "what overflows is never"
    );
    cache.advance_to(104);
    assert_eq!(cache.get(&1), Some(&1));
    assert_eq!(cache.advance_to(105), 1);
    assert_eq!(cache.get(&1), None);
    assert_eq!(*cache.listener(), [(1, 1, Cause::Expired)]);
    cache.advance_to(u64::MAX);
    assert_eq!(cache.len(), 2, "not even at the end of time");
    assert_eq!(cache.stats().expirations, 1);
}

#[test]
fn a_clock_that_goes_back_is_ignored() {
    let mut cache = Cache::<u64, u64>::builder()
        .capacity(10)
        .now(50)
        .build()
        .unwrap();
    assert_eq!(cache.advance_to(10), 0);
    assert_eq!(cache.now(), 50);
    cache.insert_with_ttl(1, 1, 5).unwrap();
    assert_eq!(cache.deadline(&1), Some(55));
}

#[test]
fn a_life_of_zero_ticks_is_refused_with_the_value_back() {
    let mut cache = Cache::<u64, u64>::builder()
        .capacity(10)
        .listener(Vec::new())
        .build()
        .unwrap();
    cache.insert(1, 1).unwrap();
    let rejected = cache.insert_with_ttl(1, 2, 0).unwrap_err();
    assert_eq!(
        (rejected.value, rejected.reason),
        (2, RejectReason::Stillborn)
    );
    assert_eq!(cache.get(&1), Some(&1));
    assert!(cache.set_ttl(&1, 0));
    assert_eq!(cache.get(&1), None);
    assert_eq!(*cache.listener(), [(1, 1, Cause::Expired)]);
    assert!(!cache.set_ttl(&1, 10));
}

#[test]
fn idle_time_starts_anew_at_each_use_within_the_time_to_live() {
    let mut cache = Cache::<u64, u64>::builder()
        .capacity(10)
        .time_to_live(25)
        .time_to_idle(10)
        .build()
        .unwrap();
    cache.insert(1, 1).unwrap();
    cache.insert(2, 2).unwrap();
    cache.advance_to(9);
    assert_eq!(cache.get(&1), Some(&1));
    assert_eq!(cache.peek(&2), Some(&2), "a look is not a use");
    assert_eq!(cache.advance_to(10), 1);
    assert_eq!(cache.peek(&2), None);
    cache.advance_to(18);
    assert_eq!(cache.get(&1), Some(&1));
    assert_eq!(cache.deadline(&1), Some(25));
    assert_eq!(cache.advance_to(25), 1);
}

#[test]
fn pinned_entries_expire_all_the_same() {
    let mut cache = Cache::<u64, u64>::new(2);
    cache.insert_with_ttl(1, 1, 5).unwrap();
    cache.pin(&1);
    cache.advance_to(5);
    assert_eq!(cache.get(&1), None);
    assert_eq!(cache.pinned_len(), 0);
    cache.check();
}

#[test]
fn a_wakeup_is_never_late() {
    let mut cache = Cache::<u64, u64>::new(10);
    assert_eq!(cache.next_wakeup(), None);
    cache.insert_with_ttl(1, 1, 1_000_000).unwrap();
    let mut wakeups = 0;
    while let Some(tick) = cache.next_wakeup() {
        assert!(tick <= 1_000_000);
        cache.advance_to(tick);
        wakeups += 1;
    }
    assert_eq!(cache.now(), 1_000_000);
    assert!(wakeups <= 11, "once a level of the wheel");
}

#[test]
fn a_changed_value_is_weighed_when_the_guard_is_dropped() {
    let mut cache = Cache::<u64, Vec<u8>>::builder()
        .capacity(10)
        .weigher(BYTES)
        .listener(Vec::new())
        .build()
        .unwrap();
    cache.insert(1, vec![1; 2]).unwrap();
    cache.insert(2, vec![2; 4]).unwrap();
    let mut guard = cache.get_mut(&2).unwrap();
    assert_eq!(ValueMut::key(&guard), &2);
    guard.resize(9, 2);
    drop(guard);
    assert_eq!(cache.weight(), 9);
    assert_eq!(*cache.listener_mut(), [(1, vec![1; 2], Cause::Capacity)]);
    cache.listener_mut().clear();

    cache.pin(&2);
    cache.get_mut(&2).unwrap().resize(11, 2);
    assert_eq!(
        *cache.listener(),
        [(2, vec![2; 11], Cause::Capacity)],
        "it has outgrown the cache, pin or not"
    );
    assert_eq!(
        (cache.len(), cache.weight(), cache.pinned_weight()),
        (0, 0, 0)
    );
    cache.check();
}

#[test]
fn a_leaked_guard_leaves_the_old_weight() {
    let mut cache = Cache::<u64, Vec<u8>>::builder()
        .capacity(10)
        .weigher(BYTES)
        .build()
        .unwrap();
    cache.insert(1, vec![1; 2]).unwrap();
    let mut guard = cache.get_mut(&1).unwrap();
    guard.resize(100, 1);
    std::mem::forget(guard);
    assert_eq!(cache.weight(), 2);
    cache.check();
    assert_eq!(cache.remove(&1).map(|value| value.len()), Some(100));
    assert_eq!(cache.weight(), 0);
    cache.check();
}

#[test]
fn limits_are_not_lowered_below_what_is_pinned() {
    let mut cache = Cache::<u64, Vec<u8>>::builder()
        .capacity(10)
        .weigher(BYTES)
        .build()
        .unwrap();
    cache.insert(1, vec![1; 6]).unwrap();
    cache.insert(2, vec![2; 4]).unwrap();
    cache.pin(&1);
    assert_eq!(cache.set_capacity(5).unwrap_err().pinned, 6);
    assert_eq!((cache.capacity(), cache.len()), (10, 2));
    cache.set_capacity(6).unwrap();
    assert_eq!((cache.capacity(), cache.len()), (6, 1));
    assert_eq!(cache.set_max_entries(0).unwrap_err().pinned, 1);
    cache.set_max_entries(1).unwrap();
    assert!(cache.contains(&1));
    cache.check();
}

#[test]
fn borrowed_keys_find_owned_ones() {
    let mut cache = Cache::<String, u64>::new(10);
    cache.insert("key".into(), 1).unwrap();
    assert_eq!(cache.get("key"), Some(&1));
    assert!(cache.contains("key") && cache.pin("key") && cache.is_pinned("key"));

    /// A pair of borrows that stands for an owned pair.
    #[derive(Hash)]
    struct Pair<'a>(&'a str, u32);
    impl Equivalent<(String, u32)> for Pair<'_> {
        fn equivalent(&self, key: &(String, u32)) -> bool {
            self.0 == key.0 && self.1 == key.1
        }
    }
    let mut cache = Cache::<(String, u32), u64>::new(10);
    cache.insert(("key".into(), 7), 1).unwrap();
    assert_eq!(cache.remove(&Pair("key", 7)), Some(1));
}

#[test]
fn entries_are_looked_up_once_and_used() {
    let mut cache = Cache::<u64, u64>::builder()
        .capacity(2)
        .policy::<Lru>(LruConfig::default())
        .build()
        .unwrap();
    cache.insert(1, 1).unwrap();
    cache.insert(2, 2).unwrap();
    let Entry::Occupied(entry) = cache.entry(1) else {
        panic!("1 is there")
    };
    assert_eq!((entry.key(), entry.get()), (&1, &1));
    *entry.into_mut() += 10;
    assert_eq!(cache.entry(3).or_insert(3), Ok(&3));
    assert_eq!(
        (cache.peek(&1), cache.peek(&2)),
        (Some(&11), None),
        "the entry was used last"
    );
    let Entry::Vacant(entry) = cache.entry(2) else {
        panic!("2 has gone")
    };
    assert_eq!(entry.key(), &2);
    assert_eq!(entry.into_key(), 2);
    assert_eq!((cache.stats().hits, cache.stats().misses), (1, 2));
}

#[test]
fn each_cause_is_told() {
    let mut cache = Cache::<u64, u64>::builder()
        .capacity(2)
        .listener(Vec::new())
        .policy::<Fifo>(FifoConfig::default())
        .build()
        .unwrap();
    cache.insert(1, 1).unwrap();
    cache.insert(1, 10).unwrap();
    assert_eq!(cache.remove(&1), Some(10));
    assert_eq!(
        *cache.listener(),
        [],
        "what a caller gets the listener does not"
    );
    cache.insert_with_ttl(1, 1, 1).unwrap();
    cache.advance_to(1);
    for key in 2..5 {
        cache.insert(key, key).unwrap();
    }
    assert_eq!(cache.evict_one(), Some((3, 3)));
    cache.clear();
    let expected = [
        (1, 1, Cause::Expired),
        (2, 2, Cause::Capacity),
        (4, 4, Cause::Cleared),
    ];
    assert_eq!(*cache.listener(), expected);
}

#[test]
fn a_drain_or_iterator_yields_each_live_entry_once() {
    let mut cache = Cache::<u64, u64>::new(100);
    for key in 0..50 {
        cache.insert(key, key * 2).unwrap();
    }
    cache.retain(|key, _| key % 3 != 0);
    let expected: HashSet<_> = (0..50)
        .filter(|key| key % 3 != 0)
        .map(|key| (key, key * 2))
        .collect();
    assert_eq!(
        cache
            .iter()
            .map(|(key, value)| (*key, *value))
            .collect::<HashSet<_>>(),
        expected
    );
    assert_eq!(cache.keys().count(), expected.len());
    assert_eq!(
        cache.values().sum::<u64>(),
        expected.iter().map(|(_, value)| value).sum()
    );
    assert_eq!((&cache).into_iter().count(), expected.len());
    let mut drain = cache.drain();
    let first = drain.next().unwrap();
    std::mem::forget(drain);
    assert_eq!(
        cache.len(),
        expected.len() - 1,
        "a leaked drain leaves the rest"
    );
    let mut rest: HashSet<_> = cache.into_iter().collect();
    assert!(rest.insert(first));
    assert_eq!(rest, expected);
}

#[test]
fn a_known_hash_does_what_the_key_alone_does() {
    let mut cache = Cache::<String, u64>::new(10);
    let hash = cache.hash_of("key");
    assert_eq!(hash, cache.hash_of(&"key".to_string()));
    assert_eq!(cache.insert_with_hash(hash, "key".into(), 1), Ok(None));
    assert_eq!(cache.insert("key".into(), 2), Ok(Some(1)));
    assert_eq!(
        cache.insert_with_ttl_and_hash(hash, "key".into(), 3, 7),
        Ok(Some(2))
    );
    assert_eq!(cache.deadline("key"), Some(7));
    assert_eq!(cache.get_with_hash(hash, "key"), Some(&3));
    assert_eq!(cache.peek_with_hash(hash, "key"), Some(&3));
    *cache.get_mut_with_hash(hash, "key").unwrap() += 1;
    assert_eq!(
        cache.entry_with_hash(hash, "key".into()).or_insert(0),
        Ok(&4)
    );
    assert_eq!(
        cache.remove_entry_with_hash(hash, "key"),
        Some(("key".into(), 4))
    );
}

#[test]
fn each_cache_hashes_with_a_seed_of_its_own() {
    let hashes: HashSet<_> = (0..8)
        .map(|_| Cache::<u64, u64>::new(1).hash_of(&7))
        .collect();
    assert_eq!(
        hashes.len(),
        8,
        "collisions found in one cache are none in another"
    );
}

#[test]
fn a_cache_may_be_a_shard_of_a_shared_one() {
    fn shared<T: Send + Sync>(_: &T) {}
    let mut cache = Cache::<u64, u64>::builder()
        .capacity(2)
        .policy::<Sieve>(SieveConfig::default())
        .build()
        .unwrap();
    shared(&cache);
    cache.insert(1, 1).unwrap();
    cache.insert(2, 2).unwrap();
    let hash = cache.hash_of(&1);
    assert_eq!(cache.get_shared_with_hash(hash, &1), Some(&1));
    assert_eq!(cache.get_shared(&3), None);
    cache.insert(3, 3).unwrap();
    assert!(cache.contains(&1), "the policy heard of the shared use");
    assert_eq!((cache.stats().hits, cache.stats().misses), (0, 0));
}

#[test]
fn memory_comes_back_after_the_capacity_was_lowered() {
    let mut cache = Cache::<u64, u64>::new(100_000);
    for key in 0..100_000 {
        cache.insert(key, key).unwrap();
    }
    cache.set_capacity(10).unwrap();
    while cache.shed(1000) > 0 {}
    cache.shrink_to_fit();
    cache.check();
    let kept: Vec<u64> = cache.keys().copied().collect();
    assert_eq!(kept.len(), 10);
    assert!(kept.iter().all(|key| cache.get(key) == Some(key)));
    for key in 0..100 {
        cache.insert(key, key).unwrap();
        cache.check();
    }
}

#[test]
fn parameters_out_of_range_are_refused() {
    let config = S3FifoConfig::default().with_small(2.0);
    let refused = Cache::<u64, u64>::builder()
        .capacity(10)
        .policy::<S3Fifo>(config)
        .build();
    let message = refused.expect_err("a share above 1").to_string();
    assert!(message.starts_with("s3-fifo: small=2"), "{message}");
}

#[test]
fn a_builder_makes_several_caches_of_one_kind() {
    let builder = Cache::<u64, u64>::builder()
        .policy::<Lru>(LruConfig::default())
        .weigher(|_: &u64, value: &u64| *value as u32)
        .listener(Vec::new())
        .capacity(100);
    let mut caches = [10, 100].map(|capacity| builder.clone().capacity(capacity).build().unwrap());
    let taken = caches.each_mut().map(|cache| cache.insert(1, 50).is_ok());
    assert_eq!(taken, [false, true]);
    let mut third = builder.build().unwrap();
    assert!(third.is_empty() && third.insert(1, 100).is_ok());
}

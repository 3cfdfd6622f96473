//! `Cache` where a value takes the place of another: what the policy hears of it, and what it remembers.

use cache_policies::{AnyConfig, AnyPolicy, Cache, Entry, EntryRef, Policy};
use foldhash::quality::FixedState;

type Subject = Cache<String, u32, AnyPolicy, fn(&String, &u32) -> u32, (), FixedState>;

/// Ways to put a value where one is.
type Put = fn(&mut Subject, &str, u32);

fn cache(config: AnyConfig, capacity: u64) -> Subject {
    let weigher: fn(&String, &u32) -> u32 = |_, weight| *weight;
    Cache::builder()
        .policy::<AnyPolicy>(config)
        .capacity(capacity)
        .weigher(weigher)
        .hasher(FixedState::with_seed(7))
        .build()
        .unwrap()
}

/// The keys in the order of eviction, after some were given another value and others came.
fn order(config: &AnyConfig, put: Put) -> Vec<String> {
    let mut cache = cache(config.clone(), 40);
    for number in 0..40 {
        cache.insert(number.to_string(), 1).unwrap();
    }
    for number in [3, 3, 7, 11, 25, 39] {
        put(&mut cache, &number.to_string(), 1);
    }
    for number in 40..60 {
        cache.insert(number.to_string(), 1).unwrap();
    }
    cache.check();
    let keys = cache.iter_by_eviction().map(|(key, _)| key.clone());
    keys.collect()
}

#[test]
fn an_update_is_one_use_whichever_way_it_is_made() {
    let ways: [Put; 3] = [
        |cache, key, value| {
            assert!(cache.entry(key.into()).insert(value).unwrap().is_some());
        },
        |cache, key, value| match cache.entry(key.into()) {
            Entry::Occupied(entry) => assert_eq!(entry.insert_with_ttl(value, 9), Ok(1)),
            Entry::Vacant(_) => unreachable!("it is there"),
        },
        |cache, key, value| match cache.entry_ref(key) {
            EntryRef::Occupied(entry) => assert_eq!(entry.insert(value), Ok(1)),
            EntryRef::Vacant(_) => unreachable!("it is there"),
        },
    ];
    for config in AnyConfig::all() {
        let plain = order(&config, |cache, key, value| {
            assert_eq!(cache.insert(key.into(), value), Ok(Some(1)));
        });
        for way in ways {
            assert_eq!(order(&config, way), plain, "{config}");
        }
    }
}

#[test]
fn what_made_room_for_itself_is_not_remembered_as_gone() {
    let mut own_victims = 0;
    for config in AnyConfig::all() {
        let mut cache = cache(config.clone(), 40);
        for number in 0..60 {
            cache.insert(number.to_string(), 1).unwrap();
        }
        let keys: Vec<String> = cache.keys().cloned().collect();
        for (number, key) in keys.iter().enumerate() {
            if !cache.contains(key) {
                continue;
            }
            let weight = 20 + number as u32 % 20;
            assert!(cache.insert(key.clone(), weight).unwrap().is_some());
            assert_eq!(cache.peek(key), Some(&weight));
            cache.check();
            // What is resident is as unknown to the ghosts as what never was.
            let hint = |key: &str| cache.policy().clone().miss(cache.hash_of(key));
            assert_eq!(hint(key), hint("never seen"), "{config}");
            own_victims += 1;
        }
    }
    assert!(own_victims > 100, "{own_victims}");
}

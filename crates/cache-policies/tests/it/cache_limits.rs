//! `Cache` while its limits change: bounded work a call, and what holds meanwhile.

use cache_policies::{AnyConfig, AnyPolicy, Cache, Cause, RejectReason};

type Subject = Cache<u64, u32, AnyPolicy, fn(&u64, &u32) -> u32, Vec<(u64, u32, Cause)>>;

fn cache(config: AnyConfig, capacity: u64) -> Subject {
    let weigher: fn(&u64, &u32) -> u32 = |_, weight| *weight;
    Cache::builder()
        .policy::<AnyPolicy>(config)
        .capacity(capacity)
        .weigher(weigher)
        .listener(Vec::new())
        .build()
        .unwrap()
}

fn full(config: AnyConfig, entries: u64) -> Subject {
    let mut cache = cache(config, entries);
    for key in 0..entries {
        cache.insert(key, 1).unwrap();
    }
    assert_eq!(cache.len() as u64, entries);
    cache
}

#[test]
fn a_lowered_capacity_costs_a_bounded_number_of_evictions_a_call() {
    for config in AnyConfig::all() {
        let mut cache = full(config, 10_000);
        cache.set_capacity(1_000).unwrap();
        assert_eq!((cache.len(), cache.capacity()), (9_936, 1_000));
        assert_eq!(
            (cache.surplus_weight(), cache.surplus_entries()),
            (8_936, 0)
        );
        cache.check();
        let mut before = cache.len();
        for key in 20_000..20_500 {
            cache.insert(key, 1).unwrap();
            let now = cache.len();
            assert_eq!(now, before - 8, "one for itself and eight more");
            before = now;
        }
        cache.check();
        assert_eq!(cache.shed(100), 100);
        cache.advance_to(1);
        assert_eq!(cache.len(), before - 164);
        // What takes entries out helps as well.
        for key in 0..10_000 {
            cache.remove(&key);
        }
        cache.check();
        while cache.shed(64) > 0 {}
        assert!(cache.len() <= 1_000);
        assert_eq!((cache.capacity(), cache.surplus_weight()), (1_000, 0));
        assert_eq!(cache.policy_capacity(), 1_000);
        cache.check();
    }
}

#[test]
fn a_lowered_limit_of_entries_falls_in_the_same_way() {
    let mut cache = full(AnyConfig::default(), 1_000);
    cache.set_max_entries(100).unwrap();
    assert_eq!(
        (cache.len(), cache.max_entries(), cache.surplus_entries()),
        (936, 100, 836)
    );
    assert_eq!(cache.surplus_weight(), 0);
    let mut calls = 0;
    while cache.surplus_entries() > 0 {
        cache.insert(5_000 + calls, 1).unwrap();
        calls += 1;
    }
    assert_eq!((cache.len(), calls), (100, 836 / 8 + 1));
    assert_eq!((cache.max_entries(), cache.capacity()), (100, 1_000));
    cache.check();
}

#[test]
fn what_is_inserted_is_held_to_the_new_limit_at_once() {
    let mut cache = full("lru".parse().unwrap(), 1_000);
    cache.set_capacity(100).unwrap();
    let rejected = cache.insert(7_000, 101).unwrap_err();
    assert_eq!(rejected.reason, RejectReason::TooHeavy);
    // A heavy one has to replace its own weight, and a few more.
    let before = cache.weight();
    cache.insert(7_000, 90).unwrap();
    assert!(cache.weight() <= before);
    // One without weight takes no room of weight.
    let before = cache.weight();
    cache.insert(7_001, 0).unwrap();
    assert!(cache.weight() <= before);
    // A value that grows in place has to make up for it.
    let before = cache.weight();
    *cache.get_mut(&7_000).unwrap() = 95;
    assert!(cache.weight() <= before);
    assert!(cache.surplus_weight() > 0);
    cache.clear();
    for key in 0..500 {
        cache.insert(key, 1).unwrap();
        assert!(cache.weight() <= 100, "emptied, it never grows beyond");
    }
    cache.check();
}

#[test]
fn a_limit_may_be_raised_again_before_it_is_reached() {
    let mut cache = full(AnyConfig::default(), 1_000);
    cache.set_capacity(100).unwrap();
    cache.set_capacity(950).unwrap();
    assert_eq!(
        (cache.len(), cache.capacity(), cache.shed(10)),
        (936, 950, 0)
    );
    cache.set_capacity(2_000).unwrap();
    for key in 1_000..3_000 {
        cache.insert(key, 1).unwrap();
    }
    assert_eq!(cache.len(), 2_000);
    cache.check();
}

#[test]
fn entries_that_are_pinned_meanwhile_stay_over_the_limit() {
    let mut cache = full(AnyConfig::default(), 1_000);
    cache.set_capacity(100).unwrap();
    let keys: Vec<u64> = cache.keys().copied().collect();
    keys[..500].iter().for_each(|key| assert!(cache.pin(key)));
    while cache.shed(64) > 0 {}
    assert_eq!((cache.len(), cache.surplus_weight()), (500, 400));
    assert_eq!(
        cache.insert(9_000, 1).unwrap_err().reason,
        RejectReason::AllPinned
    );
    assert_eq!(cache.set_capacity(99).unwrap_err().pinned, 500);
    cache.check();
    keys[..500].iter().for_each(|key| assert!(cache.unpin(key)));
    cache.insert(9_000, 1).unwrap();
    while cache.shed(64) > 0 {}
    assert_eq!((cache.len(), cache.surplus_weight()), (100, 0));
    cache.check();
}

#[test]
fn a_capacity_of_zero_is_reached_too() {
    let mut cache = full(AnyConfig::default(), 300);
    cache.set_capacity(0).unwrap();
    assert_eq!(
        cache.insert(1, 1).unwrap_err().reason,
        RejectReason::TooHeavy
    );
    while cache.shed(1) > 0 {}
    assert_eq!((cache.len(), cache.capacity()), (0, 0));
    cache.check();
}

#[test]
fn weight_and_number_are_limits_together() {
    let mut cache = cache(AnyConfig::default(), 100);
    cache.set_max_entries(10).unwrap();
    for key in 0..50 {
        cache.insert(key, 1).unwrap();
    }
    assert_eq!((cache.len(), cache.weight()), (10, 10), "the number binds");
    for key in 50..100 {
        cache.insert(key, 30).unwrap();
    }
    assert_eq!((cache.len(), cache.weight()), (3, 90), "the weight binds");
    for key in 100..120 {
        cache.insert(key, 0).unwrap();
    }
    assert_eq!(
        cache.len(),
        10,
        "entries without weight are bounded by their number"
    );
    cache.insert(200, 100).unwrap();
    assert!(cache.peek(&200).is_some() && cache.weight() == 100);
    cache.check();
}

/// One random operation, and what may have changed by it.
fn step(cache: &mut Subject, random: &mut impl FnMut(u64) -> u64, target: &mut (u64, usize)) {
    let key = random(3_000);
    let (weight, surplus) = (
        cache.weight(),
        (cache.surplus_weight(), cache.surplus_entries()),
    );
    let evicted_before = cache.stats().evictions;
    let mut most = 64;
    match random(100) {
        0..60 => {
            let new = if random(20) == 0 {
                random(60) as u32
            } else {
                random(4) as u32
            };
            // A victim weighs at least nothing: how many it takes is not bounded, but by what it weighs.
            most = usize::MAX;
            let result = cache.insert(key, new);
            assert!(cache.weight() <= weight.max(target.0));
            assert!(
                result.is_ok()
                    || u64::from(new) > target.0.saturating_sub(cache.pinned_weight())
                    || cache.pinned_len() >= target.1
            );
        }
        60..70 => drop(cache.remove(&key)),
        70..80 => drop(cache.get(&key)),
        80..84 => drop(cache.pin(&key)),
        84..90 => drop(cache.unpin(&key)),
        90..92 => {
            most = usize::MAX;
            if let Some(mut value) = cache.get_mut(&key) {
                *value = random(30) as u32;
            }
        }
        92..94 => {
            let capacity = random(2_000);
            if cache.set_capacity(capacity).is_ok() {
                target.0 = capacity;
            }
        }
        94 => {
            let entries = random(1_500) as usize;
            if cache.set_max_entries(entries).is_ok() {
                target.1 = entries;
            }
        }
        95 => drop(cache.shed(10)),
        96 => drop(cache.evict_one()),
        97 => {
            let pinned: Vec<u64> = cache.keys().copied().collect();
            pinned.iter().for_each(|key| {
                cache.unpin(key);
            });
        }
        98 if random(50) == 0 => cache.clear(),
        _ => drop(cache.advance_to(cache.now() + 1)),
    }
    let evicted = cache.stats().evictions - evicted_before;
    assert!(
        evicted as usize <= most.max(64),
        "{evicted} evictions by one call"
    );
    assert_eq!((cache.capacity(), cache.max_entries()), *target);
    assert_eq!(
        cache.surplus_weight(),
        cache.weight().saturating_sub(target.0)
    );
    assert_eq!(
        cache.surplus_entries(),
        cache.len().saturating_sub(target.1)
    );
    let lowered = (weight.saturating_sub(target.0), surplus.1);
    assert!(
        cache.surplus_weight() <= lowered.0.max(surplus.0),
        "it only falls"
    );
}

#[test]
fn limits_hold_whatever_is_done_while_they_change() {
    for (seed, config) in (1u64..).zip(AnyConfig::all()) {
        let mut state = seed;
        let mut random = |bound: u64| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 33) % bound
        };
        let mut cache = cache(config.clone(), 2_000);
        let mut target = (2_000, usize::MAX);
        for number in 0..15_000 {
            step(&mut cache, &mut random, &mut target);
            if number % 64 == 0 {
                cache.check();
            }
        }
        let keys: Vec<u64> = cache.keys().copied().collect();
        keys.iter().for_each(|key| {
            cache.unpin(key);
        });
        while cache.shed(64) > 0 {}
        assert_eq!((cache.surplus_weight(), cache.surplus_entries()), (0, 0));
        assert_eq!(cache.policy_capacity(), target.0, "{}", config.name());
        cache.check();
    }
}

/// What the policy was told.
trait PolicyCapacity {
    fn policy_capacity(&self) -> u64;
}

impl PolicyCapacity for Subject {
    fn policy_capacity(&self) -> u64 {
        cache_policies::Policy::capacity(self.policy())
    }
}

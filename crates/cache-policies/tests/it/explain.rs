//! What policies tell of themselves.

use cache_policies::{AnyConfig, AnyPolicy, Cache, Insight, Policy};
use foldhash::quality::FixedState;

use crate::policy_random::Random;

/// The shares that a policy tells of after requests for keys that come back at once, and then of keys that come back late.
fn shares(name: &str) -> Vec<(&'static str, [f64; 2])> {
    let config: AnyConfig = name.parse().unwrap();
    let builder = Cache::<u64, ()>::builder().policy::<AnyPolicy>(config);
    let hasher = FixedState::with_seed(1);
    let mut cache = builder.capacity(1_000).hasher(hasher).build().unwrap();
    let mut random = Random::new(1);
    let mut told = Vec::new();
    for late in [false, true] {
        for position in 0..100_000 {
            let key = match late {
                // Each three times, within half a capacity.
                false => (1 << 32) + position / 3 + random.below(170),
                true => random.below(1_500).min(random.below(1_500)),
            };
            if cache.get(&key).is_none() {
                cache.insert(key, ()).unwrap();
            }
        }
        cache.policy().explain(&mut |insight| match insight {
            Insight::Share { name, share } => told.push((name, share)),
            other => panic!("{other:?} is no share"),
        });
    }
    let (first, then) = told.split_at(told.len() / 2);
    let both = first.iter().zip(then);
    both.map(|(one, other)| {
        assert_eq!(one.0, other.0, "the names change");
        (one.0, [one.1, other.1])
    })
    .collect()
}

#[test]
fn what_adapts_tells_how_far() {
    for (policy, name) in [
        ("w-tinylfu-adaptive", "window"),
        ("tinylfu/w-tinylfu-adaptive", "window"),
        ("arc", "target of T1"),
    ] {
        let shares = shares(policy);
        println!("{policy}: {shares:?}");
        let [(told, [first, then])] = shares[..] else {
            panic!("{policy} tells {shares:?}");
        };
        assert_eq!(told, name);
        assert!((0.0..=1.0).contains(&first) && (0.0..=1.0).contains(&then));
        assert!(then < first, "{policy}: {first} and {then}");
    }
}

#[test]
fn what_does_not_adapt_tells_nothing() {
    for policy in ["lru", "w-tinylfu", "s3-fifo"] {
        assert_eq!(shares(policy), []);
    }
}

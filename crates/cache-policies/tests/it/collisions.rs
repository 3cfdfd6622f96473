//! Keys that were chosen to collide: what they cost is counted in comparisons of keys, never in time.

use std::cell::Cell;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::OnceLock;

use cache_policies::{AnyConfig, AnyPolicy, Cache, Lru, LruConfig};
use foldhash::quality::FixedState;

thread_local! {
    static COMPARISONS: Cell<u64> = const { Cell::new(0) };
}

/// A key whose comparisons count.
#[derive(Clone, Copy, Debug)]
struct Key(u64);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        COMPARISONS.set(COMPARISONS.get() + 1);
        self.0 == other.0
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

/// What a hasher without a seed makes of a number: the number.
#[derive(Clone, Default)]
struct Identity(u64);

impl BuildHasher for Identity {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl Hasher for Identity {
    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are numbers")
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Every key has the same hash.
#[derive(Clone)]
struct Constant;

impl BuildHasher for Constant {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self
    }
}

impl Hasher for Constant {
    fn write(&mut self, _: &[u8]) {}

    fn finish(&self) -> u64 {
        42
    }
}

const KEYS: u64 = 100_000;

/// Comparisons made by inserting the keys into a cache with room for half of them, and looking all up twice.
fn comparisons<S: BuildHasher>(hasher: S, keys: &[u64]) -> u64 {
    let mut cache = Cache::<Key, u64>::builder()
        .policy::<Lru>(LruConfig::default())
        .capacity(keys.len() as u64 / 2)
        .hasher(hasher)
        .build()
        .unwrap();
    COMPARISONS.set(0);
    for &key in keys {
        cache.insert(Key(key), key).unwrap();
    }
    for &key in keys {
        assert!(cache.get(&Key(key)).is_none_or(|&value| value == key));
        cache.peek(&Key(!key));
    }
    let comparisons = COMPARISONS.get();
    assert_eq!(
        (cache.len(), cache.stats().hits),
        (keys.len() / 2, keys.len() as u64 / 2)
    );
    cache.check();
    comparisons
}

fn random_keys() -> Vec<u64> {
    let mut state = 1u64;
    let next = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        Some(state ^ (state >> 29))
    };
    std::iter::from_fn(next).take(KEYS as usize).collect()
}

/// The inverse of an odd number modulo 2^64.
fn inverse(odd: u64) -> u64 {
    let newton = |inverse: u64| inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse)));
    (0..6).fold(odd, |inverse, _| newton(inverse))
}

/// Sets of keys that collide for somebody who does not know the seed but knows all else.
fn crafted_keys() -> &'static [(&'static str, Vec<u64>)] {
    static KEYS: OnceLock<Vec<(&'static str, Vec<u64>)>> = OnceLock::new();
    KEYS.get_or_init(craft)
}

fn craft() -> Vec<(&'static str, Vec<u64>)> {
    // The mixing of hashes inside of the cache, undone: without a keyed hasher all would lie in one place of the index.
    let undone = inverse(0x9e37_79b9_7f4a_7c15);
    // One place in 256, if this seed were the cache's.
    let guess = FixedState::with_seed(1234);
    let guessed = (0u64..).filter(|key| {
        let hash = guess
            .hash_one(Key(*key))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (hash >> 32) & 0xff == 0
    });
    vec![
        (
            "multiples of 2^32",
            (0..KEYS).map(|key| key << 32).collect(),
        ),
        (
            "multiples of 2^47",
            (0..KEYS).map(|key| key << 47).collect(),
        ),
        ("in sequence", (0..KEYS).collect()),
        (
            "against the mixing",
            (0..KEYS).map(|key| key.wrapping_mul(undone)).collect(),
        ),
        (
            "against another seed",
            guessed.take(KEYS as usize).collect(),
        ),
    ]
}

#[test]
fn crafted_keys_cost_at_most_three_times_what_random_ones_do() {
    // The algorithm of the default hasher; each cache has its own seed, which the keys were not crafted for.
    for seed in [0, 99, 0xdead_beef] {
        let random = comparisons(FixedState::with_seed(seed), &random_keys());
        for (name, keys) in crafted_keys() {
            let mut keys = keys.clone();
            // Multiples that overflow are one key: keep each once.
            keys.sort_unstable();
            keys.dedup();
            let crafted = comparisons(FixedState::with_seed(seed), &keys);
            let (crafted, random) = (crafted * KEYS, random * keys.len() as u64);
            assert!(
                crafted <= 3 * random,
                "{name}: {:.2} times the comparisons of random keys, seed {seed}",
                crafted as f64 / random as f64
            );
        }
    }
}

#[test]
fn the_same_keys_cost_much_more_where_the_hasher_has_no_seed_or_a_known_one() {
    // What the test above would find if the default hasher were one of these.
    let crafted = crafted_keys();
    let named = |wanted: &str| &crafted.iter().find(|(name, _)| *name == wanted).unwrap().1;
    let random = comparisons(FixedState::with_seed(1234), &random_keys());
    let known = comparisons(FixedState::with_seed(1234), named("against another seed"));
    assert!(
        known > 3 * random / 2,
        "{known} comparisons against {random}"
    );
    let random = comparisons(Identity(0), &random_keys()[..2_000]);
    let identity = comparisons(Identity(0), &named("against the mixing")[..2_000]);
    assert!(
        identity > 100 * random,
        "{identity} comparisons against {random}"
    );
}

#[test]
fn a_cache_is_correct_if_all_keys_collide() {
    let keys = &random_keys()[..1_000];
    let all = comparisons(Constant, keys);
    assert!(all > 100 * keys.len() as u64);
    for config in AnyConfig::all() {
        let name = config.name();
        let mut cache = Cache::<u64, u64>::builder()
            .policy::<AnyPolicy>(config)
            .capacity(100)
            .hasher(Constant)
            .build()
            .unwrap();
        for round in 0..3 {
            for &key in &keys[..150] {
                if cache.get(&key).is_none() {
                    cache.insert(key, key).unwrap();
                }
                assert_eq!(cache.peek(&key), Some(&key));
            }
            assert_eq!(cache.len(), 100, "{name} in round {round}");
            for &key in &keys[..20] {
                let there = cache.contains(&key);
                assert_eq!(cache.remove(&key).is_some(), there);
            }
            cache.check();
        }
    }
}

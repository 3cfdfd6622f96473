//! What `Cache` asks of keys and policy: the misses of the bare policy, and a constant number of calls.

use std::cell::Cell;
use std::hash::{Hash, Hasher};

use cache_policies::{
    AnyPolicy, Cache, Clock, ConfigError, Fifo, FifoConfig, Hint, Lru, Policy, S3Fifo, Sieve, Slot,
};
use foldhash::quality::FixedState;

/// The cache is the policy and nothing else: the same misses as the owner's loop on the bare policy.
fn same_misses<P: Policy>() {
    const CAPACITY: u64 = 64;
    let hasher = FixedState::with_seed(9);
    let config = P::Config::default();
    let mut cache = Cache::<u64, ()>::builder()
        .capacity(CAPACITY)
        .policy::<P>(config.clone())
        .hasher(hasher)
        .build()
        .unwrap();
    let mut policy = P::new(CAPACITY, &config).unwrap();
    let mut slots = std::collections::HashMap::new();
    let mut keys = std::collections::HashMap::new();
    let mut free: Vec<u32> = (0..CAPACITY as u32).rev().collect();
    let mut state = 1u64;
    for _ in 0..50_000 {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        // The product of two uniform numbers favours small ones.
        let key = ((state >> 40) & 0x1f) * ((state >> 50) & 0x1f);
        let hash = cache.hash_of(&key);
        let hit = slots.get(&key).copied();
        assert_eq!(cache.get(&key).is_some(), hit.is_some());
        if let Some(slot) = hit {
            policy.hit(slot, hash);
            continue;
        }
        cache.insert(key, ()).unwrap();
        let hint = policy.miss(hash);
        while policy.weight() + 1 > CAPACITY {
            let victim = policy.evict().unwrap();
            slots.remove(&keys.remove(&victim).unwrap());
            free.push(victim.get());
        }
        let slot = Slot::new(free.pop().unwrap());
        policy.insert(slot, hash, 1, hint);
        slots.insert(key, slot);
        keys.insert(slot, key);
    }
    assert!(cache.stats().hits > 10_000 && cache.stats().misses > 10_000);
}

#[test]
fn cache_makes_the_same_misses_as_the_bare_policy() {
    same_misses::<Fifo>();
    same_misses::<Lru>();
    same_misses::<Clock>();
    same_misses::<Sieve>();
    same_misses::<S3Fifo>();
    same_misses::<AnyPolicy>();
}

thread_local! {
    /// Calls of `Hash` and of `Eq` on `Counted`, and calls to the policy `Counting`.
    static CALLS: Cell<(u64, u64, u64)> = const { Cell::new((0, 0, 0)) };
}

fn count(change: impl FnOnce(&mut (u64, u64, u64))) {
    let mut calls = CALLS.get();
    change(&mut calls);
    CALLS.set(calls);
}

#[derive(Clone)]
struct Counted(u64);

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        count(|calls| calls.1 += 1);
        self.0 == other.0
    }
}

impl Eq for Counted {}

impl Hash for Counted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        count(|calls| calls.0 += 1);
        self.0.hash(state);
    }
}

/// FIFO that counts what it is asked.
struct Counting(Fifo);

impl Policy for Counting {
    type Config = FifoConfig;

    fn new(capacity: u64, config: &FifoConfig) -> Result<Self, ConfigError> {
        Fifo::new(capacity, config).map(Counting)
    }
    fn miss(&mut self, hash: u64) -> Hint {
        count(|calls| calls.2 += 1);
        self.0.miss(hash)
    }
    fn insert(&mut self, slot: Slot, hash: u64, weight: u32, hint: Hint) {
        count(|calls| calls.2 += 1);
        self.0.insert(slot, hash, weight, hint);
    }
    fn hit(&mut self, slot: Slot, hash: u64) {
        count(|calls| calls.2 += 1);
        self.0.hit(slot, hash);
    }
    fn victim(&mut self) -> Option<Slot> {
        self.0.victim()
    }
    fn evict(&mut self) -> Option<Slot> {
        count(|calls| calls.2 += 1);
        self.0.evict()
    }
    fn remove(&mut self, slot: Slot, remember: bool) {
        count(|calls| calls.2 += 1);
        self.0.remove(slot, remember);
    }
    fn weight_of(&self, slot: Slot) -> u32 {
        self.0.weight_of(slot)
    }
    fn reweigh(&mut self, slot: Slot, weight: u32) {
        self.0.reweigh(slot, weight);
    }
    fn pin(&mut self, slot: Slot) {
        self.0.pin(slot);
    }
    fn unpin(&mut self, slot: Slot) {
        self.0.unpin(slot);
    }
    fn capacity(&self) -> u64 {
        self.0.capacity()
    }
    fn set_capacity(&mut self, capacity: u64) {
        self.0.set_capacity(capacity);
    }
    fn weight(&self) -> u64 {
        self.0.weight()
    }
    fn len(&self) -> usize {
        self.0.len()
    }
    fn check(&self) {
        self.0.check();
    }
}

/// Calls for 1,000 evicting inserts, as many hits and as many removals at this capacity, half of it pinned.
fn calls_at(capacity: u64) -> (u64, u64, u64) {
    let builder = Cache::<Counted, u64>::builder()
        .capacity(capacity)
        .policy::<Counting>(FifoConfig::default());
    let mut cache = builder.hasher(FixedState::with_seed(3)).build().unwrap();
    for key in 0..capacity {
        cache.insert(Counted(key), key).unwrap();
        if key % 2 == 0 {
            cache.pin(&Counted(key));
        }
    }
    CALLS.set((0, 0, 0));
    for key in capacity..capacity + 1000 {
        cache.insert(Counted(key), key).unwrap();
        assert!(cache.get(&Counted(key)).is_some());
    }
    for key in capacity + 900..capacity + 1000 {
        assert!(cache.remove(&Counted(key)).is_some());
    }
    CALLS.get()
}

#[test]
fn eviction_is_not_linear_in_len() {
    for capacity in [1_000, 64_000] {
        let (hashes, comparisons, policy) = calls_at(capacity);
        assert_eq!(
            hashes, 2_100,
            "each operation hashes its key, and nothing else hashes"
        );
        // One for each look-up that finds; a tag of 7 bits lets few others through.
        assert!(
            (1_100..1_200).contains(&comparisons),
            "{comparisons} comparisons at {capacity}"
        );
        // Miss, evict, insert; hit; remove.
        assert_eq!(policy, 3_000 + 1_000 + 100, "at {capacity}");
    }
}

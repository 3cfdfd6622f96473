//! Operations on a cache under each policy: no wrong value, no weight over capacity, every invariant kept.
#![no_main]

use std::collections::HashMap;

use arbitrary::Arbitrary;
use cache_policies::{AnyConfig, AnyPolicy, Cache};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Step {
    Insert(u8, u8),
    InsertFor(u8, u8, u8),
    Get(u8),
    Change(u8, u8),
    Remove(u8),
    Pin(u8),
    Unpin(u8),
    Advance(u8),
    Resize(u8),
    EvictOne,
}

#[derive(Arbitrary, Debug)]
struct Run {
    policy: u8,
    capacity: u8,
    steps: Vec<Step>,
}

fuzz_target!(|run: Run| {
    let policies = AnyConfig::all();
    let policy = policies[usize::from(run.policy) % policies.len()].clone();
    let mut cache = Cache::<u8, u8>::builder()
        .policy::<AnyPolicy>(policy)
        .capacity(u64::from(run.capacity))
        .weigher(|_: &u8, value: &u8| u32::from(*value))
        .build()
        .expect("the defaults are valid");
    // What each key was last given: the cache may have dropped it, but may not say otherwise.
    let mut last: HashMap<u8, u8> = HashMap::new();
    let mut now = 0;
    for step in run.steps {
        match step {
            Step::Insert(key, value) => {
                if cache.insert(key, value).is_ok() {
                    last.insert(key, value);
                }
            }
            Step::InsertFor(key, value, ticks) => {
                if cache.insert_with_ttl(key, value, u64::from(ticks)).is_ok() {
                    last.insert(key, value);
                }
            }
            Step::Get(key) => {
                if let Some(value) = cache.get(&key) {
                    assert_eq!(Some(value), last.get(&key));
                }
            }
            Step::Change(key, value) => {
                if let Some(mut guard) = cache.get_mut(&key) {
                    *guard = value;
                    last.insert(key, value);
                }
            }
            Step::Remove(key) => {
                let removed = cache.remove(&key);
                let given = last.remove(&key);
                assert!(removed.is_none() || removed == given);
            }
            Step::Pin(key) => {
                cache.pin(&key);
            }
            Step::Unpin(key) => {
                cache.unpin(&key);
            }
            Step::Advance(ticks) => {
                now += u64::from(ticks);
                cache.advance_to(now);
            }
            Step::Resize(capacity) => {
                let _ = cache.set_capacity(u64::from(capacity));
            }
            Step::EvictOne => {
                if let Some((key, value)) = cache.evict_one() {
                    assert_eq!(last.get(&key), Some(&value));
                }
            }
        }
        assert!(cache.weight() <= cache.capacity());
        cache.check();
    }
});

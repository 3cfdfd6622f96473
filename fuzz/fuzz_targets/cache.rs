//! Operations on a cache under each policy: no wrong value, no weight over capacity, every invariant kept, each value
//! accounted for.
#![no_main]

use std::collections::HashMap;

use arbitrary::Arbitrary;
use cache_policies::{AnyConfig, AnyPolicy, Cache, Cause};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Step {
    Insert(u8, u8),
    InsertFor(u8, u8, u8),
    /// That many keys in a row, so that limits are far enough above each other to be lowered in steps.
    InsertMany(u8, u8),
    Get(u8),
    Change(u8, u8),
    PeekChange(u8, u8),
    Entry(u8, u8),
    Modify(u8, u8),
    Remove(u8),
    Pin(u8),
    Unpin(u8),
    SetTtl(u8, u8),
    TimeToLive(Option<u8>),
    TimeToIdle(Option<u8>),
    Advance(u8),
    Resize(u8),
    MaxEntries(u8),
    Shed(u8),
    EvictOne,
    Retain(u8),
    Drain(u8),
    Clear,
    Clone,
    Shrink,
}

#[derive(Arbitrary, Debug)]
struct Run {
    policy: u8,
    capacity: u8,
    steps: Vec<Step>,
}

/// A key, and a value that tells its weight and how many were made before it.
type Subject =
    Cache<u8, (u8, u32), AnyPolicy, fn(&u8, &(u8, u32)) -> u32, Vec<(u8, (u8, u32), Cause)>>;

/// The cache, and what each key was last given: the cache may have dropped it, but may not say otherwise.
struct Test {
    cache: Subject,
    last: HashMap<u8, (u8, u32)>,
    made: u32,
}

impl Test {
    fn value(&mut self, weight: u8) -> (u8, u32) {
        self.made += 1;
        (weight, self.made)
    }

    fn insert(&mut self, key: u8, weight: u8, ticks: Option<u8>) {
        let value = self.value(weight);
        let (before, surplus) = (self.last.get(&key).copied(), self.cache.surplus_weight());
        let result = match ticks {
            Some(ticks) => self.cache.insert_with_ttl(key, value, u64::from(ticks)),
            None => self.cache.insert(key, value),
        };
        assert!(self.cache.surplus_weight() <= surplus);
        match result {
            Ok(replaced) => {
                assert!(replaced.is_none() || replaced == before);
                self.last.insert(key, value);
            }
            Err(rejected) => assert_eq!((rejected.key, rejected.value), (key, value)),
        }
    }

    fn change(&mut self, key: u8, weight: u8, peek: bool) {
        let value = self.value(weight);
        let guard = match peek {
            true => self.cache.peek_mut(&key),
            false => self.cache.get_mut(&key),
        };
        if let Some(mut guard) = guard {
            assert_eq!(Some(&*guard), self.last.get(&key));
            *guard = value;
            self.last.insert(key, value);
        }
    }

    fn entry(&mut self, key: u8, weight: u8, modify: bool) {
        let (changed, value) = (self.value(weight), self.value(weight));
        let mut given = None;
        let mut entry = self.cache.entry(key);
        if modify {
            entry = entry.and_modify(|old| {
                *old = changed;
                given = Some(changed);
            });
        }
        let found = entry.or_insert_with(|| {
            given = Some(value);
            value
        });
        let found = found.ok().copied();
        if let Some(given) = given {
            self.last.insert(key, given);
        }
        assert!(found.is_none() || found == self.last.get(&key).copied());
    }

    fn step(&mut self, step: Step) {
        let lifetime = |ticks: Option<u8>| ticks.map(u64::from);
        match step {
            Step::Insert(key, weight) => self.insert(key, weight, None),
            Step::InsertFor(key, weight, ticks) => self.insert(key, weight, Some(ticks)),
            Step::InsertMany(first, count) => {
                (0..count).for_each(|number| self.insert(first.wrapping_add(number), 1, None));
            }
            Step::Get(key) => {
                if let Some(value) = self.cache.get(&key) {
                    assert_eq!(Some(value), self.last.get(&key));
                }
            }
            Step::Change(key, weight) => self.change(key, weight, false),
            Step::PeekChange(key, weight) => self.change(key, weight, true),
            Step::Entry(key, weight) => self.entry(key, weight, false),
            Step::Modify(key, weight) => self.entry(key, weight, true),
            Step::Remove(key) => {
                let removed = self.cache.remove(&key);
                let given = self.last.remove(&key);
                assert!(removed.is_none() || removed == given);
            }
            Step::Pin(key) => assert_eq!(self.cache.pin(&key), self.cache.contains(&key)),
            Step::Unpin(key) => drop(self.cache.unpin(&key)),
            Step::SetTtl(key, ticks) => drop(self.cache.set_ttl(&key, u64::from(ticks))),
            Step::TimeToLive(ticks) => self.cache.set_time_to_live(lifetime(ticks)),
            Step::TimeToIdle(ticks) => self.cache.set_time_to_idle(lifetime(ticks)),
            Step::Advance(ticks) => {
                self.cache.advance_to(self.cache.now() + u64::from(ticks));
            }
            Step::Resize(capacity) => drop(self.cache.set_capacity(u64::from(capacity))),
            Step::MaxEntries(entries) => drop(self.cache.set_max_entries(usize::from(entries))),
            Step::Shed(entries) => {
                assert!(self.cache.shed(usize::from(entries)) <= usize::from(entries));
            }
            Step::EvictOne => {
                let first = self.cache.iter_by_eviction().next().map(|(key, _)| *key);
                if let Some((key, value)) = self.cache.evict_one() {
                    assert_eq!(first, Some(key));
                    assert_eq!(self.last.get(&key), Some(&value));
                }
            }
            Step::Retain(below) => self.cache.retain(|key, _| *key < below),
            Step::Drain(count) => {
                for (key, value) in self.cache.drain().take(usize::from(count)) {
                    assert_eq!(self.last.get(&key), Some(&value));
                }
            }
            Step::Clear => self.cache.clear(),
            Step::Clone => self.cache = self.cache.clone(),
            Step::Shrink => self.cache.shrink_to_fit(),
        }
    }
}

fuzz_target!(|run: Run| {
    let policies = AnyConfig::all();
    let policy = policies[usize::from(run.policy) % policies.len()].clone();
    let weigher: fn(&u8, &(u8, u32)) -> u32 = |_, value| u32::from(value.0);
    let mut test = Test {
        cache: Cache::builder()
            .policy::<AnyPolicy>(policy)
            .capacity(u64::from(run.capacity))
            .weigher(weigher)
            .listener(Vec::new())
            .build()
            .expect("the defaults are valid"),
        last: HashMap::new(),
        made: 0,
    };
    for step in run.steps {
        test.step(step);
        for (key, value, _) in std::mem::take(test.cache.listener_mut()) {
            assert!(value.1 <= test.made, "it was made");
            assert_ne!(
                test.cache.peek(&key),
                Some(&value),
                "what has left is not there"
            );
        }
        let cache = &test.cache;
        assert_eq!(
            cache.surplus_weight(),
            cache.weight().saturating_sub(cache.capacity())
        );
        assert_eq!(
            cache.surplus_entries(),
            cache.len().saturating_sub(cache.max_entries())
        );
        assert_eq!(cache.iter_by_eviction().count(), cache.iter().count());
        assert!(
            cache
                .iter()
                .all(|(key, value)| test.last.get(key) == Some(value))
        );
        cache.check();
    }
});

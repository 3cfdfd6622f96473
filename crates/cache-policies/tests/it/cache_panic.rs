//! `Cache` when a caller's code panics: the k-th call, for every k, whatever it is.

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use cache_policies::{
    AnyConfig, AnyPolicy, Cache, Cause, Entry, EntryRef, Equivalent, Policy, S3Fifo, S3FifoConfig,
};
use foldhash::quality::FixedState;

thread_local! {
    /// Calls into this file's code until one panics; 0 is never.
    static FUSE: Cell<u64> = const { Cell::new(0) };
    /// Keys and values that exist.
    static ALIVE: Cell<i64> = const { Cell::new(0) };
}

/// A call of a caller's code. Unwinds without the message that a panic prints.
fn call() {
    let left = FUSE.get();
    FUSE.set(left.saturating_sub(1));
    if left == 1 {
        resume_unwind(Box::new("the fuse"));
    }
}

struct Key(u64);

impl Key {
    fn new(number: u64) -> Self {
        ALIVE.set(ALIVE.get() + 1);
        Self(number)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        call();
        self.0 == other.0
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        call();
        self.0.hash(state);
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get() - 1);
        call();
    }
}

impl Clone for Key {
    fn clone(&self) -> Self {
        call();
        Self::new(self.0)
    }
}

/// A key that is borrowed.
struct Probe(u64);

impl Hash for Probe {
    fn hash<H: Hasher>(&self, state: &mut H) {
        call();
        self.0.hash(state);
    }
}

impl Equivalent<Key> for Probe {
    fn equivalent(&self, key: &Key) -> bool {
        call();
        self.0 == key.0
    }
}

impl From<&Probe> for Key {
    fn from(probe: &Probe) -> Self {
        call();
        Self::new(probe.0)
    }
}

struct Value {
    weight: u32,
}

impl Clone for Value {
    fn clone(&self) -> Self {
        call();
        Self::new(self.weight)
    }
}

impl Value {
    fn new(weight: u32) -> Self {
        ALIVE.set(ALIVE.get() + 1);
        Self { weight }
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get() - 1);
        call();
    }
}

fn weigh(_: &Key, value: &Value) -> u32 {
    call();
    value.weight
}

fn listen(key: Key, value: Value, _: Cause) {
    call();
    drop((key, value));
}

type Subject<P> = Cache<Key, Value, P, fn(&Key, &Value) -> u32, fn(Key, Value, Cause), FixedState>;

fn cache<P: Policy>(config: P::Config) -> Subject<P> {
    Cache::builder()
        .capacity(20)
        .max_entries(8)
        .policy::<P>(config)
        .weigher(weigh as fn(&Key, &Value) -> u32)
        .listener(listen as fn(Key, Value, Cause))
        .hasher(FixedState::with_seed(4))
        .time_to_idle(40)
        .build()
        .unwrap()
}

/// Some of everything, in an order that fills, overflows, expires and empties the cache.
fn script<P: Policy>(cache: &mut Subject<P>) {
    for number in 0..12 {
        drop(cache.insert(Key::new(number), Value::new(number as u32 % 5)));
    }
    for number in 6..14 {
        let _ = cache.get(&Key::new(number));
        drop(cache.insert_with_ttl(Key::new(number), Value::new(3), 10 + number % 3));
    }
    cache.pin(&Key::new(12));
    if let Some(mut guard) = cache.get_mut(&Key::new(13)) {
        call();
        guard.weight = 12;
    }
    if let Some(mut guard) = cache.get_mut(&Key::new(12)) {
        guard.weight = 21;
    }
    for number in 0..6 {
        drop(cache.get_or_insert_with(Key::new(number), || {
            call();
            Value::new(4)
        }));
        drop(cache.try_get_or_insert_with(Key::new(number + 20), || {
            call();
            if number % 2 == 0 {
                Ok(Value::new(2))
            } else {
                Err(())
            }
        }));
    }
    if let Entry::Occupied(entry) = cache.entry(Key::new(5)) {
        drop(entry.insert(Value::new(1)));
    }
    if let Entry::Occupied(entry) = cache.entry(Key::new(4)) {
        drop(entry.remove());
    }
    if let Entry::Occupied(entry) = cache.entry(Key::new(3)) {
        drop(entry.remove_entry());
    }
    if let Entry::Occupied(entry) = cache.entry(Key::new(2)) {
        entry.into_mut().weight = 5;
    }
    drop(cache.insert(Key::new(5), Value::new(19)));
    drop(cache.insert(Key::new(5), Value::new(99)));
    for number in 30..38 {
        drop(cache.insert_with_ttl(Key::new(number), Value::new(1), number));
    }
    drop(cache.evict_one());
    cache.retain(|key, _| {
        call();
        key.0 != 33
    });
    cache.unpin(&Key::new(36));
    drop(cache.remove(&Key::new(35)));
    cache.advance_to(cache.now() + 36);
    cache.set_ttl(&Key::new(37), 0);
    for number in 40..48 {
        drop(cache.insert(Key::new(number), Value::new(2)));
    }
    cache.set_capacity(10).expect("nothing is pinned");
    cache.set_capacity(20).expect("nothing is pinned");
    drop(cache.drain().take(2).collect::<Vec<_>>());
    for number in 50..58 {
        drop(cache.insert(Key::new(number), Value::new(2)));
    }
    cache.clear();
}

/// What entries, looks, clones, lifetimes and lowered limits call.
fn second_script<P: Policy + Clone>(cache: &mut Subject<P>) {
    for number in 0..6 {
        drop(cache.insert(Key::new(number), Value::new(2)));
    }
    for number in 4..8 {
        let entry = cache.entry(Key::new(number)).and_modify(|value| {
            call();
            value.weight += 1;
        });
        drop(entry.or_insert_with_key(|key| {
            call();
            Value::new(key.0 as u32 % 3)
        }));
        drop(
            cache
                .entry(Key::new(number + 2))
                .or_insert_mut(Value::new(1))
                .map(|mut value| {
                    call();
                    value.weight = 3;
                }),
        );
        drop(cache.entry(Key::new(number + 4)).insert(Value::new(1)));
        drop(cache.entry(Key::new(number + 5)).or_try_insert_with(|| {
            call();
            if number % 2 == 0 {
                Ok(Value::new(1))
            } else {
                Err(())
            }
        }));
    }
    let outgrown = cache
        .entry(Key::new(7))
        .and_modify(|value| value.weight = 30);
    drop(outgrown.or_insert(Value::new(2)));
    if let Entry::Occupied(entry) = cache.entry(Key::new(7)) {
        drop(entry.replace_key());
    }
    for number in 6..12 {
        let probe = Probe(number);
        let entry = cache.entry_ref(&probe).and_modify(|value| {
            call();
            value.weight += 1;
        });
        drop(entry.or_insert_with(|| {
            call();
            Value::new(1)
        }));
        drop(cache.entry_ref(&Probe(number + 3)).insert(Value::new(2)));
        drop(
            cache
                .entry_ref(&Probe(number + 6))
                .or_insert_mut(Value::new(2)),
        );
    }
    for number in [3, 8, 14] {
        if let EntryRef::Occupied(entry) = cache.entry_ref(&Probe(number)) {
            drop(entry.remove());
        }
        if let Some(mut value) = cache.peek_mut(&Probe(number + 1)) {
            value.weight = 4;
        }
        let _ = cache.get_key_value(&Probe(number + 1));
    }
    let mut copy = cache.clone();
    drop(copy.insert(Key::new(100), Value::new(9)));
    assert_eq!(copy.iter_by_eviction().count(), copy.len());
    drop(copy.into_iter().take(2).collect::<Vec<_>>());
    cache.set_time_to_live(Some(9));
    drop(cache.insert(Key::new(20), Value::new(2)));
    cache.set_time_to_idle(Some(3));
    drop(cache.insert(Key::new(21), Value::new(2)));
    cache.set_time_to_idle(Some(0));
    cache.set_time_to_idle(None);
    cache.set_time_to_live(None);

    cache.set_capacity(150).expect("nothing is pinned");
    cache.set_max_entries(150).expect("nothing is pinned");
    for number in 0..150 {
        drop(cache.insert(Key::new(number), Value::new(1)));
    }
    cache.set_capacity(20).expect("nothing is pinned");
    for number in 200..204 {
        drop(cache.insert(Key::new(number), Value::new(2)));
    }
    if let Some(mut value) = cache.get_mut(&Probe(203)) {
        value.weight = 5;
    }
    drop(cache.insert(Key::new(203), Value::new(7)));
    cache.set_max_entries(8).expect("nothing is pinned");
    drop(cache.insert(Key::new(204), Value::new(2)));
    while cache.shed(3) > 0 {}
    cache.clear();
}

/// Everything that is alive lies in the cache, and all of that is found.
fn sound<P: Policy>(cache: &Subject<P>) {
    cache.check();
    assert_eq!(
        ALIVE.get(),
        2 * cache.len() as i64,
        "each key and value is in the cache or gone"
    );
    for (key, value) in cache {
        assert!(std::ptr::eq(cache.peek(key).unwrap(), value));
    }
}

/// Panics at each call of the script in turn; how many there are.
fn panic_at_every_call(config: &AnyConfig, script: impl Fn(&mut Subject<AnyPolicy>)) -> u64 {
    for nth in 1.. {
        assert_eq!(ALIVE.get(), 0);
        let mut cache = cache::<AnyPolicy>(config.clone());
        FUSE.set(nth);
        let outcome = catch_unwind(AssertUnwindSafe(|| script(&mut cache)));
        if FUSE.replace(0) != 0 {
            assert!(outcome.is_ok());
            return nth;
        }
        assert!(outcome.is_err(), "call {nth} panicked");
        assert_eq!(
            ALIVE.get(),
            2 * cache.len() as i64,
            "after a panic in call {nth}"
        );
        sound(&cache);
        // Pins of an interrupted script would make the next one refuse to shrink.
        cache.clear();
        sound(&cache);
        // An interrupted script may have left other limits and lifetimes.
        cache.set_time_to_idle(Some(40));
        cache.set_time_to_live(None);
        cache.set_capacity(20).expect("nothing is pinned");
        cache.set_max_entries(8).expect("nothing is pinned");
        script(&mut cache);
        assert!(cache.is_empty());
        sound(&cache);
    }
    unreachable!("the script ends")
}

#[test]
fn cache_is_consistent_after_a_panic_in_any_call() {
    for config in AnyConfig::all() {
        let calls = panic_at_every_call(&config, script);
        assert!(calls > 300, "the script makes {calls} calls");
    }
}

#[test]
fn cache_is_consistent_after_a_panic_in_entries_clones_or_lowered_limits() {
    for config in AnyConfig::all() {
        let calls = panic_at_every_call(&config, second_script);
        assert!(calls > 700, "the script makes {calls} calls");
    }
}

#[test]
fn what_a_panicking_listener_left_expired_is_not_returned() {
    let mut cache = Cache::<u64, u64>::builder()
        .capacity(10)
        .listener(|_: u64, _: u64, _: Cause| call())
        .build()
        .unwrap();
    for key in 0..5 {
        cache.insert_with_ttl(key, key, 10 + key).unwrap();
    }
    FUSE.set(2);
    assert!(catch_unwind(AssertUnwindSafe(|| cache.advance_to(13))).is_err());
    assert_eq!(cache.len(), 3, "two have left, two are due, one is not");
    assert_eq!(cache.iter().count(), 1);
    for key in 0..4 {
        assert_eq!(
            (cache.peek(&key), cache.contains(&key), cache.deadline(&key)),
            (None, false, None)
        );
        assert!(!cache.pin(&key) && !cache.set_ttl(&key, 10));
    }
    cache.check();
    // An entry or an insert collects one that is due.
    assert_eq!(cache.get(&2), None);
    assert!(matches!(cache.entry(2), Entry::Vacant(_)));
    assert_eq!(cache.insert(3, 33), Ok(None));
    assert_eq!((cache.len(), cache.stats().expirations), (2, 4));
    assert_eq!(cache.advance_to(0), 0);
    assert_eq!(cache.peek(&4), Some(&4));
    cache.check();
}

#[test]
fn a_weigher_that_panics_in_a_guard_leaves_the_old_weight() {
    let mut cache = cache::<S3Fifo>(S3FifoConfig::default());
    drop(cache.insert(Key::new(1), Value::new(5)));
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let key = Key::new(1);
        let mut guard = cache.get_mut(&key).unwrap();
        guard.weight = 7;
        FUSE.set(1);
    }));
    assert!(outcome.is_err());
    assert_eq!(
        (cache.weight(), cache.peek(&Key::new(1)).unwrap().weight),
        (5, 7)
    );
    sound(&cache);
}

#[test]
fn a_key_whose_hash_changes_is_evicted_like_any() {
    struct Unsteady(Cell<u64>);
    impl PartialEq for Unsteady {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }
    impl Eq for Unsteady {}
    impl Hash for Unsteady {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.0.set(self.0.get() + 1);
            self.0.get().hash(state);
        }
    }
    let mut cache = Cache::<Unsteady, u64>::new(16);
    for number in 0..200 {
        cache.insert(Unsteady(Cell::new(7)), number).unwrap();
        cache.check();
    }
    assert!(cache.len() <= 16);
    cache.clear();
    assert!(cache.is_empty());
}

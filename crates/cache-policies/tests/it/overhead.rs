//! The bytes of a cache beside keys and values, counted by the allocator: an entry under each policy, and a ghost.
//!
//! `cargo test -p cache-policies --test it overhead -- --nocapture` prints them.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use cache_policies::{AnyConfig, AnyPolicy, Cache};
use foldhash::quality::FixedState;

struct Counting;

thread_local! {
    /// Bytes allocated less bytes freed by this thread.
    static LIVE: Cell<i64> = const { Cell::new(0) };
    /// Allocations by this thread.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count(bytes: usize, sign: i64) {
    LIVE.set(LIVE.get() + sign * bytes as i64);
}

// SAFETY: every call goes to `System` unchanged, which keeps the contract; the counter is a plain thread-local cell
// without a destructor, so touching it neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: `pointer` came from `System` by `alloc` above, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What is to be reached: bytes an entry beside key and value where the index is full, of a policy that needs no more than
/// links and marks, and bytes a key that the ghost of S3-FIFO remembers.
const ENTRY_TARGET: f64 = 20.0;
const GHOST_TARGET: f64 = 8.0;

/// Entries at which an index of a power of two places is as full as it gets.
const ENTRIES: u64 = (1 << 17) / 8 * 7;

/// Bytes that `work` left allocated, and what it made.
fn allocated<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let before = LIVE.get();
    let made = work();
    ((LIVE.get() - before) as f64, made)
}

/// Bytes beside key and value of a cache that its entries just fill, and how many more there are once four times as many
/// have passed through it; each for one entry.
fn overhead(config: &AnyConfig, entries: u64) -> (f64, f64) {
    let (empty, mut cache) = allocated(|| {
        Cache::<u64, u64>::builder()
            .policy::<AnyPolicy>(config.clone())
            .capacity(entries)
            .hasher(FixedState::with_seed(1))
            .build()
            .unwrap()
    });
    let insert = |cache: &mut Cache<u64, u64, AnyPolicy, _, _, _>, keys: std::ops::Range<u64>| {
        for key in keys {
            if cache.get(&key).is_none() {
                cache.insert(key, key).unwrap();
            }
        }
    };
    let (filled, ()) = allocated(|| insert(&mut cache, 0..entries));
    assert_eq!(cache.len() as u64, entries);
    let (passed, ()) = allocated(|| insert(&mut cache, entries..5 * entries));
    assert_eq!(cache.len() as u64, entries);
    let (freed, ()) = allocated(|| drop(cache));
    assert_eq!(empty + filled + passed + freed, 0.0, "all is given back");
    let entries = entries as f64;
    ((empty + filled) / entries - 16.0, passed / entries)
}

#[test]
fn the_overhead_of_an_entry_is_bounded() {
    println!(
        "bytes an entry beside K and V, and for what has left, at {ENTRIES} entries (index full):"
    );
    for config in AnyConfig::all() {
        let (entry, left) = overhead(&config, ENTRIES);
        let name = config.name();
        println!("{name:24} {entry:6.2} {left:6.2}");
        let lean = ["fifo", "lru", "clock", "sieve", "s3-fifo"].contains(&name);
        let most = if lean { ENTRY_TARGET } else { 160.0 };
        assert!(
            entry > 12.0 && entry <= most,
            "{name}: {entry} bytes an entry"
        );
    }
}

#[test]
fn a_ghost_costs_the_same_whatever_key_and_value_are() {
    let (_, left) = overhead(&AnyConfig::default(), ENTRIES);
    // S3-FIFO remembers nine keys for ten entries.
    // What FIFO, which remembers nobody, has more is the index's.
    let ghost = (left - overhead(&"fifo".parse().unwrap(), ENTRIES).1) / 0.9;
    println!("bytes a ghost of s3-fifo: {ghost:.2}");
    assert!(
        ghost > 4.0 && ghost <= GHOST_TARGET,
        "{ghost} bytes a ghost"
    );

    let large = |entries: u64| {
        let mut cache = Cache::<[u64; 4], [u64; 16]>::builder()
            .capacity(entries)
            .hasher(FixedState::with_seed(1))
            .build()
            .unwrap();
        let mut insert = |keys: std::ops::Range<u64>| {
            keys.for_each(|key| drop(cache.insert([key; 4], [key; 16])));
        };
        insert(0..entries);
        allocated(|| insert(entries..5 * entries)).0 / entries as f64
    };
    assert!((large(ENTRIES) - left).abs() < 0.01);
}

/// Keys that left and came back must not make the index of those that are remembered larger than they need.
#[test]
fn what_clock_pro_remembers_takes_a_bounded_number_of_bytes() {
    let entries = ENTRIES / 8 * 5;
    let (_, left) = overhead(&"clock-pro".parse().unwrap(), entries);
    println!("bytes of what left clock-pro: {left:.2}");
    assert!(left > 20.0 && left <= 37.0, "{left} bytes");
}

/// 24 bytes a slot, 16 for the keys it remembers for each, and what the five miniatures have for each of their entries, of which
/// there is one for 48.
#[test]
fn what_duel_takes_is_what_it_says() {
    // From 65,536 on the sketch is as large as for the next power of two.
    let entries = ENTRIES / 2;
    let total = |policy: &str| {
        let (entry, left) = overhead(&policy.parse().unwrap(), entries);
        entry + left
    };
    // FIFO has 8 bytes of links; the rest is the cache's.
    let cache = total("fifo") - 8.0;
    let engine = total("duel:rate=0.000001") - cache;
    let miniatures = total("duel") - cache - engine;
    println!(
        "bytes an entry of duel: {engine:.2}, and {miniatures:.2} of miniatures, {:.0} for each of their entries",
        48.0 * miniatures
    );
    assert!((40.0..=40.8).contains(&engine), "{engine} bytes an entry");
    let of_one = 48.0 * miniatures;
    assert!((150.0..=220.0).contains(&of_one), "{of_one} bytes");
}

#[test]
fn an_empty_cache_allocates_next_to_nothing() {
    for config in AnyConfig::all() {
        let name = config.name();
        let (bytes, _cache) = allocated(|| {
            Cache::<u64, u64>::builder()
                .policy::<AnyPolicy>(config)
                .capacity(1 << 40)
                .build()
                .unwrap()
        });
        assert!(bytes <= 262_144.0, "{name}: {bytes} bytes");
    }
}

#[test]
fn steady_state_allocates_next_to_nothing() {
    for config in AnyConfig::all() {
        let name = config.name();
        let mut cache = Cache::<u64, u64>::builder()
            .policy::<AnyPolicy>(config)
            .capacity(1_000)
            .hasher(FixedState::with_seed(1))
            .build()
            .unwrap();
        let mut state = 1u64;
        let mut pass = |requests: u32| {
            for _ in 0..requests {
                state = state
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                let key = (state >> 40) % 60 * ((state >> 50) % 60);
                if cache.get(&key).is_none() {
                    cache.insert(key, key).unwrap();
                }
            }
        };
        pass(100_000);
        let before = ALLOCATIONS.get();
        pass(100_000);
        let made = ALLOCATIONS.get() - before;
        println!("{name:24} {made} allocations in 100,000 requests");
        let lean = ["fifo", "lru", "clock", "sieve", "random"].contains(&name);
        // What others keep of keys that left may be sorted out now and then.
        assert!(made <= if lean { 0 } else { 4_000 }, "{name}: {made}");
    }
}

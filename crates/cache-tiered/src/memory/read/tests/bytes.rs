//! What an entry costs beside its value, counted at the allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use super::super::{Arena, pinned};
use super::unlink;

/// The system's allocator; counts the bytes that each thread has.
struct Counting;

thread_local! {
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    BYTES.with(|all| all.set(all.get() + bytes));
}

// SAFETY: the system's, clause by clause; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: passed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: passed on from the caller.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn bytes() -> isize {
    BYTES.with(Cell::get)
}

/// Bytes an entry beside its value, of so many shards with so many values each.
fn overhead<T: Copy>(shards: usize, values: usize, value: T) -> f64 {
    let before = bytes();
    let arenas: Vec<_> = (0..shards)
        .map(|shard| {
            let (arena, mut token) = Arena::new(values);
            let mut writer = arena.writer(&mut token);
            for key in 0..values {
                writer.insert(super::hash((shard * values + key) as u64), value);
            }
            (arena, token)
        })
        .collect();
    let all = (bytes() - before) as f64 / (shards * values) as f64;
    drop(arenas);
    assert_eq!(bytes(), before, "an arena gives back all that it had");
    all - size_of::<T>() as f64
}

#[test]
fn an_entry_costs_at_most_24_bytes_beside_its_value() {
    for (shards, values) in [
        (1, 1000),
        (1, 100_000),
        (64, 1024),
        (64, 1600),
        (64, 16_000),
    ] {
        let small = overhead(shards, values, 7_u32);
        let pair = overhead(shards, values, (7_u64, 7_u64));
        println!("{shards} shards of {values}: {small:.1} bytes beside 4, {pair:.1} beside 16");
        assert!(small <= 24.0 && pair <= 24.0);
    }
}

#[test]
fn coming_and_going_needs_no_more_memory() {
    let (arena, mut token) = Arena::new(1000);
    let mut writer = arena.writer(&mut token);
    let mut slots: Vec<u32> = (0..1000)
        .map(|key| writer.insert(super::hash(key), key))
        .collect();
    let mut out = Vec::with_capacity(128);
    pinned(|_| ());
    let before = bytes();
    for key in 0..20_000_u64 {
        let at = super::hash(key) as usize % 1000;
        unlink(&mut writer, slots[at]);
        slots[at] = writer.insert(super::hash(key + 1000), key);
        // Other tests' threads may be pinned, so that batches wait: none may pile up.
        while writer.retired() > 64 {
            out.clear();
            writer.reclaim_all(&mut out);
            std::thread::yield_now();
        }
    }
    let more = bytes() - before;
    // The list of readers that were pinned, hundreds of them in another test; not a byte for each that came.
    assert!(more < 20_000, "{more} bytes more");
}

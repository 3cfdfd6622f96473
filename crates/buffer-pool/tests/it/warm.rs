//! A warm pool allocates nothing: neither from its provider nor from the global allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::io::Write;

use buffer_pool::BufferPool;

struct Counted;

/// A size that no other test asks for.
pub(crate) const WATCHED: usize = 12_347;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static BALANCE: Cell<isize> = const { Cell::new(0) };
}

/// Blocks that this thread has allocated, less those that it has freed, with the layout that a `Vec<u8>` with a capacity
/// of [`WATCHED`] has. What is allocated or freed with another alignment leaves it unbalanced.
pub(crate) fn watched() -> isize {
    BALANCE.get()
}

fn watch(layout: Layout, change: isize) {
    if (layout.size(), layout.align()) == (WATCHED, 1) {
        BALANCE.set(BALANCE.get() + change);
    }
}

// SAFETY: the system's allocator, each call passed on; the count allocates nothing.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        watch(layout, 1);
        // SAFETY: passed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        watch(layout, -1);
        // SAFETY: passed on from the caller.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        watch(layout, 1);
        // SAFETY: passed on from the caller.
        unsafe { System.alloc_zeroed(layout) }
    }
}

#[global_allocator]
static GLOBAL: Counted = Counted;

#[test]
fn warm_paths_allocate_nothing() {
    let pool = BufferPool::builder().max_bytes(64 << 20).build();
    let round = || {
        for size in [1, 5000, 70_000, 1 << 20] {
            let mut buf = pool.acquire(size);
            buf.write_all(b"some bytes").unwrap();
            let zeroed = pool.acquire_zeroed(size);
            let stale = pool.try_acquire_stale(size).unwrap();
            let frozen = buf.freeze();
            let clone = frozen.slice(2..);
            drop(frozen);
            let mut again = clone.try_into_mut().unwrap();
            again.extend_from_slice(b"more");
            black_box((&again, &zeroed, &stale));
            drop(pool.clone());
        }
    };
    round();
    let before = ALLOCATIONS.get();
    (0..100).for_each(|_| round());
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert!(before > 0, "the first round was counted");
}

#[test]
fn a_million_warm_pairs_allocate_nothing() {
    let pools = [
        BufferPool::new(),
        BufferPool::builder().max_bytes(64 << 20).build(),
    ];
    for pool in pools {
        let sizes = [4096, 5000, 64 << 10, 1 << 20];
        sizes.iter().for_each(|&size| drop(pool.acquire(size)));
        let before = ALLOCATIONS.get();
        for turn in 0..1_000_000 {
            black_box(pool.acquire(sizes[turn % sizes.len()]));
        }
        assert_eq!(ALLOCATIONS.get() - before, 0);
        assert_eq!(
            (pool.stats().misses(), pool.stats().recycles()),
            (4, 1_000_000)
        );
    }
}

#[test]
fn a_closed_pool_allocates_nothing_for_releases() {
    for builder in [
        BufferPool::builder(),
        BufferPool::builder().max_bytes(64 << 20),
    ] {
        let pool = builder.build();
        let held: Vec<_> = (0..100).map(|_| pool.acquire(4096)).collect();
        pool.close();
        let before = ALLOCATIONS.get();
        drop(held);
        assert_eq!(ALLOCATIONS.get() - before, 0);
    }
}

#[test]
fn warm_bursts_through_the_depot_allocate_nothing() {
    let pool = BufferPool::new();
    // More than a thread keeps at hand.
    let mut held = Vec::with_capacity(400);
    let mut burst = || {
        (0..400).for_each(|_| held.push(pool.acquire(4096)));
        held.clear();
    };
    (0..3).for_each(|_| burst());
    let before = ALLOCATIONS.get();
    (0..100).for_each(|_| burst());
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert_eq!(pool.stats().misses(), 400);
}

//! A warm pool allocates nothing: neither from its provider nor from the global allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::io::Write;

use buffer_pool::BufferPool;

struct Counted;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: the system's allocator, each call passed on; the count allocates nothing.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: passed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
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

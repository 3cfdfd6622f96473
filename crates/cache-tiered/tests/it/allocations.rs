//! Counted allocations: a memory hit makes none.

use crate::doubles::probed;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to `System` unchanged, which keeps the contract; the counter is a plain
// thread-local cell without a destructor, so touching it neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `System` by `alloc` above, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_memory_hit_allocates_nothing() {
    let (cache, _) = probed(1_000);
    for key in 0..100 {
        cache.put(key, key).wait().unwrap();
    }
    // A thread's first look-up tells the process of the thread.
    cache.get(&0).wait().unwrap();
    let before = ALLOCATIONS.get();
    assert!(before > 0, "the counter counts");
    for key in 0..100 {
        assert_eq!(cache.get(&key).wait().unwrap().unwrap().value, key);
    }
    assert_eq!(ALLOCATIONS.get(), before);
}

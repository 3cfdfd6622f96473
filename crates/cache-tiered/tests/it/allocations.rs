//! Counted allocations: a memory hit makes none. Other tests ask how large the largest one was.

use crate::doubles::probed;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to `System` unchanged, which keeps the contract; the counters are plain
// thread-local cells without destructors, so touching them neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        LARGEST.set(LARGEST.get().max(layout.size()));
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

/// The answer of a call, and the bytes of the largest allocation that this thread made for it.
#[cfg(feature = "serde")]
pub(crate) fn largest<T>(call: impl FnOnce() -> T) -> (T, usize) {
    LARGEST.set(0);
    let answer = call();
    (answer, LARGEST.get())
}

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

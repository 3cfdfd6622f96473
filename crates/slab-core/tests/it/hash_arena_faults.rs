//! A hash arena for whose columns the global allocator has no memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use slab_core::HashArena;

thread_local! {
    /// The allocations that this thread may still make; all, where there is no number.
    static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
}

/// The system's allocator, which refuses a thread what is not left to it.
struct Refusing;

/// Whether this thread may allocate once more.
fn is_refused() -> bool {
    let left = LEFT.get();
    LEFT.set(left.map(|left| left.saturating_sub(1)));
    left == Some(0)
}

// SAFETY: every call goes to `System` unchanged, or fails as calls may. The count is a plain thread-local cell without a
// destructor, so touching it neither allocates nor unwinds.
unsafe impl GlobalAlloc for Refusing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_refused() {
            return ptr::null_mut();
        }
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `System` by a call above or below, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size > layout.size() && is_refused() {
            return ptr::null_mut();
        }
        // SAFETY: as in `dealloc`; the caller keeps the rest of the contract.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Refusing = Refusing;

/// Does something after whose first `granted` allocations there is no memory.
fn with_allocations<T>(granted: u32, work: impl FnOnce() -> T) -> T {
    LEFT.set(Some(granted));
    let result = work();
    LEFT.set(None);
    result
}

/// The hash of the value at an index here.
fn hash(index: u32) -> u64 {
    u64::from(index).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Inserts values up to what there is room for, without memory for more; then there is no room.
fn fill(arena: &mut HashArena<u32>) {
    with_allocations(0, || {
        for index in arena.len() as u32..arena.room() as u32 {
            assert_eq!(arena.insert(hash(index), index), index);
        }
    });
    assert!(catch_unwind(AssertUnwindSafe(|| arena.insert(0, 0))).is_err());
    check(arena);
}

fn check(arena: &HashArena<u32>) {
    arena.check();
    for index in 0..arena.len() as u32 {
        let found = arena.find(hash(index), |value| *value == index);
        assert_eq!(found, Some((index, &index)));
    }
}

#[test]
fn growth_without_memory_for_any_of_the_columns_changes_nothing() {
    for first in [0, 20] {
        // The index, the cells and the hashes.
        for granted in 0..3 {
            let mut arena = HashArena::new();
            assert!(arena.try_grow(first));
            fill(&mut arena);
            assert!(!with_allocations(granted, || arena.try_grow(200)));
            assert_eq!((arena.room(), arena.len()), (first, first));
            fill(&mut arena);
            assert!(with_allocations(3, || arena.try_grow(200)));
            assert_eq!(arena.room(), 200);
            fill(&mut arena);
        }
    }
}

#[test]
fn shrinking_without_memory_for_a_smaller_index_leaves_the_room_that_there_is() {
    let mut arena = HashArena::new();
    assert!(arena.try_grow(400));
    fill(&mut arena);
    for index in 20..400 {
        assert_eq!(arena.remove(index), Some(index));
    }
    with_allocations(0, || arena.shrink_to_fit());
    assert_eq!((arena.room(), arena.slots()), (20, 20));
    fill(&mut arena);
    assert!(arena.try_grow(30));
    fill(&mut arena);
    assert_eq!(arena.len(), 30);
}

//! The parent is never called under the lock: one that looks, and one that asks its child for more.

use std::alloc::Layout;
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

use lock_api::{GuardSend, RawMutex};
use slab_core::{Counting, Global, ProvideError, Provider, Segmented};

use super::{SEGMENT, UNIT, layout};

thread_local! {
    /// Whether this thread, which is the test's only one, is under the lock.
    static HELD: Cell<bool> = const { Cell::new(false) };
    /// Calls of the parent, and of those the ones under the lock.
    static CALLS: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
    /// Whether the parent was asked for a table before.
    static ASKED: Cell<bool> = const { Cell::new(false) };
    /// What the parent allocated through its child.
    static INNER: RefCell<Vec<NonNull<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A lock for one thread, which would wait for ever where this one panics.
struct Watched;

// SAFETY: only one thread uses it, and is refused a second time.
unsafe impl RawMutex for Watched {
    const INIT: Self = Self;

    type GuardMarker = GuardSend;

    fn lock(&self) {
        assert!(self.try_lock(), "the thread has the lock");
    }

    fn try_lock(&self) -> bool {
        !HELD.replace(true)
    }

    unsafe fn unlock(&self) {
        HELD.set(false);
    }
}

/// Counts its calls, and answers the first request for a table after it has made another segment necessary itself: as
/// if another thread had been quicker.
struct Reentrant(Counting<Global>);

static MEMORY: Segmented<Reentrant, Watched, UNIT> =
    Segmented::with_spare_segments(1, Reentrant(Counting::new(Global)));

fn called() {
    let (calls, under) = CALLS.get();
    CALLS.set((calls + 1, under + usize::from(HELD.get())));
}

// SAFETY: the blocks are those of the other provider.
unsafe impl Provider for Reentrant {
    fn allocate(&self, of: Layout) -> Result<NonNull<u8>, ProvideError> {
        called();
        if of.size() < SEGMENT && !ASKED.replace(true) {
            let more: Result<Vec<_>, _> = (0..63).map(|_| MEMORY.allocate(slab())).collect();
            INNER.with_borrow_mut(|inner| inner.extend(more.into_iter().flatten()));
        }
        self.0.allocate(of)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, of: Layout) {
        called();
        // SAFETY: passed on from the caller.
        unsafe { self.0.deallocate(block, of) };
    }
}

fn slab() -> Layout {
    layout(UNIT, UNIT)
}

#[test]
fn the_parent_is_never_called_under_the_lock() {
    // The first block of the ninth segment asks for a table.
    let mut blocks: Vec<_> = (0..8 * 63 + 1)
        .map(|_| MEMORY.allocate(slab()).expect("memory is there"))
        .collect();
    let counting = &MEMORY.parent().0;
    assert_eq!(MEMORY.stats().segments, 10);
    let table = 64 * size_of::<usize>();
    assert_eq!(counting.live_bytes(), 10 * SEGMENT + table);
    assert_eq!(counting.deallocations(), 1, "the second table");
    blocks.append(&mut INNER.take());
    for block in blocks {
        // SAFETY: it came from this provider with this layout, and is not used again.
        unsafe { MEMORY.deallocate(block, slab()) };
    }
    assert_eq!(MEMORY.release_empty(0), 1);
    assert_eq!(counting.live_bytes(), 0);
    assert_eq!(CALLS.get(), (24, 0));
}

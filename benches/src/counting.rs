//! A global allocator that counts the bytes that are live, for the races in bytes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// Set while a measurement runs; written by the measuring thread, read by every allocation. Relaxed:
/// only that thread's own allocations are of interest to it.
static ENABLED: AtomicBool = AtomicBool::new(false);
/// Requested bytes allocated less freed while enabled. Relaxed: a sum, read by the measuring thread.
static LIVE: AtomicI64 = AtomicI64::new(0);

/// The system's allocator with a count that costs one relaxed load where nothing is measured.
#[derive(Debug)]
pub struct CountingAllocator;

/// The bytes that `build` left allocated, and what it built.
///
/// One measurement at a time; allocations of other threads count too, so run it while none works.
pub fn allocated_bytes<T>(build: impl FnOnce() -> T) -> (u64, T) {
    LIVE.store(0, Ordering::Relaxed);
    ENABLED.store(true, Ordering::Relaxed);
    let built = build();
    ENABLED.store(false, Ordering::Relaxed);
    (LIVE.load(Ordering::Relaxed).max(0) as u64, built)
}

// SAFETY: every call goes to `System` with the arguments unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if ENABLED.load(Ordering::Relaxed) {
            LIVE.fetch_add(layout.size() as i64, Ordering::Relaxed);
        }
        // SAFETY: the caller keeps `GlobalAlloc::alloc`'s contract, which is `System`'s.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if ENABLED.load(Ordering::Relaxed) {
            LIVE.fetch_add(layout.size() as i64, Ordering::Relaxed);
        }
        // SAFETY: as for `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    // Left to the default, growing would copy: glibc remaps large blocks instead, and the peers that
    // keep everything in one `Vec` live on that.
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if ENABLED.load(Ordering::Relaxed) {
            LIVE.fetch_add(new_size as i64 - layout.size() as i64, Ordering::Relaxed);
        }
        // SAFETY: the caller keeps `GlobalAlloc::realloc`'s contract, which is `System`'s.
        unsafe { System.realloc(ptr, layout, new_size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        if ENABLED.load(Ordering::Relaxed) {
            LIVE.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        }
        // SAFETY: `ptr` came from `System` with this layout, by the caller's contract.
        unsafe { System.dealloc(ptr, layout) }
    }
}

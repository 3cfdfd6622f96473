//! `SpinLock`: the lock for programs that bring none of their own.

#![expect(
    clippy::disallowed_types,
    reason = "a lock that a caller may choose; models use that of loom"
)]

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use lock_api::{GuardSend, RawMutex};

/// A lock that waits by trying again, for targets without threads that could sleep.
///
/// A [`SlabCache`](crate::SlabCache) holds it for a few dozen steps at most, each of which may touch another slab, but for
/// [`release_empty`](crate::SlabCache::release_empty), and never while it calls the provider, takes back what others
/// freed, or drops a value. Where a
/// thread that holds it may be interrupted by one that waits for it with a higher priority (an interrupt handler, a
/// real-time scheduler), give the cache another lock: any `lock_api::RawMutex`, such as parking_lot's or one that
/// disables interrupts.
///
/// It is not fair.
///
/// ```
/// use slab_core::{Global, SlabCache, SpinLock};
///
/// let cache: SlabCache<u32, Global, SpinLock> = SlabCache::new()?;
/// assert_eq!(*cache.alloc(3)?, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SpinLock {
    /// Set by who locks, cleared by who unlocks.
    locked: AtomicBool,
}

// SAFETY: only one exchange of false for true succeeds until `unlock`, which the trait lets the holder alone call.
unsafe impl RawMutex for SpinLock {
    const INIT: Self = Self {
        locked: AtomicBool::new(false),
    };

    type GuardMarker = GuardSend;

    #[inline]
    fn lock(&self) {
        while !self.try_lock() {
            // Relaxed: waits without writing; `try_lock` acquires.
            while self.locked.load(Ordering::Relaxed) {
                core::hint::spin_loop();
            }
        }
    }

    #[inline]
    fn try_lock(&self) -> bool {
        // Acquire pairs with the Release of `unlock`. Relaxed: who fails reads nothing.
        self.locked
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    #[inline]
    unsafe fn unlock(&self) {
        // Release pairs with the Acquire of `try_lock`.
        self.locked.store(false, Ordering::Release);
    }

    fn is_locked(&self) -> bool {
        // Relaxed: the answer may be old when it arrives.
        self.locked.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for SpinLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpinLock")
            .field("locked", &self.is_locked())
            .finish()
    }
}

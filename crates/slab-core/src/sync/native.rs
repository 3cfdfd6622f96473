//! The primitives of a normal build: core's atomics, the caller's lock.

use core::cell::UnsafeCell;

use lock_api::RawMutex;

/// Atomics and their orderings.
pub(crate) mod atomic {
    pub(crate) use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};
}

/// A value behind the caller's kind of lock.
pub(crate) struct Lock<L, T>(lock_api::Mutex<L, T>);

impl<L: RawMutex, T> Lock<L, T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(lock_api::Mutex::new(value))
    }

    /// Runs `step`, which does not unwind, under the lock.
    #[inline]
    pub(crate) fn with<R>(&self, step: impl FnOnce(&mut T) -> R) -> R {
        step(&mut self.0.lock())
    }
}

/// An `UnsafeCell` whose accesses loom can follow; here it costs nothing.
pub(crate) struct TrackedCell<T>(UnsafeCell<T>);

impl<T> TrackedCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Gives `access` a pointer for reading. The caller sees to it that nobody writes meanwhile.
    #[inline(always)]
    pub(crate) fn with<R>(&self, access: impl FnOnce(*const T) -> R) -> R {
        access(self.0.get())
    }

    /// Gives `access` a pointer for writing. The caller sees to it that nobody else reads or writes meanwhile.
    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, access: impl FnOnce(*mut T) -> R) -> R {
        access(self.0.get())
    }
}

/// Stands for the bytes of a slab's slots, which lie outside of any cell.
pub(crate) struct Witnesses;

impl Witnesses {
    pub(crate) const fn new() -> Self {
        Self
    }

    /// The caller reads or writes slot `slot` as the only one.
    #[inline(always)]
    pub(crate) fn written(&self, _slot: u16) {}
}

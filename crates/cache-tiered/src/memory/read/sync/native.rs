//! The primitives of a normal build.

use std::cell::UnsafeCell;

pub(in crate::memory::read) use buffer_pool::Fence;
pub(in crate::memory::read) use parking_lot::Mutex;
pub(in crate::memory::read) use std::sync::atomic;
pub(in crate::memory::read) use std::thread_local as local;

/// A static.
macro_rules! process_wide {
    ($(#[$meta:meta])* static $name:ident: $kind:ty = $value:expr;) => {
        $(#[$meta])* static $name: $kind = $value;
    };
}
pub(in crate::memory::read) use process_wide;

/// An `UnsafeCell` whose accesses loom can follow; here it costs nothing.
#[derive(Debug)]
pub(in crate::memory::read) struct TrackedCell<T>(UnsafeCell<T>);

impl<T> TrackedCell<T> {
    pub(in crate::memory::read) const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Gives `access` a pointer for reading. The caller sees to it that nobody writes meanwhile.
    #[inline(always)]
    pub(in crate::memory::read) fn with<R>(&self, access: impl FnOnce(*const T) -> R) -> R {
        access(self.0.get())
    }

    /// Gives `access` a pointer for writing. The caller sees to it that nobody else reads or
    /// writes meanwhile.
    #[inline(always)]
    pub(in crate::memory::read) fn with_mut<R>(&self, access: impl FnOnce(*mut T) -> R) -> R {
        access(self.0.get())
    }
}

//! The primitives of a normal build: core's atomics, the caller's lock.

#![expect(
    clippy::disallowed_types,
    reason = "this is the seam that the ban points to"
)]

use core::cell::UnsafeCell;

use lock_api::RawMutex;

/// Atomics and their orderings. Types of their own, because the ban on core's follows re-exports.
pub(crate) mod atomic {
    use core::sync::atomic;

    pub(crate) use core::sync::atomic::Ordering;

    /// A type around core's of the same name, with those of its methods that are named.
    macro_rules! wrapped {
        ($name:ident $(<$of:ident>)?, $value:ty, {
            $($method:ident($($argument:ident: $kind:ty),*) $(-> $result:ty)?;)*
        }) => {
            pub(crate) struct $name $(<$of>)?(atomic::$name $(<$of>)?);

            impl $(<$of>)? $name $(<$of>)? {
                pub(crate) const fn new(value: $value) -> Self {
                    Self(atomic::$name::new(value))
                }

                $(
                    #[inline(always)]
                    pub(crate) fn $method(&self, $($argument: $kind),*) $(-> $result)? {
                        self.0.$method($($argument),*)
                    }
                )*
            }
        };
    }

    wrapped!(AtomicPtr<T>, *mut T, {
        load(order: Ordering) -> *mut T;
        store(value: *mut T, order: Ordering);
        swap(value: *mut T, order: Ordering) -> *mut T;
        compare_exchange_weak(
            current: *mut T, new: *mut T, success: Ordering, failure: Ordering
        ) -> Result<*mut T, *mut T>;
    });
    wrapped!(AtomicU32, u32, {
        load(order: Ordering) -> u32;
        store(value: u32, order: Ordering);
        swap(value: u32, order: Ordering) -> u32;
        fetch_and(value: u32, order: Ordering) -> u32;
        compare_exchange(
            current: u32, new: u32, success: Ordering, failure: Ordering
        ) -> Result<u32, u32>;
        compare_exchange_weak(
            current: u32, new: u32, success: Ordering, failure: Ordering
        ) -> Result<u32, u32>;
    });
    wrapped!(AtomicUsize, usize, {
        load(order: Ordering) -> usize;
        fetch_add(value: usize, order: Ordering) -> usize;
        fetch_sub(value: usize, order: Ordering) -> usize;
    });
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

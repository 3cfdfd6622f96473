//! The primitives of a normal build: std's atomics, parking_lot's mutex.

#![expect(
    clippy::disallowed_types,
    reason = "this is the seam that the ban points to"
)]

use std::cell::{Cell, UnsafeCell};
use std::ops::Deref;
use std::time::Instant;

#[cfg(test)]
pub(crate) use std::thread;
pub(crate) use std::thread::yield_now;
pub(crate) use std::thread_local as local;

/// Atomics and their orderings. Types of their own, because the ban follows re-exports.
pub(crate) mod atomic {
    use std::sync::atomic;

    pub(crate) use std::sync::atomic::Ordering;

    macro_rules! atomic_type {
        ($(#[$doc:meta])* $name:ident, $value:ty) => {
            $(#[$doc])*
            #[derive(Debug)]
            pub(crate) struct $name(atomic::$name);

            impl $name {
                pub(crate) const fn new(value: $value) -> Self {
                    Self(atomic::$name::new(value))
                }

                #[inline(always)]
                pub(crate) fn load(&self, order: Ordering) -> $value {
                    self.0.load(order)
                }
            }
        };
    }

    macro_rules! storing {
        ($name:ident, $value:ty) => {
            impl $name {
                #[inline(always)]
                pub(crate) fn store(&self, value: $value, order: Ordering) {
                    self.0.store(value, order);
                }
            }
        };
    }

    storing!(AtomicBool, bool);
    storing!(AtomicU32, u32);
    storing!(AtomicU64, u64);

    atomic_type!(
        /// std's `AtomicBool`.
        AtomicBool,
        bool
    );
    atomic_type!(
        /// std's `AtomicU32`.
        AtomicU32,
        u32
    );
    atomic_type!(
        /// std's `AtomicU64`.
        AtomicU64,
        u64
    );
    atomic_type!(
        /// std's `AtomicUsize`.
        AtomicUsize,
        usize
    );

    macro_rules! counting {
        ($name:ident, $value:ty) => {
            impl $name {
                #[inline(always)]
                pub(crate) fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                    self.0.fetch_add(value, order)
                }

                #[inline(always)]
                pub(crate) fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                    self.0.fetch_sub(value, order)
                }
            }
        };
    }

    counting!(AtomicU32, u32);
    counting!(AtomicUsize, usize);

    impl AtomicUsize {
        #[inline(always)]
        pub(crate) fn compare_exchange_weak(
            &self,
            current: usize,
            new: usize,
            success: Ordering,
            failure: Ordering,
        ) -> Result<usize, usize> {
            self.0.compare_exchange_weak(current, new, success, failure)
        }
    }
}

use atomic::{AtomicUsize, Ordering};

/// std's `Arc`.
#[derive(Debug)]
pub(crate) struct Arc<T>(std::sync::Arc<T>);

impl<T> Arc<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(std::sync::Arc::new(value))
    }

    /// Owners at this moment.
    #[cfg(test)]
    pub(crate) fn strong_count(this: &Self) -> usize {
        std::sync::Arc::strong_count(&this.0)
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        Self(std::sync::Arc::clone(&self.0))
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

/// A mutex without poisoning.
#[derive(Debug)]
pub(crate) struct Mutex<T>(parking_lot::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(parking_lot::Mutex::new(value))
    }

    #[inline]
    pub(crate) fn lock(&self) -> parking_lot::MutexGuard<'_, T> {
        #[cfg(test)]
        LOCKS.with(|locks| locks.set(locks.get() + 1));
        self.0.lock()
    }
}

/// A condition that threads wait for, under a [`Mutex`].
#[derive(Debug)]
pub(crate) struct Condvar(parking_lot::Condvar);

impl Condvar {
    pub(crate) const fn new() -> Self {
        Self(parking_lot::Condvar::new())
    }

    /// Unlocks, waits for a notification, and locks again; `false` when `deadline` came first.
    pub(crate) fn wait<'a, T>(
        &self,
        mut guard: parking_lot::MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> (parking_lot::MutexGuard<'a, T>, bool) {
        let in_time = match deadline {
            Some(deadline) => !self.0.wait_until(&mut guard, deadline).timed_out(),
            None => {
                self.0.wait(&mut guard);
                true
            }
        };
        (guard, in_time)
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }
}

/// An `UnsafeCell` whose accesses loom can follow; here it costs nothing.
#[derive(Debug)]
pub(crate) struct TrackedCell<T>(UnsafeCell<T>);

impl<T> TrackedCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Gives `access` a pointer for writing. The caller sees to it that nobody else reads or writes meanwhile.
    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, access: impl FnOnce(*mut T) -> R) -> R {
        access(self.0.get())
    }
}

#[cfg(test)]
thread_local! {
    static LOCKS: Cell<usize> = const { Cell::new(0) };
}

/// Mutexes that this thread has locked so far.
#[cfg(test)]
pub(crate) fn locks_taken() -> usize {
    LOCKS.with(Cell::get)
}

const UNASSIGNED: usize = usize::MAX;

thread_local! {
    // Constant and without a destructor: usable in the destructors of other thread-locals.
    static HOME: Cell<usize> = const { Cell::new(UNASSIGNED) };
}

/// The number of this thread, given out in turn at its first call.
#[inline]
pub(crate) fn home() -> usize {
    HOME.with(|home| {
        let number = home.get();
        if number != UNASSIGNED {
            number
        } else {
            assign(home)
        }
    })
}

#[cold]
fn assign(home: &Cell<usize>) -> usize {
    /// Written by each thread once. Relaxed: only the numbers' difference matters, they guard no memory.
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed) % UNASSIGNED;
    home.set(number);
    number
}

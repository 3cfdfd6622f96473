//! The primitives of a model: loom's.

use std::cell::Cell;
use std::time::Instant;

pub(crate) use loom::sync::Arc;
#[cfg(test)]
pub(crate) use loom::thread;
pub(crate) use loom::thread::yield_now;

/// Atomics and their orderings.
pub(crate) mod atomic {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
}

/// `std::thread_local!` with constant values, as loom's.
macro_rules! local {
    ($($(#[$meta:meta])* $visibility:vis static $name:ident: $kind:ty = const { $value:expr };)+) => {
        loom::thread_local! { $($(#[$meta])* $visibility static $name: $kind = $value;)+ }
    };
}
pub(crate) use local;

/// A mutex without poisoning.
#[derive(Debug)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        self.0.lock().expect("loom's mutex does not fail")
    }
}

/// A condition that threads wait for. In a model no time passes: no deadline ever comes.
#[derive(Debug)]
pub(crate) struct Condvar(loom::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(loom::sync::Condvar::new())
    }

    pub(crate) fn wait<'a, T>(
        &self,
        guard: loom::sync::MutexGuard<'a, T>,
        _deadline: Option<Instant>,
    ) -> (loom::sync::MutexGuard<'a, T>, bool) {
        let guard = self.0.wait(guard);
        (guard.expect("loom's condition does not fail"), true)
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }
}

/// A cell whose accesses loom follows: two that are not ordered, one of them a write, fail the model.
#[derive(Debug)]
pub(crate) struct TrackedCell<T>(loom::cell::UnsafeCell<T>);

impl<T> TrackedCell<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::cell::UnsafeCell::new(value))
    }

    pub(crate) fn with<R>(&self, access: impl FnOnce(*const T) -> R) -> R {
        self.0.with(access)
    }

    pub(crate) fn with_mut<R>(&self, access: impl FnOnce(*mut T) -> R) -> R {
        self.0.with_mut(access)
    }
}

loom::thread_local! {
    static HOME: Cell<usize> = Cell::new(0);
}

/// The number of this thread: 0 unless the model chose another, and while the thread ends.
pub(crate) fn home() -> usize {
    HOME.try_with(Cell::get).unwrap_or(0)
}

/// Chooses the number of this thread.
#[cfg(test)]
pub(crate) fn set_home(number: usize) {
    HOME.with(|home| home.set(number));
}

//! The primitives of a model: loom's.

use std::marker::PhantomData;

/// Atomics and their orderings.
pub(crate) mod atomic {
    pub(crate) use loom::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};
}

/// A value behind loom's lock, whichever the caller chose.
pub(crate) struct Lock<L, T>(loom::sync::Mutex<T>, PhantomData<fn() -> L>);

impl<L, T> Lock<L, T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value), PhantomData)
    }

    pub(crate) fn with<R>(&self, step: impl FnOnce(&mut T) -> R) -> R {
        step(&mut self.0.lock().expect("loom's mutex does not fail"))
    }
}

/// A cell whose accesses loom follows: two that are not ordered, one of them a write, fail the model.
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

/// Stand for the bytes of a slab's slots, which lie outside of any cell: one for each slot that a model has.
pub(crate) struct Witnesses([TrackedCell<()>; crate::cache::CAPACITY_MAX]);

impl Witnesses {
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| TrackedCell::new(())))
    }

    pub(crate) fn written(&self, slot: u16) {
        self.0[usize::from(slot)].with_mut(|_| ());
    }
}

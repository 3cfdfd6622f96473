//! The primitives of a model: loom's.

pub(in crate::memory::read) use loom::sync::atomic;

/// `std::thread_local!` with constant values, as loom's.
macro_rules! local {
    ($($(#[$meta:meta])* static $name:ident: $kind:ty = const { $value:expr };)+) => {
        loom::thread_local! { $($(#[$meta])* static $name: $kind = $value;)+ }
    };
}
pub(in crate::memory::read) use local;

/// A static of one execution.
macro_rules! process_wide {
    ($(#[$meta:meta])* static $name:ident: $kind:ty = $value:expr;) => {
        loom::lazy_static! { $(#[$meta])* static ref $name: $kind = $value; }
    };
}
pub(in crate::memory::read) use process_wide;

/// A mutex without poisoning.
#[derive(Debug)]
pub(in crate::memory::read) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(in crate::memory::read) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(in crate::memory::read) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        self.0.lock().expect("loom's mutex does not fail")
    }
}

/// A cell whose accesses loom follows: two that are not ordered, one of them a write, fail the model.
#[derive(Debug)]
pub(in crate::memory::read) struct TrackedCell<T>(loom::cell::UnsafeCell<T>);

impl<T> TrackedCell<T> {
    pub(in crate::memory::read) fn new(value: T) -> Self {
        Self(loom::cell::UnsafeCell::new(value))
    }

    pub(in crate::memory::read) fn with<R>(&self, access: impl FnOnce(*const T) -> R) -> R {
        self.0.with(access)
    }

    pub(in crate::memory::read) fn with_mut<R>(&self, access: impl FnOnce(*mut T) -> R) -> R {
        self.0.with_mut(access)
    }
}

/// Full fences on both sides: what a model proves of them holds for the cheaper pair, as each
/// light one has a heavy one opposite.
#[derive(Copy, Clone, Debug)]
pub(in crate::memory::read) struct Fence;

impl Fence {
    pub(in crate::memory::read) fn of_process() -> Self {
        Self
    }

    pub(in crate::memory::read) fn light(self) {
        atomic::fence(atomic::Ordering::SeqCst);
    }

    pub(in crate::memory::read) fn heavy(self) -> bool {
        atomic::fence(atomic::Ordering::SeqCst);
        true
    }
}

//! The primitives of a model: loom's.

use crate::activity::Activity;

pub(crate) use loom::sync::MutexGuard;

/// A mutex without poisoning.
#[derive(Debug)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("loom's mutex does not fail")
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

/// A condition that one thread waits for.
#[derive(Debug)]
pub(crate) struct Condvar(loom::sync::Condvar);

impl Default for Condvar {
    fn default() -> Self {
        Self(loom::sync::Condvar::new())
    }
}

impl Condvar {
    /// Unlocks, waits to be notified, locks again.
    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.0.wait(guard).expect("loom's condition does not fail")
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }
}

/// Threads of the journal: a new one for each piece of work.
pub(crate) struct Threads;

impl Threads {
    pub(crate) fn new(_: Activity) -> Self {
        Self
    }

    pub(crate) fn run(&self, work: impl FnOnce() + Send + 'static) {
        loom::thread::spawn(work);
    }
}

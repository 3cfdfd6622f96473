//! The primitives of a normal build.

use crate::activity::Activity;
use crate::executor::Pool;

pub(crate) use parking_lot::{Mutex, MutexGuard};

/// A condition that one thread waits for.
#[derive(Debug, Default)]
pub(crate) struct Condvar(parking_lot::Condvar);

impl Condvar {
    /// Unlocks, waits to be notified, locks again.
    pub(crate) fn wait<'a, T>(&self, mut guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.0.wait(&mut guard);
        guard
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }
}

/// Threads of the journal: at most one, started when it is first needed.
pub(crate) struct Threads(Pool);

impl Threads {
    pub(crate) fn new(activity: Activity) -> Self {
        Self(Pool::new(1, activity))
    }

    pub(crate) fn run(&self, work: impl FnOnce() + Send + 'static) {
        self.0.spawn(Box::pin(async move { work() }));
    }
}

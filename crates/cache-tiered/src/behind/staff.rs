//! The worker threads of now, and who of them waits for the store.

use parking_lot::{Condvar, Mutex};
use std::cell::Cell;
use std::sync::Arc;

thread_local! {
    static IS_WORKER: Cell<bool> = const { Cell::new(false) };
}

/// Counts workers. It outlives them, so that what else they held is let go of before they are gone.
#[derive(Default)]
pub(super) struct Staff {
    counts: Mutex<Counts>,
    changed: Condvar,
}

#[derive(Default)]
struct Counts {
    working: usize,
    /// Of these, those that the store has not answered. They may hang there.
    asking: usize,
}

/// A place for a worker, given up when dropped: after all else that the worker holds.
pub(super) struct Place(Arc<Staff>);

impl Staff {
    /// Counts one more worker.
    pub(super) fn place(self: &Arc<Self>) -> Place {
        self.counts.lock().working += 1;
        Place(Arc::clone(self))
    }

    /// Asks the store.
    pub(super) fn asking<R>(&self, ask: impl FnOnce() -> R) -> R {
        self.counts.lock().asking += 1;
        self.changed.notify_all();
        let answer = ask();
        self.counts.lock().asking -= 1;
        answer
    }

    /// Waits until every worker is gone or waits for the store; each must have been told to stop. A
    /// worker itself does not wait.
    pub(super) fn dismissed(&self) {
        if IS_WORKER.get() {
            return;
        }
        let mut counts = self.counts.lock();
        while counts.working > counts.asking {
            self.changed.wait(&mut counts);
        }
    }
}

impl Place {
    /// Said by the worker's thread when it begins.
    pub(super) fn take(&self) {
        IS_WORKER.set(true);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.counts.lock().working -= 1;
        self.0.changed.notify_all();
    }
}

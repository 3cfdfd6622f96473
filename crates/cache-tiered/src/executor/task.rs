//! One future that the pool drives, and its four states.
//!
//! ```text
//!   IDLE --wake--> QUEUED --worker--> RUNNING --pending--> IDLE
//!                     ^                  |wake
//!                     +---pending--- RUNNING_WOKEN
//! ```
//!
//! Only the worker that took a task from QUEUED touches its future, so the mutex around the
//! future is never contended; a wake that arrives meanwhile queues the task once more afterwards.

use super::Detached;
use super::pool::Queue;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Wake, Waker};

const IDLE: u8 = 0;
const QUEUED: u8 = 1;
const RUNNING: u8 = 2;
const RUNNING_WOKEN: u8 = 3;

/// A future on the pool. Until it is done it keeps the queue open; wakers that are kept longer do not.
pub(super) struct Task {
    driven: Mutex<Option<Driven>>,
    /// One of the states above. Every wake and every step of the worker is a read-modify-write with
    /// AcqRel, so that the worker that runs the task sees what happened before each wake. A failed
    /// look is Relaxed: it is repeated.
    state: AtomicU8,
    /// There for as long as the task is not done.
    queue: Weak<Queue>,
}

/// What a task has until it is done.
struct Driven {
    future: Detached<()>,
    _open: Arc<Queue>,
}

impl Task {
    /// A task in the state QUEUED: the caller puts it on the queue.
    pub(super) fn new(future: Detached<()>, queue: Arc<Queue>) -> Self {
        Self {
            state: AtomicU8::new(QUEUED),
            queue: Arc::downgrade(&queue),
            driven: Mutex::new(Some(Driven {
                future,
                _open: queue,
            })),
        }
    }

    /// Polls the future once; called by the worker that took the task from the queue.
    pub(super) fn run(self: Arc<Self>) {
        self.state.swap(RUNNING, Ordering::AcqRel);
        let mut slot = self.driven.lock();
        let Some(mut driven) = slot.take() else {
            return;
        };
        let waker = Waker::from(Arc::clone(&self));
        // A panic unwinds through here with the future on the stack: it is dropped with all its
        // guards and the task stays RUNNING, which no wake queues again.
        if driven
            .future
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
        {
            *slot = Some(driven);
            drop(slot);
            if self
                .state
                .compare_exchange(RUNNING, IDLE, Ordering::AcqRel, Ordering::Acquire)
                .is_err()
            {
                self.state.swap(QUEUED, Ordering::AcqRel);
                self.enqueue();
            }
        }
    }

    fn enqueue(self: Arc<Self>) {
        // Who is woken when it is done has nothing to do.
        if let Some(queue) = self.queue.upgrade() {
            queue.push(self);
        }
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            // Where nothing is to change it is written all the same: the worker that polls next
            // reads this write, and so sees what its waker did before. A look alone would leave a
            // wake behind that neither this thread nor that poll acts on.
            let next = match state {
                IDLE | QUEUED => QUEUED,
                _ => RUNNING_WOKEN,
            };
            match self
                .state
                .compare_exchange_weak(state, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(IDLE) => return self.enqueue(),
                Ok(_) => return,
                Err(seen) => state = seen,
            }
        }
    }
}

//! A few threads that drive the operations which were awaited rather than waited for.

use super::Detached;
use super::task::Task;
use crossbeam::channel::{Receiver, Sender, unbounded};
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A pool of lazily started threads over one queue.
///
/// No thread exists until the first operation is awaited; at most `threads_max` ever do. They end
/// when the pool is dropped and the last of its tasks is done: nothing begun is abandoned.
pub(crate) struct Pool {
    queue: Sender<Arc<Task>>,
    shared: Arc<Shared>,
    threads_max: usize,
}

struct Shared {
    receiver: Receiver<Arc<Task>>,
    /// Workers that wait for a task. A hint for starting threads; Relaxed, because a wrong guess
    /// costs one thread within the bound or one wait behind a running task, never a lost task.
    idle: AtomicUsize,
    /// Threads started so far.
    started: Mutex<usize>,
}

impl Pool {
    /// A pool of at most `threads_max` threads, none of them started.
    pub(crate) fn new(threads_max: usize) -> Self {
        let (queue, receiver) = unbounded();
        Self {
            queue,
            shared: Arc::new(Shared {
                receiver,
                idle: AtomicUsize::new(0),
                started: Mutex::new(0),
            }),
            threads_max: threads_max.max(1),
        }
    }

    /// Hands a future over; the pool drives it to its end.
    ///
    /// Should the system refuse to start even one thread, the future is driven here and now.
    pub(crate) fn spawn(&self, future: Detached<()>) {
        if !self.grow() {
            return super::block_on(future);
        }
        let task = Arc::new(Task::new(future, self.queue.clone()));
        // `self.shared` holds the receiver, so the queue is open.
        let _open = self.queue.send(task);
    }

    /// Starts a thread where all are busy and the bound allows. False: there is none at all.
    fn grow(&self) -> bool {
        if self.shared.idle.load(Ordering::Relaxed) > self.shared.receiver.len() {
            return true;
        }
        let mut started = self.shared.started.lock();
        if *started < self.threads_max {
            let shared = Arc::clone(&self.shared);
            let thread = thread::Builder::new().name(format!("cache-tiered-{started}"));
            if thread.spawn(move || shared.work()).is_ok() {
                *started += 1;
            }
        }
        *started > 0
    }
}

impl Shared {
    fn work(&self) {
        loop {
            self.idle.fetch_add(1, Ordering::Relaxed);
            let task = self.receiver.recv();
            self.idle.fetch_sub(1, Ordering::Relaxed);
            // No sender is left: the pool is gone and so is every task.
            let Ok(task) = task else { return };
            // A panic of a store or a loader ends its own operation, not this thread; whoever
            // watches that operation gets the payload.
            let _caught = catch_unwind(AssertUnwindSafe(|| task.run()));
        }
    }
}

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
    queue: Arc<Queue>,
}

/// The way in. The pool and every task hold it; while one of them does, the threads live.
pub(super) struct Queue {
    sender: Sender<Arc<Task>>,
    workers: Arc<Workers>,
}

struct Workers {
    receiver: Receiver<Arc<Task>>,
    /// Threads that wait for a task. SeqCst on both sides, see `Queue::push`.
    idle: AtomicUsize,
    /// Threads started so far.
    started: Mutex<usize>,
    threads_max: usize,
}

impl Pool {
    /// A pool of at most `threads_max` threads, none of them started.
    pub(crate) fn new(threads_max: usize) -> Self {
        let (sender, receiver) = unbounded();
        let workers = Arc::new(Workers {
            receiver,
            idle: AtomicUsize::new(0),
            started: Mutex::new(0),
            threads_max: threads_max.max(1),
        });
        Self {
            queue: Arc::new(Queue { sender, workers }),
        }
    }

    /// Hands a future over; the pool drives it to its end.
    ///
    /// Should the system refuse to start even one thread, the future is driven here and now.
    pub(crate) fn spawn(&self, future: Detached<()>) {
        let workers = &self.queue.workers;
        if *workers.started.lock() == 0 && !workers.grow() {
            return super::block_on(future);
        }
        let task = Arc::new(Task::new(future, Arc::clone(&self.queue)));
        self.queue.push(task);
    }
}

impl Queue {
    /// Queues a task, and starts a thread if the idle ones are too few for what is queued.
    ///
    /// No task is left behind busy threads while another could be started: the queue is filled
    /// before `idle` is read here, and `idle` is lowered before the queue is looked at there (in
    /// `Workers::work`), so at least one of the two sees the other.
    pub(super) fn push(&self, task: Arc<Task>) {
        // `workers` holds the receiver, so the channel is open.
        let _open = self.sender.send(task);
        self.workers.suffice();
    }
}

impl Workers {
    fn suffice(self: &Arc<Self>) {
        if self.idle.load(Ordering::SeqCst) < self.receiver.len() {
            self.grow();
        }
    }

    /// Starts a thread within the bound; false if that was not possible.
    fn grow(self: &Arc<Self>) -> bool {
        let mut started = self.started.lock();
        if *started == self.threads_max {
            return false;
        }
        let workers = Arc::clone(self);
        let thread = thread::Builder::new().name(format!("cache-tiered-{started}"));
        let grown = thread.spawn(move || workers.work()).is_ok();
        *started += usize::from(grown);
        grown
    }

    fn work(self: Arc<Self>) {
        loop {
            self.idle.fetch_add(1, Ordering::SeqCst);
            let task = self.receiver.recv();
            self.idle.fetch_sub(1, Ordering::SeqCst);
            // No sender is left: the pool is gone and so is every task.
            let Ok(task) = task else { return };
            self.suffice();
            // A panic of a store or a loader ends its own operation, not this thread; whoever
            // watches that operation gets the payload.
            let _caught = catch_unwind(AssertUnwindSafe(|| task.run()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::task::Poll;

    #[test]
    fn as_many_tasks_run_at_once_as_threads_are_allowed() {
        let pool = Pool::new(4);
        for _ in 0..100 {
            // Would wait for ever if one of the four were queued behind another.
            let barrier = Arc::new(Barrier::new(5));
            for _ in 0..4 {
                let barrier = Arc::clone(&barrier);
                pool.spawn(Box::pin(async move {
                    barrier.wait();
                }));
            }
            barrier.wait();
        }
        assert_eq!(*pool.queue.workers.started.lock(), 4);
    }

    #[test]
    fn a_task_that_is_woken_while_it_runs_runs_again() {
        let pool = Pool::new(1);
        let barrier = Arc::new(Barrier::new(2));
        let reached = Arc::clone(&barrier);
        pool.spawn(Box::pin(async move {
            let mut polls = 0;
            std::future::poll_fn(|context| {
                polls += 1;
                context.waker().wake_by_ref();
                if polls == 100 {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
            reached.wait();
        }));
        barrier.wait();
    }

    #[test]
    fn threads_end_with_the_pool_and_its_last_task() {
        let pool = Pool::new(2);
        let workers = Arc::downgrade(&pool.queue.workers);
        let barrier = Arc::new(Barrier::new(2));
        let held = Arc::clone(&barrier);
        pool.spawn(Box::pin(async move {
            held.wait();
        }));
        drop(pool);
        assert!(workers.upgrade().is_some(), "a task is left");
        barrier.wait();
        while workers.strong_count() > 0 {
            thread::yield_now();
        }
    }
}

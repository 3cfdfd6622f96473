//! A few threads that drive the operations which were awaited rather than waited for.

use super::Detached;
use super::task::Task;
use crate::activity::{Activity, Work};
use crossbeam::channel::{Receiver, Sender, unbounded};
use parking_lot::Mutex;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Threads at most that stand in for waiting ones: a bound on what nested waits can cost.
const STAND_INS_MAX: usize = 512;

/// A pool of lazily started threads over one queue.
///
/// No thread exists until the first operation is awaited; at most `threads_max` do, and one more
/// for each that waits for another operation (`while_waiting`), which may need a thread here.
/// They end when the pool is dropped and the last of its tasks is done: nothing begun is abandoned.
pub(crate) struct Pool {
    queue: Arc<Queue>,
}

/// The way in. The pool and every task that is not done hold it; while one of them does, the threads live.
pub(super) struct Queue {
    sender: Sender<(Arc<Task>, Work)>,
    workers: Arc<Workers>,
}

struct Workers {
    receiver: Receiver<(Arc<Task>, Work)>,
    /// Has what is queued or run.
    activity: Activity,
    /// Threads that wait for a task. SeqCst on both sides, see `Queue::push`.
    idle: AtomicUsize,
    threads: Mutex<Threads>,
    threads_max: usize,
}

#[derive(Default)]
struct Threads {
    /// Those that there are.
    running: usize,
    /// Those of them that wait for another operation.
    waiting: usize,
    /// Names given so far.
    named: usize,
}

thread_local! {
    /// The pool that this thread works for.
    static EMPLOYER: RefCell<Option<Arc<Workers>>> = const { RefCell::new(None) };
}

/// Lets this thread wait for another operation. A thread of a pool is stood in for meanwhile, as
/// that operation may be queued there.
pub(crate) fn while_waiting<R>(wait: impl FnOnce() -> R) -> R {
    // A thread that ends has no employer any more, and no variable to look it up in.
    let employer = EMPLOYER.try_with(|employer| employer.borrow().clone());
    let Some(workers) = employer.ok().flatten() else {
        return wait();
    };
    workers.threads.lock().waiting += 1;
    workers.suffice();
    let result = wait();
    workers.threads.lock().waiting -= 1;
    result
}

/// True on a thread of a pool: while it blocks it drives no other operation.
pub(crate) fn is_pool_thread() -> bool {
    EMPLOYER
        .try_with(|employer| employer.borrow().is_some())
        .unwrap_or(false)
}

impl Pool {
    /// A pool of at most `threads_max` threads, none of them started; what it does is counted.
    pub(crate) fn new(threads_max: usize, activity: Activity) -> Self {
        let (sender, receiver) = unbounded();
        let workers = Arc::new(Workers {
            receiver,
            activity,
            idle: AtomicUsize::new(0),
            threads: Mutex::default(),
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
        if workers.threads.lock().running == 0 && !workers.grow() {
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
        let work = self.workers.activity.work();
        let _open = self.sender.send((task, work));
        self.workers.suffice();
    }
}

impl Workers {
    fn suffice(self: &Arc<Self>) {
        if self.idle.load(Ordering::SeqCst) < self.receiver.len() {
            self.grow();
        }
    }

    /// The most threads that there may be now.
    fn most(&self, threads: &Threads) -> usize {
        let stand_ins = threads.waiting.min(STAND_INS_MAX);
        self.threads_max.saturating_add(stand_ins)
    }

    /// Starts a thread within the bound; false if that was not possible.
    fn grow(self: &Arc<Self>) -> bool {
        let mut threads = self.threads.lock();
        if threads.running >= self.most(&threads) {
            return false;
        }
        let workers = Arc::clone(self);
        let thread = thread::Builder::new().name(format!("cache-tiered-{}", threads.named));
        let grown = thread.spawn(move || workers.work()).is_ok();
        threads.running += usize::from(grown);
        threads.named += usize::from(grown);
        grown
    }

    /// Ends this thread's work if it stood in for one that no longer waits.
    fn retire(&self) -> bool {
        let mut threads = self.threads.lock();
        let surplus = threads.running > self.most(&threads);
        threads.running -= usize::from(surplus);
        surplus
    }

    fn work(self: Arc<Self>) {
        EMPLOYER.set(Some(Arc::clone(&self)));
        while !self.retire() {
            self.idle.fetch_add(1, Ordering::SeqCst);
            let task = self.receiver.recv();
            self.idle.fetch_sub(1, Ordering::SeqCst);
            // No sender is left: the pool is gone and so is every task.
            let Ok((task, _work)) = task else { return };
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
        let pool = Pool::new(4, Activity::default());
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
        assert_eq!(pool.queue.workers.threads.lock().running, 4);
    }

    #[test]
    fn a_thread_that_waits_is_stood_in_for_and_the_stand_in_retires() {
        let pool = Arc::new(Pool::new(1, Activity::default()));
        let (barrier, inner) = (Arc::new(Barrier::new(2)), Arc::clone(&pool));
        let reached = Arc::clone(&barrier);
        pool.spawn(Box::pin(async move {
            let barrier = Arc::new(Barrier::new(2));
            let other = Arc::clone(&barrier);
            while_waiting(|| {
                inner.spawn(Box::pin(async move {
                    other.wait();
                }));
                barrier.wait();
            });
            reached.wait();
        }));
        barrier.wait();
        while pool.queue.workers.threads.lock().running > 1 {
            // Either of the two finds out when it next looks for work.
            pool.spawn(Box::pin(async {}));
            thread::yield_now();
        }
        assert_eq!(pool.queue.workers.threads.lock().named, 2);
    }

    #[test]
    fn a_task_that_is_woken_while_it_runs_runs_again() {
        let pool = Pool::new(1, Activity::default());
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
    fn a_waker_of_a_task_that_is_done_does_not_keep_the_threads() {
        let pool = Pool::new(1, Activity::default());
        let workers = Arc::downgrade(&pool.queue.workers);
        let (sender, receiver) = unbounded();
        pool.spawn(Box::pin(std::future::poll_fn(move |context| {
            sender
                .send(context.waker().clone())
                .expect("it is received");
            Poll::Ready(())
        })));
        let waker = receiver.recv().expect("the task runs");
        drop(pool);
        while workers.strong_count() > 0 {
            thread::yield_now();
        }
        waker.wake();
    }

    #[test]
    fn a_task_is_at_work_until_it_waits_and_from_its_wake_on() {
        let activity = Activity::counted();
        let at_work = || activity.counts().0;
        let pool = Pool::new(2, activity.clone());
        let (sender, receiver) = unbounded();
        let ready = Arc::new(AtomicUsize::new(0));
        let is_ready = Arc::clone(&ready);
        pool.spawn(Box::pin(std::future::poll_fn(move |context| {
            if is_ready.load(Ordering::SeqCst) == 1 {
                return Poll::Ready(());
            }
            sender
                .send(context.waker().clone())
                .expect("it is received");
            Poll::Pending
        })));
        let waker = receiver.recv().expect("the task runs");
        while at_work() > 0 {
            thread::yield_now();
        }
        ready.store(1, Ordering::SeqCst);
        let begun = activity.counts().1;
        waker.wake();
        assert_eq!(activity.counts().1, begun + 1);
        while at_work() > 0 {
            thread::yield_now();
        }
        assert!(receiver.recv().is_err(), "at rest it is done, and gone");
    }

    #[test]
    fn threads_end_with_the_pool_and_its_last_task() {
        let pool = Pool::new(2, Activity::default());
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

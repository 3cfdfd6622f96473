//! `Operation`: the handle of a call that may have to go to the store.

use crate::executor::{Detached, Pool, block_on};
use event_listener::{Event, EventListener};
use parking_lot::Mutex;
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// The handle of a call: wait for it, or await it.
///
/// * [`wait`](Self::wait) drives the call on the current thread until it ends.
/// * As a future it runs on any executor: the first poll hands the call to the threads of the
///   cache, and the task that awaits is woken at its end. No runtime is asked for anything. What
///   the first poll can have without waiting it answers itself.
///
/// A call whose answer was at hand (a memory hit) is complete when the handle is made: neither
/// way allocates, blocks or yields.
///
/// # What a dropped handle means
///
/// A handle that was never waited for nor polled has not begun: dropping it means that the call
/// never was. A call that has begun runs to its end whether or not somebody still watches, so a
/// cancelled write can not leave the store and the memory tier apart.
///
/// # Panics
///
/// A panic of the store, of a codec or of a loader reaches whoever waits for the operation.
///
/// # Examples
///
/// ```
/// use cache_tiered::{InMemory, MemoryTier, Tiered};
///
/// let cache: Tiered<u64, String> = Tiered::builder()
///     .memory(MemoryTier::entries(100))
///     .store(InMemory::new())
///     .build()?;
/// cache.put(1, "one".to_owned()).wait()?; // a thread waits
/// # let block_on = |_| ();
/// block_on(async {
///     cache.get(&1).await // a task awaits the same handle
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "an operation does nothing until it is waited for or awaited"]
pub struct Operation<T> {
    stage: Stage<T>,
}

enum Stage<T> {
    /// The answer was at hand.
    Ready(T),
    /// Not begun.
    Cold {
        call: Detached<T>,
        pool: Arc<Pool>,
        /// The call takes its place among others by its first poll, which does not block; see
        /// [`Placed`].
        placed: bool,
    },
    /// Begun on the pool; the listener is registered anew for each poll that finds no answer.
    Watching {
        outcome: Arc<Outcome<T>>,
        listener: Option<EventListener>,
    },
    /// The answer was handed out.
    Spent,
}

/// Awaited by a call that has taken its place: pending once, so that what comes next, which may
/// block, is left to another poll.
#[derive(Default)]
pub(crate) struct Placed {
    polled: bool,
}

impl Future for Placed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.polled, true) {
            return Poll::Ready(());
        }
        // For whoever waits: the next poll may come at once.
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Where the pool leaves the answer of a call.
struct Outcome<T> {
    answer: Mutex<Option<Result<T, Box<dyn Any + Send>>>>,
    done: Event,
}

// The handle is never pinned structurally: the call is boxed and the answer is moved out whole.
impl<T> Unpin for Operation<T> {}

impl<T: Send + 'static> Operation<T> {
    /// An operation whose answer is at hand.
    pub(crate) const fn ready(answer: T) -> Self {
        Self {
            stage: Stage::Ready(answer),
        }
    }

    /// An operation that begins when it is waited for or polled.
    pub(crate) fn cold(pool: &Arc<Pool>, call: impl Future<Output = T> + Send + 'static) -> Self {
        Self {
            stage: Stage::Cold {
                call: Box::pin(call),
                pool: Arc::clone(pool),
                placed: false,
            },
        }
    }

    /// As [`cold`](Self::cold), for a call that awaits [`Placed`] once it has its place among
    /// others. It takes it on the thread that begins it, however busy the threads of the cache are.
    pub(crate) fn placed(pool: &Arc<Pool>, call: impl Future<Output = T> + Send + 'static) -> Self {
        Self {
            stage: Stage::Cold {
                call: Box::pin(call),
                pool: Arc::clone(pool),
                placed: true,
            },
        }
    }

    /// Drives the call on this thread to its end and returns its answer.
    ///
    /// Blocks while the store does. Do not call it on a thread of an async runtime; await the
    /// operation there.
    ///
    /// # Panics
    ///
    /// If the call panicked, or if the operation was already awaited to its end.
    pub fn wait(mut self) -> T {
        match std::mem::replace(&mut self.stage, Stage::Spent) {
            Stage::Ready(answer) => answer,
            Stage::Cold { call, .. } => block_on(call),
            stage @ (Stage::Watching { .. } | Stage::Spent) => {
                self.stage = stage;
                block_on(self)
            }
        }
    }

    /// True if the answer was at hand when the operation was made.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Ready(_))
    }
}

impl<T: Send + 'static> Future for Operation<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let (outcome, mut listener) = match std::mem::replace(&mut self.stage, Stage::Spent) {
            Stage::Ready(answer) => return Poll::Ready(answer),
            Stage::Cold {
                mut call,
                pool,
                placed,
            } => {
                // Nobody is to be woken by this poll: the pool polls again.
                if placed
                    && let Poll::Ready(answer) =
                        call.as_mut().poll(&mut Context::from_waker(Waker::noop()))
                {
                    return Poll::Ready(answer);
                }
                (begin(&pool, call), None)
            }
            Stage::Watching { outcome, listener } => (outcome, listener),
            Stage::Spent => panic!("operation polled after its end"),
        };
        loop {
            if let Some(answer) = outcome.answer.lock().take() {
                return Poll::Ready(answer.unwrap_or_else(|payload| resume_unwind(payload)));
            }
            let Some(registered) = &mut listener else {
                // Registered before the second look at the answer, so that no end is missed.
                listener = Some(outcome.done.listen());
                continue;
            };
            if Pin::new(registered).poll(context).is_pending() {
                break;
            }
            listener = None;
        }
        self.stage = Stage::Watching { outcome, listener };
        Poll::Pending
    }
}

/// Hands a call to the pool.
fn begin<T: Send + 'static>(pool: &Arc<Pool>, call: Detached<T>) -> Arc<Outcome<T>> {
    let outcome = Arc::new(Outcome {
        answer: Mutex::new(None),
        done: Event::new(),
    });
    let told = Arc::clone(&outcome);
    pool.spawn(Box::pin(async move {
        let answer = CatchUnwind { call }.await;
        *told.answer.lock() = Some(answer);
        told.done.notify(usize::MAX);
    }));
    outcome
}

/// A call whose panic becomes its answer.
pub(crate) struct CatchUnwind<T> {
    pub(crate) call: Detached<T>,
}

impl<T> Future for CatchUnwind<T> {
    type Output = Result<T, Box<dyn Any + Send>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // The call is not polled again after a panic, so no broken state of it is seen.
        match catch_unwind(AssertUnwindSafe(|| self.call.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(answer)) => Poll::Ready(Ok(answer)),
            Err(payload) => Poll::Ready(Err(payload)),
        }
    }
}

impl<T> fmt::Debug for Operation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Ready(_) => "Ready",
            Stage::Cold { .. } => "NotBegun",
            Stage::Watching { .. } => "Running",
            Stage::Spent => "Spent",
        };
        f.debug_tuple("Operation").field(&stage).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::Activity;
    use crossbeam::channel::unbounded;

    /// An answer that panics when it is dropped.
    struct Answer;

    impl Drop for Answer {
        fn drop(&mut self) {
            // Not told to the hook of panics, which would print it.
            resume_unwind(Box::new("an answer that nobody took"));
        }
    }

    fn poll_once<T: Send + 'static>(operation: &mut Operation<T>) -> Poll<T> {
        Pin::new(operation).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_handle_that_is_dropped_before_the_end_leaves_the_call_and_its_thread_alive() {
        let pool = Arc::new(Pool::new(1, Activity::default()));
        let ((go, wait), (tell, ended)) = (unbounded::<()>(), unbounded::<()>());
        let mut dropped = Operation::cold(&pool, async move {
            wait.recv().expect("it is let go of");
            tell.send(()).expect("it is heard");
            Answer
        });
        assert!(poll_once(&mut dropped).is_pending());
        drop(dropped);
        go.send(()).expect("it waits");
        ended.recv().expect("it runs to its end");
        // On the only thread, by which that answer was dropped.
        let mut next = Operation::cold(&pool, async { 7 });
        let _pending = poll_once(&mut next);
        assert_eq!(next.wait(), 7);
    }
}

//! A wait for a buffer, as a future.

use core::fmt;
use core::future::Future;
use core::panic::Location;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use super::waiting::Waiting;
use crate::block::{Fill, Lease};
use crate::buffer::PooledBuf;
use crate::error::AcquireError;
use crate::pool::BufferPool;
use crate::pool_core::Core;
use crate::sync::Arc;

/// A request for a buffer that waits its turn: what [`BufferPool::acquire_async`](crate::BufferPool::acquire_async) returns.
///
/// It gets in line at its first poll, if nothing is free then. It may be dropped at any point: what it was handed and
/// did not take goes to the next. One that is in line, or was handed memory, and is neither polled nor dropped, holds up
/// those behind it; so does one that is forgotten.
///
/// Wakers are called on the thread that makes memory free, outside of all locks; they may use the pool, and should not
/// block.
///
/// # Panics
/// When it is polled after it was ready; and when another's waker panics that is handed memory by the poll or the drop.
///
/// ```
/// use std::task::{Context, Poll, Waker};
/// use buffer_pool::BufferPool;
///
/// let pool = BufferPool::builder().max_bytes(4096).build();
/// let held = pool.try_acquire(4096)?;
/// let mut request = Box::pin(pool.acquire_async(4096));
/// let mut context = Context::from_waker(Waker::noop());
/// assert!(request.as_mut().poll(&mut context).is_pending());
/// assert!(pool.try_acquire(64).is_err(), "others wait");
/// drop(held); // hands the block over
/// assert!(matches!(request.as_mut().poll(&mut context), Poll::Ready(Ok(_))));
/// # Ok::<(), buffer_pool::AcquireError>(())
/// ```
#[must_use = "a request does nothing until it is polled"]
pub struct Acquire<'a> {
    /// Dropped before the handle, whose drop may close the pool: the request has left the line by then.
    state: State,
    pool: Handle<'a>,
    capacity: usize,
    /// Where it was made, for leak detection.
    location: &'static Location<'static>,
}

enum State {
    Unpolled,
    Waiting(Waiting),
    Over,
}

impl State {
    fn wait(&mut self, waiting: Waiting) -> &Waiting {
        *self = Self::Waiting(waiting);
        match self {
            Self::Waiting(waiting) => waiting,
            _ => unreachable!("set above"),
        }
    }
}

/// How a request keeps its pool.
pub(crate) enum Handle<'a> {
    Borrowed(&'a BufferPool),
    Owned(BufferPool),
}

impl<'a> Acquire<'a> {
    #[track_caller]
    pub(crate) fn new(pool: Handle<'a>, capacity: usize) -> Self {
        Self {
            state: State::Unpolled,
            pool,
            capacity,
            location: Location::caller(),
        }
    }

    fn poll_lease(&mut self, context: &Context<'_>) -> Poll<Result<Lease, AcquireError>> {
        let core = self.pool.core();
        if let State::Unpolled = self.state {
            match Core::attempt_at(core, self.capacity, Fill::Nothing, self.location) {
                Err(AcquireError::Exhausted { .. }) => {
                    let waker = context.waker().clone();
                    let waiting = Waiting::enter(core, self.capacity, Fill::Nothing, waker)?;
                    let waiting = self.state.wait(waiting);
                    waiting.serve();
                }
                outcome => return Poll::Ready(outcome),
            }
        }
        match &mut self.state {
            State::Waiting(waiting) => waiting
                .poll(context.waker())
                .map_ok(|block| core.noted(block, self.location).into()),
            State::Unpolled | State::Over => panic!("a request was polled after it was ready"),
        }
    }
}

impl Handle<'_> {
    fn core(&self) -> &Arc<Core> {
        match self {
            Self::Borrowed(pool) => pool.core(),
            Self::Owned(pool) => pool.core(),
        }
    }
}

impl Future for Acquire<'_> {
    type Output = Result<PooledBuf, AcquireError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let outcome = ready!(this.poll_lease(context));
        this.state = State::Over;
        Poll::Ready(match outcome {
            Ok(lease) => Ok(PooledBuf::new(lease)),
            Err(error) => {
                this.pool.core().count_refusal();
                Err(error)
            }
        })
    }
}

impl fmt::Debug for Acquire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Unpolled => "unpolled",
            State::Waiting(_) => "waiting",
            State::Over => "over",
        };
        f.debug_struct("Acquire")
            .field("capacity", &self.capacity)
            .field("state", &state)
            .finish_non_exhaustive()
    }
}

//! A wait for a buffer, as a future.

use core::fmt;
use core::future::Future;
use core::panic::Location;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use super::waiting::Waiting;
use crate::block::{Block, Fill};
use crate::buffer::PooledBuf;
use crate::error::AcquireError;
use crate::pool_core::Core;
use crate::sync::Arc;

/// A request for a buffer that waits its turn: what [`BufferPool::acquire_async`](crate::BufferPool::acquire_async) returns.
///
/// It gets in line at its first poll, if nothing is free then. It may be dropped at any point: what it was handed and
/// did not take goes to the next. One that is in line, or was handed memory, and is neither polled nor dropped, holds up
/// those behind it; so does one that is forgotten.
///
/// Wakers are called on the thread that makes memory free, outside of all locks; they may use the pool.
///
/// # Panics
/// When it is polled after it was ready.
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
    core: &'a Arc<Core>,
    capacity: usize,
    /// Where it was made, for leak detection.
    location: &'static Location<'static>,
    state: State<'a>,
}

enum State<'a> {
    Unpolled,
    Waiting(Waiting<'a>),
    Over,
}

impl<'a> Acquire<'a> {
    #[track_caller]
    pub(crate) fn new(core: &'a Arc<Core>, capacity: usize) -> Self {
        Self {
            core,
            capacity,
            location: Location::caller(),
            state: State::Unpolled,
        }
    }

    fn poll_block(&mut self, context: &Context<'_>) -> Poll<Result<Block, AcquireError>> {
        if let State::Unpolled = self.state {
            match Core::attempt_at(self.core, self.capacity, Fill::Nothing, self.location) {
                Err(AcquireError::Exhausted { .. }) => {
                    let waker = context.waker().clone();
                    let waiting = Waiting::enter(self.core, self.capacity, Fill::Nothing, waker)?;
                    self.state = State::Waiting(waiting);
                }
                outcome => return Poll::Ready(outcome),
            }
        }
        match &mut self.state {
            State::Waiting(waiting) => waiting
                .poll(context.waker())
                .map_ok(|block| self.core.noted(block, self.location)),
            State::Unpolled | State::Over => panic!("a request was polled after it was ready"),
        }
    }
}

impl Future for Acquire<'_> {
    type Output = Result<PooledBuf, AcquireError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let outcome = ready!(this.poll_block(context));
        this.state = State::Over;
        Poll::Ready(match outcome {
            Ok(block) => Ok(PooledBuf::new(block)),
            Err(error) => {
                this.core.count_refusal();
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

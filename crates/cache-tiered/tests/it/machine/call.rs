//! Writes under way: begun, polled, and what they ended with.

use super::store::Told;
use cache_tiered::{ComputeError, Operation, PutError, RemoveError};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// A write that was begun.
#[derive(Debug)]
pub(crate) enum Call {
    Put(Operation<Result<(), PutError<u64>>>),
    Remove(Operation<Result<bool, RemoveError>>),
    Compute(Operation<Result<Option<u64>, ComputeError<u64>>>),
}

/// How a write ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Acknowledged; a removal says whether the key was there.
    Done(Option<bool>),
    /// Without effect, as the store or the source said.
    Refused,
    Busy,
    Backpressure,
    Closed,
    /// Nobody knows, and the attempt has ended.
    Unknown,
    /// Nobody knows, and the attempt may go on.
    TimedOut,
    Panicked,
    /// Nothing that the machine brings about.
    Other(String),
}

impl Call {
    /// Polls once. Whoever calls this calls it again: nobody is woken.
    pub(crate) fn poll(&mut self) -> Option<Ended> {
        match self {
            Self::Put(put) => poll(put, |answer| match answer {
                Ok(()) => Ended::Done(None),
                Err(error) => of_put(&error),
            }),
            Self::Remove(remove) => poll(remove, |answer| match answer {
                Ok(existed) => Ended::Done(Some(existed)),
                Err(error) => of_removal(&error),
            }),
            Self::Compute(compute) => poll(compute, |answer| match answer {
                Ok(_) => Ended::Done(None),
                Err(error) => of_computation(&error),
            }),
        }
    }
}

fn poll<T: Send + 'static>(
    operation: &mut Operation<T>,
    end: impl FnOnce(T) -> Ended,
) -> Option<Ended> {
    let mut context = Context::from_waker(Waker::noop());
    let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(operation).poll(&mut context)));
    match polled {
        Ok(Poll::Pending) => None,
        Ok(Poll::Ready(answer)) => Some(end(answer)),
        Err(_) => Some(Ended::Panicked),
    }
}

fn unknown(source: &cache_tiered::StoreError) -> Ended {
    match source.downcast_ref::<Told>() {
        Some(_) => Ended::Unknown,
        None => Ended::TimedOut,
    }
}

fn of_put(error: &PutError<u64>) -> Ended {
    match error {
        PutError::Refused { .. } => Ended::Refused,
        PutError::Unknown { source, .. } => unknown(source),
        PutError::Busy { .. } => Ended::Busy,
        PutError::Backpressure { .. } => Ended::Backpressure,
        PutError::Closed { .. } => Ended::Closed,
        other => Ended::Other(format!("{other:?}")),
    }
}

fn of_removal(error: &RemoveError) -> Ended {
    match error {
        RemoveError::Refused(_) | RemoveError::Existence(_) => Ended::Refused,
        RemoveError::Unknown(source) => unknown(source),
        RemoveError::Busy => Ended::Busy,
        RemoveError::Backpressure => Ended::Backpressure,
        RemoveError::Closed => Ended::Closed,
        other => Ended::Other(format!("{other:?}")),
    }
}

fn of_computation(error: &ComputeError<u64>) -> Ended {
    match error {
        ComputeError::Load(_) => Ended::Refused,
        ComputeError::Put(error) => of_put(error),
        ComputeError::Remove(error) => of_removal(error),
        ComputeError::Busy => Ended::Busy,
        ComputeError::Closed => Ended::Closed,
        other => Ended::Other(format!("{other:?}")),
    }
}

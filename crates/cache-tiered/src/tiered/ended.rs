//! How a mutation ended, for those who watch the cache.

use super::Shared;
use super::compute::ComputeError;
use crate::error::{PutError, RemoveError};
use crate::observe::{Outcome, Verb, Watch, WriteEnd};
use std::error::Error;

/// An error that says what became of a mutation.
pub(super) trait Ends: Error + 'static {
    fn outcome(&self) -> Outcome;
}

impl<V: 'static> Ends for PutError<V> {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Unknown { .. } => Outcome::Unknown,
            Self::Busy { .. } => Outcome::Busy,
            Self::Backpressure { .. } => Outcome::Backpressure,
            Self::Closed { .. } => Outcome::Closed,
            Self::Refused { .. }
            | Self::ReadOnly { .. }
            | Self::Journal { .. }
            | Self::Codec { .. } => Outcome::Refused,
        }
    }
}

impl Ends for RemoveError {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Unknown(_) => Outcome::Unknown,
            Self::Busy => Outcome::Busy,
            Self::Backpressure => Outcome::Backpressure,
            Self::Closed => Outcome::Closed,
            Self::Refused(_)
            | Self::ReadOnly
            | Self::Journal(_)
            | Self::Codec(_)
            | Self::Existence(_) => Outcome::Refused,
        }
    }
}

impl<V: 'static> Ends for ComputeError<V> {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Put(error) => error.outcome(),
            Self::Remove(error) => error.outcome(),
            Self::Busy => Outcome::Busy,
            Self::Closed => Outcome::Closed,
            Self::Load(_) | Self::ReadOnly => Outcome::Refused,
        }
    }
}

/// Tells the observer how a mutation ended that began with the watch.
pub(super) fn tell_ended<K, V, T, E: Ends>(
    shared: &Shared<K, V>,
    verb: Verb,
    result: &Result<T, E>,
    watch: Watch,
) {
    let error = result.as_ref().err();
    shared.observer.write_ended(&WriteEnd {
        verb,
        outcome: error.map_or(Outcome::Acknowledged, Ends::outcome),
        error: error.map(|error| error as &(dyn Error + 'static)),
        watch,
    });
}

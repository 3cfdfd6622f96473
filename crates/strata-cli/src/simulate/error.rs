//! Why a simulation stopped.

use cache_policies::ConfigError;

use crate::trace::TraceError;
use crate::trace::summary::{StackDistances, TooManyObjects};

/// Why a simulation could not be run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulationError {
    /// The trace cannot be read.
    #[error(transparent)]
    Trace(TraceError),
    /// A policy's parameters are bad at this size.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A policy wants to know the future, and the trace does not say it.
    #[error(
        "the policy {policy} must know when each object is asked for next, which this trace does not say: survey it first"
    )]
    Untold {
        /// The policy.
        policy: String,
    },
    /// What the trace says of the future is wrong.
    #[error(
        "what the trace says of the future is wrong at request {position}: its object was not announced, or is announced for a \
         request that went before; let `strata trace convert` work it out anew, or leave out belady and belady-size"
    )]
    Future {
        /// The request, counted from 1.
        position: u64,
    },
    /// LRU's misses at every size were asked for, of a trace or a sample with too many objects for that.
    #[error(
        "more than {} distinct objects, too many to find LRU's misses at every size: simulate a sample of them with --sample, of a \
         lower rate if this is one, or leave out --lru-curve, and lru from --policies with --report and --target",
        StackDistances::OBJECTS_MAX
    )]
    TooManyObjects,
    /// A second reading found more requests than the first.
    #[error("the trace changed between two readings: simulate it when nobody writes to it")]
    Changed,
}

impl From<TooManyObjects> for SimulationError {
    fn from(_: TooManyObjects) -> Self {
        Self::TooManyObjects
    }
}

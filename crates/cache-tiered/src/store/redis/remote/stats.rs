//! What a remote tier did so far.

use crate::count::Count;

/// What a [`RemoteTier`](crate::RemoteTier) did so far.
///
/// ```no_run
/// use cache_tiered::{InMemory, Redis};
///
/// let redis = Redis::options().connect("redis://127.0.0.1")?;
/// let tier = redis.in_front_of(InMemory::<u64, u64>::new());
/// assert_eq!(tier.stats().hits, 0);
/// # Ok::<(), cache_tiered::RedisError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteStats {
    /// Loads that the server answered, by a value or an absence.
    pub hits: u64,
    /// Loads that the store answered, as the server had nothing; this tier was to fill it.
    pub misses: u64,
    /// Loads that the store answered without the server being filled: somebody else loaded or wrote
    /// the key, or the server was not asked, or gave no answer of use.
    pub bypassed: u64,
    /// Answers of the store that the server has taken.
    pub filled: u64,
    /// Calls to the server that failed.
    pub failed: u64,
    /// How often the server was left alone for a while, after failures in a row.
    pub breaker_opened: u64,
    /// Keys now that the server has still to be told to empty. They are loaded from the store.
    pub owed: u64,
    /// How often that were too many, whereupon the server is not believed for a whole time to live.
    pub distrusted: u64,
}

/// The same while it is counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) hits: Count,
    pub(super) misses: Count,
    pub(super) bypassed: Count,
    pub(super) filled: Count,
    pub(super) failed: Count,
    pub(super) distrusted: Count,
}

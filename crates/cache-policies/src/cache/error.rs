//! What can go wrong with a cache's operations; rejected entries come back.

use core::error::Error;
use core::fmt;

/// Why an insert was refused.
///
/// ```
/// use cache_policies::{Cache, RejectReason};
/// let mut cache = Cache::<u64, u64>::new(1);
/// cache.insert(1, 1).unwrap();
/// cache.pin(&1);
/// assert_eq!(cache.insert(2, 2).unwrap_err().reason, RejectReason::AllPinned);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RejectReason {
    /// It would not fit even an empty cache: it weighs more than the capacity, or the entry limit is 0.
    #[error(
        "the entry is heavier than the whole cache, or than its shard of one: raise the capacity, take fewer shards, or keep it elsewhere"
    )]
    TooHeavy,
    /// It would not fit beside the entries that are pinned.
    #[error("pinned entries leave no room for the entry: unpin some or raise the capacity")]
    AllPinned,
    /// It would not fit beside what other [partitions](crate::Partitions) have within their shares.
    #[error(
        "the entry is heavier than what other partitions leave its own: give that a larger share, or keep the entry elsewhere"
    )]
    OverShare,
    /// Its time to live is 0 ticks: it would be dead from the start.
    #[error("the entry would expire at once: give it a time to live of at least one tick")]
    Stillborn,
    /// There is no memory, or no slot number, for another entry.
    #[error("no memory for another entry: lower the capacity or free some")]
    Exhausted,
}

/// An entry that a cache did not take, given back. The cache is as it was: what the key had before is still there.
///
/// ```
/// use cache_policies::{Cache, RejectReason};
/// let mut cache = Cache::<&str, String>::builder()
///     .capacity(100)
///     .weigher(|_: &&str, value: &String| value.len() as u32)
///     .build()?;
/// cache.insert("key", "short".into()).unwrap();
/// let rejected = cache.insert("key", "x".repeat(101)).unwrap_err();
/// assert_eq!(rejected.reason, RejectReason::TooHeavy);
/// assert_eq!(rejected.value.len(), 101);
/// assert_eq!(cache.get("key").unwrap(), "short");
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Rejected<K, V> {
    /// The key, as it was given.
    pub key: K,
    /// The value, as it was given.
    pub value: V,
    /// Why it was refused.
    pub reason: RejectReason,
}

impl<K, V> fmt::Debug for Rejected<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl<K, V> fmt::Display for Rejected<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<K, V> Error for Rejected<K, V> {}

/// Why [`try_get_or_insert_with`](crate::Cache::try_get_or_insert_with) has no reference to give.
///
/// ```
/// use cache_policies::{Cache, TryInsertError};
/// let mut cache = Cache::<&str, u32>::new(10);
/// let error = cache.try_get_or_insert_with("x", || "x".parse::<u32>()).unwrap_err();
/// assert!(matches!(error, TryInsertError::Load(_)));
/// assert_eq!(error.to_string(), "invalid digit found in string");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub enum TryInsertError<K, V, E> {
    /// The closure gave no value but this error.
    Load(E),
    /// The cache did not take the closure's value; it is in here.
    Rejected(Rejected<K, V>),
}

impl<K, V, E: fmt::Debug> fmt::Debug for TryInsertError<K, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(error) => f.debug_tuple("Load").field(error).finish(),
            Self::Rejected(rejected) => f.debug_tuple("Rejected").field(rejected).finish(),
        }
    }
}

impl<K, V, E: fmt::Display> fmt::Display for TryInsertError<K, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(error) => error.fmt(f),
            Self::Rejected(rejected) => rejected.fmt(f),
        }
    }
}

impl<K, V, E: Error> Error for TryInsertError<K, V, E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Load(error) => error.source(),
            Self::Rejected(_) => None,
        }
    }
}

/// A limit was not lowered: what is pinned would not fit below it. The cache is as it was.
///
/// ```
/// use cache_policies::Cache;
/// let mut cache = Cache::<u64, u64>::new(3);
/// cache.insert(1, 1).unwrap();
/// cache.pin(&1);
/// assert_eq!(cache.set_capacity(0).unwrap_err().pinned, 1);
/// assert_eq!(cache.capacity(), 3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("pinned entries take {pinned}: unpin some or choose a limit of at least that")]
#[non_exhaustive]
pub struct LimitError {
    /// What the pinned entries take of it: their weight, or their number.
    pub pinned: u64,
}

//! What a cache cannot be built or resized to.

use super::JournalError;
use crate::memory::PartitionError;
use cache_policies::ConfigError;

/// What is wrong with the settings of a cache.
///
/// ```
/// use cache_tiered::{BuildError, MemoryCache};
///
/// let refused = MemoryCache::<u8, u8>::builder().capacity(0).build();
/// assert_eq!(refused.unwrap_err(), BuildError::ZeroCapacity);
/// ```
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A memory tier without room.
    #[error("a memory tier of capacity 0 holds nothing: give it a capacity of at least 1")]
    ZeroCapacity,
    /// More shards than the capacity can be split over.
    #[error(
        "{shards} shards can not share a capacity of {capacity}: use fewer shards or more capacity"
    )]
    TooManyShards {
        /// The shards asked for.
        shards: usize,
        /// The capacity of all of them.
        capacity: u64,
    },
    /// The policy refuses its configuration.
    #[error("the policy refuses its configuration")]
    Policy(#[from] ConfigError),
    /// Reading ahead refuses its settings.
    #[error("reading ahead refuses its settings")]
    ReadAhead(#[source] ConfigError),
    /// The partitions can not be.
    #[error("the partitions can not be as asked for")]
    Partitions(#[from] PartitionError),
    /// `memory` was not called.
    #[error("there is no memory tier: call memory() before build()")]
    NoMemory,
    /// The journal of write-behind could not be opened.
    #[error("the journal could not be opened")]
    Journal(#[source] JournalError),
    /// The disk tier could not be opened.
    #[cfg(feature = "disk")]
    #[error("the disk tier could not be opened")]
    Disk(#[source] crate::tiered::DiskError),
    /// `store` was not called.
    #[error("there is no store: call store() before build(), or use MemoryCache alone")]
    NoStore,
}

/// A capacity that the cache can not take on.
///
/// ```
/// use cache_tiered::{MemoryCache, ResizeError};
///
/// let cache: MemoryCache<u8, u8> = MemoryCache::builder().capacity(10).shards(4).build()?;
/// assert_eq!(cache.resize(3), Err(ResizeError::TooSmall { capacity: 3, shards: 4 }));
/// # Ok::<(), cache_tiered::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResizeError {
    /// Below one for each shard.
    #[error(
        "a capacity of {capacity} is less than one for each of the {shards} shards: give it at least {shards}"
    )]
    TooSmall {
        /// The capacity asked for.
        capacity: u64,
        /// The number of shards, which is the least capacity.
        shards: usize,
    },
    /// Below what the partitions are to have at least. The cache has the capacity it had.
    #[error(
        "the partitions are to have at least {min} together, of a capacity of {capacity}: lower a minimum or choose a larger capacity"
    )]
    Reserved {
        /// The sum of the minima.
        min: u64,
        /// The capacity asked for.
        capacity: u64,
    },
    /// What is pinned would not fit. The cache has the capacity it had.
    #[error(
        "pinned entries do not fit a capacity of {capacity}: unpin some or choose a larger capacity"
    )]
    Pinned {
        /// The capacity asked for.
        capacity: u64,
    },
}

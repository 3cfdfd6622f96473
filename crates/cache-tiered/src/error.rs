//! The errors of the caches. Rejected values come back in them.

use cache_policies::ConfigError;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// An error of the store behind a cache, whatever its type; cheap to clone, because everybody who
/// waited for one load gets it.
///
/// ```
/// use cache_tiered::{InMemory, InMemoryError, MemoryTier, PutError, Tiered};
///
/// let cache: Tiered<u8, u8> = Tiered::builder()
///     .memory(MemoryTier::entries(10))
///     .store(InMemory::with_limit(1)?)
///     .build()?;
/// cache.put(1, 1).wait()?;
/// let Err(PutError::Refused { value: 2, source }) = cache.put(2, 2).wait() else { panic!() };
/// assert_eq!(source.downcast_ref(), Some(&InMemoryError::Full { limit: 1 }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct StoreError {
    inner: Arc<dyn Error + Send + Sync>,
}

impl StoreError {
    /// Wraps an error.
    pub fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self {
            inner: Arc::new(error),
        }
    }

    /// The error of the store, if that is its type.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.inner.downcast_ref()
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.inner.source()
    }
}

/// Why a key could not be read.
///
/// ```
/// use cache_tiered::{InMemory, LoadError, MemoryTier, Tiered};
///
/// let cache: Tiered<u8, u8> =
///     Tiered::builder().memory(MemoryTier::entries(10)).store(InMemory::new()).build()?;
/// cache.close().wait()?;
/// assert!(matches!(cache.get(&1).wait(), Err(LoadError::Closed)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The store failed. The failure is not cached: the next read asks again.
    #[error("the store could not load the key")]
    Store(#[source] StoreError),
    /// The loader that a caller brought failed. Not cached either.
    #[error("the loader failed")]
    Loader(#[source] StoreError),
    /// The cache was closed.
    #[error("the cache is closed: open it again")]
    Closed,
}

/// Why a value was not written; it comes back.
///
/// ```
/// use cache_tiered::{InMemory, MemoryTier, PutError, Tiered};
///
/// let cache: Tiered<u8, u8> =
///     Tiered::builder().memory(MemoryTier::entries(10)).store(InMemory::new()).build()?;
/// cache.close().wait()?;
/// let error = cache.put(1, 10).wait().unwrap_err();
/// assert!(matches!(error, PutError::Closed { .. }) && error.is_without_effect());
/// assert_eq!(error.into_value(), 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[non_exhaustive]
pub enum PutError<V> {
    /// The store refused: it and the cache are as they were.
    Refused {
        /// What was to be written.
        value: V,
        /// What the store said.
        source: StoreError,
    },
    /// The store can not tell whether it wrote. No tier holds the key any more, so the next read
    /// asks the store what is true.
    Unknown {
        /// What was to be written, and perhaps was.
        value: V,
        /// What the store said.
        source: StoreError,
    },
    /// The cache was closed; nothing was written.
    Closed {
        /// What was to be written.
        value: V,
    },
    /// The cache has a source and no store; nothing was written.
    ReadOnly {
        /// What was to be written.
        value: V,
    },
}

impl<V> PutError<V> {
    /// Gives the value back.
    pub fn into_value(self) -> V {
        match self {
            Self::Refused { value, .. }
            | Self::Unknown { value, .. }
            | Self::Closed { value }
            | Self::ReadOnly { value } => value,
        }
    }

    /// True if the store and the cache certainly are as they were.
    pub const fn is_without_effect(&self) -> bool {
        !matches!(self, Self::Unknown { .. })
    }

    fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Refused { source, .. } | Self::Unknown { source, .. } => Some(source),
            Self::Closed { .. } | Self::ReadOnly { .. } => None,
        }
    }
}

impl<V> fmt::Display for PutError<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused { .. } => "the store refused the write",
            Self::Unknown { .. } => "the write may or may not have happened: read the key again",
            Self::Closed { .. } => "the cache is closed: open it again",
            Self::ReadOnly { .. } => {
                "the cache has a source and no store: give it a store to write to"
            }
        })
    }
}

// By hand, so that V needs no Debug: a value may be large or secret.
impl<V> fmt::Debug for PutError<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Refused { .. } => "Refused",
            Self::Unknown { .. } => "Unknown",
            Self::Closed { .. } => "Closed",
            Self::ReadOnly { .. } => "ReadOnly",
        };
        f.debug_struct(name)
            .field("source", &self.store_error())
            .finish_non_exhaustive()
    }
}

impl<V> Error for PutError<V> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.store_error().map(|source| source as _)
    }
}

/// Why a key was not removed.
///
/// ```
/// use cache_tiered::{InMemory, MemoryTier, RemoveError, Tiered};
///
/// let cache: Tiered<u8, u8> =
///     Tiered::builder().memory(MemoryTier::entries(10)).store(InMemory::new()).build()?;
/// cache.close().wait()?;
/// assert!(matches!(cache.remove(&1).wait(), Err(RemoveError::Closed)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoveError {
    /// The store refused: it and the cache are as they were.
    #[error("the store refused the removal")]
    Refused(#[source] StoreError),
    /// The store can not tell whether it removed the key. No tier holds it any more, so the next
    /// read asks the store what is true.
    #[error("the removal may or may not have happened: read the key again")]
    Unknown(#[source] StoreError),
    /// The cache was closed; nothing was removed.
    #[error("the cache is closed: open it again")]
    Closed,
    /// The cache has a source and no store; nothing was removed.
    #[error("the cache has a source and no store: give it a store to write to")]
    ReadOnly,
}

/// Why `flush` or `close` did not reach its end.
///
/// ```
/// use cache_tiered::{FlushError, InMemory, MemoryTier, Tiered};
///
/// let cache: Tiered<u8, u8> =
///     Tiered::builder().memory(MemoryTier::entries(10)).store(InMemory::new()).build()?;
/// cache.close().wait()?;
/// assert!(matches!(cache.close().wait(), Err(FlushError::Closed)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlushError {
    /// The store failed.
    #[error("the store could not be flushed")]
    Store(#[source] StoreError),
    /// The cache was closed before.
    #[error("the cache is closed: open it again")]
    Closed,
}

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
    /// `memory` was not called.
    #[error("there is no memory tier: call memory() before build()")]
    NoMemory,
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
    /// What is pinned would not fit. The cache has the capacity it had.
    #[error(
        "pinned entries do not fit a capacity of {capacity}: unpin some or choose a larger capacity"
    )]
    Pinned {
        /// The capacity asked for.
        capacity: u64,
    },
}

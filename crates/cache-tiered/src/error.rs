//! The errors of the caches. Rejected values come back in them.

use crate::codec::CodecError;
use crate::journal::{AppendError, OpenError, ReadError};
use crate::memory::PartitionError;
use cache_policies::ConfigError;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

const CLOSED: &str = "the cache is closed: open it again";
pub(crate) const BUSY: &str = "an earlier write of the key has not ended: try again later";
const BACKPRESSURE: &str =
    "too much is dirty, or the journal is full: try again when the store has taken some";

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
    /// An earlier write of the key, of which nobody knows what becomes, is still under way; nothing
    /// was written.
    Busy {
        /// What was to be written.
        value: V,
    },
    /// As much is dirty as may be, or the journal is full, and the settings say not to wait;
    /// nothing was written.
    Backpressure {
        /// What was to be written.
        value: V,
    },
    /// The journal refused; nothing was written.
    Journal {
        /// What was to be written.
        value: V,
        /// What the journal said.
        source: JournalError,
    },
    /// Key or value have no form in bytes for the journal; nothing was written.
    Codec {
        /// What was to be written.
        value: V,
        /// What the codec said.
        source: CodecError,
    },
}

impl<V> PutError<V> {
    /// Gives the value back.
    pub fn into_value(self) -> V {
        match self {
            Self::Refused { value, .. }
            | Self::Unknown { value, .. }
            | Self::Closed { value }
            | Self::ReadOnly { value }
            | Self::Busy { value }
            | Self::Backpressure { value }
            | Self::Journal { value, .. }
            | Self::Codec { value, .. } => value,
        }
    }

    /// True if the store and the cache certainly are as they were.
    pub const fn is_without_effect(&self) -> bool {
        !matches!(self, Self::Unknown { .. })
    }

    fn cause(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused { source, .. } | Self::Unknown { source, .. } => Some(source),
            Self::Journal { source, .. } => Some(source),
            Self::Codec { source, .. } => Some(source),
            Self::Closed { .. }
            | Self::ReadOnly { .. }
            | Self::Busy { .. }
            | Self::Backpressure { .. } => None,
        }
    }
}

impl<V> fmt::Display for PutError<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused { .. } => "the store refused the write",
            Self::Unknown { .. } => "the write may or may not have happened: read the key again",
            Self::Closed { .. } => CLOSED,
            Self::Busy { .. } => BUSY,
            Self::Backpressure { .. } => BACKPRESSURE,
            Self::Journal { .. } => "the journal refused the write",
            Self::Codec { .. } => "key or value can not be journaled",
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
            Self::Busy { .. } => "Busy",
            Self::Backpressure { .. } => "Backpressure",
            Self::Journal { .. } => "Journal",
            Self::Codec { .. } => "Codec",
        };
        f.debug_struct(name)
            .field("source", &self.cause())
            .finish_non_exhaustive()
    }
}

impl<V> Error for PutError<V> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause()
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
    /// An earlier write of the key, of which nobody knows what becomes, is still under way;
    /// nothing was removed.
    #[error("{BUSY}")]
    Busy,
    /// As much is dirty as may be, or the journal is full, and the settings say not to wait;
    /// nothing was removed.
    #[error("{BACKPRESSURE}")]
    Backpressure,
    /// The journal refused; nothing was removed.
    #[error("the journal refused the removal")]
    Journal(#[source] JournalError),
    /// The key has no form in bytes for the journal; nothing was removed.
    #[error("the key can not be journaled")]
    Codec(#[source] CodecError),
    /// Nothing but the store can tell whether the key was there, and it failed; nothing was
    /// removed.
    #[error("the store could not tell whether the key is there: try again when it answers")]
    Existence(#[source] LoadError),
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
    /// The store takes nothing, so some changes are still dirty. They are in the journal, and go
    /// on to be tried.
    #[error("the store takes nothing: {dirty} changes are still in the journal alone")]
    Unapplied {
        /// Keys that are dirty.
        dirty: usize,
        /// What the store said last.
        source: StoreError,
    },
    /// The journal failed to note what is settled; some of it will be applied once more.
    #[error("the journal could not be closed")]
    Journal(#[source] JournalError),
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
    /// The partitions can not be.
    #[error("the partitions can not be as asked for")]
    Partitions(#[from] PartitionError),
    /// `memory` was not called.
    #[error("there is no memory tier: call memory() before build()")]
    NoMemory,
    /// The journal of write-behind could not be opened.
    #[error("the journal could not be opened")]
    Journal(#[source] JournalError),
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

/// What is wrong with the journal of write-behind. The message says what to do about it.
///
/// ```
/// use cache_tiered::{BuildError, InMemory, JournalErrorKind, MemoryTier, Tiered, Writes};
///
/// let file = tempfile::NamedTempFile::new()?;
/// let built = Tiered::<u64, u64>::builder()
///     .memory(MemoryTier::entries(10))
///     .store(InMemory::new())
///     .writes(Writes::behind(file.path()))
///     .build();
/// let Err(BuildError::Journal(error)) = built else { panic!("a file is no directory") };
/// assert_eq!(error.kind(), JournalErrorKind::Directory);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct JournalError {
    kind: JournalErrorKind,
    inner: Arc<dyn Error + Send + Sync>,
}

/// Kinds of a [`JournalError`].
///
/// ```
/// use cache_tiered::JournalErrorKind;
///
/// assert_ne!(JournalErrorKind::Locked, JournalErrorKind::Damaged);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JournalErrorKind {
    /// A setting is out of its range.
    Setting,
    /// The directory is not one that a journal may use.
    Directory,
    /// Another handle or process has it open.
    Locked,
    /// Files are of another journal, or of a version that this program does not read.
    Foreign,
    /// What was acknowledged may be missing.
    Damaged,
    /// A record can not be decoded.
    Codec,
    /// There is no room.
    Full,
    /// A change is too large for a segment.
    TooLarge,
    /// The device failed.
    Io,
    /// The journal was closed.
    Closed,
    /// This system has no journal.
    Unsupported,
}

/// A record that a codec can not decode.
#[derive(Debug, thiserror::Error)]
#[error(
    "record {sequence} of the journal can not be decoded: build the cache with the codecs that it was written with"
)]
struct Undecodable {
    sequence: u64,
    source: CodecError,
}

#[cfg(not(unix))]
#[derive(Debug, thiserror::Error)]
#[error("the journal of write-behind needs a unix system: write through here")]
struct Unsupported;

impl JournalError {
    /// What it is about.
    #[must_use]
    pub const fn kind(&self) -> JournalErrorKind {
        self.kind
    }

    fn new(kind: JournalErrorKind, inner: impl Error + Send + Sync + 'static) -> Self {
        Self {
            kind,
            inner: Arc::new(inner),
        }
    }

    pub(crate) fn undecodable(sequence: u64, source: CodecError) -> Self {
        Self::new(JournalErrorKind::Codec, Undecodable { sequence, source })
    }

    #[cfg(not(unix))]
    pub(crate) fn unsupported() -> Self {
        Self::new(JournalErrorKind::Unsupported, Unsupported)
    }
}

impl From<OpenError> for JournalError {
    fn from(error: OpenError) -> Self {
        let kind = match &error {
            OpenError::Setting { .. } => JournalErrorKind::Setting,
            OpenError::Directory(_) | OpenError::ReadOnly(_) => JournalErrorKind::Directory,
            OpenError::ForeignFile { .. } | OpenError::Version { .. } => JournalErrorKind::Foreign,
            OpenError::Locked => JournalErrorKind::Locked,
            OpenError::Damaged { .. } => JournalErrorKind::Damaged,
            OpenError::Full(_) => JournalErrorKind::Full,
            OpenError::Io(_) => JournalErrorKind::Io,
        };
        Self::new(kind, error)
    }
}

impl From<AppendError> for JournalError {
    fn from(error: AppendError) -> Self {
        let kind = match &error {
            AppendError::TooLarge { .. } => JournalErrorKind::TooLarge,
            AppendError::Full(_) | AppendError::TooManyDead { .. } => JournalErrorKind::Full,
            AppendError::Closed => JournalErrorKind::Closed,
            AppendError::Refused(_)
            | AppendError::Unknown(_)
            | AppendError::NoSuchRecord { .. } => JournalErrorKind::Io,
        };
        Self::new(kind, error)
    }
}

impl From<ReadError> for JournalError {
    fn from(error: ReadError) -> Self {
        let kind = match &error {
            ReadError::Io { .. } => JournalErrorKind::Io,
            ReadError::Damaged { .. } => JournalErrorKind::Damaged,
        };
        Self::new(kind, error)
    }
}

/// By what they say.
impl PartialEq for JournalError {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.to_string() == other.to_string()
    }
}

impl fmt::Debug for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl Error for JournalError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.inner.source()
    }
}

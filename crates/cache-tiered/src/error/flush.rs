//! Why what was acknowledged has not been brought to an end.

use super::{JournalError, StoreError};

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
    /// The disk tier could not be closed: it may open empty next time.
    #[cfg(feature = "disk")]
    #[error("the disk tier could not be closed: it may open empty next time")]
    Disk(#[source] crate::tiered::DiskError),
    /// The cache was closed before.
    #[error("the cache is closed: open it again")]
    Closed,
}

//! Why a read has no answer.

use super::StoreError;

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

//! Why a key was not removed.

use super::{BACKPRESSURE, BUSY, JournalError, LoadError, StoreError};
use crate::codec::CodecError;

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

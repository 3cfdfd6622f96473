//! Why a value was not written.

use super::{BACKPRESSURE, BUSY, CLOSED, JournalError, StoreError};
use crate::codec::CodecError;
use std::error::Error;
use std::fmt;

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

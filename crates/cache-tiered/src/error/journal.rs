//! What is wrong with a journal.

use crate::codec::CodecError;
use crate::journal::{AppendError, OpenError, ReadError};
use std::error::Error;
use std::fmt;
use std::sync::Arc;

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

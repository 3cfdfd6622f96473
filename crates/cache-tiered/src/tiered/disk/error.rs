//! What is wrong with a disk tier.

use crate::device::DirectoryError;
use crate::disk::OpenError;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Why a disk tier can not be opened or closed. The message says what to do about it. Nothing was changed by an opening
/// that failed, but where the device did.
///
/// ```
/// use cache_tiered::{BuildError, DiskErrorKind, DiskTier, InMemory, MemoryTier, Tiered};
///
/// let file = tempfile::NamedTempFile::new()?;
/// let built = Tiered::<u64, u64>::builder()
///     .memory(MemoryTier::entries(10))
///     .disk(DiskTier::new(file.path()))
///     .store(InMemory::new())
///     .build();
/// let Err(BuildError::Disk(error)) = built else { panic!("a file is no directory") };
/// assert_eq!(error.kind(), DiskErrorKind::Directory);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct DiskError {
    kind: DiskErrorKind,
    inner: Arc<dyn Error + Send + Sync>,
}

/// Kinds of a [`DiskError`].
///
/// ```
/// use cache_tiered::DiskErrorKind;
///
/// assert_ne!(DiskErrorKind::Locked, DiskErrorKind::Damaged);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DiskErrorKind {
    /// A setting is out of its range.
    Setting,
    /// The directory is not one that a tier may use.
    Directory,
    /// Another handle or process has it open.
    Locked,
    /// Files are of something else, or of a version that this program does not read.
    Foreign,
    /// It was written with other codecs.
    Codec,
    /// Nobody can tell any more what it is.
    Damaged,
    /// There is no room.
    Full,
    /// The device failed.
    Io,
    /// This system has no disk tier.
    Unsupported,
}

#[cfg(not(unix))]
#[derive(Debug, thiserror::Error)]
#[error("the disk tier needs a unix system: build the cache without it here")]
struct Unsupported;

impl DiskError {
    /// What it is about.
    #[must_use]
    pub const fn kind(&self) -> DiskErrorKind {
        self.kind
    }

    #[cfg(not(unix))]
    pub(super) fn unsupported() -> Self {
        Self {
            kind: DiskErrorKind::Unsupported,
            inner: Arc::new(Unsupported),
        }
    }
}

impl From<OpenError> for DiskError {
    fn from(error: OpenError) -> Self {
        let kind = match &error {
            OpenError::Directory(DirectoryError::Io(_)) | OpenError::Io(_) => DiskErrorKind::Io,
            OpenError::Directory(_) => DiskErrorKind::Directory,
            OpenError::Setting { .. } => DiskErrorKind::Setting,
            OpenError::Foreign { .. } | OpenError::Version { .. } => DiskErrorKind::Foreign,
            OpenError::Codec { .. } => DiskErrorKind::Codec,
            OpenError::Damaged { .. } => DiskErrorKind::Damaged,
            OpenError::Locked => DiskErrorKind::Locked,
            OpenError::Full(_) => DiskErrorKind::Full,
        };
        Self {
            kind,
            inner: Arc::new(error),
        }
    }
}

/// Equal if of one kind and of the same words.
impl PartialEq for DiskError {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.inner.to_string() == other.inner.to_string()
    }
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, f)
    }
}

impl fmt::Debug for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DiskError").field(&self.inner).finish()
    }
}

impl Error for DiskError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.inner.source()
    }
}

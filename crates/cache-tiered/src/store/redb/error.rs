//! What can go wrong with a redb file, and what to do about it.

use crate::codec::CodecError;
use redb::{DatabaseError, StorageError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a [`Redb`](crate::Redb) file could not be opened. The file is as it was.
///
/// ```
/// use cache_tiered::{Redb, RedbOpenError};
///
/// let file = tempfile::NamedTempFile::new()?;
/// std::fs::write(file.path(), "not a database")?;
/// assert!(matches!(Redb::options().open(file.path()), Err(RedbOpenError::NotADatabase { .. })));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedbOpenError {
    /// Somebody has it open, another process or this one.
    #[error("{} is locked: another process (or another handle in this one) has it open; close that one or choose another file", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// It is no redb file, or a damaged one.
    #[error("{} is not a redb database, or it is damaged ({reason}): choose another file or restore a copy", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What redb found.
        reason: String,
    },
    /// It has the format of another version of redb.
    #[error("{} has version {version} of the redb file format, which this redb does not read: upgrade the file with the redb that wrote it", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The version of its format.
        version: u8,
    },
    /// It is a redb file, but its table of this name was not written by this crate.
    #[error("{} has a table \"{table}\" of another kind ({reason}): choose another file", path.display())]
    ForeignTable {
        /// The file.
        path: PathBuf,
        /// The table.
        table: &'static str,
        /// What redb found.
        reason: String,
    },
    /// The system failed.
    #[error("{} could not be opened", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// redb failed in another way.
    #[error("{} could not be opened: {reason}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What redb said.
        reason: String,
    },
}

impl RedbOpenError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }

    pub(super) fn foreign_table(path: &Path, table: &'static str, reason: impl ToString) -> Self {
        Self::ForeignTable {
            path: path.to_owned(),
            table,
            reason: reason.to_string(),
        }
    }

    pub(super) fn of(path: &Path, error: redb::Error) -> Self {
        let path = path.to_owned();
        match error {
            redb::Error::DatabaseAlreadyOpen => Self::Locked { path },
            redb::Error::UpgradeRequired(version) => Self::Format { path, version },
            redb::Error::Corrupted(reason) => Self::NotADatabase { path, reason },
            // What a file that is too short for its header, or for the size in it, is read as.
            redb::Error::Io(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData
                ) =>
            {
                Self::NotADatabase {
                    path,
                    reason: error.to_string(),
                }
            }
            redb::Error::Io(error) => Self::Io {
                path,
                source: Arc::new(error),
            },
            other => Self::Other {
                path,
                reason: other.to_string(),
            },
        }
    }
}

/// Why a [`Redb`](crate::Redb) store could not read or write. What was acknowledged is safe.
///
/// ```
/// use cache_tiered::{BlockingSource, Redb, RedbError};
///
/// let directory = tempfile::tempdir()?;
/// let store = Redb::options().open(directory.path().join("data.redb"))?;
/// let loaded: Result<_, RedbError> = BlockingSource::<u64, String>::load(&store, &1);
/// assert!(loaded?.into_value().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedbError {
    /// The disk, or the quota on it, is full.
    #[error("the disk is full: make room; until then writes are refused and reads go on")]
    Full(#[source] Arc<io::Error>),
    /// The device failed.
    #[error("the device failed to read or write")]
    Io(#[source] Arc<io::Error>),
    /// The device failed to make written bytes durable once. What it holds of them nobody knows,
    /// so nothing more is written through this handle.
    #[error(
        "the device failed to sync: check it, then open the store again; until then writes are refused and reads go on"
    )]
    Unsynced,
    /// The file is damaged.
    #[error("the file is damaged ({0}): restore a copy")]
    Corrupted(String),
    /// Key or value are too large for redb.
    #[error("a key or value of {0} bytes is too large: redb takes up to 3 GiB")]
    TooLarge(usize),
    /// A key or value could not be turned into bytes, or bytes not into a value.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The file could not be opened again after a failure.
    #[error("the store failed and could not be opened again")]
    Reopen(#[source] RedbOpenError),
    /// redb failed in another way.
    #[error("redb failed: {0}")]
    Other(String),
}

impl From<io::Error> for RedbError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull, WriteZero};
        let full = matches!(
            error.kind(),
            StorageFull | QuotaExceeded | FileTooLarge | WriteZero
        );
        let error = Arc::new(error);
        if full {
            Self::Full(error)
        } else {
            Self::Io(error)
        }
    }
}

impl From<redb::Error> for RedbError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(error) => error.into(),
            redb::Error::Corrupted(reason) => Self::Corrupted(reason),
            redb::Error::ValueTooLarge(len) => Self::TooLarge(len),
            other => Self::Other(other.to_string()),
        }
    }
}

/// True if redb takes no more calls before the file is opened again.
pub(super) fn is_latched(error: &redb::Error) -> bool {
    matches!(
        error,
        redb::Error::Io(_)
            | redb::Error::PreviousIo
            | redb::Error::DatabaseClosed
            | redb::Error::LockPoisoned(_)
    )
}

/// Only the latch of an earlier failure, not a failure of its own.
pub(super) fn is_echo(error: &redb::Error) -> bool {
    matches!(
        error,
        redb::Error::PreviousIo | redb::Error::DatabaseClosed | redb::Error::LockPoisoned(_)
    )
}

pub(super) fn opening(path: &Path, error: DatabaseError) -> RedbOpenError {
    RedbOpenError::of(path, error.into())
}

pub(super) fn storage(error: StorageError) -> redb::Error {
    error.into()
}

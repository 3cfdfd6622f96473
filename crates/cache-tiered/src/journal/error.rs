//! The errors of the journal, one enum an operation.

use crate::device::{DirectoryError, is_full};
use std::io;
use std::sync::Arc;

/// Why a journal could not be opened. Nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum OpenError {
    /// A setting is out of its range.
    #[error("{setting} is {value}: choose {range}")]
    Setting {
        setting: &'static str,
        value: u64,
        range: &'static str,
    },
    #[error(transparent)]
    Directory(DirectoryError),
    /// A file that no journal makes, or one of another journal.
    #[error(
        "the directory holds {file}, which is not of this journal: choose an empty directory, or move the file away"
    )]
    ForeignFile { file: String },
    #[error(
        "{file} has version {version} of the journal's format, which this program does not read: open it with the program that wrote it, and settle its records there"
    )]
    Version { file: String, version: u32 },
    #[error(
        "the journal is locked: another process (or another handle in this one) has it open; close that one or choose another directory"
    )]
    Locked,
    /// What was acknowledged may be missing.
    #[error(
        "{file} is damaged at byte {offset} ({reason}): restore a copy, or open with `salvage` to keep what can be read"
    )]
    Damaged {
        file: String,
        offset: u64,
        reason: String,
    },
    #[error(
        "the journal can not be written: it lies on a read-only file system or its permissions forbid it; change that or choose another directory"
    )]
    ReadOnly(#[source] Arc<io::Error>),
    #[error("there is no room for the journal: make room or choose another directory")]
    Full(#[source] Arc<io::Error>),
    #[error("the journal could not be opened: check the device")]
    Io(#[source] Arc<io::Error>),
}

impl From<DirectoryError> for OpenError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Io(error) => Self::from_io(error),
            refused => Self::Directory(refused),
        }
    }
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::from_io(Arc::new(error))
    }
}

impl OpenError {
    fn from_io(error: Arc<io::Error>) -> Self {
        use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        match error.kind() {
            PermissionDenied | ReadOnlyFilesystem => Self::ReadOnly(error),
            _ if is_full(&error) => Self::Full(error),
            _ => Self::Io(error),
        }
    }
}

/// Why a record was not acknowledged.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum AppendError {
    /// It fits no segment. Not written.
    #[error(
        "a record of {bytes} bytes is too large: a segment takes {bytes_max}; open the journal with larger segments"
    )]
    TooLarge { bytes: u64, bytes_max: u64 },
    /// The journal holds all that it may, or the device has no more room. Not written.
    #[error("the journal is full: settle records, or make room on its device, then try again")]
    Full(#[source] Option<Arc<io::Error>>),
    /// The device failed. Not written, and will not appear after a restart.
    #[error("the device refused the write: check it; the record is not in the journal")]
    Refused(#[source] Arc<io::Error>),
    /// The device failed in a way that does not tell: the record may or may not be there after a
    /// restart. The journal goes on without it.
    #[error(
        "the device failed to make the record durable: it may or may not be there after a restart"
    )]
    Unknown(#[source] Arc<io::Error>),
    /// There is no such record, or it is settled.
    #[error("the journal holds no unsettled record {sequence}")]
    NoSuchRecord { sequence: u64 },
    /// There are as many dead letters as there may be. Not written.
    #[error(
        "there are {limit} dead letters, the most there may be: drive some again or discard them"
    )]
    TooManyDead { limit: usize },
    /// The journal was closed. Not written.
    #[error("the journal is closed: open it again")]
    Closed,
}

impl AppendError {
    /// True if the record certainly is not in the journal, now and after a restart.
    pub(crate) const fn is_without_effect(&self) -> bool {
        !matches!(self, Self::Unknown(_))
    }
}

/// Why dead letters could not be read.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ReadError {
    #[error("{file} could not be read: check the device")]
    Io {
        file: String,
        #[source]
        source: Arc<io::Error>,
    },
    #[error("{file} is damaged at byte {offset} ({reason}): restore a copy of the journal")]
    Damaged {
        file: String,
        offset: u64,
        reason: String,
    },
}

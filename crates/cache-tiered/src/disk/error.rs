//! Why a tier can not be opened.

use crate::device::{DirectoryError, is_full};
use std::io;
use std::sync::Arc;

/// Why a tier could not be opened. Nothing was changed, but where the device failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum OpenError {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error("{setting} is {value}: choose {range}")]
    Setting {
        setting: &'static str,
        value: u64,
        range: &'static str,
    },
    #[error(
        "the directory holds {file}, which is not of a disk tier: choose an empty directory, or move the file away"
    )]
    Foreign { file: String },
    #[error(
        "the disk tier has version {version} of the format, which this program does not read: open it with the program that wrote it, or delete it to start empty"
    )]
    Version { version: u32 },
    #[error(
        "the disk tier was written with other codecs (id {found:#x} where {expected:#x} was expected): use those, or delete it to start empty"
    )]
    Codec { found: u64, expected: u64 },
    #[error("the disk tier is damaged ({reason}): delete it to start empty")]
    Damaged { reason: &'static str },
    #[error(
        "the disk tier is locked: another process (or another handle in this one) has it open; close that one or choose another directory"
    )]
    Locked,
    #[error(
        "there is no room for the disk tier: make room, or choose another directory or capacity"
    )]
    Full(#[source] Arc<io::Error>),
    #[error("the disk tier could not be opened: check the device")]
    Io(#[source] Arc<io::Error>),
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        if is_full(&error) {
            Self::Full(Arc::new(error))
        } else {
            Self::Io(Arc::new(error))
        }
    }
}

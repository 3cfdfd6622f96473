//! Why a directory is none to keep anything in.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why a directory can not be used. Nothing was changed, but that it may have been made.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum DirectoryError {
    #[error("{} is a symbolic link: name the directory itself", path.display())]
    Symlink { path: PathBuf },
    #[error("{} is not a directory: choose another path", path.display())]
    NotADirectory { path: PathBuf },
    #[error("{} belongs to user {owner}: choose a directory of this process's user", path.display())]
    ForeignOwner { path: PathBuf, owner: u32 },
    #[error("{} may be changed by other users (mode {mode:o}): chmod it to 700", path.display())]
    OpenToOthers { path: PathBuf, mode: u32 },
    #[error("the directory could not be opened: check the device")]
    Io(#[source] Arc<io::Error>),
}

impl From<io::Error> for DirectoryError {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

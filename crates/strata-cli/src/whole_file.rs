//! A file that appears whole or not at all: it is written beside its place, and gets its name once it is on the disk.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::trace::OneLine;

/// A file beside that of this path, which goes when it is dropped before it is [kept](keep).
pub(crate) fn beside(path: &Path) -> Result<NamedTempFile, WholeFileError> {
    let folder = folder_of(path);
    let mut builder = tempfile::Builder::new();
    // Not named after the file: a name may be as long as the system takes.
    builder.prefix(".strata-").suffix(".tmp");
    // As any new file: what the process's mask leaves of it. Temporary files are the owner's alone by default.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder).map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            return WholeFileError::NoFolder {
                path: path.to_owned(),
                folder: folder.to_owned(),
            };
        }
        // The error names the temporary file, which nobody asked for.
        WholeFileError::of(path, error.kind().into())
    })
}

/// Gives a temporary file this name, once its content is on the disk. What has the name already is replaced only if `replace` says so,
/// and is there still after an error.
pub(crate) fn keep(file: NamedTempFile, path: &Path, replace: bool) -> Result<(), WholeFileError> {
    let failed = |source| WholeFileError::of(path, source);
    file.as_file().sync_all().map_err(failed)?;
    let kept = if replace {
        file.persist(path)
    } else {
        file.persist_noclobber(path)
    };
    kept.map(drop).map_err(|error| failed(error.error))
}

/// The folder that the file is, or will be, in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Why a file cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WholeFileError {
    /// The system refuses.
    #[error("{}: cannot write", OneLine(path))]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its folder is not there.
    #[error(
        "{}: there is no folder {}: make it first",
        OneLine(path),
        OneLine(folder)
    )]
    NoFolder {
        /// The file.
        path: PathBuf,
        /// The folder.
        folder: PathBuf,
    },
}

impl WholeFileError {
    pub(crate) fn of(path: &Path, source: io::Error) -> Self {
        Self::Write {
            path: path.to_owned(),
            source,
        }
    }
}

//! A file that appears whole or not at all, and replaces only its like.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::trace::OneLine;

/// A file to be written: nothing of it is on the disk until it is finished, then it is written beside its place and moved there.
///
/// What is there already is replaced only if it begins with the mark of its kind, so that a name mistyped costs no trace.
///
/// ```
/// use strata_cli::report::ReportFile;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("a.csv");
/// ReportFile::create(&path, "trace,capacity")?.finish(b"trace,capacity\na,1\n")?;
/// ReportFile::create(&path, "trace,capacity")?.finish(b"trace,capacity\na,2\n")?;
/// assert_eq!(std::fs::read(&path)?, b"trace,capacity\na,2\n");
/// assert!(ReportFile::create(&path, "<!doctype html>").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ReportFile {
    path: PathBuf,
}

impl ReportFile {
    /// Makes sure that the file can be written, which `finish` will do; a run that is stopped before leaves nothing behind.
    ///
    /// # Errors
    ///
    /// [`ReportFileError`]: its folder is not there or refuses files, or there is something else at its place.
    pub fn create(path: &Path, mark: &str) -> Result<Self, ReportFileError> {
        let failed = |source| ReportFileError::Write {
            path: path.to_owned(),
            source,
        };
        match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
            Ok(file) => {
                let mut head = Vec::new();
                let is_file = file.metadata().map_err(failed)?.is_file();
                if is_file {
                    file.take(mark.len() as u64)
                        .read_to_end(&mut head)
                        .map_err(failed)?;
                }
                if !is_file || (head != mark.as_bytes() && !head.is_empty()) {
                    return Err(ReportFileError::Occupied {
                        path: path.to_owned(),
                    });
                }
            }
        }
        // Whether the folder takes files shows only when it is given one.
        drop(temporary(path)?);
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// Writes the content and puts the file in its place.
    ///
    /// # Errors
    ///
    /// Those of the system; what was at the place before is there still.
    pub fn finish(self, content: &[u8]) -> Result<(), ReportFileError> {
        let failed = |source| ReportFileError::Write {
            path: self.path.clone(),
            source,
        };
        let mut file = temporary(&self.path)?;
        file.write_all(content).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&self.path)
            .map_err(|error| failed(error.error))?;
        Ok(())
    }
}

/// The folder that the file is, or will be, in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A file beside that of this path, which goes when it is dropped.
fn temporary(path: &Path) -> Result<NamedTempFile, ReportFileError> {
    let folder = folder_of(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".strata-").suffix(".tmp");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder).map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            return ReportFileError::NoFolder {
                path: path.to_owned(),
                folder: folder.to_owned(),
            };
        }
        // The error names the temporary file, which nobody asked for.
        ReportFileError::Write {
            path: path.to_owned(),
            source: error.kind().into(),
        }
    })
}

/// Why a report cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportFileError {
    /// The system refuses.
    #[error("{}: cannot write the file", OneLine(path))]
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
    /// There is something that strata did not write.
    #[error(
        "{}: is there already and is no file that strata wrote: remove it, or name another",
        OneLine(path)
    )]
    Occupied {
        /// The file.
        path: PathBuf,
    },
}

//! A file of results, which appears whole or not at all and replaces only its like.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use crate::trace::OneLine;
use crate::whole_file::{WholeFileError, beside, keep};

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
        let failed = |source| WholeFileError::of(path, source);
        match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error).into()),
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
        drop(beside(path)?);
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
        let mut file = beside(&self.path)?;
        file.write_all(content)
            .map_err(|error| WholeFileError::of(&self.path, error))?;
        Ok(keep(file, &self.path, true)?)
    }
}

/// Why a report cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportFileError {
    /// The system refuses, or its folder is not there.
    #[error(transparent)]
    Whole(#[from] WholeFileError),
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

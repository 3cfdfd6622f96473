//! Why a trace could not be read, with the file's name and the byte where it happened.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a trace could not be opened or read on. The message is one line that names the file and, past opening, the byte.
///
/// ```
/// use strata_cli::trace::{self, TraceError};
///
/// let error = trace::open("no/such/file.lis").unwrap_err();
/// assert!(matches!(error, TraceError::Open { .. }));
/// assert_eq!(error.to_string(), "no/such/file.lis: cannot open the trace");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// The file cannot be opened.
    #[error("{}: cannot open the trace", OneLine(path))]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The path names a directory.
    #[error("{}: a directory, not a trace: name a file in it", OneLine(path))]
    Directory {
        /// The directory.
        path: PathBuf,
    },
    /// The trace holds not one request.
    #[error("{}: the trace is empty (no request up to {at})", OneLine(path))]
    Empty {
        /// The file.
        path: PathBuf,
        /// Where the trace ended.
        at: Place,
    },
    /// Neither the name nor the content tells the format.
    #[error(
        "{}: unknown trace format: give --trace-format keys if each line is a key, any text; else csv (columns), lirs (a number a \
         line), arc (`start count 0 request` lines) or oracleGeneral (24-byte records), each plain or in gzip, zstd or xz",
        OneLine(path)
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// Compressed with something that is not read.
    #[error(
        "{}: compressed with {compression}, which is not read: decompress it, or compress it with gzip, zstd or xz",
        OneLine(path)
    )]
    UnknownCompression {
        /// The file.
        path: PathBuf,
        /// What it is compressed with.
        compression: &'static str,
    },
    /// Nothing tells which column of a CSV trace holds what.
    #[error("{}: {what}", OneLine(path))]
    Columns {
        /// The file.
        path: PathBuf,
        /// What is amiss, and what to do.
        what: String,
    },
    /// The system failed to read on.
    #[error("{}: cannot read on at {at}", OneLine(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// How far reading came.
        at: Place,
        /// What the system said.
        source: io::Error,
    },
    /// The trace ends inside a record, a line or a compressed stream.
    #[error("{}: truncated at {at}: {what}", OneLine(path))]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Where it ends.
        at: Place,
        /// What is cut short.
        what: String,
    },
    /// The trace holds what its format does not allow.
    #[error("{}: corrupt at {at}: {what}", OneLine(path))]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The first byte of the bad record or field, or how far decompression came.
        at: Place,
        /// What is wrong there.
        what: String,
    },
    /// The trace goes past a limit that protects from hostile files.
    #[error("{}: refused at {at}: {what}", OneLine(path))]
    Refused {
        /// The file.
        path: PathBuf,
        /// Where the limit was passed.
        at: Place,
        /// Which limit.
        what: String,
    },
}

/// A byte of a trace, counted from 0: of the file as it lies on disk, or of what it decompresses to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// A byte of the file as it lies on disk.
    File(u64),
    /// A byte of the stream that the file decompresses to.
    Decompressed(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(offset) => write!(f, "byte {offset} of the file"),
            Self::Decompressed(offset) => write!(f, "byte {offset} of the decompressed stream"),
        }
    }
}

/// Shows a path on one line, whatever its name holds.
pub(crate) struct OneLine<'a>(pub(crate) &'a Path);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.to_string_lossy().chars() {
            if c.is_control() {
                write!(f, "{}", c.escape_default())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        Ok(())
    }
}

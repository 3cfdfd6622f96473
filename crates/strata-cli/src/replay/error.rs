//! Why a replay stopped before its end.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::acknowledgements::AcknowledgementError;
use super::value::Identity;
use crate::trace::TraceError;
use crate::trace::generate::WorkloadError;

/// What the cache or the store answered, whichever operation it was.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a replay stopped before its end. Writes acknowledged before stay where the store put them.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The arguments contradict one another.
    #[error("{0}")]
    Arguments(String),
    /// The trace cannot be read, or not any further.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The workload cannot be generated.
    #[error(transparent)]
    Workload(#[from] WorkloadError),
    /// The directory of the store cannot be used.
    #[error("cannot use {} as the directory of the store: name one that exists and can be written to", .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The store has a journal of write-behind beside it, and the writes go through.
    #[error(
        "{} is a journal of write-behind, which may hold writes that the store has not: use --writes behind, or remove it if none were left in it",
        .path.display()
    )]
    Journal {
        /// The journal.
        path: PathBuf,
    },
    /// The store cannot be opened.
    #[error("cannot open the store")]
    Open {
        /// What the store says; it names the file.
        source: BoxError,
    },
    /// The tiers cannot be built.
    #[error("cannot build the cache")]
    Build {
        /// What the cache says.
        source: BoxError,
    },
    /// A read failed.
    #[error("reading key {key} failed")]
    Read {
        /// The key.
        key: u64,
        /// What the cache or the store says.
        source: BoxError,
    },
    /// A write was not acknowledged.
    #[error(
        "writing {written} failed (writes acknowledged before are kept, as the durability promises)"
    )]
    Write {
        /// What was to be written.
        written: Identity,
        /// What the cache or the store says.
        source: BoxError,
    },
    /// Flushing or closing failed.
    #[error(
        "closing the store failed (writes acknowledged before are kept, as the durability promises)"
    )]
    Close {
        /// What the cache or the store says.
        source: BoxError,
    },
    /// The acknowledgement file failed.
    #[error(transparent)]
    Acknowledgements(#[from] AcknowledgementError),
}

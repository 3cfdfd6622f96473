//! Why a snapshot cannot be taken or restored.

use crate::codec::CodecError;
use std::io;
use std::path::{Path, PathBuf};

/// Why a snapshot could not be taken or restored.
///
/// A snapshot that could not be taken leaves a former one of that name as it was. Of a damaged one
/// [`MemoryCache::restore`](crate::MemoryCache::restore) restores what comes before the damage, which is right;
/// [`Tiered::warm_from`](crate::Tiered::warm_from) loads nothing.
///
/// ```
/// use cache_tiered::{MemoryCache, Raw, SnapshotError};
///
/// let cache: MemoryCache<u64, u64> = MemoryCache::builder().capacity(10).build()?;
/// let missing = cache.restore("/no/such/snapshot", &Raw, &Raw).unwrap_err();
/// assert!(matches!(missing, SnapshotError::Io { .. }));
/// # Ok::<(), cache_tiered::BuildError>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The system refused to read or write it.
    #[error("{}: cannot {action} the snapshot", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was to be done: read or write.
        action: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is none of ours.
    #[error("{} is no snapshot: name a file that a snapshot was written to", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It is of another version of the format.
    #[error(
        "{} has version {version} of the snapshots' format, which this program does not read: take it anew",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// It has keys where values too are needed, or the other way round.
    #[error("{} is a snapshot of {found}, and one of {wanted} is needed: take it anew", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// What it has.
        found: &'static str,
        /// What it should have.
        wanted: &'static str,
    },
    /// It is damaged.
    #[error(
        "{} is damaged at byte {offset} ({reason}): delete the file and take it anew",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damaged part begins.
        offset: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// A key or value has no form in bytes, or bytes are those of none.
    #[error("{}: the codec does not take an entry", path.display())]
    Codec {
        /// The file.
        path: PathBuf,
        /// What the codec said.
        #[source]
        source: CodecError,
    },
    /// An entry has more bytes than a snapshot takes.
    #[error(
        "an entry of {bytes} bytes is too large for a snapshot, which takes 1 GiB each: leave it out with a smaller capacity"
    )]
    TooLarge {
        /// Its bytes.
        bytes: usize,
    },
}

impl SnapshotError {
    pub(super) fn reading(path: &Path) -> impl Fn(io::Error) -> Self {
        Self::doing(path, "read")
    }

    pub(super) fn writing(path: &Path) -> impl Fn(io::Error) -> Self {
        Self::doing(path, "write")
    }

    fn doing(path: &Path, action: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io {
            path: path.to_owned(),
            action,
            source,
        }
    }

    pub(crate) fn codec(path: &Path, source: CodecError) -> Self {
        Self::Codec {
            path: path.to_owned(),
            source,
        }
    }
}

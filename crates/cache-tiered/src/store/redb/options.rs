//! Options for opening a redb file.

use super::Redb;
use super::backend::{Opener, Syncs};
use super::commit::Committer;
use super::database::Reopening;
use super::error::RedbOpenError;
use crate::codec::Raw;
use crate::durability::Durability;
use redb::StorageBackend;
use redb::backends::FileBackend;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of the file that redb keeps in memory by default.
const CACHE_BYTES: usize = 64 << 20;

/// Options for opening a [`Redb`] file; from [`Redb::options`].
///
/// ```
/// use buffer_pool::{BufferPool, PooledBytes};
/// use cache_tiered::{BlockingSource, Durability, Loaded, Pooled, Redb};
///
/// let directory = tempfile::tempdir()?;
/// let store = Redb::options()
///     .durability(Durability::Process)
///     .codec(Pooled::new(BufferPool::builder().build()))
///     .open(directory.path().join("data.redb"))?;
/// let loaded: Option<PooledBytes> = BlockingSource::<u64, _>::load(&store, &1)?.into_value();
/// assert_eq!(loaded, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until `open`"]
pub struct RedbOptions<C = Raw, D = Raw> {
    durability: Durability,
    cache_bytes: usize,
    keys: C,
    values: D,
}

impl RedbOptions {
    pub(super) const fn new() -> Self {
        Self {
            durability: Durability::Process,
            cache_bytes: CACHE_BYTES,
            keys: Raw,
            values: Raw,
        }
    }
}

impl<C, D> RedbOptions<C, D> {
    /// What an acknowledged write survives; [`Durability::Process`] by default.
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How many bytes of the file redb keeps in memory, beside the memory tier; 64 MiB by default.
    pub const fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// How values become bytes; as they are by default.
    pub fn codec<E>(self, codec: E) -> RedbOptions<C, E> {
        let Self {
            durability,
            cache_bytes,
            keys,
            ..
        } = self;
        RedbOptions {
            durability,
            cache_bytes,
            keys,
            values: codec,
        }
    }

    /// How keys become bytes; as they are by default.
    pub fn key_codec<E>(self, codec: E) -> RedbOptions<E, D> {
        let Self {
            durability,
            cache_bytes,
            values,
            ..
        } = self;
        RedbOptions {
            durability,
            cache_bytes,
            keys: codec,
            values,
        }
    }

    /// Opens the file, or makes it, readable by its owner alone.
    ///
    /// The name is the one given; keys have no part in it. A file that was not closed cleanly is
    /// repaired, which reads all of it.
    ///
    /// # Errors
    ///
    /// [`RedbOpenError`] if somebody else has it open, if it is not a redb file, and if the system
    /// refuses.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Redb<C, D>, RedbOpenError> {
        let path = path.as_ref().to_owned();
        let opened = path.clone();
        let durable = self.durability == Durability::Power;
        self.open_by(
            path,
            Box::new(move |may_make| open_file(&opened, durable, may_make)),
        )
    }

    /// Opens a store over a backend of one's own: another medium, or one that fails on purpose.
    ///
    /// `open` is called once now, and once more after each failure of the backend. `path` only
    /// names the store in errors.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_backend<B: StorageBackend>(
        self,
        path: impl Into<PathBuf>,
        open: impl Fn() -> io::Result<B> + Send + Sync + 'static,
    ) -> Result<Redb<C, D>, RedbOpenError> {
        self.open_by(
            path.into(),
            Box::new(move |_| Ok(Box::new(open()?) as Box<dyn StorageBackend>)),
        )
    }

    fn open_by(self, path: PathBuf, opener: Opener) -> Result<Redb<C, D>, RedbOpenError> {
        let syncs = Arc::new(Syncs::new(self.durability == Durability::Power));
        let file = Reopening::open(path, opener, self.cache_bytes, Arc::clone(&syncs))?;
        Ok(Redb {
            keys: self.keys,
            values: self.values,
            durability: self.durability,
            syncs,
            file,
            committer: Committer::new(),
        })
    }
}

/// Opens the file, or makes it if it `may_make` one; `durable` makes its name survive a loss of
/// power too.
fn open_file(path: &Path, durable: bool, may_make: bool) -> io::Result<Box<dyn StorageBackend>> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(may_make)
        .truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let file = options.open(path)?;
    if durable && may_make && cfg!(unix) {
        // A name is an entry of its directory, which has a sync of its own. Not only that of a new
        // file: an earlier handle may have made it without.
        let directory = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    let backend = FileBackend::new(file).map_err(io::Error::other)?;
    Ok(Box::new(backend))
}

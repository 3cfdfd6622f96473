//! `Redb`: a store in one file, transactional, by the redb crate.

mod backend;
mod commit;
mod database;
mod error;
mod options;
mod unfinished;

pub use self::error::{RedbError, RedbOpenError};
pub use self::options::RedbOptions;

use self::backend::Syncs;
use self::commit::{Change, Committer};
use self::database::{Reopening, TABLE};
use self::error::storage;
use crate::codec::{Codec, Raw};
use crate::durability::Durability;
use crate::sink::{Applied, ApplyError, BlockingSink, Mutation, Sink};
use crate::source::{BlockingSource, Loaded, Source};
use redb::ReadableDatabase;
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

/// A store in one [redb](https://docs.rs/redb) file: ordered, transactional, in Rust throughout.
///
/// A batch is one transaction, and batches that several threads write at the same time share one,
/// so with [`Durability::Power`] they share its sync too. The table is `strata`, keys and values
/// are the bytes that the codecs make of them.
///
/// # Durability
///
/// redb commits either to memory alone, which survives nothing, or with a sync. So
/// [`Durability::Volatile`] and [`Durability::Process`] write every commit to the file, in order,
/// and leave the syncs out: the system keeps the pages when the process is killed. After a loss of
/// power such a file may be unreadable, unless it was [flushed](Sink::flush) and not written since.
/// [`Durability::Power`] syncs each commit before it is acknowledged, and alone syncs the directory
/// too, so that a new file keeps its name.
///
/// # Failures
///
/// A write that meets a full disk or a failing device is refused, and what was acknowledged before
/// is safe: the file is opened again at once, as redb demands after any failure of the device, and
/// reads and writes go on. Where the store cannot tell whether a write took effect it says
/// [`ApplyError::Unknown`]. If a *sync* fails, nothing more is written through this handle.
///
/// # Examples
///
/// ```
/// use cache_tiered::{Durability, MemoryTier, Redb, Tiered};
///
/// let directory = tempfile::tempdir()?;
/// let store = Redb::options().durability(Durability::Power).open(directory.path().join("data.redb"))?;
/// let cache: Tiered<u64, String> =
///     Tiered::builder().memory(MemoryTier::entries(1_000)).store(store).build()?;
/// cache.put(1, "one".to_owned()).wait()?;
/// assert_eq!(cache.store().load(&1).wait()?.as_deref(), Some("one"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Redb<C = Raw, D = Raw> {
    keys: C,
    values: D,
    durability: Durability,
    syncs: Arc<Syncs>,
    file: Reopening,
    committer: Committer,
}

/// What happened in a [`Redb`] store so far.
///
/// ```
/// use cache_tiered::{BlockingSink, Mutation, Redb};
///
/// let directory = tempfile::tempdir()?;
/// let store = Redb::options().open(directory.path().join("data.redb"))?;
/// BlockingSink::<u64, u64>::apply(&store, &[Mutation::put(1, 1, 1), Mutation::put(2, 2, 2)])?;
/// assert_eq!((store.stats().commits, store.stats().batches), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedbStats {
    /// Transactions committed.
    pub commits: u64,
    /// Batches in them; more than `commits` where threads shared one.
    pub batches: u64,
    /// How often the file was opened again after a failure.
    pub reopened: u64,
}

impl Redb {
    /// Options for opening a file; none has to be set.
    pub fn options() -> RedbOptions {
        RedbOptions::new()
    }
}

thread_local! {
    /// The bytes of a key while it is looked up.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl<C, D> Redb<C, D> {
    /// What an acknowledged write survives.
    pub const fn durability(&self) -> Durability {
        self.durability
    }

    /// What happened so far.
    #[must_use]
    pub fn stats(&self) -> RedbStats {
        let (commits, batches) = self.committer.counts();
        RedbStats {
            commits,
            batches,
            reopened: self.file.reopened(),
        }
    }

    /// The number of entries.
    ///
    /// # Errors
    ///
    /// [`RedbError`] if the file could not be read.
    pub fn entries(&self) -> Result<u64, RedbError> {
        use redb::ReadableTableMetadata;
        let len = self.file.step(|database| {
            let table = database.begin_read()?.open_table(TABLE)?;
            table.len().map_err(storage)
        })?;
        Ok(len)
    }

    fn value<K, V>(&self, key: &K) -> Result<Option<V>, RedbError>
    where
        C: Codec<K>,
        D: Codec<V>,
    {
        // Taken rather than borrowed: a codec may come back here.
        let mut scratch = SCRATCH.take();
        let value = self
            .keys
            .encode(key, &mut scratch)
            .map_err(RedbError::from)
            .and_then(|key| {
                let found = self.file.step(|database| {
                    let table = database.begin_read()?.open_table(TABLE)?;
                    let found = table.get(key).map_err(storage)?;
                    Ok(found.map(|found| self.values.decode(found.value())))
                })?;
                Ok(found.transpose()?)
            });
        SCRATCH.set(scratch);
        value
    }

    /// The bytes of one mutation.
    fn change<K, V>(&self, mutation: &Mutation<K, V>) -> Result<Change, RedbError>
    where
        C: Codec<K>,
        D: Codec<V>,
    {
        let mut scratch = SCRATCH.take();
        let change = (|| {
            let key = self.keys.encode(mutation.key(), &mut scratch)?.to_vec();
            let value = match mutation.value() {
                None => None,
                Some(value) => Some(self.values.encode(value, &mut scratch)?.to_vec()),
            };
            Ok(Change { key, value })
        })();
        SCRATCH.set(scratch);
        change
    }

    fn write<K, V>(&self, batch: &[Mutation<K, V>]) -> Result<Applied, ApplyError<RedbError>>
    where
        C: Codec<K>,
        D: Codec<V>,
    {
        if batch.is_empty() {
            return Ok(Applied::new());
        }
        let changes: Result<Vec<_>, _> =
            batch.iter().map(|mutation| self.change(mutation)).collect();
        let changes = changes.map_err(ApplyError::Refused)?;
        self.committer.submit(&self.file, &self.syncs, changes)
    }

    fn sync(&self) -> Result<(), RedbError> {
        if self.syncs.have_failed() {
            return Err(RedbError::Unsynced);
        }
        self.file.sync()??;
        // This one may have succeeded because the device had told another of what it lost.
        if self.syncs.have_failed() {
            return Err(RedbError::Unsynced);
        }
        Ok(())
    }
}

impl<K, V, C: Codec<K>, D: Codec<V>> BlockingSource<K, V> for Redb<C, D> {
    type Error = RedbError;

    fn load(&self, key: &K) -> Result<Loaded<V>, RedbError> {
        Ok(self.value(key)?.into())
    }
}

impl<K, V, C: Codec<K>, D: Codec<V>> BlockingSink<K, V> for Redb<C, D> {
    type Error = RedbError;

    fn apply(&self, batch: &[Mutation<K, V>]) -> Result<Applied, ApplyError<RedbError>> {
        self.write(batch)
    }

    fn flush(&self) -> Result<(), RedbError> {
        self.sync()
    }
}

impl<K: Sync, V: Send, C: Codec<K>, D: Codec<V>> Source<K, V> for Redb<C, D> {
    type Error = RedbError;

    async fn load(&self, key: &K) -> Result<Loaded<V>, RedbError> {
        BlockingSource::load(self, key)
    }
}

impl<K: Sync, V: Sync, C: Codec<K>, D: Codec<V>> Sink<K, V> for Redb<C, D> {
    type Error = RedbError;

    async fn apply(&self, batch: &[Mutation<K, V>]) -> Result<Applied, ApplyError<RedbError>> {
        self.write(batch)
    }

    async fn flush(&self) -> Result<(), RedbError> {
        self.sync()
    }
}

impl<C, D> fmt::Debug for Redb<C, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redb")
            .field("path", &self.file.path())
            .field("durability", &self.durability)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

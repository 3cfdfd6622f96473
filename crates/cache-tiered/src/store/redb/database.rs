//! The open database, opened again where redb asks for it.
//!
//! After any failed read or write redb answers every call with `PreviousIo` until the file is
//! closed and opened again, which repairs what the failure left. That is done here, at once, so
//! that a full disk costs the write that met it and nothing else.

use super::backend::{Backend, Opener, Syncs};
use super::error::{RedbOpenError, is_echo, is_latched, opening};
use parking_lot::{MappedRwLockReadGuard, RwLock, RwLockReadGuard};
use redb::{Database, Durability, TableDefinition, TableError};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The table that holds the entries.
pub(super) const TABLE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new(TABLE_NAME);
const TABLE_NAME: &str = "strata";

/// One opening of the file.
pub(super) struct Opened {
    pub(super) database: Database,
    /// Which one it is, so that of many who saw it fail the first alone replaces it.
    pub(super) generation: u64,
    backend: Backend,
}

/// The file, open or to be opened again.
pub(super) struct Reopening {
    path: PathBuf,
    opener: Opener,
    cache_bytes: usize,
    syncs: Arc<Syncs>,
    /// None only while opening it again has failed.
    opened: RwLock<Option<Opened>>,
    /// How often the file was opened. Relaxed: only unique.
    openings: AtomicU64,
    /// The file has its table, so none is made in its place from now on. Relaxed: written before
    /// the store is shared.
    made: AtomicBool,
}

/// Why a step on the database failed.
pub(super) enum Failed {
    /// redb said so.
    Step(redb::Error),
    /// The file is closed since an earlier failure, and opening it again failed too.
    Closed(RedbOpenError),
}

impl Reopening {
    pub(super) fn open(
        path: PathBuf,
        opener: Opener,
        cache_bytes: usize,
        syncs: Arc<Syncs>,
    ) -> Result<Self, RedbOpenError> {
        let store = Self {
            path,
            opener,
            cache_bytes,
            syncs,
            opened: RwLock::new(None),
            openings: AtomicU64::new(0),
            made: AtomicBool::new(false),
        };
        let opened = store.open_file()?;
        store.create_table(&opened.database)?;
        store.made.store(true, Ordering::Relaxed);
        *store.opened.write() = Some(opened);
        Ok(store)
    }

    fn open_file(&self) -> Result<Opened, RedbOpenError> {
        let may_make = !self.made.load(Ordering::Relaxed);
        let inner =
            (self.opener)(may_make).map_err(|error| RedbOpenError::io(&self.path, error))?;
        let backend = Backend::new(inner, Arc::clone(&self.syncs), may_make);
        let mut builder = redb::Builder::new();
        builder.set_cache_size(self.cache_bytes);
        let database = builder
            .create_with_backend(backend.clone())
            .map_err(|error| opening(&self.path, error))?;
        Ok(Opened {
            database,
            generation: self.openings.fetch_add(1, Ordering::Relaxed),
            backend,
        })
    }

    /// Makes sure that the table is there, so that no read finds it missing.
    fn create_table(&self, database: &Database) -> Result<(), RedbOpenError> {
        let failed = |error: redb::Error| RedbOpenError::of(&self.path, error);
        let mut write = database
            .begin_write()
            .map_err(|error| failed(error.into()))?;
        write
            .set_durability(Durability::Immediate)
            .map_err(|error| failed(error.into()))?;
        match write.open_table(TABLE) {
            Ok(_) => {}
            Err(TableError::Storage(error)) => return Err(failed(error.into())),
            Err(error) => return Err(RedbOpenError::foreign_table(&self.path, TABLE_NAME, error)),
        }
        write.commit().map_err(|error| failed(error.into()))
    }

    pub(super) fn path(&self) -> &std::path::Path {
        &self.path
    }

    pub(super) fn reopened(&self) -> u64 {
        self.openings.load(Ordering::Relaxed).saturating_sub(1)
    }

    /// Does a step that may be done twice. Where it meets the latch of an earlier failure, the
    /// file is opened again and the step done anew; where it fails by itself, the file is opened
    /// again for those who come next.
    pub(super) fn step<T>(
        &self,
        step: impl Fn(&Database) -> Result<T, redb::Error>,
    ) -> Result<T, Failed> {
        let mut last_try = false;
        loop {
            let (generation, error) = {
                let opened = self.opened()?;
                match step(&opened.database) {
                    Ok(result) => return Ok(result),
                    Err(error) => (opened.generation, error),
                }
            };
            if !is_latched(&error) {
                return Err(Failed::Step(error));
            }
            self.reopen(generation);
            if last_try || !is_echo(&error) {
                return Err(Failed::Step(error));
            }
            last_try = true;
        }
    }

    /// The file, open for as long as the guard lives.
    pub(super) fn opened(&self) -> Result<MappedRwLockReadGuard<'_, Opened>, Failed> {
        loop {
            if let Ok(opened) = RwLockReadGuard::try_map(self.opened.read(), Option::as_ref) {
                return Ok(opened);
            }
            let mut opened = self.opened.write();
            if opened.is_none() {
                *opened = Some(self.open_file().map_err(Failed::Closed)?);
            }
        }
    }

    /// Closes the opening of this generation, and opens the file again if that is possible now;
    /// if not, the next call tries again.
    pub(super) fn reopen(&self, generation: u64) {
        let mut opened = self.opened.write();
        if opened
            .as_ref()
            .is_some_and(|opened| opened.generation == generation)
        {
            // Dropped first: a file is open once at a time.
            *opened = None;
            *opened = self.open_file().ok();
        }
    }

    /// Makes everything that was committed durable, whatever redb's own syncs do.
    pub(super) fn sync(&self) -> Result<io::Result<()>, Failed> {
        Ok(self.opened()?.backend.sync())
    }
}

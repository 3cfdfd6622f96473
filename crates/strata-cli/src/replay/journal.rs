//! The journal of a replay's write-behind: where it lies and what it promises.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use buffer_pool::{BufferPool, PooledBytes};
use cache_tiered::{Durability, Pooled, Writes};
use tempfile::TempDir;

use super::arguments::Args;
use super::delay::Delay;
use super::error::ReplayError;
use crate::table::grouped;

/// The name of the journal's directory beside a store.
pub(super) const DIRECTORY: &str = "journal";

/// Settings of write-behind.
pub(super) struct JournalSettings {
    path: PathBuf,
    durability: Durability,
    max_delay: Delay,
    max_dirty: NonZeroUsize,
    /// Removed when the stack is dropped.
    temporary: Option<TempDir>,
}

impl JournalSettings {
    /// Of the arguments; `store` is the directory of the store, if it has one.
    pub(super) fn of(args: &Args, store: Option<&Path>) -> Result<Self, ReplayError> {
        let (path, temporary) = match (&args.journal, store) {
            (Some(path), _) => (path.clone(), None),
            (None, Some(store)) => (store.join(DIRECTORY), None),
            (None, None) => {
                let made = tempfile::Builder::new().prefix("strata-journal-").tempdir();
                let directory = made.map_err(|source| ReplayError::Directory {
                    path: std::env::temp_dir(),
                    source,
                })?;
                (directory.path().join(DIRECTORY), Some(directory))
            }
        };
        Ok(Self {
            path,
            durability: args.durability(),
            max_delay: args.max_delay.unwrap_or(Delay::DEFAULT),
            max_dirty: args.max_dirty.unwrap_or(Args::DIRTY_MAX),
            temporary,
        })
    }

    /// For the builder of the tiers.
    pub(super) fn writes(&self, pool: &BufferPool) -> Writes<u64, PooledBytes> {
        Writes::behind(&self.path)
            .durability(self.durability)
            .max_delay(self.max_delay.get())
            .max_dirty(self.max_dirty.get())
            .codec(Pooled::new(pool.clone()))
            .into()
    }

    /// Whether no run has written to it yet.
    pub(super) fn is_new(&self) -> bool {
        !self.path.exists()
    }

    pub(super) fn describe(&self) -> String {
        let kept = if self.temporary.is_some() {
            ", temporary"
        } else {
            ""
        };
        format!(
            "behind after at most {}, {} keys, journal {}{kept}, durability {}",
            self.max_delay,
            grouped(self.max_dirty.get() as u64),
            self.path.display(),
            self.durability
        )
    }
}

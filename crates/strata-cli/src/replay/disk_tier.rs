//! The disk tier of a replay: where it lies, what it did, and how that is told.

use std::path::PathBuf;

use buffer_pool::BufferPool;
use cache_tiered::{DiskStats, DiskTier, Durability, Pooled, Raw};
use serde::Serialize;
use tempfile::TempDir;

use super::arguments::Args;
use super::error::ReplayError;
use super::report::Figure;
use crate::table::grouped;
use crate::units::Bytes;

/// Where the tier lies, and how large it is.
pub(super) struct DiskTierSettings {
    path: PathBuf,
    capacity: u64,
    durability: Durability,
    /// Removed when the stack is dropped.
    temporary: Option<TempDir>,
}

impl DiskTierSettings {
    /// Of the arguments; none where they ask for no disk tier.
    pub(super) fn of(args: &Args) -> Result<Option<Self>, ReplayError> {
        let Some(capacity) = args.disk else {
            return Ok(None);
        };
        let (path, temporary) = match &args.disk_path {
            Some(path) => (path.clone(), None),
            None => {
                let made = tempfile::Builder::new().prefix("strata-disk-").tempdir();
                let directory = made.map_err(|source| ReplayError::Directory {
                    path: std::env::temp_dir(),
                    source,
                })?;
                (directory.path().join("tier"), Some(directory))
            }
        };
        Ok(Some(Self {
            path,
            capacity: capacity.get(),
            durability: args.durability(),
            temporary,
        }))
    }

    /// For the builder of the tiers.
    pub(super) fn tier(&self, pool: &BufferPool) -> DiskTier<Raw, Pooled> {
        DiskTier::new(&self.path)
            .capacity(self.capacity)
            .durability(self.durability)
            .codecs(Raw, Pooled::new(pool.clone()))
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
        let capacity = Bytes::new(self.capacity);
        format!("{capacity}, {}{kept}", self.path.display())
    }
}

/// What the disk tier did while serving and closing.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct DiskFigures {
    /// Entries at the end.
    pub entries: u64,
    /// Values that left memory and were written.
    pub stored: u64,
    /// Bytes of their keys and values.
    pub stored_bytes: u64,
    /// Values that left memory while their entry was there still: nothing was written for them.
    pub clean: u64,
    /// Values for which there was no room in the buffers.
    pub dropped: u64,
    /// Entries that went with their region.
    pub reclaimed: u64,
    /// Bytes written for entries, by what made the write necessary.
    pub written: WrittenBytes,
    /// All of these by `stored_bytes`; none where nothing was stored.
    pub write_amplification: Option<f64>,
    /// Entries found damaged; they count as misses.
    pub damaged: u64,
    /// Reads and writes that the device failed.
    pub errors: u64,
}

/// Bytes that a disk tier wrote, by cause.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct WrittenBytes {
    /// Values that left memory, with headers, padding and the footers of regions.
    pub entries: u64,
    /// Entries kept when their region was reclaimed.
    pub reinserted: u64,
    /// Fences: that a key was changed or removed.
    pub fences: u64,
}

impl DiskFigures {
    pub(super) fn of(stats: &DiskStats) -> Self {
        Self {
            entries: stats.entries,
            stored: stats.stored,
            stored_bytes: stats.stored_bytes,
            clean: stats.clean,
            dropped: stats.dropped,
            reclaimed: stats.reclaimed,
            written: WrittenBytes {
                entries: stats.entry_bytes - stats.reinserted_bytes,
                reinserted: stats.reinserted_bytes,
                fences: stats.fence_bytes,
            },
            write_amplification: stats.write_amplification(),
            damaged: stats.damaged,
            errors: stats.read_errors + stats.write_errors,
        }
    }

    /// Names, figures and notes, for the table and the page.
    pub(super) fn figures(&self) -> Vec<Figure> {
        let size = |count: u64| Bytes::new(count).to_string();
        let amplified = |by| format!("write amplification {by:.2}: by the bytes stored");
        let written = self.written.entries + self.written.reinserted + self.written.fences;
        let mut figures = vec![
            (
                "disk entries",
                grouped(self.entries),
                format!(
                    "at the end; {} went with their region",
                    grouped(self.reclaimed)
                ),
            ),
            (
                "stored on disk",
                grouped(self.stored),
                format!("values that left memory: {}", size(self.stored_bytes)),
            ),
            (
                "left clean",
                grouped(self.clean),
                "values that the disk had still: nothing was written".to_owned(),
            ),
            (
                "dropped",
                grouped(self.dropped),
                "values for which the write buffers had no room".to_owned(),
            ),
            (
                "written by the tier",
                size(written),
                self.write_amplification.map(amplified).unwrap_or_default(),
            ),
        ];
        figures.extend(self.causes());
        if self.damaged + self.errors > 0 {
            let errors = format!(
                "entries found damaged; errors of the device: {}",
                self.errors
            );
            figures.push(("damaged", grouped(self.damaged), errors));
        }
        figures
    }

    /// Bytes written, by cause.
    fn causes(&self) -> [Figure; 3] {
        let size = |count: u64| Bytes::new(count).to_string();
        let WrittenBytes {
            entries,
            reinserted,
            fences,
        } = self.written;
        [
            (
                "  for entries",
                size(entries),
                "values that left memory, headers and footers included".to_owned(),
            ),
            (
                "  for reinsertion",
                size(reinserted),
                "entries kept when their region was reclaimed".to_owned(),
            ),
            (
                "  for fences",
                size(fences),
                "changes of keys that were on disk".to_owned(),
            ),
        ]
    }

    /// The columns of the CSV form.
    pub(super) fn columns(this: Option<&Self>) -> Vec<(&'static str, String)> {
        let figure =
            |of: fn(&Self) -> u64| this.map(|this| of(this).to_string()).unwrap_or_default();
        let amplification = this.and_then(|this| this.write_amplification);
        vec![
            ("disk_entries", figure(|this| this.entries)),
            ("disk_stored", figure(|this| this.stored)),
            ("disk_stored_bytes", figure(|this| this.stored_bytes)),
            ("disk_dropped", figure(|this| this.dropped)),
            ("disk_entry_bytes", figure(|this| this.written.entries)),
            (
                "disk_reinserted_bytes",
                figure(|this| this.written.reinserted),
            ),
            ("disk_fence_bytes", figure(|this| this.written.fences)),
            (
                "disk_write_amplification",
                amplification.map_or(String::new(), |by| format!("{by:.3}")),
            ),
        ]
    }
}

//! What has happened in a disk tier.

use std::sync::atomic::{AtomicU64, Ordering};

/// A count of events. Relaxed throughout: it orders nothing.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self) {
        self.add_many(1);
    }

    pub(super) fn add_many(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Entries that were written to a batch.
    pub(super) stored: Count,
    /// Values that left memory and were there already.
    pub(super) clean: Count,
    /// Entries for which there was no room in the buffers.
    pub(super) dropped: Count,
    /// Entries that changed on their way.
    pub(super) overtaken: Count,
    /// Entries whose batch the device refused.
    pub(super) lost: Count,
    /// Entries whose bytes were damaged.
    pub(super) damaged: Count,
    /// Entries that moved when their region was reclaimed.
    pub(super) reinserted: Count,
    /// Entries that went with their region.
    pub(super) reclaimed: Count,
    pub(super) fences: Count,
    pub(super) bytes_written: Count,
    pub(super) read_errors: Count,
    pub(super) write_errors: Count,
}

//! What has happened in a disk tier.

use crate::count::Count;

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) hits: Count,
    pub(super) misses: Count,
    /// Entries that were written to a batch.
    pub(super) stored: Count,
    /// Bytes of the keys and values of those, as they came.
    pub(super) stored_bytes: Count,
    /// Values that left memory and were there already.
    pub(super) clean: Count,
    /// Entries that were not worth a write, or beyond the budget.
    pub(super) refused: Count,
    /// Entries for which there was no room in the buffers.
    pub(super) dropped: Count,
    /// Entries that no region has room for, or that a codec refused.
    pub(super) unfit: Count,
    /// Entries that changed on their way.
    pub(super) overtaken: Count,
    /// Entries whose batch the device refused.
    pub(super) lost: Count,
    /// Entries whose bytes were damaged.
    pub(super) damaged: Count,
    /// Entries whose time was over, or that were invalidated with others, when they were met.
    pub(super) expired: Count,
    /// Entries that moved when their region was reclaimed.
    pub(super) reinserted: Count,
    pub(super) reinserted_bytes: Count,
    /// Entries that went with their region.
    pub(super) reclaimed: Count,
    pub(super) fences: Count,
    /// Bytes of batches and footers.
    pub(super) written_bytes: Count,
    pub(super) read_errors: Count,
    pub(super) write_errors: Count,
}

//! The statistics of the disk tier.

use super::Disk;
use super::format::FENCE_BYTES;

/// What happened in a disk tier since it was opened, and what is in it now; from
/// [`Tiered::disk_stats`](crate::Tiered::disk_stats).
///
/// ```
/// use cache_tiered::{DiskTier, InMemory, MemoryTier, Tiered};
///
/// let folder = tempfile::tempdir()?;
/// let cache: Tiered<u64, String> = Tiered::builder()
///     .memory(MemoryTier::entries(10))
///     .disk(DiskTier::new(folder.path().join("cache")).capacity(1 << 20))
///     .store(InMemory::new())
///     .build()?;
/// for key in 0..100 {
///     cache.put(key, format!("number {key}")).wait()?;
/// }
/// let stats = cache.disk_stats().expect("there is a disk tier");
/// assert_eq!((stats.stored, stats.entries), (90, 90));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DiskStats {
    /// Entries.
    pub entries: u64,
    /// Bytes of the regions, used or not.
    pub capacity_bytes: u64,
    /// Reads that found an answer.
    pub hits: u64,
    /// Reads that found none.
    pub misses: u64,
    /// Values that came from memory and are written, or about to be.
    pub stored: u64,
    /// Bytes of their keys and values, before compression.
    pub stored_bytes: u64,
    /// Values that left memory while their entry was still there: nothing was written for them.
    pub clean: u64,
    /// Values that [`Admission`](crate::Admission) or the budget of bytes kept out.
    pub refused: u64,
    /// Values for which there was no room in the buffers, or that came while the device failed.
    pub dropped: u64,
    /// Values that are too large, or that a codec has no bytes for.
    pub unfit: u64,
    /// Values whose key, or one with the same mark, was changed on their way from memory.
    pub overtaken: u64,
    /// Entries that the device did not take when they were written.
    pub lost: u64,
    /// Entries that were found damaged, and dropped.
    pub damaged: u64,
    /// Entries that were found past their time or invalidated with others, and dropped.
    pub expired: u64,
    /// Entries that were kept when their region was reclaimed, as they had been read.
    pub reinserted: u64,
    /// Entries that went with their region.
    pub reclaimed: u64,
    /// Fences written: removals and changes of keys that the tier had, and invalidations of many.
    pub fences: u64,
    /// Bytes written for entries: batches and footers, rewritten entries among them.
    pub entry_bytes: u64,
    /// Bytes of those for entries that were kept when their region was reclaimed.
    pub reinserted_bytes: u64,
    /// Bytes written for fences.
    pub fence_bytes: u64,
    /// Reads that the device failed.
    pub read_errors: u64,
    /// Writes that the device failed.
    pub write_errors: u64,
    /// How often the tier left a failing device alone for a second.
    pub breaker_opened: u64,
    /// A fence could not be written, so the tier answers nothing any more until the cache is built anew.
    pub given_up: bool,
}

impl DiskStats {
    /// Bytes written for each byte that was to be kept; none before the first.
    #[must_use]
    pub fn write_amplification(&self) -> Option<f64> {
        let written = self.entry_bytes + self.fence_bytes;
        (self.stored_bytes != 0).then(|| written as f64 / self.stored_bytes as f64)
    }
}

impl Disk {
    pub(crate) fn stats(&self) -> DiskStats {
        let counts = &self.counts;
        DiskStats {
            entries: self.index.len() as u64,
            capacity_bytes: self.layout.region_bytes * u64::from(self.layout.regions),
            hits: counts.hits.get(),
            misses: counts.misses.get(),
            stored: counts.stored.get(),
            stored_bytes: counts.stored_bytes.get(),
            clean: counts.clean.get(),
            refused: counts.refused.get(),
            dropped: counts.dropped.get(),
            unfit: counts.unfit.get(),
            overtaken: counts.overtaken.get(),
            lost: counts.lost.get(),
            damaged: counts.damaged.get(),
            expired: counts.expired.get(),
            reinserted: counts.reinserted.get(),
            reclaimed: counts.reclaimed.get(),
            fences: counts.fences.get(),
            entry_bytes: counts.written_bytes.get(),
            reinserted_bytes: counts.reinserted_bytes.get(),
            fence_bytes: counts.fences.get() * FENCE_BYTES as u64,
            read_errors: counts.read_errors.get(),
            write_errors: counts.write_errors.get(),
            breaker_opened: self.breaker.opened(),
            given_up: !self.is_serving(),
        }
    }
}

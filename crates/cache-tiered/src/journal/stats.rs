//! What a journal has done since it was opened.

/// Counters of a journal. Bytes are those of frames, without headers of segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct JournalStats {
    /// Bytes written in groups, the zeros between groups included.
    pub(crate) bytes: u64,
    /// Frames written in groups that succeeded.
    pub(crate) frames: u64,
    /// Groups that succeeded.
    pub(crate) commits: u64,
    /// Records in them that users appended.
    pub(crate) records: u64,
    /// Syncs asked of the device, for groups, segments and the directory.
    pub(crate) syncs: u64,
    /// Segments begun, and among them those in files that were used before.
    pub(crate) segments_begun: u64,
    pub(crate) segments_recycled: u64,
    /// Records copied forward.
    pub(crate) copied: u64,
    /// Groups that failed.
    pub(crate) failures: u64,
    /// Of now: records neither settled nor dead, dead letters, segments in use, bytes of files.
    pub(crate) unsettled: u64,
    pub(crate) dead: u64,
    pub(crate) segments: u64,
    pub(crate) file_bytes: u64,
}

impl JournalStats {
    /// Records a group had on average; 0 before the first.
    #[cfg(all(test, not(cache_tiered_loom)))]
    pub(crate) fn mean_group(&self) -> f64 {
        if self.commits == 0 {
            return 0.0;
        }
        self.records as f64 / self.commits as f64
    }
}

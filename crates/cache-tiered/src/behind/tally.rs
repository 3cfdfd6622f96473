//! What write-behind did so far.

use super::worker::Engine;
use crate::count::Count;
use crate::error::StoreError;
use crate::journal::JournalStats;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What write-behind did so far, and what is dirty now; zeros in write-through.
///
/// ```
/// use cache_tiered::{InMemory, MemoryTier, Tiered, Writes};
///
/// let directory = tempfile::tempdir()?;
/// let cache: Tiered<u64, String> = Tiered::builder()
///     .memory(MemoryTier::entries(100))
///     .store(InMemory::new())
///     .writes(Writes::behind(directory.path().join("journal")))
///     .build()?;
/// cache.put(1, "one".to_owned()).wait()?;
/// cache.put(1, "uno".to_owned()).wait()?;
/// cache.flush().wait()?;
/// let stats = cache.stats().behind;
/// assert_eq!((stats.coalesced + stats.applied, stats.dirty_keys), (2, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BehindStats {
    /// Changes that a later one of their key replaced before they were applied.
    pub coalesced: u64,
    /// Changes that the store took.
    pub applied: u64,
    /// Calls of the store that succeeded.
    pub batches: u64,
    /// Calls of the store that failed, each followed by others for what was in it.
    pub failures: u64,
    /// Changes that became dead letters, and those that could not, because there are as many as may be
    /// or the journal failed.
    pub dead: u64,
    /// See `dead`.
    pub unburied: u64,
    /// Mutations that met no room, and waited or were refused.
    pub backpressure: u64,
    /// Keys that are dirty now, without dead letters.
    pub dirty_keys: u64,
    /// Bytes of these and their values, as encoded.
    pub dirty_bytes: u64,
    /// The most keys that were dirty at a time.
    pub dirty_keys_peak: u64,
    /// Dead letters that there are now.
    pub dead_letters: u64,
    /// Nothing goes through at present: the store is probed.
    pub store_is_down: bool,
    /// Keys that were dirty when the cache was built, as the journal said.
    pub recovered: u64,
    /// Files of the journal of which a part was lost when the cache was built: power failed under
    /// [`Durability::Process`](crate::Durability::Process), or they were damaged and salvaged.
    pub journal_losses: u64,
    /// Bytes written to the journal.
    pub journal_bytes: u64,
    /// Groups that the journal wrote, and the records in them.
    pub journal_commits: u64,
    /// See `journal_commits`.
    pub journal_records: u64,
    /// Syncs that the journal asked of its device.
    pub journal_syncs: u64,
    /// Bytes of the journal's files now.
    pub journal_file_bytes: u64,
    /// Segments of the journal in use now.
    pub journal_segments: u64,
}

#[derive(Default)]
pub(super) struct Tally {
    pub(super) coalesced: Count,
    applied: Count,
    batches: Count,
    failures: Count,
    pub(super) dead: Count,
    pub(super) unburied: Count,
    pub(super) backpressure: Count,
    peak: AtomicUsize,
}

impl Tally {
    pub(super) fn attempted(&self, result: &Result<(), StoreError>, changes: usize) {
        if result.is_ok() {
            self.batches.add();
            self.applied.add_many(changes as u64);
        } else {
            self.failures.add();
        }
    }

    /// Notes how many keys are dirty.
    pub(super) fn dirty(&self, keys: usize) {
        // A look first: most of the time it is not the peak.
        if self.peak.load(Ordering::Relaxed) < keys {
            self.peak.fetch_max(keys, Ordering::Relaxed);
        }
    }

    pub(super) fn applied(&self) -> u64 {
        self.applied.get()
    }

    pub(super) fn stats<K, V>(&self, engine: &Engine<K, V>, journal: JournalStats) -> BehindStats {
        let (keys, bytes) = engine.set.room.used();
        BehindStats {
            coalesced: self.coalesced.get(),
            applied: self.applied.get(),
            batches: self.batches.get(),
            failures: self.failures.get(),
            dead: self.dead.get(),
            unburied: self.unburied.get(),
            backpressure: self.backpressure.get(),
            dirty_keys: keys as u64,
            dirty_bytes: bytes as u64,
            dirty_keys_peak: self.peak.load(Ordering::Relaxed) as u64,
            dead_letters: engine.set.dead() as u64,
            store_is_down: engine.health.is_down(),
            recovered: 0,
            journal_losses: 0,
            journal_bytes: journal.bytes,
            journal_commits: journal.commits,
            journal_records: journal.records,
            journal_syncs: journal.syncs,
            journal_file_bytes: journal.file_bytes,
            journal_segments: journal.segments,
        }
    }
}

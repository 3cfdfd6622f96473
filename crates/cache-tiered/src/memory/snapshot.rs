//! Snapshots of a memory tier: what it holds, to a file and back.

use super::MemoryCache;
use super::hot_set::{Resident, Returned};
use crate::codec::Codec;
use crate::random_id::random_id;
use crate::snapshot::{
    Entry, Kind, SnapshotError, SnapshotReader, SnapshotWriter, milliseconds_of,
};
use cache_policies::Policy;
use std::hash::Hash;
use std::path::Path;
use std::time::SystemTime;

/// What a snapshot has; from [`MemoryCache::snapshot`] or [`Tiered::snapshot`](crate::Tiered::snapshot).
///
/// ```
/// use cache_tiered::{MemoryCache, Raw};
///
/// let folder = tempfile::tempdir()?;
/// let cache: MemoryCache<u64, u64> = MemoryCache::builder().capacity(10).build()?;
/// cache.insert(1, 10);
/// let taken = cache.snapshot(folder.path().join("hot"), &Raw, &Raw)?;
/// assert_eq!((taken.entries, taken.bytes), (1, 64 + 16 + 16 + 8 + 8));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshotted {
    /// Entries.
    pub entries: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// What came of a snapshot; from [`MemoryCache::restore`].
///
/// ```
/// use cache_tiered::{MemoryCache, Raw};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("hot");
/// let cache: MemoryCache<u64, u64> = MemoryCache::builder().capacity(10).build()?;
/// for key in 1..=3 {
///     cache.insert(key, key * 10);
/// }
/// cache.snapshot(&path, &Raw, &Raw)?;
///
/// let other: MemoryCache<u64, u64> = MemoryCache::builder().capacity(10).build()?;
/// other.insert(1, 11);
/// let restored = other.restore(&path, &Raw, &Raw)?;
/// assert_eq!((restored.entries, restored.present), (2, 1));
/// assert_eq!((other.get(&1), other.get(&2)), (Some(11), Some(20)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// Entries that were inserted. If they do not all fit, the coldest have been evicted again.
    pub entries: u64,
    /// Entries whose keys were there already, or were being loaded or changed: what is there stays.
    pub present: u64,
    /// Entries whose lives were over.
    pub expired: u64,
    /// Entries that found no room at all.
    pub refused: u64,
}

impl<K: Hash + Eq + Clone, V: Clone, P: Policy + Clone> MemoryCache<K, V, P> {
    /// Writes all entries to a file, the hottest first, with what is left of their lives: for another process to
    /// [`restore`](Self::restore) and start warm. `docs/snapshot-format.md` says each byte.
    ///
    /// The file appears when it is whole and on the disk; a former snapshot of that name is replaced then, and is as it was
    /// after an error. Anything else of that name is left alone. Nothing counts as used. Each shard is as it was at one
    /// instant; its writers wait while its entries are cloned, readers do not. O(entries) time, and memory for a clone of
    /// each entry.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`] if the file cannot be written, or is there and no snapshot, if a codec refuses an entry, or if one
    /// has more than 1 GiB.
    pub fn snapshot(
        &self,
        path: impl AsRef<Path>,
        keys: &impl Codec<K>,
        values: &impl Codec<V>,
    ) -> Result<Snapshotted, SnapshotError> {
        self.snapshot_at(path.as_ref(), keys, values, SystemTime::now())
    }

    fn snapshot_at(
        &self,
        path: &Path,
        keys: &impl Codec<K>,
        values: &impl Codec<V>,
        now: SystemTime,
    ) -> Result<Snapshotted, SnapshotError> {
        let taken = milliseconds_of(now);
        let mut writer = SnapshotWriter::begin(path, Kind::Entries, random_id(), taken)?;
        let (mut key_bytes, mut value_bytes) = (Vec::new(), Vec::new());
        let failed = |source| SnapshotError::codec(path, source);
        for resident in self.core().hottest_first() {
            writer.push(&Entry {
                key: keys.encode(&resident.key, &mut key_bytes).map_err(failed)?,
                value: values
                    .encode(&resident.value, &mut value_bytes)
                    .map_err(failed)?,
                left: resident.left,
            })?;
        }
        let (entries, bytes) = writer.keep()?;
        Ok(Snapshotted { entries, bytes })
    }
}

impl<K: Hash + Eq, V: Clone, P: Policy> MemoryCache<K, V, P> {
    /// Inserts the entries of a [`snapshot`](Self::snapshot) whose keys are not there, as many of the hottest as fit, in
    /// such an order that they are the hottest here too.
    ///
    /// The time since the snapshot was taken, by the clock of the system, counts towards the lives of its entries; no entry
    /// lives longer than the cache lets what is inserted now. Values are as they were when the snapshot was taken: where
    /// they may have changed since, let them expire, or load them anew. The file is trusted as far as checksums go.
    /// O(entries); it may be used while others use the cache.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`] if the file cannot be read, is no snapshot of entries, or is damaged, and if a codec refuses an
    /// entry. What came before the damage is right and is restored.
    pub fn restore(
        &self,
        path: impl AsRef<Path>,
        keys: &impl Codec<K>,
        values: &impl Codec<V>,
    ) -> Result<Restored, SnapshotError> {
        self.restore_at(path.as_ref(), keys, values, SystemTime::now())
    }

    fn restore_at(
        &self,
        path: &Path,
        keys: &impl Codec<K>,
        values: &impl Codec<V>,
        now: SystemTime,
    ) -> Result<Restored, SnapshotError> {
        let mut reader = SnapshotReader::open(path, Kind::Entries)?;
        let away = milliseconds_of(now).saturating_sub(reader.taken());
        let mut restored = Restored::default();
        let mut residents = Vec::new();
        let (capacity, mut weight) = (self.capacity(), 0);
        let failed = |source| SnapshotError::codec(path, source);
        let ended = loop {
            let block = reader.next_block(|entry| {
                let left = match entry.left {
                    u64::MAX => u64::MAX,
                    left => left.saturating_sub(away),
                };
                if left == 0 {
                    restored.expired += 1;
                    return Ok(true);
                }
                let key = keys.decode(entry.key).map_err(failed)?;
                let value = values.decode(entry.value).map_err(failed)?;
                weight += u64::from(self.core().settings().weigh(&key, &value));
                residents.push(Resident { key, value, left });
                Ok(weight < capacity)
            });
            match block {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        for resident in residents.into_iter().rev() {
            match self.core().give_back(resident) {
                Returned::Installed => restored.entries += 1,
                Returned::Present => restored.present += 1,
                Returned::Refused => restored.refused += 1,
            }
        }
        ended.map(|()| restored)
    }
}

#[cfg(all(test, not(cache_tiered_loom)))]
mod tests;

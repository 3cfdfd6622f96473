//! The hot keys in a file, so that another process starts warm: keys are kept, values are loaded anew.
//!
//! What a file says of a value may be old by the time it is read, and the store may have another one:
//! to install it would break G1 and G2. So the file has keys, and each is loaded as
//! [`warm`](Tiered::warm) loads: by the store's word, past nothing that is dirty or under way.

use super::warm::{WarmReport, warm};
use super::{Shared, Tiered};
use crate::codec::Codec;
use crate::memory::Snapshotted;
use crate::operation::Operation;
use crate::random_id::random_id;
use crate::snapshot::{
    Entry, Kind, SnapshotError, SnapshotReader, SnapshotWriter, milliseconds_of,
};
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Keys after each of which a warming looks whether the tier is full.
const LOOK_EVERY: u64 = 256;

impl<K, V> Tiered<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Writes the keys of all values in the memory tier to a file, the hottest first, for another process to
    /// [`warm_from`](Self::warm_from). `docs/snapshot-format.md` says each byte.
    ///
    /// The file appears when it is whole and on the disk; a former snapshot of that name is replaced then, and
    /// is as it was after an error. Anything else of that name is left alone. What is invalidated is left out.
    /// Nothing counts as used. It may be taken at any time, and from a closed cache too. Each shard is as it
    /// was at one instant; its writers wait while its entries are cloned, readers do not. O(entries) time,
    /// and memory for a clone of each entry.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`] if the file cannot be written, or is there and no snapshot, if the codec refuses a key,
    /// or if one has more than 1 GiB.
    ///
    /// ```
    /// use cache_tiered::{InMemory, MemoryTier, Raw, Tiered};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let hot = folder.path().join("hot-keys");
    /// let store = InMemory::new();
    /// let open = || Tiered::builder().memory(MemoryTier::entries(100)).store(store.clone()).build();
    ///
    /// let cache: Tiered<u64, u64> = open()?;
    /// cache.put(7, 70).wait()?;
    /// cache.close().wait()?;
    /// assert_eq!(cache.snapshot(&hot, Raw).wait()?.entries, 1);
    ///
    /// let cache = open()?; // in another process, say
    /// let report = cache.warm_from(&hot, Raw).wait()?;
    /// assert_eq!((report.loaded, report.failed), (1, 0));
    /// assert!(cache.get(&7).is_ready());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn snapshot(
        &self,
        path: impl Into<PathBuf>,
        keys: impl Codec<K>,
    ) -> Operation<Result<Snapshotted, SnapshotError>> {
        let (shared, path) = (Arc::clone(&self.shared), path.into());
        Operation::cold(
            &self.shared.pool,
            async move { save(&shared, &path, &keys) },
        )
    }

    /// Loads the keys of a [`snapshot`](Self::snapshot) as [`warm`](Self::warm) does, the hottest first, until
    /// they are all loaded or the memory tier is full: once as many keys were taken as the tier has capacity, or
    /// what left it meanwhile is more than an eighth of them.
    ///
    /// The values are those that the store has now, or newer ones that are not in it yet: it is safe at any
    /// time, beside any traffic. A snapshot of a [`MemoryCache`](crate::MemoryCache) will do too: its values
    /// are not looked at. The file is trusted as far as checksums go. O(keys of the file) time and memory
    /// beside what the store does.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`] if the file cannot be read, is no snapshot, or is damaged anywhere, or if the codec
    /// refuses a key. Nothing was loaded then: the whole file is checked before the first question to the store.
    /// Keys that the store could not load are no error here but in the [`WarmReport`].
    pub fn warm_from(
        &self,
        path: impl Into<PathBuf>,
        keys: impl Codec<K>,
    ) -> Operation<Result<WarmReport, SnapshotError>> {
        let (shared, path) = (Arc::clone(&self.shared), path.into());
        Operation::cold(&self.shared.pool, async move {
            let keys = read(&path, &keys)?;
            let keys = UntilFull::new(Arc::clone(&shared), keys.into_iter());
            Ok(warm(shared, keys).await)
        })
    }
}

fn save<K, V>(
    shared: &Shared<K, V>,
    path: &Path,
    keys: &impl Codec<K>,
) -> Result<Snapshotted, SnapshotError>
where
    K: Hash + Eq + Clone,
    V: Clone,
{
    let taken = milliseconds_of(SystemTime::now());
    let mut writer = SnapshotWriter::begin(path, Kind::Keys, random_id(), taken)?;
    let mut scratch = Vec::new();
    for resident in shared.memory.core().hottest_first() {
        let kept = &resident.value;
        if kept.value().is_none() || shared.floors.cover(kept.stamp(), kept.tags()) {
            continue;
        }
        let key = keys.encode(&resident.key, &mut scratch);
        writer.push(&Entry {
            key: key.map_err(|source| SnapshotError::codec(path, source))?,
            value: &[],
            left: resident.left,
        })?;
    }
    let (entries, bytes) = writer.keep()?;
    Ok(Snapshotted { entries, bytes })
}

/// All keys of a snapshot of either kind.
fn read<K>(path: &Path, keys: &impl Codec<K>) -> Result<Vec<K>, SnapshotError> {
    let mut reader = match SnapshotReader::open(path, Kind::Keys) {
        Err(SnapshotError::Kind { .. }) => SnapshotReader::open(path, Kind::Entries)?,
        opened => opened?,
    };
    let mut found = Vec::new();
    let each = |entry: Entry<'_>| {
        let key = keys.decode(entry.key);
        found.push(key.map_err(|source| SnapshotError::codec(path, source))?);
        Ok(true)
    };
    let mut each = each;
    while reader.next_block(&mut each)? {}
    Ok(found)
}

/// Keys until the memory tier is full.
struct UntilFull<K, V, I> {
    shared: Arc<Shared<K, V>>,
    keys: I,
    given: u64,
    most: u64,
    /// What had left the tier before the first.
    left_before: u64,
}

impl<K, V, I> UntilFull<K, V, I> {
    fn new(shared: Arc<Shared<K, V>>, keys: I) -> Self {
        Self {
            most: shared.memory.capacity(),
            left_before: shared.memory.stats().evictions,
            shared,
            keys,
            given: 0,
        }
    }

    fn is_full(&self) -> bool {
        if self.given >= self.most {
            return true;
        }
        let looks = self.given.is_multiple_of(LOOK_EVERY) && self.given > 0;
        looks && self.shared.memory.stats().evictions - self.left_before > self.given / 8
    }
}

impl<K, V, I: Iterator<Item = K>> Iterator for UntilFull<K, V, I> {
    type Item = K;

    fn next(&mut self) -> Option<K> {
        if self.is_full() {
            return None;
        }
        self.given += 1;
        self.keys.next()
    }
}

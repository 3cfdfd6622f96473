//! Our disk tier over a store that has nothing: what memory and disk do not hold is gone.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use cache_tiered::{
    Applied, ApplyError, Blocking, BlockingSink, BlockingSource, DiskTier, Loaded, MemoryTier,
    Mutation, Overflow, Tiered,
};

use super::on_disk::{DISK, MEMORY, OnDisk, WORKS};
use super::values::value_of;

/// Takes whatever it is given, and forgets it.
struct Nowhere;

impl BlockingSource<u64, Vec<u8>> for Nowhere {
    type Error = Infallible;

    fn load(&self, _: &u64) -> Result<Loaded<Vec<u8>>, Infallible> {
        Ok(None.into())
    }
}

impl BlockingSink<u64, Vec<u8>> for Nowhere {
    type Error = Infallible;

    fn apply(&self, batch: &[Mutation<u64, Vec<u8>>]) -> Result<Applied, ApplyError<Infallible>> {
        Ok(batch.iter().map(|_| false).collect())
    }
}

/// Where `WAITS`, puts wait for room in the buffers of the tier; else it drops values and counts them, as by default.
pub(super) struct Strata<const WAITS: bool>(Tiered<u64, Vec<u8>>);

impl<const WAITS: bool> Strata<WAITS> {
    fn with(directory: &Path, overflow: Overflow) -> Self {
        let memory = MemoryTier::weighted(MEMORY as u64, |_, value: &Vec<u8>| value.len() as u32);
        let disk = DiskTier::new(directory.join("cache"))
            .capacity(DISK)
            .overflow(overflow);
        let builder = Tiered::builder()
            .memory(memory)
            .disk(disk)
            .store(Blocking::new(Nowhere));
        Self(builder.build().expect(WORKS))
    }
}

impl<const WAITS: bool> OnDisk for Strata<WAITS> {
    const NAME: &'static str = if WAITS {
        "strata-disk"
    } else {
        "strata-disk-drop"
    };

    fn open(directory: &Path) -> Self {
        Self::with(
            directory,
            if WAITS {
                Overflow::Wait
            } else {
                Overflow::Drop
            },
        )
    }
    /// As by default.
    fn reopen(directory: &Path) -> Self {
        Self::with(directory, Overflow::Drop)
    }
    fn put(&self, values: impl Iterator<Item = (u64, Vec<u8>)>) {
        for (key, value) in values {
            self.0.put(key, value).wait().expect(WORKS);
        }
    }
    /// Again for those that the tier took for overtaken, as another key with the same mark was changed while they came.
    fn fill(&self, values: impl Iterator<Item = (u64, Vec<u8>)>) {
        let mut put = Vec::new();
        self.put(values.inspect(|(key, value)| put.push((*key, value.len()))));
        while !put.is_empty() {
            put.retain(|(key, _)| self.0.get_cached(key).wait().expect(WORKS).is_none());
            self.put(put.iter().map(|&(key, size)| (key, value_of(key, size))));
        }
    }
    async fn get(&self, key: u64, look: fn(&[u8]) -> u64) -> Option<u64> {
        let hit = self.0.get(&key).await.expect(WORKS);
        hit.map(|hit| look(&hit.value))
    }
    /// By the thread that waits, as it has no other to wait for.
    fn sum(self: &Arc<Self>, keys: &Arc<[u64]>, look: fn(&[u8]) -> u64) -> u64 {
        let value = |&key: &u64| {
            let hit = self.0.get(&key).wait().expect(WORKS);
            hit.map_or(0, |hit| look(&hit.value))
        };
        keys.iter().map(value).fold(0, u64::wrapping_add)
    }
    fn reported_lost(&self) -> u64 {
        let stats = self.0.disk_stats().expect("a disk tier");
        stats.dropped + stats.overtaken + stats.unfit + stats.lost
    }
    fn close(self) {
        self.0.close().wait().expect(WORKS);
    }
}

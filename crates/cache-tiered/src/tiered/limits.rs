//! The limits of the memory tier, changed at run time, and what its partitions have.

use super::Tiered;
use crate::error::ResizeError;
use crate::memory::{PartitionError, PartitionStats};
use cache_policies::Quota;

impl<K, V> Tiered<K, V> {
    /// The weight that all entries of the memory tier may have together.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.shared.memory.capacity()
    }

    /// Changes the capacity of the memory tier at run time; a smaller one evicts at once what no longer fits, which the store
    /// still has, or the journal. O(what leaves), and the shards are locked one after the other.
    ///
    /// ```
    /// use cache_tiered::{InMemory, MemoryTier, Tiered};
    ///
    /// let cache: Tiered<u64, u64> =
    ///     Tiered::builder().memory(MemoryTier::entries(100)).store(InMemory::new()).build()?;
    /// for key in 0..100 {
    ///     cache.put(key, key).wait()?;
    /// }
    /// cache.resize(10)?;
    /// assert_eq!(cache.stats().memory.len, 10);
    /// assert_eq!(cache.get(&0).wait()?.map(|hit| hit.value), Some(0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ResizeError`] if the new capacity is less than one for each shard, or than what partitions are to have at least; the
    /// tier keeps the capacity it had.
    pub fn resize(&self, capacity: u64) -> Result<(), ResizeError> {
        self.shared.memory.core().resize(capacity)
    }

    /// Gives a partition of the memory tier another quota at run time; what it has over its maximum is evicted.
    ///
    /// # Errors
    ///
    /// [`PartitionError`] if the quota cannot be beside the others, or its maximum is less than one for each shard; nothing has
    /// changed then.
    ///
    /// # Panics
    ///
    /// If there is no such partition.
    pub fn set_quota(&self, partition: usize, quota: Quota) -> Result<(), PartitionError> {
        self.shared.memory.core().set_quota(partition, quota)
    }

    /// What happened in each partition of the memory tier so far, and what is there now; empty without
    /// [`partitions`](crate::MemoryTier::partitions). O(shards x partitions), each shard locked in turn.
    #[must_use]
    pub fn partition_stats(&self) -> Vec<PartitionStats> {
        self.shared.memory.partition_stats()
    }
}

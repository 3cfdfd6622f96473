//! What all shards have together: the capacity and the quotas, and how they change at run time.

use super::locked::Leaving;
use super::partition::{PartitionError, PartitionStats, validate};
use super::shards::Core;
use crate::error::ResizeError;
use cache_policies::{Policy, Quota};

/// What all shards have together.
pub(super) struct Limits {
    /// The sum of the shards' capacities.
    pub(super) capacity: u64,
    /// None without partitions.
    pub(super) quotas: Vec<Quota>,
}

/// The capacity of shard `index` of `shards`: all shares sum up to `capacity`.
pub(super) fn share(capacity: u64, shards: usize, index: usize) -> u64 {
    let shards = shards as u64;
    capacity / shards + u64::from((index as u64) < capacity % shards)
}

impl<K, V, P: Policy> Core<K, V, P> {
    /// The statistics of each partition; none without partitions.
    pub(super) fn partition_stats(&self) -> Vec<PartitionStats> {
        let Some(partitioning) = &self.settings.partitioning else {
            return Vec::new();
        };
        let quotas = self.limits.lock().quotas.clone();
        let begin = |(index, quota)| PartitionStats {
            quota,
            hits: partitioning.hits(index),
            ..PartitionStats::default()
        };
        let mut all: Vec<_> = quotas.into_iter().enumerate().map(begin).collect();
        for shard in self.shards() {
            for (index, stats) in all.iter_mut().enumerate() {
                shard.state.add_partition(stats, index);
            }
        }
        all
    }

    pub(crate) fn set_quota(&self, partition: usize, quota: Quota) -> Result<(), PartitionError> {
        let shards = self.shards.len();
        let mut limits = self.limits.lock();
        let mut quotas = limits.quotas.clone();
        let len = quotas.len();
        assert!(
            partition < len,
            "there is no partition {partition} of {len}"
        );
        let former = std::mem::replace(&mut quotas[partition], quota);
        validate(&quotas, limits.capacity, shards)?;
        let mut all_leaving: Vec<Leaving<K, V>> = Vec::with_capacity(shards);
        let mut set = |index: usize, quota: Quota| {
            let mut shard = self.shards[index].lock(&self.settings);
            let set = shard.set_quota(partition, quota, (index, shards));
            all_leaving.push(shard.end(true));
            set
        };
        let is_set = match (0..shards).find(|&index| !set(index, quota)) {
            None => {
                limits.quotas = quotas;
                Ok(())
            }
            Some(pinned) => {
                let restored = (0..pinned).all(|index| set(index, former));
                debug_assert!(restored, "the former quota holds what is pinned");
                Err(PartitionError::Pinned { max: quota.max })
            }
        };
        drop(limits);
        for leaving in all_leaving {
            self.settings.dispatch(leaving.departed);
        }
        is_set
    }

    pub(crate) fn resize(&self, capacity: u64) -> Result<(), ResizeError> {
        let shards = self.shards.len();
        if capacity < shards as u64 {
            return Err(ResizeError::TooSmall { capacity, shards });
        }
        let mut all_leaving: Vec<Leaving<K, V>> = Vec::with_capacity(shards);
        let mut limits = self.limits.lock();
        let minima = limits.quotas.iter().map(|quota| quota.min);
        let min = minima.fold(0, u64::saturating_add);
        if min > capacity {
            return Err(ResizeError::Reserved { min, capacity });
        }
        let mut set = |index: usize, capacity: u64| {
            let mut shard = self.shards[index].lock(&self.settings);
            let set = shard.set_capacity(share(capacity, shards, index));
            all_leaving.push(shard.end(true));
            set
        };
        let pinned = (0..shards).find(|&index| !set(index, capacity));
        let resized = match pinned {
            None => {
                limits.capacity = capacity;
                Ok(())
            }
            Some(pinned) => {
                // Only a smaller capacity is refused, so this one is larger and can not be.
                let restored = (0..pinned).all(|index| set(index, limits.capacity));
                debug_assert!(restored, "the former capacity holds what is pinned");
                Err(ResizeError::Pinned { capacity })
            }
        };
        drop(limits);
        for leaving in all_leaving {
            self.settings.dispatch(leaving.departed);
        }
        resized
    }
}

//! Partitions: entries of several kinds that share the capacity by quotas.
//!
//! Shards know nothing of each other, so each has its part of every quota, as it has its part of the capacity. As hashes spread
//! the keys of a partition evenly over shards, the parts together do what the quota says.

use super::put::Ticket;
use super::settings::Settings;
use super::shard::Counts;
use super::tally::Tally;
use cache_policies::ConfigError;
use cache_policies::{
    Cause, Claim, Hint, Partition, Partitions, Policy, Quota, RejectReason, Room, Slot, Victim,
};
use std::sync::Arc;

/// What happened in a partition so far, and what is in it now; from
/// [`MemoryCache::partition_stats`](crate::MemoryCache::partition_stats).
///
/// ```
/// use cache_tiered::{MemoryCache, Quota};
///
/// let builder = MemoryCache::builder().capacity(100);
/// let quotas = [Quota::default(), Quota { max: 10, ..Quota::default() }];
/// let cache: MemoryCache<u32, u32> =
///     builder.partitions(quotas, |key: &u32| (key % 2) as usize).shards(1).build()?;
/// for key in 0..50 {
///     cache.insert(key, key);
/// }
/// cache.get(&48);
/// let stats = cache.partition_stats();
/// assert_eq!((stats[0].len, stats[0].hits, stats[0].evictions), (25, 1, 0));
/// assert_eq!((stats[1].len, stats[1].hits, stats[1].evictions), (10, 0, 15));
/// # Ok::<(), cache_tiered::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionStats {
    /// What it may have.
    pub quota: Quota,
    /// The weight that it gets if all partitions want all they can have: the sum over the shards, each rounded down.
    pub share: u64,
    /// Look-ups that found a value of it. Those that found none have no partition: where each miss is filled by
    /// an insert, `inserts` counts them.
    pub hits: u64,
    /// Values inserted under a key that had none.
    pub inserts: u64,
    /// Values replaced.
    pub updates: u64,
    /// Values that found no room.
    pub rejections: u64,
    /// Entries that left for want of room, for an entry of this or of another partition.
    pub evictions: u64,
    /// Entries that left because their life was over.
    pub expirations: u64,
    /// Entries that were removed by their keys.
    pub removals: u64,
    /// Entries that left by [`clear`](crate::MemoryCache::clear) or [`retain`](crate::MemoryCache::retain).
    pub cleared: u64,
    /// Entries now.
    pub len: usize,
    /// Their weight now.
    pub weight: u64,
}

impl PartitionStats {
    /// Adds a shard's part.
    pub(super) fn add<P: Policy>(&mut self, parted: &Parted<P>, index: usize) {
        let name = parted.names[index];
        let counts = &parted.counts[index];
        self.share += parted.partitions.share(name);
        self.inserts += counts.inserts;
        self.updates += counts.updates;
        self.rejections += counts.rejections;
        self.evictions += counts.evictions;
        self.expirations += counts.expirations;
        self.removals += counts.removals;
        self.cleared += counts.cleared;
        self.len += parted.partitions.len_in(name);
        self.weight += parted.partitions.weight_in(name);
    }
}

/// Quotas that a cache can not take on. All is as it was.
///
/// ```
/// use cache_tiered::{BuildError, MemoryCache, PartitionError, Quota};
///
/// let quota = Quota { min: 60, ..Quota::default() };
/// let builder = MemoryCache::<u8, u8>::builder().capacity(100);
/// let refused = builder.partitions([quota, quota], |key: &u8| usize::from(key % 2)).build();
/// let overcommitted = PartitionError::Overcommitted { min: 120, capacity: 100 };
/// assert_eq!(refused.err(), Some(BuildError::Partitions(overcommitted)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartitionError {
    /// What all partitions are to have at least is more than the capacity.
    #[error(
        "the partitions are to have at least {min} together, of a capacity of {capacity}: lower a minimum or raise the capacity"
    )]
    Overcommitted {
        /// The sum of the minima.
        min: u64,
        /// The capacity.
        capacity: u64,
    },
    /// The partition would have to have more than it may have.
    #[error("the minimum {min} is over the maximum {max}: lower it")]
    Crossed {
        /// The minimum.
        min: u64,
        /// The maximum.
        max: u64,
    },
    /// The maximum is not 0, and less than one for each shard.
    #[error(
        "a maximum of {max} is less than one for each of the {shards} shards: use fewer shards or a larger maximum"
    )]
    TooSmall {
        /// The maximum.
        max: u64,
        /// The number of shards.
        shards: usize,
    },
    /// What is pinned would not fit.
    #[error("pinned entries do not fit a maximum of {max}: unpin some or choose a larger one")]
    Pinned {
        /// The maximum asked for.
        max: u64,
    },
    /// None at all, or more than there may be.
    #[error("{partitions} partitions can not be: give at least 1 and at most 65,536")]
    Number {
        /// How many were asked for.
        partitions: usize,
    },
}

/// Most partitions of a cache.
const PARTITIONS_MAX: usize = 1 << 16;

pub(super) type PartitionOf<K> = Arc<dyn Fn(&K) -> usize + Send + Sync>;

/// Which partition a key is of, and how often look-ups found keys of each.
pub(super) struct Partitioning<K> {
    of: PartitionOf<K>,
    hits: Box<[Tally]>,
}

impl<K> Partitioning<K> {
    pub(super) fn new(of: PartitionOf<K>, partitions: usize, cores: usize) -> Self {
        let hits = std::iter::repeat_with(|| Tally::new(cores)).take(partitions);
        Self {
            of,
            hits: hits.collect(),
        }
    }

    /// The number of a key's partition: who asks has no lock.
    pub(super) fn of(&self, key: &K) -> u16 {
        let (index, len) = ((self.of)(key), self.hits.len());
        assert!(
            index < len,
            "the key is said to be of partition {index}, and there are {len}, counted from 0"
        );
        index as u16
    }

    /// Counts a hit of the thread that is pinned with this number.
    pub(super) fn hit(&self, thread: usize, key: &K) {
        self.hits[usize::from(self.of(key))].hit(thread);
    }

    /// The hits of a partition so far.
    pub(super) fn hits(&self, index: usize) -> u64 {
        self.hits[index].sum().0
    }
}

/// The part of a quota that each of `shards` has: the minimum rounded down, the maximum so that the parts sum up to it.
fn part(quota: Quota, shards: usize, index: usize) -> Quota {
    let shards = shards as u64;
    let max = match quota.max {
        u64::MAX => u64::MAX,
        max => max / shards + u64::from((index as u64) < max % shards),
    };
    Quota {
        min: quota.min / shards,
        max,
        ..quota
    }
}

/// Checks quotas that each of `shards` gets a part of.
pub(super) fn validate(
    quotas: &[Quota],
    capacity: u64,
    shards: usize,
) -> Result<(), PartitionError> {
    if !(1..=PARTITIONS_MAX).contains(&quotas.len()) {
        return Err(PartitionError::Number {
            partitions: quotas.len(),
        });
    }
    let mut sum = 0_u64;
    for &Quota { min, max, .. } in quotas {
        if min > max {
            return Err(PartitionError::Crossed { min, max });
        }
        if max != 0 && max < shards as u64 {
            return Err(PartitionError::TooSmall { max, shards });
        }
        sum = sum.saturating_add(min);
    }
    match sum > capacity {
        true => Err(PartitionError::Overcommitted { min: sum, capacity }),
        false => Ok(()),
    }
}

/// The partitions of a shard, by their numbers.
pub(super) struct Parted<P: Policy> {
    partitions: Partitions<P>,
    names: Box<[Partition]>,
    counts: Box<[Counts]>,
    /// The number of the partition that each place is of, or was the last time: victims are named by their places.
    homes: Vec<u16>,
}

impl<P: Policy> Parted<P> {
    /// The part of shard `index` of `shards`. The quotas are valid.
    pub(super) fn new<K, V>(
        capacity: u64,
        (index, shards): (usize, usize),
        quotas: &[Quota],
        settings: &Settings<K, V>,
        config: &P::Config,
    ) -> Result<Self, ConfigError> {
        let mut partitions = Partitions::new(capacity, config.clone())?
            .with_time_to_idle(settings.time_to_idle)
            .with_now(settings.start);
        let names = quotas
            .iter()
            .map(|&quota| partitions.add(part(quota, shards, index)))
            .collect::<Result<Box<[_]>, _>>()
            .expect("the quotas fit each other, and so do their parts");
        Ok(Self {
            partitions,
            counts: vec![Counts::default(); names.len()].into(),
            names,
            homes: Vec::new(),
        })
    }

    /// The policies, by the numbers of their partitions.
    pub(super) fn policies(&self) -> impl Iterator<Item = &P> {
        self.names.iter().map(|&name| self.partitions.policy(name))
    }

    pub(super) const fn all(&self) -> &Partitions<P> {
        &self.partitions
    }

    pub(super) const fn all_mut(&mut self) -> &mut Partitions<P> {
        &mut self.partitions
    }

    pub(super) fn counts_mut(&mut self, partition: u16) -> &mut Counts {
        &mut self.counts[usize::from(partition)]
    }

    /// The counts of the partition that a place is of, or was until just now.
    pub(super) fn counts_of(&mut self, place: Slot) -> &mut Counts {
        self.counts_mut(self.homes[place.index()])
    }

    pub(super) fn claim(
        &self,
        ticket: Ticket,
        ticks: u64,
        replaced: Option<Slot>,
    ) -> Result<Claim, RejectReason> {
        let name = self.names[usize::from(ticket.partition)];
        self.partitions.claim(name, ticket.weight, ticks, replaced)
    }

    pub(super) fn miss(&mut self, partition: u16, told: u64) -> Hint {
        self.partitions
            .miss(self.names[usize::from(partition)], told)
    }

    pub(super) fn insert(
        &mut self,
        place: Slot,
        partition: u16,
        told: u64,
        claim: &Claim,
        hint: Hint,
    ) {
        if self.homes.len() <= place.index() {
            self.homes.resize(place.index() + 1, 0);
        }
        self.homes[place.index()] = partition;
        self.partitions.insert(place, told, claim, hint);
    }

    /// Counts one that has left for want of room, or because its time was over.
    pub(super) fn count_victim(&mut self, victim: Victim) {
        let counts = self.counts_of(victim.slot);
        match victim.cause() {
            Cause::Expired => counts.expirations += 1,
            _ => counts.evictions += 1,
        }
    }

    /// One step of making room, where readers count hits beside the entries or not.
    pub(super) fn make_room(
        &mut self,
        claim: &mut Claim,
        touches: Option<impl FnMut(Slot) -> u8>,
    ) -> Room {
        match touches {
            Some(touches) => self.partitions.make_room_touched(claim, touches),
            None => self.partitions.make_room(claim),
        }
    }

    /// Gives a partition another quota; false where what is pinned does not fit.
    pub(super) fn set_quota(
        &mut self,
        number: usize,
        quota: Quota,
        (index, shards): (usize, usize),
    ) -> bool {
        let part = part(quota, shards, index);
        self.partitions.set_quota(self.names[number], part).is_ok()
    }
}

impl<P: Policy + Clone> Parted<P> {
    /// All places that are not pinned, the next victim first. O(entries).
    pub(super) fn coldest_first(&self) -> Vec<Slot> {
        let mut order = self.partitions.clone();
        std::iter::from_fn(|| order.evict())
            .map(|victim| victim.slot)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_quota_sum_up() {
        for (min, max, shards) in [(0, 1, 1), (7, 9, 4), (64, 64, 16), (5, u64::MAX, 2)] {
            let quota = Quota {
                min,
                max,
                weight: 3,
            };
            let parts = (0..shards).map(|index| part(quota, shards, index));
            assert!(parts.clone().all(|part| part.min <= part.max));
            assert!(parts.clone().map(|part| part.min).sum::<u64>() + shards as u64 > min);
            if max != u64::MAX {
                assert_eq!(parts.map(|part| part.max).sum::<u64>(), max);
            }
        }
    }
}

//! `MemoryCache`: the memory tier, alone or under a `Tiered`.
//!
//! ```text
//!  look-up    hash -> shard -> arena (memory/read): pinned, no lock
//!               hit: counted beside the entry, or in a hit buffer where the policy must hear of each
//!  change     hash -> shard -> mutex { residency: who goes; writer of the arena; flights: what is under way }
//!               what left is told of, and what no reader sees any more is dropped, after the mutex
//! ```

mod builder;
mod clock;
mod compute;
mod departed;
mod explain_policy;
mod flight;
mod hot_set;
mod iter;
mod lead;
mod limits;
mod lives;
mod load;
mod loads;
mod locked;
mod ownership;
mod partition;
mod places;
mod put;
#[expect(
    unsafe_code,
    reason = "readers without locks hold references to what writers retire"
)]
mod read;
mod residents;
mod settings;
mod shard;
mod shards;
mod snapshot;
mod stats;
mod sync;
mod tally;

pub use self::builder::MemoryCacheBuilder;
pub use self::clock::{Clock, MonotonicClock};
pub use self::compute::Compute;
pub(crate) use self::departed::Departure;
pub use self::explain_policy::PolicyInsight;
pub(crate) use self::flight::{Asked, Ending};
pub use self::iter::Iter;
pub(crate) use self::lead::{Install, Joined, Keep, Lead};
pub use self::loads::LoadTimes;
pub(crate) use self::ownership::Ownership;
pub use self::partition::{PartitionError, PartitionStats};
pub(crate) use self::settings::Marker;
pub(crate) use self::shards::Core;
pub use self::snapshot::{Restored, Snapshotted};
pub use self::stats::MemoryStats;

use crate::error::ResizeError;
use cache_policies::{AnyPolicy, Policy, Quota, Rejected};
use hashbrown::Equivalent;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// A concurrent cache in memory: bounded by weight, evicted by a policy of choice, shared by any
/// number of threads through `&self`. A clone is another handle to the same cache.
///
/// All operations on one key are O(1) expected. Look-ups take no lock and write, but for the count of a
/// hit, to no memory that other threads write: two threads read twice as much as one, of one key too.
/// What changes a key takes the mutex of its shard. Values are handed out as clones, so `V` is
/// something cheap to clone (an `Arc`, bytes, a number), or read in place by
/// [`get_with`](Self::get_with).
///
/// The policy is chosen by its name at run time ([`policy`](MemoryCacheBuilder::policy)), or by its type
/// ([`policy_type`](MemoryCacheBuilder::policy_type)). S3-FIFO, SIEVE, CLOCK, FIFO and random find hits counted
/// beside the entries; of the others each shard buffers hits, and drops some where threads are quicker
/// than it can be told of them.
///
/// # When values are dropped
///
/// A value that leaves may be in the hands of a reader just then, so it is dropped a little later: by one of the next
/// operations that change its shard, outside of the lock. Up to 128 entries of a shard wait like this, or
/// twice as many as the process has threads where that is more, but no more than 8 or a quarter of its capacity for long;
/// where there is a weigher, no more than 1/32 of the capacity. [`expire`](Self::expire) and [`clear`](Self::clear) drop them at once. The listener is called at once too,
/// with copies.
///
/// # Capacity
///
/// Shards share the capacity exactly: their shares sum up to it. Within its shard an entry may
/// weigh up to the shard's share, [`max_entry_weight`](Self::max_entry_weight); what is heavier
/// leaves at once, as if evicted, though it may be lighter than the whole capacity. By default
/// there are only so many shards that a share is at least 1,024 entries, or 2^20 units of weight
/// where a weigher is given: small caches have one shard and take whatever fits. For entries
/// larger than that choose fewer shards.
///
/// # Partitions
///
/// Entries of several kinds, tenants or tables say, may share the capacity without pushing each other out: see
/// [`partitions`](MemoryCacheBuilder::partitions).
///
/// # Examples
///
/// ```
/// use cache_tiered::MemoryCache;
///
/// let cache: MemoryCache<String, u32> = MemoryCache::builder().capacity(10_000).build()?;
/// assert_eq!(cache.get("ten"), None);
/// assert_eq!(cache.insert("ten".to_owned(), 10), None);
/// assert_eq!(cache.get("ten"), Some(10));
///
/// // However many threads miss at once, the closure runs once.
/// let twenty = cache.get_or_insert_with("twenty".to_owned(), || 20);
/// assert_eq!(twenty, 20);
/// assert_eq!(cache.remove("ten"), Some(10));
/// # Ok::<(), cache_tiered::BuildError>(())
/// ```
pub struct MemoryCache<K, V, P: Policy = AnyPolicy> {
    core: Arc<Core<K, V, P>>,
}

impl<K, V, P: Policy> Clone for MemoryCache<K, V, P> {
    fn clone(&self) -> Self {
        Self {
            core: Arc::clone(&self.core),
        }
    }
}

impl<K, V> MemoryCache<K, V> {
    /// Settings for a cache; only the capacity has to be given.
    pub fn builder() -> MemoryCacheBuilder<K, V> {
        MemoryCacheBuilder::new()
    }
}

impl<K, V, P: Policy> MemoryCache<K, V, P> {
    pub(crate) const fn core(&self) -> &Arc<Core<K, V, P>> {
        &self.core
    }

    /// The weight that all entries may have together.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.core.capacity()
    }

    /// The number of shards.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.core.shards_len()
    }

    /// The weight up to which every entry finds room: the smallest share of a shard.
    #[must_use]
    pub fn max_entry_weight(&self) -> u64 {
        self.capacity() / self.shards() as u64
    }

    /// How long loads took. O(1).
    #[must_use]
    pub fn load_times(&self) -> LoadTimes {
        self.core.settings().loads.times()
    }
}

impl<K, V, P: Policy> MemoryCache<K, V, P> {
    /// The number of entries; those whose life is over count until they leave (see
    /// [`expire`](Self::expire)). Of a cache in use by others it is true of no single instant.
    /// O(shards), each locked in turn.
    #[must_use]
    pub fn len(&self) -> usize {
        self.core.shards().map(|shard| shard.state.len()).sum()
    }

    /// True if there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The weight of all entries; never more than the capacity. O(shards), each locked in turn.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.core.shards().map(|shard| shard.state.weight()).sum()
    }

    /// What happened so far, and what is there now. O(shards), each locked in turn.
    #[must_use]
    pub fn stats(&self) -> MemoryStats {
        MemoryStats::of(&self.core)
    }

    /// What happened in each partition so far, and what is there now; empty without
    /// [`partitions`](MemoryCacheBuilder::partitions). O(shards x partitions), each shard locked in turn.
    #[must_use]
    pub fn partition_stats(&self) -> Vec<PartitionStats> {
        self.core.partition_stats()
    }
}

/// Milliseconds of a life, rounded up: an entry lives at least as long as it was told.
pub(crate) fn milliseconds(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

impl<K: Hash + Eq, V, P: Policy> MemoryCache<K, V, P> {
    /// The value of a key, and a hit or a miss for the policy and the statistics. No lock is taken.
    #[inline]
    pub fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<V>
    where
        V: Clone,
    {
        self.core.get(self.core.hash(key), key)
    }

    /// What `read` makes of the value of a key where it lies, for values that are not cheap to clone; a hit or a miss, as
    /// [`get`](Self::get) is.
    ///
    /// No lock is taken, and others may replace or remove the key meanwhile. But as long as `read` runs, nothing that
    /// leaves any cache of the process is dropped: it should be short. It may use the cache.
    ///
    /// ```
    /// use cache_tiered::MemoryCache;
    ///
    /// let cache: MemoryCache<u8, Vec<u8>> = MemoryCache::builder().capacity(10).build()?;
    /// cache.insert(1, vec![1, 2, 3]);
    /// assert_eq!(cache.get_with(&1, |value| value.len()), Some(3));
    /// # Ok::<(), cache_tiered::BuildError>(())
    /// ```
    #[inline]
    pub fn get_with<Q, R>(&self, key: &Q, read: impl FnOnce(&V) -> R) -> Option<R>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.core.read(self.core.hash(key), key, read)
    }

    /// Whether the key is there; neither a hit nor a miss. No lock is taken.
    pub fn contains<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> bool {
        self.core.contains(self.core.hash(key), key)
    }

    /// Inserts or replaces, and returns the value that the key had.
    ///
    /// An entry that the cache cannot hold (heavier than
    /// [`max_entry_weight`](Self::max_entry_weight), or everything else is pinned) leaves at once:
    /// the listener gets it, with [`Cause::Capacity`](crate::Cause::Capacity), and the key is
    /// absent afterwards. To have it back use [`try_insert`](Self::try_insert).
    #[inline]
    pub fn insert(&self, key: K, value: V) -> Option<V>
    where
        V: Clone,
    {
        self.core.insert_or_depart(key, value, None)
    }

    /// [`insert`](Self::insert) with a life of its own, rounded up to milliseconds, in place of the
    /// default of the cache. A life of zero is no life: the entry leaves at once, with
    /// [`Cause::Expired`](crate::Cause::Expired).
    pub fn insert_with_ttl(&self, key: K, value: V, ttl: Duration) -> Option<V>
    where
        V: Clone,
    {
        self.core
            .insert_or_depart(key, value, Some(milliseconds(ttl)))
    }

    /// Inserts or replaces, and returns the value that the key had.
    ///
    /// # Errors
    ///
    /// [`Rejected`] gives key and value back, with the reason; the cache is as it was, and a value
    /// that the key had is still there.
    pub fn try_insert(&self, key: K, value: V) -> Result<Option<V>, Rejected<K, V>>
    where
        V: Clone,
    {
        self.core.insert(key, value, None)
    }

    /// Removes a key and returns its value.
    pub fn remove<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<V>
    where
        V: Clone,
    {
        self.core.remove(self.core.hash(key), key)
    }

    /// Keeps a key from being evicted until it is unpinned, removed or expired. False: not there.
    ///
    /// Pinned entries take room: where they fill a shard, inserts are rejected.
    pub fn pin<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> bool {
        let hash = self.core.hash(key);
        self.core.with(hash, |shard| shard.pin(hash, key))
    }

    /// Lets a pinned key be evicted again. False: not there or not pinned.
    pub fn unpin<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> bool {
        let hash = self.core.hash(key);
        self.core.with(hash, |shard| shard.unpin(hash, key))
    }

    /// Lets all entries leave that are not `kept`; the listener gets them, with
    /// [`Cause::Cleared`](crate::Cause::Cleared). What is loaded or computed meanwhile is not asked about. O(entries).
    ///
    /// `kept` runs under the lock of a shard: it must not use the cache, and keeps those waiting who change the shard.
    /// Readers go on.
    ///
    /// ```
    /// use cache_tiered::MemoryCache;
    ///
    /// let cache: MemoryCache<u8, u8> = MemoryCache::builder().capacity(10).build()?;
    /// for key in 0..10 {
    ///     cache.insert(key, key);
    /// }
    /// cache.retain(|key, _| key % 2 == 0);
    /// assert_eq!((cache.len(), cache.get(&3), cache.get(&4)), (5, None, Some(4)));
    /// # Ok::<(), cache_tiered::BuildError>(())
    /// ```
    pub fn retain(&self, mut kept: impl FnMut(&K, &V) -> bool) {
        for shard in self.core.shards() {
            shard.run(|shard| shard.retain(&mut kept));
        }
    }

    /// Empties the cache; the listener gets everything, with
    /// [`Cause::Cleared`](crate::Cause::Cleared). O(entries).
    pub fn clear(&self) {
        self.core.clear();
    }

    /// Changes the capacity at run time; a smaller one evicts what no longer fits.
    ///
    /// The number of shards stays what it is.
    ///
    /// # Errors
    ///
    /// [`ResizeError`] if the new capacity is less than one for each shard or than what partitions are to have at least, or
    /// what is pinned does not fit in it; the cache keeps the capacity it had.
    pub fn resize(&self, capacity: u64) -> Result<(), ResizeError> {
        self.core.resize(capacity)
    }

    /// Gives a partition another quota at run time; what it has over its maximum is evicted.
    ///
    /// # Errors
    ///
    /// [`PartitionError`] if the quota cannot be beside the others, or its maximum is less than one for each shard or than what
    /// is pinned; nothing has changed then.
    ///
    /// # Panics
    ///
    /// If there is no such partition.
    ///
    /// ```
    /// use cache_tiered::{MemoryCache, Quota};
    ///
    /// let builder = MemoryCache::<u8, u8>::builder().capacity(100).shards(1);
    /// let cache =
    ///     builder.partitions([Quota::default(); 2], |key: &u8| usize::from(key % 2)).build()?;
    /// for key in 0..100 {
    ///     cache.insert(key, key);
    /// }
    /// cache.set_quota(1, Quota { max: 20, ..Quota::default() })?;
    /// assert_eq!(cache.len(), 70);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_quota(&self, partition: usize, quota: Quota) -> Result<(), PartitionError> {
        self.core.set_quota(partition, quota)
    }

    /// Lets everything leave whose life is over, in shards too that nobody changes just now, and drops what left before
    /// and was kept for readers, unless some of them are still under way. O(shards + what leaves). Without this call an
    /// entry leaves when its shard is next changed, or it is looked for.
    pub fn expire(&self) {
        for mut shard in self.core.shards() {
            shard.tick();
            shard.release(true);
        }
    }
}

impl<K, V, P: Policy> fmt::Debug for MemoryCache<K, V, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCache")
            .field("capacity", &self.capacity())
            .field("shards", &self.shards())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

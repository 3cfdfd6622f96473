//! `MemoryCache`: the memory tier, alone or under a `Tiered`.

mod builder;
mod clock;
mod departed;
mod flight;
mod iter;
#[expect(
    unsafe_code,
    reason = "readers without locks hold references to what writers retire"
)]
#[cfg_attr(
    any(not(test), cache_tiered_loom),
    expect(
        dead_code,
        unused_imports,
        reason = "the shards do not stand on it yet"
    )
)]
mod read;
mod shard;
mod shards;
mod stats;

pub use self::builder::MemoryCacheBuilder;
pub use self::clock::{Clock, MonotonicClock};
pub(crate) use self::flight::{Asked, Ending};
pub use self::iter::Iter;
pub(crate) use self::shards::{Core, Install, Joined, Keep, Lead};
pub use self::stats::MemoryStats;

use crate::error::ResizeError;
use cache_policies::Rejected;
use hashbrown::Equivalent;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// A concurrent cache in memory: bounded by weight, evicted by a policy of choice, shared by any
/// number of threads through `&self`. A clone is another handle to the same cache.
///
/// Keys are spread over shards; each shard is a [`cache_policies::Cache`] behind a mutex. All
/// operations on one key are O(1), touch one shard and hold its lock only for that; values are
/// handed out as clones, so `V` is something cheap to clone (an `Arc`, bytes, a number). Values
/// that leave are dropped, and the listener is called, when no lock is held.
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
pub struct MemoryCache<K, V> {
    core: Arc<Core<K, V>>,
}

impl<K, V> Clone for MemoryCache<K, V> {
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

    pub(crate) const fn core(&self) -> &Arc<Core<K, V>> {
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
        self.core.shards().len()
    }

    /// The weight up to which every entry finds room: the smallest share of a shard.
    #[must_use]
    pub fn max_entry_weight(&self) -> u64 {
        self.capacity() / self.shards() as u64
    }

    /// The number of entries; those whose life is over count until their shard is next used (see
    /// [`expire`](Self::expire)). Of a cache in use by others it is true of no single instant.
    #[must_use]
    pub fn len(&self) -> usize {
        self.core
            .shards()
            .iter()
            .map(|shard| shard.lock().entries.len())
            .sum()
    }

    /// True if there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The weight of all entries; never more than the capacity.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.core
            .shards()
            .iter()
            .map(|shard| shard.lock().entries.weight())
            .sum()
    }

    /// What happened so far, and what is there now. O(shards).
    #[must_use]
    pub fn stats(&self) -> MemoryStats {
        MemoryStats::of(&self.core)
    }
}

/// Milliseconds of a life, rounded up: an entry lives at least as long as it was told.
pub(crate) fn milliseconds(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

impl<K: Hash + Eq, V> MemoryCache<K, V> {
    /// The value of a key, and a hit or a miss for the policy and the statistics.
    pub fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<V>
    where
        V: Clone,
    {
        self.core.get(self.core.hash(key), key)
    }

    /// Whether the key is there; neither a hit nor a miss.
    pub fn contains<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> bool {
        self.core.contains(self.core.hash(key), key)
    }

    /// Inserts or replaces, and returns the value that the key had.
    ///
    /// An entry that the cache cannot hold (heavier than
    /// [`max_entry_weight`](Self::max_entry_weight), or everything else is pinned) leaves at once:
    /// the listener gets it, with [`Cause::Capacity`](crate::Cause::Capacity), and the key is
    /// absent afterwards. To have it back use [`try_insert`](Self::try_insert).
    pub fn insert(&self, key: K, value: V) -> Option<V> {
        self.insert_or_depart(key, value, None)
    }

    /// [`insert`](Self::insert) with a life of its own, rounded up to milliseconds, in place of the
    /// default of the cache. A life of zero is no life: the entry leaves at once, with
    /// [`Cause::Expired`](crate::Cause::Expired).
    pub fn insert_with_ttl(&self, key: K, value: V, ttl: Duration) -> Option<V> {
        self.insert_or_depart(key, value, Some(milliseconds(ttl)))
    }

    fn insert_or_depart(&self, key: K, value: V, ttl: Option<u64>) -> Option<V> {
        let hash = self.core.hash(&key);
        self.core.with(hash, |shard| {
            shard.flights.detach(hash, &key);
            match shard.insert(self.core.clock(), hash, key, value, ttl) {
                Ok(former) => former,
                Err(rejected) => {
                    let former = shard.remove(hash, &rejected.key);
                    shard.depart(rejected);
                    former.map(|(_, value)| value)
                }
            }
        })
    }

    /// Inserts or replaces, and returns the value that the key had.
    ///
    /// # Errors
    ///
    /// [`Rejected`] gives key and value back, with the reason; the cache is as it was, and a value
    /// that the key had is still there.
    pub fn try_insert(&self, key: K, value: V) -> Result<Option<V>, Rejected<K, V>> {
        self.core.insert(key, value, None)
    }

    /// Removes a key and returns its value.
    pub fn remove<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<V> {
        self.core.remove(self.core.hash(key), key)
    }

    /// Keeps a key from being evicted until it is unpinned, removed or expired. False: not there.
    ///
    /// Pinned entries take room: where they fill a shard, inserts are rejected.
    pub fn pin<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> bool {
        self.core
            .with(self.core.hash(key), |shard| shard.entries.pin(key))
    }

    /// Lets a pinned key be evicted again. False: not there or not pinned.
    pub fn unpin<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> bool {
        self.core
            .with(self.core.hash(key), |shard| shard.entries.unpin(key))
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
    /// [`ResizeError`] if the new capacity is less than one for each shard, or what is pinned does
    /// not fit in it; the cache keeps the capacity it had.
    pub fn resize(&self, capacity: u64) -> Result<(), ResizeError> {
        self.core.resize(capacity)
    }

    /// Lets everything leave whose life is over, in shards too that nobody uses just now. O(what
    /// leaves). Without this call an entry leaves when its shard is next used.
    pub fn expire(&self) {
        for shard in self.core.shards() {
            let mut shard = shard.lock();
            shard.tick(self.core.clock());
            let departed = shard.entries.listener_mut().take();
            drop(shard);
            self.core.dispatch(departed);
        }
    }
}

impl<K: Hash + Eq + Clone, V: Clone> MemoryCache<K, V> {
    /// The value of a key; if there is none, that of the closure, which is inserted.
    ///
    /// Of any number of threads that miss at once, one runs its closure and the others wait for
    /// it. Should the closure panic, the panic reaches its own caller and one of those who waited
    /// runs its closure instead. If the key is inserted or removed meanwhile, that wins: the
    /// closure's value answers those who asked and is not kept.
    ///
    /// The closure runs without a lock. It must not ask the cache for its own key this way, which
    /// would wait for itself.
    pub fn get_or_insert_with(&self, key: K, value: impl FnOnce() -> V) -> V {
        match self.try_get_or_insert_with(key, || Ok::<V, std::convert::Infallible>(value())) {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// [`get_or_insert_with`](Self::get_or_insert_with) for a closure that may fail.
    ///
    /// # Errors
    ///
    /// That of the caller's own closure. Nothing is cached then, and one of those who waited runs
    /// its closure instead.
    pub fn try_get_or_insert_with<E>(
        &self,
        key: K,
        value: impl FnOnce() -> Result<V, E>,
    ) -> Result<V, E> {
        let hash = self.core.hash(&key);
        if let Some(value) = self.core.get(hash, &key) {
            return Ok(value);
        }
        loop {
            match self.core.join(hash, &key, Asked::Loader) {
                Joined::Resident(value) => return Ok(value),
                Joined::Waiting { load, .. } => {
                    if let Ending::Answered(Ok(value)) = load.wait_for_ending() {
                        return Ok(value);
                    }
                }
                Joined::Leading(lead) => {
                    let value = value()?;
                    lead.land(Ok(value.clone()), Keep::Default);
                    return Ok(value);
                }
            }
        }
    }

    /// All entries, as clones, one shard after the other. Each shard is as it was at one instant;
    /// neither a hit nor a miss. O(entries).
    pub fn iter(&self) -> Iter<K, V> {
        Iter::new(Arc::clone(&self.core))
    }

    /// Calls `visit` with each entry, as [`iter`](Self::iter) yields them, without a lock.
    pub fn for_each(&self, mut visit: impl FnMut(K, V)) {
        self.iter().for_each(|(key, value)| visit(key, value));
    }
}

impl<K: Hash + Eq + Clone, V: Clone> IntoIterator for &MemoryCache<K, V> {
    type Item = (K, V);
    type IntoIter = Iter<K, V>;

    fn into_iter(self) -> Iter<K, V> {
        self.iter()
    }
}

impl<K, V> fmt::Debug for MemoryCache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCache")
            .field("capacity", &self.capacity())
            .field("shards", &self.shards())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

//! Operations with a hash that the caller has already: for an owner of several caches, who chooses among them by it.

use core::hash::{BuildHasher, Hash};

use hashbrown::Equivalent;

use super::{Cache, Entry, Rejected, ValueMut};
use crate::{Listener, Policy, Slot, Weigh};

/// Operations with a known hash.
///
/// Each does what the method without `_with_hash` does. The hash must be what [`hash_of`](Cache::hash_of) says of the key, on
/// this cache or on one with an equal hasher; with another one the key is not found or may be there twice, which breaks
/// nothing else.
///
/// ```
/// use cache_policies::{Cache, One, S3Fifo};
/// use foldhash::quality::FixedState;
///
/// // Shards that share a hasher: one hash chooses the shard and finds the key in it.
/// type Shard = Cache<String, u32, S3Fifo, One, (), FixedState>;
/// let shard = || Cache::builder().capacity(100).hasher(FixedState::with_seed(7)).build();
/// let mut shards: [Shard; 4] = [shard()?, shard()?, shard()?, shard()?];
///
/// let hash = shards[0].hash_of("key");
/// let shard = &mut shards[(hash >> 62) as usize];
/// shard.insert_with_hash(hash, "key".into(), 1).unwrap();
/// assert_eq!(shard.get_with_hash(hash, "key"), Some(&1));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
impl<K, V, P, W, L, S> Cache<K, V, P, W, L, S>
where
    K: Eq + Hash,
    P: Policy,
    W: Weigh<K, V>,
    L: Listener<K, V>,
    S: BuildHasher,
{
    /// The hash of `key` in this cache.
    pub fn hash_of<Q>(&self, key: &Q) -> u64
    where
        Q: Hash + ?Sized,
    {
        self.hasher.hash_one(key)
    }

    /// [`get`](Cache::get) with a known hash.
    #[inline]
    pub fn get_with_hash<Q>(&mut self, hash: u64, key: &Q) -> Option<&V>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let value = self.store.get(hash, key);
        match value {
            Some(_) => self.stats.hits += 1,
            None => self.stats.misses += 1,
        }
        value
    }

    /// [`peek`](Cache::peek) with a known hash.
    pub fn peek_with_hash<Q>(&self, hash: u64, key: &Q) -> Option<&V>
    where
        Q: Equivalent<K> + ?Sized,
    {
        self.store.look(hash, key).map(|(_, value)| value)
    }

    /// [`get_mut`](Cache::get_mut) with a known hash.
    pub fn get_mut_with_hash<Q>(
        &mut self,
        hash: u64,
        key: &Q,
    ) -> Option<ValueMut<'_, K, V, P, W, L, S>>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let slot = self.use_slot(hash, key)?;
        Some(ValueMut::new(self, slot))
    }

    /// [`entry`](Cache::entry) with a known hash.
    pub fn entry_with_hash(&mut self, hash: u64, key: K) -> Entry<'_, K, V, P, W, L, S> {
        let slot = self.use_slot(hash, &key);
        Entry::new(self, hash, key, slot)
    }

    /// [`insert`](Cache::insert) with a known hash.
    ///
    /// # Errors
    /// As [`insert`](Cache::insert).
    pub fn insert_with_hash(
        &mut self,
        hash: u64,
        key: K,
        value: V,
    ) -> Result<Option<V>, Rejected<K, V>> {
        let ticks = self.store.residency.default_ticks();
        self.put(hash, key, value, ticks)
    }

    /// [`insert_with_ttl`](Cache::insert_with_ttl) with a known hash.
    ///
    /// # Errors
    /// As [`insert_with_ttl`](Cache::insert_with_ttl).
    pub fn insert_with_ttl_and_hash(
        &mut self,
        hash: u64,
        key: K,
        value: V,
        ticks: u64,
    ) -> Result<Option<V>, Rejected<K, V>> {
        self.put(hash, key, value, ticks)
    }

    /// [`remove_entry`](Cache::remove_entry) with a known hash.
    pub fn remove_entry_with_hash<Q>(&mut self, hash: u64, key: &Q) -> Option<(K, V)>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let slot = self.store.find(hash, key)?;
        if self.store.residency.is_dead(Slot::new(slot)) {
            self.expire(slot);
            return None;
        }
        let node = self.store.take(slot);
        Some((node.key, node.value))
    }
}

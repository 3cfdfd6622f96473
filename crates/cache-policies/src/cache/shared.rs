//! Reading a cache that others read at the same time.

use core::hash::{BuildHasher, Hash};

use hashbrown::Equivalent;

use super::Cache;
use crate::SharedHit;

/// Hits without exclusive access, on a policy that takes them so ([`SharedHit`]): readers share a lock.
impl<K, V, P, W, L, S> Cache<K, V, P, W, L, S>
where
    K: Eq + Hash,
    P: SharedHit,
    S: BuildHasher,
{
    /// The value of `key`, of whose use the policy hears. Unlike [`get`](Cache::get) this neither counts in the
    /// [`stats`](Cache::stats) nor starts an idle time anew.
    ///
    /// ```
    /// use std::sync::RwLock;
    /// use cache_policies::Cache;
    ///
    /// let cache = RwLock::new(Cache::<u64, u64>::new(100));
    /// cache.write().unwrap().insert(1, 10).unwrap();
    /// std::thread::scope(|scope| {
    ///     for _ in 0..2 {
    ///         scope.spawn(|| assert_eq!(cache.read().unwrap().get_shared(&1), Some(&10)));
    ///     }
    /// });
    /// ```
    pub fn get_shared<Q>(&self, key: &Q) -> Option<&V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.get_shared_with_hash(self.hasher.hash_one(key), key)
    }

    /// [`get_shared`](Cache::get_shared) with a known hash.
    pub fn get_shared_with_hash<Q>(&self, hash: u64, key: &Q) -> Option<&V>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let (slot, value) = self.store.look(hash, key)?;
        self.store.residency.policy().touch(slot);
        Some(value)
    }
}

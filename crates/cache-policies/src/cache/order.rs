//! Walking over a cache in the order in which its entries would be evicted.

use alloc::vec::{self, Vec};
use core::fmt;
use core::iter::FusedIterator;

use super::Cache;
use super::store::Store;
use crate::{Policy, Slot};

impl<K, V, P: Policy + Clone, W, L, S> Cache<K, V, P, W, L, S> {
    /// The live entries in the order in which they would be evicted if nothing else happened, the next victim first; pinned
    /// ones come last, in no particular order. None counts as used.
    ///
    /// Exact for any policy, since it is a copy of the policy that is asked, eviction by eviction: O(entries) time and
    /// memory, at once, and what the copy and the evictions of this policy take.
    ///
    /// ```
    /// use cache_policies::{Cache, Lru, LruConfig};
    /// let mut cache = Cache::builder().policy::<Lru>(LruConfig::default()).capacity(3).build()?;
    /// for key in [1, 2, 3] {
    ///     cache.insert(key, ()).unwrap();
    /// }
    /// cache.get(&1);
    /// let order: Vec<u64> = cache.iter_by_eviction().map(|(key, ())| *key).collect();
    /// assert_eq!(order, [2, 3, 1]);
    /// assert_eq!(cache.evict_one(), Some((2, ())));
    /// # Ok::<(), cache_policies::ConfigError>(())
    /// ```
    #[must_use]
    pub fn iter_by_eviction(&self) -> EvictionOrder<'_, K, V, P> {
        let mut policy = self.store.residency.policy().clone();
        let mut slots = Vec::with_capacity(self.len());
        while let Some(slot) = policy.evict() {
            slots.push(slot.get());
        }
        if slots.len() < self.len() {
            let pinned = |&slot: &u32| self.store.residency.is_pinned(Slot::new(slot));
            slots.extend((0..self.store.slots()).filter(pinned));
        }
        EvictionOrder {
            store: &self.store,
            slots: slots.into_iter(),
        }
    }
}

/// The live entries of a [`Cache`] from the next victim on; from [`Cache::iter_by_eviction`].
///
/// ```
/// use cache_policies::Cache;
/// let mut cache = Cache::<u64, u64>::new(10);
/// cache.insert(1, 10).unwrap();
/// cache.insert(2, 20).unwrap();
/// assert_eq!(cache.iter_by_eviction().last(), Some((&2, &20)));
/// ```
pub struct EvictionOrder<'a, K, V, P> {
    store: &'a Store<K, V, P>,
    slots: vec::IntoIter<u32>,
}

impl<'a, K, V, P: Policy> EvictionOrder<'a, K, V, P> {
    fn entry(&self, slot: u32) -> Option<(&'a K, &'a V)> {
        let node = self.store.node(slot);
        (!self.store.residency.is_dead(Slot::new(slot))).then_some((&node.key, &node.value))
    }
}

impl<'a, K, V, P: Policy> Iterator for EvictionOrder<'a, K, V, P> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let slot = self.slots.next()?;
            if let Some(entry) = self.entry(slot) {
                return Some(entry);
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.slots.len()))
    }
}

impl<K, V, P: Policy> DoubleEndedIterator for EvictionOrder<'_, K, V, P> {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            let slot = self.slots.next_back()?;
            if let Some(entry) = self.entry(slot) {
                return Some(entry);
            }
        }
    }
}

impl<K, V, P: Policy> FusedIterator for EvictionOrder<'_, K, V, P> {}

impl<K, V, P> Clone for EvictionOrder<'_, K, V, P> {
    fn clone(&self) -> Self {
        Self {
            store: self.store,
            slots: self.slots.clone(),
        }
    }
}

impl<K: fmt::Debug, V: fmt::Debug, P: Policy> fmt::Debug for EvictionOrder<'_, K, V, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

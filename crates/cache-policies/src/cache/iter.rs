//! Walking over a cache, and taking all or some of it out.
//!
//! The walks go from slot to slot, so none of them is disturbed by what a caller's code does in between, and each is
//! O(slots). The order is that of the slots, which means nothing.

use core::fmt;
use core::iter::FusedIterator;

use slab_core::HashArena;

use super::Cache;
use super::store::{Node, Store};
use crate::residency::Lifetimes;
use crate::{Cause, Listener, Policy, Slot};

impl<K, V, P: Policy, W, L, S> Cache<K, V, P, W, L, S> {
    /// The live entries, in no particular order; none counts as used.
    pub fn iter(&self) -> Iter<'_, K, V, P> {
        Iter {
            store: &self.store,
            next: 0,
        }
    }

    /// The keys of the live entries, in no particular order.
    pub fn keys(&self) -> Keys<'_, K, V, P> {
        Keys(self.iter())
    }

    /// The values of the live entries, in no particular order; none counts as used.
    pub fn values(&self) -> Values<'_, K, V, P> {
        Values(self.iter())
    }
}

impl<K, V, P: Policy, W, L: Listener<K, V>, S> Cache<K, V, P, W, L, S> {
    /// Keeps the entries for which `keep` is true; the others, pinned or not, go to the listener with [`Cause::Cleared`].
    /// O(slots).
    ///
    /// If `keep` or the listener panics, entries that were not yet looked at stay.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        for slot in 0..self.store.slots() {
            let Some(node) = self.store.at(slot) else {
                continue;
            };
            if self.store.residency.is_dead(Slot::new(slot)) {
                self.expire(slot);
            } else if !keep(&node.key, &node.value) {
                self.clear_slot(slot);
            }
        }
    }

    /// Takes all entries out, pinned or not, and hands them to the listener with [`Cause::Cleared`]. O(slots).
    ///
    /// The policy goes on knowing what it has learned of keys that left before. If the listener panics, the entries that it
    /// was not told of stay.
    pub fn clear(&mut self) {
        self.retain(|_, _| false);
    }

    /// Takes the live entries out one by one and hands them to the caller, pinned or not. What is left when the iterator is
    /// dropped goes to the listener with [`Cause::Cleared`]; if it is leaked, what is left stays.
    ///
    /// ```
    /// use cache_policies::Cache;
    /// let mut cache = Cache::<u64, u64>::new(10);
    /// cache.insert(1, 10).unwrap();
    /// assert_eq!(cache.drain().collect::<Vec<_>>(), [(1, 10)]);
    /// assert!(cache.is_empty());
    /// ```
    pub fn drain(&mut self) -> Drain<'_, K, V, P, W, L, S> {
        Drain {
            cache: self,
            next: 0,
        }
    }

    fn clear_slot(&mut self, slot: u32) {
        let node = self.store.take(slot);
        self.listener.departed(node.key, node.value, Cause::Cleared);
    }
}

/// The live entries of a [`Cache`]; from [`Cache::iter`].
///
/// ```
/// use cache_policies::Cache;
/// let mut cache = Cache::<u64, u64>::new(10);
/// cache.insert(1, 10).unwrap();
/// assert_eq!(cache.iter().collect::<Vec<_>>(), [(&1, &10)]);
/// ```
pub struct Iter<'a, K, V, P> {
    store: &'a Store<K, V, P>,
    next: u32,
}

impl<'a, K, V, P: Policy> Iterator for Iter<'a, K, V, P> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        while self.next < self.store.slots() {
            let slot = self.next;
            self.next += 1;
            if let Some(node) = self
                .store
                .at(slot)
                .filter(|_| !self.store.residency.is_dead(Slot::new(slot)))
            {
                return Some((&node.key, &node.value));
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let slots = (self.store.slots() - self.next) as usize;
        (0, Some(slots.min(self.store.residency.len())))
    }
}

/// The keys of the live entries of a [`Cache`]; from [`Cache::keys`].
///
/// ```
/// use cache_policies::Cache;
/// let mut cache = Cache::<u64, u64>::new(10);
/// cache.insert(1, 10).unwrap();
/// assert_eq!(cache.keys().collect::<Vec<_>>(), [&1]);
/// ```
pub struct Keys<'a, K, V, P>(Iter<'a, K, V, P>);

impl<'a, K, V, P: Policy> Iterator for Keys<'a, K, V, P> {
    type Item = &'a K;

    fn next(&mut self) -> Option<&'a K> {
        self.0.next().map(|(key, _)| key)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

/// The values of the live entries of a [`Cache`]; from [`Cache::values`].
///
/// ```
/// use cache_policies::Cache;
/// let mut cache = Cache::<u64, u64>::new(10);
/// cache.insert(1, 10).unwrap();
/// assert_eq!(cache.values().sum::<u64>(), 10);
/// ```
pub struct Values<'a, K, V, P>(Iter<'a, K, V, P>);

impl<'a, K, V, P: Policy> Iterator for Values<'a, K, V, P> {
    type Item = &'a V;

    fn next(&mut self) -> Option<&'a V> {
        self.0.next().map(|(_, value)| value)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

/// The live entries of a [`Cache`], taken out one by one; from [`Cache::drain`].
///
/// ```
/// use cache_policies::{Cache, Cause};
/// let mut cache = Cache::<u64, u64>::builder().capacity(10).listener(Vec::new()).build()?;
/// cache.insert(1, 10).unwrap();
/// cache.insert(2, 20).unwrap();
/// assert_eq!(cache.drain().next(), Some((1, 10)));
/// assert_eq!(*cache.listener(), [(2, 20, Cause::Cleared)]);
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
pub struct Drain<'a, K, V, P: Policy, W, L: Listener<K, V>, S> {
    cache: &'a mut Cache<K, V, P, W, L, S>,
    next: u32,
}

impl<K, V, P: Policy, W, L: Listener<K, V>, S> Iterator for Drain<'_, K, V, P, W, L, S> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        while self.next < self.cache.store.slots() {
            let slot = self.next;
            self.next += 1;
            if self.cache.store.at(slot).is_none() {
                continue;
            }
            if self.cache.store.residency.is_dead(Slot::new(slot)) {
                self.cache.expire(slot);
                continue;
            }
            let node = self.cache.store.take(slot);
            return Some((node.key, node.value));
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.cache.store.residency.len()))
    }
}

impl<K, V, P: Policy, W, L: Listener<K, V>, S> Drop for Drain<'_, K, V, P, W, L, S> {
    fn drop(&mut self) {
        self.cache.clear();
    }
}

/// The entries of a [`Cache`] that was given up; from its `into_iter`.
///
/// ```
/// use cache_policies::Cache;
/// let mut cache = Cache::<u64, u64>::new(10);
/// cache.insert(1, 10).unwrap();
/// assert_eq!(cache.into_iter().collect::<Vec<_>>(), [(1, 10)]);
/// ```
pub struct IntoIter<K, V> {
    arena: HashArena<Node<K, V>>,
    lifetimes: Lifetimes,
    next: u32,
    slots: u32,
}

impl<K, V> Iterator for IntoIter<K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        while self.next < self.slots {
            let slot = self.next;
            self.next += 1;
            if let Some(node) = self
                .arena
                .remove(slot)
                .filter(|_| !self.lifetimes.is_dead(slot))
            {
                return Some((node.key, node.value));
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.arena.len()))
    }
}

impl<K, V, P, W, L, S> IntoIterator for Cache<K, V, P, W, L, S> {
    type Item = (K, V);
    type IntoIter = IntoIter<K, V>;

    /// The live entries, by value, in no particular order; the listener hears nothing.
    fn into_iter(self) -> IntoIter<K, V> {
        let (arena, lifetimes) = self.store.into_parts();
        let slots = arena.slots();
        IntoIter {
            arena,
            lifetimes,
            next: 0,
            slots,
        }
    }
}

impl<'a, K, V, P: Policy, W, L, S> IntoIterator for &'a Cache<K, V, P, W, L, S> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V, P>;

    fn into_iter(self) -> Iter<'a, K, V, P> {
        self.iter()
    }
}

impl<K, V, P: Policy> FusedIterator for Iter<'_, K, V, P> {}
impl<K, V, P: Policy> FusedIterator for Keys<'_, K, V, P> {}
impl<K, V, P: Policy> FusedIterator for Values<'_, K, V, P> {}
impl<K, V, P: Policy, W, L: Listener<K, V>, S> FusedIterator for Drain<'_, K, V, P, W, L, S> {}
impl<K, V> FusedIterator for IntoIter<K, V> {}

impl<K, V, P> Clone for Iter<'_, K, V, P> {
    fn clone(&self) -> Self {
        Self {
            store: self.store,
            next: self.next,
        }
    }
}

impl<K, V, P> Clone for Keys<'_, K, V, P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V, P> Clone for Values<'_, K, V, P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: fmt::Debug, V: fmt::Debug, P: Policy> fmt::Debug for Iter<'_, K, V, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.clone()).finish()
    }
}

impl<K: fmt::Debug, V, P: Policy> fmt::Debug for Keys<'_, K, V, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<K, V: fmt::Debug, P: Policy> fmt::Debug for Values<'_, K, V, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<K, V, P: Policy, W, L: Listener<K, V>, S> fmt::Debug for Drain<'_, K, V, P, W, L, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain")
            .field("left", &self.cache.len())
            .finish_non_exhaustive()
    }
}

impl<K, V> fmt::Debug for IntoIter<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntoIter")
            .field("left", &self.arena.len())
            .finish_non_exhaustive()
    }
}

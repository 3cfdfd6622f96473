//! `Compute`: what becomes of a key, decided by its value.

use super::MemoryCache;
use cache_policies::Policy;
use std::hash::Hash;

/// What becomes of a key; from the closure of [`MemoryCache::compute`].
///
/// ```
/// use cache_tiered::{Compute, MemoryCache};
///
/// let cache: MemoryCache<&str, u32> = MemoryCache::builder().capacity(10).build()?;
/// let count = |former: Option<u32>| Compute::Put(former.unwrap_or(0) + 1);
/// assert_eq!(cache.compute("a", count), Some(1));
/// assert_eq!(cache.compute("a", count), Some(2));
/// assert_eq!(cache.compute("a", |_| Compute::Remove), None);
/// # Ok::<(), cache_tiered::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compute<V> {
    /// It has this value from now on.
    Put(V),
    /// It is removed.
    Remove,
    /// It stays as it is.
    Keep,
}

impl<K: Hash + Eq + Clone, V: Clone, P: Policy> MemoryCache<K, V, P> {
    /// Changes a key by its value; what it has then.
    ///
    /// Calls on one key run one after the other, each with what the one before has left, so a count that many threads
    /// raise this way is exact as long as the key is not evicted. Who inserts or removes the key without computing does not
    /// wait: that wins over what is being computed meanwhile. The closure runs without a lock; should it panic, nothing
    /// has changed. It must not compute its own key, which would wait for itself.
    ///
    /// It counts neither as a hit nor as a miss. A value that finds no room leaves as one that was
    /// [inserted](Self::insert) would.
    pub fn compute(&self, key: K, compute: impl FnOnce(Option<V>) -> Compute<V>) -> Option<V> {
        let ownership = self.core().enqueue(self.core().hash(&key), &key).leaving();
        ownership.wait_until_granted();
        let former = ownership.current();
        let computed = compute(former.clone());
        let left = match &computed {
            Compute::Put(value) => Some(value.clone()),
            Compute::Remove => None,
            Compute::Keep => former,
        };
        ownership.finish(key, computed);
        left
    }
}

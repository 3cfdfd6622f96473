//! The guard of a value that is changed in place.

use core::fmt;
use core::ops::{Deref, DerefMut};

use super::Cache;
use crate::{Listener, Policy, Weigh};

/// A value in a [`Cache`] that may be changed; from [`Cache::get_mut`].
///
/// When the guard is dropped after a mutable use, the value is weighed anew. If it has grown, others are evicted to make
/// room; if it can no longer fit (it weighs more than the capacity, or than what other pinned entries leave), or the policy
/// chooses it as the victim, the entry itself leaves with [`Cause::Capacity`](crate::Cause::Capacity), pinned or not.
///
/// A guard that is leaked leaves the entry with the weight that it had before. So does a weigher that panics in the guard's
/// drop; one that panics there while the thread is unwinding already aborts the process, as any destructor does.
///
/// ```
/// use cache_policies::Cache;
/// let mut cache = Cache::<u64, Vec<u8>>::builder()
///     .capacity(10)
///     .weigher(|_: &u64, value: &Vec<u8>| value.len() as u32)
///     .build()?;
/// cache.insert(1, vec![0; 3]).unwrap();
/// cache.get_mut(&1).unwrap().extend([1, 2]);
/// assert_eq!(cache.weight(), 5);
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
pub struct ValueMut<'a, K, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S> {
    cache: &'a mut Cache<K, V, P, W, L, S>,
    /// The entry's slot, which stays taken while the cache is borrowed.
    slot: u32,
    /// Whether the value was given out to be changed.
    changed: bool,
}

impl<'a, K, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S> ValueMut<'a, K, V, P, W, L, S> {
    pub(crate) fn new(cache: &'a mut Cache<K, V, P, W, L, S>, slot: u32) -> Self {
        Self {
            cache,
            slot,
            changed: false,
        }
    }

    /// The entry's key. An associated function, so that it does not hide a method of the value.
    pub fn key(this: &Self) -> &K {
        &this.cache.store.node(this.slot).key
    }
}

impl<K, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S> Deref
    for ValueMut<'_, K, V, P, W, L, S>
{
    type Target = V;

    fn deref(&self) -> &V {
        &self.cache.store.node(self.slot).value
    }
}

impl<K, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S> DerefMut
    for ValueMut<'_, K, V, P, W, L, S>
{
    fn deref_mut(&mut self) -> &mut V {
        self.changed = true;
        &mut self.cache.store.node_mut(self.slot).value
    }
}

impl<K, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S> Drop
    for ValueMut<'_, K, V, P, W, L, S>
{
    fn drop(&mut self) {
        if self.changed {
            self.cache.reweigh(self.slot);
        }
    }
}

impl<K, V: fmt::Debug, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S> fmt::Debug
    for ValueMut<'_, K, V, P, W, L, S>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

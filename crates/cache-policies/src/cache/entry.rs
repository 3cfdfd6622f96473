//! The entry of a key, found or not, with one look-up for what follows.

use core::fmt;

use super::insert::Use;
use super::store::Node;
use super::{Cache, Rejected, TryInsertError, ValueMut};
use crate::{Listener, Policy, Slot, Weigh};

/// A key's place in a [`Cache`]; from [`Cache::entry`].
///
/// ```
/// use cache_policies::{Cache, Entry};
/// let mut cache = Cache::<&str, u32>::new(10);
/// assert_eq!(cache.entry("a").or_insert(1)?, &1);
/// match cache.entry("a") {
///     Entry::Occupied(entry) => assert_eq!(entry.insert(2)?, 1),
///     Entry::Vacant(_) => unreachable!(),
/// }
/// # Ok::<(), cache_policies::Rejected<&str, u32>>(())
/// ```
pub enum Entry<'a, K, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S> {
    /// The key is there.
    Occupied(OccupiedEntry<'a, K, V, P, W, L, S>),
    /// The key is not there.
    Vacant(VacantEntry<'a, K, V, P, W, L, S>),
}

impl<'a, K, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S> Entry<'a, K, V, P, W, L, S> {
    pub(crate) fn new(
        cache: &'a mut Cache<K, V, P, W, L, S>,
        hash: u64,
        key: K,
        slot: Option<u32>,
    ) -> Self {
        match slot {
            Some(slot) => Self::Occupied(OccupiedEntry {
                cache,
                hash,
                key,
                slot,
            }),
            None => Self::Vacant(VacantEntry { cache, hash, key }),
        }
    }

    /// The key that the entry was asked for.
    pub fn key(&self) -> &K {
        match self {
            Self::Occupied(entry) => &entry.key,
            Self::Vacant(entry) => &entry.key,
        }
    }

    /// Changes the value in place, if there is one; it is weighed anew. An entry that has outgrown the cache by that has
    /// left (see [`ValueMut`]), and the place is vacant.
    ///
    /// ```
    /// use cache_policies::Cache;
    /// let mut cache = Cache::<&str, u32>::new(10);
    /// for word in ["a", "b", "a"] {
    ///     cache.entry(word).and_modify(|count| *count += 1).or_insert(1)?;
    /// }
    /// assert_eq!((cache.peek("a"), cache.peek("b")), (Some(&2), Some(&1)));
    /// # Ok::<(), cache_policies::Rejected<&str, u32>>(())
    /// ```
    pub fn and_modify(self, change: impl FnOnce(&mut V)) -> Self {
        match self {
            Self::Occupied(entry) => entry.modify(change),
            vacant @ Self::Vacant(_) => vacant,
        }
    }

    /// Puts `value` in, whether the key is there or not; what was there.
    ///
    /// # Errors
    /// [`Rejected`] if the cache does not take `value`; what is there stays.
    pub fn insert(self, value: V) -> Result<Option<V>, Rejected<K, V>> {
        match self {
            Self::Occupied(entry) => entry.insert(value).map(Some),
            Self::Vacant(entry) => entry.insert(value).map(|_| None),
        }
    }

    /// The value that is there, or `value`, inserted.
    ///
    /// # Errors
    /// [`Rejected`] if the cache does not take `value`.
    pub fn or_insert(self, value: V) -> Result<&'a V, Rejected<K, V>> {
        self.or_insert_with(|| value)
    }

    /// The value that is there, or `value`, inserted; to be changed in place.
    ///
    /// # Errors
    /// [`Rejected`] if the cache does not take `value`.
    #[expect(
        clippy::type_complexity,
        reason = "it names all that the guard may call"
    )]
    pub fn or_insert_mut(self, value: V) -> Result<ValueMut<'a, K, V, P, W, L, S>, Rejected<K, V>> {
        match self {
            Self::Occupied(entry) => Ok(entry.into_mut()),
            Self::Vacant(entry) => entry.insert_mut(value),
        }
    }

    /// The value that is there, or what `load` makes, inserted.
    ///
    /// # Errors
    /// [`Rejected`] if the cache does not take that value.
    pub fn or_insert_with(self, load: impl FnOnce() -> V) -> Result<&'a V, Rejected<K, V>> {
        self.or_insert_with_key(|_| load())
    }

    /// The value that is there, or what `load` makes of the key, inserted.
    ///
    /// # Errors
    /// [`Rejected`] if the cache does not take that value.
    pub fn or_insert_with_key(self, load: impl FnOnce(&K) -> V) -> Result<&'a V, Rejected<K, V>> {
        match self {
            Self::Occupied(entry) => Ok(entry.into_ref()),
            Self::Vacant(entry) => {
                let value = load(&entry.key);
                entry.insert(value)
            }
        }
    }

    /// The value that is there, or what `load` makes, inserted; where `load` may fail, the cache is then as it was.
    ///
    /// # Errors
    /// [`TryInsertError::Load`] has the error of `load`, [`TryInsertError::Rejected`] the value that it made.
    pub fn or_try_insert_with<E>(
        self,
        load: impl FnOnce() -> Result<V, E>,
    ) -> Result<&'a V, TryInsertError<K, V, E>> {
        match self {
            Self::Occupied(entry) => Ok(entry.into_ref()),
            Self::Vacant(entry) => {
                let value = load().map_err(TryInsertError::Load)?;
                entry.insert(value).map_err(TryInsertError::Rejected)
            }
        }
    }

    /// The value that is there, or the default one, inserted.
    ///
    /// # Errors
    /// [`Rejected`] if the cache does not take that value.
    pub fn or_default(self) -> Result<&'a V, Rejected<K, V>>
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }
}

/// The entry of a key that is there; see [`Entry`].
///
/// ```
/// use cache_policies::{Cache, Entry};
/// let mut cache = Cache::<&str, u32>::new(10);
/// cache.insert("a", 1).unwrap();
/// let Entry::Occupied(entry) = cache.entry("a") else { unreachable!() };
/// assert_eq!(entry.get(), &1);
/// assert_eq!(entry.remove(), 1);
/// ```
pub struct OccupiedEntry<'a, K, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S> {
    cache: &'a mut Cache<K, V, P, W, L, S>,
    hash: u64,
    /// The key that was asked for; that which is kept equals it.
    key: K,
    slot: u32,
}

impl<'a, K, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S>
    OccupiedEntry<'a, K, V, P, W, L, S>
{
    /// The key that the cache keeps.
    pub fn key(&self) -> &K {
        &self.cache.store.node(self.slot).key
    }

    /// The value.
    pub fn get(&self) -> &V {
        &self.cache.store.node(self.slot).value
    }

    /// The value, for as long as the cache is borrowed.
    pub fn into_ref(self) -> &'a V {
        &self.cache.store.node(self.slot).value
    }

    /// The value, to be changed in place.
    pub fn into_mut(self) -> ValueMut<'a, K, V, P, W, L, S> {
        let Self {
            cache, key, slot, ..
        } = self;
        drop(key);
        ValueMut::new(cache, slot)
    }

    /// The first tick at which the entry is gone; `None` if it has no deadline.
    pub fn deadline(&self) -> Option<u64> {
        self.cache.deadline_at(self.slot)
    }

    /// Whether the entry is pinned.
    pub fn is_pinned(&self) -> bool {
        self.cache.store.residency.is_pinned(Slot::new(self.slot))
    }

    /// Keeps the entry from being evicted, as [`Cache::pin`] does.
    pub fn pin(&mut self) {
        self.cache.store.residency.pin(Slot::new(self.slot));
    }

    /// Lets the entry be evicted again; whether it was pinned.
    pub fn unpin(&mut self) -> bool {
        self.cache.store.residency.unpin(Slot::new(self.slot))
    }

    /// Puts the key that was asked for in the place of the equal one that is kept, and returns that; the entry is weighed
    /// anew, as after a change of its value.
    pub fn replace_key(self) -> K {
        let node = self.cache.store.node_mut(self.slot);
        let before = core::mem::replace(&mut node.key, self.key);
        self.cache.reweigh(self.slot);
        before
    }

    /// Changes the value; the place of the key after that.
    fn modify(self, change: impl FnOnce(&mut V)) -> Entry<'a, K, V, P, W, L, S> {
        let Self {
            cache,
            hash,
            key,
            slot,
        } = self;
        change(&mut ValueMut::new(cache, slot));
        let slot = cache.store.at(slot).is_some().then_some(slot);
        Entry::new(cache, hash, key, slot)
    }

    /// Puts `value` in the place of the one that is there, and returns that. Its life starts anew.
    ///
    /// # Errors
    /// [`Rejected`] if the cache does not take `value`; what is there stays.
    pub fn insert(self, value: V) -> Result<V, Rejected<K, V>> {
        let ticks = self.cache.store.residency.default_ticks();
        self.insert_with_ttl(value, ticks)
    }

    /// Puts `value` in the place of the one that is there, for a life of `ticks`, and returns what was there.
    ///
    /// # Errors
    /// [`Rejected`] if the cache does not take `value`; what is there stays.
    pub fn insert_with_ttl(self, value: V, ticks: u64) -> Result<V, Rejected<K, V>> {
        let node = Node {
            key: self.key,
            value,
        };
        self.cache
            .replace(self.slot, self.hash, node, ticks, Use::Told)
    }

    /// Takes the entry out, and returns its value.
    pub fn remove(self) -> V {
        let Self {
            cache, key, slot, ..
        } = self;
        // First, because a return value is leaked if a destructor panics after it was made.
        drop(key);
        cache.store.take(slot).into_value()
    }

    /// Takes the entry out, and returns the kept key and the value.
    pub fn remove_entry(self) -> (K, V) {
        let Self {
            cache, key, slot, ..
        } = self;
        drop(key);
        let node = cache.store.take(slot);
        (node.key, node.value)
    }
}

/// The entry of a key that is not there; see [`Entry`].
///
/// ```
/// use cache_policies::{Cache, Entry};
/// let mut cache = Cache::<&str, u32>::new(10);
/// let Entry::Vacant(entry) = cache.entry("a") else { unreachable!() };
/// assert_eq!(entry.insert_with_ttl(1, 60).unwrap(), &1);
/// assert_eq!(cache.deadline("a"), Some(60));
/// ```
pub struct VacantEntry<'a, K, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S> {
    cache: &'a mut Cache<K, V, P, W, L, S>,
    hash: u64,
    key: K,
}

impl<'a, K, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S> VacantEntry<'a, K, V, P, W, L, S> {
    /// The key that was asked for.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// Gives the key back.
    pub fn into_key(self) -> K {
        self.key
    }

    /// Inserts `value`.
    ///
    /// # Errors
    /// [`Rejected`] if the cache does not take `value`.
    pub fn insert(self, value: V) -> Result<&'a V, Rejected<K, V>> {
        let ticks = self.cache.store.residency.default_ticks();
        self.insert_with_ttl(value, ticks)
    }

    /// Inserts `value` for a life of `ticks`.
    ///
    /// # Errors
    /// [`Rejected`] if the cache does not take `value`; with 0 ticks always.
    pub fn insert_with_ttl(self, value: V, ticks: u64) -> Result<&'a V, Rejected<K, V>> {
        let slot = self.cache.place(self.hash, self.key, value, ticks)?;
        Ok(&self.cache.store.node(slot).value)
    }

    /// Inserts `value`, to be changed in place.
    ///
    /// # Errors
    /// [`Rejected`] if the cache does not take `value`.
    #[expect(
        clippy::type_complexity,
        reason = "it names all that the guard may call"
    )]
    pub fn insert_mut(self, value: V) -> Result<ValueMut<'a, K, V, P, W, L, S>, Rejected<K, V>> {
        let ticks = self.cache.store.residency.default_ticks();
        let slot = self.cache.place(self.hash, self.key, value, ticks)?;
        Ok(ValueMut::new(self.cache, slot))
    }
}

impl<K: fmt::Debug, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S> fmt::Debug
    for Entry<'_, K, V, P, W, L, S>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Occupied(entry) => entry.fmt(f),
            Self::Vacant(entry) => entry.fmt(f),
        }
    }
}

impl<K: fmt::Debug, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S> fmt::Debug
    for OccupiedEntry<'_, K, V, P, W, L, S>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OccupiedEntry")
            .field("key", self.key())
            .finish_non_exhaustive()
    }
}

impl<K: fmt::Debug, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S> fmt::Debug
    for VacantEntry<'_, K, V, P, W, L, S>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VacantEntry")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

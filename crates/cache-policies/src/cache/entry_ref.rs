//! The entry of a borrowed key: an owned key is made only for an insert.

use core::fmt;

use super::insert::Use;
use super::store::Node;
use super::{Cache, Rejected, TryInsertError, ValueMut};
use crate::{Listener, Policy, Weigh};

/// A borrowed key's place in a [`Cache`]; from [`Cache::entry_ref`].
///
/// What inserts needs `K: From<&Q>`, as `String` is from `&str`.
///
/// ```
/// use cache_policies::{Cache, EntryRef};
/// let mut cache = Cache::<String, u32>::new(10);
/// assert_eq!(cache.entry_ref("a").or_insert(1)?, &1);
/// match cache.entry_ref("a") {
///     EntryRef::Occupied(entry) => assert_eq!(entry.insert(2)?, 1),
///     EntryRef::Vacant(_) => unreachable!(),
/// }
/// # Ok::<(), cache_policies::Rejected<String, u32>>(())
/// ```
pub enum EntryRef<'a, 'q, K, Q: ?Sized, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S> {
    /// The key is there.
    Occupied(OccupiedEntryRef<'a, 'q, K, Q, V, P, W, L, S>),
    /// The key is not there.
    Vacant(VacantEntryRef<'a, 'q, K, Q, V, P, W, L, S>),
}

impl<'a, 'q, K, Q: ?Sized, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S>
    EntryRef<'a, 'q, K, Q, V, P, W, L, S>
{
    pub(crate) fn new(
        cache: &'a mut Cache<K, V, P, W, L, S>,
        hash: u64,
        key: &'q Q,
        slot: Option<u32>,
    ) -> Self {
        match slot {
            Some(slot) => Self::Occupied(OccupiedEntryRef {
                cache,
                hash,
                key,
                slot,
            }),
            None => Self::Vacant(VacantEntryRef { cache, hash, key }),
        }
    }

    /// The key that the entry was asked for.
    pub fn key(&self) -> &'q Q {
        match self {
            Self::Occupied(entry) => entry.key,
            Self::Vacant(entry) => entry.key,
        }
    }

    /// Changes the value in place, if there is one, as [`Entry::and_modify`](super::Entry::and_modify) does.
    pub fn and_modify(self, change: impl FnOnce(&mut V)) -> Self {
        let Self::Occupied(entry) = self else {
            return self;
        };
        let OccupiedEntryRef {
            cache,
            hash,
            key,
            slot,
        } = entry;
        change(&mut ValueMut::new(cache, slot));
        let slot = cache.store.at(slot).is_some().then_some(slot);
        Self::new(cache, hash, key, slot)
    }
}

impl<'a, 'q, K: From<&'q Q>, Q: ?Sized, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S>
    EntryRef<'a, 'q, K, Q, V, P, W, L, S>
{
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

    /// The value that is there, or what `load` makes of the borrowed key, inserted.
    ///
    /// # Errors
    /// [`Rejected`] if the cache does not take that value.
    pub fn or_insert_with_key(
        self,
        load: impl FnOnce(&'q Q) -> V,
    ) -> Result<&'a V, Rejected<K, V>> {
        match self {
            Self::Occupied(entry) => Ok(entry.into_ref()),
            Self::Vacant(entry) => {
                let value = load(entry.key);
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

/// The entry of a borrowed key that is there; see [`EntryRef`].
///
/// ```
/// use cache_policies::{Cache, EntryRef};
/// let mut cache = Cache::<String, u32>::new(10);
/// cache.insert("a".into(), 1).unwrap();
/// let EntryRef::Occupied(entry) = cache.entry_ref("a") else { unreachable!() };
/// assert_eq!(entry.get(), &1);
/// assert_eq!(entry.remove(), 1);
/// ```
pub struct OccupiedEntryRef<
    'a,
    'q,
    K,
    Q: ?Sized,
    V,
    P: Policy,
    W: Weigh<K, V>,
    L: Listener<K, V>,
    S,
> {
    cache: &'a mut Cache<K, V, P, W, L, S>,
    hash: u64,
    key: &'q Q,
    slot: u32,
}

impl<'a, 'q, K, Q: ?Sized, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S>
    OccupiedEntryRef<'a, 'q, K, Q, V, P, W, L, S>
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
        ValueMut::new(self.cache, self.slot)
    }

    /// Puts `value` in the place of the one that is there, and returns that. Its life starts anew.
    ///
    /// # Errors
    /// [`Rejected`] if the cache does not take `value`; what is there stays.
    pub fn insert(self, value: V) -> Result<V, Rejected<K, V>>
    where
        K: From<&'q Q>,
    {
        let ticks = self.cache.store.residency.default_ticks();
        let key = K::from(self.key);
        self.cache
            .replace(self.slot, self.hash, Node { key, value }, ticks, Use::Told)
    }

    /// Takes the entry out, and returns its value.
    pub fn remove(self) -> V {
        self.cache.store.take(self.slot).into_value()
    }

    /// Takes the entry out, and returns the kept key and the value.
    pub fn remove_entry(self) -> (K, V) {
        let node = self.cache.store.take(self.slot);
        (node.key, node.value)
    }
}

/// The entry of a borrowed key that is not there; see [`EntryRef`].
///
/// ```
/// use cache_policies::{Cache, EntryRef};
/// let mut cache = Cache::<String, u32>::new(10);
/// let EntryRef::Vacant(entry) = cache.entry_ref("a") else { unreachable!() };
/// assert_eq!(entry.insert_with_ttl(1, 60).unwrap(), &1);
/// assert_eq!(cache.deadline("a"), Some(60));
/// ```
pub struct VacantEntryRef<'a, 'q, K, Q: ?Sized, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S>
{
    cache: &'a mut Cache<K, V, P, W, L, S>,
    hash: u64,
    key: &'q Q,
}

impl<'a, 'q, K: From<&'q Q>, Q: ?Sized, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S>
    VacantEntryRef<'a, 'q, K, Q, V, P, W, L, S>
{
    /// The key that was asked for.
    pub fn key(&self) -> &'q Q {
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
        let Self { cache, hash, key } = self;
        let slot = cache.place(hash, K::from(key), value, ticks)?;
        Ok(&cache.store.node(slot).value)
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
        let Self { cache, hash, key } = self;
        let ticks = cache.store.residency.default_ticks();
        let slot = cache.place(hash, K::from(key), value, ticks)?;
        Ok(ValueMut::new(cache, slot))
    }
}

impl<K, Q: fmt::Debug + ?Sized, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S> fmt::Debug
    for EntryRef<'_, '_, K, Q, V, P, W, L, S>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Occupied(entry) => entry.fmt(f),
            Self::Vacant(entry) => entry.fmt(f),
        }
    }
}

impl<K, Q: fmt::Debug + ?Sized, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S> fmt::Debug
    for OccupiedEntryRef<'_, '_, K, Q, V, P, W, L, S>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OccupiedEntryRef")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl<K, Q: fmt::Debug + ?Sized, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S> fmt::Debug
    for VacantEntryRef<'_, '_, K, Q, V, P, W, L, S>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VacantEntryRef")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

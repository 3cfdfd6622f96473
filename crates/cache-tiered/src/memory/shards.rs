//! The shards of a memory tier, and the one way to a key's shard.

use super::limits::{Limits, share};
use super::locked::Locked;
use super::partition::Parted;
use super::put::Ticket;
use super::settings::Settings;
use super::shard::{Looked, Shard};
use super::sync::Mutex;
use crate::error::BuildError;
use cache_policies::{AnyPolicy, Policy, Quota, Rejected};
use hashbrown::Equivalent;
use std::hash::{BuildHasher, Hash};

/// The shards, and what they share.
pub(crate) struct Core<K, V, P: Policy = AnyPolicy> {
    pub(super) shards: Box<[Shard<K, V, P>]>,
    /// `hash >> shift & mask` is the index of a shard.
    shift: u32,
    pub(super) settings: Settings<K, V>,
    /// Held while they change.
    pub(super) limits: Mutex<Limits>,
}

impl<K, V, P: Policy> Core<K, V, P> {
    pub(super) fn new(
        capacity: u64,
        quotas: Vec<Quota>,
        shards: usize,
        settings: Settings<K, V>,
        config: &P::Config,
    ) -> Result<Self, BuildError> {
        debug_assert!(shards.is_power_of_two() && shards <= 1 << 16);
        let shards = (0..shards)
            .map(|index| {
                let share = share(capacity, shards, index);
                let parted = (!quotas.is_empty())
                    .then(|| Parted::new(share, (index, shards), &quotas, &settings, config));
                Shard::new(share, parted.transpose()?, &settings, config)
            })
            .collect::<Result<Box<[_]>, _>>()?;
        Ok(Self {
            shift: 57 - shards.len().trailing_zeros(),
            shards,
            settings,
            limits: Mutex::new(Limits { capacity, quotas }),
        })
    }
}

impl<K, V, P: Policy> Core<K, V, P> {
    pub(super) fn shards(&self) -> impl ExactSizeIterator<Item = Locked<'_, K, V, P>> {
        self.shards.iter().map(|shard| shard.lock(&self.settings))
    }

    pub(super) const fn shards_len(&self) -> usize {
        self.shards.len()
    }

    pub(super) const fn settings(&self) -> &Settings<K, V> {
        &self.settings
    }

    pub(super) fn capacity(&self) -> u64 {
        self.limits.lock().capacity
    }

    #[inline(always)]
    fn shard_of(&self, hash: u64) -> &Shard<K, V, P> {
        &self.shards[(hash >> self.shift) as usize & (self.shards.len() - 1)]
    }

    /// The lock of a key's shard.
    #[inline]
    pub(super) fn lock(&self, hash: u64) -> Locked<'_, K, V, P> {
        self.shard_of(hash).lock(&self.settings)
    }
}

impl<K: Hash + Eq, V, P: Policy> Core<K, V, P> {
    /// The hash of a key: computed once a call, here.
    #[inline(always)]
    pub(crate) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.settings.hasher.hash_one(key)
    }

    /// Does something under the lock of a key's shard, when time has passed there. What leaves by
    /// that is told of and dropped after the lock; the same goes for what the caller lets `act`
    /// return.
    #[inline]
    pub(super) fn with<R>(&self, hash: u64, act: impl FnOnce(&mut Locked<'_, K, V, P>) -> R) -> R {
        self.lock(hash).run(act)
    }

    /// The lock of a key's shard, taken when everybody who left by time was told of. What is begun
    /// under it (a load, a mutation) is so begun after all listeners of this call have returned:
    /// one that asks for the same key does not wait for the very call that it runs in, and one
    /// that panics leaves nothing behind that nobody would end.
    pub(super) fn settled(&self, hash: u64) -> Locked<'_, K, V, P> {
        if self.shard_of(hash).is_timed() {
            self.with(hash, |_| ());
        }
        self.lock(hash)
    }

    /// A counted look-up that takes no lock: what `read` makes of the value. It runs while the thread keeps what has left
    /// from being dropped: it should be short.
    #[inline(always)]
    pub(crate) fn read<Q, R>(&self, hash: u64, key: &Q, read: impl FnOnce(&V) -> R) -> Option<R>
    where
        Q: Equivalent<K> + ?Sized,
    {
        match self.shard_of(hash).look(&self.settings, hash, key, read) {
            Looked::Hit(found) => Some(found),
            Looked::Miss => None,
            Looked::Over => {
                self.let_leave(hash);
                None
            }
        }
    }

    /// A reader has found an entry whose time is over: all such leave, unless somebody has the lock, who sees to it.
    #[cold]
    fn let_leave(&self, hash: u64) {
        if let Some(locked) = self.shard_of(hash).try_lock(&self.settings) {
            locked.run(|_| ());
        }
    }

    /// A counted look-up that clones the value.
    #[inline(always)]
    pub(crate) fn get<Q: Equivalent<K> + ?Sized>(&self, hash: u64, key: &Q) -> Option<V>
    where
        V: Clone,
    {
        self.read(hash, key, V::clone)
    }

    /// [`read`](Self::read) that neither counts nor uses the entry. It looks at no clock, so that what it sees may be over
    /// and about to leave; no listener is told of anything, so it may be called while a panic unwinds.
    pub(crate) fn peek<Q, R>(&self, hash: u64, key: &Q, look: impl FnOnce(&V) -> R) -> Option<R>
    where
        Q: Equivalent<K> + ?Sized,
    {
        self.shard_of(hash).peek(hash, key, |value, _| look(value))
    }

    /// A look-up that neither counts nor uses the entry.
    pub(crate) fn contains<Q: Equivalent<K> + ?Sized>(&self, hash: u64, key: &Q) -> bool {
        let shard = self.shard_of(hash);
        let is_over = |_: &V, slot| {
            shard.is_timed() && shard.lives().is_over(slot, self.settings.clock.now())
        };
        match shard.peek(hash, key, is_over) {
            Some(true) => {
                self.let_leave(hash);
                false
            }
            found => found.is_some(),
        }
    }

    /// What an entry is put in with.
    #[inline]
    pub(super) fn ticket(&self, hash: u64, key: &K, value: &V, ttl: Option<u64>) -> Ticket {
        Ticket {
            hash,
            weight: self.settings.weigh(key, value),
            partition: self.settings.partition(key),
            ttl,
        }
    }

    /// Inserts from outside: what is under way for the key, a load or a mutation, will not overwrite it.
    #[inline]
    pub(super) fn insert(
        &self,
        key: K,
        value: V,
        ttl: Option<u64>,
    ) -> Result<Option<V>, Rejected<K, V>>
    where
        V: Clone,
    {
        let hash = self.hash(&key);
        let ticket = self.ticket(hash, &key, &value, ttl);
        self.with(hash, |shard| {
            shard.state.flights.invalidate(hash, &key);
            shard.put(ticket, key, value, V::clone)
        })
    }

    /// [`insert`](Self::insert), where an entry that is refused leaves at once, and takes the value with it that the key had.
    #[inline]
    pub(super) fn insert_or_depart(&self, key: K, value: V, ttl: Option<u64>) -> Option<V>
    where
        V: Clone,
    {
        let hash = self.hash(&key);
        let ticket = self.ticket(hash, &key, &value, ttl);
        let (former, _rejected) = self.with(hash, |shard| {
            shard.state.flights.invalidate(hash, &key);
            match shard.put(ticket, key, value, V::clone) {
                Ok(former) => (former, None),
                Err(rejected) => {
                    let former = shard.remove(hash, &rejected.key, |node| node.value.clone());
                    (former, shard.depart(rejected))
                }
            }
        });
        former
    }

    /// Removes from outside: what is under way for the key, be it a load or a mutation, will not
    /// bring it back.
    pub(crate) fn remove<Q: Equivalent<K> + ?Sized>(&self, hash: u64, key: &Q) -> Option<V>
    where
        V: Clone,
    {
        self.with(hash, |shard| {
            shard.state.flights.invalidate(hash, key);
            shard.remove(hash, key, |node| node.value.clone())
        })
    }

    /// Empties every shard; what is under way will not bring anything back. What has left is dropped, unless readers that
    /// are under way may see it.
    pub(crate) fn clear(&self) {
        for mut shard in self.shards() {
            shard.state.flights.invalidate_all();
            shard.retain(|_, _| false);
            shard.release(true);
        }
    }

    /// The entries of one shard at one instant; none if there is no such shard.
    pub(super) fn snapshot(&self, shard: usize) -> Option<Vec<(K, V)>>
    where
        K: Clone,
        V: Clone,
    {
        let shard = self.shards.get(shard)?.lock(&self.settings);
        Some(shard.run(|shard| shard.copies()))
    }

    /// Whether the tier holds a key, and whether a load and whether a mutation of it is under way.
    pub(crate) fn explain(&self, hash: u64, key: &K) -> (bool, bool, bool) {
        self.with(hash, |shard| {
            let (loading, mutating) = shard.state.flights.under_way(hash, key);
            (shard.peek(hash, key, |_| ()).is_some(), loading, mutating)
        })
    }
}

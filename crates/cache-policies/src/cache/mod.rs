//! A complete single-threaded cache on a policy of choice.

mod builder;
mod entry;
mod entry_ref;
mod error;
mod hashed;
mod insert;
mod iter;
mod limits;
mod order;
mod shared;
mod stats;
mod store;
mod time;
mod value;

use core::fmt;
use core::hash::{BuildHasher, Hash};

use hashbrown::Equivalent;

pub use self::builder::CacheBuilder;
pub use self::entry::{Entry, OccupiedEntry, VacantEntry};
pub use self::entry_ref::{EntryRef, OccupiedEntryRef, VacantEntryRef};
pub use self::error::{LimitError, RejectReason, Rejected, TryInsertError};
pub use self::iter::{Drain, IntoIter, Iter, Keys, Values};
pub use self::order::EvictionOrder;
pub use self::stats::CacheStats;
pub use self::value::ValueMut;

use self::store::{Node, Store};
use crate::{Cause, Listener, One, Policy, S3Fifo, Slot, Victim, Weigh};

/// A cache for one thread: keys to values, within a weight and a number of entries, in the order of a [`Policy`].
///
/// `P` chooses who goes when room is needed, `W` says how much an entry takes of the capacity ([`Weigh`]), `L` hears of
/// entries that leave ([`Listener`]), `S` hashes keys. Every operation on one entry is O(1), expected for the index and
/// amortised for evictions and expiry; none walks the entries unless it says so.
///
/// ```
/// use cache_policies::Cache;
///
/// let mut cache = Cache::<String, u32>::new(1000);
/// cache.insert("one".into(), 1)?;
/// assert_eq!(cache.get("one"), Some(&1));
/// assert_eq!(cache.get("two"), None);
/// assert_eq!(cache.remove("one"), Some(1));
/// # Ok::<(), cache_policies::Rejected<String, u32>>(())
/// ```
///
/// # Room
/// The weight of the entries does not exceed [`capacity`](Cache::capacity), nor their number
/// [`max_entries`](Cache::max_entries). An insert first evicts what it needs; if it cannot fit at all it is refused, the
/// value comes back ([`Rejected`]), and nothing has changed, nothing was evicted, and what the key had before is still
/// there. A capacity of 0 takes only entries of weight 0, of which the entry limit alone bounds the number.
///
/// Limits may change at any time. One that is [lowered](Cache::set_capacity) holds for inserts at once; of what is there
/// already, a bounded number leaves with each call, and until then there is a [surplus](Cache::surplus_weight), which only
/// falls.
///
/// # Pins
/// A [pinned](Cache::pin) entry is not evicted to make room for others, and costs evictions nothing. It still leaves when
/// its time is over, when it is removed, replaced or cleared, and when its own value is changed in place to outgrow the
/// room beside the other pinned ones.
///
/// # Time
/// The cache reads no clock. [`advance_to`](Cache::advance_to) tells it the tick, whatever a tick is to the owner, and
/// collects what is due. An entry with a time to live of `n` that was inserted at tick `t` is found up to tick
/// `t + n - 1` and never from `t + n` on. Deadlines that overflow u64 are never reached.
///
/// # Panics in a caller's code
/// A weigher, listener, closure, key's `Hash` or `Eq`, or a destructor may panic. The operation then stops where it was:
/// an entry that was on its way out is lost to the unwinding, one on its way in is lost or there, all others are as they
/// were, and the cache goes on working. A key that changes its hash or equality while it is in the cache may be found no
/// more, and is evicted like any.
///
/// # Memory
/// Beside keys and values: 4 bytes a slot for its hash, 6.4 for the index, and what the policy keeps (from 8 on). Room
/// doubles up to the number of entries that the capacity is good for at their mean weight so far, and goes on by eighths; a
/// cache of entries that weigh 1 has room for as many as it may hold, no more. Lifetimes cost 16 bytes a slot from the
/// first one on, 24 with a time to idle. The cache allocates nothing of its own before the first insert. Memory of entries
/// that left is used again, and given back when the cache is dropped.
#[derive(Clone)]
pub struct Cache<K, V, P = S3Fifo, W = One, L = (), S = foldhash::quality::RandomState> {
    store: Store<K, V, P>,
    weigher: W,
    listener: L,
    hasher: S,
    stats: CacheStats,
}

impl<K, V> Cache<K, V> {
    /// An empty cache for `capacity` entries of weight 1, with the default policy, no listener and no lifetimes.
    #[must_use]
    pub fn new(capacity: u64) -> Self {
        Self::builder()
            .capacity(capacity)
            .build()
            .expect("the default configuration is in range")
    }

    /// Settings for a cache of any kind.
    pub fn builder() -> CacheBuilder<K, V> {
        CacheBuilder::new()
    }
}

impl<K, V, P: Policy, W, L, S> Cache<K, V, P, W, L, S> {
    /// Resident entries, pinned ones included. Those whose time is over count until [`advance_to`](Cache::advance_to),
    /// which always collects them, has returned.
    #[must_use]
    pub fn len(&self) -> usize {
        self.store.residency.len()
    }

    /// Whether no entry is resident.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The weight of all resident entries.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.store.residency.weight()
    }

    /// The weight of the pinned entries: what no insert can get at.
    #[must_use]
    pub fn pinned_weight(&self) -> u64 {
        self.store.residency.pinned_weight()
    }

    /// The number of pinned entries.
    #[must_use]
    pub fn pinned_len(&self) -> usize {
        self.store.residency.pinned_len()
    }

    /// What was counted so far.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        self.stats
    }

    /// Starts counting anew; returns what was counted.
    pub fn reset_stats(&mut self) -> CacheStats {
        core::mem::take(&mut self.stats)
    }

    /// The hasher of keys.
    #[must_use]
    pub fn hasher(&self) -> &S {
        &self.hasher
    }

    /// The policy, to look at. While a limit that was lowered is being reached, its capacity is somewhat larger than the
    /// cache's.
    #[must_use]
    pub fn policy(&self) -> &P {
        self.store.residency.policy()
    }

    /// The listener.
    #[must_use]
    pub fn listener(&self) -> &L {
        &self.listener
    }

    /// The listener, for example to take what it has collected.
    #[must_use]
    pub fn listener_mut(&mut self) -> &mut L {
        &mut self.listener
    }

    /// Gives memory back that no entry takes, for example after the capacity was lowered: the slots above
    /// the highest that is taken, and what the index has too much. O(slots). The columns of deadlines and of the policy keep
    /// their length.
    pub fn shrink_to_fit(&mut self) {
        self.store.shrink_to_fit();
    }

    /// Asserts every invariant of the cache and of its policy, for tests. O(slots).
    ///
    /// # Panics
    /// If an invariant is broken, which is a defect of this crate or of a foreign policy.
    pub fn check(&self) {
        self.store.check();
    }
}

impl<K, V, P, W, L, S> Cache<K, V, P, W, L, S>
where
    K: Eq + Hash,
    P: Policy,
    W: Weigh<K, V>,
    L: Listener<K, V>,
    S: BuildHasher,
{
    /// The value of `key`, used by this: the policy hears of it and its idle time starts anew.
    pub fn get<Q>(&mut self, key: &Q) -> Option<&V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.get_with_hash(self.hash_of(key), key)
    }

    /// The key that is kept, and its value, used by this as by [`get`](Cache::get).
    pub fn get_key_value<Q>(&mut self, key: &Q) -> Option<(&K, &V)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let slot = self.use_slot(self.hash_of(key), key)?;
        let node = self.store.node(slot);
        Some((&node.key, &node.value))
    }

    /// The value of `key`, looked at without being used and without being counted.
    pub fn peek<Q>(&self, key: &Q) -> Option<&V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.peek_with_hash(self.hash_of(key), key)
    }

    /// Whether `key` is there, looked at as [`peek`](Cache::peek) does.
    pub fn contains<Q>(&self, key: &Q) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.peek(key).is_some()
    }

    /// The value of `key`, used and to be changed in place; it is weighed anew when the guard is dropped. See [`ValueMut`]
    /// for what happens if it has outgrown the cache.
    pub fn get_mut<Q>(&mut self, key: &Q) -> Option<ValueMut<'_, K, V, P, W, L, S>>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.get_mut_with_hash(self.hash_of(key), key)
    }

    /// The value of `key`, to be changed in place as by [`get_mut`](Cache::get_mut), but neither used nor counted.
    pub fn peek_mut<Q>(&mut self, key: &Q) -> Option<ValueMut<'_, K, V, P, W, L, S>>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let slot = self.peek_slot(self.hash_of(key), key)?;
        Some(ValueMut::new(self, slot))
    }

    /// The place of `key`, used if it is there, with one look-up for whatever follows.
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V, P, W, L, S> {
        self.entry_with_hash(self.hash_of(&key), key)
    }

    /// The place of a borrowed key, used if it is there; an owned one is made from it only for an insert.
    ///
    /// ```
    /// use cache_policies::Cache;
    /// let mut cache = Cache::<String, u32>::new(10);
    /// for word in ["one", "two", "one"] {
    ///     *cache.entry_ref(word).or_insert_mut(0)? += 1;
    /// }
    /// assert_eq!(cache.peek("one"), Some(&2));
    /// # Ok::<(), cache_policies::Rejected<String, u32>>(())
    /// ```
    pub fn entry_ref<'q, Q>(&mut self, key: &'q Q) -> EntryRef<'_, 'q, K, Q, V, P, W, L, S>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let hash = self.hash_of(key);
        let slot = self.use_slot(hash, key);
        EntryRef::new(self, hash, key, slot)
    }

    /// Takes `key` out, pinned or not, and returns its value; `None` if it was not there or its time is over.
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let (key, value) = self.remove_entry(key)?;
        // Before there is a return value, which would be leaked if this panics.
        drop(key);
        Some(value)
    }

    /// Takes `key` out as [`remove`](Cache::remove) does, and returns the key that was kept too.
    pub fn remove_entry<Q>(&mut self, key: &Q) -> Option<(K, V)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.remove_entry_with_hash(self.hash_of(key), key)
    }

    /// Keeps `key` from being evicted until it is unpinned; whether it is there. Pinning twice is pinning once.
    pub fn pin<Q>(&mut self, key: &Q) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let Some(slot) = self.peek_slot(self.hash_of(key), key) else {
            return false;
        };
        self.store.residency.pin(Slot::new(slot));
        true
    }

    /// Lets `key` be evicted again; whether it was there and pinned.
    pub fn unpin<Q>(&mut self, key: &Q) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let Some(slot) = self.peek_slot(self.hash_of(key), key) else {
            return false;
        };
        self.store.residency.unpin(Slot::new(slot))
    }

    /// Whether `key` is there and pinned.
    pub fn is_pinned<Q>(&self, key: &Q) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.peek_slot(self.hash_of(key), key)
            .is_some_and(|slot| self.store.residency.is_pinned(Slot::new(slot)))
    }

    /// Evicts the policy's next victim and hands it to the caller instead of the listener; `None` if nothing is there that
    /// is not pinned. An entry whose time is over goes to the listener and another one is taken.
    pub fn evict_one(&mut self) -> Option<(K, V)> {
        loop {
            let (victim, node) = self.store.evict()?;
            if !victim.dead {
                self.stats.evictions += 1;
                return Some((node.key, node.value));
            }
            self.stats.expirations += 1;
            self.listener.departed(node.key, node.value, Cause::Expired);
        }
    }

    /// The slot of `key` if it is there and alive, without being used.
    fn peek_slot<Q>(&self, hash: u64, key: &Q) -> Option<u32>
    where
        Q: Equivalent<K> + ?Sized,
    {
        self.store
            .find(hash, key)
            .filter(|&slot| !self.store.residency.is_dead(Slot::new(slot)))
    }

    /// The slot of `key` if it is there and alive, used and counted. An entry whose time is over is collected.
    fn use_slot<Q>(&mut self, hash: u64, key: &Q) -> Option<u32>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let found = self.store.find(hash, key);
        match found {
            Some(slot) if !self.store.residency.is_dead(Slot::new(slot)) => {
                self.stats.hits += 1;
                self.store.residency.hit(Slot::new(slot), hash);
                return Some(slot);
            }
            Some(dead) => self.expire(dead),
            None => {}
        }
        self.stats.misses += 1;
        None
    }
}

impl<K, V, P: Policy, W, L: Listener<K, V>, S> Cache<K, V, P, W, L, S> {
    /// Collects the entry at `slot`, whose time is over.
    fn expire(&mut self, slot: u32) {
        let node = self.store.take(slot);
        self.stats.expirations += 1;
        self.listener.departed(node.key, node.value, Cause::Expired);
    }

    /// Collects the entry at `slot`, which no longer fits.
    fn outgrow(&mut self, slot: u32) {
        let node = self.store.take(slot);
        self.stats.evictions += 1;
        self.listener
            .departed(node.key, node.value, Cause::Capacity);
    }

    /// Takes the entry of a victim out and tells the listener of it.
    #[inline(always)]
    fn leave(&mut self, victim: Victim) {
        let node = self.store.detach(victim.slot);
        self.depart(victim, node);
    }

    /// Tells the listener of a victim.
    #[inline(always)]
    fn depart(&mut self, victim: Victim, node: Node<K, V>) {
        let count = match victim.dead {
            true => &mut self.stats.expirations,
            false => &mut self.stats.evictions,
        };
        *count += 1;
        self.listener.departed(node.key, node.value, victim.cause());
    }
}

impl<K, V, P: Policy, W, L, S> fmt::Debug for Cache<K, V, P, W, L, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("len", &self.len())
            .field("max_entries", &self.max_entries())
            .field("weight", &self.weight())
            .field("capacity", &self.capacity())
            .field("now", &self.now())
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

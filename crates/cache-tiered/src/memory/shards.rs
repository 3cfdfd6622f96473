//! The shards of a memory tier, and the one way to a key's shard.

use super::clock::Clock;
use super::departed::Departed;
use super::flight::{Asked, Ending, Load, Turn};
use super::shard::{Settings, Shard};
use crate::error::{BuildError, LoadError, ResizeError};
use cache_policies::{Cause, Rejected};
use crossbeam::utils::CachePadded;
use foldhash::quality::RandomState;
use hashbrown::Equivalent;
use parking_lot::{Mutex, MutexGuard};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

pub(super) type SharedListener<K, V> = Arc<dyn Fn(K, V, Cause) + Send + Sync>;

/// A shard on cache lines of its own, so that threads in different shards share none.
type Cell<K, V> = CachePadded<Mutex<Shard<K, V>>>;

/// The shards, and what they share.
pub(crate) struct Core<K, V> {
    shards: Box<[Cell<K, V>]>,
    /// `hash >> shift & mask` is the index of a shard: bits that the tables of the shards use
    /// neither for the position in them (the low ones) nor for tags (the seven highest).
    shift: u32,
    hasher: RandomState,
    clock: Arc<dyn Clock>,
    listener: Option<SharedListener<K, V>>,
    /// The sum of the shards' capacities. Held while it changes.
    capacity: Mutex<u64>,
}

/// The capacity of shard `index` of `shards`: all shares sum up to `capacity`.
fn share(capacity: u64, shards: usize, index: usize) -> u64 {
    let shards = shards as u64;
    capacity / shards + u64::from((index as u64) < capacity % shards)
}

impl<K, V> Core<K, V> {
    pub(super) fn new(
        capacity: u64,
        shards: usize,
        settings: &Settings<K, V>,
        clock: Arc<dyn Clock>,
        listener: Option<SharedListener<K, V>>,
    ) -> Result<Self, BuildError> {
        debug_assert!(shards.is_power_of_two() && shards <= 1 << 16);
        let hasher = settings.hasher.clone();
        let shards = (0..shards)
            .map(|index| {
                Ok(CachePadded::new(Mutex::new(Shard::new(
                    share(capacity, shards, index),
                    settings,
                )?)))
            })
            .collect::<Result<Box<[_]>, BuildError>>()?;
        Ok(Self {
            shift: 57 - shards.len().trailing_zeros(),
            shards,
            hasher,
            clock,
            listener,
            capacity: Mutex::new(capacity),
        })
    }

    pub(super) fn shards(&self) -> &[Cell<K, V>] {
        &self.shards
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(super) fn capacity(&self) -> u64 {
        *self.capacity.lock()
    }

    pub(super) fn shard_of(&self, hash: u64) -> &Mutex<Shard<K, V>> {
        &self.shards[(hash >> self.shift) as usize & (self.shards.len() - 1)]
    }

    /// Tells the listener of what left, or drops it; the caller holds no lock.
    pub(super) fn dispatch(&self, departed: Departed<K, V>) {
        match &self.listener {
            None => drop(departed),
            Some(listener) => departed
                .into_iter()
                .for_each(|(key, value, cause)| listener(key, value, cause)),
        }
    }
}

impl<K: Hash + Eq, V> Core<K, V> {
    /// The hash of a key: computed once a call, here.
    #[inline]
    pub(crate) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Does something under the lock of a key's shard, when time has passed there. What leaves by
    /// that is told of and dropped after the lock; the same goes for what the caller lets `act`
    /// return.
    #[inline]
    pub(super) fn with<R>(&self, hash: u64, act: impl FnOnce(&mut Shard<K, V>) -> R) -> R {
        let mut shard = self.shard_of(hash).lock();
        shard.tick(self.clock());
        self.release(shard, act)
    }

    #[inline]
    fn release<R>(
        &self,
        mut shard: MutexGuard<'_, Shard<K, V>>,
        act: impl FnOnce(&mut Shard<K, V>) -> R,
    ) -> R {
        let result = act(&mut shard);
        let departed = shard.entries.listener_mut().take();
        drop(shard);
        self.dispatch(departed);
        result
    }

    /// The lock of a key's shard, taken when everybody who left by time was told of. What is begun
    /// under it (a load, a mutation) is so begun after all listeners of this call have returned:
    /// one that asks for the same key does not wait for the very call that it runs in, and one
    /// that panics leaves nothing behind that nobody would end.
    fn settled(&self, hash: u64) -> MutexGuard<'_, Shard<K, V>> {
        let shard = self.shard_of(hash).lock();
        if !shard.is_timed() {
            return shard;
        }
        drop(shard);
        self.with(hash, |_| ());
        self.shard_of(hash).lock()
    }

    /// A counted look-up. Nothing can leave by it unless some entry has a limited life.
    #[inline]
    pub(crate) fn get<Q: Equivalent<K> + ?Sized>(&self, hash: u64, key: &Q) -> Option<V>
    where
        V: Clone,
    {
        let mut shard = self.shard_of(hash).lock();
        if shard.is_timed() {
            drop(shard);
            return self.with(hash, |shard| {
                shard.entries.get_with_hash(hash, key).cloned()
            });
        }
        shard.entries.get_with_hash(hash, key).cloned()
    }

    /// A counted look-up that clones nothing: `look` sees the value, under whatever keeps it there.
    #[inline]
    pub(crate) fn read<Q: Equivalent<K> + ?Sized, R>(
        &self,
        hash: u64,
        key: &Q,
        look: impl FnOnce(&V) -> R,
    ) -> Option<R> {
        let mut shard = self.shard_of(hash).lock();
        if shard.is_timed() {
            drop(shard);
            return self.with(hash, |shard| {
                shard.entries.get_with_hash(hash, key).map(look)
            });
        }
        shard.entries.get_with_hash(hash, key).map(look)
    }

    /// [`read`](Self::read) that neither counts nor uses the entry. No time passes by it and no
    /// listener is told of anything, so it may be called while a panic unwinds.
    pub(crate) fn peek<Q: Equivalent<K> + ?Sized, R>(
        &self,
        hash: u64,
        key: &Q,
        look: impl FnOnce(&V) -> R,
    ) -> Option<R> {
        self.shard_of(hash).lock().peek(hash, key).map(look)
    }

    /// A look-up that neither counts nor uses the entry.
    pub(crate) fn contains<Q: Equivalent<K> + ?Sized>(&self, hash: u64, key: &Q) -> bool {
        self.with(hash, |shard| shard.peek(hash, key).is_some())
    }

    /// Inserts from outside: a load that is under way for the key will not overwrite it.
    pub(super) fn insert(
        &self,
        key: K,
        value: V,
        ttl: Option<u64>,
    ) -> Result<Option<V>, Rejected<K, V>> {
        let hash = self.hash(&key);
        self.with(hash, |shard| {
            shard.flights.detach(hash, &key);
            shard.insert(self.clock(), hash, key, value, ttl)
        })
    }

    /// Removes from outside: what is under way for the key, be it a load or a mutation, will not
    /// bring it back.
    pub(crate) fn remove<Q: Equivalent<K> + ?Sized>(&self, hash: u64, key: &Q) -> Option<V> {
        self.with(hash, |shard| {
            shard.flights.invalidate(hash, key);
            shard.remove(hash, key)
        })
        .map(|(_, value)| value)
    }

    /// Empties every shard; what is under way will not bring anything back.
    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            shard.flights.invalidate_all();
            shard.entries.clear();
            let departed = shard.entries.listener_mut().take();
            drop(shard);
            self.dispatch(departed);
        }
    }

    pub(super) fn resize(&self, capacity: u64) -> Result<(), ResizeError> {
        let shards = self.shards.len();
        if capacity < shards as u64 {
            return Err(ResizeError::TooSmall { capacity, shards });
        }
        let mut all_departed = Vec::with_capacity(shards);
        let mut current = self.capacity.lock();
        let mut set = |index: usize, capacity: u64| {
            let mut shard = self.shards[index].lock();
            let set = shard.entries.set_capacity(share(capacity, shards, index));
            while shard.entries.shed(usize::MAX) > 0 {}
            all_departed.push(shard.entries.listener_mut().take());
            set.is_ok()
        };
        let pinned = (0..shards).find(|&index| !set(index, capacity));
        let resized = match pinned {
            None => {
                *current = capacity;
                Ok(())
            }
            Some(pinned) => {
                // Only a smaller capacity is refused, so this one is larger and can not be.
                let restored = (0..pinned).all(|index| set(index, *current));
                debug_assert!(restored, "the former capacity holds what is pinned");
                Err(ResizeError::Pinned { capacity })
            }
        };
        drop(current);
        all_departed
            .into_iter()
            .for_each(|departed| self.dispatch(departed));
        resized
    }

    /// The entries of one shard at one instant; none if there is no such shard.
    pub(super) fn snapshot(&self, shard: usize) -> Option<Vec<(K, V)>>
    where
        K: Clone,
        V: Clone,
    {
        let mut shard = self.shards.get(shard)?.lock();
        shard.tick(self.clock());
        let entries = shard
            .entries
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let departed = shard.entries.listener_mut().take();
        drop(shard);
        self.dispatch(departed);
        Some(entries)
    }

    /// Whether the tier holds a key, and whether a load and whether a mutation of it is under way.
    pub(crate) fn explain(&self, hash: u64, key: &K) -> (bool, bool, bool) {
        self.with(hash, |shard| {
            let (loading, mutating) = shard.flights.under_way(hash, key);
            (shard.peek(hash, key).is_some(), loading, mutating)
        })
    }
}

/// How a miss goes on.
pub(crate) enum Joined<K: Hash + Eq, V: Clone> {
    /// It is none: the value came meanwhile.
    Resident(V),
    /// Somebody loads already.
    Waiting {
        load: Arc<Load<V>>,
        /// The load asks whom this caller would ask.
        same: bool,
    },
    /// The caller loads.
    Leading(Lead<K, V>),
}

impl<K: Hash + Eq + Clone, V: Clone> Core<K, V> {
    /// After a miss: takes part in the load of the key, or starts it. One step under the lock.
    pub(crate) fn join(self: &Arc<Self>, hash: u64, key: &K, asked: Asked) -> Joined<K, V> {
        self.join_unless(hash, key, asked, |_| true)
    }

    /// [`join`](Self::join) for a caller whom not every value serves: one that `serves` refuses
    /// stays where it is, and the caller waits or leads as if there were none.
    pub(crate) fn join_unless(
        self: &Arc<Self>,
        hash: u64,
        key: &K,
        asked: Asked,
        serves: impl FnOnce(&V) -> bool,
    ) -> Joined<K, V> {
        let mut shard = self.settled(hash);
        if let Some(value) = shard.peek(hash, key).filter(|value| serves(value)) {
            return Joined::Resident(value.clone());
        }
        if let Some(load) = shard.flights.load(hash, key) {
            let same = load.asked == asked;
            return Joined::Waiting { load, same };
        }
        Joined::Leading(Lead {
            core: Arc::clone(self),
            hash,
            key: key.clone(),
            landed: false,
            // Last: a clone that panics must not leave a load that nobody leads.
            load: shard.flights.attach(hash, key, asked),
        })
    }

    /// Queues a mutation of the key; dropped before its turn came it leaves the queue.
    pub(crate) fn enqueue(self: &Arc<Self>, hash: u64, key: &K) -> Ownership<K, V> {
        Ownership {
            core: Arc::clone(self),
            hash,
            key: key.clone(),
            ended: false,
            // Last: a clone that panics must not leave a turn that nobody takes.
            turn: self.shard_of(hash).lock().flights.enqueue(hash, key),
        }
    }
}

/// The duty to end a load, whatever happens: dropped without an answer, it abandons the load.
pub(crate) struct Lead<K: Hash + Eq, V: Clone> {
    core: Arc<Core<K, V>>,
    load: Arc<Load<V>>,
    hash: u64,
    key: K,
    landed: bool,
}

/// Whether and how long a loaded value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// It only answers those who asked.
    No,
    /// As long as the tier does by default.
    Default,
    /// So many milliseconds.
    For(u64),
}

/// What the end of a load leaves in the tier, if nothing changed the key meanwhile.
#[derive(Debug)]
pub(crate) enum Install<V> {
    /// What was there.
    Leave,
    /// Nothing.
    Remove,
    /// A value; one that the tier does not take leaves nothing behind, as in a mutation.
    Put(V, Keep),
}

impl Keep {
    fn ttl(self) -> Option<u64> {
        match self {
            Self::For(ttl) => Some(ttl),
            Self::No | Self::Default => None,
        }
    }
}

impl<K: Hash + Eq, V: Clone> Lead<K, V> {
    /// The key to load.
    pub(crate) fn key(&self) -> &K {
        &self.key
    }

    /// Ends the load: installs the value if nothing changed the key meanwhile, then answers
    /// everybody who joined. False if a change kept it from being installed.
    pub(crate) fn land(self, answer: Result<V, LoadError>, keep: Keep) -> bool
    where
        K: Clone,
    {
        let install = match &answer {
            Ok(value) if keep != Keep::No => Install::Put(value.clone(), keep),
            _ => Install::Leave,
        };
        self.end(answer, install)
    }

    /// [`land`](Self::land) where what is installed need not be the answer.
    pub(crate) fn end(mut self, answer: Result<V, LoadError>, install: Install<V>) -> bool
    where
        K: Clone,
    {
        let key = self.key.clone();
        // What leaves is handed out of the lock, to be dropped there.
        let (attached, _former, _refused, _unused) = self.core.with(self.hash, |shard| {
            if !shard.flights.land(self.hash, &key, &self.load) {
                return (false, None, None, Some(install));
            }
            match install {
                Install::Leave => (true, None, None, None),
                Install::Remove => (true, shard.remove(self.hash, &key), None, None),
                Install::Put(value, keep) => {
                    let (clock, ttl) = (self.core.clock(), keep.ttl());
                    match shard.insert(clock, self.hash, key.clone(), value, ttl) {
                        Ok(former) => (true, former.map(|former| (key, former)), None, None),
                        Err(refused) => (
                            true,
                            shard.remove(self.hash, &refused.key),
                            Some(refused),
                            None,
                        ),
                    }
                }
            }
        });
        // Only now: a weigher that panics above leaves an abandoned load, not one without end.
        self.landed = true;
        self.load.end(Ending::Answered(answer));
        attached
    }
}

impl<K: Hash + Eq, V: Clone> Drop for Lead<K, V> {
    fn drop(&mut self) {
        if !self.landed {
            // No listener is told of anything in between: should it panic, the load had no end.
            let mut shard = self.core.shard_of(self.hash).lock();
            shard.flights.land(self.hash, &self.key, &self.load);
            drop(shard);
            self.load.end(Ending::Abandoned);
        }
    }
}

/// A mutation's right to a key, or its place in the queue for it.
///
/// Dropped by a panic of the store while the outcome is open, it hides the key: the next read
/// asks the store.
pub(crate) struct Ownership<K: Hash + Eq, V> {
    core: Arc<Core<K, V>>,
    turn: Arc<Turn>,
    hash: u64,
    key: K,
    ended: bool,
}

impl<K: Hash + Eq, V> Ownership<K, V> {
    /// Waits for the key.
    pub(crate) async fn granted(&self) {
        self.turn.granted().await;
    }

    /// The store has the value: readers see it from here on for as long as `keep` says, or ask the
    /// store if the key was invalidated meanwhile or the value is not to be kept. A value that the
    /// tier does not take leaves nothing behind, above all not its predecessor.
    pub(crate) fn show(mut self, key: K, value: V, keep: Keep) {
        let ended = &mut self.ended;
        let _former = self.core.with(self.hash, |shard| {
            if keep == Keep::No || shard.flights.is_invalidated(self.hash, &key) {
                *ended = true;
                let former = shard.conceal(self.hash, &key);
                return (Some(value), former, None);
            }
            shard.flights.detach(self.hash, &key);
            let former = match shard.insert(self.core.clock(), self.hash, key, value, keep.ttl()) {
                Ok(former) => (former, None, None),
                Err(rejected) => (None, shard.remove(self.hash, &self.key), Some(rejected)),
            };
            shard.flights.hand_over(self.hash, &self.key);
            // Only now: a weigher that panics above leaves the key hidden, not owned for ever. And
            // not later: after a listener that panics the key must not be handed over once more.
            *ended = true;
            former
        });
    }

    /// The store has no value, or nobody knows: readers ask it from here on.
    pub(crate) fn hide(mut self) {
        let ended = &mut self.ended;
        let _former = self.core.with(self.hash, |shard| {
            *ended = true;
            shard.conceal(self.hash, &self.key)
        });
    }

    /// Nothing has changed.
    pub(crate) fn leave(mut self) {
        self.ended = true;
        let mut shard = self.core.shard_of(self.hash).lock();
        shard.flights.hand_over(self.hash, &self.key);
    }
}

impl<K: Hash + Eq, V> Drop for Ownership<K, V> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut shard = self.core.shard_of(self.hash).lock();
        if self.turn.is_granted() {
            // The time does not pass here: a clock that panics must not keep the key.
            let _former = self
                .core
                .release(shard, |shard| shard.conceal(self.hash, &self.key));
        } else {
            shard.flights.withdraw(self.hash, &self.key, &self.turn);
        }
    }
}

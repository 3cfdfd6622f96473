//! The dirty set: all shards, the room that they share, and the cohorts that flushes wait for.

use super::entry::{Batch, Change, Displaced, Entry, Flight};
use super::room::Room;
use super::shard::{Landed, Shard};
use crossbeam::utils::CachePadded;
use event_listener::Event;
use hashbrown::Equivalent;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const SHARDS: usize = 64;

/// A shard on cache lines of its own.
type Cell<K, V> = CachePadded<Mutex<Shard<K, V>>>;

/// The keys that the store does not have in their latest state.
///
/// Every key that is not dead belongs to one of two cohorts. A flush lets new ones join the other,
/// and waits until its own is empty.
pub(super) struct DirtySet<K, V> {
    shards: Box<[Cell<K, V>]>,
    pub(super) room: Room,
    /// The cohort that is joined. Changed with all shards locked, read with one: so it orders
    /// itself, and Relaxed is enough.
    cohort: AtomicUsize,
    /// How many there are of each. Relaxed: changed with the key's shard locked, and who waits for
    /// none looks again after each change that is told.
    members: [AtomicUsize; 2],
    /// Told when a cohort is empty.
    pub(super) drained: Event,
    /// Dead letters and dirty keys together, so that most misses need no lock. Raised before a
    /// change is acknowledged (Release) and looked at by reads that start later (Acquire).
    pub(super) unapplied: AtomicUsize,
}

impl<K, V> DirtySet<K, V> {
    pub(super) fn new(keys_max: usize, bytes_max: usize) -> Self {
        Self {
            shards: (0..SHARDS)
                .map(|_| CachePadded::new(Mutex::new(Shard::default())))
                .collect(),
            room: Room::new(keys_max, bytes_max),
            cohort: AtomicUsize::new(0),
            members: [const { AtomicUsize::new(0) }; 2],
            drained: Event::new(),
            unapplied: AtomicUsize::new(0),
        }
    }

    pub(super) const fn shards(&self) -> usize {
        SHARDS
    }

    const fn index(hash: u64) -> usize {
        (hash >> 40) as usize % SHARDS
    }

    fn shard(&self, hash: u64) -> &Mutex<Shard<K, V>> {
        &self.shards[Self::index(hash)]
    }

    /// Looks at the entry of a key.
    pub(super) fn look<Q: Equivalent<K> + ?Sized, R>(
        &self,
        hash: u64,
        key: &Q,
        look: impl FnOnce(&Entry<K, V>) -> R,
    ) -> Option<R> {
        if self.unapplied.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.shard(hash).lock().find(hash, key).map(look)
    }

    fn join(&self) -> usize {
        let cohort = self.cohort.load(Ordering::Relaxed);
        self.members[cohort].fetch_add(1, Ordering::Relaxed);
        cohort
    }

    pub(super) fn leave(&self, cohort: usize) {
        if self.members[cohort].fetch_sub(1, Ordering::Relaxed) == 1 {
            self.drained.notify(usize::MAX);
        }
    }

    /// Takes in a change for which `keys` and `bytes` of room were taken.
    pub(super) fn put(
        &self,
        hash: u64,
        change: Change<K, V>,
        (keys, bytes): (usize, usize),
        due: u64,
        witnessed: u64,
    ) -> Option<Displaced>
    where
        K: Eq,
    {
        let added = change.bytes;
        let displaced = {
            let mut shard = self.shard(hash).lock();
            let cohort = self.cohort.load(Ordering::Relaxed);
            let displaced = shard.put(hash, change, due, cohort, witnessed);
            if displaced.is_none() {
                self.unapplied.fetch_add(1, Ordering::Release);
            }
            if displaced.is_none_or(|displaced| !displaced.counted) {
                self.members[cohort].fetch_add(1, Ordering::Relaxed);
            }
            displaced
        };
        let counted = displaced.filter(|displaced| displaced.counted);
        let (freed_keys, freed_bytes) = counted.map_or((0, 0), |displaced| (1, displaced.bytes));
        // What is counted now is one key and the bytes that were added.
        self.room.take(1, added);
        self.room.give(keys + freed_keys, bytes + freed_bytes);
        displaced
    }

    /// Lets new ones join the other cohort.
    pub(super) fn change_cohort(&self) {
        let locked: Vec<_> = self.shards.iter().map(|shard| shard.lock()).collect();
        self.cohort.fetch_xor(1, Ordering::Relaxed);
        drop(locked);
    }

    /// The cohort that is not joined. Who flushes has it to itself to change.
    pub(super) fn unjoined(&self) -> usize {
        self.cohort.load(Ordering::Relaxed) ^ 1
    }

    pub(super) fn members(&self, cohort: usize) -> usize {
        self.members[cohort].load(Ordering::Relaxed)
    }

    /// When the first of a shard is due.
    pub(super) fn first_due(&self, shard: usize) -> Option<u64> {
        self.shards[shard].lock().first_due()
    }

    /// Takes those of a shard that are wanted, in the order of their times, until the batch holds
    /// `len`; true if that left some behind.
    pub(super) fn take(
        &self,
        shard: usize,
        wanted: impl Fn(u64, &Entry<K, V>) -> bool,
        len: usize,
        batch: &mut Batch<K, V>,
    ) -> bool
    where
        K: Clone,
        V: Clone,
    {
        let mut locked = self.shards[shard].lock();
        while batch.len() < len {
            if !locked.take_first(&wanted, shard, batch) {
                return false;
            }
        }
        true
    }

    /// Takes up to `limit` of the coldest of a shard.
    pub(super) fn take_cold(&self, shard: usize, limit: usize, batch: &mut Batch<K, V>)
    where
        K: Clone,
        V: Clone,
    {
        self.shards[shard].lock().take_cold(limit, shard, batch);
    }

    /// The change of a flight is applied. Returns the cohort that the caller is to let it
    /// [leave](Self::leave) when all that follows is done.
    pub(super) fn land(&self, flight: &Flight, witnessed: u64) -> usize {
        let (landed, gone) = {
            let mut shard = self.shards[flight.shard].lock();
            let (landed, gone) = shard.land(flight, witnessed);
            match landed {
                Landed::Clean { .. } => {
                    self.unapplied.fetch_sub(1, Ordering::Release);
                }
                Landed::Dirty { next, .. } => {
                    self.members[next].fetch_add(1, Ordering::Relaxed);
                }
            }
            (landed, gone)
        };
        // Key and value are dropped without a lock.
        drop(gone);
        match landed {
            Landed::Clean { bytes, cohort } => {
                self.room.give(1, bytes);
                cohort
            }
            Landed::Dirty { cohort, .. } => cohort,
        }
    }

    /// The change of a flight is not applied; it is due again at `at`.
    /// True if a later change of its key took its place.
    pub(super) fn return_at(&self, flight: &Flight, at: u64) -> bool {
        self.shards[flight.shard].lock().return_at(flight, at)
    }

    /// Changes the entry of a flight.
    pub(super) fn with_flying<R>(
        &self,
        flight: &Flight,
        act: impl FnOnce(&mut Entry<K, V>) -> R,
    ) -> R {
        act(self.shards[flight.shard].lock().flying(flight))
    }

    /// Gives up the change of a flight; false if a later one of its key came.
    pub(super) fn bury(&self, flight: &Flight, reason: Arc<str>) -> bool {
        let counted = self.shards[flight.shard].lock().bury(flight, reason);
        let Some((bytes, cohort)) = counted else {
            return false;
        };
        self.room.give(1, bytes);
        self.leave(cohort);
        true
    }

    /// Takes in a change from the journal, dead if there is a reason; returns the record of the
    /// one that it replaces.
    pub(super) fn restore(
        &self,
        hash: u64,
        change: Change<K, V>,
        reason: Option<Arc<str>>,
        now: u64,
    ) -> Option<u64>
    where
        K: Eq,
    {
        let mut shard = self.shard(hash).lock();
        let Some(reason) = reason else {
            drop(shard);
            let displaced = self.put(hash, change, (0, 0), now, 0);
            return displaced.map(|displaced| displaced.sequence);
        };
        let replaced = shard.remove(hash, &change.key);
        shard.put_dead(hash, change, reason);
        drop(shard);
        let Some(replaced) = replaced else {
            self.unapplied.fetch_add(1, Ordering::Release);
            return None;
        };
        if replaced.is_counted() {
            self.room.give(1, replaced.bytes);
            self.leave(replaced.cohort);
        }
        Some(replaced.sequence)
    }

    pub(super) fn revive<Q: Equivalent<K> + ?Sized>(
        &self,
        hash: u64,
        key: &Q,
        sequence: u64,
        now: u64,
    ) -> bool {
        let mut shard = self.shard(hash).lock();
        let cohort = self.join();
        let revived = shard.revive(hash, key, sequence, now, cohort);
        drop(shard);
        match revived {
            Some(bytes) => self.room.take(1, bytes),
            None => self.leave(cohort),
        }
        revived.is_some()
    }

    pub(super) fn discard<Q: Equivalent<K> + ?Sized>(
        &self,
        hash: u64,
        key: &Q,
    ) -> Option<Entry<K, V>> {
        let discarded = self.shard(hash).lock().discard(hash, key);
        if discarded.is_some() {
            self.unapplied.fetch_sub(1, Ordering::Release);
        }
        discarded
    }

    /// What `pick` makes of each entry, shard after shard. O(entries).
    pub(super) fn collect<R>(&self, mut pick: impl FnMut(&Entry<K, V>) -> Option<R>) -> Vec<R> {
        let mut found = Vec::new();
        for shard in &self.shards {
            found.extend(shard.lock().entries().filter_map(&mut pick));
        }
        found
    }

    pub(super) fn dead(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().dead).sum()
    }
}

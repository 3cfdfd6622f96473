//! Inserting: what is refused, how room is made, and when which of a caller's code runs.
//!
//! The order is always the same: first everything that may refuse or panic while nothing has changed (hash, look-up,
//! weigher), then evictions one by one, each complete before the listener hears of it, and last the insert itself, in
//! which no caller's code runs. Where one more eviction is enough the new entry takes the victim's place in one step, before
//! the listener hears of that victim.

use core::hash::{BuildHasher, Hash};

use super::store::{Node, Victim};
use super::{Cache, RejectReason, Rejected, TryInsertError};
use crate::{Cause, Hint, Listener, Policy, Weigh};

/// An insert into a cache without lifetimes whose limits are not being lowered, as they are in most: it asks for neither.
const PLAIN: bool = true;
/// Any other insert.
const TIMED: bool = false;

/// How an attempt to make room ended.
pub(crate) enum Room<K, V> {
    /// There is room.
    Made,
    /// The victim was the very entry for whose sake room was made; it is out.
    Own(Victim<K, V>),
    /// The policy has no victim left.
    None,
}

/// Whether the policy is to hear of the use that a replacement is.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(crate) enum Use {
    /// It has not heard yet.
    New,
    /// It heard when the entry was looked up.
    Told,
}

impl<K, V, P, W, L, S> Cache<K, V, P, W, L, S>
where
    K: Eq + Hash,
    P: Policy,
    W: Weigh<K, V>,
    L: Listener<K, V>,
    S: BuildHasher,
{
    /// Puts `value` under `key` and returns what the key had before. Its life is that of
    /// [`time_to_live`](super::CacheBuilder::time_to_live).
    ///
    /// Where the key is there, its kept key stays, and the policy hears of a use. Where it is not, the policy is asked about
    /// the missed key, and victims make room.
    ///
    /// # Errors
    /// [`Rejected`] gives key and value back; the cache is as it was, with what the key had before.
    pub fn insert(&mut self, key: K, value: V) -> Result<Option<V>, Rejected<K, V>> {
        self.insert_with_hash(self.hash_of(&key), key, value)
    }

    /// Puts `value` under `key` as [`insert`](Cache::insert) does, for a life of `ticks`: see Time at [`Cache`]. With
    /// `u64::MAX` it lives for ever.
    ///
    /// # Errors
    /// [`Rejected`] as for [`insert`](Cache::insert); with 0 ticks always ([`RejectReason::Stillborn`]).
    pub fn insert_with_ttl(
        &mut self,
        key: K,
        value: V,
        ticks: u64,
    ) -> Result<Option<V>, Rejected<K, V>> {
        self.insert_with_ttl_and_hash(self.hash_of(&key), key, value, ticks)
    }

    /// The value of `key`, used; if it is not there, `load` makes it and it is inserted.
    ///
    /// ```
    /// use cache_policies::Cache;
    /// let mut cache = Cache::<u64, String>::new(10);
    /// assert_eq!(cache.get_or_insert_with(7, || "seven".into())?, "seven");
    /// assert_eq!(cache.get_or_insert_with(7, || unreachable!())?, "seven");
    /// # Ok::<(), cache_policies::Rejected<u64, String>>(())
    /// ```
    ///
    /// # Errors
    /// [`Rejected`] has the value that `load` made, if the cache does not take it.
    pub fn get_or_insert_with(
        &mut self,
        key: K,
        load: impl FnOnce() -> V,
    ) -> Result<&V, Rejected<K, V>> {
        self.entry(key).or_insert_with(load)
    }

    /// The value of `key` as [`get_or_insert_with`](Cache::get_or_insert_with) gives it, where `load` may fail; the cache is
    /// then as it was.
    ///
    /// # Errors
    /// [`TryInsertError::Load`] has the error of `load`, [`TryInsertError::Rejected`] the value that it made.
    pub fn try_get_or_insert_with<E>(
        &mut self,
        key: K,
        load: impl FnOnce() -> Result<V, E>,
    ) -> Result<&V, TryInsertError<K, V, E>> {
        self.entry(key).or_try_insert_with(load)
    }

    /// Puts `value` under `key`, which may be there, dead or alive.
    pub(crate) fn put(
        &mut self,
        hash: u64,
        key: K,
        value: V,
        ticks: u64,
    ) -> Result<Option<V>, Rejected<K, V>> {
        match self.store.find_unless_absent(hash, &key) {
            Some(slot) if !self.store.lifetimes.is_dead(slot) => {
                let node = Node { key, value };
                return self.replace(slot, hash, node, ticks, Use::New).map(Some);
            }
            Some(dead) => self.expire(dead),
            None => {}
        }
        self.place(hash, key, value, ticks).map(|_| None)
    }
}

impl<K, V, P: Policy, W: Weigh<K, V>, L: Listener<K, V>, S> Cache<K, V, P, W, L, S> {
    /// Inserts `key`, which is not there; its slot.
    #[inline(always)]
    pub(crate) fn place(
        &mut self,
        hash: u64,
        key: K,
        value: V,
        ticks: u64,
    ) -> Result<u32, Rejected<K, V>> {
        let node = Node { key, value };
        if self.is_plain(ticks) {
            return self.place_as::<PLAIN>(hash, node, ticks);
        }
        self.place_timed(hash, node, ticks)
    }

    /// Whether lifetimes and a limit that is being lowered are of no concern to a new entry of so many ticks.
    #[inline(always)]
    fn is_plain(&self, ticks: u64) -> bool {
        self.store.lifetimes.are_off(ticks) && !self.shedding
    }

    #[inline(never)]
    fn place_timed(
        &mut self,
        hash: u64,
        node: Node<K, V>,
        ticks: u64,
    ) -> Result<u32, Rejected<K, V>> {
        self.place_as::<TIMED>(hash, node, ticks)
    }

    #[inline(always)]
    fn place_as<const KIND: bool>(
        &mut self,
        hash: u64,
        node: Node<K, V>,
        ticks: u64,
    ) -> Result<u32, Rejected<K, V>> {
        if KIND == TIMED && self.store.lifetimes.is_stillborn(ticks) {
            return Err(self.reject(node, RejectReason::Stillborn));
        }
        let weight = self.weigher.weigh(&node.key, &node.value);
        if let Some(reason) = self.refusal(weight, None) {
            return Err(self.reject(node, reason));
        }
        let hint = self.store.policy_mut().miss(hash);
        self.settle::<KIND>(hash, node, weight, ticks, hint)
    }

    /// Puts the node's value in the place of that at `slot`, which is alive and has this key; the value that was there.
    #[inline(never)]
    pub(crate) fn replace(
        &mut self,
        slot: u32,
        hash: u64,
        node: Node<K, V>,
        ticks: u64,
        usage: Use,
    ) -> Result<V, Rejected<K, V>> {
        if self.store.lifetimes.is_stillborn(ticks) {
            return Err(self.reject(node, RejectReason::Stillborn));
        }
        let weight = self.weigher.weigh(&node.key, &node.value);
        let own = (slot, self.store.weight_of(slot));
        if let Some(reason) = self.refusal(weight, Some(own)) {
            return Err(self.reject(node, reason));
        }
        if usage == Use::New {
            self.store.hit(slot, hash);
        }
        let before = match self.make_room(weight, Some(own)) {
            Room::Made => {
                let Node { key, value } = node;
                let before = core::mem::replace(&mut self.store.node_mut(slot).value, value);
                self.store.reweigh(slot, own.1, weight);
                self.store.lifetimes.start(slot, ticks);
                // Here rather than at the end: a return value is leaked if a destructor panics after it was made.
                drop(key);
                before
            }
            Room::Own(victim) => {
                // The policy may have remembered it as a victim: it forgets what is resident again.
                let hint = self.store.policy_mut().miss(hash);
                // The room that it leaves may not be enough.
                match self.settle::<TIMED>(hash, node, weight, ticks, hint) {
                    Ok(_) => {
                        // It was an update.
                        self.stats.inserts -= 1;
                        victim.node.into_value()
                    }
                    Err(rejected) => {
                        self.depart(victim);
                        return Err(rejected);
                    }
                }
            }
            Room::None => return Err(self.reject(node, RejectReason::AllPinned)),
        };
        self.stats.updates += 1;
        Ok(before)
    }

    /// Makes room for an entry that was found to fit, and puts it in; its slot.
    #[inline(always)]
    fn settle<const KIND: bool>(
        &mut self,
        hash: u64,
        node: Node<K, V>,
        weight: u32,
        ticks: u64,
        hint: Hint,
    ) -> Result<u32, Rejected<K, V>> {
        while !self.has_room(weight, 0) {
            if KIND == TIMED && self.shedding {
                match self.make_room_shedding(weight, None) {
                    Room::Made => break,
                    _ => return Err(self.reject(node, RejectReason::AllPinned)),
                }
            }
            let Some(slot) = self.store.choose() else {
                return Err(self.reject(node, RejectReason::AllPinned));
            };
            if KIND == PLAIN && self.has_room(weight, 1) {
                self.stats.inserts += 1;
                self.stats.evictions += 1;
                let victim = self.store.replace(slot, hash, node, weight, hint);
                self.listener
                    .departed(victim.key, victim.value, Cause::Capacity);
                return Ok(slot);
            }
            let victim = self.store.detach(slot);
            self.depart(victim);
        }
        match self.store.insert(hash, node, weight, hint) {
            Ok(slot) => {
                self.stats.inserts += 1;
                if KIND == TIMED {
                    self.store.lifetimes.start(slot, ticks);
                }
                Ok(slot)
            }
            Err(node) => Err(self.reject(node, RejectReason::Exhausted)),
        }
    }

    #[cold]
    fn reject(&mut self, node: Node<K, V>, reason: RejectReason) -> Rejected<K, V> {
        self.stats.rejections += 1;
        Rejected {
            key: node.key,
            value: node.value,
            reason,
        }
    }

    /// Why an entry of this weight cannot be, evict what you will; `own` is the slot and weight of what it replaces.
    #[inline]
    fn refusal(&self, weight: u32, own: Option<(u32, u32)>) -> Option<RejectReason> {
        // What is pinned is within the capacity, unless that was lowered before it was pinned.
        let free = self.capacity.saturating_sub(self.pinned_weight());
        let fits = u64::from(weight) <= free && self.pinned_len() < self.max_entries;
        if fits {
            return None;
        }
        self.refusal_beside_pinned(weight, own)
    }

    #[cold]
    fn refusal_beside_pinned(&self, weight: u32, own: Option<(u32, u32)>) -> Option<RejectReason> {
        let weight = u64::from(weight);
        if weight > self.capacity || self.max_entries == 0 {
            return Some(RejectReason::TooHeavy);
        }
        let own = own.filter(|&(slot, _)| self.store.pins().contains(slot));
        let pinned = self.pinned_weight() - own.map_or(0, |(_, weight)| u64::from(weight));
        let pinned_len = self.pinned_len() - usize::from(own.is_some());
        // What is pinned is resident, so it is within the capacity, unless that was lowered before it was pinned.
        let full = weight > self.capacity.saturating_sub(pinned) || pinned_len >= self.max_entries;
        full.then_some(RejectReason::AllPinned)
    }

    /// Whether an entry of `weight`, which is within the capacity, fits without an eviction, once so many entries that the
    /// policy has let go of already have left.
    #[inline]
    fn has_room(&self, weight: u32, leaving: usize) -> bool {
        let len = self.len() - leaving;
        self.weight() <= self.capacity - u64::from(weight) && len < self.max_entries
    }

    /// Evicts until an entry of `weight` fits, in place of `own` (its slot and weight) if there is that.
    fn make_room(&mut self, weight: u32, own: Option<(u32, u32)>) -> Room<K, V> {
        let (own_len, own_weight) = own.map_or((0, 0), |(_, weight)| (1, u64::from(weight)));
        loop {
            let others = self.weight() - own_weight;
            let fits = others.saturating_add(u64::from(weight)) <= self.capacity;
            if fits && self.len() - own_len < self.max_entries {
                return Room::Made;
            }
            if self.shedding {
                return self.make_room_shedding(weight, own);
            }
            match self.store.evict() {
                None => return Room::None,
                Some(victim) if own.is_some_and(|(slot, _)| slot == victim.slot) => {
                    return Room::Own(victim);
                }
                Some(victim) => self.depart(victim),
            }
        }
    }

    /// Weighs the value at `slot` anew, after it may have been changed in place.
    pub(crate) fn reweigh(&mut self, slot: u32) {
        let node = self.store.node(slot);
        let weight = self.weigher.weigh(&node.key, &node.value);
        let old = self.store.weight_of(slot);
        if weight <= old {
            self.store.reweigh(slot, old, weight);
            return;
        }
        if self.refusal(weight, Some((slot, old))).is_some() {
            self.outgrow(slot);
            return;
        }
        match self.make_room(weight, Some((slot, old))) {
            Room::Made => self.store.reweigh(slot, old, weight),
            Room::Own(victim) => self.depart(victim),
            Room::None => self.outgrow(slot),
        }
    }
}

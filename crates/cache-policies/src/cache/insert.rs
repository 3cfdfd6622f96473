//! Inserting: what is refused, how room is made, and when which of a caller's code runs.
//!
//! The order is always the same: first everything that may refuse or panic while nothing has changed (hash, look-up,
//! weigher), then evictions one by one, each complete before the listener hears of it, and last the insert itself, in
//! which no caller's code runs. Where one more eviction is enough the new entry takes the victim's place in one step, before
//! the listener hears of that victim.

use core::hash::{BuildHasher, Hash};

use super::store::Node;
use super::{Cache, RejectReason, Rejected, TryInsertError};
use crate::{Cause, Demand, Hint, Listener, Policy, Room, Slot, Victim, Weigh};

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
            Some(slot) if !self.store.residency.is_dead(Slot::new(slot)) => {
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
        if self.store.residency.is_plain(ticks) {
            return self.place_plain(hash, node);
        }
        self.place_timed(hash, node, ticks)
    }

    /// Inserts into a cache without lifetimes whose limits are not being lowered, as they are in most: it asks for neither.
    #[inline(always)]
    fn place_plain(&mut self, hash: u64, node: Node<K, V>) -> Result<u32, Rejected<K, V>> {
        let weight = self.weigher.weigh(&node.key, &node.value);
        if let Some(reason) = self.store.residency.refusal(weight, None) {
            return Err(self.reject(node, reason));
        }
        let hint = self.store.residency.miss(hash);
        while !self.store.residency.has_room(weight) {
            let Some(slot) = self.store.residency.evict_timeless() else {
                return Err(self.reject(node, RejectReason::AllPinned));
            };
            if self.store.residency.has_room(weight) {
                self.stats.inserts += 1;
                self.stats.evictions += 1;
                let former = self.store.replace(slot, hash, node, weight, hint);
                self.listener
                    .departed(former.key, former.value, Cause::Capacity);
                return Ok(slot.get());
            }
            self.leave(Victim { slot, dead: false });
        }
        match self.store.insert(hash, node) {
            Ok(slot) => {
                self.stats.inserts += 1;
                self.store
                    .residency
                    .insert_timeless(slot, hash, weight, hint);
                Ok(slot.get())
            }
            Err(node) => Err(self.reject(node, RejectReason::Exhausted)),
        }
    }

    #[inline(never)]
    fn place_timed(
        &mut self,
        hash: u64,
        node: Node<K, V>,
        ticks: u64,
    ) -> Result<u32, Rejected<K, V>> {
        if self.store.residency.is_stillborn(ticks) {
            return Err(self.reject(node, RejectReason::Stillborn));
        }
        let weight = self.weigher.weigh(&node.key, &node.value);
        let demand = match self.store.residency.demand_alive(weight, ticks, None) {
            Ok(demand) => demand,
            Err(reason) => return Err(self.reject(node, reason)),
        };
        let hint = self.store.residency.miss(hash);
        self.settle(hash, node, demand, hint)
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
        if self.store.residency.is_stillborn(ticks) {
            return Err(self.reject(node, RejectReason::Stillborn));
        }
        let weight = self.weigher.weigh(&node.key, &node.value);
        let own = Slot::new(slot);
        let mut demand = match self.store.residency.demand_alive(weight, ticks, Some(own)) {
            Ok(demand) => demand,
            Err(reason) => return Err(self.reject(node, reason)),
        };
        if usage == Use::New {
            self.store.residency.hit(own, hash);
        }
        let before = loop {
            match self.store.residency.make_room(&mut demand) {
                Room::Made => {
                    let Node { key, value } = node;
                    let before = core::mem::replace(&mut self.store.node_mut(slot).value, value);
                    self.store.residency.replace(own, &demand);
                    // Here rather than at the end: a return value is leaked if a destructor panics after it was made.
                    drop(key);
                    break before;
                }
                Room::Victim(victim) if victim.slot == own => {
                    break self.replace_victim(victim, hash, node, demand)?;
                }
                Room::Victim(victim) => self.leave(victim),
                Room::None => return Err(self.reject(node, RejectReason::AllPinned)),
            }
        };
        self.stats.updates += 1;
        Ok(before)
    }

    /// Puts the node in after the policy chose what it was to replace as a victim; the value of that.
    #[cold]
    fn replace_victim(
        &mut self,
        victim: Victim,
        hash: u64,
        node: Node<K, V>,
        demand: Demand,
    ) -> Result<V, Rejected<K, V>> {
        let former = self.store.detach(victim.slot);
        // The policy may have remembered it as a victim: it forgets what is resident again.
        let hint = self.store.residency.miss(hash);
        // The room that it leaves may not be enough.
        match self.settle(hash, node, demand, hint) {
            Ok(_) => {
                // It was an update.
                self.stats.inserts -= 1;
                Ok(former.into_value())
            }
            Err(rejected) => {
                self.depart(victim, former);
                Err(rejected)
            }
        }
    }

    /// Makes room for an entry that was found to fit, and puts it in; its slot.
    fn settle(
        &mut self,
        hash: u64,
        node: Node<K, V>,
        mut demand: Demand,
        hint: Hint,
    ) -> Result<u32, Rejected<K, V>> {
        loop {
            match self.store.residency.make_room(&mut demand) {
                Room::Made => break,
                Room::Victim(victim) => self.leave(victim),
                Room::None => return Err(self.reject(node, RejectReason::AllPinned)),
            }
        }
        match self.store.insert(hash, node) {
            Ok(slot) => {
                self.stats.inserts += 1;
                self.store.residency.insert(slot, hash, &demand, hint);
                Ok(slot.get())
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

    /// Weighs the value at `slot` anew, after it may have been changed in place.
    pub(crate) fn reweigh(&mut self, slot: u32) {
        let node = self.store.node(slot);
        let weight = self.weigher.weigh(&node.key, &node.value);
        let own = Slot::new(slot);
        if weight <= self.store.residency.weight_of(own) {
            self.store.residency.reweigh(own, weight);
            return;
        }
        let demand = self
            .store
            .residency
            .demand_alive(weight, u64::MAX, Some(own));
        let Ok(mut demand) = demand else {
            return self.outgrow(slot);
        };
        loop {
            match self.store.residency.make_room(&mut demand) {
                Room::Made => return self.store.residency.reweigh(own, weight),
                Room::Victim(victim) => {
                    self.leave(victim);
                    if victim.slot == own {
                        return;
                    }
                }
                Room::None => return self.outgrow(slot),
            }
        }
    }
}

//! The store: entries, their index, and which of them are resident, kept in step with each other.
//!
//! Nothing in here calls a user's code except the comparison of keys, which only reads. So whatever panics (a weigher, a
//! listener, a hasher, a destructor) does it between two operations of the store, never within one. That is the whole
//! argument for the cache's consistency after a panic.

use core::cell::Cell;

use hashbrown::Equivalent;
use slab_core::HashArena;

use crate::residency::Lifetimes;
use crate::{Hint, Policy, Residency, Slot, Victim};

/// A resident entry.
#[derive(Clone)]
pub(crate) struct Node<K, V> {
    pub(crate) key: K,
    pub(crate) value: V,
}

impl<K, V> Node<K, V> {
    /// The value, the key dropped. First the key: a return value is leaked if a destructor panics after it was made.
    pub(crate) fn into_value(self) -> V {
        let Self { key, value } = self;
        drop(key);
        value
    }
}

#[derive(Clone)]
pub(crate) struct Store<K, V, P> {
    /// The entries, by the hashes of their keys. Their indices are the policy's slots.
    arena: HashArena<Node<K, V>>,
    /// A hash that no entry has: most inserts follow on a `get` that has told so.
    absent: Option<u64>,
    pub(crate) residency: Residency<P>,
}

impl<K, V, P: Policy> Store<K, V, P> {
    pub(crate) fn new(residency: Residency<P>) -> Self {
        Self {
            arena: HashArena::new(),
            absent: None,
            residency,
        }
    }

    /// One more than the highest slot that was ever taken.
    pub(crate) fn slots(&self) -> u32 {
        self.arena.slots()
    }

    /// The slot and entry of `key`.
    #[inline(always)]
    fn locate<Q>(&self, hash: u64, key: &Q) -> Option<(u32, &Node<K, V>)>
    where
        Q: Equivalent<K> + ?Sized,
    {
        self.arena.find(hash, |node| key.equivalent(&node.key))
    }

    /// The slot of `key`, dead or alive.
    #[inline(always)]
    pub(crate) fn find<Q>(&self, hash: u64, key: &Q) -> Option<u32>
    where
        Q: Equivalent<K> + ?Sized,
    {
        self.locate(hash, key).map(|(slot, _)| slot)
    }

    /// The slot of `key`, dead or alive, without looking for what `get` has just not found.
    #[inline(always)]
    pub(crate) fn find_unless_absent<Q>(&self, hash: u64, key: &Q) -> Option<u32>
    where
        Q: Equivalent<K> + ?Sized,
    {
        if self.absent == Some(hash) {
            return None;
        }
        self.find(hash, key)
    }

    /// The slot and value of `key`, if it is there and alive, with one look at the entry.
    #[inline(always)]
    pub(crate) fn look<Q>(&self, hash: u64, key: &Q) -> Option<(Slot, &V)>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let (slot, node) = self.locate(hash, key)?;
        let slot = Slot::new(slot);
        (!self.residency.is_dead(slot)).then_some((slot, &node.value))
    }

    /// The value of `key`, used, if it is there and alive, with one look at the entry.
    #[inline(always)]
    pub(crate) fn get<Q>(&mut self, hash: u64, key: &Q) -> Option<&V>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let looked = Cell::new(false);
        let found = self.arena.find(hash, |node| {
            looked.set(true);
            key.equivalent(&node.key)
        });
        let Some((slot, node)) = found else {
            if !looked.get() {
                self.absent = Some(hash);
            }
            return None;
        };
        let slot = Slot::new(slot);
        if self.residency.is_dead(slot) {
            return None;
        }
        self.residency.hit(slot, hash);
        Some(&node.value)
    }

    /// The entry at `slot`, if the slot is taken.
    #[inline]
    pub(crate) fn at(&self, slot: u32) -> Option<&Node<K, V>> {
        self.arena.get(slot)
    }

    /// The entry at `slot`.
    #[inline]
    pub(crate) fn node(&self, slot: u32) -> &Node<K, V> {
        self.arena
            .get(slot)
            .expect("a slot from the index is taken")
    }

    /// The entry at `slot`, to change its value.
    #[inline]
    pub(crate) fn node_mut(&mut self, slot: u32) -> &mut Node<K, V> {
        self.arena
            .get_mut(slot)
            .expect("a slot from the index is taken")
    }

    /// Adds an entry whose key is not there; its slot, which is to be made resident. Hands the entry back if there is no
    /// memory for it.
    #[inline(always)]
    pub(crate) fn insert(&mut self, hash: u64, node: Node<K, V>) -> Result<Slot, Node<K, V>> {
        if self.arena.len() == self.arena.room() && !self.grow() {
            return Err(node);
        }
        self.absent = None;
        Ok(Slot::new(self.arena.insert(hash, node)))
    }

    /// Puts an entry whose key is not there in the place of a victim, where nothing has a deadline; the victim.
    #[inline(always)]
    pub(crate) fn replace(
        &mut self,
        slot: Slot,
        hash: u64,
        node: Node<K, V>,
        weight: u32,
        hint: Hint,
    ) -> Node<K, V> {
        self.absent = None;
        let victim = self.arena.replace(slot.get(), hash, node);
        self.residency.insert_timeless(slot, hash, weight, hint);
        victim
    }

    /// Makes room for more entries: twice as many, up to the number that the capacity is good for at the mean weight so
    /// far; an eighth more from there on, and where that number is nearer than that, as the mean may go on falling. Where all
    /// weigh 1 the number is exact. Whether there was the memory; nothing has changed otherwise.
    #[cold]
    fn grow(&mut self) -> bool {
        let len = self.arena.len();
        let (capacity, weight) = (self.residency.policy().capacity(), self.residency.weight());
        let expected = match weight {
            0 => u128::from(capacity),
            weight => u128::from(capacity) * len as u128 / u128::from(weight),
        };
        let expected = usize::try_from(expected).unwrap_or(usize::MAX);
        let step = len + len / 8 + 16;
        let is_exact = len < expected && weight == len as u64;
        let room = match is_exact || step < expected {
            true => (2 * len + 16).min(expected),
            false => step,
        };
        // One slot more than the highest that a policy takes.
        let room = room.min(Slot::MAX.index() + 1);
        let grown = room > len && self.arena.try_grow(room);
        if grown {
            self.residency
                .reserve(room.max(self.arena.slots() as usize));
        }
        grown
    }

    /// Takes the entry at `slot` out.
    pub(crate) fn take(&mut self, slot: u32) -> Node<K, V> {
        self.residency.remove(Slot::new(slot));
        self.detach(Slot::new(slot))
    }

    /// Takes the policy's next victim out; `None` when it has none, every entry being pinned.
    #[inline(always)]
    pub(crate) fn evict(&mut self) -> Option<(Victim, Node<K, V>)> {
        let victim = self.residency.evict()?;
        Some((victim, self.detach(victim.slot)))
    }

    /// Takes the entry at `slot` out, which is no longer resident.
    #[inline(always)]
    pub(crate) fn detach(&mut self, slot: Slot) -> Node<K, V> {
        let node = self.arena.remove(slot.get());
        node.expect("a resident slot is taken")
    }

    /// Changes the idle time of all entries: see [`Residency::set_time_to_idle`].
    pub(crate) fn set_time_to_idle(&mut self, ticks: Option<u64>) {
        let arena = &self.arena;
        let slots = (0..arena.slots()).filter(|&slot| arena.get(slot).is_some());
        self.residency.set_time_to_idle(ticks, slots.map(Slot::new));
    }

    /// Gives back memory that no entry takes.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.arena.shrink_to_fit();
    }

    /// Asserts every invariant that a panic in a user's code could have broken. O(len).
    pub(crate) fn check(&self) {
        self.residency.check();
        self.arena.check();
        assert_eq!(
            self.arena.len(),
            self.residency.len(),
            "each entry is resident"
        );
        let mut pinned = 0;
        for slot in 0..self.slots() {
            let taken = self.arena.get(slot).is_some();
            let slot = Slot::new(slot);
            assert!(
                taken || self.residency.deadline(slot).is_none(),
                "a vacant slot has no deadline"
            );
            let is_pinned = self.residency.is_pinned(slot);
            assert!(taken || !is_pinned, "a vacant slot is not pinned");
            pinned += usize::from(is_pinned);
        }
        assert_eq!(pinned, self.residency.pinned_len(), "pinned entries");
    }
}

impl<K, V, P> Store<K, V, P> {
    /// All entries, each once, the store being given up.
    pub(crate) fn into_parts(self) -> (HashArena<Node<K, V>>, Lifetimes) {
        (self.arena, self.residency.into_lifetimes())
    }
}

#[cfg(test)]
mod tests {
    use super::{Node, Store};
    use crate::{Hint, Lru, LruConfig, Policy, Residency, Room};

    fn insert(store: &mut Store<u64, (), Lru>, key: u64, weight: u32) {
        let mut demand = store.residency.demand(weight, u64::MAX, None).unwrap();
        while let Room::Victim(victim) = store.residency.make_room(&mut demand) {
            store.detach(victim.slot);
        }
        let node = Node { key, value: () };
        let slot = store.insert(key, node).ok().unwrap();
        store.residency.insert(slot, key, &demand, Hint::NONE);
    }

    fn store(capacity: u64) -> Store<u64, (), Lru> {
        let policy = Lru::new(capacity, &LruConfig::default()).unwrap();
        Store::new(Residency::new(policy))
    }

    #[test]
    fn a_full_cache_whose_entries_become_lighter_grows_seldom() {
        const ENTRIES: u64 = 4096;
        let mut store = store(ENTRIES * 1000);
        let (mut rooms, mut moved) = (0, 0);
        for key in 0..8 * ENTRIES {
            let (room, len) = (store.arena.room(), store.residency.len());
            insert(&mut store, key, 1000 - (key * 500 / (8 * ENTRIES)) as u32);
            if store.arena.room() != room {
                rooms += 1;
                moved += len as u64;
            }
        }
        assert!(store.residency.len() as u64 > ENTRIES * 3 / 2);
        // Doublings up to 4,096, and eighths up to less than twice as many.
        assert!(rooms <= 8 + 7, "{rooms} rooms");
        assert!(moved <= 8 * ENTRIES, "{moved} entries moved");
    }

    #[test]
    fn a_cache_of_entries_of_weight_1_has_room_for_its_capacity_and_no_more() {
        let mut store = store(1000);
        for key in 0..5000 {
            insert(&mut store, key, 1);
        }
        assert_eq!((store.residency.len(), store.arena.room()), (1000, 1000));
    }
}

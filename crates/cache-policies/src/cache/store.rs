//! The store: entries, their index, their order, their pins and lifetimes, kept in step with each other.
//!
//! Nothing in here calls a user's code except the comparison of keys, which only reads. So whatever panics (a weigher, a
//! listener, a hasher, a destructor) does it between two operations of the store, never within one. That is the whole
//! argument for the cache's consistency after a panic.

use core::cell::Cell;

use hashbrown::Equivalent;
use slab_core::HashArena;

use super::lifetimes::Lifetimes;
use super::pins::Pins;
use crate::{Hint, Policy, Slot};

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

/// An entry that the policy let go of and that is out of everything.
pub(crate) struct Victim<K, V> {
    /// Where it was.
    pub(crate) slot: u32,
    pub(crate) node: Node<K, V>,
    /// Whether its time was over already.
    pub(crate) dead: bool,
}

#[derive(Clone)]
pub(crate) struct Store<K, V, P> {
    /// The entries, by the hashes of their keys. Their indices are the policy's slots.
    arena: HashArena<Node<K, V>>,
    /// A hash that no entry has: most inserts follow on a `get` that has told so.
    absent: Option<u64>,
    policy: P,
    pins: Pins,
    pub(crate) lifetimes: Lifetimes,
}

impl<K, V, P: Policy> Store<K, V, P> {
    pub(crate) fn new(policy: P, lifetimes: Lifetimes) -> Self {
        Self {
            arena: HashArena::new(),
            absent: None,
            policy,
            pins: Pins::new(),
            lifetimes,
        }
    }

    pub(crate) const fn policy(&self) -> &P {
        &self.policy
    }

    pub(crate) const fn policy_mut(&mut self) -> &mut P {
        &mut self.policy
    }

    pub(crate) const fn pins(&self) -> &Pins {
        &self.pins
    }

    /// Resident entries, dead ones that nobody collected yet included.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.arena.len()
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
        (!self.lifetimes.is_dead(slot)).then_some((Slot::new(slot), &node.value))
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
        if self.lifetimes.is_dead(slot) {
            return None;
        }
        self.policy.hit(Slot::new(slot), hash);
        self.lifetimes.touch(slot);
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

    /// Adds an entry whose key is not there; hands it back if there is no memory for it.
    #[inline(always)]
    pub(crate) fn insert(
        &mut self,
        hash: u64,
        node: Node<K, V>,
        weight: u32,
        hint: Hint,
    ) -> Result<u32, Node<K, V>> {
        if self.arena.len() == self.arena.room() && !self.grow() {
            return Err(node);
        }
        self.absent = None;
        let slot = self.arena.insert(hash, node);
        self.policy.insert(Slot::new(slot), hash, weight, hint);
        Ok(slot)
    }

    /// The policy's next victim, which is out of the policy: it is to be [taken out](Self::detach) of everything else, or
    /// [replaced](Self::replace). `None` when there is none, every entry being pinned.
    #[inline(always)]
    pub(crate) fn choose(&mut self) -> Option<u32> {
        self.policy.evict().map(Slot::get)
    }

    /// Puts an entry whose key is not there in the place of a victim that is out of the policy and had no lifetime; the
    /// victim.
    #[inline(always)]
    pub(crate) fn replace(
        &mut self,
        slot: u32,
        hash: u64,
        node: Node<K, V>,
        weight: u32,
        hint: Hint,
    ) -> Node<K, V> {
        self.absent = None;
        let victim = self.arena.replace(slot, hash, node);
        self.policy.insert(Slot::new(slot), hash, weight, hint);
        victim
    }

    /// Makes room for more entries: twice as many, up to the number that the capacity is good for at the mean weight so
    /// far; an eighth more from there on, and where that number is nearer than that, as the mean may go on falling. Where all
    /// weigh 1 the number is exact. Whether there was the memory; nothing has changed otherwise.
    #[cold]
    fn grow(&mut self) -> bool {
        let len = self.arena.len();
        let expected = match self.policy.weight() {
            0 => u128::from(self.policy.capacity()),
            weight => u128::from(self.policy.capacity()) * len as u128 / u128::from(weight),
        };
        let expected = usize::try_from(expected).unwrap_or(usize::MAX);
        let step = len + len / 8 + 16;
        let is_exact = len < expected && self.policy.weight() == len as u64;
        let room = match is_exact || step < expected {
            true => (2 * len + 16).min(expected),
            false => step,
        };
        // One slot more than the highest that a policy takes.
        let room = room.min(Slot::MAX.index() + 1);
        let grown = room > len && self.arena.try_grow(room);
        if grown {
            self.policy.reserve(room.max(self.arena.slots() as usize));
        }
        grown
    }

    /// Takes the entry at `slot` out.
    pub(crate) fn take(&mut self, slot: u32) -> Node<K, V> {
        let before = self.policy.weight();
        self.policy.remove(Slot::new(slot), false);
        self.pins
            .clear(slot, (before - self.policy.weight()) as u32);
        self.detach(slot).node
    }

    /// Takes the policy's next victim out; `None` when it has none, every entry being pinned.
    #[inline(always)]
    pub(crate) fn evict(&mut self) -> Option<Victim<K, V>> {
        let slot = self.choose()?;
        Some(self.detach(slot))
    }

    /// Takes the entry at `slot`, which the policy has let go of, out of everything else.
    #[inline(always)]
    pub(crate) fn detach(&mut self, slot: u32) -> Victim<K, V> {
        let dead = self.lifetimes.end(slot);
        let node = self.arena.remove(slot);
        let node = node.expect("a resident slot is taken");
        Victim { slot, node, dead }
    }

    /// The weight that the policy knows of `slot`.
    #[inline]
    pub(crate) fn weight_of(&self, slot: u32) -> u32 {
        self.policy.weight_of(Slot::new(slot))
    }

    /// Tells of a use of `slot`.
    #[inline]
    pub(crate) fn hit(&mut self, slot: u32, hash: u64) {
        self.policy.hit(Slot::new(slot), hash);
        self.lifetimes.touch(slot);
    }

    /// Changes the weight that the policy knows of `slot` from `old` to `weight`.
    pub(crate) fn reweigh(&mut self, slot: u32, old: u32, weight: u32) {
        if old != weight {
            self.policy.reweigh(Slot::new(slot), weight);
            self.pins.reweigh(slot, old, weight);
        }
    }

    /// Keeps the policy from evicting `slot`; whether it was not so before.
    pub(crate) fn pin(&mut self, slot: u32) -> bool {
        let weight = self.weight_of(slot);
        let pinned = self.pins.set(slot, weight);
        if pinned {
            self.policy.pin(Slot::new(slot));
        }
        pinned
    }

    /// Lets the policy evict `slot` again; whether it was pinned.
    pub(crate) fn unpin(&mut self, slot: u32) -> bool {
        let weight = self.weight_of(slot);
        let unpinned = self.pins.clear(slot, weight);
        if unpinned {
            self.policy.unpin(Slot::new(slot));
        }
        unpinned
    }

    /// Gives back memory that no entry takes.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.arena.shrink_to_fit();
    }

    /// Asserts every invariant that a panic in a user's code could have broken. O(len).
    pub(crate) fn check(&self) {
        self.policy.check();
        self.lifetimes.check();
        self.arena.check();
        assert_eq!(
            self.arena.len(),
            self.policy.len(),
            "each entry is in the policy"
        );
        assert!(
            self.policy.weight() <= self.policy.capacity(),
            "the weight is within the capacity"
        );
        assert!(
            self.pins.weight() <= self.policy.weight(),
            "pinned entries are resident"
        );
        let mut pinned = 0;
        for slot in 0..self.slots() {
            let taken = self.arena.get(slot).is_some();
            assert!(
                taken || self.lifetimes.deadline(slot) == u64::MAX,
                "vacant slot {slot} has no deadline"
            );
            assert!(
                taken || !self.pins.contains(slot),
                "vacant slot {slot} is not pinned"
            );
            pinned += usize::from(self.pins.contains(slot));
        }
        assert_eq!(pinned, self.pins.len(), "pinned entries");
    }
}

impl<K, V, P> Store<K, V, P> {
    /// All entries, each once, the store being given up.
    pub(crate) fn into_arena(self) -> (HashArena<Node<K, V>>, u32, Lifetimes) {
        let slots = self.arena.slots();
        (self.arena, slots, self.lifetimes)
    }
}

#[cfg(test)]
mod tests {
    use super::{Node, Store};
    use crate::cache::lifetimes::Lifetimes;
    use crate::timer_wheel::NEVER;
    use crate::{Hint, Lru, LruConfig, Policy};

    fn insert(store: &mut Store<u64, (), Lru>, key: u64, weight: u32) {
        while store.policy().weight() + u64::from(weight) > store.policy().capacity() {
            store.evict().unwrap();
        }
        let node = Node { key, value: () };
        assert!(store.insert(key, node, weight, Hint::NONE).is_ok());
    }

    fn store(capacity: u64) -> Store<u64, (), Lru> {
        let policy = Lru::new(capacity, &LruConfig::default()).unwrap();
        Store::new(policy, Lifetimes::new(0, NEVER, NEVER))
    }

    #[test]
    fn a_full_cache_whose_entries_become_lighter_grows_seldom() {
        const ENTRIES: u64 = 4096;
        let mut store = store(ENTRIES * 1000);
        let (mut rooms, mut moved) = (0, 0);
        for key in 0..8 * ENTRIES {
            let (room, len) = (store.arena.room(), store.len());
            insert(&mut store, key, 1000 - (key * 500 / (8 * ENTRIES)) as u32);
            if store.arena.room() != room {
                rooms += 1;
                moved += len as u64;
            }
        }
        assert!(store.len() as u64 > ENTRIES * 3 / 2);
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
        assert_eq!((store.len(), store.arena.room()), (1000, 1000));
    }
}

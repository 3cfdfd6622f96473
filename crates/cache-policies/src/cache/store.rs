//! The store: entries, their index, their order, their pins and lifetimes, kept in step with each other.
//!
//! Nothing in here calls a user's code except the comparison of keys, which only reads. So whatever panics (a weigher, a
//! listener, a hasher, a destructor) does it between two operations of the store, never within one. That is the whole
//! argument for the cache's consistency after a panic.

use alloc::vec::Vec;

use hashbrown::{Equivalent, HashTable};
use slab_core::Arena;

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

/// The 32 bits of a hash that the index keeps. The multiplication brings every bit of the hash to bear on them, so an
/// owner of many caches may choose among those by any bits of the same hash.
#[inline]
const fn fold(hash: u64) -> u32 {
    (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

/// What the index's table is told: it takes the position from the low bits and a tag from the high ones.
#[inline]
const fn spread(folded: u32) -> u64 {
    (folded as u64) << 32 | folded as u64
}

#[derive(Clone)]
pub(crate) struct Store<K, V, P> {
    /// The entries. Their indices are dense: they are the policy's slots.
    arena: Arena<Node<K, V>>,
    /// The slot of each key.
    index: HashTable<u32>,
    /// By slot: the folded hash of its key, so that taking an entry out and growing the index never hash a key.
    hashes: Vec<u32>,
    policy: P,
    pins: Pins,
    pub(crate) lifetimes: Lifetimes,
}

/// The slot and entry of `key`. On the two fields rather than on the store, so that the others can change meanwhile.
#[inline]
fn locate<'a, K, V, Q>(
    index: &HashTable<u32>,
    arena: &'a Arena<Node<K, V>>,
    hash: u64,
    key: &Q,
) -> Option<(u32, &'a Node<K, V>)>
where
    Q: Equivalent<K> + ?Sized,
{
    let mut found = None;
    let is_key = |&slot: &u32| {
        found = arena.get_at(slot).filter(|node| key.equivalent(&node.key));
        found.is_some()
    };
    let slot = *index.find(spread(fold(hash)), is_key)?;
    found.map(|node| (slot, node))
}

impl<K, V, P: Policy> Store<K, V, P> {
    pub(crate) fn new(policy: P, lifetimes: Lifetimes) -> Self {
        Self {
            arena: Arena::new(),
            index: HashTable::new(),
            hashes: Vec::new(),
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
        self.index.len()
    }

    /// One more than the highest slot that was ever taken.
    pub(crate) fn slots(&self) -> u32 {
        // Slots are u32, so their count fits unless all 2^32 are taken, which the arena cannot hold.
        self.hashes.len() as u32
    }

    /// The slot of `key`, dead or alive.
    #[inline]
    pub(crate) fn find<Q>(&self, hash: u64, key: &Q) -> Option<u32>
    where
        Q: Equivalent<K> + ?Sized,
    {
        locate(&self.index, &self.arena, hash, key).map(|(slot, _)| slot)
    }

    /// The slot and value of `key`, if it is there and alive, with one look at the entry.
    #[inline]
    pub(crate) fn look<Q>(&self, hash: u64, key: &Q) -> Option<(Slot, &V)>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let (slot, node) = locate(&self.index, &self.arena, hash, key)?;
        (!self.lifetimes.is_dead(slot)).then_some((Slot::new(slot), &node.value))
    }

    /// The value of `key`, used, if it is there and alive, with one look at the entry.
    #[inline]
    pub(crate) fn get<Q>(&mut self, hash: u64, key: &Q) -> Option<&V>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let (slot, node) = locate(&self.index, &self.arena, hash, key)?;
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
        self.arena.get_at(slot)
    }

    /// The entry at `slot`.
    #[inline]
    pub(crate) fn node(&self, slot: u32) -> &Node<K, V> {
        self.arena
            .get_at(slot)
            .expect("a slot from the index is taken")
    }

    /// The entry at `slot`, to change its value.
    #[inline]
    pub(crate) fn node_mut(&mut self, slot: u32) -> &mut Node<K, V> {
        self.arena
            .get_at_mut(slot)
            .expect("a slot from the index is taken")
    }

    /// Adds an entry whose key is not there; hands it back if the arena has no room for it.
    pub(crate) fn insert(
        &mut self,
        hash: u64,
        node: Node<K, V>,
        weight: u32,
        hint: Hint,
    ) -> Result<u32, Node<K, V>> {
        let slot = match self.arena.try_insert(node) {
            Ok(handle) => handle.index(),
            Err(refused) => return Err(refused.into_value()),
        };
        if slot > Slot::MAX.get() {
            return Err(self.arena.remove_at(slot).expect("it was just put there"));
        }
        if self.hashes.len() <= slot as usize {
            self.widen(slot);
        }
        let folded = fold(hash);
        self.hashes[slot as usize] = folded;
        let hashes = &self.hashes;
        self.index
            .insert_unique(spread(folded), slot, |&slot| spread(hashes[slot as usize]));
        self.policy.insert(Slot::new(slot), hash, weight, hint);
        Ok(slot)
    }

    /// Extends the column of hashes to hold `slot`. By an eighth at a time: a doubling would leave up to one unused place
    /// for each used one.
    #[cold]
    fn widen(&mut self, slot: u32) {
        let missing = slot as usize + 1 - self.hashes.len();
        if self.hashes.capacity() <= slot as usize {
            self.hashes
                .reserve_exact(missing.max(self.hashes.len() / 8 + 16));
        }
        self.hashes.resize(slot as usize + 1, 0);
    }

    /// Takes the entry at `slot` out.
    pub(crate) fn take(&mut self, slot: u32) -> Node<K, V> {
        let before = self.policy.weight();
        self.policy.remove(Slot::new(slot), false);
        self.pins
            .clear(slot, (before - self.policy.weight()) as u32);
        self.detach(slot)
    }

    /// Takes the policy's next victim out; `None` when it has none, every entry being pinned.
    pub(crate) fn evict(&mut self) -> Option<Victim<K, V>> {
        let slot = self.policy.evict()?.get();
        let dead = self.lifetimes.is_dead(slot);
        Some(Victim {
            slot,
            node: self.detach(slot),
            dead,
        })
    }

    /// Takes the entry at `slot`, which the policy has let go of, out of everything else.
    fn detach(&mut self, slot: u32) -> Node<K, V> {
        self.lifetimes.end(slot);
        let folded = self.hashes[slot as usize];
        let entry = self
            .index
            .find_entry(spread(folded), |&other| other == slot);
        entry.expect("a resident slot is in the index").remove();
        self.arena
            .remove_at(slot)
            .expect("a resident slot is taken")
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
        self.arena.release_empty(0);
        let hashes = &self.hashes;
        self.index
            .shrink_to(0, |&slot| spread(hashes[slot as usize]));
    }

    /// Asserts every invariant that a panic in a user's code could have broken. O(len).
    pub(crate) fn check(&self) {
        self.policy.check();
        self.lifetimes.check();
        assert_eq!(
            self.index.len(),
            self.arena.len(),
            "each entry is in the index"
        );
        assert_eq!(
            self.index.len(),
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
            let taken = self.arena.get_at(slot).is_some();
            let indexed = self
                .index
                .find(spread(self.hashes[slot as usize]), |&other| other == slot);
            assert_eq!(
                taken,
                indexed.is_some(),
                "slot {slot} is taken as far as arena and index know"
            );
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
    pub(crate) fn into_arena(self) -> (Arena<Node<K, V>>, u32, Lifetimes) {
        (self.arena, self.hashes.len() as u32, self.lifetimes)
    }
}

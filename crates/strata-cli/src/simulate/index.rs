//! Where a simulator finds its resident objects: by their numbers, or by their hashes.

use std::hash::BuildHasher;

use cache_policies::Slot;
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::access::Access;

/// Which slot holds which object. Slots are used again as soon as they are free, so that their numbers stay below the largest number
/// of objects that were resident at a time.
pub trait Index: Default {
    /// The slot of the object, if it is resident.
    fn find(&self, access: &Access) -> Option<Slot>;

    /// Gives an object that is not resident a slot.
    ///
    /// # Panics
    ///
    /// If 2^32 less 64 objects are resident.
    fn enter(&mut self, access: &Access) -> Slot;

    /// Takes the slot of a resident object back.
    ///
    /// # Panics
    ///
    /// If the slot holds nothing.
    fn leave(&mut self, slot: Slot);

    /// The slots that were ever in use: as many objects were resident at a time.
    fn slots(&self) -> usize;
}

/// What stands for "not resident" where a slot's number would.
const ABSENT: u32 = u32::MAX;

const _: () = assert!(Slot::MAX.get() < ABSENT);

/// An array by object number: the fastest where many simulators share the cost of numbering the objects.
///
/// Memory: 4 bytes for each object of the trace, and 4 for each resident one.
#[derive(Clone, Debug, Default)]
pub struct ByNumber {
    /// The slot of each object; objects past the end are not resident.
    slots: Vec<u32>,
    /// What is in each slot: the object.
    objects: Slots<u32>,
}

impl Index for ByNumber {
    #[inline]
    fn find(&self, access: &Access) -> Option<Slot> {
        match self.slots.get(access.object as usize) {
            Some(&slot) if slot != ABSENT => Some(Slot::new(slot)),
            _ => None,
        }
    }

    #[inline]
    fn enter(&mut self, access: &Access) -> Slot {
        let slot = self.objects.take(access.object);
        let object = access.object as usize;
        if object >= self.slots.len() {
            self.slots.resize(object + 1, ABSENT);
        }
        self.slots[object] = slot.get();
        slot
    }

    #[inline]
    fn leave(&mut self, slot: Slot) {
        let object = self.objects.give_back(slot);
        self.slots[object as usize] = ABSENT;
    }

    fn slots(&self) -> usize {
        self.objects.held.len()
    }
}

/// A table by hash: the fastest for one simulator alone, whose table stays near while a table of all objects does not.
///
/// Memory: 20 to 40 bytes for each resident object, whatever the trace.
#[derive(Clone, Debug, Default)]
pub struct ByHash {
    /// The slots of resident objects. Found by a seeded hash of the hash, since a trace may be made to collide.
    table: HashTable<Slot>,
    seed: RandomState,
    /// What is in each slot: the object's hash.
    hashes: Slots<u64>,
}

impl Index for ByHash {
    #[inline]
    fn find(&self, access: &Access) -> Option<Slot> {
        let hashes = &self.hashes.held;
        let is_it = |slot: &Slot| hashes[slot.index()] == access.hash;
        self.table
            .find(self.seed.hash_one(access.hash), is_it)
            .copied()
    }

    #[inline]
    fn enter(&mut self, access: &Access) -> Slot {
        let slot = self.hashes.take(access.hash);
        let (seed, hashes) = (&self.seed, &self.hashes.held);
        self.table
            .insert_unique(seed.hash_one(access.hash), slot, |slot| {
                seed.hash_one(hashes[slot.index()])
            });
        slot
    }

    #[inline]
    fn leave(&mut self, slot: Slot) {
        let hash = self.hashes.give_back(slot);
        self.table
            .find_entry(self.seed.hash_one(hash), |held| *held == slot)
            .expect("a resident slot is in the table")
            .remove();
    }

    fn slots(&self) -> usize {
        self.hashes.held.len()
    }
}

/// What is in each slot, and which are free.
#[derive(Clone, Debug, Default)]
struct Slots<T> {
    /// Stale in free slots.
    held: Vec<T>,
    free: Vec<Slot>,
}

impl<T: Copy> Slots<T> {
    #[inline]
    fn take(&mut self, what: T) -> Slot {
        if let Some(slot) = self.free.pop() {
            self.held[slot.index()] = what;
            return slot;
        }
        let number = u32::try_from(self.held.len()).expect("fewer than 2^32 objects are resident");
        self.held.push(what);
        Slot::new(number)
    }

    #[inline]
    fn give_back(&mut self, slot: Slot) -> T {
        self.free.push(slot);
        self.held[slot.index()]
    }
}

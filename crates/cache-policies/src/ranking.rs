//! A heap of slots with the ledger of their weights: what every policy is made of that gives its entries keys.

use crate::heap::Heap;
use crate::ledger::Ledger;
use crate::list::Unlinked;
use crate::slot::Slot;

/// The resident slots of a policy: linked, each with a key of which the least goes first, or pinned, without a key.
#[derive(Clone, Debug)]
pub(crate) struct Ranking<K> {
    pub(crate) ledger: Ledger,
    heap: Heap<K>,
}

impl<K: Copy + Ord> Ranking<K> {
    pub(crate) fn new(capacity: u64) -> Self {
        Ranking {
            ledger: Ledger::new(capacity),
            heap: Heap::new(),
        }
    }

    /// The least key, and its slot.
    #[inline]
    pub(crate) fn least(&self) -> Option<(K, Slot)> {
        self.heap.least()
    }

    /// Makes a slot resident and linked.
    ///
    /// # Panics
    /// If it is resident already, or above [`Slot::MAX`].
    #[inline]
    pub(crate) fn insert(&mut self, slot: Slot, weight: u32, key: K) {
        self.heap.ensure(slot);
        assert!(
            self.heap.unlinked(slot) == Some(Unlinked::Absent),
            "slot {} is resident already",
            slot.get()
        );
        self.heap.push(slot, key);
        self.ledger.admit(slot, weight);
    }

    /// The key of a resident slot; `None` if it is pinned.
    ///
    /// # Panics
    /// If it is not resident.
    #[inline]
    pub(crate) fn key(&self, slot: Slot) -> Option<K> {
        self.expect_resident(slot);
        self.heap.key(slot)
    }

    /// Changes the key of a linked slot.
    #[inline]
    pub(crate) fn set_key(&mut self, slot: Slot, key: K) {
        self.heap.set_key(slot, key);
    }

    /// Makes a slot, linked or pinned, absent. Returns the key that it had.
    ///
    /// # Panics
    /// If it is not resident.
    #[inline]
    pub(crate) fn remove(&mut self, slot: Slot) -> Option<K> {
        let key = match self.expect_resident(slot) {
            None => Some(self.heap.unlink(slot, Unlinked::Absent)),
            Some(_) => {
                self.heap.forget(slot);
                None
            }
        };
        self.ledger.dismiss(slot);
        key
    }

    /// Takes a slot out of the order. Returns the key that it had; `None` if it is pinned already.
    ///
    /// # Panics
    /// If it is not resident.
    pub(crate) fn pin(&mut self, slot: Slot) -> Option<K> {
        match self.expect_resident(slot) {
            None => Some(self.heap.unlink(slot, Unlinked::Pinned)),
            Some(_) => None,
        }
    }

    /// Links a slot with this key, if it is pinned.
    ///
    /// # Panics
    /// If it is not resident.
    pub(crate) fn unpin(&mut self, slot: Slot, key: K) {
        if self.expect_resident(slot).is_some() {
            self.heap.push(slot, key);
        }
    }

    /// The weight of a slot.
    ///
    /// # Panics
    /// If it is not resident.
    #[inline]
    pub(crate) fn weight_of(&self, slot: Slot) -> u32 {
        self.expect_resident(slot);
        self.ledger.weight_of(slot)
    }

    /// Changes the weight of a slot.
    ///
    /// # Panics
    /// If it is not resident.
    pub(crate) fn reweigh(&mut self, slot: Slot, weight: u32) {
        self.expect_resident(slot);
        self.ledger.reweigh(slot, weight);
    }

    /// Why a resident slot has no key; `None` if it has one.
    ///
    /// # Panics
    /// If it is not resident.
    #[inline]
    fn expect_resident(&self, slot: Slot) -> Option<Unlinked> {
        let unlinked = self.heap.unlinked(slot);
        assert!(
            unlinked != Some(Unlinked::Absent),
            "slot {} is not resident",
            slot.get()
        );
        unlinked
    }

    /// The resident slots, in no order.
    pub(crate) fn residents(&self) -> impl Iterator<Item = Slot> {
        self.heap.residents()
    }

    /// Asserts that the heap is one, and the ledger that of the resident slots.
    pub(crate) fn check(&self) {
        self.heap.check();
        self.ledger.check(self.residents());
    }
}

//! One list of slots with the ledger of their weights: what every policy with a single order is made of.

use crate::ledger::Ledger;
use crate::list::{Lists, Place, Unlinked};
use crate::slot::Slot;

/// The resident slots of a policy: linked in one order, or pinned out of it.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) ledger: Ledger,
    list: Lists<1>,
}

impl Queue {
    pub(crate) fn new(capacity: u64) -> Self {
        Queue {
            ledger: Ledger::new(capacity),
            list: Lists::new(),
        }
    }

    /// The place that is newer than the newest slot and older than the oldest.
    #[inline(always)]
    pub(crate) fn sentinel() -> Place {
        Lists::<1>::sentinel(0)
    }

    /// The place of a slot.
    #[inline(always)]
    pub(crate) fn place(slot: Slot) -> Place {
        Lists::<1>::place(slot)
    }

    /// The slot at a place; `None` at the sentinel.
    #[inline(always)]
    pub(crate) fn slot(place: Place) -> Option<Slot> {
        Lists::<1>::slot(place)
    }

    /// How many slots are linked.
    #[inline(always)]
    pub(crate) fn linked(&self) -> usize {
        self.list.len(0)
    }

    /// The oldest linked slot.
    #[inline(always)]
    pub(crate) fn oldest(&self) -> Option<Slot> {
        self.list.back(0)
    }

    /// The neighbour of a place toward the newest; from the sentinel, the oldest.
    #[inline(always)]
    pub(crate) fn newer(&self, place: Place) -> Place {
        self.list.newer(place)
    }

    /// Gives the columns the memory for slots below this number.
    pub(crate) fn reserve(&mut self, slots: usize) {
        self.list.reserve(slots);
        self.ledger.reserve(slots);
    }

    /// Makes a slot resident, linked on the older side of a place: behind the sentinel it is the newest.
    ///
    /// # Panics
    /// If it is resident already, or above [`Slot::MAX`].
    #[inline(always)]
    pub(crate) fn insert_behind(&mut self, place: Place, slot: Slot, weight: u32) {
        self.list.expect_absent(slot);
        self.list.link_behind(place, 0, slot);
        self.ledger.admit(slot, weight);
    }

    /// Makes a slot resident and the newest.
    ///
    /// # Panics
    /// As [`Queue::insert_behind`].
    #[inline(always)]
    pub(crate) fn insert(&mut self, slot: Slot, weight: u32) {
        self.insert_behind(Self::sentinel(), slot, weight);
    }

    /// Makes a slot the newest, unless it is pinned.
    ///
    /// # Panics
    /// If it is not resident.
    #[inline(always)]
    pub(crate) fn renew(&mut self, slot: Slot) {
        if self.list.expect_resident(slot).is_none() {
            self.list.move_to_front(0, slot);
        }
    }

    /// Makes a linked slot, the victim of an eviction, absent.
    #[inline(always)]
    pub(crate) fn evict(&mut self, victim: Slot) {
        self.list.unlink(0, victim, Unlinked::Absent);
        self.ledger.dismiss(victim);
    }

    /// Makes a slot, linked or pinned, absent.
    ///
    /// # Panics
    /// If it is not resident.
    pub(crate) fn remove(&mut self, slot: Slot) {
        self.list.remove_resident(0, slot);
        self.ledger.dismiss(slot);
    }

    /// The weight of a slot.
    ///
    /// # Panics
    /// If it is not resident.
    #[inline]
    pub(crate) fn weight_of(&self, slot: Slot) -> u32 {
        self.list.expect_resident(slot);
        self.ledger.weight_of(slot)
    }

    /// Changes the weight of a slot.
    ///
    /// # Panics
    /// If it is not resident.
    pub(crate) fn reweigh(&mut self, slot: Slot, weight: u32) {
        self.list.expect_resident(slot);
        self.ledger.reweigh(slot, weight);
    }

    /// Takes a slot out of the order, unless it is pinned already.
    ///
    /// # Panics
    /// If it is not resident.
    pub(crate) fn pin(&mut self, slot: Slot) {
        self.list.pin_resident(0, slot);
    }

    /// Links a slot on the older side of a place, if it is pinned; whether it was.
    ///
    /// # Panics
    /// If it is not resident.
    pub(crate) fn unpin_behind(&mut self, place: Place, slot: Slot) -> bool {
        let pinned = self.list.expect_resident(slot) == Some(Unlinked::Pinned);
        if pinned {
            self.list.link_behind(place, 0, slot);
        }
        pinned
    }

    /// Makes a slot the newest, if it is pinned.
    ///
    /// # Panics
    /// If it is not resident.
    pub(crate) fn unpin(&mut self, slot: Slot) {
        self.unpin_behind(Self::sentinel(), slot);
    }

    /// The resident slots: the linked ones from the oldest on, then the pinned ones.
    pub(crate) fn residents(&self) -> impl Iterator<Item = Slot> {
        self.list.iter(0).chain(self.list.pinned())
    }

    /// Whether a slot is linked.
    pub(crate) fn is_linked(&self, slot: Slot) -> bool {
        self.list.unlinked(slot).is_none()
    }

    /// Asserts that the list is whole and the ledger that of the resident slots.
    pub(crate) fn check(&self) {
        self.list.check(0);
        self.ledger.check(self.residents());
    }
}

//! The resident slots of a policy without an order, to draw from: linked ones lie densely, so that a draw takes
//! constant time whatever left before it.
//!
//! ```text
//!                    drawn from                 never drawn
//!  members    [ slot 7 | slot 2 | slot 9 ] [ slot 4 | slot 1 ]        each with what the policy knows of it
//!                   linked                       pinned
//!  positions  slot -> its place in members
//! ```
//! The last linked slot fills the gap of one that leaves or is pinned. A draw touches one place of one column.

use alloc::vec::Vec;

use crate::any::Parameter;
use crate::ledger::{Ledger, grow};
use crate::random::Random;
use crate::slot::Slot;

const ABSENT: u32 = u32::MAX;

/// How many slots an eviction draws.
pub(crate) const SAMPLE: Parameter = Parameter {
    name: "sample",
    expected: "a number of entries from 1 to 1024",
};

/// A resident slot.
#[derive(Copy, Clone, Debug)]
struct Member<T> {
    slot: Slot,
    known: T,
}

/// The slots, with the ledger of their weights: 8 bytes a slot and what the policy knows of it.
#[derive(Clone, Debug)]
pub(crate) struct Sample<T> {
    pub(crate) ledger: Ledger,
    members: Vec<Member<T>>,
    /// How many of the members are linked: the first ones.
    linked: usize,
    /// By slot.
    positions: Vec<u32>,
}

impl<T: Copy> Sample<T> {
    pub(crate) fn new(capacity: u64) -> Self {
        Sample {
            ledger: Ledger::new(capacity),
            members: Vec::new(),
            linked: 0,
            positions: Vec::new(),
        }
    }

    /// One of the linked slots, each as likely as any other, and what is known of it; `None` if there are none.
    #[inline]
    pub(crate) fn draw(&self, random: &mut Random) -> Option<(Slot, &T)> {
        if self.linked == 0 {
            return None;
        }
        let member = &self.members[random.below(self.linked)];
        Some((member.slot, &member.known))
    }

    /// What is known of a slot.
    ///
    /// # Panics
    /// If it is not resident.
    #[inline]
    pub(crate) fn known(&self, slot: Slot) -> &T {
        &self.members[self.expect_resident(slot)].known
    }

    /// Whether a slot is linked.
    #[inline]
    pub(crate) fn is_linked(&self, slot: Slot) -> bool {
        self.position(slot)
            .is_some_and(|position| position < self.linked)
    }

    /// What is known of a slot, to be changed.
    ///
    /// # Panics
    /// If it is not resident.
    #[inline]
    pub(crate) fn known_mut(&mut self, slot: Slot) -> &mut T {
        let position = self.expect_resident(slot);
        &mut self.members[position].known
    }

    /// What is known of each resident slot, to be changed.
    pub(crate) fn all_known_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.members.iter_mut().map(|member| &mut member.known)
    }

    /// Makes a slot resident and linked.
    ///
    /// # Panics
    /// If it is resident already, or above [`Slot::MAX`].
    #[inline]
    pub(crate) fn insert(&mut self, slot: Slot, weight: u32, known: T) {
        if slot.index() >= self.positions.len() {
            grow(&mut self.positions, slot, || ABSENT);
        }
        assert!(
            self.positions[slot.index()] == ABSENT,
            "slot {} is resident already",
            slot.get()
        );
        self.positions[slot.index()] = self.members.len() as u32;
        self.members.push(Member { slot, known });
        self.swap(self.members.len() - 1, self.linked);
        self.linked += 1;
        self.ledger.admit(slot, weight);
    }

    /// Makes a slot, linked or pinned, absent, and returns what was known of it.
    ///
    /// # Panics
    /// If it is not resident.
    #[inline]
    pub(crate) fn remove(&mut self, slot: Slot) -> T {
        self.pin(slot);
        let last = self.members.len() - 1;
        self.swap(self.positions[slot.index()] as usize, last);
        let known = self.members[last].known;
        self.members.truncate(last);
        self.positions[slot.index()] = ABSENT;
        self.ledger.dismiss(slot);
        known
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

    /// Takes a slot out of those that are drawn from, unless it is pinned already.
    ///
    /// # Panics
    /// If it is not resident.
    #[inline]
    pub(crate) fn pin(&mut self, slot: Slot) {
        let position = self.expect_resident(slot);
        if position < self.linked {
            self.linked -= 1;
            self.swap(position, self.linked);
        }
    }

    /// Links a slot if it is pinned.
    ///
    /// # Panics
    /// If it is not resident.
    pub(crate) fn unpin(&mut self, slot: Slot) {
        let position = self.expect_resident(slot);
        if position >= self.linked {
            self.swap(position, self.linked);
            self.linked += 1;
        }
    }

    #[inline]
    fn position(&self, slot: Slot) -> Option<usize> {
        let position = *self.positions.get(slot.index())?;
        (position != ABSENT).then_some(position as usize)
    }

    #[inline]
    fn expect_resident(&self, slot: Slot) -> usize {
        let position = self.position(slot);
        assert!(position.is_some(), "slot {} is not resident", slot.get());
        position.unwrap_or(0)
    }

    #[inline]
    fn swap(&mut self, one: usize, other: usize) {
        self.members.swap(one, other);
        for position in [one, other] {
            self.positions[self.members[position].slot.index()] = position as u32;
        }
    }

    /// The resident slots, linked ones first, with what is known of them.
    pub(crate) fn residents(&self) -> impl Iterator<Item = (Slot, &T)> {
        self.members
            .iter()
            .map(|member| (member.slot, &member.known))
    }

    /// Asserts that members and positions agree, and that the ledger is that of the resident slots.
    pub(crate) fn check(&self) {
        assert!(
            self.linked <= self.members.len(),
            "more are linked than are resident"
        );
        for (position, member) in self.members.iter().enumerate() {
            assert_eq!(
                self.positions[member.slot.index()] as usize,
                position,
                "a slot does not know its place"
            );
        }
        let present = self.positions.iter().filter(|place| **place != ABSENT);
        assert_eq!(present.count(), self.members.len(), "a slot is in no place");
        self.ledger.check(self.residents().map(|(slot, _)| slot));
    }
}

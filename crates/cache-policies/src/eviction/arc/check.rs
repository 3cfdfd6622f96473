//! The invariants of ARC.

use super::victims::PENDING_MAX;
use super::{Arc, IN_T1, IN_T2, PINNED};
use crate::hashed_queue::Ticket;
use crate::slot::Slot;

impl Arc {
    /// Asserts that queues, marks and weights agree, and that p is within its bounds.
    pub(super) fn check_all(&self) {
        self.t1.check();
        self.t2.check(0);
        self.ghosts.check();
        let slots = (0..self.marks.slots() as u32).map(Slot::new);
        let marked = |mark: u8| {
            let slots = slots.clone();
            slots.filter(move |slot| self.marks.get(*slot) == mark)
        };
        assert_eq!(
            marked(IN_T1).count(),
            self.t1.len(),
            "an entry is marked as one of T1 and is not there"
        );
        for (slot, ticket) in self.t1.iter() {
            assert_eq!(
                (self.marks.get(slot), self.t2.stowed(slot) as Ticket),
                (IN_T1, ticket),
                "an entry has lost its place in T1"
            );
        }
        let weight_of = |slot| u64::from(self.ledger.weight_of(slot));
        let mut t2_weight = 0;
        for slot in self.t2.iter(0) {
            assert_eq!(
                self.marks.get(slot),
                IN_T2,
                "an entry of T2 is marked otherwise"
            );
            t2_weight += weight_of(slot);
        }
        assert_eq!(marked(IN_T2).count(), self.t2.len(0));
        let pinned = marked(IN_T1 | PINNED).chain(marked(IN_T2 | PINNED));
        assert_eq!(
            (t2_weight, pinned.map(weight_of).sum()),
            (self.t2_weight, self.pinned_weight),
            "the weight of a queue differs from its entries'"
        );
        let residents = slots.filter(|slot| self.marks.get(*slot) != 0);
        self.ledger.check(residents);
        assert!(self.pending.len() <= PENDING_MAX);
        assert!(0.0 <= self.p && self.p <= self.ledger.capacity() as f64);
        assert_eq!(self.p_floor, self.p as u64);
    }
}

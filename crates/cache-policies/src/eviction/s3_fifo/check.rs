//! The invariants of S3-FIFO.

use super::{COUNT, MAIN, PINNED, S3Fifo, SKIPPING, SMALL, Slot};

impl S3Fifo {
    /// Asserts that the queues have the entries that are marked so, once each, and weigh what is counted.
    pub(super) fn check_queues(&self) {
        self.small.check();
        self.main.check();
        self.ghost.check();
        let mut seen = alloc::vec![false; self.marks.slots()];
        let mut weight_of = |slot: Slot| {
            let before = core::mem::replace(&mut seen[slot.index()], true);
            assert!(!before, "an entry is in the queues twice");
            u64::from(self.ledger.weight_of(slot))
        };
        let (mut small_weight, mut main_weight) = (0, 0);
        let outside = self.small.outside_window();
        for (index, slot) in self.small.iter() {
            let mark = self.marks.get(slot);
            assert!(
                mark == SKIPPING && index >= outside || mark & !COUNT == SMALL,
                "an entry of the small queue is marked otherwise"
            );
            small_weight += weight_of(slot);
        }
        for (_, slot) in self.main.iter() {
            assert_eq!(
                self.marks.get(slot) & !COUNT,
                MAIN,
                "an entry of the main queue is marked otherwise"
            );
            main_weight += weight_of(slot);
        }
        assert_eq!(
            (small_weight, main_weight),
            (self.small_weight(), self.main_weight)
        );
        assert_eq!(
            self.small_capacity + self.main_capacity,
            self.ledger.capacity()
        );
    }

    /// Asserts that all resident entries are in a queue or pinned, and that none counts too many hits.
    pub(super) fn check_entries(&self) {
        let slots = (0..self.marks.slots() as u32).map(Slot::new);
        let residents = slots.filter(|slot| self.marks.get(*slot) != 0);
        let pinned = residents
            .clone()
            .filter(|slot| self.marks.get(*slot) & PINNED != 0);
        let pinned_weight: u64 = pinned
            .clone()
            .map(|slot| u64::from(self.ledger.weight_of(slot)))
            .sum();
        assert_eq!(pinned_weight, self.pinned_weight);
        let of_small = pinned
            .clone()
            .filter(|slot| self.marks.get(*slot) & !PINNED < MAIN);
        assert_eq!(of_small.clone().count(), self.pinned_of_small.len());
        assert!(
            of_small
                .into_iter()
                .all(|slot| self.pinned_of_small.get(slot).is_some())
        );
        assert_eq!(
            pinned.count() + self.small.len() + self.main.len(),
            self.ledger.len()
        );
        assert!(
            residents
                .clone()
                .map(|slot| self.marks.get(slot) & !PINNED)
                .all(|mark| mark == SKIPPING || mark & COUNT <= self.count_max)
        );
        self.ledger.check(residents);
    }
}

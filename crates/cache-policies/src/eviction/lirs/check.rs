//! The invariants of LIRS.

use super::{Lirs, Mixed, State};
use crate::slot::Slot;

impl Lirs {
    pub(super) fn check_all(&self) {
        self.keys.check();
        let residents = self.entries.states();
        let residents = residents.filter(|(_, state)| *state != State::ABSENT);
        self.ledger.check(residents.clone().map(|(slot, _)| slot));
        let linked = self.check_lir() + self.check_queue();
        self.check_stack();
        let mut aside = (0, 0);
        for (slot, state) in residents.clone() {
            if !state.is_in_queue() && !state.is_linked_lir() {
                aside.0 += 1;
                aside.1 += u64::from(self.ledger.weight_of(slot));
            }
        }
        assert_eq!(aside.0 + linked, self.ledger.len());
        assert_eq!(aside.1, self.aside_weight);
        let phantoms = residents.filter(|(_, state)| state.is_phantom());
        assert_eq!(phantoms.count(), self.phantoms.len());
    }

    fn check_lir(&self) -> usize {
        let mut weight = 0;
        let mut last = 0;
        for slot in self.entries.iter() {
            let state = self.entries.state(slot);
            assert!(state.is_linked_lir(), "an entry is in the wrong list");
            assert!(
                last <= state.number() && state.number() < self.queue.next(),
                "S orders the LIR entries otherwise than their list"
            );
            last = state.number();
            weight += u64::from(self.ledger.weight_of(slot));
        }
        assert_eq!(weight, self.lir_weight);
        assert!(
            weight <= self.lir_capacity,
            "LIR entries are over their share"
        );
        if let Some(oldest) = self.entries.oldest() {
            let number = self.entries.state(oldest).number();
            assert!(number <= self.floor, "S is not pruned");
        }
        self.entries.check()
    }

    fn check_queue(&self) -> usize {
        for (number, slot) in self.queue.iter() {
            let in_stack = self.numbers.contains(number);
            assert_eq!(in_stack, self.entries.state(slot).is_above(self.floor));
            let state = self.entries.state(slot);
            assert!(
                state == State::hir(number) || state == State::out(number),
                "an entry is in the wrong place of Q"
            );
        }
        self.queue.iter().count()
    }

    fn check_stack(&self) {
        let next = self.queue.next();
        assert!(next <= self.stop && self.stop as usize <= self.keys.numbers());
        assert!(self.floor < next && self.queue.head() <= next && self.numbers.bottom() <= next);
        let mut keys = self.keys.clone();
        let mut weight = self.lir_weight;
        let (mut gone, mut midst) = (0, 0);
        for number in self.numbers.bottom()..next {
            let in_queue = number >= self.queue.head();
            if !self.numbers.contains(number) {
                assert!(!in_queue || !self.queue.is_gone(number));
                continue;
            }
            assert!(
                number > self.floor,
                "what is below the bottom of S is in it"
            );
            if self.is_gone(number) {
                weight += self.numbers.weight_of(number);
                gone += 1;
                midst += usize::from(in_queue);
                continue;
            }
            let slot = self.queue.at(number).expect("an entry in S is in Q");
            weight += u64::from(self.ledger.weight_of(slot));
            let hash = Mixed::new(self.entries.stowed(slot));
            let found = keys.take(hash, |other| other == number);
            assert_eq!(found, Some(number), "the key of an entry is not in S");
        }
        assert_eq!((gone, midst), (self.ghost_len(), self.queue.gone()));
        let of_gone = keys.iter(self.numbers.bottom());
        assert_eq!(
            of_gone.filter(|key| self.is_gone(key.0)).count(),
            gone,
            "what is gone has no key"
        );
        let is_above = |slot: Slot| self.entries.state(slot).is_above(self.floor);
        weight += self.phantoms.weight(is_above);
        assert_eq!(weight, self.stack_weight, "the weight of S differs");
        assert!(
            gone == 0 || weight <= self.stack_capacity,
            "S is over its limit"
        );
    }
}

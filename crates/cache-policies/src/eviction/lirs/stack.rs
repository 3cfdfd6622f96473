//! The stack S: who enters it, who leaves it, and what is pruned.

use super::{Lirs, Mixed, State};
use crate::slot::Slot;

impl Lirs {
    /// An entry that is in no list becomes LIR, on top of S, where its weight counts already.
    #[inline(always)]
    pub(super) fn link_lir(&mut self, slot: Slot, weight: u64) {
        self.lir_weight += weight;
        self.entries.link(slot, State::lir(self.queue.next() - 1));
    }

    /// Takes a LIR entry out of its list and of S.
    #[inline(always)]
    pub(super) fn unlink_lir(&mut self, slot: Slot) {
        let weight = u64::from(self.ledger.weight_of(slot));
        self.entries.unlink(slot);
        self.lir_weight -= weight;
        self.stack_weight -= weight;
    }

    /// Brings a LIR entry to the top of S.
    #[inline(always)]
    pub(super) fn renew_lir(&mut self, slot: Slot) {
        let was_oldest = self.entries.oldest() == Some(slot);
        self.entries.unlink(slot);
        self.entries.link(slot, State::lir(self.queue.next() - 1));
        if was_oldest {
            self.prune_oldest();
        }
    }

    #[inline(never)]
    fn prune_oldest(&mut self) {
        self.prune();
    }

    /// An entry that is in no list becomes HIR, on top of S and the newest of Q.
    #[inline(always)]
    pub(super) fn enter_stack(&mut self, slot: Slot, hash: u64, weight: u64) {
        self.reserve_number();
        let number = self.queue.push(slot);
        self.entries.stow(slot, State::hir(number), hash);
        self.keys
            .push(Mixed::new(hash), number, self.numbers.bottom());
        self.stack_weight += weight;
    }

    /// A HIR entry in S, which is resident, leaves S.
    #[inline(always)]
    pub(super) fn leave_stack(&mut self, slot: Slot, number: u32, hash: u64) {
        let taken = self.keys.take(Mixed::new(hash), |other| other == number);
        debug_assert_eq!(taken, Some(number), "the key of an entry is not in S");
        self.numbers.leave(number);
        self.stack_weight -= u64::from(self.ledger.weight_of(slot));
    }

    /// What had this number in S, as a resident entry of this weight, is gone and stays there.
    #[inline(always)]
    pub(super) fn stay_in_stack(&mut self, number: u32, weight: u32) {
        // One of weight 0 weighs 1 from now on, so that what is gone stays bounded.
        self.stack_weight += u64::from(weight == 0);
        self.numbers.set_weight(number, weight.max(1));
    }

    /// What is gone and has this number in S leaves it.
    pub(super) fn forget(&mut self, number: u32) {
        self.stack_weight -= self.numbers.weight_of(number);
        self.numbers.leave(number);
        if number >= self.queue.head() {
            self.queue.set_gone(number, false);
        }
    }

    /// Makes the oldest LIR entries HIR until there is room for this much more; prunes S.
    #[inline(always)]
    pub(super) fn demote_for(&mut self, weight: u64) {
        while self.lir_weight + weight > self.lir_capacity {
            let Some(oldest) = self.entries.oldest() else {
                break;
            };
            self.unlink_lir(oldest);
            self.enter_queue(oldest);
        }
        self.prune();
    }

    /// An entry that is in no list is the newest of Q, and not in S.
    #[inline(always)]
    pub(super) fn enter_queue(&mut self, slot: Slot) {
        self.entries.set_state(slot, State::ABSENT);
        self.reserve_number();
        let number = self.queue.push(slot);
        self.numbers.leave(number);
        self.entries.set_state(slot, State::out(number));
    }

    /// Prunes S up to the oldest LIR entry.
    #[inline(always)]
    pub(super) fn prune(&mut self) {
        let Some(oldest) = self.entries.oldest() else {
            return;
        };
        let floor = self.entries.state(oldest).number();
        if floor > self.floor {
            self.raise_floor(floor);
        }
    }

    /// What has this number or a lower one leaves S.
    #[inline(never)]
    fn raise_floor(&mut self, floor: u32) {
        let head = self.queue.head();
        for number in head.max(self.numbers.bottom())..=floor {
            if !self.numbers.contains(number) {
                continue;
            }
            match self.queue.at(number) {
                Some(slot) => self.stack_weight -= u64::from(self.ledger.weight_of(slot)),
                None => self.forget(number),
            }
        }
        self.stack_weight -= self.numbers.leave_below(floor + 1, head);
        let (entries, old) = (&self.entries, self.floor);
        self.stack_weight -= self.phantoms.weight(|slot| {
            let number = entries.state(slot).number();
            old < number && number <= floor
        });
        self.floor = floor;
    }

    /// Drops from S what is gone, the lowest first, beyond the limit.
    #[inline(always)]
    pub(super) fn limit_stack(&mut self) {
        while self.stack_weight > self.stack_capacity {
            let Some(weight) = self.numbers.leave_lowest(self.queue.head()) else {
                self.limit_midst();
                return;
            };
            self.stack_weight -= weight;
        }
    }

    /// The same where only entries are gone that left from the midst of Q.
    #[cold]
    #[inline(never)]
    fn limit_midst(&mut self) {
        let mut number = self.queue.head().max(self.numbers.bottom());
        while self.queue.gone() > 0 && self.stack_weight > self.stack_capacity {
            if self.is_gone(number) {
                self.forget(number);
            }
            number += 1;
        }
    }

    /// Whether what had this number is gone and in S.
    #[inline(always)]
    pub(super) fn is_gone(&self, number: u32) -> bool {
        let left_queue = number < self.queue.head() || self.queue.is_gone(number);
        left_queue && self.numbers.contains(number)
    }
}

//! Entries that are neither in Q nor in the list of LIR entries: pinned ones, and phantoms.

use super::{Lirs, Mixed, State};
use crate::slot::Slot;

impl Lirs {
    /// A hit on an entry that is pinned, or a phantom.
    #[cold]
    #[inline(never)]
    pub(super) fn hit_aside(&mut self, slot: Slot, hash: u64) {
        let state = self.entries.resident(slot);
        if state.is_phantom() {
            self.hit_phantom(slot);
        } else if state.is_lir() {
            // It comes to the top of S once it is unpinned.
        } else if state.is_above(self.floor) {
            self.entries.set_state(slot, State::lir(0).pinned());
        } else {
            self.reserve_number();
            let number = self.queue.skip();
            self.numbers.leave(number);
            self.entries.stow(slot, State::hir(number).pinned(), hash);
        }
    }

    /// A phantom becomes LIR and has its weight again.
    fn hit_phantom(&mut self, slot: Slot) {
        let state = self.entries.state(slot);
        let weight = self.forget_phantom(slot);
        self.aside_weight -= u64::from(self.ledger.reweigh(slot, weight));
        let weight = u64::from(weight);
        self.demote_for(weight);
        if state.is_pinned() {
            self.aside_weight += weight;
            self.entries.set_state(slot, State::lir(0).pinned());
        } else {
            self.stack_weight += weight;
            self.link_lir(slot, weight);
        }
        self.prune();
        self.limit_stack();
    }

    /// Forgets the weight that a phantom has in S, and returns it.
    fn forget_phantom(&mut self, slot: Slot) -> u32 {
        let weight = self.phantoms.take(slot);
        if self.entries.state(slot).is_above(self.floor) {
            self.stack_weight -= u64::from(weight);
        }
        weight
    }

    /// The oldest entry of Q, which is in S, stays resident at no weight, and in S.
    #[cold]
    #[inline(never)]
    pub(super) fn become_phantom(&mut self, slot: Slot) {
        let number = self.entries.state(slot).number();
        let hash = self.entries.stowed(slot);
        let weight = self.ledger.weight_of(slot);
        self.leave_stack(slot, number, hash);
        self.stack_weight += u64::from(weight);
        self.queue.pop();
        self.entries.set_state(slot, State::phantom(number));
        self.ledger.reweigh(slot, 0);
        self.phantoms.add(slot, weight);
    }

    /// An entry of this weight that is pinned, or a phantom, is about to be removed.
    pub(super) fn remove_aside(&mut self, slot: Slot, weight: u32, remember: bool) {
        let state = self.entries.state(slot);
        self.aside_weight -= u64::from(weight);
        if state.is_phantom() {
            self.forget_phantom(slot);
        }
        if remember && !state.is_lir() && state.is_above(self.floor) {
            let number = state.number();
            let hash = Mixed::new(self.entries.stowed(slot));
            // What was below it and gone may have been dropped by now.
            self.numbers.come_back(number);
            if number >= self.queue.head() {
                self.queue.set_gone(number, true);
            }
            self.keys.push(hash, number, self.numbers.bottom());
            self.stack_weight += u64::from(weight);
            self.stay_in_stack(number, weight);
        }
    }

    /// Takes a linked entry aside.
    pub(super) fn pin_linked(&mut self, slot: Slot) {
        let state = self.entries.state(slot);
        if state.is_linked_lir() {
            self.unlink_lir(slot);
        } else if state.is_in_queue() {
            self.queue.remove(state.number());
            if state.is_above(self.floor) {
                self.leave_stack(slot, state.number(), self.entries.stowed(slot));
            }
        }
        if !state.is_phantom() {
            self.aside_weight += u64::from(self.ledger.weight_of(slot));
        }
        self.entries.set_state(slot, state.pinned());
        self.prune();
    }

    /// Puts a pinned entry back: on top of S, if it is LIR or in S.
    pub(super) fn unpin_pinned(&mut self, slot: Slot) {
        let state = self.entries.state(slot);
        if state.is_phantom() {
            self.entries.set_state(slot, state.unpinned());
            return;
        }
        let weight = u64::from(self.ledger.weight_of(slot));
        self.aside_weight -= weight;
        if state.is_lir() {
            self.stack_weight += weight;
            self.link_lir(slot, weight);
            self.demote_for(0);
        } else if state.is_above(self.floor) {
            let hash = self.entries.stowed(slot);
            self.entries.set_state(slot, State::ABSENT);
            self.enter_stack(slot, hash, weight);
        } else {
            self.enter_queue(slot);
        }
        self.limit_stack();
    }

    /// The first phantom that may go and is wanted.
    pub(super) fn phantom(&self, wanted: impl Fn(State) -> bool) -> Option<Slot> {
        self.phantoms.find(|slot| {
            let state = self.entries.state(slot);
            !state.is_pinned() && wanted(state)
        })
    }

    /// Whether a number up to this one says that an entry is in S that is pinned, or a phantom.
    pub(super) fn is_aside_below(&self, number: u32) -> bool {
        let floor = self.floor;
        let is_below =
            |state: State| !state.is_lir() && state.is_above(floor) && state.number() <= number;
        self.entries.states().any(|(_, state)| is_below(state))
    }
}

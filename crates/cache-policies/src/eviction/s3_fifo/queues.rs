//! How entries move between the small queue and the main one, and out of them.

use super::line::Left;
use super::small_queue::SmallPlace;
use super::{COUNT, Hint, MAIN, PINNED, REMEMBERED, S3Fifo, SKIPPING, SMALL, Slot};
use crate::ghost::mixed;
use crate::marks::Untold;

impl S3Fifo {
    /// The weight of the linked entries of the small queue.
    #[inline(always)]
    pub(super) fn small_weight(&self) -> u64 {
        self.ledger.weight() - self.main_weight - self.pinned_weight
    }

    #[inline(always)]
    pub(super) fn link_small(&mut self, slot: Slot, mixed: u64) {
        if !self.small.push(SmallPlace::new(slot, mixed)) {
            self.push_grown_small(slot, mixed);
        }
    }

    #[cold]
    #[inline(never)]
    fn push_grown_small(&mut self, slot: Slot, mixed: u64) {
        self.small.grow(self.expected(self.small_capacity));
        let pushed = self.small.push(SmallPlace::new(slot, mixed));
        assert!(pushed, "a queue that has grown has a place");
    }

    /// How many entries weigh so much, at the mean weight so far.
    pub(super) fn expected(&self, weight: u64) -> usize {
        let expected = match self.ledger.weight() {
            0 => u128::from(weight),
            all => u128::from(weight) * self.ledger.len() as u128 / u128::from(all),
        };
        usize::try_from(expected).unwrap_or(usize::MAX)
    }

    /// Makes any absent slot resident; [`insert`](crate::Policy::insert) does itself what is most frequent.
    #[inline(never)]
    pub(super) fn insert_any(&mut self, slot: Slot, hash: u64, weight: u32, hint: Hint) {
        let is_full = self.warming && self.small_weight() >= self.small_capacity;
        if hint == REMEMBERED || is_full {
            self.marks.start(slot, MAIN);
            self.ledger.admit(slot, weight);
            self.link_main(slot, weight);
        } else {
            let is_skipping = self.small.window.is_open();
            self.marks
                .start(slot, if is_skipping { SKIPPING } else { SMALL });
            self.ledger.admit(slot, weight);
            self.link_small(slot, mixed(hash));
            self.enter_window(weight, is_skipping);
        }
    }

    /// Takes the newest entry of the small queue into the window.
    pub(super) fn enter_window(&mut self, weight: u32, is_skipping: bool) {
        if self.skips {
            self.small.enter_window(weight, is_skipping);
            self.end_skipping();
        }
    }

    /// Counts the hits of entries from now on that have left the window.
    pub(super) fn end_skipping(&mut self) {
        while let Some(slot) = self.small.aged() {
            debug_assert_eq!(self.marks.get(slot), SKIPPING);
            self.marks.set(slot, SMALL);
        }
    }

    #[inline(always)]
    pub(super) fn link_main(&mut self, slot: Slot, weight: u32) {
        if !self.main.push(slot) {
            self.push_grown_main(slot);
        }
        self.main_weight += u64::from(weight);
    }

    #[cold]
    #[inline(never)]
    fn push_grown_main(&mut self, slot: Slot) {
        match self.main.has_many_stale() {
            true => self.main.pack(|_| ()),
            false => self.main.grow(self.expected(self.main_capacity)),
        }
        let pushed = self.main.push(slot);
        assert!(pushed, "a queue that has grown has a place");
    }

    /// Takes a slot out of the queue that it is in.
    pub(super) fn unlink(&mut self, slot: Slot, mark: u8, weight: u32) {
        if mark < MAIN {
            self.small.leave(slot, mark == SKIPPING);
            return;
        }
        self.main_weight -= u64::from(weight);
        if self.main.leave(slot) == Left::Middle && self.main.is_to_pack() {
            self.main.pack(|_| ());
        }
    }

    /// The hash of an entry of the small queue, or one pinned out of that, as the ghost has it.
    pub(super) fn mixed_of(&self, slot: Slot, mark: u8) -> u64 {
        if mark & PINNED == 0 {
            return self.small.mixed_of(slot);
        }
        let kept = self.pinned_of_small.get(slot);
        kept.expect("what is pinned out of the small queue has a hash")
    }

    /// Evicts from the queue whose turn it is.
    #[inline(always)]
    pub(super) fn evict_any<T: FnMut(Slot) -> u8>(
        &mut self,
        mut untold: Untold<T>,
    ) -> Option<Slot> {
        let Some((victim, mixed)) = self.next_of_small::<true, T>(&mut untold) else {
            return self.evict_main(untold);
        };
        self.small.pop(victim);
        let weight = self.ledger.dismiss(victim);
        self.remember(mixed, weight);
        Some(victim)
    }

    /// The victim and its hash, `mixed`, if that is the oldest of the small queue, those before it that had enough hits being moved to the main one.
    /// If it leaves, it is marked as absent.
    #[inline(always)]
    pub(super) fn next_of_small<const LEAVES: bool, T: FnMut(Slot) -> u8>(
        &mut self,
        untold: &mut Untold<T>,
    ) -> Option<(Slot, u64)> {
        if self.main_weight > self.main_capacity {
            return None;
        }
        loop {
            let (slot, mixed) = self.small.front()?;
            let mark = self.marks.mark(slot)?;
            let touches = untold.take(slot);
            if touches != 0 {
                *mark =
                    (*mark & !COUNT) | (*mark & COUNT).saturating_add(touches).min(self.count_max);
            }
            if *mark < self.proven {
                if LEAVES {
                    *mark = 0;
                }
                self.warming = false;
                return Some((slot, mixed));
            }
            self.promote(slot);
        }
    }

    /// Moves the oldest of the small queue to the main one.
    #[inline(never)]
    fn promote(&mut self, slot: Slot) {
        self.small.pop(slot);
        self.marks.set(slot, MAIN);
        self.link_main(slot, self.ledger.weight_of(slot));
    }

    /// The oldest of the main queue.
    #[inline(always)]
    fn front_of_main(&mut self) -> Option<Slot> {
        loop {
            let (slot, is_stale) = self.main.front()?;
            if !is_stale {
                return Some(slot);
            }
            self.main.pop();
        }
    }

    /// Turns the main queue up to the first entry without a hit, which is the victim.
    #[inline(always)]
    pub(super) fn victim_of_main<T: FnMut(Slot) -> u8>(
        &mut self,
        mut untold: Untold<T>,
    ) -> Option<Slot> {
        // Twice: hits that come while it turns begin the counts anew.
        let steps_max = 2 * usize::from(self.config.chances()) * self.main.len() + 1;
        let mut steps = 0;
        while let Some(slot) = self.front_of_main() {
            steps += 1;
            debug_assert!(steps <= steps_max, "the main queue turned without an end");
            let count = (self.marks.get(slot) & COUNT).saturating_add(untold.take(slot));
            if count == 0 {
                self.warming = false;
                return Some(slot);
            }
            self.marks
                .set(slot, MAIN | (count.min(self.config.chances()) - 1));
            self.main.turn();
        }
        None
    }

    #[inline(never)]
    fn evict_main<T: FnMut(Slot) -> u8>(&mut self, untold: Untold<T>) -> Option<Slot> {
        let victim = self.victim_of_main(untold)?;
        self.main.pop();
        let weight = self.ledger.dismiss(victim);
        self.main_weight -= u64::from(weight);
        self.marks.set(victim, 0);
        Some(victim)
    }
}

//! How entries move between the small queue and the main one, and out of them.

use super::small_queue::PLACE_BITS;
use super::{COUNT, Hint, MAIN, REMEMBERED, S3Fifo, SKIPPING, SMALL, Slot, Unlinked};
use crate::ghost::{HASH_BITS, mixed};
use crate::marks::Untold;

/// The bits of a cell that are an entry's place in the small queue; the others are the ghost's of its hash.
const PLACE: u64 = (1 << PLACE_BITS) - 1;
const _: () = assert!(HASH_BITS + PLACE_BITS <= u64::BITS);

impl S3Fifo {
    /// The weight of the linked entries of the small queue.
    #[inline(always)]
    pub(super) fn small_weight(&self) -> u64 {
        self.ledger.weight() - self.main_weight - self.pinned_weight
    }

    /// The cell of an entry of the small queue: its hash, as the ghost has it, and its place.
    #[inline(always)]
    fn cell(&self, slot: Slot) -> u64 {
        self.main.stowed(slot)
    }

    /// What an entry of the small queue knows of its place there.
    pub(super) fn place_of(&self, slot: Slot) -> u32 {
        (self.cell(slot) & PLACE) as u32
    }

    #[inline(always)]
    fn set_cell(&mut self, slot: Slot, mixed: u64, place: u32) {
        self.main.stow(slot, mixed | u64::from(place));
    }

    /// The hash of an entry of the small queue, or one pinned out of that, as the ghost has it.
    #[inline(always)]
    pub(super) fn mixed_of(&self, slot: Slot) -> u64 {
        self.cell(slot) & !PLACE
    }

    #[inline(always)]
    pub(super) fn link_small(&mut self, slot: Slot, mixed: u64) {
        let place = match self.small.push(slot) {
            Some(place) => place,
            None => self.push_grown(slot),
        };
        self.set_cell(slot, mixed, place);
    }

    /// Adds a slot to a small queue without a place for it.
    #[cold]
    #[inline(never)]
    fn push_grown(&mut self, slot: Slot) -> u32 {
        // As many as its share holds at the mean weight so far.
        let expected = match self.ledger.weight() {
            0 => u128::from(self.small_capacity),
            weight => {
                u128::from(self.small_capacity) * self.ledger.len() as u128 / u128::from(weight)
            }
        };
        self.small
            .grow(usize::try_from(expected).unwrap_or(usize::MAX));
        self.replace_small();
        let place = self.small.push(slot);
        place.expect("a queue that has grown has a place")
    }

    /// Tells the entries of the small queue of their places.
    fn replace_small(&mut self) {
        let (small, main) = (&self.small, &mut self.main);
        for (slot, place) in small.iter() {
            let cell = main.stowed(slot);
            main.stow(slot, cell & !PLACE | u64::from(place));
        }
    }

    #[inline(always)]
    pub(super) fn pop_small(&mut self) {
        if self.small.pop() {
            self.tidy_small();
        }
    }

    #[cold]
    #[inline(never)]
    fn tidy_small(&mut self) {
        if self.small.tidy() {
            self.replace_small();
        }
    }

    /// Makes any absent slot resident; [`insert`](crate::Policy::insert) does itself what is most frequent.
    #[inline(never)]
    pub(super) fn insert_any(&mut self, slot: Slot, hash: u64, weight: u32, hint: Hint) {
        self.main.ensure(slot);
        let is_full = self.warming && self.small_weight() >= self.small_capacity;
        self.ledger.admit(slot, weight);
        if hint == REMEMBERED || is_full {
            self.marks.start(slot, MAIN);
            self.link_main(slot, weight);
        } else {
            let is_skipping = self.small.window.is_open();
            self.marks
                .start(slot, if is_skipping { SKIPPING } else { SMALL });
            self.link_small(slot, mixed(hash));
            self.enter_window(weight);
        }
    }

    /// Takes the newest entry of the small queue into the window.
    pub(super) fn enter_window(&mut self, weight: u32) {
        if self.skips {
            self.small.enter_window(weight);
            self.end_skipping();
        }
    }

    /// Counts the hits of entries from now on that have left the window.
    pub(super) fn end_skipping(&mut self) {
        while let Some(slot) = self.small.aged() {
            if self.marks.get(slot) == SKIPPING {
                self.marks.set(slot, SMALL);
            }
        }
    }

    #[inline(always)]
    pub(super) fn link_main(&mut self, slot: Slot, weight: u32) {
        self.main.push_front(0, slot);
        self.main_weight += u64::from(weight);
    }

    #[inline(always)]
    fn unlink_main(&mut self, slot: Slot, weight: u32) {
        self.main.unlink(0, slot, Unlinked::Absent);
        self.main_weight -= u64::from(weight);
    }

    /// Takes a slot out of the queue that it is in.
    pub(super) fn unlink(&mut self, slot: Slot, mark: u8, weight: u32) {
        if mark >= MAIN {
            self.unlink_main(slot, weight);
        } else {
            self.small.remove(slot, self.place_of(slot));
            self.tidy_small();
        }
    }

    /// Evicts from the queue whose turn it is.
    #[inline(always)]
    pub(super) fn evict_any<T: FnMut(Slot) -> u8>(
        &mut self,
        mut untold: Untold<T>,
    ) -> Option<Slot> {
        let Some(victim) = self.next_of_small::<true, T>(&mut untold) else {
            return self.evict_main(untold);
        };
        self.pop_small();
        let weight = self.ledger.dismiss(victim);
        self.ghost.remember_mixed(self.mixed_of(victim), weight);
        Some(victim)
    }

    /// The victim if that is the oldest of the small queue, those before it that had enough hits being moved to the main one.
    /// If it leaves, it is marked as absent.
    #[inline(always)]
    pub(super) fn next_of_small<const LEAVES: bool, T: FnMut(Slot) -> u8>(
        &mut self,
        untold: &mut Untold<T>,
    ) -> Option<Slot> {
        if self.main_weight > self.main_capacity {
            return None;
        }
        loop {
            let slot = self.small.front();
            // The slot that stands for none has no mark.
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
                return Some(slot);
            }
            self.promote(slot);
        }
    }

    /// Moves the oldest of the small queue to the main one.
    #[inline(never)]
    fn promote(&mut self, slot: Slot) {
        self.pop_small();
        self.marks.set(slot, MAIN);
        self.link_main(slot, self.ledger.weight_of(slot));
    }

    /// Turns the main queue up to the first entry without a hit, which is the victim.
    #[inline(always)]
    pub(super) fn victim_of_main<T: FnMut(Slot) -> u8>(
        &mut self,
        mut untold: Untold<T>,
    ) -> Option<Slot> {
        // Twice: hits that come while it turns begin the counts anew.
        let steps_max = 2 * usize::from(self.config.chances()) * self.main.len(0) + 1;
        let mut steps = 0;
        while let Some(slot) = self.main.back(0) {
            steps += 1;
            debug_assert!(steps <= steps_max, "the main queue turned without an end");
            let count = (self.marks.get(slot) & COUNT).saturating_add(untold.take(slot));
            if count == 0 {
                self.warming = false;
                return Some(slot);
            }
            self.marks
                .set(slot, MAIN | (count.min(self.config.chances()) - 1));
            self.main.move_to_front(0, slot);
        }
        None
    }

    #[inline(never)]
    fn evict_main<T: FnMut(Slot) -> u8>(&mut self, untold: Untold<T>) -> Option<Slot> {
        let victim = self.victim_of_main(untold)?;
        let weight = self.ledger.dismiss(victim);
        self.unlink_main(victim, weight);
        self.marks.set(victim, 0);
        Some(victim)
    }
}

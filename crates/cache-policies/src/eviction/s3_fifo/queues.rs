//! How entries move between the small queue and the main one, and out of them.

use super::small_queue::Entry;
use super::{COUNT, MAIN, PINNED, S3Fifo, SKIPPING, SMALL, Slot, Unlinked};

impl S3Fifo {
    /// The weight of the linked entries of the small queue.
    #[inline(always)]
    pub(super) fn small_weight(&self) -> u64 {
        self.ledger.weight() - self.main_weight - self.pinned_weight
    }

    /// The hash of an entry of the small queue.
    #[inline(always)]
    pub(super) fn hash(&self, entry: Entry) -> u64 {
        let [_, half] = self.main.stowed(entry.slot());
        u64::from(half) << 32 | u64::from(entry.half)
    }

    /// The hash of an entry that is pinned out of the small queue.
    pub(super) fn pinned_hash(&self, slot: Slot) -> u64 {
        let [lower, upper] = self.main.stowed(slot);
        u64::from(upper) << 32 | u64::from(lower)
    }

    #[inline(always)]
    pub(super) fn link_small(&mut self, slot: Slot, hash: u64, weight: u32) {
        if self.small.is_full() {
            self.grow_small();
        }
        let place = self.small.push(slot, hash as u32);
        self.main.stow(slot, [place, (hash >> 32) as u32]);
        if self.skips {
            self.enter_window(weight);
        }
    }

    #[cold]
    fn grow_small(&mut self) {
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
    }

    /// Tells the entries of the small queue of their places.
    fn replace_small(&mut self) {
        for (slot, place) in self.small.iter() {
            let [_, half] = self.main.stowed(slot);
            self.main.stow(slot, [place, half]);
        }
    }

    #[inline(always)]
    pub(super) fn pop_small(&mut self) {
        self.small.pop();
        if self.small.is_untidy() {
            self.tidy_small();
        }
    }

    #[cold]
    fn tidy_small(&mut self) {
        if self.small.tidy() {
            self.replace_small();
        }
    }

    /// Counts an entry that was just put into the small queue.
    #[inline(never)]
    fn enter_window(&mut self, weight: u32) {
        self.small.enter_window(weight);
        self.end_skipping();
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

    /// Takes a resident slot out of the queue that it is in, unless it is pinned, and returns its hash if it is an entry of
    /// the small queue.
    pub(super) fn unlink(&mut self, slot: Slot, mark: u8, weight: u32) -> Option<u64> {
        let pinned = mark & PINNED != 0;
        if mark >= MAIN {
            if !pinned {
                self.unlink_main(slot, weight);
            }
            return None;
        }
        if pinned {
            return Some(self.pinned_hash(slot));
        }
        let [place, _] = self.main.stowed(slot);
        let entry = self.small.remove(place);
        self.tidy_small();
        Some(self.hash(entry))
    }

    /// Unless the main queue is over its share: empties the small queue up to the first entry that had too few hits, which is
    /// the victim.
    #[inline(always)]
    pub(super) fn victim_of_small(&mut self) -> Option<Entry> {
        if self.main_weight > self.main_capacity {
            return None;
        }
        loop {
            let entry = self.small.front()?;
            if self.marks.get(entry.slot()) < self.proven {
                self.warming = false;
                return Some(entry);
            }
            self.promote(entry.slot());
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
    pub(super) fn victim_of_main(&mut self) -> Option<Slot> {
        let steps_max = usize::from(self.config.chances()) * self.main.len(0) + 1;
        let mut steps = 0;
        while let Some(slot) = self.main.back(0) {
            steps += 1;
            debug_assert!(steps <= steps_max, "the main queue turned without an end");
            let count = self.marks.get(slot) & COUNT;
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
    pub(super) fn evict_main(&mut self) -> Option<Slot> {
        let victim = self.victim_of_main()?;
        let weight = self.ledger.dismiss(victim);
        self.unlink_main(victim, weight);
        self.marks.set(victim, 0);
        Some(victim)
    }
}

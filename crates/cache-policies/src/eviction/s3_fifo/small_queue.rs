//! S3-FIFO's small queue: a ring of slots, each with half of its hash, so that only the entries in it pay for their
//! hashes; the other half is in the entry's cell among the links of the main queue, which it does not need here.
//!
//! ```text
//!          head                              tail
//!  ring  |  [ slot, half | hole | slot, half ]  |      8 bytes a place; a place's number is known to its entry
//!  stamps                [ 41   | 42         ]         of the newest places: see the window
//! ```
//! An entry that leaves from the middle leaves a hole. There are never many more holes than entries: [`SmallQueue::tidy`],
//! which the owner calls after a removal and where [`SmallQueue::is_untidy`], closes them up and gives entries other places.

use alloc::vec::Vec;

use crate::slot::Slot;

use super::window::Window;

const HOLE: u32 = u32::MAX;

/// An entry of the queue.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    /// A slot's number, or `HOLE`.
    slot: u32,
    /// The lower half of the hash.
    pub(super) half: u32,
}

const VACANT: Entry = Entry {
    slot: HOLE,
    half: 0,
};

impl Entry {
    #[inline(always)]
    pub(super) fn slot(self) -> Slot {
        Slot::new(self.slot)
    }

    fn is_hole(self) -> bool {
        self.slot == HOLE
    }
}

#[derive(Clone, Debug)]
pub(super) struct SmallQueue {
    ring: Vec<Entry>,
    /// The place of the oldest entry.
    head: usize,
    /// The place of the next entry.
    tail: usize,
    /// The places from the head to the tail; neither the first nor the last is a hole.
    span: usize,
    holes: usize,
    /// Once the span is no more than that, there are holes or memory to be looked after.
    untidy: usize,
    /// The newest entries, whose hits are skipped.
    pub(super) window: Window,
}

impl SmallQueue {
    pub(super) fn new() -> Self {
        SmallQueue {
            ring: Vec::new(),
            head: 0,
            tail: 0,
            span: 0,
            holes: 0,
            untidy: 0,
            window: Window::new(),
        }
    }

    /// The entries.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.span - self.holes
    }

    /// Whether there is no place for another entry: see [`SmallQueue::grow`].
    #[inline(always)]
    pub(super) fn is_full(&self) -> bool {
        self.span == self.ring.len()
    }

    /// Whether [`SmallQueue::tidy`] has something to do.
    #[inline(always)]
    pub(super) fn is_untidy(&self) -> bool {
        self.span < self.untidy
    }

    /// The place after another one.
    #[inline(always)]
    fn after(&self, place: usize) -> usize {
        if place + 1 == self.ring.len() {
            0
        } else {
            place + 1
        }
    }

    /// The place so many before the tail.
    fn before_tail(&self, places: usize) -> usize {
        if places <= self.tail {
            self.tail - places
        } else {
            self.tail + self.ring.len() - places
        }
    }

    /// Adds a slot as the newest, for which there must be a place; returns that.
    #[inline(always)]
    pub(super) fn push(&mut self, slot: Slot, half: u32) -> u32 {
        let place = self.tail;
        self.ring[place] = Entry {
            slot: slot.get(),
            half,
        };
        self.tail = self.after(place);
        self.span += 1;
        place as u32
    }

    /// The oldest entry.
    #[inline(always)]
    pub(super) fn front(&self) -> Option<Entry> {
        if self.span == 0 {
            return None;
        }
        Some(self.ring[self.head])
    }

    /// Drops the oldest entry, which there must be.
    #[inline(always)]
    pub(super) fn pop(&mut self) {
        self.head = self.after(self.head);
        self.span -= 1;
    }

    /// Takes an entry from its place; what calls for [`SmallQueue::tidy`].
    pub(super) fn remove(&mut self, place: u32) -> Entry {
        self.holes += 1;
        self.untidy = usize::MAX;
        core::mem::replace(&mut self.ring[place as usize], VACANT)
    }

    /// Drops the holes at the ends, all of them if there are too many, and memory that a longer queue left behind. Whether
    /// entries have other places now. Constant time amortised, over removals.
    pub(super) fn tidy(&mut self) -> bool {
        while self.holes > 0 && self.ring[self.head].is_hole() {
            self.head = self.after(self.head);
            self.span -= 1;
            self.holes -= 1;
        }
        while self.holes > 0 && self.ring[self.before_tail(1)].is_hole() {
            self.tail = self.before_tail(1);
            self.span -= 1;
            self.holes -= 1;
            self.window.drop_newest();
        }
        let has_many = self.span > 2 * self.len() + 8;
        if has_many {
            self.pack();
        }
        let is_long = self.ring.len() > 4 * self.span + 64;
        if is_long {
            self.resize(2 * self.span);
        }
        self.set_untidy();
        has_many || is_long
    }

    /// Makes a place for another entry; entries have other places then. So many entries are expected: until there are that
    /// many, room for twice as many, from there on for an eighth more. Constant time amortised.
    pub(super) fn grow(&mut self, expected: usize) {
        if self.holes > self.span / 8 {
            self.pack();
        } else {
            let len = self.ring.len();
            let room = if len < expected {
                (2 * len + 16).min(expected)
            } else {
                len + len / 8 + 8
            };
            self.resize(room);
        }
        self.set_untidy();
    }

    fn set_untidy(&mut self) {
        self.untidy = if self.holes > 0 {
            usize::MAX
        } else {
            self.ring.len().saturating_sub(64).div_ceil(4)
        };
    }

    /// Closes up the holes.
    fn pack(&mut self) {
        let (mut from, mut to) = (self.head, self.head);
        for places in (1..=self.span).rev() {
            let entry = self.ring[from];
            from = self.after(from);
            if entry.is_hole() {
                self.window.mark_hole(places);
            } else {
                self.ring[to] = entry;
                to = self.after(to);
            }
        }
        self.window.drop_holes();
        self.tail = to;
        self.span -= self.holes;
        self.holes = 0;
    }

    /// Gives the ring so many places, at least as many as the span.
    fn resize(&mut self, room: usize) {
        self.ring.rotate_left(self.head);
        self.head = 0;
        if room < self.ring.len() {
            self.ring.truncate(room);
            self.ring.shrink_to_fit();
        } else {
            self.ring.reserve_exact(room - self.ring.len());
            self.ring.resize(room, VACANT);
        }
        self.tail = if self.span == room { 0 } else { self.span };
    }

    /// Takes the newest entry into the window.
    pub(super) fn enter_window(&mut self, weight: u32) {
        self.window.enter(weight, self.span);
    }

    /// How many of the entries, the oldest, are not in the window.
    pub(super) fn outside_window(&self) -> usize {
        let places = self.span.saturating_sub(self.window.places());
        let all = (0..places).scan(self.head, |next, _| {
            let place = *next;
            *next = self.after(place);
            Some(self.ring[place])
        });
        all.filter(|entry| !entry.is_hole()).count()
    }

    /// Takes the oldest entry out of the window that is as old as its span, and returns it.
    pub(super) fn aged(&mut self) -> Option<Slot> {
        while let Some(places) = self.window.aged() {
            // More than there are: it has left since.
            if places <= self.span {
                let entry = self.ring[self.before_tail(places)];
                if !entry.is_hole() {
                    return Some(entry.slot());
                }
            }
        }
        None
    }

    /// The entries with their places, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, u32)> {
        let mut next = self.head;
        let places = (0..self.span).map(move |_| {
            let place = next;
            next = self.after(place);
            (self.ring[place], place as u32)
        });
        places
            .filter(|(entry, _)| !entry.is_hole())
            .map(|(entry, place)| (entry.slot(), place))
    }

    /// Asserts the counts, and that holes are few and not at the ends.
    pub(super) fn check(&self) {
        assert_eq!(
            self.iter().count(),
            self.len(),
            "the queue counts another number of entries"
        );
        assert!(
            self.span <= 2 * self.len() + 8,
            "the queue has too many holes"
        );
        assert_eq!(
            self.before_tail(self.span) % self.ring.len().max(1),
            self.head,
            "the ends are not as far from each other as the queue counts"
        );
        if self.span > 0 {
            let ends = [self.ring[self.head], self.ring[self.before_tail(1)]];
            assert!(!ends[0].is_hole() && !ends[1].is_hole(), "an end is a hole");
        }
        assert!(
            !self.is_untidy() || self.holes > 0,
            "the queue keeps memory that it does not need"
        );
        self.window.check();
    }
}

#[cfg(test)]
mod tests;

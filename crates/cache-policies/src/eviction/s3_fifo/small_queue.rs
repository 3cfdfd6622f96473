//! S3-FIFO's small queue: a ring of slots. What is kept of an entry's hash stands in its cell among the links of the main
//! queue, which it does not need here, and so does its place in the ring.
//!
//! ```text
//!          head                    tail
//!  ring  |  [ slot | hole | slot ]  |      4 bytes a place; an entry knows where it is
//!  stamps          [ 41   | 42   ]         of the newest places: see the window
//! ```
//! An entry that leaves from the middle leaves a hole. There are never many more holes than entries: [`SmallQueue::tidy`],
//! which the owner calls after a removal and where [`SmallQueue::is_untidy`], closes them up and gives entries other places.

use alloc::vec::Vec;

use crate::slot::Slot;

use super::window::Window;

const HOLE: u32 = u32::MAX;

/// The bits of a place that an entry knows: few under test, so that queues there are longer.
pub(super) const PLACE_BITS: u32 = if cfg!(test) { 5 } else { 23 };
const PLACES: usize = 1 << PLACE_BITS;

#[derive(Clone, Debug)]
pub(super) struct SmallQueue {
    /// Numbers of slots, and `HOLE`.
    ring: Vec<u32>,
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

    fn is_used(&self, place: usize) -> bool {
        let from_head = if place >= self.head {
            place - self.head
        } else {
            place + self.ring.len() - self.head
        };
        from_head < self.span
    }

    /// The place so many before the tail.
    fn before_tail(&self, places: usize) -> usize {
        if places <= self.tail {
            self.tail - places
        } else {
            self.tail + self.ring.len() - places
        }
    }

    /// What an entry knows of its place.
    #[inline(always)]
    fn known(place: usize) -> u32 {
        (place % PLACES) as u32
    }

    /// Adds a slot as the newest, for which there must be a place; returns what it is to know of that.
    #[inline(always)]
    pub(super) fn push(&mut self, slot: Slot) -> u32 {
        let place = self.tail;
        self.ring[place] = slot.get();
        self.tail = self.after(place);
        self.span += 1;
        SmallQueue::known(place)
    }

    /// The oldest slot.
    #[inline(always)]
    pub(super) fn front(&self) -> Option<Slot> {
        if self.span == 0 {
            return None;
        }
        Some(Slot::new(self.ring[self.head]))
    }

    /// Drops the oldest slot, which there must be.
    #[inline(always)]
    pub(super) fn pop(&mut self) {
        self.head = self.after(self.head);
        self.span -= 1;
    }

    /// Takes a slot from its place, of which this is known; what calls for [`SmallQueue::tidy`].
    pub(super) fn remove(&mut self, slot: Slot, known: u32) {
        // One place where the ring is not millions long. Those that are not in use may still have the slot too.
        let mut places = (known as usize..self.ring.len()).step_by(PLACES);
        let place = places.find(|place| self.ring[*place] == slot.get() && self.is_used(*place));
        self.ring[place.expect("a slot of the queue is in its ring")] = HOLE;
        self.holes += 1;
        self.untidy = usize::MAX;
    }

    /// Drops the holes at the ends, all of them if there are too many, and memory that a longer queue left behind. Whether
    /// entries have other places now. Constant time amortised, over removals.
    pub(super) fn tidy(&mut self) -> bool {
        while self.holes > 0 && self.ring[self.head] == HOLE {
            self.head = self.after(self.head);
            self.span -= 1;
            self.holes -= 1;
        }
        while self.holes > 0 && self.ring[self.before_tail(1)] == HOLE {
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
            let slot = self.ring[from];
            from = self.after(from);
            if slot == HOLE {
                self.window.mark_hole(places);
            } else {
                self.ring[to] = slot;
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
            self.ring.resize(room, HOLE);
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
        all.filter(|slot| *slot != HOLE).count()
    }

    /// Takes the oldest entry out of the window that is as old as its span, and returns it.
    pub(super) fn aged(&mut self) -> Option<Slot> {
        while let Some(places) = self.window.aged() {
            // More than there are: it has left since.
            if places <= self.span {
                let slot = self.ring[self.before_tail(places)];
                if slot != HOLE {
                    return Some(Slot::new(slot));
                }
            }
        }
        None
    }

    /// The slots with what they know of their places, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, u32)> {
        let mut next = self.head;
        let places = (0..self.span).map(move |_| {
            let place = next;
            next = self.after(place);
            (self.ring[place], SmallQueue::known(place))
        });
        places
            .filter(|(slot, _)| *slot != HOLE)
            .map(|(slot, known)| (Slot::new(slot), known))
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
            assert!(!ends.contains(&HOLE), "an end is a hole");
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

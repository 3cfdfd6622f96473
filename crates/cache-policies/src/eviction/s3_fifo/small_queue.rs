//! S3-FIFO's small queue: a ring of slots. What the ghost needs of an entry's hash stands in its cell among the links of the main
//! queue, which it does not need here, and so does its place in the ring.
//!
//! ```text
//!          head                    tail
//!  ring  |  [ slot | hole | slot ]  |      4 bytes a place; an entry knows where it is
//!  stamps          [ 41   | 42   ]         of the newest places: see the window
//! ```
//! An entry that leaves from the middle leaves a hole. There are never many more holes than entries: [`SmallQueue::tidy`],
//! which the owner calls after a removal and where [`SmallQueue::pop`] says so, closes them up and gives entries other places.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::mem;

use crate::slot::Slot;

use super::window::Window;

const HOLE: u32 = u32::MAX;

/// The bits of a place that an entry knows: few under test, so that queues there are longer.
pub(super) const PLACE_BITS: u32 = if cfg!(test) { 5 } else { 23 };
const PLACES: usize = 1 << PLACE_BITS;

#[derive(Clone, Debug)]
pub(super) struct SmallQueue {
    /// Numbers of slots, and `HOLE`, as also where no entry is.
    ring: Vec<u32>,
    /// The place of the oldest entry, which is no hole.
    head: usize,
    /// The place of the next entry; the one before is no hole.
    tail: usize,
    /// How many there are between the entries.
    holes: usize,
    /// Once the head has come there, it is at the ring's end or before a hole, or the ring may be too long by now.
    watch: usize,
    /// The newest entries, whose hits are skipped.
    pub(super) window: Window,
}

impl SmallQueue {
    pub(super) fn new() -> Self {
        SmallQueue {
            ring: Vec::new(),
            head: 0,
            tail: 0,
            holes: 0,
            watch: 0,
            window: Window::new(),
        }
    }

    /// The places from the oldest to the newest entry.
    fn span(&self) -> usize {
        match self.tail.cmp(&self.head) {
            Ordering::Greater => self.tail - self.head,
            Ordering::Less => self.tail + self.ring.len() - self.head,
            Ordering::Equal if self.front().get() == HOLE => 0,
            Ordering::Equal => self.ring.len(),
        }
    }

    /// The entries.
    pub(super) fn len(&self) -> usize {
        self.span() - self.holes
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

    /// What an entry knows of its place.
    #[inline(always)]
    fn known(place: usize) -> u32 {
        (place % PLACES) as u32
    }

    /// Adds a slot as the newest, and returns what it is to know of its place; `None` if there is none for it, and the ring
    /// has to [grow](SmallQueue::grow).
    #[inline(always)]
    pub(super) fn push(&mut self, slot: Slot) -> Option<u32> {
        let place = self.tail;
        let vacant = self.ring.get_mut(place).filter(|slot| **slot == HOLE)?;
        *vacant = slot.get();
        self.tail = self.after(place);
        Some(SmallQueue::known(place))
    }

    /// The oldest slot; if there is none, a number above [`Slot::MAX`].
    #[inline(always)]
    pub(super) fn front(&self) -> Slot {
        Slot::new(self.ring.get(self.head).copied().unwrap_or(HOLE))
    }

    /// Drops the oldest slot, which there must be. Whether [`SmallQueue::tidy`] is to be called now.
    #[inline(always)]
    pub(super) fn pop(&mut self) -> bool {
        self.ring[self.head] = HOLE;
        self.head += 1;
        self.head >= self.watch
    }

    /// Takes a slot from its place, of which this is known; what calls for [`SmallQueue::tidy`].
    pub(super) fn remove(&mut self, slot: Slot, known: u32) {
        // One place where the ring is not millions long.
        let places = self.ring.iter_mut().skip(known as usize).step_by(PLACES);
        let place = { places }.find(|place| **place == slot.get());
        *place.expect("a slot of the queue is in its ring") = HOLE;
        self.holes += 1;
    }

    /// Drops the holes at the ends, all of them if there are too many, and memory that a longer queue left behind. Whether
    /// entries have other places now. Constant time amortised, over removals.
    pub(super) fn tidy(&mut self) -> bool {
        if self.head == self.ring.len() {
            self.head = 0;
        }
        while self.holes > 0 && self.ring[self.head] == HOLE {
            self.head = self.after(self.head);
            self.holes -= 1;
        }
        while self.holes > 0 && self.ring[self.before_tail(1)] == HOLE {
            self.tail = self.before_tail(1);
            self.holes -= 1;
            self.window.drop_newest();
        }
        let has_many = self.span() > 2 * self.len() + 8;
        if has_many {
            self.pack();
        }
        let is_long = self.ring.len() > 4 * self.span() + 64;
        if is_long {
            self.resize(2 * self.span());
        }
        self.set_watch();
        has_many || is_long
    }

    /// Makes a place for another entry; entries have other places then. So many entries are expected: until there are that
    /// many, room for twice as many, from there on for an eighth more. Constant time amortised.
    pub(super) fn grow(&mut self, expected: usize) {
        if self.holes > self.ring.len() / 8 {
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
        self.set_watch();
    }

    /// If there are no holes, looks at the ring's length again when three quarters of the entries have left.
    fn set_watch(&mut self) {
        let pops = if self.holes > 0 {
            1
        } else {
            self.span() / 4 * 3 + 8
        };
        self.watch = self.ring.len().min(self.head + pops);
    }

    /// Closes up the holes.
    fn pack(&mut self) {
        let (mut from, mut to) = (self.head, self.head);
        for places in (1..=self.span()).rev() {
            let slot = mem::replace(&mut self.ring[from], HOLE);
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
        self.holes = 0;
    }

    /// Gives the ring so many places, at least as many as the span.
    fn resize(&mut self, room: usize) {
        let span = self.span();
        self.ring.rotate_left(self.head);
        self.head = 0;
        if room < self.ring.len() {
            self.ring.truncate(room);
            self.ring.shrink_to_fit();
        } else {
            self.ring.reserve_exact(room - self.ring.len());
            self.ring.resize(room, HOLE);
        }
        self.tail = if span == room { 0 } else { span };
    }

    /// Takes the newest entry into the window.
    pub(super) fn enter_window(&mut self, weight: u32) {
        self.window.enter(weight, self.span());
    }

    /// How many of the entries, the oldest, are not in the window.
    pub(super) fn outside_window(&self) -> usize {
        let places = self.span().saturating_sub(self.window.places());
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
            if places <= self.span() {
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
        let places = (0..self.span()).map(move |_| {
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
        let span = self.span();
        assert!(span <= 2 * self.len() + 8, "the queue has too many holes");
        if span > 0 {
            let ends = [self.ring[self.head], self.ring[self.before_tail(1)]];
            assert!(!ends.contains(&HOLE), "an end is a hole");
        }
        let vacant = self.ring.iter().filter(|slot| **slot == HOLE).count();
        assert_eq!(
            vacant,
            self.ring.len() - self.len(),
            "a slot is left in a place that is not in use"
        );
        assert!(
            self.ring.len() <= 16 * span + 256,
            "the queue keeps memory that it does not need"
        );
        assert!(self.head < self.watch || self.ring.is_empty());
        self.window.check();
    }
}

#[cfg(test)]
mod tests;

//! A queue of slots in a ring, first in first out, of which any may leave: S3-FIFO's main queue, and what its small one is
//! made of.
//!
//! ```text
//!  oldest  [ a | b | c | b | d ]  newest        stale: b 1
//! ```
//! No entry knows its place. One that leaves from the middle leaves the place behind as it is, *stale*, and a [count](Stale)
//! of its slot; where the front comes to that it is passed over. There are never many more of them: they are closed up
//! where they are a quarter as many as the entries were.

use alloc::vec::Vec;

use super::stale::Stale;
use crate::slot::Slot;

/// What stands in a line for an entry.
pub(super) trait Place: Copy {
    /// What fills the places that are not in use.
    const VACANT: Self;

    fn slot(self) -> Slot;
}

impl Place for Slot {
    const VACANT: Slot = Slot::new(u32::MAX);

    #[inline(always)]
    fn slot(self) -> Slot {
        self
    }
}

/// Where an entry left a line.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Left {
    Oldest,
    Newest,
    Middle,
}

/// Slots in the order in which they came. A slot is in it once, beside places that it has left.
#[derive(Clone, Debug)]
pub(super) struct Line<P> {
    ring: Vec<P>,
    /// The oldest place.
    head: usize,
    /// The next place.
    tail: usize,
    /// How many there are, stale ones included.
    places: usize,
    /// Once the head has come there, it is at the ring's end, or the ring may be too long by now.
    watch: usize,
    /// Whether the owner wants to see each place that is dropped.
    is_watched: bool,
    stale: Stale,
}

impl<P: Place> Line<P> {
    pub(super) const fn new() -> Self {
        Line {
            ring: Vec::new(),
            head: 0,
            tail: 0,
            places: 0,
            watch: 0,
            is_watched: false,
            stale: Stale::new(),
        }
    }

    /// The entries.
    pub(super) fn len(&self) -> usize {
        self.places - self.stale.len()
    }

    /// The places, stale ones included.
    #[inline(always)]
    pub(super) fn places(&self) -> usize {
        self.places
    }

    /// Where in the ring the place is that comes so many after the oldest.
    fn at(&self, index: usize) -> usize {
        let at = self.head + index;
        if at < self.ring.len() {
            at
        } else {
            at - self.ring.len()
        }
    }

    /// The place so many after the oldest.
    pub(super) fn place(&self, index: usize) -> P {
        self.ring[self.at(index)]
    }

    /// Adds an entry as the newest; whether there was a place for it, and the line need not [grow](Line::grow) before.
    #[inline(always)]
    #[must_use]
    pub(super) fn push(&mut self, place: P) -> bool {
        if self.places == self.ring.len() {
            return false;
        }
        self.ring[self.tail] = place;
        let next = self.tail + 1;
        self.tail = if next == self.ring.len() { 0 } else { next };
        self.places += 1;
        true
    }

    /// The oldest place, and whether it is stale. One that is has to be [popped](Line::pop) at once.
    #[inline(always)]
    pub(super) fn front(&mut self) -> Option<(P, bool)> {
        if self.places == 0 {
            return None;
        }
        let place = *self.ring.get(self.head)?;
        Some((place, self.stale.pass(place.slot())))
    }

    /// Lets [`Line::pop`] ask for a look at each place that it drops.
    pub(super) fn watch(&mut self) {
        self.is_watched = true;
        self.look();
    }

    /// Drops the oldest place, which there must be. Whether the owner is to look at what went, if it wants to see each:
    /// sometimes for no reason, so that one comparison is all that the others pay.
    #[inline(always)]
    pub(super) fn pop(&mut self) -> bool {
        self.places -= 1;
        self.head += 1;
        let looks = self.head >= self.watch;
        if looks {
            self.look();
        }
        looks
    }

    /// The head has come to the end or all places in sight have gone.
    #[cold]
    #[inline(never)]
    fn look(&mut self) {
        if self.head == self.ring.len() {
            self.head = 0;
        }
        if self.ring.len() > 4 * self.places + 64 {
            // With a place for what was dropped, should it turn.
            self.resize(2 * self.places + 8);
        }
        // Looks at the ring's length again when three quarters of the entries have left.
        let pops = match self.is_watched {
            true => 1,
            false => self.places / 4 * 3 + 8,
        };
        self.watch = self.ring.len().min(self.head + pops);
    }

    /// Makes the oldest place the newest.
    #[inline(always)]
    pub(super) fn turn(&mut self) {
        let place = self.ring[self.head];
        self.pop();
        let pushed = self.push(place);
        debug_assert!(pushed, "a place has just become vacant");
    }

    /// Lets an entry go; where it was. One that was in the middle leaves its place behind: see
    /// [`Line::is_to_pack`]. Constant time.
    pub(super) fn leave(&mut self, slot: Slot) -> Left {
        let newest = self.at(self.places - 1);
        if self.ring[newest].slot() == slot {
            self.tail = newest;
            self.places -= 1;
            self.look();
            return Left::Newest;
        }
        if self.is_oldest(slot) {
            self.pop();
            return Left::Oldest;
        }
        self.stale.add(slot);
        Left::Middle
    }

    /// Whether an entry is the oldest.
    fn is_oldest(&self, slot: Slot) -> bool {
        self.place(0).slot() == slot && self.stale.has_none(slot)
    }

    /// The place of an entry: the oldest is found at once, any other one from the newest on, by as many steps as came
    /// after it.
    pub(super) fn find(&self, slot: Slot) -> Option<P> {
        if self.is_oldest(slot) {
            return Some(self.place(0));
        }
        let newest_on = (0..self.places).rev().map(|index| self.place(index));
        { newest_on }.find(|place| place.slot() == slot)
    }

    /// Whether it is time to close up.
    pub(super) fn is_to_pack(&self) -> bool {
        4 * self.stale.len() > self.len() + 32
    }

    /// Closes up: drops all stale places. `each` is told of every place, the oldest first, whether it stays. Time in
    /// proportion to the places; constant amortised over those that have left, where it is done when it
    /// [is time](Line::is_to_pack).
    pub(super) fn pack(&mut self, mut each: impl FnMut(bool)) {
        let mut to = 0;
        for from in 0..self.places {
            let place = self.place(from);
            let stays = !self.stale.pass(place.slot());
            if stays {
                let at = self.at(to);
                self.ring[at] = place;
                to += 1;
            }
            each(stays);
        }
        self.tail = self.at(to);
        self.places = to;
        self.look();
    }

    /// Whether room should be made by closing up.
    pub(super) fn has_many_stale(&self) -> bool {
        self.stale.len() > self.places / 8
    }

    /// Makes room for another entry. So many are expected: until there are that many, for twice as many, from there on for
    /// a thirty-second more. Constant time amortised.
    pub(super) fn grow(&mut self, expected: usize) {
        let len = self.ring.len();
        self.resize(if len < expected {
            (2 * len + 16).min(expected)
        } else {
            len + len / 32 + 8
        });
        self.look();
    }

    /// Gives the ring so many places, at least as many as are in use.
    fn resize(&mut self, room: usize) {
        self.ring.rotate_left(self.head);
        self.head = 0;
        if room < self.ring.len() {
            self.ring.truncate(room);
            self.ring.shrink_to_fit();
        } else {
            self.ring.reserve_exact(room - self.ring.len());
            self.ring.resize(room, P::VACANT);
        }
        self.tail = if self.places == room { 0 } else { self.places };
    }

    /// The entries with the numbers of their places, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, P)> {
        let mut stale = self.stale.clone();
        let places = (0..self.places).map(|index| (index, self.place(index)));
        places.filter(move |(_, place)| !stale.pass(place.slot()))
    }

    /// Asserts that all that is counted as stale is there, and that memory is in proportion.
    pub(super) fn check(&self) {
        assert_eq!(
            self.iter().count(),
            self.len(),
            "more places are counted as stale than there are"
        );
        let end = if self.ring.is_empty() {
            0
        } else {
            self.at(self.places)
        };
        assert_eq!(self.tail, end);
        assert!(
            self.ring.len() <= 16 * self.places + 256,
            "the line keeps memory that it does not need"
        );
        assert!(self.head < self.watch || self.ring.is_empty());
    }

    #[cfg(test)]
    pub(super) fn stale_has_none(&self, slot: Slot) -> bool {
        self.stale.has_none(slot)
    }

    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.ring.capacity()
    }
}

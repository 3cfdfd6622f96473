//! S3-FIFO's small queue: a line of slots with what the ghost needs of their hashes.
//!
//! ```text
//!  line     [ slot, hash | slot, hash | slot, hash | slot, hash ]     9 bytes a place
//!  stamps                               [ 41       | 42       ]       of the newest places: see the window
//! ```

use crate::ghost::HASH_BITS;
use crate::slot::Slot;

use super::line::{Left, Line, Place};
use super::window::Window;

const _: () = assert!(HASH_BITS == 40);

/// A slot, and its key's hash as the ghost has it: the uppermost 40 bits of a word.
#[derive(Copy, Clone, Debug)]
#[repr(C, packed)]
pub(super) struct SmallPlace {
    slot_low: u8,
    /// The hash, and the other 24 bits of the slot.
    rest: u64,
}

const _: () = assert!(size_of::<SmallPlace>() == 9);

const SLOT_HIGH: u64 = (1 << 24) - 1;

impl SmallPlace {
    #[inline(always)]
    pub(super) fn new(slot: Slot, mixed: u64) -> Self {
        SmallPlace {
            slot_low: slot.get() as u8,
            rest: mixed | u64::from(slot.get() >> 8),
        }
    }

    #[inline(always)]
    pub(super) fn mixed(self) -> u64 {
        self.rest & !SLOT_HIGH
    }
}

impl Place for SmallPlace {
    const VACANT: SmallPlace = SmallPlace {
        slot_low: u8::MAX,
        rest: SLOT_HIGH,
    };

    #[inline(always)]
    fn slot(self) -> Slot {
        Slot::new((self.rest as u32) << 8 | u32::from(self.slot_low))
    }
}

#[derive(Clone, Debug)]
pub(super) struct SmallQueue {
    line: Line<SmallPlace>,
    /// The newest places, where hits are skipped: no more than there are.
    pub(super) window: Window,
}

impl SmallQueue {
    pub(super) fn new() -> Self {
        SmallQueue {
            line: Line::new(),
            window: Window::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.line.len()
    }

    /// See [`Line::grow`].
    pub(super) fn grow(&mut self, expected: usize) {
        match self.line.has_many_stale() {
            true => self.pack(),
            false => self.line.grow(expected),
        }
    }

    /// Adds an entry as the newest; whether there was a place for it, and the queue need not [grow](SmallQueue::grow) before.
    #[inline(always)]
    #[must_use]
    pub(super) fn push(&mut self, place: SmallPlace) -> bool {
        self.line.push(place)
    }

    /// Gives the window its span.
    pub(super) fn set_span(&mut self, span: u64) {
        self.window.set_span(span);
        if span > 0 {
            self.line.watch();
        }
    }

    /// The oldest entry, and its hash, `mixed`.
    #[inline(always)]
    pub(super) fn front(&mut self) -> Option<(Slot, u64)> {
        loop {
            let (place, is_stale) = self.line.front()?;
            if !is_stale {
                return Some((place.slot(), place.mixed()));
            }
            self.pop(place.slot());
        }
    }

    /// Drops the oldest place, which is this slot's.
    #[inline(always)]
    pub(super) fn pop(&mut self, slot: Slot) {
        if self.line.pop() {
            self.follow(slot);
        }
    }

    /// The oldest place, this slot's, was dropped: so it is in the window, if it was there.
    #[cold]
    #[inline(never)]
    fn follow(&mut self, slot: Slot) {
        if self.window.places() > self.line.places() {
            self.window.drop_oldest(slot);
        }
    }

    /// Lets an entry go, which is skipping hits or not.
    pub(super) fn leave(&mut self, slot: Slot, is_skipping: bool) {
        match self.line.leave(slot) {
            Left::Newest => self.window.drop_newest(),
            Left::Oldest => self.follow(slot),
            Left::Middle => {
                if is_skipping {
                    self.window.stale.add(slot);
                }
                if self.line.is_to_pack() {
                    self.pack();
                }
            }
        }
    }

    /// The hash, `mixed`, of an entry. The oldest is found at once, any other one by as many steps as entries came after it.
    pub(super) fn mixed_of(&self, slot: Slot) -> u64 {
        let place = self.line.find(slot);
        place.expect("a slot of the queue has a place").mixed()
    }

    fn pack(&mut self) {
        let mut outside = self.outside_window();
        let window = &mut self.window;
        self.line.pack(|stays| match outside.checked_sub(1) {
            Some(left) => outside = left,
            None => window.turn(stays),
        });
        window.stale.clear();
    }

    /// Takes the newest entry into the window, where its hits are skipped or, if they no longer are, counted.
    pub(super) fn enter_window(&mut self, weight: u32, is_skipping: bool) {
        self.window.enter(weight, is_skipping);
    }

    /// How many of the places, the oldest, are not in the window.
    pub(super) fn outside_window(&self) -> usize {
        self.line.places() - self.window.places()
    }

    /// Takes the oldest entry out of the window that is as old as its span and skips hits, and returns it.
    pub(super) fn aged(&mut self) -> Option<Slot> {
        loop {
            let oldest = self.outside_window();
            let is_skipping = self.window.aged()?;
            let slot = self.line.place(oldest).slot();
            if is_skipping && !self.window.stale.pass(slot) {
                return Some(slot);
            }
        }
    }

    /// The slots with the numbers of their places, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, Slot)> {
        let entries = self.line.iter();
        entries.map(|(index, place)| (index, place.slot()))
    }

    /// Asserts that line and window agree.
    pub(super) fn check(&self) {
        self.line.check();
        self.window.check();
        assert!(self.window.places() <= self.line.places());
    }
}

#[cfg(test)]
mod tests;

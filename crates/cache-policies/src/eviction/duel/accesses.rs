//! Who is in each slot, and when it was asked for last.

use alloc::vec::Vec;

use crate::ledger::{grow, reserve};
use crate::slot::Slot;

/// A request's number. They wrap around: an age is the difference of two, and one of 2^32 requests or more is taken for
/// a smaller one.
pub(super) type Time = u32;

#[derive(Copy, Clone, Debug)]
struct Access {
    folded: u32,
    last: Time,
}

/// By slot, 8 bytes each; and the number of the request that is under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Accesses {
    accesses: Vec<Access>,
    now: Time,
}

impl Accesses {
    /// Begins the next request.
    #[inline]
    pub(super) fn tick(&mut self) {
        self.now = self.now.wrapping_add(1);
    }

    #[inline]
    pub(super) fn now(&self) -> Time {
        self.now
    }

    /// How many requests ago this one was.
    #[inline]
    pub(super) fn age(&self, time: Time) -> Time {
        self.now.wrapping_sub(time)
    }

    /// Puts a key into a slot, which may be new, as asked for now.
    #[inline]
    pub(super) fn start(&mut self, slot: Slot, folded: u32) {
        if slot.index() >= self.accesses.len() {
            let nobody = || Access { folded: 0, last: 0 };
            grow(&mut self.accesses, slot, nobody);
        }
        self.accesses[slot.index()] = Access {
            folded,
            last: self.now,
        };
    }

    /// Notes a request for a slot; when the one before was, and what the sketch knows of the key.
    #[inline]
    pub(super) fn touch(&mut self, slot: Slot) -> (Time, u32) {
        let access = &mut self.accesses[slot.index()];
        let last = core::mem::replace(&mut access.last, self.now);
        (last, access.folded)
    }

    /// When a slot was asked for last.
    #[inline]
    pub(super) fn last(&self, slot: Slot) -> Time {
        self.accesses[slot.index()].last
    }

    /// What the sketch knows of the key in a slot.
    #[inline]
    pub(super) fn folded(&self, slot: Slot) -> u32 {
        self.accesses[slot.index()].folded
    }

    /// Makes room for slots below this number.
    pub(super) fn reserve(&mut self, slots: usize) {
        reserve(&mut self.accesses, slots);
    }
}

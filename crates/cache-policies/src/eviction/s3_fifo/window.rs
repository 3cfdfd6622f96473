//! The newest part of S3-FIFO's small queue, in which hits are skipped.

use alloc::collections::VecDeque;

use super::stale::Stale;
use crate::slot::Slot;

/// The bit of a stamp that says that the entry's hits are counted in spite of its age.
const COUNTED: u64 = 1 << 63;

/// The window is a span of weight: an entry is in it until as much was put into the small queue after it. It has a stamp for
/// each of the newest places of the queue: 8 bytes each, and nothing where no hits are skipped.
#[derive(Clone, Debug)]
pub(super) struct Window {
    span: u64,
    /// The weight of all that was ever put into the small queue. A weight of 0 counts as 1, so that the window moves
    /// on.
    inserted: u64,
    /// What had been put into the small queue by then, oldest first, and `COUNTED`; the last is that of the queue's last
    /// place.
    stamps: VecDeque<u64>,
    /// The places in the window whose entries have left and are not `COUNTED`.
    pub(super) stale: Stale,
}

impl Window {
    pub(super) fn new() -> Self {
        Window {
            span: 0,
            inserted: 0,
            stamps: VecDeque::new(),
            stale: Stale::new(),
        }
    }

    /// Changes the span; what leaves the window by that leaves it with the next [`Window::aged`].
    pub(super) fn set_span(&mut self, span: u64) {
        self.span = span;
    }

    /// Whether hits of new entries are skipped.
    #[inline(always)]
    pub(super) fn is_open(&self) -> bool {
        self.span > 0
    }

    /// Takes the entry in that was just put into the queue.
    pub(super) fn enter(&mut self, weight: u32, is_skipping: bool) {
        self.inserted += u64::from(weight.max(1));
        let counted = if is_skipping { 0 } else { COUNTED };
        self.stamps.push_back(self.inserted | counted);
    }

    /// Takes the oldest place out if it is as old as the span; whether its entry skips hits.
    pub(super) fn aged(&mut self) -> Option<bool> {
        let stamp = *self.stamps.front()?;
        if self.inserted - (stamp & !COUNTED) < self.span {
            return None;
        }
        self.stamps.pop_front();
        Some(stamp & COUNTED == 0)
    }

    /// The queue has dropped its first place, which was this slot's and in the window.
    #[inline(never)]
    pub(super) fn drop_oldest(&mut self, slot: Slot) {
        let stamp = self.stamps.pop_front();
        if stamp.is_some_and(|stamp| stamp & COUNTED == 0) {
            self.stale.pass(slot);
        }
    }

    /// The queue has dropped its last place, and no entry of that place is counted as stale.
    pub(super) fn drop_newest(&mut self) {
        self.stamps.pop_back();
    }

    /// The oldest place becomes the newest, or is dropped: the queue goes through all of them, and closes up.
    pub(super) fn turn(&mut self, stays: bool) {
        let stamp = self.stamps.pop_front();
        self.stamps.extend(stamp.filter(|_| stays));
    }

    /// How many of the newest places are in the window.
    #[inline(always)]
    pub(super) fn places(&self) -> usize {
        self.stamps.len()
    }

    /// Asserts that the stamps are in order.
    pub(super) fn check(&self) {
        let stamps = || self.stamps.iter().map(|stamp| stamp & !COUNTED);
        assert!(stamps().is_sorted());
        assert!(
            stamps()
                .next_back()
                .is_none_or(|last| last <= self.inserted)
        );
        assert!(self.stale.len() <= self.stamps.len());
    }
}

//! The newest part of S3-FIFO's small queue, in which hits are skipped.

use alloc::collections::VecDeque;

/// A stamp of an entry that has left.
const HOLE: u64 = u64::MAX;

/// The window is a span of weight: an entry is in it until as much was put into the small queue after it. It has a stamp for
/// each of the newest places of the queue: 8 bytes each, and nothing where no hits are skipped.
#[derive(Clone, Debug)]
pub(super) struct Window {
    span: u64,
    /// The weight of all that was ever put into the small queue. A weight of 0 counts as 1, so that the window moves
    /// on.
    inserted: u64,
    /// What had been put into the small queue by then, oldest first; the last is that of the queue's last place. There may be
    /// more than places: of entries that were taken from the queue's head.
    stamps: VecDeque<u64>,
}

impl Window {
    pub(super) fn new() -> Self {
        Window {
            span: 0,
            inserted: 0,
            stamps: VecDeque::new(),
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

    /// Takes the entry in that was just put into the queue, which has so many places now.
    pub(super) fn enter(&mut self, weight: u32, places: usize) {
        self.inserted += u64::from(weight.max(1));
        self.stamps.push_back(self.inserted);
        while self.stamps.len() > places {
            self.stamps.pop_front();
        }
    }

    /// Takes the oldest entry out if it is as old as the span; how many places before the end it is.
    pub(super) fn aged(&mut self) -> Option<usize> {
        if self.inserted - *self.stamps.front()? < self.span {
            return None;
        }
        let places = self.stamps.len();
        self.stamps.pop_front();
        Some(places)
    }

    /// The queue has dropped its last place.
    pub(super) fn drop_newest(&mut self) {
        self.stamps.pop_back();
    }

    /// The place that is so many before the end is to be dropped by [`Window::drop_holes`].
    pub(super) fn mark_hole(&mut self, places: usize) {
        if let Some(index) = self.stamps.len().checked_sub(places) {
            self.stamps[index] = HOLE;
        }
    }

    pub(super) fn drop_holes(&mut self) {
        self.stamps.retain(|stamp| *stamp != HOLE);
    }

    /// How many of the newest places are in the window.
    pub(super) fn places(&self) -> usize {
        self.stamps.len()
    }

    /// Asserts that the stamps are in order.
    pub(super) fn check(&self) {
        assert!(self.stamps.iter().is_sorted());
        assert!(self.stamps.back().is_none_or(|last| *last <= self.inserted));
    }
}

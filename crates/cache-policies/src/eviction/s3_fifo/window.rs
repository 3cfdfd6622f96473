//! The newest part of S3-FIFO's small queue, in which hits are skipped.

use alloc::collections::VecDeque;

use crate::slot::Slot;

/// An entry of the small queue that is in the window, or has left the queue since.
#[derive(Copy, Clone, Debug)]
struct Young {
    slot: Slot,
    /// What had been put into the small queue by then.
    stamp: u64,
}

/// The window is a span of weight: an entry is in it until as much was put into the small queue after it. 16 bytes an
/// entry in the window; nothing if the span is 0.
#[derive(Clone, Debug)]
pub(super) struct Window {
    span: u64,
    /// The weight of all that was ever put into the small queue. A weight of 0 counts as 1, so that the window moves
    /// on.
    inserted: u64,
    /// Oldest first.
    young: VecDeque<Young>,
}

impl Window {
    pub(super) fn new() -> Self {
        Window {
            span: 0,
            inserted: 0,
            young: VecDeque::new(),
        }
    }

    /// Changes the span; what leaves the window by that leaves it with the next [`Window::aged`].
    pub(super) fn set_span(&mut self, span: u64) {
        self.span = span;
    }

    /// Whether hits of new entries are skipped.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.span > 0
    }

    /// Counts what is put into the small queue, and returns its stamp there.
    #[inline]
    pub(super) fn pass(&mut self, weight: u32) -> u64 {
        self.inserted += u64::from(weight.max(1));
        self.inserted
    }

    /// Takes an entry in that was just put into the small queue.
    #[inline]
    pub(super) fn enter(&mut self, slot: Slot, stamp: u64) {
        self.young.push_back(Young { slot, stamp });
    }

    /// Takes one of those out that are as old as the span, and returns it with its stamp.
    #[inline]
    pub(super) fn aged(&mut self) -> Option<(Slot, u64)> {
        let oldest = *self.young.front()?;
        if self.inserted - oldest.stamp < self.span {
            return None;
        }
        self.young.pop_front();
        Some((oldest.slot, oldest.stamp))
    }

    /// Whether most of the window has left the small queue, if that holds so many entries.
    #[inline]
    pub(super) fn is_stale(&self, entries: usize) -> bool {
        self.young.len() > 2 * entries + 64
    }

    /// Drops the entries for which this is false.
    #[cold]
    pub(super) fn retain(&mut self, mut is_in: impl FnMut(Slot, u64) -> bool) {
        self.young.retain(|young| is_in(young.slot, young.stamp));
        self.young.shrink_to(2 * self.young.len());
    }

    /// The entries, with their stamps.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, u64)> {
        self.young.iter().map(|young| (young.slot, young.stamp))
    }

    /// Asserts that the stamps are in order.
    pub(super) fn check(&self) {
        assert!(self.young.iter().map(|young| young.stamp).is_sorted());
        assert!(self.young.iter().all(|young| young.stamp <= self.inserted));
    }
}

//! Places of a queue whose entries have left it from the middle.

use super::by_slot::BySlot;
use crate::slot::Slot;

/// How many places each slot has left behind. As a slot enters the queue at its newest end, those are the oldest of its
/// places, and the live one, if there is any, comes after them: so a count is enough to tell which is which.
#[derive(Clone, Debug)]
pub(super) struct Stale {
    counts: BySlot<u32>,
    len: usize,
}

impl Stale {
    pub(super) const fn new() -> Self {
        Stale {
            counts: BySlot::new(),
            len: 0,
        }
    }

    /// The stale places of all slots.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Forgets them all: the queue has dropped them.
    pub(super) fn clear(&mut self) {
        if self.len > 0 {
            *self = Stale::new();
        }
    }

    /// Whether a slot has none.
    pub(super) fn has_none(&self, slot: Slot) -> bool {
        self.len == 0 || self.counts.get(slot).is_none()
    }

    /// A slot has left its newest place.
    pub(super) fn add(&mut self, slot: Slot) {
        *self.counts.get_or_insert(slot, 0) += 1;
        self.len += 1;
    }

    /// Whether the oldest place of a slot is stale; it is no longer counted then.
    #[inline(always)]
    pub(super) fn pass(&mut self, slot: Slot) -> bool {
        self.len > 0 && self.pass_counted(slot)
    }

    #[inline(never)]
    fn pass_counted(&mut self, slot: Slot) -> bool {
        let Some(count) = self.counts.get(slot) else {
            return false;
        };
        self.len -= 1;
        if count > 1 {
            *self.counts.get_or_insert(slot, 0) -= 1;
        } else {
            self.counts.remove(slot);
        }
        true
    }
}

//! Phantoms: entries that are resident for the owner, and for the reference simulator in the stack alone.
//!
//! It drops such an entry from Q and goes on to count it (see [`LirsConfig::with_phantoms`](super::LirsConfig)); only
//! where Q has room for one entry, so that there are few at a time.

use alloc::vec::Vec;

use crate::slot::Slot;

/// The phantoms, each with the weight that it had: for the owner it has none.
#[derive(Clone, Debug, Default)]
pub(super) struct Phantoms {
    phantoms: Vec<(Slot, u32)>,
}

impl Phantoms {
    pub(super) fn len(&self) -> usize {
        self.phantoms.len()
    }

    pub(super) fn add(&mut self, slot: Slot, weight: u32) {
        self.phantoms.push((slot, weight));
    }

    /// Forgets a phantom, and returns the weight that it had.
    pub(super) fn take(&mut self, slot: Slot) -> u32 {
        let at = self.phantoms.iter().position(|phantom| phantom.0 == slot);
        at.map_or(0, |at| self.phantoms.remove(at).1)
    }

    /// The first of those for which this holds.
    pub(super) fn find(&self, mut wanted: impl FnMut(Slot) -> bool) -> Option<Slot> {
        let mut slots = self.phantoms.iter().map(|phantom| phantom.0);
        slots.find(|slot| wanted(*slot))
    }

    /// The weight that those had for which this holds.
    pub(super) fn weight(&self, mut wanted: impl FnMut(Slot) -> bool) -> u64 {
        let wanted = self.phantoms.iter().filter(|phantom| wanted(phantom.0));
        wanted.map(|phantom| u64::from(phantom.1)).sum()
    }
}

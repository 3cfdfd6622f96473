//! The hash of each slot, for policies that remember the key of an entry that leaves.

use alloc::vec::Vec;

use crate::ledger::grow;
use crate::slot::Slot;

/// A hash a slot, 8 bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hashes {
    hashes: Vec<u64>,
}

impl Hashes {
    pub(crate) fn new() -> Self {
        Hashes::default()
    }

    /// Sets the hash of a slot, which may be new.
    #[inline]
    pub(crate) fn set(&mut self, slot: Slot, hash: u64) {
        if slot.index() >= self.hashes.len() {
            grow(&mut self.hashes, slot, || 0);
        }
        self.hashes[slot.index()] = hash;
    }

    /// The hash that was last set.
    #[inline]
    pub(crate) fn get(&self, slot: Slot) -> u64 {
        self.hashes[slot.index()]
    }
}

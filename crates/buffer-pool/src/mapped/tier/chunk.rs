//! `Chunk`: 512 granules, each in use, stale or clean; and the sums over chunks.

use crate::mapped::granules::{GRANULES, Granules};

/// What is noted of a chunk.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) free: Granules,
    /// Of the free granules those that are zero.
    pub(super) clean: Granules,
    /// Granules not free.
    pub(super) used: usize,
    /// Of those not free, those that are claimed to be purged: nobody uses them.
    pub(super) purging: usize,
    /// Granules free and not clean.
    pub(super) stale: usize,
    /// Huge pages are advised against.
    pub(super) small_pages: bool,
}

impl Chunk {
    /// Nothing is in use; `is_zero` says whether everything is clean.
    pub(super) fn new(is_zero: bool) -> Self {
        let clean = if is_zero {
            Granules::ALL
        } else {
            Granules::NONE
        };
        Self {
            free: Granules::ALL,
            clean,
            used: 0,
            purging: 0,
            stale: GRANULES - clean.count(),
            small_pages: false,
        }
    }

    /// Whether more is stale than in use.
    pub(super) fn is_heavy(&self) -> bool {
        self.stale > self.used - self.purging
    }
}

/// What all chunks have together.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    /// Granules.
    pub(super) used: usize,
    pub(super) stale: usize,
    /// Chunks.
    pub(super) heavy: usize,
}

impl Sums {
    pub(super) fn add(&mut self, chunk: &Chunk) {
        self.used += chunk.used;
        self.stale += chunk.stale;
        self.heavy += usize::from(chunk.is_heavy());
    }

    pub(super) fn subtract(&mut self, chunk: &Chunk) {
        self.used -= chunk.used;
        self.stale -= chunk.stale;
        self.heavy -= usize::from(chunk.is_heavy());
    }
}

//! Idle blocks on their way from the shelves back to the provider.
//!
//! A thread that frees idle blocks takes them off the shelves first, then calls the provider without a lock, then
//! refunds the budget. In between they are neither idle nor lent: a second thread finds the shelves empty, and must not
//! conclude that the budget, or the provider's memory, is lent out. It waits for them instead ([`Departures::settled`]).

use crate::mutant::{Mutant, weaken};
use crate::sync::atomic::{AtomicUsize, Ordering};

/// Counts of blocks; both wrap around.
#[derive(Debug)]
pub(crate) struct Departures {
    /// Blocks that were taken off a shelf. Added to in the critical section that takes them. Relaxed: whoever finds the
    /// shelf empty has locked it since, which orders the addition before its own read.
    started: AtomicUsize,
    /// Those whose memory and charge went back. Added to after that (Release), read by waiters (Acquire): who sees them
    /// ended finds their memory at the provider, and their bytes in the budget.
    ended: AtomicUsize,
}

impl Departures {
    pub(crate) fn new() -> Self {
        Self {
            started: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
        }
    }

    /// Called with the lock of the shelves held that the blocks were taken from.
    pub(crate) fn start(&self, blocks: usize) {
        self.started.fetch_add(blocks, Ordering::Relaxed);
    }

    pub(crate) fn end_one(&self) {
        // Release: pairs with the Acquire of `ended`.
        let release = weaken(Ordering::Release, Mutant::DepartureRelaxed);
        self.ended.fetch_add(1, release);
    }

    /// How many have ended so far.
    pub(crate) fn ended(&self) -> usize {
        // Acquire: pairs with the Release of `end_one`.
        self.ended.load(Ordering::Acquire)
    }

    /// How many have ended so far, if none is on its way.
    pub(crate) fn settled(&self) -> Option<usize> {
        // In this order: the starts of all that have ended are visible once `ended` is, so equal counts are equal sets.
        let ended = self.ended();
        // Relaxed: see the field.
        (self.started.load(Ordering::Relaxed) == ended).then_some(ended)
    }
}

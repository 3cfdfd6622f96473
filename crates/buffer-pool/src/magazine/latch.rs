//! A latch: by which the owner of a rack and those who steal from it take turns.

use crate::mutant::{Mutant, active, weaken};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::yield_now;

/// Held for a few steps at a time, without a call to anything that could block but a stripe's lock.
#[derive(Debug)]
pub(super) struct Latch {
    /// Set by who enters (Acquire: sees what the last holder did), cleared by who leaves (Release, which pairs with it).
    held: AtomicBool,
}

/// The latch is held until this is dropped.
pub(super) struct Held<'a>(&'a Latch);

impl Latch {
    pub(super) fn new() -> Self {
        Self {
            held: AtomicBool::new(false),
        }
    }

    /// For the owner, who has somewhere else to go.
    #[inline]
    pub(super) fn try_hold(&self) -> Option<Held<'_>> {
        let acquire = weaken(Ordering::Acquire, Mutant::LatchEnterRelaxed);
        // Relaxed failure: nothing is read then.
        self.held
            .compare_exchange(false, true, acquire, Ordering::Relaxed)
            .is_ok()
            .then(|| Held(self))
    }

    /// For a stealer, who must know what is in the rack. Waits while the owner, or another stealer, is at it.
    pub(super) fn hold(&self) -> Held<'_> {
        if active(Mutant::StealWithoutLatch) {
            return Held(self);
        }
        // Ends: a holder leaves after a few steps.
        loop {
            match self.try_hold() {
                Some(held) => return held,
                None => yield_now(),
            }
        }
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        let release = weaken(Ordering::Release, Mutant::LatchLeaveRelaxed);
        self.0.held.store(false, release);
    }
}

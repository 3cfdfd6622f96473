//! The depot: slabs in which others freed slots, on their way to whoever allocates next.
//!
//! A stack that is only pushed to and taken as a whole, so no slab can come back under a push that waits (no ABA).

use core::ptr;

use super::header::{Header, Slab};
use crate::sync::atomic::{AtomicPtr, Ordering};
use crate::sync::{Mutant, weaken};

/// Written by who queued a slab, and by who takes all.
///
/// Both read-modify-writes are AcqRel. Release of a push pairs with Acquire of a take: the slab with all that its last
/// possessor did. Acquire of a push pairs with Release of an earlier take: if that was the take of the last handle, the
/// pusher sees that there is none any more, and drains; if the push was first, the take has the slab.
pub(super) struct Depot(AtomicPtr<Header>);

impl Depot {
    pub(super) fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// # Safety
    /// 1. The caller made `slab` QUEUED and has not pushed it. 2. It does not touch it afterwards.
    pub(super) unsafe fn push(&self, slab: Slab) {
        let both = weaken(
            Ordering::AcqRel,
            Mutant::PushReleasesNothing,
            Ordering::Acquire,
        );
        let both = weaken(both, Mutant::PushAcquiresNothing, Ordering::Release);
        // Relaxed: a guess, which the exchange checks; what it points to is not read.
        let mut top = self.0.load(Ordering::Relaxed);
        loop {
            // SAFETY: clause 1.
            unsafe { slab.set_below(Slab::from_ptr(top)) };
            match self
                .0
                .compare_exchange_weak(top, slab.as_ptr(), both, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(current) => top = current,
            }
        }
    }

    /// Takes all slabs; each leads to the next by `below`.
    pub(super) fn take(&self) -> Option<Slab> {
        let both = weaken(
            Ordering::AcqRel,
            Mutant::TakeAcquiresNothing,
            Ordering::Release,
        );
        let both = weaken(both, Mutant::TakeReleasesNothing, Ordering::Acquire);
        Slab::from_ptr(self.0.swap(ptr::null_mut(), both))
    }
}

//! How a slab passes from one possessor to the next: let go of, queued, taken out of the depot, or found empty.

use super::geometry::Geometry;
use super::header::Slab;
use super::remote::Settled;

impl Slab {
    /// Whether no slot is in use, those that others freed being free.
    ///
    /// # Safety
    /// 1. The caller possesses the slab, and it is of this geometry.
    pub(super) unsafe fn is_empty<T, const SLAB: usize>(self) -> bool {
        // SAFETY: clause 1.
        unsafe {
            let pending = self.header().remote.0.pending();
            self.bitmap::<T, SLAB, _>(|mut bitmap| bitmap.unset()) == pending
        }
    }

    /// Whether a slot is free, beside those that are claimed or pending.
    ///
    /// # Safety
    /// 1. The caller possesses the slab.
    pub(super) unsafe fn has_free(self) -> bool {
        // SAFETY: clause 1.
        unsafe { self.private(|private| private.summary.any()) }
    }

    /// Lets go of a slab without a free slot; false if it has one again and is still the caller's.
    ///
    /// # Safety
    /// 1. As for [`collect`](Self::collect). 2. The caller does not touch it after `true`.
    pub(super) unsafe fn detach<T, const SLAB: usize>(self) -> bool {
        // SAFETY: clause 1. The last access of the call is the exchange.
        unsafe {
            self.private(|private| {
                debug_assert!(!private.summary.any(), "a free slot would be lost");
                private.left = Geometry::<T, SLAB>::CAPACITY;
            });
            self.header().remote.0.detach()
        }
    }

    /// Makes a QUEUED slab OWNED. True if it is empty.
    ///
    /// # Safety
    /// 1. The caller took the slab from the depot.
    pub(super) unsafe fn adopt(self) -> bool {
        // SAFETY: clause 1 makes the caller the possessor.
        unsafe {
            let pending = self.header().remote.0.adopt();
            self.private(|private| private.left == pending)
        }
    }

    /// Lets go of an OWNED slab: see `RemoteWord::settle`. One that knows a free slot is queued if `reuse`.
    ///
    /// # Safety
    /// 1. The caller possesses the slab, and it is of this geometry. 2. It does not touch it after `Detached`.
    pub(super) unsafe fn settle<T, const SLAB: usize>(self, reuse: bool) -> Settled {
        // SAFETY: clause 1. The last access of the call is the exchange.
        unsafe {
            let used = self.bitmap::<T, SLAB, _>(|mut bitmap| bitmap.unset());
            let known = self.private(|private| {
                private.left = used;
                private.summary.any()
            });
            let reusable = |pending| reuse && (known || pending != 0);
            self.header().remote.0.settle(used, reusable)
        }
    }

    /// Lets go of a QUEUED slab when no cache is left: empty, or DETACHED.
    ///
    /// # Safety
    /// 1. The caller took the slab from the depot. 2. It does not touch it after `Detached`.
    pub(super) unsafe fn abandon(self) -> Settled {
        // SAFETY: clause 1: nobody changed the private part since it was let go. The last access is the exchange.
        unsafe {
            let used = self.private(|private| private.left);
            self.header().remote.0.settle(used, |_| false)
        }
    }

    /// Makes the possessor of an OWNED empty slab know all of its slots to be free.
    ///
    /// # Safety
    /// 1. The caller possesses the slab, and [`is_empty`](Self::is_empty) held. 2. It is of this geometry.
    pub(super) unsafe fn reset<T, const SLAB: usize>(self) {
        // SAFETY: clause 1: no slot is in use, so nobody frees one. Clause 2.
        unsafe {
            self.header().remote.0.collect();
            self.bitmap::<T, SLAB, _>(|mut bitmap| bitmap.fill());
            self.private(|private| private.left = 0);
        }
    }

    /// Makes an OWNED empty slab QUEUED.
    ///
    /// # Safety
    /// As for [`reset`](Self::reset).
    pub(super) unsafe fn queue_empty<T, const SLAB: usize>(self) {
        // SAFETY: the caller's promises.
        unsafe {
            self.reset::<T, SLAB>();
            self.header().remote.0.queue_empty();
        }
    }
}

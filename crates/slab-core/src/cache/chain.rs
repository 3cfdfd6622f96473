//! A chain: slabs that one owner possesses and needs no other order of.

use super::header::Slab;

/// Slabs linked through `next`; the last in is the first out.
pub(super) struct Chain {
    first: Option<Slab>,
    /// How many.
    pub(super) len: usize,
}

// SAFETY: a chain is the possession of its slabs, which may pass to another thread.
unsafe impl Send for Chain {}

impl Chain {
    pub(super) const EMPTY: Self = Self {
        first: None,
        len: 0,
    };

    /// # Safety
    /// 1. The caller possesses `slab`, and it is in no list; it is the chain's now.
    pub(super) unsafe fn push(&mut self, slab: Slab) {
        // SAFETY: clause 1.
        unsafe { slab.private(|private| private.next = self.first) };
        self.first = Some(slab);
        self.len += 1;
    }

    /// The slab pushed last; it is the caller's now.
    pub(super) fn pop(&mut self) -> Option<Slab> {
        let slab = self.first?;
        // SAFETY: the chain possesses its slabs.
        self.first = unsafe { slab.private(|private| private.next.take()) };
        self.len -= 1;
        Some(slab)
    }
}

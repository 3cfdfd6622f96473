//! Shared ownership of a block: the count by which frozen bytes keep it.

use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use super::{Block, Header};
use crate::mutant::{Mutant, active, weaken};
use crate::pool_core::Core;
use crate::sync::Arc;
use crate::sync::atomic::Ordering;

/// One of several references to a block whose contents no longer change.
pub(crate) struct Shared(NonNull<Header>);

// SAFETY: a `Shared` gives read access to bytes and to fields that never change; `refs` is atomic; the last owner may
// be on any thread, as a `Block` may.
unsafe impl Send for Shared {}
// SAFETY: as above; `clone` through `&Shared` is an atomic addition.
unsafe impl Sync for Shared {}

/// Far from overflow: beyond it as many threads again would have to clone at the same moment.
const REFS_MAX: u32 = i32::MAX as u32;

impl Shared {
    /// The first reference to `block`, whose count is 1 already.
    #[inline]
    pub(super) fn new(block: Block) -> Self {
        Self(block.0)
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: the header lives while a reference is counted, and `self` is one.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(crate) fn data(&self) -> NonNull<u8> {
        self.header().data
    }

    #[inline]
    pub(crate) fn capacity(&self) -> usize {
        self.header().capacity
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.header().core
    }

    /// Tells loom that the contents are being read.
    #[inline(always)]
    pub(crate) fn witness(&self) {
        #[cfg(buffer_pool_loom)]
        self.header().marks.with(|_| ());
    }

    /// References to the block at this moment.
    pub(crate) fn count(&self) -> usize {
        // Relaxed: a number for diagnostics; nothing is done on it.
        self.header().refs.load(Ordering::Relaxed) as usize
    }

    /// Gives the reference up; the last one gets the block.
    #[inline]
    pub(crate) fn release(self) -> Option<Block> {
        let header = ManuallyDrop::new(self);
        let refs = &header.header().refs;
        // Who is alone spares the atomic subtraction: many frozen buffers are never cloned. Acquire: as in `try_unique`.
        let acquire = weaken(Ordering::Acquire, Mutant::SoleRelaxed);
        // loom does not look for interleavings before a thread's load when the same thread subtracts next. An addition of
        // nothing differs from the load in that it is never late, and to be late is to take the other way.
        #[cfg(buffer_pool_loom)]
        let sole = refs.fetch_add(0, acquire) == 1;
        #[cfg(not(buffer_pool_loom))]
        let sole = refs.load(acquire) == 1;
        if sole {
            return Some(Block(header.0));
        }
        // Release: what this owner read happens before the last owner's Acquire, and so before the block's reuse.
        if refs.fetch_sub(1, weaken(Ordering::Release, Mutant::DropRelaxed)) != 1 {
            return None;
        }
        // Acquire: pairs with the Release of every earlier drop (all in one release sequence). A load, not a fence,
        // so that ThreadSanitizer sees it.
        let rest = refs.load(weaken(Ordering::Acquire, Mutant::LastRelaxed));
        debug_assert_eq!(rest, 0);
        // Relaxed: the block has one owner again; its next owner gets it through a synchronising hand-over.
        refs.store(1, Ordering::Relaxed);
        Some(Block(header.0))
    }

    /// The block itself when this is the only reference.
    pub(crate) fn try_unique(self) -> Result<Block, Self> {
        // Acquire: pairs with the Release of drops that brought the count to 1. Nobody else can raise it: a clone
        // needs a reference, and the only one is ours.
        if self
            .header()
            .refs
            .load(weaken(Ordering::Acquire, Mutant::UniqueRelaxed))
            == 1
        {
            Ok(Block(ManuallyDrop::new(self).0))
        } else {
            Err(self)
        }
    }
}

impl Clone for Shared {
    #[inline]
    fn clone(&self) -> Self {
        if active(Mutant::CloneInTwoSteps) {
            let refs = self.header().refs.load(Ordering::Relaxed);
            self.header().refs.store(refs + 1, Ordering::Relaxed);
            return Self(self.0);
        }
        // Relaxed: `self` keeps the count above zero, and the clone is handed to other threads by its holder.
        let refs = self.header().refs.fetch_add(1, Ordering::Relaxed);
        if refs > REFS_MAX {
            // Relaxed: takes back what was just added.
            self.header().refs.fetch_sub(1, Ordering::Relaxed);
            panic!("too many references to one buffer");
        }
        Self(self.0)
    }
}

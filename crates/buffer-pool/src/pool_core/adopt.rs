//! Blocks of memory that comes from outside of the pool, or goes there: counted and charged as others are.

use core::panic::Location;
use core::ptr::NonNull;

use super::Core;
use crate::block::{Block, Place};
use crate::error::AcquireError;
use crate::sync::Arc;

impl Core {
    /// The class whose blocks have exactly `capacity` bytes.
    pub(crate) fn class_of(&self, capacity: usize) -> Option<Place> {
        let class = self.classes.sizes().binary_search(&capacity).ok()?;
        // At most 64 classes.
        Some(Place::Class(class as u8))
    }

    /// Makes memory from outside a block of `place`, a class, within the budget. Idle blocks are reclaimed for it. When it
    /// fails the caller serves who waits, as soon as it has the memory in safety.
    ///
    /// # Safety
    /// 1. The source may take `data` back as a block of `capacity` bytes, which `place` has, and nobody else uses it.
    ///    When this fails it is the caller's still.
    /// 2. The first `init` bytes are initialised, and `init` is at most `capacity`.
    #[track_caller]
    pub(crate) unsafe fn adopt(
        this: &Arc<Self>,
        data: NonNull<u8>,
        capacity: usize,
        place: Place,
        init: usize,
    ) -> Result<Block, AcquireError> {
        if this.is_closed() {
            return Err(AcquireError::Closed);
        }
        let limit = this.budget.limit();
        if capacity > limit {
            return Err(AcquireError::Oversize {
                requested: capacity,
                limit,
            });
        }
        if this.is_awaited() || !this.charge(capacity) {
            return Err(AcquireError::Exhausted { max_bytes: limit });
        }
        // SAFETY: clauses 1 and 2.
        match unsafe { Block::adopt(this, data, capacity, place, init) } {
            Ok(block) => {
                this.count_created(capacity, place);
                Ok(this.noted(block, Location::caller()))
            }
            Err(_) => {
                this.budget.refund(capacity);
                Err(AcquireError::Alloc { bytes: capacity })
            }
        }
    }

    /// Lets go of a block: its memory is the caller's, to be freed as the source would. Returns it and its capacity, and
    /// the core, for the caller to serve who waits when it has the memory in safety: that may panic.
    pub(crate) fn disown(mut block: Block) -> (NonNull<u8>, usize, Arc<Self>) {
        Self::forget(&mut block);
        let (capacity, place) = (block.capacity(), block.place());
        let (core, data) = block.disown();
        core.discharge(capacity, place);
        (data, capacity, core)
    }
}

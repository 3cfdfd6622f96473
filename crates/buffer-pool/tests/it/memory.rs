//! Providers that tests look into.

use std::alloc::Layout;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;

use slab_core::{Counting, Global, ProvideError, Provider};

/// Fills memory that nobody wrote with this byte, so that tests can tell when they see it.
pub(crate) const POISON: u8 = 0xA5;

/// Counts, and poisons what it gives uninitialised and what it takes back.
pub(crate) struct Poisoned(Counting<Global>);

impl Poisoned {
    pub(crate) fn shared() -> Shared<Self> {
        Shared::new(Self(Counting::new(Global)))
    }

    pub(crate) fn live_bytes(&self) -> usize {
        self.0.live_bytes()
    }

    pub(crate) fn allocations(&self) -> usize {
        self.0.allocations()
    }
}

/// A provider that a pool and its test own together.
pub(crate) struct Shared<P>(Arc<P>);

impl<P> Shared<P> {
    pub(crate) fn new(provider: P) -> Self {
        Self(Arc::new(provider))
    }
}

impl<P> Clone for Shared<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P> Deref for Shared<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.0
    }
}

// SAFETY: each clause as for `P`, which stays where it is while a clone exists.
unsafe impl<P: Provider> Provider for Shared<P> {
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        self.0.allocate(layout)
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        self.0.allocate_zeroed(layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { self.0.deallocate(block, layout) };
    }
}

// SAFETY: `Counting`'s blocks, each clause as there; poison is written to memory that nobody else uses yet, or any more.
unsafe impl Provider for Poisoned {
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        let block = self.0.allocate(layout)?;
        // SAFETY: a fresh block of this size.
        unsafe { block.write_bytes(POISON, layout.size()) };
        Ok(block)
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        self.0.allocate_zeroed(layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on from the caller, who does not use the block any more.
        unsafe {
            block.write_bytes(POISON, layout.size());
            self.0.deallocate(block, layout);
        }
    }
}

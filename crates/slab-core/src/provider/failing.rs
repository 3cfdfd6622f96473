//! `Failing`: refuses memory on schedule, to test what happens then.

use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::Provider;
use crate::error::ProvideError;

/// When a [`Failing`] provider refuses. Calls count from 0.
#[derive(Debug, Clone, Copy)]
enum Schedule {
    At(usize),
    Since(usize),
    Every(usize),
}

/// Refuses some of the allocations asked of another provider.
///
/// ```
/// use slab_core::{Arena, Failing, Global};
///
/// let memory = Failing::since(Global, 2);
/// let mut arena = Arena::with_slots_per_slab_in(1, &memory);
/// arena.insert("a slab and the directory were granted");
/// assert_eq!(arena.try_insert("refused").unwrap_err().into_value(), "refused");
/// assert_eq!(memory.calls(), 3);
/// ```
#[derive(Debug)]
pub struct Failing<P> {
    provider: P,
    schedule: Schedule,
    /// Allocations asked for, refused ones included. Relaxed: it orders nothing.
    calls: AtomicUsize,
}

impl<P> Failing<P> {
    /// Refuses the allocation number `call` only; the first is number 0.
    pub const fn at(provider: P, call: usize) -> Self {
        Self::new(provider, Schedule::At(call))
    }

    /// Refuses every allocation from number `call` on.
    pub const fn since(provider: P, call: usize) -> Self {
        Self::new(provider, Schedule::Since(call))
    }

    /// Refuses every `period`th allocation: the last of each `period` calls. A period of 0 refuses none.
    pub const fn every(provider: P, period: usize) -> Self {
        Self::new(provider, Schedule::Every(period))
    }

    const fn new(provider: P, schedule: Schedule) -> Self {
        Self {
            provider,
            schedule,
            calls: AtomicUsize::new(0),
        }
    }

    /// Allocations asked for so far, refused ones included.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    fn admit(&self) -> Result<(), ProvideError> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let refused = match self.schedule {
            Schedule::At(at) => call == at,
            Schedule::Since(first) => call >= first,
            Schedule::Every(period) => call.wrapping_add(1).checked_rem(period) == Some(0),
        };
        if refused {
            Err(ProvideError::Exhausted)
        } else {
            Ok(())
        }
    }
}

// SAFETY: every block given out is `P`'s, for which the clauses hold; a refusal gives none.
unsafe impl<P: Provider> Provider for Failing<P> {
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        self.admit()?;
        self.provider.allocate(layout)
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        self.admit()?;
        self.provider.allocate_zeroed(layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the block is `P`'s, and the caller's promises are the ones asked for.
        unsafe { self.provider.deallocate(block, layout) }
    }
}

//! `Failing`: refuses memory on schedule, to test what happens then.

#![expect(
    clippy::disallowed_types,
    reason = "no part of the object cache, and in none of its models"
)]

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

/// Refuses some of the allocations asked of another provider, so that a test meets every refusal that a program may
/// meet. A refusal is [`ProvideError::Exhausted`] and does not reach the other provider; taking back never fails.
///
/// The test of a structure runs with a refusal at call 0, 1, 2 and so on, until there were fewer calls than that:
///
/// ```
/// use slab_core::{Arena, Counting, Failing, Global};
///
/// for call in 0.. {
///     let memory = Counting::new(Global);
///     let failing = Failing::at(&memory, call);
///     let mut arena = Arena::with_slots_per_slab_in(2, &failing);
///     for value in 0..10 {
///         if let Err(refused) = arena.try_insert(value) {
///             arena.try_insert(refused.into_value())?;
///         }
///     }
///     assert!(arena.iter().map(|(_, &value)| value).eq(0..10));
///     drop(arena);
///     assert_eq!(memory.live_bytes(), 0);
///     if failing.calls() <= call {
///         break;
///     }
/// }
/// # Ok::<(), slab_core::InsertError<i32>>(())
/// ```
///
/// Or it refuses everything from some call on:
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

    /// Allocations asked for so far, refused ones included. Calls of several threads are numbered in some order.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// The provider that is asked for what is not refused.
    pub fn provider(&self) -> &P {
        &self.provider
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

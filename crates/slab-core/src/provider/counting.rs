//! `Counting`: what another provider gave and got back.

use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::Provider;
use crate::error::ProvideError;

/// Counts the blocks and bytes that another provider has given out.
///
/// The counters are Relaxed: they count and order nothing. Read them when no other thread allocates.
///
/// ```
/// use slab_core::{Arena, Counting, Global};
///
/// let memory = Counting::new(Global);
/// let mut arena = Arena::new_in(&memory);
/// assert_eq!(memory.live_blocks(), 0, "an empty arena holds no memory");
/// arena.insert(1);
/// assert_eq!(memory.live_blocks(), 2, "a slab and the directory");
/// drop(arena);
/// assert_eq!(memory.live_bytes(), 0);
/// ```
#[derive(Debug, Default)]
pub struct Counting<P> {
    provider: P,
    allocations: AtomicUsize,
    deallocations: AtomicUsize,
    live_bytes: AtomicUsize,
    peak_bytes: AtomicUsize,
}

impl<P> Counting<P> {
    /// Counts from zero what `provider` gives.
    pub const fn new(provider: P) -> Self {
        Self {
            provider,
            allocations: AtomicUsize::new(0),
            deallocations: AtomicUsize::new(0),
            live_bytes: AtomicUsize::new(0),
            peak_bytes: AtomicUsize::new(0),
        }
    }

    /// Blocks given out so far.
    pub fn allocations(&self) -> usize {
        self.allocations.load(Ordering::Relaxed)
    }

    /// Blocks taken back so far.
    pub fn deallocations(&self) -> usize {
        self.deallocations.load(Ordering::Relaxed)
    }

    /// Blocks given out and not yet taken back.
    pub fn live_blocks(&self) -> usize {
        self.allocations().wrapping_sub(self.deallocations())
    }

    /// Bytes given out and not yet taken back, as asked for.
    pub fn live_bytes(&self) -> usize {
        self.live_bytes.load(Ordering::Relaxed)
    }

    /// The most bytes that were out at one time.
    pub fn peak_bytes(&self) -> usize {
        self.peak_bytes.load(Ordering::Relaxed)
    }

    fn gave(&self, layout: Layout) {
        self.allocations.fetch_add(1, Ordering::Relaxed);
        let before = self.live_bytes.fetch_add(layout.size(), Ordering::Relaxed);
        self.peak_bytes
            .fetch_max(before.wrapping_add(layout.size()), Ordering::Relaxed);
    }
}

// SAFETY: the blocks are those of `P`, which the clauses hold for; counting does not touch them and
// atomic arithmetic does not unwind.
unsafe impl<P: Provider> Provider for Counting<P> {
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        let block = self.provider.allocate(layout)?;
        self.gave(layout);
        Ok(block)
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        let block = self.provider.allocate_zeroed(layout)?;
        self.gave(layout);
        Ok(block)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        self.deallocations.fetch_add(1, Ordering::Relaxed);
        self.live_bytes.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the block is `P`'s, and the caller's promises are the ones asked for.
        unsafe { self.provider.deallocate(block, layout) }
    }
}

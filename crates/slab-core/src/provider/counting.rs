//! `Counting`: what another provider gave and got back.

#![expect(
    clippy::disallowed_types,
    reason = "no part of the object cache, and in none of its models"
)]

use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::Provider;
use crate::error::ProvideError;

/// Counts the blocks and bytes that another provider has given out, for tests, limits and statistics.
///
/// Bytes are those of the layouts asked for, not what the provider rounds them up to. Each call costs up to three
/// atomic additions on top of the provider's own; reading costs a load. The counters are Relaxed: they count and order
/// nothing, and two of them fit together only while no other thread allocates.
///
/// Whoever owns the provider, such as a [`SlabCache`](crate::SlabCache), can be given a `&'static` one or an
/// `Arc<Counting<P>>` of which the program keeps a clone.
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
    /// Written by each call that gives a block, read by the methods of the same name; so are the others.
    allocations: AtomicUsize,
    deallocations: AtomicUsize,
    refusals: AtomicUsize,
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
            refusals: AtomicUsize::new(0),
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

    /// Requests refused so far; they count as nothing else.
    ///
    /// ```
    /// use core::alloc::Layout;
    /// use slab_core::{Counting, Provider, StaticRegion};
    ///
    /// let small = StaticRegion::<64>::new();
    /// let memory = Counting::new(&small);
    /// assert!(memory.allocate(Layout::new::<[u8; 65]>()).is_err());
    /// assert_eq!((memory.refusals(), memory.allocations()), (1, 0));
    /// ```
    pub fn refusals(&self) -> usize {
        self.refusals.load(Ordering::Relaxed)
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

    /// The provider whose blocks are counted.
    pub fn provider(&self) -> &P {
        &self.provider
    }

    fn counted(
        &self,
        block: Result<NonNull<u8>, ProvideError>,
        layout: Layout,
    ) -> Result<NonNull<u8>, ProvideError> {
        match block {
            Ok(_) => self.gave(layout),
            Err(_) => {
                self.refusals.fetch_add(1, Ordering::Relaxed);
            }
        }
        block
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
        self.counted(self.provider.allocate(layout), layout)
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        self.counted(self.provider.allocate_zeroed(layout), layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        self.deallocations.fetch_add(1, Ordering::Relaxed);
        self.live_bytes.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the block is `P`'s, and the caller's promises are the ones asked for.
        unsafe { self.provider.deallocate(block, layout) }
    }
}

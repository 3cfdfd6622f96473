//! Where blocks come from: the pool's provider, and the slabs that headers lie in.

use core::alloc::Layout;
use core::any::TypeId;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use slab_core::{Global, ProvideError, Provider, SlabBox, SlabCache, SpinLock};

use super::Header;
use crate::sync::{Arc, Once};

/// A provider as the user gives it.
pub(crate) struct AnyProvider {
    provider: Box<dyn Provider + Send + Sync>,
    is_global: bool,
}

impl AnyProvider {
    pub(crate) fn new<P: Provider + Send + Sync + 'static>(provider: P) -> Self {
        Self {
            provider: Box::new(provider),
            is_global: TypeId::of::<P>() == TypeId::of::<Global>(),
        }
    }
}

/// Bytes of a slab of headers, which holds about sixty.
const SLAB: usize = 4096;
/// Empty slabs of headers that are kept for the next blocks.
const SPARE_SLABS: usize = 1;

/// A header in its slab.
pub(super) type HeaderBox = SlabBox<Header, SLAB>;
/// Room for one.
pub(super) type VacantHeader = SlabBox<MaybeUninit<Header>, SLAB>;

/// The provider as the pool and its slabs of headers share it: dropped when both are gone, which is after the last
/// block.
#[derive(Clone)]
struct SharedProvider(Arc<AnyProvider>);

// SAFETY: each clause as for the provider inside, which stays where it is while a clone exists.
unsafe impl Provider for SharedProvider {
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        self.0.provider.allocate(layout)
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        self.0.provider.allocate_zeroed(layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { self.0.provider.deallocate(block, layout) };
    }
}

type Headers = SlabCache<Header, SharedProvider, SpinLock, SLAB>;

pub(crate) struct Source {
    provider: SharedProvider,
    /// Made with the first block, so that building a pool asks the provider for nothing. Two threads may both make one;
    /// the second is dropped.
    headers: Once<Headers>,
    /// Of the data of every block.
    alignment: usize,
}

impl Source {
    pub(crate) fn new(provider: AnyProvider, alignment: usize) -> Self {
        Self {
            provider: SharedProvider(Arc::new(provider)),
            headers: Once::new(),
            alignment,
        }
    }

    pub(crate) fn alignment(&self) -> usize {
        self.alignment
    }

    /// Whether a block's data is what a `Vec<u8>` has: the global allocator's, with an alignment of 1. A wrapper of the
    /// global allocator does not count: it may keep books, and would miss what comes and goes otherwise.
    pub(crate) fn is_of_vecs(&self) -> bool {
        self.provider.0.is_global && self.alignment == 1
    }

    /// Gives back the slabs of headers that are empty. Returns whether there were any.
    pub(crate) fn trim(&self) -> bool {
        self.headers
            .get()
            .is_some_and(|headers| headers.release_empty(0) > 0)
    }

    /// Room for a header.
    pub(super) fn header(&self) -> Result<VacantHeader, ProvideError> {
        if let Some(headers) = self.headers.get() {
            return headers.alloc_uninit();
        }
        let made = Headers::with_spare_slabs_in(SPARE_SLABS, self.provider.clone())?;
        // Another thread may have been first; then its headers are used.
        drop(self.headers.set(made));
        self.headers
            .get()
            .expect("set by this thread or another")
            .alloc_uninit()
    }

    pub(super) fn allocate(&self, capacity: usize) -> Result<NonNull<u8>, ProvideError> {
        self.provider.allocate(self.layout(capacity))
    }

    pub(super) fn allocate_zeroed(&self, capacity: usize) -> Result<NonNull<u8>, ProvideError> {
        self.provider.allocate_zeroed(self.layout(capacity))
    }

    /// # Safety
    /// 1. `data` came from this source with this capacity, was not given back, and is not used any more.
    pub(super) unsafe fn deallocate(&self, data: NonNull<u8>, capacity: usize) {
        // SAFETY: clause 1; the layout depends on the capacity alone.
        unsafe { self.provider.deallocate(data, self.layout(capacity)) };
    }

    fn layout(&self, capacity: usize) -> Layout {
        Layout::from_size_align(capacity, self.alignment)
            .expect("capacities are checked against SIZE_MAX")
    }
}

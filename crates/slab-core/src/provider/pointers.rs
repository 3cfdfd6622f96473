//! Providers behind owning pointers: `Box` for one chosen at run time, `Arc` for one that many own.

use alloc::boxed::Box;
#[cfg(target_has_atomic = "ptr")]
use alloc::sync::Arc;
use core::alloc::Layout;
use core::ptr::NonNull;

use super::Provider;
use crate::error::ProvideError;

// SAFETY: every method forwards, so each clause holds because it holds for `P`; moving the box leaves `P` where it is.
unsafe impl<P: Provider + ?Sized> Provider for Box<P> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        (**self).allocate(layout)
    }

    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        (**self).allocate_zeroed(layout)
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promises are the ones asked for.
        unsafe { (**self).deallocate(block, layout) }
    }
}

#[cfg(target_has_atomic = "ptr")]
// SAFETY: every method forwards, so each clause holds because it holds for `P`, which the clones share and which stays
// where it is until the last of them is gone.
unsafe impl<P: Provider + ?Sized> Provider for Arc<P> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        (**self).allocate(layout)
    }

    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        (**self).allocate_zeroed(layout)
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promises are the ones asked for.
        unsafe { (**self).deallocate(block, layout) }
    }
}

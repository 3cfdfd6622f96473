//! `Global`: the program's global allocator as a provider.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::Provider;
use crate::error::ProvideError;

/// The program's global allocator (feature `alloc`).
///
/// Without the feature the type has no value: it is then only the name of a default type
/// parameter, and a provider must be given.
///
/// ```
/// use slab_core::{Arena, Global};
///
/// let mut arena: Arena<u32, Global> = Arena::new_in(Global);
/// let seven = arena.insert(7);
/// assert_eq!(arena[seven], 7);
/// ```
#[cfg(feature = "alloc")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Global;

/// The name of the default provider; without the feature `alloc` it has no value.
#[cfg(not(feature = "alloc"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Global {}

#[cfg(feature = "alloc")]
// SAFETY: clauses 1 to 5 are `GlobalAlloc`'s own contract; a zero-sized block is a dangling pointer
// that is aligned, has no byte to overlap and is never given to the allocator.
unsafe impl Provider for Global {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        if layout.size() == 0 {
            return Ok(layout.dangling_ptr());
        }
        // SAFETY: the size is not zero.
        NonNull::new(unsafe { alloc::alloc::alloc(layout) }).ok_or(ProvideError::Exhausted)
    }

    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        if layout.size() == 0 {
            return Ok(layout.dangling_ptr());
        }
        // SAFETY: the size is not zero.
        NonNull::new(unsafe { alloc::alloc::alloc_zeroed(layout) }).ok_or(ProvideError::Exhausted)
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: clauses 1 and 2: the block came from `alloc` above with this layout.
            unsafe { alloc::alloc::dealloc(block.as_ptr(), layout) }
        }
    }
}

#[cfg(not(feature = "alloc"))]
// SAFETY: there is no value to call a method on.
unsafe impl Provider for Global {
    fn allocate(&self, _: Layout) -> Result<NonNull<u8>, ProvideError> {
        match *self {}
    }

    unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {
        match *self {}
    }
}

//! Memory whose leaks loom reports: what the provider of a model gives out.

use std::alloc::Layout;
use std::ptr::NonNull;

/// A block of the global allocator that loom expects back before the execution ends.
///
/// # Panics
/// If `layout` has no size, or the machine has no memory for a model.
pub fn allocate(layout: Layout) -> NonNull<u8> {
    assert_ne!(layout.size(), 0, "a block of a model has bytes");
    // SAFETY: the size is not 0.
    NonNull::new(unsafe { ::loom::alloc::alloc(layout) })
        .expect("the machine has memory for a model")
}

/// Takes a block back.
///
/// # Safety
/// 1. `block` came from [`allocate`] in this execution, with this `layout`, and was not given back since. 2. Nothing
///    uses it afterwards.
pub unsafe fn deallocate(block: NonNull<u8>, layout: Layout) {
    // SAFETY: clauses 1 and 2.
    unsafe { ::loom::alloc::dealloc(block.as_ptr(), layout) }
}

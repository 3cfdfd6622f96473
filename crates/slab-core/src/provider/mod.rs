//! `Provider`: where slabs come from. The caller chooses; several may live in one program.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::error::ProvideError;

#[cfg(target_has_atomic = "ptr")]
mod counting;
#[cfg(target_has_atomic = "ptr")]
mod failing;
mod global;
#[cfg(feature = "alloc")]
mod pointers;
#[cfg(target_has_atomic = "8")]
mod region;
#[cfg(all(
    target_has_atomic = "8",
    target_has_atomic = "32",
    target_has_atomic = "ptr"
))]
mod segmented;

#[cfg(target_has_atomic = "ptr")]
pub use counting::Counting;
#[cfg(target_has_atomic = "ptr")]
pub use failing::Failing;
pub use global::Global;
#[cfg(target_has_atomic = "8")]
pub use region::StaticRegion;
#[cfg(all(
    target_has_atomic = "8",
    target_has_atomic = "32",
    target_has_atomic = "ptr"
))]
pub use segmented::{Segmented, SegmentedStats};

/// A source of memory blocks.
///
/// It is asked for a slab at a time, so it may be slow. It is dyn-safe, and a reference to a provider is a provider; so
/// are a `Box` and, where the target has atomics for it, an `Arc` of one (feature `alloc`).
///
/// # Safety
///
/// An implementor promises that
/// 1. a block that `allocate` or `allocate_zeroed` returned has at least the size and the
///    alignment of the layout, and may be read and written through the returned pointer;
/// 2. it overlaps no other block that was given out and not yet taken back, and nothing else
///    reads or writes it;
/// 3. it stays valid, at the same address, until it is given to `deallocate`, or until the provider
///    and all its copies are gone; moving the provider changes nothing;
/// 4. the bytes of a block from `allocate_zeroed` are zero;
/// 5. no method unwinds.
///
/// ```
/// use core::alloc::Layout;
/// use slab_core::{Counting, Global, Provider};
///
/// let memory = Counting::new(Global);
/// let layout = Layout::new::<[u64; 8]>();
/// let block = memory.allocate(layout)?;
/// assert_eq!(memory.live_bytes(), 64);
/// // SAFETY: the block is from this provider, with this layout, and not used any more.
/// unsafe { memory.deallocate(block, layout) };
/// assert_eq!(memory.live_bytes(), 0);
/// # Ok::<(), slab_core::ProvideError>(())
/// ```
pub unsafe trait Provider {
    /// A block of at least `layout.size()` bytes aligned to `layout.align()`, contents undefined.
    ///
    /// # Errors
    /// [`ProvideError`] when there is no such block; nothing has changed then.
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError>;

    /// As [`allocate`](Self::allocate), with every byte zero.
    ///
    /// # Errors
    /// As [`allocate`](Self::allocate).
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        let block = self.allocate(layout)?;
        // SAFETY: clause 1: the block may be written over the whole size of the layout.
        unsafe { block.as_ptr().write_bytes(0, layout.size()) };
        Ok(block)
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// 1. `block` came from this provider, or from one that it is a copy of or a reference to, and
    ///    was not given back since;
    /// 2. `layout` is the layout it was asked for with;
    /// 3. nothing uses the block afterwards.
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout);
}

/// Makes a pointer to a provider one too. Who calls it says why the provider behind stays where it is: every method
/// forwards, so each clause then holds because it holds for `P`.
macro_rules! forward {
    ($pointer:ty) => {
        // SAFETY: as said where this is called.
        unsafe impl<P: Provider + ?Sized> Provider for $pointer {
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
    };
}
#[cfg(feature = "alloc")]
use forward;

// The blocks belong to the `P` behind the reference, which the reference keeps in place.
forward!(&P);

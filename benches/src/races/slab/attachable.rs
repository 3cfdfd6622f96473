//! attachable-slab-allocator, set up as its docs show.

use std::alloc::{Layout, alloc, dealloc};
use std::ptr::NonNull;

use attachable_slab_allocator::locks::{LockTrait, NoLock, SpinLock};
use attachable_slab_allocator::{Result, SlabBox, SlabCache, define_allocation_hooks};

use super::owned::Owner;
use super::table::Value;

fn slab_alloc(layout: Layout) -> Option<NonNull<u8>> {
    // SAFETY: a slab is larger than nothing.
    NonNull::new(unsafe { alloc(layout) })
}

fn slab_free(slab: NonNull<u8>, layout: Layout) -> Result<()> {
    // SAFETY: the crate gives back what `slab_alloc` gave, with the same layout.
    unsafe { dealloc(slab.as_ptr(), layout) };
    Ok(())
}

define_allocation_hooks!(slab_alloc, slab_free);

/// attachable-slab-allocator's cache, with the hooks of its docs.
pub(super) struct Attachable<L: LockTrait, const SLAB: usize>(SlabCache<Value, L, SLAB>);

/// As its docs have it: slabs of 4 KiB.
pub(super) type AttachableNoLock = Attachable<NoLock, 4096>;
/// With slabs as large as ours.
pub(super) type AttachableNoLock64K = Attachable<NoLock, 65536>;
/// As its docs have it, for several threads.
pub(super) type AttachableSpinLock = Attachable<SpinLock, 4096>;

/// The name by lock and size of slab.
trait Named {
    const NAME: &'static str;
}

impl Named for AttachableNoLock {
    const NAME: &'static str = "attachable-nolock";
}

impl Named for AttachableNoLock64K {
    const NAME: &'static str = "attachable-nolock-64k";
}

impl Named for AttachableSpinLock {
    const NAME: &'static str = "attachable-spinlock";
}

impl<L: LockTrait + 'static, const SLAB: usize> Owner for Attachable<L, SLAB>
where
    Self: Named,
{
    const NAME: &'static str = <Self as Named>::NAME;
    type Held = SlabBox<Value, L, SLAB>;

    fn new() -> Self {
        Attachable(SlabCache::new().expect("memory"))
    }
    fn put(&mut self, value: Value) -> Self::Held {
        let held = self.0.alloc().expect("memory");
        // SAFETY: the slot is the box's and fits the value. (Its docs assign through `DerefMut`, which
        // makes a reference to a value that is not there yet.)
        unsafe { held.as_ptr().write(value) };
        held
    }
    fn free(&self, held: Self::Held) -> u64 {
        held[3]
    }
}

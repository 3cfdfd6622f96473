//! The directory of a class: where its slabs lie, and what must be remembered of those that went back.

use core::alloc::Layout;
use core::ptr::NonNull;
use core::slice;

use super::class::NONE;
use super::slab::Header;
use crate::error::ProvideError;
use crate::provider::Provider;

/// What is known of a slab. Outlives the slab's memory.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    /// The slab's block; `None` while the slab is released.
    base: Option<NonNull<Header>>,
    /// Generation with which every slot starts when the slab's memory comes back.
    pub(super) watermark: u32,
    /// While the slab is on the list of absent ones, the next there.
    pub(super) next: u32,
}

/// A growing array of entries in provider memory.
pub(super) struct Directory {
    entries: NonNull<Entry>,
    /// Slabs that ever were; so many entries are initialised.
    len: u32,
    /// Entries that the block has room for; 0 means that there is no block.
    capacity: u32,
}

impl Directory {
    pub(super) const fn new() -> Self {
        Self {
            entries: NonNull::dangling(),
            len: 0,
            capacity: 0,
        }
    }

    #[inline]
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// The base of slab `slab`; `None` where it is released or never was.
    #[inline]
    pub(super) fn base(&self, slab: u32) -> Option<NonNull<Header>> {
        if slab < self.len {
            // SAFETY: it was just compared.
            unsafe { self.base_unchecked(slab) }
        } else {
            None
        }
    }

    /// As `base`.
    ///
    /// # Safety
    /// 1. `slab < len()`.
    #[inline]
    pub(super) unsafe fn base_unchecked(&self, slab: u32) -> Option<NonNull<Header>> {
        debug_assert!(slab < self.len);
        // SAFETY: clause 1: the first `len` entries are initialised.
        unsafe { (*self.entries.add(slab as usize).as_ptr()).base }
    }

    /// Makes slab `slab` resident, or, with `None`, one without memory.
    ///
    /// # Safety
    /// 1. `base` is the base of a slab of the class's shape, which stays allocated until this is called again for `slab`.
    pub(super) unsafe fn set_base(&mut self, slab: u32, base: Option<NonNull<Header>>) {
        self.entry(slab).base = base;
    }

    pub(super) fn entry(&mut self, slab: u32) -> &mut Entry {
        // SAFETY: the first `len` entries are initialised, and `self` is borrowed exclusively; without a
        // block the length is 0.
        let entries =
            unsafe { slice::from_raw_parts_mut(self.entries.as_ptr(), self.len as usize) };
        &mut entries[slab as usize]
    }

    /// Makes room for another slab. On error nothing has changed.
    ///
    /// # Safety
    /// 1. `provider` is the one of every earlier call.
    pub(super) unsafe fn reserve<P: Provider>(&mut self, provider: &P) -> Result<(), ProvideError> {
        if self.len == self.capacity {
            // SAFETY: clause 1 is passed on.
            unsafe { self.enlarge(provider)? };
        }
        Ok(())
    }

    /// Adds a slab at the end.
    ///
    /// # Safety
    /// 1. As for `set_base`. 2. There is room: `reserve` was the last call.
    pub(super) unsafe fn push(&mut self, base: NonNull<Header>) {
        debug_assert!(self.len < self.capacity);
        let entry = Entry {
            base: Some(base),
            watermark: 0,
            next: NONE,
        };
        // SAFETY: clause 2.
        unsafe { self.entries.add(self.len as usize).write(entry) };
        self.len += 1;
    }

    /// # Safety
    /// 1. As for `reserve`.
    unsafe fn enlarge<P: Provider>(&mut self, provider: &P) -> Result<(), ProvideError> {
        let capacity = self.capacity.max(2).checked_mul(2);
        let capacity = capacity.ok_or(ProvideError::TooLarge)?;
        let block = provider.allocate(layout(capacity)?)?.cast::<Entry>();
        // SAFETY: `len` entries are initialised, and the new block, which overlaps nothing, has room for
        // more; the old block is not used afterwards.
        unsafe {
            block.copy_from_nonoverlapping(self.entries, self.len as usize);
            self.free_block(provider);
        }
        self.entries = block;
        self.capacity = capacity;
        Ok(())
    }

    /// # Safety
    /// 1. As for `reserve`. 2. The block is not used afterwards.
    unsafe fn free_block<P: Provider>(&mut self, provider: &P) {
        if self.capacity != 0
            && let Ok(layout) = layout(self.capacity)
        {
            // SAFETY: the block came from this provider with this layout (clause 1), and clause 2.
            unsafe { provider.deallocate(self.entries.cast(), layout) };
        }
    }

    /// Gives the block back and leaves the directory empty.
    ///
    /// # Safety
    /// 1. As for `reserve`. 2. No slab has memory.
    pub(super) unsafe fn destroy<P: Provider>(&mut self, provider: &P) {
        // SAFETY: clause 1 is passed on, and `self` is replaced before anybody uses the block.
        unsafe { self.free_block(provider) };
        *self = Self::new();
    }

    /// Bytes of the block.
    pub(super) fn bytes(&self) -> usize {
        self.capacity as usize * size_of::<Entry>()
    }
}

fn layout(capacity: u32) -> Result<Layout, ProvideError> {
    Layout::array::<Entry>(capacity as usize).map_err(|_| ProvideError::TooLarge)
}

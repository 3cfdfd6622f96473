//! The directory: where each slab lies, and what must be remembered of it, in provider memory.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::{NONE, Slot};
use crate::error::ProvideError;
use crate::provider::Provider;

/// Address of a slab's first slot; `None` while the slab is released.
type Base<V> = Option<NonNull<Slot<V>>>;

/// What is known of a slab beside its address. Outlives the slab's memory.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    /// Bit w is set when word w of the slab's bitmap has a free slot; 0 while the slab is released.
    pub(super) summary: u64,
    /// The next slab on the list that this one is on (open or absent), or `NONE`.
    pub(super) next: u32,
    /// Generation with which every slot starts when the slab's memory comes back.
    pub(super) watermark: u32,
    /// Free bits that are set in the slab; 0 while it is released, as are the next two.
    pub(super) free: u16,
    /// Slots kept for detached values.
    pub(super) detached: u16,
    pub(super) retired: u16,
}

/// Two arrays in one block: the bases, which every access reads, then the entries.
pub(super) struct Directory<V> {
    bases: NonNull<Base<V>>,
    entries: NonNull<Entry>,
    /// Slabs that ever were; the first `len` items of both arrays are initialised.
    len: u32,
    /// Items that the block has room for; 0 means that there is no block.
    capacity: u32,
}

impl<V> Directory<V> {
    pub(super) const fn new() -> Self {
        Self {
            bases: NonNull::dangling(),
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
    pub(super) fn base(&self, slab: u32) -> Base<V> {
        self.base_at(slab as usize)
    }

    /// As `base`, for a number that is a word already.
    #[inline]
    pub(super) fn base_at(&self, slab: usize) -> Base<V> {
        if slab < self.len as usize {
            // SAFETY: the first `len` bases are initialised.
            unsafe { *self.bases.add(slab).as_ptr() }
        } else {
            None
        }
    }

    /// Makes slab `slab` resident.
    ///
    /// # Safety
    /// 1. `base` is the base of a slab of the table's shape, initialised, which stays allocated until
    ///    `clear_base`.
    pub(super) unsafe fn set_base(&mut self, slab: u32, base: NonNull<Slot<V>>) {
        *self.base_mut(slab) = Some(base);
    }

    /// Makes slab `slab` one without memory.
    pub(super) fn clear_base(&mut self, slab: u32) {
        *self.base_mut(slab) = None;
    }

    fn base_mut(&mut self, slab: u32) -> &mut Base<V> {
        assert!(slab < self.len, "the slab is in the directory");
        // SAFETY: the first `len` bases are initialised, and `self` is borrowed exclusively.
        unsafe { self.bases.add(slab as usize).as_mut() }
    }

    /// A copy of an entry, for who may only look.
    #[inline]
    pub(super) fn peek(&self, slab: u32) -> Entry {
        assert!(slab < self.len, "the slab is in the directory");
        // SAFETY: the first `len` entries are initialised.
        unsafe { self.entries.add(slab as usize).read() }
    }

    #[inline]
    pub(super) fn entry(&mut self, slab: u32) -> &mut Entry {
        assert!(slab < self.len, "the slab is in the directory");
        // SAFETY: the first `len` entries are initialised, and `self` is borrowed exclusively.
        unsafe { self.entries.add(slab as usize).as_mut() }
    }

    /// Makes room for `len` slabs in all. On error nothing has changed.
    ///
    /// # Safety
    /// 1. `provider` is the one of every earlier call.
    pub(super) unsafe fn reserve<P: Provider>(
        &mut self,
        len: u32,
        provider: &P,
        capacity_max: u32,
    ) -> Result<(), ProvideError> {
        if len <= self.capacity {
            return Ok(());
        }
        let doubled = self.capacity.saturating_mul(2).min(capacity_max);
        // SAFETY: clause 1 is passed on; the capacity grows.
        unsafe { self.enlarge(provider, len.max(doubled).max(4)) }
    }

    /// Adds a slab without memory at the end. There is room for it.
    pub(super) fn push(&mut self) {
        assert!(self.len < self.capacity, "room was reserved");
        let at = self.len as usize;
        let entry = Entry {
            summary: 0,
            next: NONE,
            watermark: 0,
            free: 0,
            detached: 0,
            retired: 0,
        };
        // SAFETY: `len < capacity`.
        unsafe {
            self.bases.add(at).write(None);
            self.entries.add(at).write(entry);
        }
        self.len += 1;
    }

    /// # Safety
    /// 1. As for `reserve`. 2. `capacity` is larger than the present one.
    unsafe fn enlarge<P: Provider>(
        &mut self,
        provider: &P,
        capacity: u32,
    ) -> Result<(), ProvideError> {
        debug_assert!(capacity > self.capacity);
        let (layout, offset) = layout::<V>(capacity)?;
        let block = provider.allocate(layout)?;
        let bases = block.cast::<Base<V>>();
        // SAFETY: `offset` is inside the block, by `layout`.
        let entries = unsafe { block.add(offset) }.cast::<Entry>();
        let len = self.len as usize;
        // SAFETY: both arrays hold `len` initialised items and the new block, which overlaps nothing,
        // has room for more than that.
        unsafe {
            bases.copy_from_nonoverlapping(self.bases, len);
            entries.copy_from_nonoverlapping(self.entries, len);
            self.free_block(provider);
        }
        self.bases = bases;
        self.entries = entries;
        self.capacity = capacity;
        Ok(())
    }

    /// # Safety
    /// 1. As for `reserve`. 2. The block is not used afterwards.
    unsafe fn free_block<P: Provider>(&mut self, provider: &P) {
        if self.capacity != 0
            && let Ok((layout, _)) = layout::<V>(self.capacity)
        {
            // SAFETY: the block came from this provider with this layout (clause 1), and clause 2.
            unsafe { provider.deallocate(self.bases.cast(), layout) };
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
        match layout::<V>(self.capacity) {
            Ok((layout, _)) if self.capacity != 0 => layout.size(),
            _ => 0,
        }
    }
}

/// The block for `capacity` slabs, and where in it the entries begin.
fn layout<V>(capacity: u32) -> Result<(Layout, usize), ProvideError> {
    let bases = Layout::array::<Base<V>>(capacity as usize);
    let entries = Layout::array::<Entry>(capacity as usize);
    match (bases, entries) {
        (Ok(bases), Ok(entries)) => bases.extend(entries).map_err(|_| ProvideError::TooLarge),
        _ => Err(ProvideError::TooLarge),
    }
}

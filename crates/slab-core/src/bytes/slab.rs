//! One slab of a class: slots, each a header before the bytes of a string.
//!
//! ```text
//!   base -> | header | bytes ...  | header | bytes ...  | ... |
//!           <------ stride ------>
//! ```
//!
//! Header and first bytes are in one line in most slots, so that a look at a string waits for memory once. Every pointer into
//! a slab is computed from its base, which carries the provenance of the whole block.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::error::ProvideError;

/// What is known of a slot: in the high half its generation, in the low half a number that the generation
/// gives a meaning. One word, so that it is always written and read whole.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Header(u64);

impl Header {
    #[inline]
    pub(super) fn new(generation: u32, number: u32) -> Self {
        Self(u64::from(generation) << 32 | u64::from(number))
    }

    /// Odd: live. `RETIRED`: used up. Even otherwise: free.
    #[inline]
    pub(super) fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[inline]
    pub(super) fn is_live(self) -> bool {
        self.generation() & 1 == 1
    }

    /// Of a live slot the length of its string, of a free one the next free slot.
    #[inline]
    pub(super) fn number(self) -> u32 {
        self.0 as u32
    }
}

/// A slot, in a resident slab, with a header that is initialised.
#[derive(Clone, Copy)]
pub(super) struct Slot(NonNull<Header>);

impl Slot {
    /// # Safety
    /// 1. The slot's slab is resident, and its header was written.
    #[inline]
    pub(super) unsafe fn header(self) -> Header {
        // SAFETY: clause 1.
        unsafe { self.0.read() }
    }

    /// # Safety
    /// 1. The slot's slab is resident, in a class that the caller has exclusively. 2. If `header` is live
    ///    so many bytes as its number are initialised before anybody reads them, and the slot has room for
    ///    no less; if it is free its number is a free slot or `NONE`.
    #[inline]
    pub(super) unsafe fn set_header(self, header: Header) {
        // SAFETY: clause 1.
        unsafe { self.0.write(header) };
    }

    /// The slot's bytes. While the slot is live the first so many as its length are initialised.
    ///
    /// # Safety
    /// 1. The slot's slab is resident.
    #[inline]
    pub(super) unsafe fn data(self) -> NonNull<u8> {
        // SAFETY: clause 1: the bytes follow the header in the slab's block.
        unsafe { self.0.add(1).cast::<u8>() }
    }
}

/// log2 of the most slots in a slab.
pub(super) const SHIFT_MAX: u32 = 12;

/// Slabs begin with a cache line.
const ALIGN: usize = 64;

/// How a slab is divided; the same for all slabs of a class.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// Bytes from slot to slot, a multiple of the header's alignment.
    stride: u32,
    /// log2 of the slots in a slab, at most `SHIFT_MAX`.
    pub(super) shift: u32,
    /// `slots() - 1`, kept because every access needs it.
    pub(super) mask: u32,
}

impl Shape {
    /// Slots with room for `size` bytes.
    pub(super) const fn new(size: u32, shift: u32) -> Self {
        assert!(shift <= SHIFT_MAX);
        let header = size_of::<Header>() as u32;
        Self {
            stride: header + size.next_multiple_of(header),
            shift,
            mask: (1 << shift) - 1,
        }
    }

    #[inline]
    pub(super) const fn slots(self) -> u32 {
        1 << self.shift
    }

    /// How many slots lie in `bytes`, at least one.
    pub(super) fn slots_in(self, bytes: u32) -> u32 {
        (bytes / self.stride).max(1)
    }

    /// The layout of a slab's block.
    pub(super) fn layout(self) -> Result<Layout, ProvideError> {
        let size = u64::from(self.stride) << self.shift;
        let size = usize::try_from(size).map_err(|_| ProvideError::TooLarge)?;
        Layout::from_size_align(size, ALIGN).map_err(|_| ProvideError::TooLarge)
    }

    /// Slot `slot` of a slab.
    ///
    /// # Safety
    /// 1. `base` is a block of this shape's layout. 2. `slot < slots()`.
    #[inline]
    pub(super) unsafe fn slot(self, base: NonNull<Header>, slot: u32) -> Slot {
        debug_assert!(slot < self.slots());
        // SAFETY: by `layout` so many strides are inside the block.
        Slot(unsafe { base.byte_add(slot as usize * self.stride as usize) })
    }
}

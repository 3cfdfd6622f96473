//! The layout of one slab: slots, then the words of the free bitmap.
//!
//! ```text
//!   base -> | slot 0 | slot 1 | ... | slot n-1 | word 0 | ... | word n/64-1 |
//!             generation, value                  bit set = slot is free
//! ```
//!
//! Every pointer into a slab is computed from its base, which carries the provenance of the whole
//! block; no reference to more than one value is ever made.

use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::Generation;
use crate::error::ProvideError;

/// A value and the generation of its slot, beside each other so that one access fetches both. The generation
/// is in front: where slots lie across cache lines, the first words of most values share its line.
#[repr(C)]
pub(crate) struct Slot<V> {
    /// Odd: live. Even: not; see the table's states.
    pub(crate) generation: u32,
    /// Initialised exactly while `generation` is odd.
    pub(crate) value: MaybeUninit<V>,
}

impl<V> Slot<V> {
    /// A slot with a value.
    #[inline]
    pub(super) fn live(value: V, generation: Generation) -> Self {
        Self {
            value: MaybeUninit::new(value),
            generation: generation.get(),
        }
    }
}

/// The generation of a slot. Read through the raw pointer, because the value may be borrowed.
///
/// # Safety
/// 1. `slot` is a slot of a resident slab, in which every generation is initialised.
#[inline]
pub(super) unsafe fn generation_of<V>(slot: NonNull<Slot<V>>) -> u32 {
    // SAFETY: clause 1.
    unsafe { (*slot.as_ptr()).generation }
}

/// # Safety
/// 1. `slot` is a slot of a resident slab of a table that the caller has exclusively. 2. The value is
///    initialised if `generation` is odd.
#[inline]
pub(super) unsafe fn set_generation<V>(slot: NonNull<Slot<V>>, generation: u32) {
    // SAFETY: clause 1.
    unsafe { (*slot.as_ptr()).generation = generation }
}

/// Where the value of a slot lies; initialised only while the slot is live.
///
/// # Safety
/// 1. `slot` is a slot of a resident slab.
#[inline]
pub(super) unsafe fn value_of<V>(slot: NonNull<Slot<V>>) -> NonNull<V> {
    // SAFETY: clause 1: the field is inside the slab's block, so its address is not null.
    unsafe { NonNull::new_unchecked((&raw mut (*slot.as_ptr()).value).cast::<V>()) }
}

/// How a slab is divided; the same for all slabs of a table.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// log2 of the slots in a slab; at most 12.
    pub(super) shift: u32,
    /// `slots() - 1`, kept because every access needs it.
    pub(super) mask: usize,
}

impl Shape {
    pub(super) const fn new(shift: u32) -> Self {
        Self {
            shift,
            mask: (1 << shift) - 1,
        }
    }

    #[inline]
    pub(super) const fn slots(self) -> u32 {
        1 << self.shift
    }

    /// Words of the bitmap: one for each 64 slots, at least one.
    #[inline]
    pub(super) const fn words(self) -> u32 {
        1 << self.words_shift()
    }

    /// log2 of the words of the bitmap.
    #[inline]
    pub(super) const fn words_shift(self) -> u32 {
        self.shift.saturating_sub(6)
    }

    /// A bitmap word of which every slot is free.
    #[inline]
    pub(super) const fn full_word(self) -> u64 {
        if self.shift < 6 {
            (1 << self.slots()) - 1
        } else {
            u64::MAX
        }
    }

    /// A summary of which every word has a free slot.
    pub(super) const fn full_summary(self) -> u64 {
        u64::MAX >> (64 - self.words())
    }

    #[inline]
    const fn words_offset<V>(self) -> usize {
        (size_of::<Slot<V>>() << self.shift).next_multiple_of(8)
    }

    /// The layout of a slab's block; every offset below is inside it.
    pub(super) fn layout<V>(self) -> Result<Layout, ProvideError> {
        // 2^49 is more than any address space holds and leaves room for the sums below.
        let slots = size_of::<Slot<V>>() as u64;
        if slots.saturating_mul(u64::from(self.slots())) >> 49 != 0 {
            return Err(ProvideError::TooLarge);
        }
        let words = (slots << self.shift).next_multiple_of(8);
        let end = words + u64::from(self.words()) * 8;
        let size = usize::try_from(end).map_err(|_| ProvideError::TooLarge)?;
        let align = align_of::<Slot<V>>().max(align_of::<u64>());
        Layout::from_size_align(size, align).map_err(|_| ProvideError::TooLarge)
    }

    /// Word `word` of the bitmap.
    ///
    /// # Safety
    /// 1. `base` is the base of a slab of this shape. 2. `word < words()`.
    #[inline]
    pub(super) unsafe fn word<V>(self, base: NonNull<Slot<V>>, word: u32) -> NonNull<u64> {
        debug_assert!(word < self.words());
        // SAFETY: by `layout` the words follow the slots in the same block, aligned to 8.
        unsafe {
            base.byte_add(self.words_offset::<V>())
                .cast::<u64>()
                .add(word as usize)
        }
    }

    /// Makes every slot of a fresh block free at generation `generation`.
    ///
    /// # Safety
    /// 1. `base` is a block of `layout()` that nothing else uses. 2. The generations are 0 already if
    ///    `zeroed`.
    pub(super) unsafe fn initialise<V>(
        self,
        base: NonNull<Slot<V>>,
        generation: u32,
        zeroed: bool,
    ) {
        if !zeroed || generation != 0 {
            for slot in 0..self.slots() as usize {
                // SAFETY: the slot is inside the block (clause 1).
                unsafe { (&raw mut (*base.add(slot).as_ptr()).generation).write(generation) };
            }
        }
        for word in 0..self.words() {
            // SAFETY: clause 1, and the word is below `words()`.
            unsafe { self.word(base, word).write(self.full_word()) };
        }
    }
}

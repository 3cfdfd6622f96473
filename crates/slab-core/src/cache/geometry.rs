//! How a slab of the object cache is divided, decided at compile time.
//!
//! ```text
//!   address % SLAB == 0
//!   | header | words | pad | slot 0 | slot 1 | ... | slot n-1 |   at most SLAB bytes
//!                    FIRST ^        ^ FIRST + STRIDE
//! ```
//!
//! The words are the bitmap of free slots, a bit each. Headers have no colour (an offset that differs from slab to slab,
//! so that they do not compete for the same sets of a cache; Bonwick 1994, section 4): the steps to find a coloured header
//! cost a shuffled free more than the conflicts did, by a sixth with 16 colours.

use core::alloc::Layout;
use core::marker::PhantomData;

use super::header::Header;
use super::remote::CAPACITY_MAX;

/// The division of slabs of `SLAB` bytes into slots for a `T`.
pub(super) struct Geometry<T, const SLAB: usize>(PhantomData<T>);

const fn larger(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

/// Slots that a word of the bitmap tells of.
pub(super) const WORD_SLOTS: usize = u64::BITS as usize;

impl<T, const SLAB: usize> Geometry<T, SLAB> {
    /// A free slot holds a link of two bytes.
    const ALIGN: usize = larger(align_of::<T>(), align_of::<u16>());
    /// Bytes from a slot to the next.
    pub(super) const STRIDE: usize =
        larger(size_of::<T>(), size_of::<u16>()).next_multiple_of(Self::ALIGN);
    /// Bytes from the header to the words.
    pub(super) const WORDS_OFFSET: usize = size_of::<Header>().next_multiple_of(align_of::<u64>());

    const fn first(words: usize) -> usize {
        (Self::WORDS_OFFSET + words * size_of::<u64>()).next_multiple_of(Self::ALIGN)
    }

    /// Slots, were there `words` words.
    const fn slots(words: usize) -> usize {
        let slots = SLAB.saturating_sub(Self::first(words)) / Self::STRIDE;
        if slots < CAPACITY_MAX {
            slots
        } else {
            CAPACITY_MAX
        }
    }

    /// Words of the bitmap.
    pub(super) const WORDS: usize = Self::slots(0).div_ceil(WORD_SLOTS);
    /// Bytes from the base to slot 0.
    pub(super) const FIRST: usize = Self::first(Self::WORDS);
    /// Slots of a slab.
    pub(super) const CAPACITY: u16 = {
        assert!(SLAB.is_power_of_two(), "the slab size is a power of two");
        let slots = Self::slots(Self::WORDS);
        assert!(
            slots >= 2,
            "two slots of this type do not fit into a slab: choose a larger slab size"
        );
        slots as u16
    };
    /// The block of a slab: aligned to `SLAB`, not longer than its slots need.
    pub(super) const LAYOUT: Layout = {
        let size = Self::FIRST + Self::CAPACITY as usize * Self::STRIDE;
        match Layout::from_size_align(size, SLAB) {
            Ok(layout) => layout,
            Err(_) => panic!("the slab is larger than an address space"),
        }
    };

    /// Where the slab begins that `address` is in.
    #[inline(always)]
    pub(super) fn base(address: usize) -> usize {
        address & !(SLAB - 1)
    }

    /// The number of the slot that begins at `address`.
    #[inline(always)]
    pub(super) fn number(address: usize) -> usize {
        let offset = (address & (SLAB - 1)) - Self::FIRST;
        debug_assert!(offset.is_multiple_of(Self::STRIDE));
        offset / Self::STRIDE
    }
}

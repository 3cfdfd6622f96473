//! How a slab of the object cache is divided, decided at compile time.
//!
//! ```text
//!   address % SLAB == 0
//!   | header | pad | slot 0 | slot 1 | ... | slot n-1 |   at most SLAB bytes
//!            FIRST ^        ^ FIRST + STRIDE
//! ```

use core::alloc::Layout;
use core::marker::PhantomData;

use super::header::Header;
use super::remote::CAPACITY_MAX;

/// The division of slabs of `SLAB` bytes into slots for a `T`.
pub(super) struct Geometry<T, const SLAB: usize>(PhantomData<T>);

const fn larger(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

impl<T, const SLAB: usize> Geometry<T, SLAB> {
    /// A free slot holds a link of two bytes.
    const ALIGN: usize = larger(align_of::<T>(), align_of::<u16>());
    /// Bytes from a slot to the next.
    pub(super) const STRIDE: usize =
        larger(size_of::<T>(), size_of::<u16>()).next_multiple_of(Self::ALIGN);
    /// Bytes from the base to slot 0.
    pub(super) const FIRST: usize = size_of::<Header>().next_multiple_of(Self::ALIGN);
    /// Slots of a slab.
    pub(super) const CAPACITY: u16 = {
        assert!(SLAB.is_power_of_two(), "the slab size is a power of two");
        assert!(
            Self::FIRST < SLAB && (SLAB - Self::FIRST) / Self::STRIDE >= 2,
            "two slots of this type do not fit into a slab: choose a larger slab size"
        );
        let slots = (SLAB - Self::FIRST) / Self::STRIDE;
        if slots < CAPACITY_MAX {
            slots as u16
        } else {
            CAPACITY_MAX as u16
        }
    };
    /// The block of a slab: aligned to `SLAB`, not longer than its slots need.
    pub(super) const LAYOUT: Layout = {
        let size = Self::FIRST + Self::CAPACITY as usize * Self::STRIDE;
        match Layout::from_size_align(size, SLAB) {
            Ok(layout) => layout,
            Err(_) => panic!("the slab is larger than an address space"),
        }
    };
}

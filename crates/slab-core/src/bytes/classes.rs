//! `Classes`: the slot sizes of a byte slab, and which of them a length goes to.

use core::fmt;

use super::handle::INDEX_BITS;
use super::slab::SHIFT_MAX;

/// Size classes at most: the class is up to five bits of a handle.
pub(super) const CLASSES_MAX: usize = 32;

/// The largest slot size: 1 MiB.
const SIZE_MAX: u32 = 1 << 20;

/// Buckets, of which `bucket` uses no more than this; a power of two, so that a mask keeps below.
const BUCKETS: usize = 128;

const _: () = assert!(bucket(SIZE_MAX) < BUCKETS);

/// The bucket of a length: of `length - 1` the leading one and the two bits below, so four a doubling,
/// each ending at a quarter step. Lengths up to 5 share the first.
const fn bucket(length: u32) -> usize {
    let last = if length < 5 { 4 } else { length - 1 };
    let exponent = last.ilog2();
    ((exponent - 2) * 4 + (last >> (exponent - 2) & 3)) as usize
}

/// The slot sizes of a [`ByteSlab`](crate::ByteSlab), ascending, and the bytes of a slab.
///
/// A string goes to the smallest class that holds it; one that is larger than every class gets a block
/// of its own from the provider.
///
/// ```
/// use slab_core::{ByteSlab, Classes};
///
/// const TABLE: Classes = match Classes::new(&[16, 48, 200]) {
///     Ok(classes) => classes.slab_bytes(4096),
///     Err(_) => panic!("ascending"),
/// };
/// let slab = ByteSlab::with_classes(TABLE);
/// assert_eq!(slab.classes().sizes(), [16, 48, 200]);
/// assert!(Classes::new(&[64, 32]).is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Classes {
    /// Ascending; the first `len` count, the others are `u32::MAX`.
    sizes: [u32; CLASSES_MAX],
    len: u8,
    /// The last of the sizes.
    largest: u32,
    slab_bytes: u32,
    slot_bits: u32,
    /// For each bucket the first class that holds the bucket's shortest length.
    first: [u8; BUCKETS],
}

/// Why a table of slot sizes is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClassesError {
    /// There is no size, or there are more than 32.
    #[error("{0} size classes: give 1 to 32")]
    Count(usize),
    /// A size is 0 or above 1 MiB.
    #[error("a size class of {0} bytes: give sizes from 1 to 1048576")]
    Size(u32),
    /// A size is not larger than the one before it.
    #[error("size class {0} comes after {1}: give sizes in ascending order, each once")]
    Order(u32, u32),
}

impl Classes {
    /// Slabs of 64 KiB unless [`slab_bytes`](Self::slab_bytes) says otherwise.
    const SLAB_BYTES: u32 = 64 * 1024;

    /// Four steps a doubling from 64 to 4096: 64, 80, 96, 112, 128, 160 ... 4096. Above 64 bytes less
    /// than a quarter of a string's length is wasted.
    pub const QUARTERS: Self = {
        let mut sizes = [0; 25];
        let mut class = 0;
        while class < 25 {
            sizes[class] = (64 + 16 * (class as u32 % 4)) << (class / 4);
            class += 1;
        }
        Self::constant(&sizes)
    };

    /// One step a doubling from 64 to 4096: seven classes. Fewer slabs are begun, more is wasted in them.
    pub const DOUBLINGS: Self = Self::constant(&[64, 128, 256, 512, 1024, 2048, 4096]);

    const fn constant(sizes: &[u32]) -> Self {
        match Self::new(sizes) {
            Ok(classes) => classes,
            Err(_) => panic!("the sizes are ascending"),
        }
    }

    /// The table of `sizes`, in bytes, ascending.
    ///
    /// # Errors
    /// [`ClassesError`] if there are none or more than 32, one is 0 or above 1 MiB, or they do not ascend.
    pub const fn new(sizes: &[u32]) -> Result<Self, ClassesError> {
        if sizes.is_empty() || sizes.len() > CLASSES_MAX {
            return Err(ClassesError::Count(sizes.len()));
        }
        let mut table = [u32::MAX; CLASSES_MAX];
        let mut first = [0; BUCKETS];
        let mut class = 0;
        while class < sizes.len() {
            let size = sizes[class];
            if size == 0 || size > SIZE_MAX {
                return Err(ClassesError::Size(size));
            }
            if class > 0 && size <= sizes[class - 1] {
                return Err(ClassesError::Order(size, sizes[class - 1]));
            }
            table[class] = size;
            class += 1;
        }
        let (mut at, mut class) = (0, 0);
        while at <= bucket(SIZE_MAX) {
            let shortest = if at == 0 {
                0
            } else {
                ((4 + at % 4) << (at / 4)) + 1
            };
            while class < sizes.len() && (sizes[class] as usize) < shortest {
                class += 1;
            }
            first[at] = class as u8;
            at += 1;
        }
        Ok(Self {
            sizes: table,
            len: sizes.len() as u8,
            largest: sizes[sizes.len() - 1],
            slab_bytes: Self::SLAB_BYTES,
            slot_bits: INDEX_BITS - sizes.len().next_power_of_two().ilog2(),
            first,
        })
    }

    /// The same table with slabs of about `bytes`: as many slots, a power of two up to 4096, as fit, and
    /// at least one. Smaller slabs hold less memory in classes that are little used.
    #[must_use]
    pub const fn slab_bytes(mut self, bytes: u32) -> Self {
        self.slab_bytes = bytes;
        self
    }

    /// The slot sizes in bytes, ascending.
    pub const fn sizes(&self) -> &[u32] {
        self.sizes.split_at(self.len as usize).0
    }

    /// The largest slot size in bytes; longer strings get a block of their own.
    #[inline]
    pub const fn largest(&self) -> usize {
        self.largest as usize
    }

    /// Bits of a handle that number the slot in its class: 31 less those that number the class. So 26 with 17
    /// classes or more, 27 with 9, 28 with 5, up to 31 with a single one. A class can hold two to the power
    /// of this many strings.
    #[inline]
    pub const fn slot_bits(&self) -> u32 {
        self.slot_bits
    }

    /// The same table with handles whose slots have `bits` bits only.
    #[cfg(test)]
    pub(super) fn with_slot_bits(mut self, bits: u32) -> Self {
        assert!(bits <= self.slot_bits);
        self.slot_bits = bits;
        self
    }

    /// The class of strings of `length` bytes, below `CLASSES_MAX`; `None` where a class would be too
    /// small.
    #[inline]
    pub(super) fn class_of(&self, length: usize) -> Option<usize> {
        if length > self.largest() {
            return None;
        }
        let length = length as u32;
        let class = self.first[bucket(length) & (BUCKETS - 1)] as usize & (CLASSES_MAX - 1);
        if self.sizes[class] < length {
            return Some(self.class_after(class, length));
        }
        Some(class)
    }

    /// The class of `length`, if it shares its bucket with shorter ones of `class`.
    #[cold]
    fn class_after(&self, class: usize, length: u32) -> usize {
        let after = self.sizes[class..].iter().position(|&size| size >= length);
        // The largest class holds `length`.
        (class + after.unwrap_or(0)) & (CLASSES_MAX - 1)
    }

    /// Slot size and log2 of the slots in a slab of `class`.
    pub(super) const fn shape(&self, class: usize) -> (u32, u32) {
        let size = self.sizes[class];
        let mut shift = SHIFT_MAX;
        if shift > self.slot_bits {
            shift = self.slot_bits;
        }
        while shift > 0 && (size as u64) << shift > self.slab_bytes as u64 {
            shift -= 1;
        }
        (size, shift)
    }
}

impl Default for Classes {
    /// [`Classes::QUARTERS`].
    fn default() -> Self {
        Self::QUARTERS
    }
}

impl fmt::Debug for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Classes")
            .field("sizes", &self.sizes())
            .field("slab_bytes", &self.slab_bytes)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, Classes, SIZE_MAX, bucket};

    #[test]
    fn each_length_goes_to_the_smallest_class_that_holds_it() {
        let odd =
            Classes::new(&[1, 2, 3, 5, 9, 11, 12, 19, 64, 65, 66, 100, 101, 4096, 5000]).unwrap();
        let widest = Classes::new(&[SIZE_MAX]).unwrap();
        for classes in [Classes::QUARTERS, Classes::DOUBLINGS, odd, widest] {
            for length in 0..=classes.largest() + 2 {
                let expected = classes
                    .sizes()
                    .iter()
                    .position(|&size| size as usize >= length);
                assert_eq!(classes.class_of(length), expected, "{length} bytes");
            }
        }
    }

    #[test]
    fn buckets_ascend_without_gaps() {
        let mut last = 0;
        for length in 0..=SIZE_MAX {
            let bucket = bucket(length);
            assert!(bucket == last || bucket == last + 1, "{length} bytes");
            last = bucket;
        }
        assert!(last < BUCKETS);
    }

    #[test]
    fn quarters_waste_less_than_a_quarter() {
        let classes = Classes::QUARTERS;
        assert_eq!(classes.sizes()[..6], [64, 80, 96, 112, 128, 160]);
        assert_eq!(classes.largest(), 4096);
        for length in 65..=4096 {
            let size = classes.sizes()[classes.class_of(length).unwrap()] as usize;
            assert!((size - length) * 4 < length, "{length} bytes in {size}");
        }
    }
}

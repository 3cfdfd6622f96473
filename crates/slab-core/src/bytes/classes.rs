//! `Classes`: the slot sizes of a byte slab, and which of them a length goes to.

use core::fmt;

/// Size classes at most: the class is five bits of a handle, and one number stands for large strings.
pub(super) const CLASSES_MAX: usize = 31;

/// The largest slot size: 1 MiB.
const SIZE_MAX: u32 = 1 << 20;

/// Four buckets a doubling up to `SIZE_MAX`; see `bucket`.
const BUCKETS: usize = bucket(SIZE_MAX) + 1;

/// The bucket of a length: its leading one and the two bits below, of `length - 1`.
const fn bucket(length: u32) -> usize {
    let last = length.saturating_sub(1);
    if last < 4 {
        return last as usize;
    }
    let exponent = last.ilog2();
    ((exponent - 1) * 4 + (last >> (exponent - 2) & 3)) as usize
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
    slab_bytes: u32,
    /// For each bucket the first class that holds the bucket's shortest length.
    first: [u8; BUCKETS],
}

/// Why a table of slot sizes is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClassesError {
    /// There is no size, or there are more than 31.
    #[error("{0} size classes: give 1 to 31")]
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
    /// [`ClassesError`] if there are none or more than 31, one is 0 or above 1 MiB, or they do not ascend.
    pub const fn new(sizes: &[u32]) -> Result<Self, ClassesError> {
        if sizes.is_empty() || sizes.len() > CLASSES_MAX {
            return Err(ClassesError::Count(sizes.len()));
        }
        let mut table = [u32::MAX; CLASSES_MAX];
        let mut first = [0; BUCKETS];
        // The first bucket that has no class yet.
        let mut next = 0;
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
            while next <= bucket(size) {
                first[next] = class as u8;
                next += 1;
            }
            class += 1;
        }
        Ok(Self {
            sizes: table,
            len: sizes.len() as u8,
            slab_bytes: Self::SLAB_BYTES,
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
        self.sizes[self.len as usize - 1] as usize
    }

    /// The class of strings of `length` bytes; `None` where a class would be too small.
    #[inline]
    pub(super) fn class_of(&self, length: usize) -> Option<usize> {
        if length > self.largest() {
            return None;
        }
        let mut class = self.first[bucket(length as u32)] as usize;
        // Ends: the largest class holds `length`.
        while self.sizes[class] < length as u32 {
            class += 1;
        }
        Some(class)
    }

    /// Slot size and log2 of the slots in a slab of `class`; a class that is not in the table gets any.
    pub(super) const fn shape(&self, class: usize) -> (u32, u32) {
        let size = self.sizes[class];
        let mut shift = crate::table::SHIFT_MAX;
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
        let odd = Classes::new(&[1, 2, 3, 5, 64, 65, 66, 100, 101, 4096, 5000]).unwrap();
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
        for length in 1..=SIZE_MAX {
            let bucket = bucket(length);
            assert!(bucket == last || bucket == last + 1, "{length} bytes");
            last = bucket;
        }
        assert_eq!(last + 1, BUCKETS);
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

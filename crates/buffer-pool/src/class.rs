//! Size classes: the capacities that a pool's blocks come in.

use core::ops::Range;

use crate::error::ClassesError;

/// The table of block capacities of a pool, ascending.
///
/// A request is served by the smallest class that holds it (in a pool without a budget, rather than by a new block, by an
/// idle one of up to twice that size); what is larger than the largest class gets a block of
/// exactly its size that is not pooled. Looking a class up takes a few steps within one doubling of size.
///
/// ```
/// use buffer_pool::{BufferPool, Classes};
///
/// let pool = BufferPool::builder().classes(Classes::down_to(64)).build();
/// assert_eq!(pool.acquire(70).capacity(), 96);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Classes {
    /// The first `len` ascend; the others are 0. Tables in place: a lookup follows no pointer.
    sizes: [usize; Classes::COUNT_MAX],
    /// At least one, at most [`Classes::COUNT_MAX`].
    len: usize,
    /// The last of the sizes.
    largest: usize,
    /// `first[k]`: index of the first class above `2^(k-1)`, from which a request of `2^(k-1) < n <= 2^k` searches.
    first: [u8; FIRST],
}

const FIRST: usize = usize::BITS as usize + 1;
const KIB: usize = 1024;

impl Classes {
    /// The smallest capacity that a class may have, in bytes.
    pub const SIZE_MIN: usize = 64;
    /// The largest capacity that a class may have, in bytes: a quarter of the address space.
    pub const SIZE_MAX: usize = usize::MAX / 4 + 1;
    /// The most classes that a table may have.
    pub const COUNT_MAX: usize = 64;

    /// Classes in steps of 1x and 1.5x from `smallest` to 1 MiB: 64, 96, 128, 192... for 64. At most a third of a
    /// block above `smallest` is unused.
    ///
    /// # Panics
    /// Unless `smallest` is a power of two from 64 to 1 MiB.
    #[must_use]
    pub fn down_to(smallest: usize) -> Self {
        assert!(
            smallest.is_power_of_two() && (Self::SIZE_MIN..=KIB * KIB).contains(&smallest),
            "the smallest class must be a power of two from 64 to 1048576, not {smallest}"
        );
        let mut sizes = Vec::new();
        let mut size = smallest;
        while size < KIB * KIB {
            sizes.push(size);
            sizes.push(size + size / 2);
            size *= 2;
        }
        sizes.push(size);
        Self::table(sizes)
    }

    /// The nine powers of two from 4 KiB to 1 MiB. Fewer classes than the default, so a block is reused more often,
    /// and up to half of it is unused.
    #[must_use]
    pub fn powers_of_two() -> Self {
        Self::table((12..=20).map(|bits| 1 << bits).collect())
    }

    /// Classes of the given capacities in bytes.
    ///
    /// # Errors
    /// When there are none or more than [`COUNT_MAX`](Self::COUNT_MAX), when they do not ascend strictly, or when
    /// one lies outside of [`SIZE_MIN`](Self::SIZE_MIN)..=[`SIZE_MAX`](Self::SIZE_MAX).
    pub fn custom(sizes: &[usize]) -> Result<Self, ClassesError> {
        if sizes.is_empty() {
            return Err(ClassesError::Empty);
        }
        if sizes.len() > Self::COUNT_MAX {
            return Err(ClassesError::TooMany { count: sizes.len() });
        }
        if let Some(&size) = sizes
            .iter()
            .find(|size| !(Self::SIZE_MIN..=Self::SIZE_MAX).contains(*size))
        {
            return Err(ClassesError::Size { size });
        }
        if let Some(pair) = sizes.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(ClassesError::Order {
                before: pair[0],
                after: pair[1],
            });
        }
        Ok(Self::table(sizes.to_vec()))
    }

    /// The capacities in bytes, ascending.
    #[must_use]
    pub fn sizes(&self) -> &[usize] {
        &self.sizes[..self.len]
    }

    /// The capacity of the largest class, in bytes.
    #[must_use]
    pub fn largest(&self) -> usize {
        self.largest
    }

    fn table(sizes: Vec<usize>) -> Self {
        debug_assert!(!sizes.is_empty() && sizes.len() <= Self::COUNT_MAX);
        debug_assert!(sizes.is_sorted());
        let mut first = [0; FIRST];
        for (bits, start) in first.iter_mut().enumerate().skip(1) {
            let below = 1_usize << (bits - 1);
            *start = sizes.partition_point(|&size| size <= below) as u8;
        }
        let mut table = [0; Self::COUNT_MAX];
        table[..sizes.len()].copy_from_slice(&sizes);
        Self {
            sizes: table,
            len: sizes.len(),
            largest: sizes[sizes.len() - 1],
            first,
        }
    }

    /// Index of the smallest class of at least `size` bytes; `None` above the largest.
    #[inline(always)]
    pub(crate) fn index(&self, size: usize) -> Option<usize> {
        if size > self.largest {
            return None;
        }
        // Every class holds 2 bytes, so what is below may count as that.
        let bits = usize::BITS - (size.max(2) - 1).leading_zeros();
        let mut index = usize::from(self.first[bits as usize]);
        // Ends: the largest class holds `size`. The mask changes nothing, and spares a bounds check.
        while self.sizes[index % Self::COUNT_MAX] < size {
            index += 1;
        }
        Some(index)
    }

    /// `class`, and those whose idle blocks are lent in its stead rather than that a new one is made: of up to twice its
    /// size, ascending. In waves of mixed sizes that takes a third less memory than a block of each class for its own peak.
    pub(crate) fn substitutes(&self, class: usize) -> Range<usize> {
        let sizes = self.sizes();
        let most = sizes[class].saturating_mul(2);
        let larger = sizes[class + 1..].iter().take_while(|&&size| size <= most);
        class..class + 1 + larger.count()
    }
}

/// From 4 KiB to 1 MiB in steps of 1x and 1.5x: 17 classes.
impl Default for Classes {
    fn default() -> Self {
        Self::down_to(4 * KIB)
    }
}

impl core::fmt::Debug for Classes {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Classes").field(&self.sizes()).finish()
    }
}

#[cfg(all(test, not(buffer_pool_loom)))]
mod tests {
    use super::*;

    #[test]
    fn default_steps() {
        let classes = Classes::default();
        assert_eq!(classes.sizes().len(), 17);
        assert_eq!(&classes.sizes()[..4], [4096, 6144, 8192, 12288]);
        assert_eq!(classes.largest(), 1 << 20);
        assert_eq!(Classes::powers_of_two().sizes().len(), 9);
        assert_eq!(Classes::down_to(64).sizes()[..3], [64, 96, 128]);
        assert_eq!(Classes::down_to(1 << 20).sizes(), [1 << 20]);
    }

    #[test]
    fn index_equals_linear_search() {
        let odd = Classes::custom(&[64, 65, 66, 100, 127, 128, 129, 1000, 5000]).unwrap();
        for classes in [
            Classes::default(),
            Classes::down_to(64),
            Classes::powers_of_two(),
            odd,
        ] {
            let sizes = classes.sizes();
            let near = sizes.iter().flat_map(|&size| size - 2..=size + 2);
            for size in (0..300)
                .chain(near)
                .chain([usize::MAX, usize::MAX / 2, 1 << 40])
            {
                let expected = sizes.iter().position(|&capacity| capacity >= size);
                assert_eq!(classes.index(size), expected, "{size} in {classes:?}");
            }
        }
    }

    #[test]
    fn bad_tables_are_refused() {
        assert_eq!(Classes::custom(&[]), Err(ClassesError::Empty));
        assert_eq!(Classes::custom(&[63]), Err(ClassesError::Size { size: 63 }));
        assert_eq!(
            Classes::custom(&[usize::MAX]),
            Err(ClassesError::Size { size: usize::MAX })
        );
        assert_eq!(
            Classes::custom(&[128, 128]),
            Err(ClassesError::Order {
                before: 128,
                after: 128
            })
        );
        let many: Vec<usize> = (64..64 + 65).collect();
        assert_eq!(
            Classes::custom(&many),
            Err(ClassesError::TooMany { count: 65 })
        );
    }

    #[test]
    #[should_panic(expected = "power of two from 64")]
    fn odd_smallest_class_panics() {
        let _ = Classes::down_to(100);
    }
}

//! The Bloom filter of bits.

use alloc::vec;
use alloc::vec::Vec;

use super::Shape;

/// A Bloom filter (B. H. Bloom, "Space/time trade-offs in hash coding with allowable errors", CACM 13(7), 1970).
///
/// It is made for a number of members and a rate of false positives, and takes ln(1/rate) / ln(2)^2 bits for each of
/// them: 9.6 at 1%. With more members than that the rate rises; a member is never denied.
///
/// Members are hashes, spread over all 64 bits; from each the filter makes as many places as it needs by double
/// hashing.
///
/// ```
/// use cache_policies::BloomFilter;
///
/// let mut filter = BloomFilter::new(1_000, 0.01);
/// assert!(filter.insert(0x9e37_79b9_7f4a_7c15));
/// assert!(!filter.insert(0x9e37_79b9_7f4a_7c15));
/// assert!(filter.contains(0x9e37_79b9_7f4a_7c15));
/// assert!(!filter.contains(0x0123_4567_89ab_cdef));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BloomFilter {
    shape: Shape,
    words: Vec<u64>,
    /// The bits that are set.
    taken: u64,
}

impl BloomFilter {
    /// An empty filter that takes a stranger for a member at this rate once it has this many members.
    ///
    /// # Panics
    /// If the rate is not between 0 and 1.
    #[must_use]
    pub fn new(items: usize, rate: f64) -> Self {
        let shape = Shape::of(items, rate);
        BloomFilter {
            shape,
            words: vec![0; (shape.places / 64) as usize],
            taken: 0,
        }
    }

    /// Adds a hash; whether it was certainly not there. Time in proportion to [`hashes`](BloomFilter::hashes).
    #[inline]
    pub fn insert(&mut self, hash: u64) -> bool {
        let before = self.taken;
        for place in self.shape.places_of(hash) {
            let word = &mut self.words[(place / 64) as usize];
            let bit = 1 << (place % 64);
            self.taken += u64::from(*word & bit == 0);
            *word |= bit;
        }
        self.taken != before
    }

    /// Whether a hash may have been added; if not, it certainly was not.
    #[inline]
    #[must_use]
    pub fn contains(&self, hash: u64) -> bool {
        self.shape
            .places_of(hash)
            .all(|place| self.words[(place / 64) as usize] >> (place % 64) & 1 != 0)
    }

    /// Adds all members of another filter.
    ///
    /// ```
    /// use cache_policies::BloomFilter;
    ///
    /// let (mut one, mut other) = (BloomFilter::new(100, 0.01), BloomFilter::new(100, 0.01));
    /// other.insert(7);
    /// one.union(&other);
    /// assert!(one.contains(7));
    /// ```
    ///
    /// # Panics
    /// If the filters were not made with the same numbers.
    pub fn union(&mut self, other: &BloomFilter) {
        assert!(
            self.shape == other.shape,
            "filters are united that have the same number of bits and of hashes"
        );
        self.taken = 0;
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
            self.taken += u64::from(word.count_ones());
        }
    }

    /// Removes all members. Time in proportion to the bits.
    pub fn clear(&mut self) {
        self.words.fill(0);
        self.taken = 0;
    }

    /// About how many different hashes were added. Constant time.
    #[must_use]
    pub fn estimated_items(&self) -> f64 {
        self.shape.estimated_items(self.taken)
    }

    /// How likely a stranger is taken for a member now, from 0 to 1. Constant time.
    #[must_use]
    pub fn false_positive_rate(&self) -> f64 {
        self.shape.false_positive_rate(self.taken)
    }

    /// The bits of the filter.
    #[must_use]
    pub fn bits(&self) -> u64 {
        self.shape.places
    }

    /// The bits that a member takes.
    #[must_use]
    pub fn hashes(&self) -> u32 {
        self.shape.hashes
    }
}

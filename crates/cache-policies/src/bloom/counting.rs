//! The Bloom filter of counters, from which members can be removed.

use alloc::vec;
use alloc::vec::Vec;

use super::Shape;

/// The most that a counter counts; it stays there.
const COUNT_MAX: u64 = 15;

/// A Bloom filter of 4-bit counters instead of bits, so that members can be removed (L. Fan, P. Cao, J. Almeida,
/// A. Z. Broder, "Summary cache: a scalable wide-area web cache sharing protocol", IEEE/ACM ToN 8(3), 2000).
///
/// Takes four times the memory of a [`BloomFilter`](crate::BloomFilter). A hash that is added twice is to be removed
/// twice. A counter that has reached 15 is never counted down again, as it may stand for more: what shares it stays
/// a little likelier to be taken for a member; in a filter with no more members than it was made for, that
/// happens to one counter in 10^14.
///
/// ```
/// use cache_policies::CountingBloomFilter;
///
/// let mut filter = CountingBloomFilter::new(1_000, 0.01);
/// filter.insert(0x9e37_79b9_7f4a_7c15);
/// assert!(filter.contains(0x9e37_79b9_7f4a_7c15));
/// assert!(filter.remove(0x9e37_79b9_7f4a_7c15));
/// assert!(!filter.contains(0x9e37_79b9_7f4a_7c15));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CountingBloomFilter {
    shape: Shape,
    /// 16 counters in each.
    words: Vec<u64>,
    /// The counters above 0.
    taken: u64,
}

/// The word of a counter, and how far to shift it.
#[inline]
fn counter(place: u64) -> (usize, u64) {
    ((place / 16) as usize, place % 16 * 4)
}

impl CountingBloomFilter {
    /// An empty filter that takes a stranger for a member at this rate once it has this many members.
    ///
    /// # Panics
    /// If the rate is not between 0 and 1.
    #[must_use]
    pub fn new(items: usize, rate: f64) -> Self {
        let shape = Shape::of(items, rate);
        CountingBloomFilter {
            shape,
            words: vec![0; (shape.places / 16) as usize],
            taken: 0,
        }
    }

    /// Adds a hash; whether it was certainly not there. Time in proportion to [`hashes`](CountingBloomFilter::hashes).
    pub fn insert(&mut self, hash: u64) -> bool {
        let before = self.taken;
        for place in self.shape.places_of(hash) {
            let (word, shift) = counter(place);
            let count = self.words[word] >> shift & COUNT_MAX;
            self.taken += u64::from(count == 0);
            self.words[word] += u64::from(count < COUNT_MAX) << shift;
        }
        self.taken != before
    }

    /// Removes a hash that was added before; `false`, and nothing happens, if it certainly was not.
    ///
    /// To remove what was never added, but is taken for a member, damages others: they may be denied from then on.
    pub fn remove(&mut self, hash: u64) -> bool {
        if !self.contains(hash) {
            return false;
        }
        for place in self.shape.places_of(hash) {
            let (word, shift) = counter(place);
            let count = self.words[word] >> shift & COUNT_MAX;
            if count != 0 && count != COUNT_MAX {
                self.words[word] -= 1 << shift;
                self.taken -= u64::from(count == 1);
            }
        }
        true
    }

    /// Whether a hash may be there; if not, it certainly is not.
    #[must_use]
    pub fn contains(&self, hash: u64) -> bool {
        self.shape.places_of(hash).all(|place| {
            let (word, shift) = counter(place);
            self.words[word] >> shift & COUNT_MAX != 0
        })
    }

    /// Removes all members. Time in proportion to the counters.
    pub fn clear(&mut self) {
        self.words.fill(0);
        self.taken = 0;
    }

    /// About how many different hashes are there. Constant time.
    #[must_use]
    pub fn estimated_items(&self) -> f64 {
        self.shape.estimated_items(self.taken)
    }

    /// How likely a stranger is taken for a member now, from 0 to 1. Constant time.
    #[must_use]
    pub fn false_positive_rate(&self) -> f64 {
        self.shape.false_positive_rate(self.taken)
    }

    /// The counters of the filter, of 4 bits each.
    #[must_use]
    pub fn counters(&self) -> u64 {
        self.shape.places
    }

    /// The counters that a member takes.
    #[must_use]
    pub fn hashes(&self) -> u32 {
        self.shape.hashes
    }
}

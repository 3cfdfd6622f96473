//! The Bloom filter that grows.

use alloc::vec::Vec;

use super::BloomFilter;

/// A Bloom filter that keeps its rate of false positives however many members it gets (P. S. Almeida, C. Baquero,
/// N. Preguiça, D. Hutchison, "Scalable Bloom filters", Information Processing Letters 101(6), 2007).
///
/// It is a sequence of filters. Each is made for `growth` times as many members as the one before, and at
/// `tightening` times its rate, the first at `rate * (1 - tightening)`: so the rates of all of them add up to less than
/// `rate`. A hash is added to the last one, and another is made when that is full. A call looks at every filter, of
/// which there are as many as the logarithm of the members.
///
/// ```
/// use cache_policies::ScalableBloomFilter;
///
/// let mut filter = ScalableBloomFilter::new(100, 0.01);
/// for number in 0..10_000_u64 {
///     filter.insert(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
/// }
/// assert!(filter.contains(77_u64.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
/// assert!(filter.filters() > 5);
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct ScalableBloomFilter {
    stages: Vec<Stage>,
    rate: f64,
    tightening: f64,
    growth: usize,
}

/// One filter of the sequence.
#[derive(Clone, PartialEq, Debug)]
struct Stage {
    filter: BloomFilter,
    rate: f64,
    /// The members that it is made for, and those that it has.
    items_max: usize,
    items: usize,
}

impl Stage {
    fn new(items_max: usize, rate: f64) -> Self {
        Stage {
            filter: BloomFilter::new(items_max, rate),
            rate,
            items_max,
            items: 0,
        }
    }
}

impl ScalableBloomFilter {
    /// An empty filter with room for this many members at first, that never takes a stranger for a member at more
    /// than this rate. With the ratios that its paper recommends: a tightening of 0.85 and a growth of 2.
    ///
    /// # Panics
    /// If the rate is not between 0 and 1.
    #[must_use]
    pub fn new(items: usize, rate: f64) -> Self {
        ScalableBloomFilter::with_ratios(items, rate, 0.85, 2)
    }

    /// As [`new`](ScalableBloomFilter::new), with other ratios. A tightening nearer to 1 makes the later filters
    /// smaller and the first larger; more growth makes fewer filters, of which the last is emptier.
    ///
    /// # Panics
    /// If rate or tightening are not between 0 and 1, or the growth is less than 2: filters of one size would be as many as
    /// the members, and not as their logarithm.
    #[must_use]
    pub fn with_ratios(items: usize, rate: f64, tightening: f64, growth: usize) -> Self {
        assert!(
            tightening > 0.0 && tightening < 1.0,
            "the tightening is between 0 and 1"
        );
        assert!(growth >= 2, "the growth is 2 at least");
        assert!(
            rate > 0.0 && rate < 1.0,
            "the rate of false positives is between 0 and 1"
        );
        let first = Stage::new(items.max(1), rate * (1.0 - tightening));
        ScalableBloomFilter {
            stages: Vec::from([first]),
            rate,
            tightening,
            growth,
        }
    }

    /// Adds a hash; whether it was certainly not there.
    pub fn insert(&mut self, hash: u64) -> bool {
        if self.contains(hash) {
            return false;
        }
        let last = &self.stages[self.stages.len() - 1];
        if last.items == last.items_max {
            let items_max = last.items_max.saturating_mul(self.growth);
            let rate = (last.rate * self.tightening).max(f64::MIN_POSITIVE);
            self.stages.push(Stage::new(items_max, rate));
        }
        let at = self.stages.len() - 1;
        let last = &mut self.stages[at];
        last.items += 1;
        last.filter.insert(hash)
    }

    /// Whether a hash may have been added; if not, it certainly was not.
    #[must_use]
    pub fn contains(&self, hash: u64) -> bool {
        let newest_first = self.stages.iter().rev();
        newest_first
            .into_iter()
            .any(|stage| stage.filter.contains(hash))
    }

    /// Removes all members, and all filters but a first one.
    pub fn clear(&mut self) {
        self.stages.truncate(1);
        self.stages[0].filter.clear();
        self.stages[0].items = 0;
    }

    /// About how many different hashes were added.
    #[must_use]
    pub fn estimated_items(&self) -> f64 {
        let items = |stage: &Stage| stage.filter.estimated_items();
        self.stages.iter().map(items).sum()
    }

    /// How likely a stranger is taken for a member now, from 0 to 1.
    #[must_use]
    pub fn false_positive_rate(&self) -> f64 {
        let denied = |stage: &Stage| 1.0 - stage.filter.false_positive_rate();
        1.0 - self.stages.iter().map(denied).product::<f64>()
    }

    /// The rate of false positives that the filter keeps to.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// How many filters there are by now.
    #[must_use]
    pub fn filters(&self) -> usize {
        self.stages.len()
    }

    /// The bits of all filters.
    #[must_use]
    pub fn bits(&self) -> u64 {
        self.stages.iter().map(|stage| stage.filter.bits()).sum()
    }
}

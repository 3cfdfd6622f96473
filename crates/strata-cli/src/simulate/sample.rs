//! Spatial sampling: some of the keys, all of their requests.

use std::fmt;
use std::str::FromStr;

use super::access::mix;
use super::feed::Totals;
use super::simulator::Counts;

/// Which keys belong to the sample: those whose hash is below a threshold, so that a key is in it with all of its requests or with
/// none.
///
/// The filter and the correction are those of SHARDS (Waldspurger, Park, Garthwaite, Ahmad: "Efficient MRC Construction with
/// SHARDS", FAST 2015): the sample has `rate * requests` requests on average, and what it has more or less is taken for hits
/// (SHARDS-adj), because it comes from keys that are asked for all the time. So the misses of the whole trace are those of
/// the sample divided by the rate. The sizes of the caches are scaled down by the rate as well, as in "Cache Modeling and
/// Optimization using Miniature Simulations" (Waldspurger, Saemundsson, Ahmad, Park, ATC 2017), which makes it work for
/// every policy.
///
/// ```
/// use strata_cli::simulate::Sample;
///
/// let sample: Sample = "1%".parse()?;
/// assert_eq!(sample.rate(), 0.01);
/// let held = (0..100_000).filter(|key| sample.holds(*key)).count();
/// assert!((900..1100).contains(&held));
/// # Ok::<(), strata_cli::simulate::SampleError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    rate: f64,
    /// Keys with a hash below it are in the sample.
    threshold: u64,
}

/// Tells the choice of the sample from the hashes that policies see: those must be spread over all 64 bits in a sample too.
const SALT: u64 = 0x9e37_79b9_7f4a_7c15;

impl Sample {
    /// The fewest objects of the sample that a simulated cache must hold: with fewer, the counts say little about the full size.
    pub const RESIDENT_MIN: u64 = 100;

    /// A sample of this share of the keys; `None` unless it is above 0 and below 1.
    #[must_use]
    pub fn new(rate: f64) -> Option<Self> {
        let threshold = (rate * 2_f64.powi(64)) as u64;
        (rate < 1.0 && threshold > 0).then_some(Self { rate, threshold })
    }

    /// The share of the keys.
    #[must_use]
    pub fn rate(self) -> f64 {
        self.rate
    }

    /// Whether the key is in the sample.
    #[inline]
    #[must_use]
    pub fn holds(self, key: u64) -> bool {
        mix(mix(key).wrapping_add(SALT)) < self.threshold
    }

    /// The size that stands for this one, at least 1.
    #[must_use]
    pub fn scaled(self, capacity: u64) -> u64 {
        ((capacity as f64 * self.rate).round() as u64).max(1)
    }

    /// The smallest number of objects that may be simulated with this sample.
    #[must_use]
    pub fn capacity_min(self) -> u64 {
        (Self::RESIDENT_MIN as f64 / self.rate).ceil() as u64
    }

    /// A count of the sample as one of the whole, which is no more than `whole`.
    #[must_use]
    pub(super) fn whole(self, count: u64, whole: u64) -> u64 {
        ((count as f64 / self.rate).round() as u64).min(whole)
    }

    /// How far the miss ratio is likely to be off: the square root of two variances.
    ///
    /// One is that of the choice of keys. Each key is in the sample by a coin of its own, so that `misses / rate` is a Horvitz-Thompson
    /// estimate, its variance `(1 - rate) / rate^2 * (the sum of the squared misses of each sampled key)`. The other is that of
    /// how many keys share the scaled cache: with room for n of them that makes about `1 / sqrt(n)` of the size, and where the hit
    /// ratio grows ever slower with the size, a hit ratio h moves by no more than h times that. On the traces of `tests/it/simulate_sample.rs`,
    /// the errors are about this large on the whole, and at most 4 times.
    #[must_use]
    pub fn expected_error(self, counts: &Counts, totals: &Totals) -> f64 {
        let (requests, rest) = (totals.requests as f64, 1.0 - self.rate);
        let keys = (rest * counts.missed_squares as f64).sqrt() / self.rate / requests;
        let hits = 1.0 - (counts.misses as f64 / self.rate / requests).min(1.0);
        let size = hits * (rest / counts.resident_max.max(1) as f64).sqrt();
        keys.hypot(size)
    }
}

impl FromStr for Sample {
    type Err = SampleError;

    fn from_str(text: &str) -> Result<Self, SampleError> {
        let refused = || SampleError(text.to_owned());
        let rate = match text.trim().strip_suffix('%') {
            Some(percent) => percent.parse::<f64>().map_err(|_| refused())? / 100.0,
            None => text.trim().parse().map_err(|_| refused())?,
        };
        Self::new(rate).ok_or_else(refused)
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.rate)
    }
}

/// Why a text is no rate of sampling.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no rate: give a share of the keys above 0 and below 1, such as 0.01 or 1%")]
pub struct SampleError(String);

//! Generated request sequences: zipf, scan, loop and mixed; seeded and streaming.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use clap::ValueEnum;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Zipf};
use thiserror::Error;

use super::Request;

/// The most keys a workload ranges over: ranks are drawn as `f64`, which is exact up to here.
pub const KEYS_MAX: u64 = 1 << 52;

/// How a generated workload chooses its keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, ValueEnum)]
#[non_exhaustive]
pub enum Pattern {
    /// Independent draws, the key of rank `r` with a probability proportional to `1 / r^skew`.
    Zipf,
    /// Every request is for a key never asked for before: no cache can hit.
    Scan,
    /// The keys in turn, over and over: a cache smaller than the loop that evicts the least recent never hits.
    Loop,
    /// Zipf traffic over half of the keys, interrupted by stretches of a loop over a quarter of them and by scans of
    /// keys that never return.
    Mixed,
}

impl Pattern {
    /// Every pattern, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Zipf, Self::Scan, Self::Loop, Self::Mixed];

    /// The name that [`FromStr`] accepts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Zipf => "zipf",
            Self::Scan => "scan",
            Self::Loop => "loop",
            Self::Mixed => "mixed",
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Pattern {
    type Err = WorkloadError;

    fn from_str(name: &str) -> Result<Self, WorkloadError> {
        let found = Self::ALL.into_iter().find(|pattern| pattern.name() == name);
        found.ok_or_else(|| WorkloadError::Pattern {
            name: name.to_owned(),
        })
    }
}

/// Why a workload cannot be generated.
#[derive(Clone, PartialEq, Debug, Error)]
#[non_exhaustive]
pub enum WorkloadError {
    /// No pattern has this name.
    #[error("unknown workload '{name}': use zipf, scan, loop or mixed")]
    Pattern {
        /// What was asked for.
        name: String,
    },
    /// Too few or too many keys.
    #[error("{keys} keys: a {pattern} workload takes {min} to {KEYS_MAX}")]
    Keys {
        /// What was asked for.
        keys: u64,
        /// The pattern it was asked of.
        pattern: Pattern,
        /// The least that this pattern takes.
        min: u64,
    },
    /// The exponent is negative, infinite or not a number.
    #[error("skew {skew}: use a number from 0 (uniform) to 10")]
    Skew {
        /// What was asked for.
        skew: f64,
    },
    /// The range of sizes is empty.
    #[error("sizes {min}..{max}: the first must not exceed the second")]
    Sizes {
        /// The smallest size asked for.
        min: u32,
        /// The largest size asked for.
        max: u32,
    },
}

/// A description of a request sequence; [`Workload::generate`] streams it.
///
/// The same description gives the same sequence each time. Memory does not grow with the number of keys or requests.
///
/// ```
/// use strata_cli::trace::generate::{Pattern, Workload};
///
/// let workload = Workload::new(Pattern::Zipf).keys(1_000).skew(0.99).requests(10_000).seed(7);
/// let keys: Vec<u64> = workload.generate()?.map(|request| request.key).collect();
/// assert_eq!(keys.len(), 10_000);
/// assert!(keys.iter().all(|&key| key < 1_000));
/// # Ok::<(), strata_cli::trace::generate::WorkloadError>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Workload {
    pattern: Pattern,
    keys: u64,
    skew: f64,
    requests: u64,
    sizes: RangeInclusive<u32>,
    seed: u64,
}

impl Workload {
    /// A workload of a million requests over 100,000 keys, skew 0.99, each of size 1, seed 0.
    #[must_use]
    pub fn new(pattern: Pattern) -> Self {
        Self {
            pattern,
            keys: 100_000,
            skew: 0.99,
            requests: 1_000_000,
            sizes: 1..=1,
            seed: 0,
        }
    }

    /// The number of keys that requests return to: `0..keys`. A scan has no such keys, and the scans of a mixed
    /// workload use keys from `keys` on.
    #[must_use]
    pub fn keys(mut self, keys: u64) -> Self {
        self.keys = keys;
        self
    }

    /// The exponent of the Zipf distribution: 0 is uniform, 0.99 the classic of key-value benchmarks.
    #[must_use]
    pub fn skew(mut self, skew: f64) -> Self {
        self.skew = skew;
        self
    }

    /// The number of requests.
    #[must_use]
    pub fn requests(mut self, requests: u64) -> Self {
        self.requests = requests;
        self
    }

    /// The range of object sizes in bytes; a key has one size, drawn uniformly by key and seed.
    #[must_use]
    pub fn sizes(mut self, sizes: RangeInclusive<u32>) -> Self {
        self.sizes = sizes;
        self
    }

    /// What every draw depends on.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The requests of this workload, one at a time.
    ///
    /// # Errors
    /// No keys (a mixed workload needs 4), more than [`KEYS_MAX`], a skew outside 0 to 10, or an empty range of sizes.
    pub fn generate(&self) -> Result<Generated, WorkloadError> {
        let (min, max) = (*self.sizes.start(), *self.sizes.end());
        if min > max {
            return Err(WorkloadError::Sizes { min, max });
        }
        let keys_min = if self.pattern == Pattern::Mixed { 4 } else { 1 };
        if self.keys < keys_min || self.keys > KEYS_MAX {
            return Err(WorkloadError::Keys {
                keys: self.keys,
                pattern: self.pattern,
                min: keys_min,
            });
        }
        if !(0.0..=10.0).contains(&self.skew) {
            return Err(WorkloadError::Skew { skew: self.skew });
        }
        let skewed = |keys| Skewed::new(keys, self.skew);
        let choice = match self.pattern {
            Pattern::Zipf => Choice::Zipf(skewed(self.keys)?),
            Pattern::Scan => Choice::Scan { next: 0 },
            Pattern::Loop => Choice::Loop {
                keys: self.keys,
                next: 0,
            },
            Pattern::Mixed => Choice::Mixed(Mixture::new(skewed(self.keys / 2)?, self.keys)),
        };
        Ok(Generated {
            choice,
            random: Xoshiro256PlusPlus::seed_from_u64(self.seed),
            sizes: Sizes {
                min,
                max,
                seed: self.seed,
            },
            position: 0,
            requests: self.requests,
        })
    }
}

/// The requests of a [`Workload`]: an endless supply cut off after the number asked for.
///
/// `time` counts requests (it stays at its maximum once reached); `next` is unknown, hence `None`.
#[derive(Clone, Debug)]
pub struct Generated {
    choice: Choice,
    random: Xoshiro256PlusPlus,
    sizes: Sizes,
    position: u64,
    requests: u64,
}

impl Iterator for Generated {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        if self.position == self.requests {
            return None;
        }
        let key = self.choice.key(&mut self.random);
        let time = u32::try_from(self.position).unwrap_or(u32::MAX);
        self.position += 1;
        Some(Request {
            time,
            key,
            size: self.sizes.of(key),
            next: None,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.requests - self.position);
        (left.unwrap_or(usize::MAX), left.ok())
    }
}

/// The state of a pattern between two requests.
#[derive(Clone, Debug)]
enum Choice {
    Zipf(Skewed),
    Scan { next: u64 },
    Loop { keys: u64, next: u64 },
    Mixed(Mixture),
}

impl Choice {
    fn key(&mut self, random: &mut Xoshiro256PlusPlus) -> u64 {
        match self {
            Self::Zipf(skewed) => skewed.key(random),
            Self::Scan { next } => {
                *next += 1;
                *next - 1
            }
            Self::Loop { keys, next } => {
                let key = *next;
                *next = if key + 1 == *keys { 0 } else { key + 1 };
                key
            }
            Self::Mixed(mixture) => mixture.key(random),
        }
    }
}

/// Zipf-distributed keys whose popularity has nothing to do with their order.
#[derive(Clone, Debug)]
struct Skewed {
    ranks: Zipf<f64>,
    keys: u64,
    /// Coprime to `keys`, so that multiplying by it modulo `keys` is a permutation of the ranks.
    stride: u64,
}

impl Skewed {
    fn new(keys: u64, skew: f64) -> Result<Self, WorkloadError> {
        let ranks = Zipf::new(keys as f64, skew).map_err(|_| WorkloadError::Skew { skew })?;
        // Near the golden section, neighbouring ranks land far apart.
        let mut stride = ((keys as f64 * 0.618_033_988_749_895) as u64).max(1);
        while greatest_common_divisor(stride, keys) != 1 {
            stride += 1;
        }
        Ok(Self {
            ranks,
            keys,
            stride,
        })
    }

    fn key(&self, random: &mut Xoshiro256PlusPlus) -> u64 {
        let rank = (self.ranks.sample(random) as u64).clamp(1, self.keys) - 1;
        let scattered = u128::from(rank) * u128::from(self.stride) % u128::from(self.keys);
        scattered as u64
    }
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// What a mixed workload is in the middle of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stretch {
    Zipf,
    Loop,
    Scan,
}

/// Stretches of zipf, loop and scan after one another: 70, 20 and 10 % of the requests.
#[derive(Clone, Debug)]
struct Mixture {
    skewed: Skewed,
    stretch: Stretch,
    /// Requests left in this stretch.
    left: u32,
    /// The first key of the loop, which follows the skewed ones, and the one past its last.
    loop_start: u64,
    loop_end: u64,
    loop_next: u64,
    /// The next key that has never been asked for.
    scan_next: u64,
}

impl Mixture {
    fn new(skewed: Skewed, keys: u64) -> Self {
        let loop_start = keys / 2;
        Self {
            skewed,
            stretch: Stretch::Zipf,
            left: 0,
            loop_start,
            loop_end: loop_start + keys / 4,
            loop_next: loop_start,
            scan_next: keys,
        }
    }

    fn key(&mut self, random: &mut Xoshiro256PlusPlus) -> u64 {
        if self.left == 0 {
            let draw: u32 = random.random_range(0..10);
            self.stretch = match draw {
                0..7 => Stretch::Zipf,
                7..9 => Stretch::Loop,
                _ => Stretch::Scan,
            };
            self.left = random.random_range(50..=150);
        }
        self.left -= 1;
        match self.stretch {
            Stretch::Zipf => self.skewed.key(random),
            Stretch::Loop => {
                let key = self.loop_next;
                self.loop_next = if key + 1 == self.loop_end {
                    self.loop_start
                } else {
                    key + 1
                };
                key
            }
            Stretch::Scan => {
                self.scan_next += 1;
                self.scan_next - 1
            }
        }
    }
}

/// The size of each key.
#[derive(Clone, Debug)]
struct Sizes {
    min: u32,
    max: u32,
    seed: u64,
}

impl Sizes {
    fn of(&self, key: u64) -> u32 {
        let span = u64::from(self.max - self.min) + 1;
        self.min + (scramble(key ^ self.seed.rotate_left(32)) % span) as u32
    }
}

/// A bijection of 64-bit words whose output bits each depend on all input bits (the finalizer of SplitMix64).
pub(crate) fn scramble(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(workload: &Workload) -> Vec<u64> {
        workload
            .generate()
            .expect("a valid workload")
            .map(|request| request.key)
            .collect()
    }

    #[test]
    fn a_seed_gives_the_same_requests_each_time() {
        let workload = Workload::new(Pattern::Mixed)
            .keys(1000)
            .requests(5000)
            .sizes(100..=200);
        let again: Vec<Request> = workload.generate().expect("valid").collect();
        assert!(workload.generate().expect("valid").eq(again));
        assert_ne!(keys(&workload), keys(&workload.clone().seed(1)));
        // Written down: whoever changes the sequence changes the figures of everybody who measured with it.
        let zipf = Workload::new(Pattern::Zipf)
            .keys(1_000_000)
            .requests(6)
            .seed(42);
        assert_eq!(
            keys(&zipf),
            [66_789, 75_588, 984_027, 236_066, 562_297, 297_129]
        );
    }

    #[test]
    fn zipf_draws_match_the_exact_probabilities() {
        const KEYS: u64 = 50;
        const DRAWS: u64 = 400_000;
        for skew in [0.0, 0.5, 0.99, 1.0, 1.3] {
            let workload = Workload::new(Pattern::Zipf)
                .keys(KEYS)
                .skew(skew)
                .requests(DRAWS)
                .seed(3);
            let mut counts = vec![0_u64; KEYS as usize];
            for key in keys(&workload) {
                counts[key as usize] += 1;
            }
            counts.sort_unstable_by(|a, b| b.cmp(a));
            let weights: Vec<f64> = (1..=KEYS).map(|rank| (rank as f64).powf(-skew)).collect();
            let total: f64 = weights.iter().sum();
            for (rank, (&count, weight)) in counts.iter().zip(weights).enumerate() {
                let expected = DRAWS as f64 * weight / total;
                // Five standard deviations; sorting moves near-equal counts a little within that.
                let off = (count as f64 - expected).abs() / expected.sqrt();
                assert!(
                    off < 5.0,
                    "skew {skew} rank {rank}: {count} drawn, {expected:.0} expected"
                );
            }
        }
    }

    #[test]
    fn the_most_popular_keys_are_not_neighbours() {
        let skewed = Skewed::new(1000, 0.99).expect("valid");
        let mut scattered: Vec<u64> = (0..1000).map(|rank| rank * skewed.stride % 1000).collect();
        assert!(
            scattered
                .windows(2)
                .all(|pair| pair[0].abs_diff(pair[1]) > 100)
        );
        scattered.sort_unstable();
        assert!(scattered.into_iter().eq(0..1000));
    }

    #[test]
    fn a_scan_never_returns_and_a_loop_always_does() {
        let scan = Workload::new(Pattern::Scan).keys(10).requests(1000);
        assert!(keys(&scan).into_iter().eq(0..1000));
        let around = Workload::new(Pattern::Loop).keys(7).requests(1000);
        assert!(
            keys(&around)
                .into_iter()
                .eq((0..1000).map(|position| position % 7))
        );
    }

    #[test]
    fn a_mixture_has_its_shares() {
        let workload = Workload::new(Pattern::Mixed).keys(4000).requests(1_000_000);
        let (mut skewed, mut looped, mut scanned) = (0_u32, 0_u32, 0_u32);
        let mut scan_next = 4000;
        for key in keys(&workload) {
            match key {
                0..2000 => skewed += 1,
                2000..3000 => looped += 1,
                _ => {
                    assert_eq!(key, scan_next, "a scanned key comes once, in order");
                    scan_next += 1;
                    scanned += 1;
                }
            }
        }
        for (share, wanted) in [(skewed, 700_000), (looped, 200_000), (scanned, 100_000)] {
            assert!(
                share.abs_diff(wanted) < 20_000,
                "{skewed} {looped} {scanned}"
            );
        }
    }

    #[test]
    fn a_key_keeps_its_size() {
        let workload = Workload::new(Pattern::Zipf)
            .keys(100)
            .requests(10_000)
            .sizes(10..=1000);
        let mut sizes = std::collections::HashMap::new();
        for request in workload.generate().expect("valid") {
            assert!((10..=1000).contains(&request.size));
            assert_eq!(
                *sizes.entry(request.key).or_insert(request.size),
                request.size
            );
        }
        assert!(sizes.len() > 90);
    }

    #[test]
    fn one_key_and_the_smallest_mixture_work() {
        for pattern in Pattern::ALL {
            let keys_min = if pattern == Pattern::Mixed { 4 } else { 1 };
            assert_eq!(
                keys(&Workload::new(pattern).keys(keys_min).requests(500)).len(),
                500
            );
        }
    }

    #[test]
    fn what_cannot_be_generated_is_refused() {
        let zipf = Workload::new(Pattern::Zipf);
        let refused = |workload: Workload| workload.generate().expect_err("refused");
        assert!(matches!(
            refused(zipf.clone().keys(0)),
            WorkloadError::Keys { keys: 0, .. }
        ));
        assert!(matches!(
            refused(zipf.clone().keys(u64::MAX)),
            WorkloadError::Keys { .. }
        ));
        for skew in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(
                refused(zipf.clone().skew(skew)),
                WorkloadError::Skew { .. }
            ));
        }
        #[expect(
            clippy::reversed_empty_ranges,
            reason = "the reversed range is the test"
        )]
        let reversed = zipf.sizes(2..=1);
        assert_eq!(refused(reversed), WorkloadError::Sizes { min: 2, max: 1 });
        assert!("zipfian".parse::<Pattern>().is_err());
    }
}

//! Generated request sequences: zipf, scan, loop and mixed; seeded and streaming.

mod choice;

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use clap::ValueEnum;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use thiserror::Error;

use choice::{Choice, Mixture, Skewed};

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
mod tests;

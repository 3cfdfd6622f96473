//! The next key of a generated workload, by pattern.

use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;
use rand_distr::{Distribution, Zipf};

use super::WorkloadError;

/// The state of a pattern between two requests.
#[derive(Clone, Debug)]
pub(super) enum Choice {
    Zipf(Skewed),
    Scan { next: u64 },
    Loop { keys: u64, next: u64 },
    Mixed(Mixture),
}

impl Choice {
    pub(super) fn key(&mut self, random: &mut Xoshiro256PlusPlus) -> u64 {
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
pub(super) struct Skewed {
    ranks: Zipf<f64>,
    keys: u64,
    /// Coprime to `keys`, so that multiplying by it modulo `keys` is a permutation of the ranks.
    pub(super) stride: u64,
}

impl Skewed {
    pub(super) fn new(keys: u64, skew: f64) -> Result<Self, WorkloadError> {
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
pub(super) struct Mixture {
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
    pub(super) fn new(skewed: Skewed, keys: u64) -> Self {
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

//! The parameters of LHD.

use alloc::string::{String, ToString};

use crate::any::{Parameter, Parameters};
use crate::error::ConfigError;
use crate::eviction::random::SEED;
use crate::sample::SAMPLE;

/// The parameters of [`Lhd`](crate::Lhd).
///
/// ```
/// use cache_policies::{AnyConfig, LhdConfig};
///
/// let config = LhdConfig::default().with_interval(50_000).with_seed(7);
/// assert_eq!(AnyConfig::from(config).to_string(), "lhd:interval=50000,seed=7");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LhdConfig {
    sample: u16,
    interval: u32,
    seed: u64,
}

impl Default for LhdConfig {
    fn default() -> Self {
        LhdConfig {
            sample: 32,
            interval: 1 << 20,
            seed: 0,
        }
    }
}

impl LhdConfig {
    /// How many entries an eviction chooses among, drawn with replacement: 1 to 1,024, 32 unless set.
    #[must_use]
    pub fn with_sample(mut self, sample: u16) -> Self {
        self.sample = sample;
        self
    }

    /// After how many requests the hit densities are learned anew: at least 1, 2^20 unless set.
    #[must_use]
    pub fn with_interval(mut self, requests: u32) -> Self {
        self.interval = requests;
        self
    }

    /// What the lots are drawn from: policies with the same seed and the same calls evict the same. 0 unless set.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many entries an eviction chooses among.
    #[must_use]
    pub fn sample(&self) -> u16 {
        self.sample
    }

    /// After how many requests the hit densities are learned anew.
    #[must_use]
    pub fn interval(&self) -> u32 {
        self.interval
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

const INTERVAL: Parameter = Parameter {
    name: "interval",
    expected: "a number of requests from 1 to 2^32 - 1",
};

impl Parameters for LhdConfig {
    const POLICY: &'static str = "lhd";
    const KNOWN: &'static [Parameter] = &[SAMPLE, INTERVAL, SEED];

    fn value(&self, parameter: &Parameter) -> String {
        match parameter.name {
            "sample" => self.sample.to_string(),
            "interval" => self.interval.to_string(),
            _ => self.seed.to_string(),
        }
    }

    fn set(&mut self, parameter: &Parameter, value: &str) -> Option<()> {
        match parameter.name {
            "sample" => self.sample = value.parse().ok()?,
            "interval" => self.interval = value.parse().ok()?,
            _ => self.seed = value.parse().ok()?,
        }
        Some(())
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.require((1..=1_024).contains(&self.sample), &SAMPLE)?;
        self.require(self.interval >= 1, &INTERVAL)
    }
}

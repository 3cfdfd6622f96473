//! The parameters of `duel`.

use alloc::string::{String, ToString};

use super::mode::DuelMode;
use crate::any::{Choice, Parameter, Parameters};
use crate::error::ConfigError;

/// The parameters of [`Duel`](crate::Duel).
///
/// ```
/// use cache_policies::{Duel, DuelConfig, DuelMode, Policy};
///
/// let config = DuelConfig::default().with_seed(7).with_start(DuelMode::Mixed);
/// assert_eq!((config.seed(), config.rate(), config.start()), (7, 0.5, DuelMode::Mixed));
/// assert!(Duel::new(100, &config).is_ok());
/// ```
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct DuelConfig {
    seed: u64,
    rate: f64,
    start: DuelMode,
}

impl Default for DuelConfig {
    fn default() -> Self {
        DuelConfig {
            seed: 0,
            rate: 0.5,
            start: DuelMode::Recency,
        }
    }
}

impl DuelConfig {
    /// What decides which keys are sampled, and what lots are drawn from. 0 by default. Who knows it and can choose the hashes of
    /// keys can steer the vote: where hashes are not seeded and keys come from others, it should be random.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        DuelConfig { seed, ..self }
    }

    /// The most keys that are sampled, as a share of all, above 0 and up to 1. 0.5 by default, which is what caches of up to 64
    /// entries have; those of 128 sample 0.25, and larger ones fewer, down to 1 in 48 from 2,688 entries on. A lower one
    /// costs less time and tells modes apart less well.
    #[must_use]
    pub fn with_rate(self, rate: f64) -> Self {
        DuelConfig { rate, ..self }
    }

    /// The first mode. [`DuelMode::Recency`] by default.
    #[must_use]
    pub fn with_start(self, start: DuelMode) -> Self {
        DuelConfig { start, ..self }
    }

    /// See [`with_seed`](DuelConfig::with_seed).
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// See [`with_rate`](DuelConfig::with_rate).
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// See [`with_start`](DuelConfig::with_start).
    #[must_use]
    pub fn start(&self) -> DuelMode {
        self.start
    }
}

const SEED: Parameter = Parameter {
    name: "seed",
    expected: "a number from 0 to 18446744073709551615",
};
const RATE: Parameter = Parameter {
    name: "rate",
    expected: "a share of the keys above 0, up to 1",
};
const START: Parameter = Parameter {
    name: "start",
    expected: DuelMode::EXPECTED,
};

impl Parameters for DuelConfig {
    const POLICY: &'static str = "duel";
    const KNOWN: &'static [Parameter] = &[SEED, RATE, START];

    fn value(&self, parameter: &Parameter) -> String {
        match parameter.name {
            "seed" => self.seed.to_string(),
            "rate" => self.rate.to_string(),
            _ => self.start.name().to_string(),
        }
    }

    fn set(&mut self, parameter: &Parameter, value: &str) -> Option<()> {
        match parameter.name {
            "seed" => self.seed = value.parse().ok()?,
            "rate" => self.rate = value.parse().ok()?,
            _ => self.start = Choice::named(value)?,
        }
        Some(())
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.require(self.rate > 0.0 && self.rate <= 1.0, &RATE)
    }
}

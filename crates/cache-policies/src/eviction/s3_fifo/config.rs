//! The parameters of S3-FIFO.

use alloc::string::{String, ToString};

use crate::any::{Choice, Named, Parameter, Parameters, choice};
use crate::error::ConfigError;

/// Where [`S3Fifo`](crate::S3Fifo) puts new entries once its small queue is full, while nothing has been evicted yet. A
/// victim that was only named, by [`Policy::victim`](crate::Policy::victim), counts as evicted.
///
/// ```
/// use cache_policies::{S3FifoConfig, WarmUp};
///
/// let as_in_the_paper = S3FifoConfig::default().with_warm_up(WarmUp::Small);
/// assert_ne!(as_in_the_paper, S3FifoConfig::default());
/// ```
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum WarmUp {
    /// Into the main queue: the shares hold from the first eviction on. As the authors' simulator has it since the
    /// paper.
    #[default]
    Main,
    /// Into the small queue, as in the paper.
    Small,
}

/// What [`S3Fifo`](crate::S3Fifo) remembers of a key that left.
///
/// ```
/// use cache_policies::{AnyConfig, GhostKind, S3FifoConfig};
///
/// let small: AnyConfig = S3FifoConfig::default().with_ghost_kind(GhostKind::Prints).into();
/// assert_eq!(small, "s3-fifo:ghost-kind=prints".parse()?);
/// # Ok::<(), cache_policies::ParseConfigError>(())
/// ```
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum GhostKind {
    /// 40 bits of its hash, its weight, and its turn among all that left: it is forgotten exactly when it should be. Less than
    /// 8 bytes a key.
    #[default]
    Exact,
    /// 16 bits of its hash, in the order of those that share a cache line with it: it is forgotten a fifth too soon or too late,
    /// give or take, and one miss in 2,000 is taken for one of a key that left. The weights of those that left do not count:
    /// there are as many as would have the weight of the ghost if they weighed what resident entries do. 2 to 4 bytes a key,
    /// and less work than an exact one. The hit ratio stays what it is, up to a tenth of a percentage point, or is better.
    Prints,
}

/// The parameters of [`S3Fifo`](crate::S3Fifo).
///
/// ```
/// use cache_policies::{Policy, S3Fifo, S3FifoConfig};
///
/// let config = S3FifoConfig::default().with_small(0.2).with_threshold(1);
/// assert_eq!((config.small(), config.threshold(), config.ghost()), (0.2, 1, 0.9));
/// assert!(S3Fifo::new(100, &config).is_ok());
/// ```
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct S3FifoConfig {
    small: f64,
    threshold: u8,
    ghost: f64,
    warm_up: WarmUp,
    skip: f64,
    chances: u8,
    ghost_kind: GhostKind,
}

impl Default for S3FifoConfig {
    fn default() -> Self {
        S3FifoConfig {
            small: 0.1,
            threshold: 2,
            ghost: 0.9,
            warm_up: WarmUp::Main,
            skip: 0.0,
            chances: 3,
            ghost_kind: GhostKind::Exact,
        }
    }
}

impl S3FifoConfig {
    /// Clock2Q+ (Y. Zhai and others, "Clock2Q+: a simple and efficient replacement algorithm for metadata cache in VMware
    /// vSAN", VLDB 2026): one hit in the small queue is enough, but not in the newer half of it, where hits belong to
    /// the request that inserted the entry; the main queue is a plain CLOCK; the ghost holds half the capacity. As a
    /// text it is named `clock2q+`.
    ///
    /// The authors' program in libCacheSim has a ghost of 0.9 by default; with that, misses are the same.
    ///
    /// ```
    /// use cache_policies::{AnyConfig, S3FifoConfig};
    ///
    /// let config: AnyConfig = S3FifoConfig::clock2q_plus().into();
    /// assert_eq!(config, "clock2q+".parse()?);
    /// assert_eq!(config, "s3-fifo:threshold=1,ghost=0.5,skip=0.5,chances=1".parse()?);
    /// # Ok::<(), cache_policies::ParseConfigError>(())
    /// ```
    #[must_use]
    pub fn clock2q_plus() -> Self {
        S3FifoConfig {
            threshold: 1,
            ghost: 0.5,
            skip: 0.5,
            chances: 1,
            ..S3FifoConfig::default()
        }
    }

    /// The small queue's share of the capacity, from 0 to 1, rounded down to a whole weight. 0.1 by default.
    #[must_use]
    pub fn with_small(self, small: f64) -> Self {
        S3FifoConfig { small, ..self }
    }

    /// How many hits in the small queue bring an entry into the main one, from 1 to 31. 2 by default.
    #[must_use]
    pub fn with_threshold(self, threshold: u8) -> Self {
        S3FifoConfig { threshold, ..self }
    }

    /// The weight of the departed keys that are remembered, as a share of the capacity from 0 to 16. 0.9 by default.
    #[must_use]
    pub fn with_ghost(self, ghost: f64) -> Self {
        S3FifoConfig { ghost, ..self }
    }

    /// What happens before the first eviction. [`WarmUp::Main`] by default.
    #[must_use]
    pub fn with_warm_up(self, warm_up: WarmUp) -> Self {
        S3FifoConfig { warm_up, ..self }
    }

    /// The share of the small queue, from 0 to 1, in which hits count for nothing: they are skipped until as much weight
    /// has been inserted into that queue after the entry, rounded up. 0 by default.
    #[must_use]
    pub fn with_skip(self, skip: f64) -> Self {
        S3FifoConfig { skip, ..self }
    }

    /// How many turns of the main queue an entry outlives at most without another hit, from 1 to 31. 3 by default: a 2-bit
    /// CLOCK.
    #[must_use]
    pub fn with_chances(self, chances: u8) -> Self {
        S3FifoConfig { chances, ..self }
    }

    /// What is remembered of the departed keys. [`GhostKind::Exact`] by default.
    #[must_use]
    pub fn with_ghost_kind(self, ghost_kind: GhostKind) -> Self {
        S3FifoConfig { ghost_kind, ..self }
    }

    /// See [`S3FifoConfig::with_small`].
    #[must_use]
    pub fn small(&self) -> f64 {
        self.small
    }

    /// See [`S3FifoConfig::with_threshold`].
    #[must_use]
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// See [`S3FifoConfig::with_ghost`].
    #[must_use]
    pub fn ghost(&self) -> f64 {
        self.ghost
    }

    /// See [`S3FifoConfig::with_warm_up`].
    #[must_use]
    pub fn warm_up(&self) -> WarmUp {
        self.warm_up
    }

    /// See [`S3FifoConfig::with_skip`].
    #[must_use]
    pub fn skip(&self) -> f64 {
        self.skip
    }

    /// See [`S3FifoConfig::with_chances`].
    #[must_use]
    pub fn chances(&self) -> u8 {
        self.chances
    }

    /// See [`S3FifoConfig::with_ghost_kind`].
    #[must_use]
    pub fn ghost_kind(&self) -> GhostKind {
        self.ghost_kind
    }
}

choice!(GhostKind: Exact = "exact" or Prints = "prints");
choice!(WarmUp: Main = "main" or Small = "small");

const SMALL: Parameter = Parameter {
    name: "small",
    expected: "a share of the capacity from 0 to 1",
};
const THRESHOLD: Parameter = Parameter {
    name: "threshold",
    expected: "a number of hits from 1 to 31",
};
const GHOST: Parameter = Parameter {
    name: "ghost",
    expected: "a share of the capacity from 0 to 16",
};
const WARM_UP: Parameter = Parameter {
    name: "warm-up",
    expected: WarmUp::EXPECTED,
};
const SKIP: Parameter = Parameter {
    name: "skip",
    expected: "a share of the small queue from 0 to 1",
};
const CHANCES: Parameter = Parameter {
    name: "chances",
    expected: "a number of turns from 1 to 31",
};
const GHOST_KIND: Parameter = Parameter {
    name: "ghost-kind",
    expected: GhostKind::EXPECTED,
};

impl Parameters for S3FifoConfig {
    const POLICY: &'static str = "s3-fifo";
    const KNOWN: &'static [Parameter] =
        &[SMALL, THRESHOLD, GHOST, WARM_UP, SKIP, CHANCES, GHOST_KIND];
    const NAMED: &'static [Named<Self>] = &[("clock2q+", S3FifoConfig::clock2q_plus)];

    fn value(&self, parameter: &Parameter) -> String {
        match parameter.name {
            "small" => self.small.to_string(),
            "threshold" => self.threshold.to_string(),
            "ghost" => self.ghost.to_string(),
            "skip" => self.skip.to_string(),
            "chances" => self.chances.to_string(),
            "ghost-kind" => self.ghost_kind.name().to_string(),
            _ => self.warm_up.name().to_string(),
        }
    }

    fn set(&mut self, parameter: &Parameter, value: &str) -> Option<()> {
        match parameter.name {
            "small" => self.small = value.parse().ok()?,
            "threshold" => self.threshold = value.parse().ok()?,
            "ghost" => self.ghost = value.parse().ok()?,
            "skip" => self.skip = value.parse().ok()?,
            "chances" => self.chances = value.parse().ok()?,
            "ghost-kind" => self.ghost_kind = Choice::named(value)?,
            _ => self.warm_up = Choice::named(value)?,
        }
        Some(())
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.require((0.0..=1.0).contains(&self.small), &SMALL)?;
        self.require((1..=31).contains(&self.threshold), &THRESHOLD)?;
        self.require((0.0..=16.0).contains(&self.ghost), &GHOST)?;
        self.require((0.0..=1.0).contains(&self.skip), &SKIP)?;
        self.require((1..=31).contains(&self.chances), &CHANCES)
    }
}

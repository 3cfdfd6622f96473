//! A policy that is chosen at run time, and the texts that choose it.

mod parameters;

pub(crate) use parameters::{Parameter, Parameters};

use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use crate::error::{ConfigError, ParseConfigError};
use crate::eviction::clock::{Clock, ClockConfig};
use crate::eviction::fifo::{Fifo, FifoConfig};
use crate::eviction::lru::{Lru, LruConfig};
use crate::eviction::s3_fifo::{S3Fifo, S3FifoConfig};
use crate::eviction::sieve::{Sieve, SieveConfig};
use crate::policy::{Hint, Policy, SharedHit};
use crate::slot::Slot;

/// Calls something on whichever variant there is.
macro_rules! each {
    ($choice:ident, $any:expr, $inner:ident => $call:expr) => {
        match $any {
            $choice::Fifo($inner) => $call,
            $choice::Lru($inner) => $call,
            $choice::Clock($inner) => $call,
            $choice::Sieve($inner) => $call,
            $choice::S3Fifo($inner) => $call,
        }
    };
}

/// Names a policy with its parameters. The default is S3-FIFO with those of its paper's authors.
///
/// As a text it is the policy's name, then, after a colon, the parameters that differ from the default:
///
/// | name | parameters |
/// |---|---|
/// | `fifo`, `lru`, `sieve` | none |
/// | `clock` | `bits` = 1 (to 8) |
/// | `s3-fifo` | `small` = 0.1, `threshold` = 2, `ghost` = 0.9, `warm-up` = `main` or `small` |
///
/// ```
/// use cache_policies::{AnyConfig, LruConfig};
///
/// let config: AnyConfig = "s3-fifo:small=0.2,threshold=1".parse()?;
/// assert_eq!(config.name(), "s3-fifo");
/// assert_eq!(config.to_string(), "s3-fifo:small=0.2,threshold=1");
/// assert_eq!("lru".parse::<AnyConfig>()?, LruConfig::default().into());
/// # Ok::<(), cache_policies::ParseConfigError>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum AnyConfig {
    /// [`Fifo`].
    Fifo(FifoConfig),
    /// [`Lru`].
    Lru(LruConfig),
    /// [`Clock`].
    Clock(ClockConfig),
    /// [`Sieve`].
    Sieve(SieveConfig),
    /// [`S3Fifo`].
    S3Fifo(S3FifoConfig),
}

impl Default for AnyConfig {
    fn default() -> Self {
        S3FifoConfig::default().into()
    }
}

impl AnyConfig {
    /// Every policy with its default parameters, in the order of the documentation: FIFO, LRU, CLOCK, SIEVE, S3-FIFO.
    ///
    /// ```
    /// use cache_policies::AnyConfig;
    ///
    /// let names: Vec<&str> = AnyConfig::all().iter().map(AnyConfig::name).collect();
    /// assert_eq!(names, ["fifo", "lru", "clock", "sieve", "s3-fifo"]);
    /// ```
    #[must_use]
    pub fn all() -> Vec<AnyConfig> {
        Vec::from([
            FifoConfig::default().into(),
            LruConfig::default().into(),
            ClockConfig::default().into(),
            SieveConfig::default().into(),
            S3FifoConfig::default().into(),
        ])
    }

    /// The policy's name, as texts have it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        fn name<C: Parameters>(_config: &C) -> &'static str {
            C::POLICY
        }
        each!(AnyConfig, self, config => name(config))
    }
}

impl fmt::Display for AnyConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        each!(AnyConfig, self, config => parameters::show(config, formatter))
    }
}

impl FromStr for AnyConfig {
    type Err = ParseConfigError;

    /// Reads what `Display` writes; spaces around names and values, and the case of the policy's name, do not matter.
    fn from_str(text: &str) -> Result<Self, ParseConfigError> {
        let (name, parameters) = match text.split_once(':') {
            Some((name, parameters)) => (name.trim(), Some(parameters)),
            None => (text.trim(), None),
        };
        let known = AnyConfig::all();
        let Some(policy) = known
            .iter()
            .find(|config| config.name().eq_ignore_ascii_case(name))
        else {
            let names: Vec<&str> = known.iter().map(AnyConfig::name).collect();
            return Err(ParseConfigError::UnknownPolicy {
                name: name.to_string(),
                known: names.join(", "),
            });
        };
        Ok(match policy {
            AnyConfig::Fifo(_) => AnyConfig::Fifo(parameters::parse(parameters)?),
            AnyConfig::Lru(_) => AnyConfig::Lru(parameters::parse(parameters)?),
            AnyConfig::Clock(_) => AnyConfig::Clock(parameters::parse(parameters)?),
            AnyConfig::Sieve(_) => AnyConfig::Sieve(parameters::parse(parameters)?),
            AnyConfig::S3Fifo(_) => AnyConfig::S3Fifo(parameters::parse(parameters)?),
        })
    }
}

/// Any one of the policies, chosen at run time by an [`AnyConfig`]. A call costs one branch more.
///
/// ```
/// use cache_policies::{AnyConfig, AnyPolicy, Hint, Policy, Slot};
///
/// let config: AnyConfig = "lru".parse()?;
/// let mut policy = AnyPolicy::new(100, &config)?;
/// policy.insert(Slot::new(0), 1, 1, Hint::NONE);
/// assert_eq!(policy.evict(), Some(Slot::new(0)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one policy for a whole cache, and a box would cost every call a load"
)]
pub enum AnyPolicy {
    /// First in, first out.
    Fifo(Fifo),
    /// Least recently used.
    Lru(Lru),
    /// CLOCK.
    Clock(Clock),
    /// SIEVE.
    Sieve(Sieve),
    /// S3-FIFO.
    S3Fifo(S3Fifo),
}

impl AnyPolicy {
    /// Tells of a hit through a shared reference, as [`SharedHit::touch`] does; `false`, and nothing was told, if the
    /// policy needs [`Policy::hit`] for it.
    ///
    /// # Panics
    /// May panic if the slot is not resident.
    #[inline]
    #[must_use = "where this is false, the hit is not recorded yet"]
    pub fn try_touch(&self, slot: Slot) -> bool {
        match self {
            AnyPolicy::Lru(_) => return false,
            AnyPolicy::Fifo(policy) => policy.touch(slot),
            AnyPolicy::Clock(policy) => policy.touch(slot),
            AnyPolicy::Sieve(policy) => policy.touch(slot),
            AnyPolicy::S3Fifo(policy) => policy.touch(slot),
        }
        true
    }
}

macro_rules! from_each {
    ($($variant:ident $config:ident),*) => {
        $(
            impl From<$config> for AnyConfig {
                fn from(config: $config) -> Self {
                    AnyConfig::$variant(config)
                }
            }

            impl From<$variant> for AnyPolicy {
                fn from(policy: $variant) -> Self {
                    AnyPolicy::$variant(policy)
                }
            }
        )*
    };
}

from_each!(Fifo FifoConfig, Lru LruConfig, Clock ClockConfig, Sieve SieveConfig, S3Fifo S3FifoConfig);

impl Policy for AnyPolicy {
    type Config = AnyConfig;

    fn new(capacity: u64, config: &AnyConfig) -> Result<Self, ConfigError> {
        Ok(match config {
            AnyConfig::Fifo(config) => Fifo::new(capacity, config)?.into(),
            AnyConfig::Lru(config) => Lru::new(capacity, config)?.into(),
            AnyConfig::Clock(config) => Clock::new(capacity, config)?.into(),
            AnyConfig::Sieve(config) => Sieve::new(capacity, config)?.into(),
            AnyConfig::S3Fifo(config) => S3Fifo::new(capacity, config)?.into(),
        })
    }

    #[inline]
    fn miss(&mut self, hash: u64) -> Hint {
        each!(AnyPolicy, self, policy => policy.miss(hash))
    }

    #[inline]
    fn insert(&mut self, slot: Slot, hash: u64, weight: u32, hint: Hint) {
        each!(AnyPolicy, self, policy => policy.insert(slot, hash, weight, hint))
    }

    #[inline]
    fn hit(&mut self, slot: Slot, hash: u64) {
        each!(AnyPolicy, self, policy => policy.hit(slot, hash))
    }

    #[inline]
    fn evict(&mut self) -> Option<Slot> {
        each!(AnyPolicy, self, policy => policy.evict())
    }

    fn remove(&mut self, slot: Slot, remember: bool) {
        each!(AnyPolicy, self, policy => policy.remove(slot, remember))
    }

    #[inline]
    fn weight_of(&self, slot: Slot) -> u32 {
        each!(AnyPolicy, self, policy => policy.weight_of(slot))
    }

    fn reweigh(&mut self, slot: Slot, weight: u32) {
        each!(AnyPolicy, self, policy => policy.reweigh(slot, weight))
    }

    fn pin(&mut self, slot: Slot) {
        each!(AnyPolicy, self, policy => policy.pin(slot))
    }

    fn unpin(&mut self, slot: Slot) {
        each!(AnyPolicy, self, policy => policy.unpin(slot))
    }

    #[inline]
    fn capacity(&self) -> u64 {
        each!(AnyPolicy, self, policy => policy.capacity())
    }

    fn set_capacity(&mut self, capacity: u64) {
        each!(AnyPolicy, self, policy => policy.set_capacity(capacity))
    }

    #[inline]
    fn weight(&self) -> u64 {
        each!(AnyPolicy, self, policy => policy.weight())
    }

    #[inline]
    fn len(&self) -> usize {
        each!(AnyPolicy, self, policy => policy.len())
    }

    fn check(&self) {
        each!(AnyPolicy, self, policy => policy.check())
    }
}

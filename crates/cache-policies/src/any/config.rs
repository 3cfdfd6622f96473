//! The configuration of any policy, and the texts that stand for it.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::AnyPolicy;
use super::parameters::{self, Parameters};
use crate::admission::tiny_lfu::{TinyLfuConfig, refuse_behind};
use crate::error::ParseConfigError;
use crate::eviction::{
    arc::ArcConfig,
    belady::BeladyConfig,
    belady_size::BeladySizeConfig,
    clock::ClockConfig,
    clock_pro::ClockProConfig,
    duel::DuelConfig,
    fifo::FifoConfig,
    gdsf::GdsfConfig,
    hyperbolic::HyperbolicConfig,
    lecar::LeCaRConfig,
    lfu::LfuConfig,
    lfuda::LfudaConfig,
    lhd::LhdConfig,
    lirs::LirsConfig,
    lru::LruConfig,
    random::RandomConfig,
    s3_fifo::S3FifoConfig,
    sieve::SieveConfig,
    slru::SlruConfig,
    two_q::TwoQConfig,
    w_tiny_lfu::{WTinyLfuAdaptiveConfig, WTinyLfuConfig},
};
use crate::policy::Policy;

macro_rules! any_config {
    ($($(#[$doc:meta])+ $policy:ident $config:ident,)+) => {
        /// Names a policy with its parameters. The default is S3-FIFO with those of its paper's authors.
        ///
        /// As a text it is the policy's name, then, after a colon, the parameters that differ from the default; what
        /// each policy takes is told by [`parameters`](AnyConfig::parameters) and in the policy's documentation. Before
        /// any of them but Belady's may stand `tinylfu/`, with parameters or without: `tinylfu:doorkeeper=on/lru`.
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
            $($(#[$doc])+ $policy($config),)+
            /// TinyLFU before any of the others but those that must be told the future. Others are refused when the
            /// policy is made, as TinyLFU itself is.
            TinyLfu(Box<TinyLfuConfig<AnyConfig>>),
        }

        impl AnyConfig {
            /// Every policy with its default parameters, and the configurations that have names of their own, in the order
            /// of the documentation.
            ///
            /// ```
            /// use cache_policies::AnyConfig;
            ///
            /// let names: Vec<&str> = AnyConfig::all().iter().map(AnyConfig::name).collect();
            /// assert_eq!(names[..3], ["fifo", "lru", "clock"]);
            /// ```
            #[must_use]
            pub fn all() -> Vec<AnyConfig> {
                let mut all = Vec::new();
                $(all.extend(parameters::names::<$config>().filter_map(|name| {
                    parameters::named::<$config>(name).map(AnyConfig::from)
                }));)+
                all
            }

            /// The policy's name, as texts have it, or the configuration's, if it has one of its own (`clock2q+`).
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(AnyConfig::$policy(config) => parameters::name(config),)+
                    AnyConfig::TinyLfu(_) => TinyLfuConfig::<()>::POLICY,
                }
            }

            /// The policy's parameters: the name of each, its value here, and what it takes.
            ///
            /// ```
            /// use cache_policies::AnyConfig;
            ///
            /// let clock: AnyConfig = "clock:bits=2".parse()?;
            /// let [(name, value, expected)] = &clock.parameters()[..] else { unreachable!() };
            /// assert_eq!((*name, value.as_str(), *expected), ("bits", "2", "a number from 1 to 8"));
            /// # Ok::<(), cache_policies::ParseConfigError>(())
            /// ```
            #[must_use]
            pub fn parameters(&self) -> Vec<(&'static str, alloc::string::String, &'static str)> {
                match self {
                    $(AnyConfig::$policy(config) => parameters::list(config),)+
                    AnyConfig::TinyLfu(config) => parameters::list(&config.gate()),
                }
            }

            /// Whether the policy needs to be told the future ([`Policy::foresee`](crate::Policy::foresee)): it is a
            /// bound to measure others by, for simulations only.
            #[must_use]
            pub fn is_offline(&self) -> bool {
                AnyPolicy::is_offline(self)
            }
        }

        impl fmt::Display for AnyConfig {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(AnyConfig::$policy(config) => parameters::show(config, formatter),)+
                    AnyConfig::TinyLfu(config) => {
                        parameters::show(&config.gate(), formatter)?;
                        write!(formatter, "/{}", config.policy())
                    }
                }
            }
        }

        impl FromStr for AnyConfig {
            type Err = ParseConfigError;

            /// Reads what `Display` writes; spaces around names and values, and the case of the policy's name, do not
            /// matter.
            fn from_str(text: &str) -> Result<Self, ParseConfigError> {
                if let Some((gate, behind)) = split_gate(text) {
                    let gate = parameters::parse(TinyLfuConfig::new(()), gate)?;
                    if split_gate(behind).is_some() {
                        return Err(refuse_behind(behind.trim().to_string()).into());
                    }
                    let behind: AnyConfig = behind.parse()?;
                    if !behind.stands_behind() {
                        return Err(refuse_behind(behind.to_string()).into());
                    }
                    return Ok(gate.with_policy(behind).into());
                }
                let (name, parameters) = match text.split_once(':') {
                    Some((name, parameters)) => (name.trim(), Some(parameters)),
                    None => (text.trim(), None),
                };
                $(if let Some(config) = parameters::named::<$config>(name) {
                    return Ok(AnyConfig::$policy(parameters::parse(config, parameters)?));
                })+
                let mut known = Vec::new();
                $(known.extend(parameters::names::<$config>());)+
                Err(ParseConfigError::UnknownPolicy {
                    name: name.to_string(),
                    known: known.join(", "),
                })
            }
        }

        $(impl From<$config> for AnyConfig {
            fn from(config: $config) -> Self {
                AnyConfig::$policy(config)
            }
        })+
    };
}

for_each_policy!(any_config);

/// The parameters of TinyLFU, and the text of the policy behind, if the text begins with one and the other is none.
fn split_gate(text: &str) -> Option<(Option<&str>, &str)> {
    let (gate, behind) = text.split_once('/')?;
    let (name, parameters) = match gate.split_once(':') {
        Some((name, parameters)) => (name, Some(parameters)),
        None => (gate, None),
    };
    let policy = TinyLfuConfig::<()>::POLICY;
    let is_gate = name.trim().eq_ignore_ascii_case(policy);
    is_gate.then_some((parameters, behind))
}

impl AnyConfig {
    /// Whether TinyLFU may stand before it.
    pub(super) fn stands_behind(&self) -> bool {
        !matches!(self, AnyConfig::TinyLfu(_)) && !self.is_offline()
    }
}

impl From<TinyLfuConfig<AnyConfig>> for AnyConfig {
    fn from(config: TinyLfuConfig<AnyConfig>) -> Self {
        AnyConfig::TinyLfu(Box::new(config))
    }
}

impl Default for AnyConfig {
    fn default() -> Self {
        S3FifoConfig::default().into()
    }
}

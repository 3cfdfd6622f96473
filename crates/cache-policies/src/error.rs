//! What can be wrong with a policy's parameters, or with the text that names a policy.

use alloc::string::String;

/// A parameter of a policy, or of a predictor, has a value that it cannot take.
///
/// ```
/// use cache_policies::{ConfigError, Policy, S3Fifo, S3FifoConfig};
///
/// let refused = S3Fifo::new(100, &S3FifoConfig::default().with_small(1.5)).unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "s3-fifo: small=1.5 is refused: give a share of the capacity from 0 to 1",
/// );
/// ```
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The value does not parse, or is outside of the parameter's range.
    #[error("{policy}: {parameter}={value} is refused: give {expected}")]
    InvalidValue {
        /// The name of the policy or predictor.
        policy: &'static str,
        /// The parameter's name.
        parameter: &'static str,
        /// The refused value.
        value: String,
        /// What the parameter takes instead.
        expected: &'static str,
    },
}

/// A text does not name a policy with its parameters.
///
/// ```
/// use cache_policies::AnyConfig;
///
/// let refused = |text: &str| text.parse::<AnyConfig>().unwrap_err().to_string();
/// let unknown = refused("least-recently-used");
/// assert!(unknown.starts_with("unknown policy `least-recently-used`: use one of fifo, lru, clock, "));
/// assert_eq!(refused("clock:speed=9"), "clock has no parameter `speed`: it takes bits");
/// assert_eq!(refused("clock:bits=9"), "clock: bits=9 is refused: give a number from 1 to 8");
/// ```
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseConfigError {
    /// No policy has this name.
    #[error("unknown policy `{name}`: use one of {known}")]
    UnknownPolicy {
        /// The name that was given.
        name: String,
        /// The names of all policies.
        known: String,
    },
    /// The policy has no parameter of this name.
    #[error("{policy} has no parameter `{name}`: it takes {known}")]
    UnknownParameter {
        /// The policy's name.
        policy: &'static str,
        /// The name that was given.
        name: String,
        /// The names of the policy's parameters; `none` if there are none.
        known: String,
    },
    /// What stands between two commas is not `parameter=value`.
    #[error("{policy}: `{text}` is not of the form parameter=value")]
    NotAPair {
        /// The policy's name.
        policy: &'static str,
        /// What stands there.
        text: String,
    },
    /// A parameter is given more than once.
    #[error("{policy}: {parameter} is given twice: keep one")]
    Repeated {
        /// The policy's name.
        policy: &'static str,
        /// The parameter's name.
        parameter: &'static str,
    },
    /// A parameter has a value that it cannot take.
    #[error(transparent)]
    InvalidValue(#[from] ConfigError),
}

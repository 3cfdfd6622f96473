//! What can be wrong with a policy's parameters.

use alloc::string::String;

/// A parameter of a policy is outside of its range.
///
/// ```
/// use cache_policies::{ConfigError, Policy, S3Fifo, S3FifoConfig};
///
/// let refused = S3Fifo::new(100, &S3FifoConfig::default().with_small(1.5)).unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "s3-fifo: small=1.5 is out of range: give a share of the capacity from 0 to 1",
/// );
/// ```
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The value is not one that the parameter can take.
    #[error("{policy}: {parameter}={value} is out of range: give {expected}")]
    OutOfRange {
        /// The policy's name.
        policy: &'static str,
        /// The parameter's name.
        parameter: &'static str,
        /// The refused value.
        value: String,
        /// What the parameter takes instead.
        expected: &'static str,
    },
}

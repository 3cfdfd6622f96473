//! What the crates metrics and tracing hear of a cache.

#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "metrics")]
mod recorder;
#[cfg(feature = "tracing")]
mod spans;

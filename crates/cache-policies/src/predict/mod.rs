//! Predictors: what will be asked for next, for a tier that warms or prefetches.
//!
//! Three parts that know nothing of a cache: they are told of accesses and answer in bounded memory. Keys are known by
//! their hashes, times are ticks that the owner tells.

mod config;
mod due;
mod intervals;
mod periods;
mod runs;
mod strays;
mod ways;

pub use self::config::{PeriodsConfig, RunsConfig};
pub use self::due::DueKeys;
pub use self::intervals::{AccessInterval, AccessIntervals};
pub use self::periods::{Due, Period, Periods};
pub use self::runs::{Prefetch, Runs};

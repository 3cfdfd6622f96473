//! The parameters of the predictors.

use alloc::string::{String, ToString};

use super::periods::SCORE_MAX;
use crate::ConfigError;

/// Refuses a predictor's parameter unless the condition holds.
fn require(
    condition: bool,
    (policy, parameter): (&'static str, &'static str),
    value: impl FnOnce() -> String,
    expected: &'static str,
) -> Result<(), ConfigError> {
    if condition {
        return Ok(());
    }
    Err(ConfigError::InvalidValue {
        policy,
        parameter,
        value: value(),
        expected,
    })
}

/// The parameters of [`Periods`](crate::Periods).
///
/// ```
/// use cache_policies::{Periods, PeriodsConfig};
///
/// let config = PeriodsConfig::default().with_tolerance(0.05).with_confirm(5);
/// assert_eq!(config.confirm(), 5);
/// let periods = Periods::<u64>::new(1000, config)?;
/// assert_eq!(periods.capacity(), 1000);
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct PeriodsConfig {
    pub(super) tolerance: f64,
    pub(super) confirm: u8,
    pub(super) missing: u8,
    pub(super) patience: u8,
    pub(super) burst: u64,
}

impl Default for PeriodsConfig {
    fn default() -> Self {
        Self {
            tolerance: 0.1,
            confirm: 3,
            missing: 3,
            patience: 3,
            burst: 0,
        }
    }
}

impl PeriodsConfig {
    /// How far from its predicted time an access may be, as a share of the period: from 0 to less than 0.5, 0.1 by default.
    /// One tick is allowed always.
    #[must_use]
    pub const fn with_tolerance(mut self, share: f64) -> Self {
        self.tolerance = share;
        self
    }

    /// See [`PeriodsConfig::with_tolerance`].
    #[must_use]
    pub const fn tolerance(&self) -> f64 {
        self.tolerance
    }

    /// Intervals that have to agree with the one before them to make a period: from 1 to 100, 3 by default.
    #[must_use]
    pub const fn with_confirm(mut self, intervals: u8) -> Self {
        self.confirm = intervals;
        self
    }

    /// See [`PeriodsConfig::with_confirm`].
    #[must_use]
    pub const fn confirm(&self) -> u8 {
        self.confirm
    }

    /// Accesses that may be missing in a row before the next one is no longer looked for at a multiple of the period: 3 by
    /// default.
    #[must_use]
    pub const fn with_missing(mut self, accesses: u8) -> Self {
        self.missing = accesses;
        self
    }

    /// See [`PeriodsConfig::with_missing`].
    #[must_use]
    pub const fn missing(&self) -> u8 {
        self.missing
    }

    /// Times in a row that a key is named as due, and does not come, before it is forgotten: at least 1, 3 by default.
    #[must_use]
    pub const fn with_patience(mut self, times: u8) -> Self {
        self.patience = times;
        self
    }

    /// See [`PeriodsConfig::with_patience`].
    #[must_use]
    pub const fn patience(&self) -> u8 {
        self.patience
    }

    /// Accesses that follow one that counted within this many ticks are a part of it: 0 by default, which joins those of
    /// one tick.
    #[must_use]
    pub const fn with_burst(mut self, ticks: u64) -> Self {
        self.burst = ticks;
        self
    }

    /// See [`PeriodsConfig::with_burst`].
    #[must_use]
    pub const fn burst(&self) -> u64 {
        self.burst
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let Self {
            tolerance,
            confirm,
            patience,
            ..
        } = *self;
        require(
            (0.0..0.5).contains(&tolerance),
            ("periods", "tolerance"),
            || tolerance.to_string(),
            "a share of the period from 0 to less than 0.5",
        )?;
        require(
            (1..=SCORE_MAX).contains(&confirm),
            ("periods", "confirm"),
            || confirm.to_string(),
            "a number of intervals from 1 to 100",
        )?;
        require(
            patience >= 1,
            ("periods", "patience"),
            || patience.to_string(),
            "a number of times from 1 to 255",
        )
    }
}

/// The parameters of [`Runs`](crate::Runs).
///
/// ```
/// use cache_policies::{Runs, RunsConfig};
///
/// let config = RunsConfig::default().with_streams(8).with_window(2, 64);
/// assert_eq!(Runs::new(config)?.len(), 0);
///
/// let refused = Runs::new(config.with_confirm(1)).unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "runs: confirm=1 is refused: give a number of accesses from 2 to 255",
/// );
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunsConfig {
    pub(super) streams: usize,
    pub(super) stride_max: u32,
    pub(super) confirm: u8,
    pub(super) window_min: u32,
    pub(super) window_max: u32,
}

impl Default for RunsConfig {
    fn default() -> Self {
        Self {
            streams: 32,
            stride_max: 16,
            confirm: 3,
            window_min: 4,
            window_max: 128,
        }
    }
}

impl RunsConfig {
    /// Runs that are followed at once: at least 1, 32 by default.
    #[must_use]
    pub const fn with_streams(mut self, streams: usize) -> Self {
        self.streams = streams;
        self
    }

    /// See [`RunsConfig::with_streams`].
    #[must_use]
    pub const fn streams(&self) -> usize {
        self.streams
    }

    /// The greatest distance from one position of a run to the next, either way: at least 1, 16 by default.
    #[must_use]
    pub const fn with_stride_max(mut self, distance: u32) -> Self {
        self.stride_max = distance;
        self
    }

    /// See [`RunsConfig::with_stride_max`].
    #[must_use]
    pub const fn stride_max(&self) -> u32 {
        self.stride_max
    }

    /// Accesses in a row, equally far apart, that make a run: at least 2, 3 by default.
    #[must_use]
    pub const fn with_confirm(mut self, accesses: u8) -> Self {
        self.confirm = accesses;
        self
    }

    /// See [`RunsConfig::with_confirm`].
    #[must_use]
    pub const fn confirm(&self) -> u8 {
        self.confirm
    }

    /// Positions of the first read-ahead of a run, at least 1, 4 by default; and of a read-ahead at most, at least as many and
    /// less than 2^30, 128 by default.
    #[must_use]
    pub const fn with_window(mut self, min: u32, max: u32) -> Self {
        (self.window_min, self.window_max) = (min, max);
        self
    }

    /// The least and the most of [`RunsConfig::with_window`].
    #[must_use]
    pub const fn window(&self) -> (u32, u32) {
        (self.window_min, self.window_max)
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let Self {
            streams,
            stride_max,
            confirm,
            window_min,
            window_max,
        } = *self;
        require(
            streams >= 1,
            ("runs", "streams"),
            || streams.to_string(),
            "a number of runs from 1 on",
        )?;
        require(
            stride_max >= 1,
            ("runs", "stride_max"),
            || stride_max.to_string(),
            "a distance from 1 on",
        )?;
        require(
            confirm >= 2,
            ("runs", "confirm"),
            || confirm.to_string(),
            "a number of accesses from 2 to 255",
        )?;
        require(
            1 <= window_min && window_min <= window_max && window_max <= u32::MAX / 4,
            ("runs", "window"),
            || alloc::format!("{window_min}..={window_max}"),
            "a least size from 1 on and a greatest from that to 2^30 - 1",
        )
    }
}

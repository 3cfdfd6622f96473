//! The parameters of the predictors.

/// The parameters of [`Periods`](crate::Periods).
///
/// ```
/// use cache_policies::{Periods, PeriodsConfig};
///
/// let config = PeriodsConfig::default().with_tolerance(0.05).with_confirm(5);
/// let periods = Periods::<u64>::new(1000, config);
/// assert_eq!(periods.capacity(), 1000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct PeriodsConfig {
    /// How far from its predicted time an access may be, as a share of the period: below 0.5, 0.1 by default. One tick is
    /// allowed always.
    pub tolerance: f64,
    /// Intervals that have to agree with the one before them to make a period: from 1 to 100, 3 by default.
    pub confirm: u8,
    /// Accesses that may be missing in a row before the next one is no longer looked for at a multiple of the period: 3 by
    /// default.
    pub missing: u8,
    /// Times in a row that a key is named as due, and does not come, before it is forgotten: at least 1, 3 by default.
    pub patience: u8,
    /// Accesses that follow one that counted within this many ticks are a part of it: 0 by default, which joins those of
    /// one tick.
    pub burst: u64,
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
    /// Sets [`tolerance`](PeriodsConfig::tolerance).
    #[must_use]
    pub fn with_tolerance(mut self, share: f64) -> Self {
        self.tolerance = share;
        self
    }

    /// Sets [`confirm`](PeriodsConfig::confirm).
    #[must_use]
    pub fn with_confirm(mut self, intervals: u8) -> Self {
        self.confirm = intervals;
        self
    }

    /// Sets [`missing`](PeriodsConfig::missing).
    #[must_use]
    pub fn with_missing(mut self, accesses: u8) -> Self {
        self.missing = accesses;
        self
    }

    /// Sets [`patience`](PeriodsConfig::patience).
    #[must_use]
    pub fn with_patience(mut self, times: u8) -> Self {
        self.patience = times;
        self
    }

    /// Sets [`burst`](PeriodsConfig::burst).
    #[must_use]
    pub fn with_burst(mut self, ticks: u64) -> Self {
        self.burst = ticks;
        self
    }
}

/// The parameters of [`Runs`](crate::Runs).
///
/// ```
/// use cache_policies::{Runs, RunsConfig};
///
/// let config = RunsConfig::default().with_streams(8).with_window(2, 64);
/// let runs = Runs::new(config);
/// assert_eq!(runs.len(), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunsConfig {
    /// Runs that are followed at once: at least 1, 32 by default.
    pub streams: usize,
    /// The greatest distance from one position of a run to the next, either way: at least 1, 16 by default.
    pub stride_max: u32,
    /// Accesses in a row, equally far apart, that make a run: at least 2, 3 by default.
    pub confirm: u8,
    /// Positions of the first read-ahead of a run: at least 1, 4 by default.
    pub window_min: u32,
    /// Positions of a read-ahead at most: at least `window_min`, 128 by default.
    pub window_max: u32,
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
    /// Sets [`streams`](RunsConfig::streams).
    #[must_use]
    pub fn with_streams(mut self, streams: usize) -> Self {
        self.streams = streams;
        self
    }

    /// Sets [`stride_max`](RunsConfig::stride_max).
    #[must_use]
    pub fn with_stride_max(mut self, distance: u32) -> Self {
        self.stride_max = distance;
        self
    }

    /// Sets [`confirm`](RunsConfig::confirm).
    #[must_use]
    pub fn with_confirm(mut self, accesses: u8) -> Self {
        self.confirm = accesses;
        self
    }

    /// Sets [`window_min`](RunsConfig::window_min) and [`window_max`](RunsConfig::window_max).
    #[must_use]
    pub fn with_window(mut self, min: u32, max: u32) -> Self {
        (self.window_min, self.window_max) = (min, max);
        self
    }
}

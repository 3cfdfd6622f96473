//! The parameters of CLOCK-Pro.

use alloc::string::{String, ToString};

use crate::any::{Parameter, Parameters};
use crate::error::ConfigError;

/// The parameters of [`ClockPro`](crate::ClockPro).
///
/// ```
/// use cache_policies::{AnyConfig, ClockProConfig};
///
/// let config = ClockProConfig::default().with_cold(0.05).with_ghost(2.0);
/// assert_eq!(AnyConfig::from(config).to_string(), "clock-pro:cold=0.05,ghost=2");
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct ClockProConfig {
    cold: f64,
    ghost: f64,
}

impl Default for ClockProConfig {
    fn default() -> Self {
        ClockProConfig {
            cold: 0.01,
            ghost: 1.0,
        }
    }
}

impl ClockProConfig {
    /// The least share of the capacity that cold entries get, and that they start with; hot ones keep the same. 0 to
    /// 0.5, 0.01 unless set; at least a weight of 1.
    #[must_use]
    pub fn with_cold(mut self, share: f64) -> Self {
        self.cold = share;
        self
    }

    /// The weight of the entries that are remembered after they left, as a share of the capacity: 0 to 16, 1 unless
    /// set, as in the paper.
    #[must_use]
    pub fn with_ghost(mut self, share: f64) -> Self {
        self.ghost = share;
        self
    }

    /// The least share of cold entries.
    #[must_use]
    pub fn cold(&self) -> f64 {
        self.cold
    }

    /// The share of the entries that are remembered.
    #[must_use]
    pub fn ghost(&self) -> f64 {
        self.ghost
    }
}

const COLD: Parameter = Parameter {
    name: "cold",
    expected: "a share of the capacity from 0 to 0.5",
};
const GHOST: Parameter = Parameter {
    name: "ghost",
    expected: "a share of the capacity from 0 to 16",
};

impl Parameters for ClockProConfig {
    const POLICY: &'static str = "clock-pro";
    const KNOWN: &'static [Parameter] = &[COLD, GHOST];

    fn value(&self, parameter: &Parameter) -> String {
        match parameter.name {
            "cold" => self.cold.to_string(),
            _ => self.ghost.to_string(),
        }
    }

    fn set(&mut self, parameter: &Parameter, value: &str) -> Option<()> {
        match parameter.name {
            "cold" => self.cold = value.parse().ok()?,
            _ => self.ghost = value.parse().ok()?,
        }
        Some(())
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.require((0.0..=0.5).contains(&self.cold), &COLD)?;
        self.require((0.0..=16.0).contains(&self.ghost), &GHOST)
    }
}

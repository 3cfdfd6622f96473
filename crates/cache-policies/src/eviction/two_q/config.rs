//! The parameters of 2Q.

use alloc::string::{String, ToString};

use crate::any::{Parameter, Parameters};
use crate::error::ConfigError;

/// The parameters of [`TwoQ`](crate::TwoQ).
///
/// ```
/// use cache_policies::{Policy, TwoQ, TwoQConfig};
///
/// let config = TwoQConfig::default().with_kin(0.1);
/// assert_eq!((config.kin(), config.kout()), (0.1, 0.5));
/// assert!(TwoQ::new(100, &config).is_ok());
/// ```
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct TwoQConfig {
    kin: f64,
    kout: f64,
}

impl Default for TwoQConfig {
    fn default() -> Self {
        TwoQConfig {
            kin: 0.25,
            kout: 0.5,
        }
    }
}

impl TwoQConfig {
    /// The share of the capacity, from 0 to 1, that A1in is brought back to. 0.25 by default.
    #[must_use]
    pub fn with_kin(self, kin: f64) -> Self {
        TwoQConfig { kin, ..self }
    }

    /// The weight of the departed keys that A1out remembers, as a share of the capacity from 0 to 16. 0.5 by default.
    #[must_use]
    pub fn with_kout(self, kout: f64) -> Self {
        TwoQConfig { kout, ..self }
    }

    /// See [`TwoQConfig::with_kin`].
    #[must_use]
    pub fn kin(&self) -> f64 {
        self.kin
    }

    /// See [`TwoQConfig::with_kout`].
    #[must_use]
    pub fn kout(&self) -> f64 {
        self.kout
    }
}

const KIN: Parameter = Parameter {
    name: "kin",
    expected: "a share of the capacity from 0 to 1",
};
const KOUT: Parameter = Parameter {
    name: "kout",
    expected: "a share of the capacity from 0 to 16",
};

impl Parameters for TwoQConfig {
    const POLICY: &'static str = "2q";
    const KNOWN: &'static [Parameter] = &[KIN, KOUT];

    fn value(&self, parameter: &Parameter) -> String {
        match parameter.name {
            "kin" => self.kin.to_string(),
            _ => self.kout.to_string(),
        }
    }

    fn set(&mut self, parameter: &Parameter, value: &str) -> Option<()> {
        match parameter.name {
            "kin" => self.kin = value.parse().ok()?,
            _ => self.kout = value.parse().ok()?,
        }
        Some(())
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.require((0.0..=1.0).contains(&self.kin), &KIN)?;
        self.require((0.0..=16.0).contains(&self.kout), &KOUT)
    }
}

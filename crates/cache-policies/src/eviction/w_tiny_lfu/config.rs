//! The parameters of W-TinyLFU, static and adaptive.

use alloc::string::{String, ToString};

use super::regions::Shape;
use crate::admission::gate::SAMPLE_MAX;
use crate::any::{Parameter, Parameters};
use crate::error::ConfigError;

const WINDOW: Parameter = Parameter {
    name: "window",
    expected: "a share of the capacity from 0 to 1",
};
const PROTECTED: Parameter = Parameter {
    name: "protected",
    expected: "a share of the main region from 0 to 1",
};
const SAMPLE: Parameter = Parameter {
    name: "sample",
    expected: "a number of requests for each entry from 1 to 30",
};
const SEED: Parameter = Parameter {
    name: "seed",
    expected: "a number from 0 to 18446744073709551615",
};

macro_rules! config {
    ($(#[$doc:meta])* $config:ident $name:literal $adaptive:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug)]
        #[non_exhaustive]
        pub struct $config {
            window: f64,
            protected: f64,
            sample: u32,
            seed: u64,
        }

        impl Default for $config {
            fn default() -> Self {
                $config {
                    window: 0.01,
                    protected: 0.8,
                    sample: 10,
                    seed: 0,
                }
            }
        }

        impl $config {
            /// The window's share of the capacity, from 0 to 1. 0.01 by default; where a climber
            /// moves it, the first.
            #[must_use]
            pub fn with_window(self, window: f64) -> Self {
                $config { window, ..self }
            }

            /// The protected segment's share of the main region, from 0 to 1, rounded down to a whole weight. 0.8 by
            /// default.
            #[must_use]
            pub fn with_protected(self, protected: f64) -> Self {
                $config { protected, ..self }
            }

            /// After how many requests for each entry that there is room for the frequencies are halved, from 1 to 30. 10
            /// by default.
            #[must_use]
            pub fn with_sample(self, sample: u32) -> Self {
                $config { sample, ..self }
            }

            /// What the lots are drawn from by which a candidate may win that is not more frequent. 0 by default.
            #[must_use]
            pub fn with_seed(self, seed: u64) -> Self {
                $config { seed, ..self }
            }

            /// See [`with_window`](Self::with_window).
            #[must_use]
            pub fn window(&self) -> f64 {
                self.window
            }

            /// See [`with_protected`](Self::with_protected).
            #[must_use]
            pub fn protected(&self) -> f64 {
                self.protected
            }

            /// See [`with_sample`](Self::with_sample).
            #[must_use]
            pub fn sample(&self) -> u32 {
                self.sample
            }

            /// See [`with_seed`](Self::with_seed).
            #[must_use]
            pub fn seed(&self) -> u64 {
                self.seed
            }

            pub(super) fn shape(&self) -> Shape {
                Shape {
                    window: self.window,
                    protected: self.protected,
                    sample: self.sample,
                    seed: self.seed,
                    adaptive: $adaptive,
                }
            }
        }

        impl Parameters for $config {
            const POLICY: &'static str = $name;
            const KNOWN: &'static [Parameter] = &[WINDOW, PROTECTED, SAMPLE, SEED];

            fn value(&self, parameter: &Parameter) -> String {
                match parameter.name {
                    "window" => self.window.to_string(),
                    "protected" => self.protected.to_string(),
                    "sample" => self.sample.to_string(),
                    _ => self.seed.to_string(),
                }
            }

            fn set(&mut self, parameter: &Parameter, value: &str) -> Option<()> {
                match parameter.name {
                    "window" => self.window = value.parse().ok()?,
                    "protected" => self.protected = value.parse().ok()?,
                    "sample" => self.sample = value.parse().ok()?,
                    _ => self.seed = value.parse().ok()?,
                }
                Some(())
            }

            fn validate(&self) -> Result<(), ConfigError> {
                self.require((0.0..=1.0).contains(&self.window), &WINDOW)?;
                self.require((0.0..=1.0).contains(&self.protected), &PROTECTED)?;
                self.require((1..=SAMPLE_MAX).contains(&self.sample), &SAMPLE)
            }
        }
    };
}

config! {
    /// The parameters of [`WTinyLfu`](crate::WTinyLfu).
    ///
    /// ```
    /// use cache_policies::{Policy, WTinyLfu, WTinyLfuConfig};
    ///
    /// let config = WTinyLfuConfig::default().with_window(0.2);
    /// assert_eq!((config.window(), config.protected()), (0.2, 0.8));
    /// assert!(WTinyLfu::new(100, &config).is_ok());
    /// ```
    WTinyLfuConfig "w-tinylfu" false
}

config! {
    /// The parameters of [`WTinyLfuAdaptive`](crate::WTinyLfuAdaptive).
    ///
    /// ```
    /// use cache_policies::{Policy, WTinyLfuAdaptive, WTinyLfuAdaptiveConfig};
    ///
    /// let config = WTinyLfuAdaptiveConfig::default().with_protected(0.5);
    /// assert_eq!((config.window(), config.protected()), (0.01, 0.5));
    /// assert!(WTinyLfuAdaptive::new(100, &config).is_ok());
    /// ```
    WTinyLfuAdaptiveConfig "w-tinylfu-adaptive" true
}

//! The parameters of ARC.

use alloc::string::{String, ToString};

use crate::any::{Choice, Parameter, Parameters, choice};

/// By what a ghost's hit moves the target of [`Arc`](crate::Arc), where entries differ in weight.
///
/// ```
/// use cache_policies::{ArcConfig, ArcStep};
///
/// assert_eq!(ArcConfig::default().step(), ArcStep::Weight);
/// ```
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum ArcStep {
    /// By the weight of the entry that was remembered, times what the paper has: to count in bytes instead of kilobytes
    /// changes nothing.
    #[default]
    Weight,
    /// By what the paper has, as one unit of weight is all that an entry there can weigh: as libCacheSim 0.3.5 has it.
    /// With bytes for weights, the target hardly moves. That need not be worse: on the block trace `cpIO`, at eight
    /// capacities from 128 MiB to 1 GiB, `Weight` misses from 0.2% less to 4.2% more.
    Unit,
}

/// The parameters of [`Arc`](crate::Arc).
///
/// ```
/// use cache_policies::{Arc, ArcConfig, ArcStep, Policy};
///
/// let config = ArcConfig::default().with_step(ArcStep::Unit);
/// assert_eq!(config.step(), ArcStep::Unit);
/// assert!(Arc::new(100, &config).is_ok());
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ArcConfig {
    step: ArcStep,
}

impl ArcConfig {
    /// By what a ghost's hit moves the target. [`ArcStep::Weight`] by default; with weights of 1 both are the same.
    #[must_use]
    pub fn with_step(self, step: ArcStep) -> Self {
        ArcConfig { step }
    }

    /// See [`ArcConfig::with_step`].
    #[must_use]
    pub fn step(&self) -> ArcStep {
        self.step
    }
}

choice!(ArcStep: Weight = "weight" or Unit = "unit");

const STEP: Parameter = Parameter {
    name: "step",
    expected: ArcStep::EXPECTED,
};

impl Parameters for ArcConfig {
    const POLICY: &'static str = "arc";
    const KNOWN: &'static [Parameter] = &[STEP];

    fn value(&self, _parameter: &Parameter) -> String {
        self.step.name().to_string()
    }

    fn set(&mut self, _parameter: &Parameter, value: &str) -> Option<()> {
        self.step = Choice::named(value)?;
        Some(())
    }
}

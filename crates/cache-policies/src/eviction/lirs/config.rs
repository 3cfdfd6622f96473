//! The parameters of LIRS.

use alloc::string::{String, ToString};

use crate::any::{Parameter, Parameters};
use crate::error::ConfigError;

/// The parameters of [`Lirs`](crate::Lirs).
///
/// ```
/// use cache_policies::{Lirs, LirsConfig, Policy};
///
/// let config = LirsConfig::default().with_hir(0.05);
/// assert_eq!((config.hir(), config.stack(), config.phantoms()), (0.05, 2.0, false));
/// assert!(Lirs::new(100, &config).is_ok());
/// ```
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct LirsConfig {
    hir: f64,
    stack: f64,
    phantoms: bool,
}

impl Default for LirsConfig {
    fn default() -> Self {
        LirsConfig {
            hir: 0.01,
            stack: 2.0,
            phantoms: false,
        }
    }
}

impl LirsConfig {
    /// The share of the capacity, from 0 to 1, that is for resident HIR entries, rounded down, at least 1. 0.01 by
    /// default, as in the paper.
    #[must_use]
    pub fn with_hir(self, hir: f64) -> Self {
        LirsConfig { hir, ..self }
    }

    /// What all entries of the stack S may weigh together, those that left included, as a multiple of the capacity from
    /// 1 to 16. 2 by default; the paper has no limit.
    #[must_use]
    pub fn with_stack(self, stack: f64) -> Self {
        LirsConfig { stack, ..self }
    }

    /// Whether an entry that its own hit drives out stays, at no weight, as in the reference simulator. Not by default.
    ///
    /// It is the only entry of Q then, and goes because its hit demotes another one into Q. The simulator goes on to
    /// count it as resident, beyond the capacity. For comparisons alone: such an entry weighs nothing in
    /// [`Policy::weight`](crate::Policy::weight), and there is none unless the owner calls
    /// [`Policy::overflow`](crate::Policy::overflow).
    #[must_use]
    pub fn with_phantoms(self, phantoms: bool) -> Self {
        LirsConfig { phantoms, ..self }
    }

    /// See [`LirsConfig::with_hir`].
    #[must_use]
    pub fn hir(&self) -> f64 {
        self.hir
    }

    /// See [`LirsConfig::with_stack`].
    #[must_use]
    pub fn stack(&self) -> f64 {
        self.stack
    }

    /// See [`LirsConfig::with_phantoms`].
    #[must_use]
    pub fn phantoms(&self) -> bool {
        self.phantoms
    }
}

const HIR: Parameter = Parameter {
    name: "hir",
    expected: "a share of the capacity from 0 to 1",
};
const STACK: Parameter = Parameter {
    name: "stack",
    expected: "a multiple of the capacity from 1 to 16",
};
const PHANTOMS: Parameter = Parameter {
    name: "phantoms",
    expected: "true or false",
};

impl Parameters for LirsConfig {
    const POLICY: &'static str = "lirs";
    const KNOWN: &'static [Parameter] = &[HIR, STACK, PHANTOMS];

    fn value(&self, parameter: &Parameter) -> String {
        match parameter.name {
            "hir" => self.hir.to_string(),
            "stack" => self.stack.to_string(),
            _ => self.phantoms.to_string(),
        }
    }

    fn set(&mut self, parameter: &Parameter, value: &str) -> Option<()> {
        match parameter.name {
            "hir" => self.hir = value.parse().ok()?,
            "stack" => self.stack = value.parse().ok()?,
            _ => self.phantoms = value.parse().ok()?,
        }
        Some(())
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.require((0.0..=1.0).contains(&self.hir), &HIR)?;
        self.require((1.0..=16.0).contains(&self.stack), &STACK)
    }
}

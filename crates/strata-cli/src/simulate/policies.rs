//! Which policies to simulate, as the command line names them.

use std::str::FromStr;

use cache_policies::{AnyConfig, ParseConfigError};

/// A list of policies: `all`, or names separated by commas, each alone or with its parameters.
///
/// ```
/// use strata_cli::simulate::Policies;
///
/// let policies: Policies = "lru,s3-fifo:small=0.2,threshold=1".parse()?;
/// assert_eq!(policies.names(), ["lru", "s3-fifo:small=0.2,threshold=1"]);
/// # Ok::<(), strata_cli::simulate::PoliciesError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Policies(Vec<AnyConfig>);

impl Policies {
    /// Every policy there is, with its default parameters.
    #[must_use]
    pub fn all() -> Self {
        Self(AnyConfig::all())
    }

    /// A list for people: every policy's name, and below it its parameters, their defaults and what they take.
    pub(super) fn described() -> String {
        let mut text = String::from("Policies, and what follows the colon, with its default:");
        let mut describe = |name: &str, config: &AnyConfig| {
            text += &format!("\n  {name}");
            for (parameter, value, expected) in config.parameters() {
                text += &format!("\n      {parameter}={value}: {expected}");
            }
        };
        for config in &AnyConfig::all() {
            describe(config.name(), config);
        }
        let gate = "tinylfu/lru".parse().expect("a policy behind TinyLFU");
        describe(
            "tinylfu/NAME, any of these behind TinyLFU's admission",
            &gate,
        );
        text
    }

    /// The policies' configurations, in order.
    #[must_use]
    pub fn configs(&self) -> &[AnyConfig] {
        &self.0
    }

    /// The policies' names, in order, each with the parameters that are not the default.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(AnyConfig::to_string).collect()
    }
}

impl FromStr for Policies {
    type Err = PoliciesError;

    fn from_str(text: &str) -> Result<Self, PoliciesError> {
        if text.trim() == "all" {
            return Ok(Self::all());
        }
        let mut configs = Vec::new();
        for one in split(text) {
            let config: AnyConfig = one.parse()?;
            if configs.contains(&config) {
                return Err(PoliciesError::Twice(config.to_string()));
            }
            configs.push(config);
        }
        Ok(Self(configs))
    }
}

/// Why a text is no list of policies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PoliciesError {
    /// One of them is unknown, or its parameters are bad.
    #[error(transparent)]
    Refused(#[from] ParseConfigError),
    /// One of them is named twice.
    #[error("policy `{0}` is given twice: name it once")]
    Twice(String),
}

/// Splits at commas, but for those between the parameters of one policy: what begins with `NAME=` goes on with the one
/// before, also where another policy follows in it (`tinylfu:sample=5,seed=3/clock:bits=2`).
fn split(text: &str) -> Vec<String> {
    let is_parameter = |piece: &str| {
        let mark = piece.find([':', '=', '/']);
        mark.is_some_and(|at| piece[at..].starts_with('='))
    };
    let mut policies: Vec<String> = Vec::new();
    for piece in text.split(',') {
        match policies.last_mut() {
            Some(last) if is_parameter(piece) => {
                last.push(',');
                last.push_str(piece.trim());
            }
            _ => policies.push(piece.trim().to_owned()),
        }
    }
    policies
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn commas_between_parameters_part_no_policies() {
        assert_eq!(
            split("lru, s3-fifo:small=0.2,threshold=1,tinylfu:sample=5,seed=3/clock:bits=2,arc"),
            [
                "lru",
                "s3-fifo:small=0.2,threshold=1",
                "tinylfu:sample=5,seed=3/clock:bits=2",
                "arc",
            ]
        );
    }
}

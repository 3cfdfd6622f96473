//! Parameters by name: what a policy's configuration shows to texts.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::error::{ConfigError, ParseConfigError};

/// A parameter's name, and what it takes.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    /// Completes "give ...".
    pub(crate) expected: &'static str,
}

/// What a parameter is that takes one of two names.
pub(crate) trait Choice: Sized {
    /// Both names, as [`Parameter::expected`] has them.
    const EXPECTED: &'static str;

    /// The name of this one.
    fn name(&self) -> &'static str;

    /// The one of this name, if there is one.
    fn named(name: &str) -> Option<Self>;
}

/// Gives the two values of a type the names that texts have for them.
macro_rules! choice {
    ($type:ident: $one:ident = $one_name:literal or $other:ident = $other_name:literal) => {
        impl $crate::any::Choice for $type {
            const EXPECTED: &'static str = concat!($one_name, " or ", $other_name);

            fn name(&self) -> &'static str {
                match self {
                    $type::$one => $one_name,
                    $type::$other => $other_name,
                }
            }

            fn named(name: &str) -> Option<Self> {
                match name {
                    $one_name => Some($type::$one),
                    $other_name => Some($type::$other),
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use choice;

impl Choice for bool {
    const EXPECTED: &'static str = "on or off";

    fn name(&self) -> &'static str {
        if *self { "on" } else { "off" }
    }

    fn named(name: &str) -> Option<Self> {
        match name {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        }
    }
}

/// The name of a configuration, and what makes it.
pub(crate) type Named<C> = (&'static str, fn() -> C);

/// A configuration whose parameters can be read and set by name. What is given is for a policy without any.
pub(crate) trait Parameters: Default + 'static {
    /// The policy's name.
    const POLICY: &'static str;
    const KNOWN: &'static [Parameter] = &[];
    /// The configurations that have names of their own.
    const NAMED: &'static [Named<Self>] = &[];

    /// The value of a known parameter, as `set` reads it.
    fn value(&self, parameter: &Parameter) -> String {
        let _ = parameter;
        String::new()
    }

    /// Sets a known parameter; `None` if the value does not parse.
    fn set(&mut self, parameter: &Parameter, value: &str) -> Option<()> {
        let _ = (parameter, value);
        None
    }

    /// Refuses values out of range.
    fn validate(&self) -> Result<(), ConfigError> {
        Ok(())
    }

    /// Refuses the value of a parameter unless the condition holds.
    fn require(&self, condition: bool, parameter: &Parameter) -> Result<(), ConfigError> {
        if condition {
            Ok(())
        } else {
            Err(refusal::<Self>(parameter, self.value(parameter)))
        }
    }
}

fn refusal<C: Parameters>(parameter: &Parameter, value: String) -> ConfigError {
    let Parameter { name, expected } = *parameter;
    ConfigError::InvalidValue {
        policy: C::POLICY,
        parameter: name,
        value,
        expected,
    }
}

/// The names of a policy's configurations: its own, for the default one, and those of `NAMED`.
pub(super) fn names<C: Parameters>() -> impl Iterator<Item = &'static str> {
    core::iter::once(C::POLICY).chain(C::NAMED.iter().map(|(name, _)| *name))
}

/// The name of a configuration that has one of its own; the policy's for any other.
pub(super) fn name<C: Parameters>(config: &C) -> &'static str {
    let is_config = |other: C| {
        let mut parameters = C::KNOWN.iter();
        parameters.all(|parameter| config.value(parameter) == other.value(parameter))
    };
    let named = C::NAMED.iter().find(|(_, named)| is_config(named()));
    named.map_or(C::POLICY, |(name, _)| name)
}

/// The configuration of this name: the policy's own for the default one; `None` if it has no such name.
pub(super) fn named<C: Parameters>(name: &str) -> Option<C> {
    if C::POLICY.eq_ignore_ascii_case(name) {
        return Some(C::default());
    }
    let (_, named) = C::NAMED
        .iter()
        .find(|(other, _)| other.eq_ignore_ascii_case(name))?;
    Some(named())
}

/// Reads `parameter=value,parameter=value` into a configuration; `None` is no text at all, and changes nothing.
pub(super) fn parse<C: Parameters>(
    mut config: C,
    text: Option<&str>,
) -> Result<C, ParseConfigError> {
    let mut given: Vec<&str> = Vec::new();
    for pair in text.into_iter().flat_map(|text| text.split(',')) {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(ParseConfigError::NotAPair {
                policy: C::POLICY,
                text: pair.trim().to_string(),
            });
        };
        let (name, value) = (name.trim(), value.trim());
        let Some(parameter) = C::KNOWN.iter().find(|parameter| parameter.name == name) else {
            let names: Vec<&str> = C::KNOWN.iter().map(|parameter| parameter.name).collect();
            let known = if names.is_empty() {
                "none".to_string()
            } else {
                names.join(", ")
            };
            return Err(ParseConfigError::UnknownParameter {
                policy: C::POLICY,
                name: name.to_string(),
                known,
            });
        };
        if given.contains(&parameter.name) {
            return Err(ParseConfigError::Repeated {
                policy: C::POLICY,
                parameter: parameter.name,
            });
        }
        given.push(parameter.name);
        config
            .set(parameter, value)
            .ok_or_else(|| refusal::<C>(parameter, value.to_string()))?;
    }
    config.validate()?;
    Ok(config)
}

/// The parameters: name, value, what each takes.
pub(super) fn list<C: Parameters>(config: &C) -> Vec<(&'static str, String, &'static str)> {
    let row = |parameter: &Parameter| (parameter.name, config.value(parameter), parameter.expected);
    C::KNOWN.iter().map(row).collect()
}

/// Writes the configuration's own name, or the policy's and the parameters that differ from the default.
pub(super) fn show<C: Parameters>(config: &C, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let name = name(config);
    formatter.write_str(name)?;
    if name != C::POLICY {
        return Ok(());
    }
    let default = C::default();
    let differing = C::KNOWN
        .iter()
        .filter(|parameter| config.value(parameter) != default.value(parameter));
    for (index, parameter) in differing.enumerate() {
        let separator = if index == 0 { ':' } else { ',' };
        write!(
            formatter,
            "{separator}{}={}",
            parameter.name,
            config.value(parameter)
        )?;
    }
    Ok(())
}

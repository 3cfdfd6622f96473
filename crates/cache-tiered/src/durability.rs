//! `Durability`: what an acknowledged write survives.

/// What an acknowledged write survives.
///
/// ```
/// use cache_tiered::Durability;
///
/// assert!(Durability::Volatile < Durability::Power);
/// assert_eq!("process".parse(), Ok(Durability::Process));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Durability {
    /// Nothing is promised beyond the life of the store's handle. A clean end keeps all.
    Volatile,
    /// The death of the process at any instant (`kill -9`), not of the machine.
    #[default]
    Process,
    /// The loss of power: the bytes are on the device before the acknowledgement.
    Power,
}

impl std::fmt::Display for Durability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Volatile => "volatile",
            Self::Process => "process",
            Self::Power => "power",
        })
    }
}

/// The name is none of a [`Durability`].
///
/// ```
/// let refused = "forever".parse::<cache_tiered::Durability>().unwrap_err();
/// assert_eq!(refused.to_string(), "unknown durability \"forever\": use volatile, process or power");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown durability {name:?}: use volatile, process or power")]
pub struct ParseDurabilityError {
    name: String,
}

impl std::str::FromStr for Durability {
    type Err = ParseDurabilityError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "volatile" => Ok(Self::Volatile),
            "process" => Ok(Self::Process),
            "power" => Ok(Self::Power),
            _ => Err(ParseDurabilityError {
                name: name.to_owned(),
            }),
        }
    }
}

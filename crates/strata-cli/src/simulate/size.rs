//! Cache sizes as the command line gives them: a number of objects, an amount of bytes, a share of the footprint.

use std::fmt;
use std::str::FromStr;

use crate::units::{BytesError, Decimal, parse_bytes};

/// A cache size: `130` (objects, or bytes where sizes count bytes), `64MiB` (bytes), `1%` (of the trace's footprint).
///
/// ```
/// use strata_cli::simulate::Size;
///
/// let size: Size = "0.1%".parse()?;
/// assert!(size.is_share());
/// assert!("0".parse::<Size>().is_err());
/// # Ok::<(), strata_cli::simulate::SizeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size {
    text: String,
    amount: Amount,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Amount {
    Number(u64),
    Bytes(u64),
    Percent(Decimal),
}

impl Size {
    /// Whether it is a share of the footprint, which takes a first reading of the trace to know.
    #[must_use]
    pub fn is_share(&self) -> bool {
        matches!(self.amount, Amount::Percent(_))
    }

    /// Whether it was given with a unit of bytes, so that it makes sense only where sizes count bytes.
    #[must_use]
    pub fn is_bytes(&self) -> bool {
        matches!(self.amount, Amount::Bytes(_))
    }

    /// Whether both mean the same, however they are written (`1024` and `1KiB`, `1%` and `1.0%`).
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self.amount, other.amount) {
            (Amount::Percent(ours), Amount::Percent(theirs)) => ours.equals(theirs),
            (Amount::Percent(_), _) | (_, Amount::Percent(_)) => false,
            (
                Amount::Number(ours) | Amount::Bytes(ours),
                Amount::Number(theirs) | Amount::Bytes(theirs),
            ) => ours == theirs,
        }
    }

    /// The capacity it stands for, given what all objects weigh; a share is rounded down, and is at least 1. `None` for a
    /// share without a footprint.
    pub(super) fn capacity(&self, footprint: Option<u64>) -> Option<u64> {
        match self.amount {
            Amount::Number(number) | Amount::Bytes(number) => Some(number),
            Amount::Percent(percent) => Some(percent.percent_of(footprint?)?.max(1)),
        }
    }
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let text = text.trim();
        let amount = match text.strip_suffix('%') {
            Some(percent) => {
                let percent = Decimal::parse(percent.trim_end())
                    .filter(|percent| !percent.exceeds(100))
                    .ok_or_else(|| SizeError::Percent(text.to_owned()))?;
                Amount::Percent(percent)
            }
            None => match parse_bytes(text) {
                Ok(number) if text.ends_with(|c: char| c.is_ascii_digit()) => {
                    Amount::Number(number)
                }
                Ok(bytes) => Amount::Bytes(bytes),
                Err(error @ BytesError::TooLarge(_)) => return Err(SizeError::Bytes(error)),
                Err(_) => return Err(SizeError::Malformed(text.to_owned())),
            },
        };
        match amount {
            Amount::Number(0) | Amount::Bytes(0) => Err(SizeError::Zero),
            Amount::Percent(percent) if percent.is_zero() => Err(SizeError::Zero),
            amount => Ok(Self {
                text: text.to_owned(),
                amount,
            }),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// Why a text is no cache size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SizeError {
    /// None of the three shapes.
    #[error(
        "`{0}` is no cache size: give a number of objects such as 130, a share of the trace's footprint such as 0.1%, or, \
         with --byte-weighted, bytes such as 64MB, 64MiB or 1.5GiB"
    )]
    Malformed(String),
    /// Not a percentage up to 100.
    #[error("`{0}` is no share: give a percentage above 0% and up to 100%, such as 0.1%")]
    Percent(String),
    /// A number that does not fit.
    #[error(transparent)]
    Bytes(BytesError),
    /// A cache that holds nothing.
    #[error("a cache of size 0 holds nothing: give at least 1")]
    Zero,
}

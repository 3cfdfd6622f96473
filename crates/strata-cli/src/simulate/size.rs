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

/// One or more cache sizes: a [`Size`], or a range of them, `1000..100000:9` (`0.1%..10%:20`): so many from the first to the last, evenly
/// spaced on a logarithmic scale.
///
/// ```
/// use strata_cli::simulate::SizeRange;
///
/// let range: SizeRange = "0.1%..10%:20".parse()?;
/// assert_eq!(range.to_string(), "0.1%..10%:20");
/// assert!("10..100".parse::<SizeRange>().is_err());
/// # Ok::<(), strata_cli::simulate::SizeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizeRange {
    first: Size,
    /// The last size, and how many there are.
    last: Option<(Size, u16)>,
}

impl SizeRange {
    /// The most sizes of a range.
    pub const LEN_MAX: u16 = 1000;

    /// The sizes that are written out: the one, or both ends.
    pub(super) fn ends(&self) -> impl Iterator<Item = &Size> {
        std::iter::once(&self.first).chain(self.last.as_ref().map(|(last, _)| last))
    }

    /// The size, where it is only one.
    pub(super) fn single(&self) -> Option<&Size> {
        self.last.is_none().then_some(&self.first)
    }

    /// Whether it takes a first reading of the trace to know the sizes.
    #[must_use]
    pub fn has_share(&self) -> bool {
        self.ends().any(Size::is_share)
    }

    /// The capacities, ascending where they are several, given what all objects weigh. `None` where a size is past 2^64, or a share
    /// without a footprint.
    pub(super) fn capacities(&self, footprint: Option<u64>) -> Option<Vec<u64>> {
        let first = self.first.capacity(footprint)?;
        let Some((last, count)) = &self.last else {
            return Some(vec![first]);
        };
        let last = last.capacity(footprint)?;
        Some(spaced(first, last, *count))
    }
}

/// So many whole numbers from `first` to `last`, each time larger by about the same factor, each once.
pub(super) fn spaced(first: u64, last: u64, count: u16) -> Vec<u64> {
    let steps = f64::from(count.max(2) - 1);
    let factor = last as f64 / first as f64;
    let between = |step: u16| (first as f64 * factor.powf(f64::from(step) / steps)).round() as u64;
    let inner = (1..count.max(2) - 1).map(between);
    let mut sizes: Vec<u64> = std::iter::once(first)
        .chain(inner.map(|size| size.clamp(first.min(last), last.max(first))))
        .chain([last])
        .collect();
    sizes.dedup();
    sizes
}

impl FromStr for SizeRange {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let Some((first, rest)) = text.split_once("..") else {
            return Ok(Self {
                first: text.parse()?,
                last: None,
            });
        };
        let malformed = || SizeError::Range(text.trim().to_owned());
        let (last, count) = rest.rsplit_once(':').ok_or_else(malformed)?;
        let count = count.trim().parse().map_err(|_| malformed())?;
        if !(2..=Self::LEN_MAX).contains(&count) {
            return Err(malformed());
        }
        Ok(Self {
            first: first.parse()?,
            last: Some((last.parse()?, count)),
        })
    }
}

impl fmt::Display for SizeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.last {
            Some((last, count)) => write!(f, "{}..{last}:{count}", self.first),
            None => write!(f, "{}", self.first),
        }
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
    /// Not a range.
    #[error(
        "`{0}` is no range of sizes: give the first, the last and how many, 2 to 1000, such as 0.1%..10%:20"
    )]
    Range(String),
    /// A number that does not fit.
    #[error(transparent)]
    Bytes(BytesError),
    /// A cache that holds nothing.
    #[error("a cache of size 0 holds nothing: give at least 1")]
    Zero,
}

#[cfg(test)]
mod tests {
    use super::spaced;

    #[test]
    fn spaced_sizes_hold_both_ends_and_grow_by_one_factor() {
        assert_eq!(spaced(1, 1000, 4), [1, 10, 100, 1000]);
        assert_eq!(spaced(1, 4, 9), [1, 2, 3, 4]);
        assert_eq!(spaced(7, 7, 5), [7]);
        let many = spaced(48, 4897, 20);
        assert_eq!((many.len(), many[0], many[19]), (20, 48, 4897));
        assert!(many.is_sorted());
    }
}

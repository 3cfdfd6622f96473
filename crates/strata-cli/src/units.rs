//! Amounts of bytes as people write and read them: `64MB`, `64MiB`, `1.5GiB`, `512`.

use std::fmt;
use std::str::FromStr;

/// An amount of bytes, parsed from `512`, `64MB` (10^6), `64MiB` (2^20) or `1.5GiB`, shown in binary units.
///
/// ```
/// use strata_cli::units::Bytes;
///
/// assert_eq!("64MiB".parse::<Bytes>()?.get(), 64 << 20);
/// assert_eq!("64MB".parse::<Bytes>()?.get(), 64_000_000);
/// assert_eq!(Bytes::new(3 << 29).to_string(), "1.5 GiB");
/// # Ok::<(), strata_cli::units::BytesError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(u64);

impl Bytes {
    /// That many bytes.
    #[must_use]
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// How many bytes.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl FromStr for Bytes {
    type Err = BytesError;

    fn from_str(text: &str) -> Result<Self, BytesError> {
        parse_bytes(text).map(Self)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1024 {
            return f.pad(&format!("{} B", self.0));
        }
        // Tenths, rounded half up; 1023.96 KiB would round to 1024.0 KiB and becomes 1 MiB instead.
        let mut exponent = self.0.ilog2() as usize / 10;
        let tenths = |exponent: usize| {
            (u128::from(self.0) * 20 + (1 << (10 * exponent))) >> (10 * exponent + 1)
        };
        if tenths(exponent) >= 10_240 && exponent < UNITS.len() {
            exponent += 1;
        }
        let (whole, tenth) = (tenths(exponent) / 10, tenths(exponent) % 10);
        let unit = UNITS[exponent - 1];
        if tenth == 0 {
            f.pad(&format!("{whole} {unit}"))
        } else {
            f.pad(&format!("{whole}.{tenth} {unit}"))
        }
    }
}

/// Why a text is no amount of bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BytesError {
    /// Not a number, or an unknown unit.
    #[error(
        "`{0}` is no size: give a number of bytes such as 512, or one with a unit, kB MB GB TB (powers of 1000) or \
         KiB MiB GiB TiB (powers of 1024), such as 64MB, 64MiB or 1.5GiB"
    )]
    Malformed(String),
    /// A fraction of a byte.
    #[error("`{0}` is no whole number of bytes")]
    Fraction(String),
    /// 2^64 bytes or more.
    #[error("`{0}` is too large: sizes end below 16 EiB (2^64 bytes)")]
    TooLarge(String),
}

/// The bytes that `text` stands for: a number, with a fraction if a unit follows, and the unit: none or `B`,
/// `k`/`K` `M` `G` `T` `P` `E` with `B` for powers of 1000, with `iB` for powers of 1024, in any case. A blank before the unit
/// is allowed. A fraction is rounded down to whole bytes.
///
/// # Errors
///
/// [`BytesError`] says what is accepted.
pub fn parse_bytes(text: &str) -> Result<u64, BytesError> {
    let malformed = || BytesError::Malformed(text.to_owned());
    let too_large = || BytesError::TooLarge(text.to_owned());
    let trimmed = text.trim();
    let digits_end = trimmed
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits_end);
    let unit = multiplier(unit.trim_start()).ok_or_else(malformed)?;
    let decimal = Decimal::parse(number).ok_or_else(malformed)?;
    if unit == 1 && decimal.has_fraction() {
        return Err(BytesError::Fraction(text.to_owned()));
    }
    decimal.times(unit).ok_or_else(too_large)
}

/// How many bytes a unit stands for; `None` for an unknown one.
fn multiplier(unit: &str) -> Option<u64> {
    let unit = unit.to_ascii_lowercase();
    let (prefix, binary) = match unit.strip_suffix("ib") {
        Some(prefix) if !prefix.is_empty() => (prefix, true),
        _ => (unit.strip_suffix('b').unwrap_or(&unit), false),
    };
    let power = match prefix {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        "e" => 6,
        _ => return None,
    };
    // `64M` is ambiguous: which of the two was meant is for the user to say.
    if power > 0 && !unit.ends_with('b') {
        return None;
    }
    Some(if binary {
        1 << (10 * power)
    } else {
        1000_u64.pow(power)
    })
}

/// A decimal number held exactly: `digits / 10^scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    digits: u128,
    scale: u32,
}

impl Decimal {
    /// Digits with at most one point between them (`1.5`); no sign, no exponent, at most 15 digits after the point.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return None,
            None => (text, ""),
        };
        let digits_only = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits_only(whole) || !digits_only(fraction) || fraction.len() > 15
        {
            return None;
        }
        // A number too large to hold is larger than every bound that follows: saturate, and let that bound refuse it.
        let digits = format!("{whole}{fraction}").parse().unwrap_or(u128::MAX);
        Some(Self {
            digits,
            scale: fraction.len() as u32,
        })
    }

    fn has_fraction(self) -> bool {
        !self.digits.is_multiple_of(10_u128.pow(self.scale))
    }

    /// `self * factor`, rounded down; `None` past `u64::MAX`.
    pub(crate) fn times(self, factor: u64) -> Option<u64> {
        let product = self.digits.checked_mul(u128::from(factor))?;
        u64::try_from(product / 10_u128.pow(self.scale)).ok()
    }

    /// `self` percent of `whole`, rounded down; `None` past `u64::MAX`.
    pub(crate) fn percent_of(self, whole: u64) -> Option<u64> {
        let product = self.digits.checked_mul(u128::from(whole))?;
        u64::try_from(product / (100 * 10_u128.pow(self.scale))).ok()
    }

    pub(crate) fn is_zero(self) -> bool {
        self.digits == 0
    }

    /// Whether both are the same number: `1` and `1.0` are.
    pub(crate) fn equals(self, other: Self) -> bool {
        let scaled = |number: Self, by: u32| number.digits.checked_mul(10_u128.pow(by));
        match (scaled(self, other.scale), scaled(other, self.scale)) {
            (Some(ours), Some(theirs)) => ours == theirs,
            // One is too large to tell, and so beyond every bound that is set on it.
            _ => false,
        }
    }

    /// Whether the number is more than `bound`.
    pub(crate) fn exceeds(self, bound: u64) -> bool {
        self.digits > u128::from(bound) * 10_u128.pow(self.scale)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bytes, Decimal, parse_bytes};

    #[test]
    fn percent_is_exact_where_floats_are_not() {
        // 0.07 * 100 is 7.000000000000001 in floats, 0.29 * 100 is 28.999999999999996.
        for (percent, whole, expected) in [
            ("7", 100, 7),
            ("0.29", 10_000, 29),
            ("0.1", 48_974, 48),
            ("1", 48_974, 489),
        ] {
            assert_eq!(
                Decimal::parse(percent).unwrap().percent_of(whole),
                Some(expected)
            );
        }
    }

    #[test]
    fn bytes_shown_round_to_tenths_and_carry() {
        for (bytes, shown) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            ((1 << 20) - 1, "1 MiB"),
            (64 << 20, "64 MiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(Bytes::new(bytes).to_string(), shown);
        }
    }

    #[test]
    fn shown_whole_units_parse_back() {
        for bytes in [1_u64, 512, 1 << 10, 7 << 20, 3 << 29, 1 << 40, 1 << 60] {
            assert_eq!(parse_bytes(&Bytes::new(bytes).to_string()), Ok(bytes));
        }
    }
}

//! Times as people write them: `200ms`, `1.5s`, `2min`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A time, parsed from a number and its unit (`ms`, `s` or `min`), to the millisecond.
///
/// ```
/// use std::time::Duration;
/// use strata_cli::replay::Delay;
///
/// let delay: Delay = "1.5s".parse()?;
/// assert_eq!(delay.get(), Duration::from_millis(1500));
/// assert_eq!(delay.to_string(), "1500 ms");
/// assert_eq!("2min".parse::<Delay>()?.to_string(), "120 s");
/// assert!("2".parse::<Delay>().is_err());
/// # Ok::<(), strata_cli::replay::DelayError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Delay(Duration);

/// A text that is no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time: give a number and its unit, such as 200ms, 1.5s or 2min")]
pub struct DelayError(String);

/// A day: nobody waits longer for a write on purpose.
const LONGEST_MS: f64 = 24.0 * 3600.0 * 1000.0;

impl Delay {
    /// The time that is meant where none is given.
    pub const DEFAULT: Self = Self(Duration::from_secs(1));

    /// The time.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl FromStr for Delay {
    type Err = DelayError;

    fn from_str(text: &str) -> Result<Self, DelayError> {
        let refused = || DelayError(text.to_owned());
        let trimmed = text.trim();
        let is_digit = |c: char| c.is_ascii_digit() || c == '.';
        let end = trimmed.find(|c| !is_digit(c)).unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(end);
        let milliseconds_each = match unit.trim_start() {
            "ms" => 1.0,
            "s" => 1e3,
            "min" => 6e4,
            _ => return Err(refused()),
        };
        let number: f64 = number.parse().map_err(|_| refused())?;
        let milliseconds = (number * milliseconds_each).round();
        if !(0.0..=LONGEST_MS).contains(&milliseconds) {
            return Err(refused());
        }
        Ok(Self(Duration::from_millis(milliseconds as u64)))
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        if milliseconds.is_multiple_of(1000) {
            write!(f, "{} s", milliseconds / 1000)
        } else {
            write!(f, "{milliseconds} ms")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "", "ms", "1", "-1s", "1h", "1..2s", "s1", "25000min", "NaNs", ".",
        ] {
            assert_eq!(text.parse::<Delay>(), Err(DelayError(text.to_owned())));
        }
    }

    #[test]
    fn times_are_read_to_the_millisecond() {
        for (text, milliseconds) in [
            ("0ms", 0),
            ("200 ms", 200),
            ("0.0004s", 0),
            ("2min", 120_000),
            ("1440min", 86_400_000),
        ] {
            let delay: Delay = text.parse().expect("a time");
            assert_eq!(delay.get(), Duration::from_millis(milliseconds), "{text}");
        }
    }
}

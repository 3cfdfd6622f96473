//! Separated values with a column for each part of a request, told by a header line or by the caller.
//!
//! RFC 4180, read leniently: fields may be quoted, a quote inside of one is doubled, lines end in LF or CRLF, blank lines do
//! not count, a byte order mark at the beginning is skipped. Blanks around a field do not count. Every record has as many
//! fields as the first: one more or less is a separator that should have been quoted, and would shift every column behind it.

mod columns;
mod records;

use std::str::FromStr;

pub(super) use columns::is_header;
pub use columns::{CsvColumns, CsvColumnsError};
pub(super) use records::Records;

/// How a CSV trace is laid out, where its header does not say.
///
/// ```
/// use strata_cli::trace::{CsvOptions, TimeUnit};
///
/// // The layout of the Twitter traces: no header, keys in the second column, sizes of values in the fourth.
/// let columns = "time=1,key=2,size=4".parse()?;
/// let options = CsvOptions { columns: Some(columns), time_unit: TimeUnit::Seconds, ..CsvOptions::default() };
/// # Ok::<(), strata_cli::trace::CsvColumnsError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsvOptions {
    /// Which column holds what; `None`: the header's names tell.
    pub columns: Option<CsvColumns>,
    /// What stands between fields; `None`: whichever of comma, tab, semicolon and bar is most frequent in the first line.
    pub delimiter: Option<Delimiter>,
    /// Whether the first record names the columns.
    pub header: CsvHeader,
    /// What times count.
    pub time_unit: TimeUnit,
}

/// Whether the first record of a CSV trace names the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum CsvHeader {
    /// Told by the first record: names, or text where a number must be.
    #[default]
    Auto,
    /// The first record holds names.
    Yes,
    /// The first record is a request.
    No,
}

/// What the times of a CSV trace count; a fraction of a second is dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum TimeUnit {
    /// Seconds.
    #[default]
    #[value(name = "s")]
    Seconds,
    /// Milliseconds.
    #[value(name = "ms")]
    Milliseconds,
    /// Microseconds.
    #[value(name = "us")]
    Microseconds,
    /// Nanoseconds.
    #[value(name = "ns")]
    Nanoseconds,
}

impl TimeUnit {
    fn per_second(self) -> u64 {
        match self {
            Self::Seconds => 1,
            Self::Milliseconds => 1_000,
            Self::Microseconds => 1_000_000,
            Self::Nanoseconds => 1_000_000_000,
        }
    }
}

/// The byte between two fields: any ASCII character but a quote, a line end, a digit or a letter; or `tab`.
///
/// ```
/// use strata_cli::trace::Delimiter;
///
/// assert_eq!("tab".parse::<Delimiter>(), "\t".parse());
/// assert!("::".parse::<Delimiter>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Delimiter(u8);

impl Delimiter {
    /// The delimiters that are looked for, the likeliest first.
    const KNOWN: [Self; 4] = [Self(b','), Self(b'\t'), Self(b';'), Self(b'|')];

    /// The one that separates the fields of a first line.
    fn of_line(line: &[u8]) -> Self {
        let mut counts = [0_usize; Self::KNOWN.len()];
        let mut quoted = false;
        for &byte in line {
            quoted ^= byte == b'"';
            if let Some(which) = Self::KNOWN.iter().position(|known| known.0 == byte)
                && !quoted
            {
                counts[which] += 1;
            }
        }
        // The first of the most frequent ones.
        let best = (0..counts.len()).rev().max_by_key(|&which| counts[which]);
        best.map_or(Self(b','), |which| Self::KNOWN[which])
    }
}

/// Why a text is no [`Delimiter`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot separate fields: give one punctuation character, such as , or ; or |, or the word tab"
)]
pub struct DelimiterError(String);

impl FromStr for Delimiter {
    type Err = DelimiterError;

    fn from_str(text: &str) -> Result<Self, DelimiterError> {
        match text.as_bytes() {
            b"tab" | b"\\t" | b"\t" => Ok(Self(b'\t')),
            [b' '] => Ok(Self(b' ')),
            [byte] if byte.is_ascii_punctuation() && !b"\"-".contains(byte) => Ok(Self(*byte)),
            _ => Err(DelimiterError(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Delimiter;

    #[test]
    fn the_most_frequent_separator_outside_of_quotes_counts() {
        for (line, expected) in [
            ("time,key,size", b','),
            ("time\tkey\tsize,", b'\t'),
            ("1;\"a,b,c,d\";3", b';'),
            ("1|2", b'|'),
            ("alone", b','),
            ("a,b;c", b','),
        ] {
            assert_eq!(
                Delimiter::of_line(line.as_bytes()),
                Delimiter(expected),
                "{line}"
            );
        }
    }

    #[test]
    fn what_occurs_in_numbers_and_quotes_separates_nothing() {
        for text in ["", "7", "a", "\"", "-", "\n", "é", ",,"] {
            assert!(text.parse::<Delimiter>().is_err(), "{text:?}");
        }
        assert_eq!(" ".parse(), Ok(Delimiter(b' ')));
    }
}

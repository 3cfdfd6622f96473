//! The formats of traces, and how a file's is told from its name or its first bytes.

use std::fmt;
use std::path::Path;

use super::decode::Compression;
use super::{csv, oracle_general};

/// How a trace's requests are written down.
///
/// ```
/// use strata_cli::trace::Format;
///
/// assert_eq!(Format::of_name("OLTP.lis.zst".as_ref()), Some(Format::Arc));
/// assert_eq!(Format::of_content(b"2819\n85\n560\n", true), Some(Format::Lirs));
/// assert_eq!(Format::of_content(b"time,key,size\n1,a,20\n", true), Some(Format::Csv));
/// assert_eq!(Format::of_content(b"<html>", true), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
#[non_exhaustive]
pub enum Format {
    /// libCacheSim's oracleGeneral: 24-byte little-endian records {u32 time, u64 key, u32 size, i64 next}.
    #[value(name = "oracleGeneral")]
    OracleGeneral,
    /// The ARC paper's text: lines `start count 0 request`, each asking for `count` blocks from `start` on.
    Arc,
    /// The LIRS paper's text: one key a line, a number; lines of `*` mark phases.
    Lirs,
    /// Separated values: columns named by a header, or by `--columns`.
    Csv,
    /// One key a line: a number, or any text.
    Keys,
}

/// What a trace holds beside its keys.
///
/// ```
/// use strata_cli::trace::{Columns, Format};
///
/// let columns = Columns { time: true, size: true, next: true };
/// assert_eq!(Format::OracleGeneral.columns(), columns);
/// assert_eq!(Format::Lirs.columns(), Columns::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Columns {
    /// When each request came.
    pub time: bool,
    /// The size of each request's object.
    pub size: bool,
    /// The position of the next request of the same object.
    pub next: bool,
}

impl Format {
    /// The format's name, as `--trace-format` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OracleGeneral => "oracleGeneral",
            Self::Arc => "arc",
            Self::Lirs => "lirs",
            Self::Csv => "csv",
            Self::Keys => "keys",
        }
    }

    /// What the format has room for beside keys; of a CSV trace, its columns decide what it holds
    /// ([`Reader::columns`](super::Reader::columns)).
    #[must_use]
    pub fn columns(self) -> Columns {
        let all = matches!(self, Self::OracleGeneral | Self::Csv);
        Columns {
            time: all,
            size: all,
            next: all,
        }
    }

    /// The format that a file's name promises: a part `.oracleGeneral`, or `.lis`, `.arc`, `.lirs`, `.csv`, `.tsv`,
    /// `.keys` before the suffix of a compression. `None` where names promise nothing (`.trace`, `.txt`, `.bin`): the content tells then.
    #[must_use]
    pub fn of_name(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
        let mut parts = name.split('.').skip(1).collect::<Vec<_>>();
        if parts.contains(&"oraclegeneral") {
            return Some(Self::OracleGeneral);
        }
        if parts
            .last()
            .is_some_and(|last| Compression::of_suffix(last).is_some())
        {
            parts.pop();
        }
        match parts.last() {
            Some(&("lis" | "arc")) => Some(Self::Arc),
            Some(&"lirs") => Some(Self::Lirs),
            Some(&("csv" | "tsv")) => Some(Self::Csv),
            Some(&"keys") => Some(Self::Keys),
            _ => None,
        }
    }

    /// The format that the decompressed first bytes of a trace look like; `whole` says that they are the whole trace.
    ///
    /// Text counts by its first line that is neither blank nor a mark: four numbers are ARC's, one is LIRS's, and
    /// a header that names keys and another column is CSV's. Bytes count as oracleGeneral when every record's time and next position are possible.
    #[must_use]
    pub fn of_content(head: &[u8], whole: bool) -> Option<Self> {
        let is_text = |b: &u8| matches!(b, b'\t' | b'\n' | b'\r' | b' '..=b'~');
        if !head.iter().all(is_text) {
            return oracle_general::is_plausible(head).then_some(Self::OracleGeneral);
        }
        // The last line may be cut off by the end of `head`: it counts only if the trace ends there too.
        let lines_end = match head.iter().rposition(|&b| b == b'\n') {
            _ if whole => head.len(),
            Some(newline) => newline,
            None => return None,
        };
        let mut lines = head[..lines_end]
            .split(|&b| b == b'\n')
            .map(<[u8]>::trim_ascii);
        let line = lines.find(|line| !line.is_empty() && *line != b"*")?;
        let mut fields = line
            .split(u8::is_ascii_whitespace)
            .filter(|field| !field.is_empty());
        let numbers = fields
            .clone()
            .all(|field| field.iter().all(u8::is_ascii_digit));
        match fields.by_ref().count() {
            4 if numbers => Some(Self::Arc),
            1 if numbers => Some(Self::Lirs),
            _ if csv::is_header(line) => Some(Self::Csv),
            _ => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn names_promise_formats() {
        for (name, format) in [
            ("cpIO.oracleGeneral.zst", Some(Format::OracleGeneral)),
            ("web.OracleGeneral.bin.gz", Some(Format::OracleGeneral)),
            ("dir.lis/P3", None),
            ("P3.lis", Some(Format::Arc)),
            ("P3.LIS.GZ", Some(Format::Arc)),
            ("multi.lirs.zst", Some(Format::Lirs)),
            ("2_pools.trace.gz", None),
            ("a.csv", Some(Format::Csv)),
            ("a.TSV.xz", Some(Format::Csv)),
            ("urls.keys.zst", Some(Format::Keys)),
            ("lis", None),
            ("oracleGeneral", None),
        ] {
            assert_eq!(Format::of_name(name.as_ref()), format, "{name}");
        }
    }

    #[test]
    fn a_number_cut_by_the_end_of_the_head_tells_nothing() {
        assert_eq!(Format::of_content(b"12", false), None);
        assert_eq!(Format::of_content(b"12", true), Some(Format::Lirs));
        assert_eq!(Format::of_content(b"12\n3", false), Some(Format::Lirs));
    }
}

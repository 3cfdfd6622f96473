//! Which column of a CSV trace holds what.

use std::fmt;
use std::str::FromStr;

use super::{CsvHeader, CsvOptions, TimeUnit};
use crate::trace::stream;

/// What a column may hold, in the order that requests are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Time,
    Key,
    Size,
    Next,
}

impl Part {
    const ALL: [Self; 4] = [Self::Time, Self::Key, Self::Size, Self::Next];

    fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Key => "key",
            Self::Size => "size",
            Self::Next => "next",
        }
    }

    /// The names that headers give such a column, without blanks, `_`, `-` and case; the surest first.
    fn header_names(self) -> &'static [&'static str] {
        match self {
            Self::Time => &["time", "timestamp", "clocktime", "ts", "date", "times"],
            Self::Key => &[
                "key",
                "objid",
                "objectid",
                "object",
                "obj",
                "id",
                "anonymizedkey",
                "item",
                "itemid",
                "block",
                "blockid",
                "lba",
                "lbn",
                "offset",
                "url",
            ],
            Self::Size => &[
                "size",
                "objsize",
                "objectsize",
                "sizebytes",
                "bytes",
                "valuesize",
                "length",
                "len",
            ],
            Self::Next => &["next", "nextaccess", "nextaccessvtime", "nextvtime"],
        }
    }
}

/// Which column holds what, parsed from `time=1,key=2,size=3`: columns counted from 1, or named as the header does.
///
/// `key` must be there; `time`, `size` and `next` (the position of the object's next request, counted from 1, -1 or
/// nothing if there is none) may be.
///
/// ```
/// use strata_cli::trace::CsvColumns;
///
/// assert!("time=1,key=2".parse::<CsvColumns>().is_ok());
/// assert!("key=url,size=response_size".parse::<CsvColumns>().is_ok());
/// assert!("time=1".parse::<CsvColumns>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvColumns {
    /// By [`Part`].
    columns: [Option<Column>; 4],
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Column {
    /// Counted from 0.
    Index(usize),
    Name(String),
}

/// Why a text is no [`CsvColumns`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsvColumnsError {
    /// Not `part=column`, or an unknown part.
    #[error(
        "`{0}` does not say which column holds what: give key=COLUMN, and time=, size= or next=COLUMN if the trace holds them, as \
         in time=1,key=2,size=3 (columns count from 1, or go by the header's names)"
    )]
    Malformed(String),
    /// One part is given two columns.
    #[error("{0} is given two columns: name one")]
    Twice(&'static str),
    /// No column holds the key.
    #[error("no column holds the key: add key=COLUMN")]
    NoKey,
}

impl FromStr for CsvColumns {
    type Err = CsvColumnsError;

    fn from_str(text: &str) -> Result<Self, CsvColumnsError> {
        let mut columns = [const { None }; 4];
        for item in text.split(',') {
            let malformed = || CsvColumnsError::Malformed(item.trim().to_owned());
            let (part, column) = item.split_once('=').ok_or_else(malformed)?;
            let (part, column) = (part.trim(), column.trim());
            let part = Part::ALL
                .into_iter()
                .find(|known| known.name() == part)
                .ok_or_else(malformed)?;
            let column = match stream::number(column.as_bytes()) {
                Some(0) => return Err(malformed()),
                Some(number) => {
                    Column::Index(usize::try_from(number - 1).map_err(|_| malformed())?)
                }
                None if column.is_empty() => return Err(malformed()),
                None => Column::Name(column.to_owned()),
            };
            if columns[part as usize].replace(column).is_some() {
                return Err(CsvColumnsError::Twice(part.name()));
            }
        }
        if columns[Part::Key as usize].is_none() {
            return Err(CsvColumnsError::NoKey);
        }
        Ok(Self { columns })
    }
}

impl fmt::Display for CsvColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for part in Part::ALL {
            match &self.columns[part as usize] {
                Some(Column::Index(index)) => {
                    write!(f, "{separator}{}={}", part.name(), index + 1)?
                }
                Some(Column::Name(name)) => write!(f, "{separator}{}={name}", part.name())?,
                None => continue,
            }
            separator = ",";
        }
        Ok(())
    }
}

/// Where the parts of a request stand in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) key: usize,
    pub(super) time: Option<usize>,
    pub(super) size: Option<usize>,
    pub(super) next: Option<usize>,
    /// The fields of every record.
    pub(super) fields: usize,
    pub(super) time_unit: TimeUnit,
}

impl Layout {
    fn new(columns: [Option<usize>; 4], key: usize, fields: usize, time_unit: TimeUnit) -> Self {
        let column = |part: Part| columns[part as usize];
        Self {
            key,
            time: column(Part::Time),
            size: column(Part::Size),
            next: column(Part::Next),
            fields,
            time_unit,
        }
    }

    /// The layout that the options and the first record give, and whether that record is a header. The error says what is
    /// amiss and what to do.
    pub(super) fn of(first: &[&[u8]], options: &CsvOptions) -> Result<(Self, bool), String> {
        let (columns, is_header) = match &options.columns {
            Some(columns) => chosen(columns, first, options.header)?,
            None => told_by_names(first, options.header)?,
        };
        let key = columns[Part::Key as usize].expect("both ways see to a key");
        let layout = Self::new(columns, key, first.len(), options.time_unit);
        Ok((layout, is_header))
    }
}

/// Whether a first record's fields name a column of keys and another one, so that they surely are a header.
pub(in crate::trace) fn is_header(line: &[u8]) -> bool {
    let delimiter = super::Delimiter::of_line(line).0;
    let fields: Vec<&[u8]> = line.split(|&byte| byte == delimiter).collect();
    let known = Part::ALL.map(|part| position_of(part, &fields).is_some());
    known[Part::Key as usize] && known.iter().filter(|&&found| found).count() > 1
}

fn position_of(part: Part, names: &[&[u8]]) -> Option<usize> {
    let names: Vec<String> = names.iter().map(|name| plain(name)).collect();
    part.header_names()
        .iter()
        .find_map(|known| names.iter().position(|name| name == known))
}

/// A header's name without what varies from writer to writer.
fn plain(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name.trim_ascii());
    let letters = name.chars().filter(|c| !matches!(c, ' ' | '_' | '-' | '"'));
    letters.flat_map(char::to_lowercase).collect()
}

type Found = ([Option<usize>; 4], bool);

fn told_by_names(first: &[&[u8]], header: CsvHeader) -> Result<Found, String> {
    let columns = Part::ALL.map(|part| position_of(part, first));
    if header != CsvHeader::No && columns[Part::Key as usize].is_some() {
        return Ok((columns, true));
    }
    if first.len() == 1 {
        return Ok(([None, Some(0), None, None], header == CsvHeader::Yes));
    }
    let record = first.join(&b", "[..]);
    Err(format!(
        "its first record ({}) names no column of keys, such as key, id or obj_id: say which columns hold what, as in \
         --columns time=1,key=2,size=3",
        shown(&record)
    ))
}

fn chosen(columns: &CsvColumns, first: &[&[u8]], header: CsvHeader) -> Result<Found, String> {
    let mut found = [None; 4];
    let mut named = false;
    for part in Part::ALL {
        let Some(column) = &columns.columns[part as usize] else {
            continue;
        };
        let index = match column {
            Column::Index(index) => *index,
            Column::Name(name) => {
                named = true;
                let same = |field: &&[u8]| field.trim_ascii() == name.as_bytes();
                let alike = |field: &&[u8]| plain(field) == plain(name.as_bytes());
                let position = first.iter().position(same);
                position
                    .or_else(|| first.iter().position(alike))
                    .ok_or_else(|| {
                        let record = first.join(&b", "[..]);
                        format!(
                            "its first record ({}) names no column {name}: correct --columns",
                            shown(&record)
                        )
                    })?
            }
        };
        if index >= first.len() {
            return Err(format!(
                "its first record has {} fields, so that column {} for the {} is not there: correct --columns or --delimiter",
                first.len(),
                index + 1,
                part.name()
            ));
        }
        found[part as usize] = Some(index);
    }
    if named && header == CsvHeader::No {
        return Err(
            "--columns goes by names, which need a header: give numbers, counted from 1".to_owned(),
        );
    }
    let is_header = match header {
        CsvHeader::Yes => true,
        CsvHeader::No => false,
        CsvHeader::Auto => named || looks_like_names(&found, first),
    };
    Ok((found, is_header))
}

/// Whether text stands where a number must be, or the key's field is a name that headers give it.
fn looks_like_names(columns: &[Option<usize>; 4], first: &[&[u8]]) -> bool {
    let field = |part: Part| columns[part as usize].map(|index| first[index]);
    let is_text = |field: &[u8]| {
        field
            .first()
            .is_some_and(|&b| !b.is_ascii_digit() && b != b'-')
    };
    let numbers = [Part::Time, Part::Size, Part::Next];
    numbers
        .into_iter()
        .filter_map(field)
        .any(|field| is_text(field.trim_ascii()))
        || field(Part::Key).is_some_and(|name| position_of(Part::Key, &[name]).is_some())
}

/// A field or record as an error shows it: at most 40 characters, on one line.
pub(super) fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        shown.push_str("...");
    }
    format!("`{shown}`")
}

#[cfg(test)]
mod tests;

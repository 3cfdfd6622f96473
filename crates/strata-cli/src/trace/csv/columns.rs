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

    /// The names that headers give such a column and no other, without blanks, `_`, `-` and case; the likeliest first.
    fn sure_names(self) -> &'static [&'static str] {
        match self {
            Self::Time => &["time", "timestamp", "clocktime", "ts", "date", "times"],
            Self::Key => &["key", "objid", "objectid", "object", "obj", "anonymizedkey"],
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

    /// The names that headers give such a column where none of the sure ones is there, and other columns too.
    fn vague_names(self) -> &'static [&'static str] {
        match self {
            Self::Key => &[
                "id", "item", "itemid", "block", "blockid", "lba", "lbn", "offset", "url",
            ],
            Self::Time | Self::Size | Self::Next => &[],
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

impl CsvColumns {
    fn numbered(columns: [Option<usize>; 4]) -> Self {
        Self {
            columns: columns.map(|column| column.map(Column::Index)),
        }
    }
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
        if let &[alone] = first
            && options.header != CsvHeader::No
            && let Some(separator) = separator_of_names(alone)
        {
            return Err(format!(
                "its first record ({}) is one field that holds names of columns: separate them by --delimiter {separator}",
                shown(alone)
            ));
        }
        let (columns, is_header) = match &options.columns {
            Some(columns) => chosen(columns, first, options.header)?,
            None => told_by_names(first, options.header)?,
        };
        let key = columns[Part::Key as usize].expect("both ways see to a key");
        let layout = Self::new(columns, key, first.len(), options.time_unit);
        Ok((layout, is_header))
    }

    /// Which column holds what, by the header's names where there are any that tell columns apart, else by numbers.
    pub(super) fn columns(&self, header: Option<&[&[u8]]>) -> CsvColumns {
        let column = |index: usize| {
            let name = header.and_then(|names| name_of(names, index));
            name.map_or(Column::Index(index), Column::Name)
        };
        let columns = [self.time, Some(self.key), self.size, self.next];
        CsvColumns {
            columns: columns.map(|index| index.map(column)),
        }
    }
}

/// The name of a column, if it can be given as one.
fn name_of(names: &[&[u8]], index: usize) -> Option<String> {
    let name = names[index];
    let text = std::str::from_utf8(name).ok()?;
    let is_first = names.iter().position(|other| other == &name) == Some(index);
    let is_plain = !text.contains(|c: char| matches!(c, ',' | '=') || c.is_control());
    let is_name = !text.is_empty() && stream::number(name).is_none();
    (is_first && is_plain && is_name).then(|| text.to_owned())
}

/// Whether a first record's fields name a column of keys and another one, so that they surely are a header.
pub(in crate::trace) fn is_header(line: &[u8]) -> bool {
    let delimiter = super::Delimiter::of_line(line).0;
    are_names(&line.split(|&byte| byte == delimiter).collect::<Vec<_>>())
}

fn are_names(fields: &[&[u8]]) -> bool {
    let known = Part::ALL.map(|part| position_of(part, fields).is_some());
    known[Part::Key as usize] && known.iter().filter(|&&found| found).count() > 1
}

/// What separates the names of columns that a text holds, as `--delimiter` takes it from a shell.
fn separator_of_names(text: &[u8]) -> Option<&'static str> {
    let separators = [
        (b',', ","),
        (b'\t', "tab"),
        (b';', "';'"),
        (b'|', "'|'"),
        (b' ', "' '"),
    ];
    let found = separators.into_iter().find(|(separator, _)| {
        let fields = text.split(|byte| byte == separator);
        are_names(&fields.filter(|field| !field.is_empty()).collect::<Vec<_>>())
    });
    found.map(|(_, shown)| shown)
}

fn position_of(part: Part, names: &[&[u8]]) -> Option<usize> {
    candidates(part, names).first().copied()
}

/// The columns that may hold a part, the likeliest first: several only where names are equally good.
fn candidates(part: Part, names: &[&[u8]]) -> Vec<usize> {
    let names: Vec<String> = names.iter().map(|name| plain(name)).collect();
    let among = |known: &[&str]| -> Vec<usize> {
        let columns = known.iter().flat_map(|known| {
            let same = names
                .iter()
                .enumerate()
                .filter(move |(_, name)| name == known);
            same.map(|(index, _)| index)
        });
        columns.collect()
    };
    let sure = among(part.sure_names());
    if sure.is_empty() {
        return among(part.vague_names());
    }
    sure
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
    let keys = candidates(Part::Key, first);
    if header != CsvHeader::No && keys.len() > 1 {
        let names = keys.iter().map(|&column| shown(first[column]));
        let names: Vec<String> = names.collect();
        return Err(format!(
            "its header names {} columns that may be the key ({}): say which one is, as in --columns {}",
            keys.len(),
            names.join(", "),
            CsvColumns::numbered(columns)
        ));
    }
    if header != CsvHeader::No && !keys.is_empty() {
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

//! The records of a CSV trace, one by one, in bounded memory.

use std::fmt;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::columns::{Layout, shown};
use super::{CsvColumns, CsvOptions, Delimiter};
use crate::trace::Request;
use crate::trace::error::TraceError;
use crate::trace::format::Columns;
use crate::trace::keys::key_of;
use crate::trace::stream::{LINE_SIZE_MAX, Stream, number};

/// The most fields of a record.
const FIELDS_MAX: usize = 1 << 10;

/// The parser, the record last read, and where its parts stand.
pub(in crate::trace) struct Records {
    parser: Reader,
    record: Record,
    layout: Layout,
    /// Which column holds what, as people read it.
    named: CsvColumns,
    /// The first record was read to find the layout, and is a request.
    first_is_request: bool,
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records")
            .field("layout", &self.layout)
            .finish_non_exhaustive()
    }
}

/// A record: its fields unquoted, and where it began.
struct Record {
    bytes: Box<[u8]>,
    /// Where each field ends in `bytes`; `len` of them count.
    ends: Box<[usize]>,
    len: usize,
    /// Its first byte in the stream.
    offset: u64,
    /// Its first line, counted from 1.
    line: u64,
}

impl Record {
    fn field(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        self.bytes[start..self.ends[index]].trim_ascii()
    }

    fn corrupt(&self, stream: &Stream, what: impl fmt::Display) -> TraceError {
        stream.corrupt(self.offset, format!("line {}: {what}", self.line))
    }
}

impl Records {
    /// Reads the first record and finds the layout; `None` for a trace without any record.
    pub(in crate::trace) fn new(
        stream: &mut Stream,
        options: &CsvOptions,
    ) -> Result<Option<Self>, TraceError> {
        let delimiter = match options.delimiter {
            Some(delimiter) => delimiter,
            None => match stream.line()? {
                Some(line) => Delimiter::of_line(line),
                None => return Ok(None),
            },
        };
        // A byte order mark is skipped only where the parser sees all of it at once.
        stream.window(3)?;
        let mut parser = ReaderBuilder::new().delimiter(delimiter.0).build();
        let mut record = Record {
            bytes: vec![0; LINE_SIZE_MAX].into_boxed_slice(),
            ends: vec![0; FIELDS_MAX].into_boxed_slice(),
            len: 0,
            offset: 0,
            line: 1,
        };
        if !read(stream, &mut parser, &mut record)? {
            return Ok(None);
        }
        let first: Vec<&[u8]> = (0..record.len).map(|index| record.field(index)).collect();
        let (layout, is_header) =
            Layout::of(&first, options).map_err(|what| TraceError::Columns {
                path: stream.path().to_owned(),
                what,
            })?;
        let named = layout.columns(is_header.then_some(&first[..]));
        Ok(Some(Self {
            parser,
            record,
            layout,
            named,
            first_is_request: !is_header,
        }))
    }

    /// What the requests hold beside their keys.
    pub(in crate::trace) fn columns(&self) -> Columns {
        Columns {
            time: self.layout.time.is_some(),
            size: self.layout.size.is_some(),
            next: self.layout.next.is_some(),
        }
    }

    pub(in crate::trace) fn named(&self) -> &CsvColumns {
        &self.named
    }

    /// The next request of the trace; `None` at its end.
    pub(in crate::trace) fn next(
        &mut self,
        stream: &mut Stream,
    ) -> Result<Option<Request>, TraceError> {
        if !std::mem::take(&mut self.first_is_request)
            && !read(stream, &mut self.parser, &mut self.record)?
        {
            return Ok(None);
        }
        let (record, layout) = (&self.record, &self.layout);
        if record.len != layout.fields {
            let what = format!(
                "{} fields where the first record has {}: is a separator not quoted?",
                record.len, layout.fields
            );
            return Err(record.corrupt(stream, what));
        }
        let key = record.field(layout.key);
        if key.is_empty() {
            return Err(record.corrupt(stream, "the key is empty"));
        }
        let bad = |what: String| record.corrupt(stream, what);
        Ok(Some(Request {
            time: match layout.time {
                Some(column) => time(record.field(column), layout).map_err(bad)?,
                None => 0,
            },
            key: key_of(key),
            size: match layout.size {
                Some(column) => size(record.field(column)).map_err(bad)?,
                None => 1,
            },
            next: match layout.next {
                Some(column) => next_position(record.field(column)).map_err(bad)?,
                None => None,
            },
        }))
    }
}

/// Reads a record; false at the end of the trace.
fn read(stream: &mut Stream, parser: &mut Reader, record: &mut Record) -> Result<bool, TraceError> {
    // The parser would skip blank lines too, but then nobody knew where the record began.
    while let Some(&byte @ (b'\n' | b'\r')) = stream.window(1)?.first() {
        stream.consume(1);
        parser.set_line(parser.line() + u64::from(byte == b'\n'));
    }
    record.offset = stream.offset();
    record.line = parser.line();
    record.len = 0;
    let mut size = 0;
    let mut quotes = 0;
    loop {
        let window = stream.window(1)?;
        let at_end = window.is_empty();
        let (result, taken, written, ended) = parser.read_record(
            window,
            &mut record.bytes[size..],
            &mut record.ends[record.len..],
        );
        quotes += window[..taken].iter().filter(|&&byte| byte == b'"').count();
        stream.consume(taken);
        size += written;
        record.len += ended;
        let what = match result {
            ReadRecordResult::InputEmpty => continue,
            ReadRecordResult::End => return Ok(false),
            ReadRecordResult::Record if at_end && quotes % 2 == 1 => {
                let what = format!("the quoted field of line {} is not closed", record.line);
                return Err(stream.truncated(stream.offset(), what));
            }
            ReadRecordResult::Record => return Ok(true),
            ReadRecordResult::OutputFull => {
                let size = LINE_SIZE_MAX >> 10;
                format!(
                    "line {}: the record is longer than {size} KiB; is a quote not closed?",
                    record.line
                )
            }
            ReadRecordResult::OutputEndsFull => {
                format!(
                    "line {}: the record has more than {FIELDS_MAX} fields",
                    record.line
                )
            }
        };
        return Err(stream.refused(record.offset, what));
    }
}

/// Whole seconds, of a number with or without a fraction.
fn time(field: &[u8], layout: &Layout) -> Result<u32, String> {
    let malformed = || format!("the time {} is no number of 0 or more", shown(field));
    let mut parts = field.splitn(2, |&byte| byte == b'.');
    let whole = parts.next().and_then(number).ok_or_else(malformed)?;
    if !parts
        .next()
        .unwrap_or_default()
        .iter()
        .all(u8::is_ascii_digit)
    {
        return Err(malformed());
    }
    u32::try_from(whole / layout.time_unit.per_second()).map_err(|_| {
        format!(
            "the time {} is 2^32 seconds or more: if it counts smaller units, say so with --time-unit ms, us or ns",
            shown(field)
        )
    })
}

fn size(field: &[u8]) -> Result<u32, String> {
    number(field)
        .and_then(|size| u32::try_from(size).ok())
        .ok_or_else(|| {
            let field = shown(field);
            format!("the size {field} is no whole number of bytes below 2^32 (4 GiB)")
        })
}

fn next_position(field: &[u8]) -> Result<Option<u64>, String> {
    match field {
        b"" | b"-1" => Ok(None),
        _ => match number(field) {
            Some(next) => Ok(Some(next)),
            None => {
                let field = shown(field);
                Err(format!(
                    "the next position {field} is neither a whole number nor -1"
                ))
            }
        },
    }
}

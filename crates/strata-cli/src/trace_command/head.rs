//! `strata trace head`: the first requests of a trace.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use crate::args::ReadArgs;
use crate::table::{Column, Table};
use crate::trace::{Columns, Format, Request, Writer};

/// The arguments of `strata trace head`.
#[derive(Clone, Debug, clap::Args)]
pub struct HeadArgs {
    /// The trace; - for standard input.
    #[arg(value_name = "TRACE")]
    pub trace: PathBuf,

    /// How many requests to print.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    pub requests: u64,

    /// How to print them; csv can be read again as a trace.
    #[arg(long, value_enum, default_value_t)]
    pub format: HeadFormat,

    /// How to read the trace.
    #[command(flatten)]
    pub read: ReadArgs,
}

/// How requests are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum HeadFormat {
    /// A table for people.
    #[default]
    Table,
    /// Comma-separated values under a header line.
    Csv,
    /// A JSON array of objects.
    Json,
}

pub(super) fn run(args: &HeadArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let reader = args.read.open(&args.trace)?;
    let columns = reader.columns();
    let count = usize::try_from(args.requests).unwrap_or(usize::MAX);
    let mut printer = Printer::new(args.format, columns, out)?;
    for request in reader.take(count) {
        // What came before an error is printed all the same.
        match request {
            Ok(request) => printer.print(&request)?,
            Err(error) => {
                printer.finish()?;
                return Err(error.into());
            }
        }
    }
    Ok(printer.finish()?)
}

/// The rows of a table that are held at a time. A longer table leaves room for any number in its columns.
const ROWS_HELD: usize = 1000;

enum Printer<'a> {
    Table {
        table: Table,
        columns: Columns,
        printed: u64,
        out: &'a mut dyn Write,
    },
    Csv(Writer<&'a mut dyn Write>),
    Json {
        columns: Columns,
        printed: u64,
        out: &'a mut dyn Write,
    },
}

impl<'a> Printer<'a> {
    fn new(format: HeadFormat, columns: Columns, out: &'a mut dyn Write) -> io::Result<Self> {
        Ok(match format {
            HeadFormat::Table => Self::Table {
                table: Table::new(table_columns(columns).map(|(name, _)| Column::number(name))),
                columns,
                printed: 0,
                out,
            },
            HeadFormat::Csv => Self::Csv(Writer::new(out, Format::Csv, columns)?),
            HeadFormat::Json => {
                write!(out, "[")?;
                Self::Json {
                    columns,
                    printed: 0,
                    out,
                }
            }
        })
    }

    fn print(&mut self, request: &Request) -> io::Result<()> {
        match self {
            Self::Table {
                table,
                columns,
                printed,
                out,
            } => {
                if table.rows_held() == ROWS_HELD {
                    let digits = |(_, max): (_, u64)| max.to_string().len();
                    table.reserve(table_columns(*columns).map(digits));
                    table.print(*out)?;
                }
                *printed += 1;
                let next = request.next.map_or("-".to_owned(), |next| next.to_string());
                let cells = [
                    (true, printed.to_string()),
                    (columns.time, request.time.to_string()),
                    (true, request.key.to_string()),
                    (columns.size, request.size.to_string()),
                    (columns.next, next),
                ];
                table.row(
                    cells
                        .into_iter()
                        .filter_map(|(held, cell)| held.then_some(cell)),
                );
                Ok(())
            }
            Self::Csv(writer) => writer.write(request),
            Self::Json {
                columns,
                printed,
                out,
            } => {
                let separator = if *printed == 0 { "" } else { "," };
                write!(out, "{separator}\n  ")?;
                *printed += 1;
                let row = Row {
                    time: columns.time.then_some(request.time),
                    key: request.key,
                    size: columns.size.then_some(request.size),
                    next: columns.next.then_some(request.next),
                };
                Ok(serde_json::to_writer(&mut **out, &row)?)
            }
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Table { table, out, .. } => table.finish(out),
            Self::Csv(writer) => writer.finish().map(|_| ()),
            Self::Json { printed, out, .. } => {
                writeln!(out, "{}]", if printed == 0 { "" } else { "\n" })
            }
        }
    }
}

/// The columns of a table, and the largest number that may stand in each.
fn table_columns(held: Columns) -> impl Iterator<Item = (&'static str, u64)> {
    let columns = [
        (true, "request", 9_999_999_999),
        (held.time, "time", u32::MAX.into()),
        (true, "key", u64::MAX),
        (held.size, "size", u32::MAX.into()),
        (held.next, "next", i64::MAX as u64),
    ];
    columns
        .into_iter()
        .filter_map(|(held, name, max)| held.then_some((name, max)))
}

/// A request in JSON: what the trace does not hold is left out.
#[derive(Serialize)]
struct Row {
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<u32>,
    key: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Option<u64>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_table_is_printed_on_the_way() {
        let mut out = Vec::new();
        let columns = Columns {
            time: true,
            size: true,
            next: true,
        };
        let mut printer = Printer::new(HeadFormat::Table, columns, &mut out).unwrap();
        for key in 0..4500_u64 {
            let request = Request {
                time: 1,
                key: key.pow(5),
                size: 10,
                next: None,
            };
            printer.print(&request).unwrap();
        }
        drop(printer);
        let shown = String::from_utf8(out).unwrap();
        let rows: Vec<&str> = shown.lines().skip(3).collect();
        assert_eq!(rows.len(), 4000);
        assert!(rows.iter().all(|row| row.len() == rows[0].len()));
    }
}

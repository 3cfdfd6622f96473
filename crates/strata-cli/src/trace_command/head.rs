//! `strata trace head`: the first requests of a trace.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use crate::args::ReadArgs;
use crate::table::Table;
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

enum Printer<'a> {
    Table {
        table: Box<Table>,
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
            HeadFormat::Table => {
                let names = [
                    (true, "request"),
                    (columns.time, "time"),
                    (true, "key"),
                    (columns.size, "size"),
                    (columns.next, "next"),
                ];
                let held = names
                    .iter()
                    .filter_map(|(held, name)| held.then_some(*name));
                Self::Table {
                    table: Box::new(Table::new(held)),
                    columns,
                    printed: 0,
                    out,
                }
            }
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
                ..
            } => {
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
            Self::Table { table, out, .. } => write!(out, "{table}"),
            Self::Csv(writer) => writer.finish().map(|_| ()),
            Self::Json { printed, out, .. } => {
                writeln!(out, "{}]", if printed == 0 { "" } else { "\n" })
            }
        }
    }
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

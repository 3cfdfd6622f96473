//! The rows that a simulation gives, and the three forms they are written in.

use std::io::{self, Write};

use serde::Serialize;

use crate::table::Table;

/// One trace, one policy, one size: how many of the requests missed.
///
/// ```
/// use strata_cli::simulate::Row;
///
/// let row = Row::new("cpIO", 489, "lru", 113_872, 95_420);
/// assert_eq!(format!("{:.6}", row.miss_ratio), "0.837958");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// The trace's file name up to its first dot.
    pub trace: String,
    /// The cache's size, in objects or in bytes.
    pub capacity: u64,
    /// The policy's name, with its parameters where they are not the default.
    pub policy: String,
    /// All requests of the trace.
    pub requests: u64,
    /// Those that found nothing.
    pub misses: u64,
    /// `misses / requests`.
    pub miss_ratio: f64,
}

impl Row {
    /// A row with its miss ratio worked out; `requests` is not 0.
    #[must_use]
    pub fn new(
        trace: impl Into<String>,
        capacity: u64,
        policy: impl Into<String>,
        requests: u64,
        misses: u64,
    ) -> Self {
        Self {
            trace: trace.into(),
            capacity,
            policy: policy.into(),
            requests,
            misses,
            miss_ratio: misses as f64 / requests as f64,
        }
    }
}

/// The form of what a command prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum OutputFormat {
    /// A table for people, at most 100 columns wide.
    #[default]
    Table,
    /// Comma-separated values under a header line.
    Csv,
    /// One JSON array of objects.
    Json,
}

/// Writes the rows.
///
/// # Errors
///
/// Those of `out`.
pub fn write_rows(rows: &[Row], format: OutputFormat, out: &mut dyn Write) -> io::Result<()> {
    match format {
        OutputFormat::Table => write_table(rows, out),
        OutputFormat::Csv => write_csv(rows, out),
        OutputFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, rows)?;
            writeln!(out)
        }
    }
}

fn write_table(rows: &[Row], out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new([
        "trace",
        "capacity",
        "policy",
        "requests",
        "misses",
        "miss ratio",
    ]);
    for row in rows {
        table.row([
            row.trace.clone(),
            row.capacity.to_string(),
            row.policy.clone(),
            row.requests.to_string(),
            row.misses.to_string(),
            format!("{:.6}", row.miss_ratio),
        ]);
    }
    write!(out, "{table}")
}

fn write_csv(rows: &[Row], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "trace,capacity,policy,requests,misses,miss_ratio")?;
    for row in rows {
        writeln!(
            out,
            "{},{},{},{},{},{:.6}",
            Quoted(&row.trace),
            row.capacity,
            Quoted(&row.policy),
            row.requests,
            row.misses,
            row.miss_ratio
        )?;
    }
    Ok(())
}

/// A CSV field, quoted if it must be (RFC 4180).
struct Quoted<'a>(&'a str);

impl std::fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.contains([',', '"', '\n', '\r']) {
            write!(f, "\"{}\"", self.0.replace('"', "\"\""))
        } else {
            f.write_str(self.0)
        }
    }
}

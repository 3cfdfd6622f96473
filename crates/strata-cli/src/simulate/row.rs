//! The rows that a simulation gives, and the three forms they are written in.

use std::io::{self, Write};

use serde::Serialize;

use crate::table::{Column, Table};

use super::feed::Totals;
use super::sample::Sample;
use super::simulator::Counts;

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
    /// What the bytes say, where the trace knows sizes.
    #[serde(flatten)]
    pub bytes: Option<ByteMisses>,
    /// How far `miss_ratio` is likely to be off, where a sample was simulated and the counts are estimates
    /// ([`Sample::expected_error`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_error: Option<f64>,
    /// The miss ratio that was wanted, where the row is an answer to `--target`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<f64>,
    /// What the answer is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

/// What a row answers to `--target`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Answer {
    /// The capacity is the smallest that reaches the target, to within 1%.
    Smallest,
    /// The capacity reaches the target, and the sample tells nothing of smaller ones.
    OrSmaller,
    /// No capacity reaches the target: the row is that of the size of all objects.
    Unreachable,
}

/// The bytes that were asked for, and those that missed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ByteMisses {
    /// The bytes that all requests of the trace asked for.
    pub requested_bytes: u64,
    /// Those that were not found.
    pub missed_bytes: u64,
    /// `missed_bytes / requested_bytes`.
    pub byte_miss_ratio: f64,
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
            bytes: None,
            expected_error: None,
            target: None,
            answer: None,
        }
    }

    /// Whether both are of one policy at one size of one trace.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (self.capacity, &self.policy, &self.trace) == (other.capacity, &other.policy, &other.trace)
    }

    /// The row of these counts, scaled up where they are of a sample.
    pub(super) fn of_counts(
        (trace, capacity, policy): (&str, u64, &str),
        totals: &Totals,
        counts: &Counts,
        sample: Option<Sample>,
    ) -> Self {
        let whole =
            |count: u64, whole: u64| sample.map_or(count, |sample| sample.whole(count, whole));
        let misses = whole(counts.misses, totals.requests);
        let missed_bytes = whole(counts.missed_bytes, totals.bytes);
        let mut row = Self::new(trace, capacity, policy, totals.requests, misses);
        row.bytes = totals.has_sizes.then(|| ByteMisses {
            requested_bytes: totals.bytes,
            missed_bytes,
            byte_miss_ratio: missed_bytes as f64 / totals.bytes.max(1) as f64,
        });
        row.expected_error = sample.map(|sample| sample.expected_error(counts, totals));
        row
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
    let (answers, rows): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.target.is_some());
    write!(out, "{}", table(&rows))?;
    if let Some(target) = answers.first().and_then(|row| row.target) {
        writeln!(
            out,
            "\nThe smallest sizes with a miss ratio of at most {target}:"
        )?;
        write!(out, "{}", table(&answers))?;
    }
    Ok(())
}

/// The columns of a table, those that all rows leave empty left out.
fn table(rows: &[&Row]) -> Table {
    let has_bytes = rows.iter().any(|row| row.bytes.is_some());
    let is_sample = rows.iter().any(|row| row.expected_error.is_some());
    let mut header = vec![
        Column::label("trace"),
        Column::number("capacity"),
        Column::word("policy"),
        Column::number("requests"),
        Column::number("misses"),
        Column::number("miss ratio"),
    ];
    header.extend(is_sample.then(|| Column::number("expected error")));
    header.extend(has_bytes.then(|| Column::number("byte miss ratio")));
    let mut table = Table::new(header);
    for row in rows {
        let mut cells = vec![
            row.trace.clone(),
            row.capacity.to_string(),
            row.policy.clone(),
            row.requests.to_string(),
            row.misses.to_string(),
            format!("{:.6}", row.miss_ratio),
        ];
        let error = row.expected_error.unwrap_or_default();
        cells.extend(is_sample.then(|| format!("{error:.6}")));
        let bytes = row
            .bytes
            .map(|bytes| format!("{:.6}", bytes.byte_miss_ratio));
        cells.extend(has_bytes.then(|| bytes.unwrap_or_default()));
        table.row(cells);
    }
    table
}

/// The first line of CSV.
pub(super) const CSV_HEADER: &str = "trace,capacity,policy,requests,misses,miss_ratio";

pub(super) fn write_csv(rows: &[Row], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{CSV_HEADER}")?;
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

//! Runs `strata simulate`: each trace in turn, then the rows, then the files.

use std::io::Write;
use std::path::Path;

use crate::outcome::{Outcome, UsageError};
use crate::report::{ReportFile, ReportFileError};

use super::args::Args;
use super::page;
use super::row::{CSV_HEADER, Row, write_csv, write_rows};
use super::trace_run::TraceRun;

/// Runs the command: rows to `out`, ordered by trace, size and policy as the arguments are; progress to stderr when that is a
/// terminal. When a trace fails, the rows of those before it are written all the same, but no file.
///
/// # Errors
///
/// When a trace cannot be read, the arguments make no sense for it, or `out` or a file refuses to be written to.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    args.check()?;
    // Before hours of work, not after them.
    let report = create(args.report.as_deref(), page::MARK)?;
    let curve = create(args.lru_curve.as_deref(), CSV_HEADER)?;
    let mut traces = Vec::new();
    let result: anyhow::Result<()> = args.traces.iter().try_for_each(|path| {
        traces.push(TraceRun::of(args, path)?);
        Ok(())
    });
    if result.is_ok() || !traces.is_empty() {
        let rows: Vec<Row> = traces
            .iter()
            .flat_map(TraceRun::all_rows)
            .cloned()
            .collect();
        write_rows(&rows, args.format, out)?;
        for trace in &traces {
            trace.write_notes(args, out)?;
        }
    }
    result?;
    if let Some(file) = report {
        file.finish(page::page(args, &traces).as_bytes())?;
    }
    if let Some(file) = curve {
        let mut text = Vec::new();
        write_csv(
            &traces
                .iter()
                .flat_map(TraceRun::curve_rows)
                .collect::<Vec<_>>(),
            &mut text,
        )?;
        file.finish(&text)?;
    }
    Ok(Outcome::Passed)
}

/// The file, if one was asked for.
fn create(path: Option<&Path>, mark: &str) -> anyhow::Result<Option<ReportFile>> {
    let file = path.map(|path| ReportFile::create(path, mark)).transpose();
    file.map_err(|error| match error {
        occupied @ ReportFileError::Occupied { .. } => UsageError::new(occupied.to_string()).into(),
        error => error.into(),
    })
}

/// The name of a trace in results: its file's name up to the first dot, or all of it where that would be nothing.
///
/// ```
/// use strata_cli::simulate::trace_name;
///
/// assert_eq!(trace_name("traces/cpIO.oracleGeneral.zst".as_ref()), "cpIO");
/// ```
#[must_use]
pub fn trace_name(path: &Path) -> String {
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy();
    match name.split('.').next() {
        Some(stem) if !stem.is_empty() => stem.to_owned(),
        _ => name.into_owned(),
    }
}

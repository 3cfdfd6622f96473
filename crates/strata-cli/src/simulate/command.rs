//! Runs `strata simulate`: each trace in turn, then the rows, then the files.

use std::io::{self, Write};
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
    // Files first: whoever reads the rows may go away, and that ends the run.
    let finished = match &result {
        Ok(()) => finish(args, &traces, report, curve),
        Err(_) => Ok(()),
    };
    let written = write(args, &traces, result.is_ok(), out);
    result?;
    finished?;
    written?;
    Ok(Outcome::Passed)
}

/// Writes the page and the curve, those that were asked for.
fn finish(
    args: &Args,
    traces: &[TraceRun],
    report: Option<ReportFile>,
    curve: Option<ReportFile>,
) -> anyhow::Result<()> {
    if let Some(file) = report {
        file.finish(page::page(args, traces).as_bytes())?;
    }
    if let Some(file) = curve {
        let rows: Vec<Row> = traces.iter().flat_map(TraceRun::curve_rows).collect();
        let mut text = Vec::new();
        write_csv(&rows, &mut text)?;
        file.finish(&text)?;
    }
    Ok(())
}

/// Writes the rows, and what is to be said beside them; of a failed run, only what there is.
fn write(
    args: &Args,
    traces: &[TraceRun],
    is_whole: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    if is_whole || !traces.is_empty() {
        let shown = |trace: &TraceRun| trace.shown(args.format);
        let rows: Vec<Row> = traces.iter().flat_map(shown).collect();
        write_rows(&rows, args.format, out)?;
        for trace in traces {
            trace.write_notes(args, out)?;
        }
        out.flush()?;
        tell_apart(args, traces);
    }
    Ok(())
}

/// Says which rows are of which file, where rows of several have one name.
fn tell_apart(args: &Args, traces: &[TraceRun]) {
    for (index, trace) in traces.iter().enumerate() {
        let is_named_so = |other: &&TraceRun| other.name == trace.name;
        let of_name: Vec<&TraceRun> = traces.iter().filter(is_named_so).collect();
        if of_name.len() == 1 || traces[..index].iter().any(|other| is_named_so(&other)) {
            continue;
        }
        let rows = of_name
            .iter()
            .map(|trace| format!("{} of {}", trace.shown(args.format).len(), trace.path));
        let rows = rows.collect::<Vec<_>>().join(", ");
        // Nobody may be there to read it.
        let _ = writeln!(
            io::stderr(),
            "note: rows of {} traces are named {}, in this order: {rows}",
            of_name.len(),
            trace.name
        );
    }
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

//! Runs `strata simulate`: per trace a survey if something must be known before, then one reading through all simulators.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use cache_policies::AnyConfig;

use crate::outcome::{Outcome, UsageError};
use crate::progress::Progress;
use crate::trace::Reader;

use super::args::Args;
use super::error::SimulationError;
use super::row::{Row, write_rows};
use super::simulation::{Simulation, tells_future};
use super::size::Size;
use super::survey::Survey;

/// Runs the command: rows to `out`, ordered by trace, size and policy as the arguments are; progress to stderr when that is a
/// terminal. When a trace fails, the rows of those before it are written all the same.
///
/// # Errors
///
/// When a trace cannot be read, the arguments make no sense for it, or `out` refuses to be written to.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    args.check()?;
    let mut rows = Vec::new();
    let result = args
        .traces
        .iter()
        .try_for_each(|path| simulate(args, path, &mut rows));
    if result.is_ok() || !rows.is_empty() {
        write_rows(&rows, args.format, out)?;
    }
    result.map(|()| Outcome::Passed)
}

fn simulate(args: &Args, path: &Path, rows: &mut Vec<Row>) -> anyhow::Result<()> {
    let name = trace_name(path);
    let reader = args.read.options().open(path)?;
    // A pipe is gone when it was read, and so is opened once.
    let (survey, reader) = match survey_for(args, &reader)? {
        Some(future) => (Some(survey(reader, future, &name)?), None),
        None => (None, Some(reader)),
    };
    let capacities = capacities(args, survey.as_ref())?;
    let mut simulation = Simulation::new(args.weighing()).threads(args.threads());
    let mut jobs: Vec<(u64, String)> = Vec::new();
    for &capacity in &capacities {
        for config in args.policies.configs() {
            simulation
                .add(config, capacity)
                .map_err(|error| UsageError::new(format!("--policies: {error}")))?;
            jobs.push((capacity, config.to_string()));
        }
    }
    let reader = match reader {
        Some(reader) => reader,
        None => args.read.options().open(path)?,
    };
    let progress = Progress::bytes(format!("{name}: simulating"), reader.file_size());
    let simulated = simulation
        .run_with(reader, survey.as_ref(), &progress)
        .map_err(|error| of_trace(error, path))?;
    let requests = simulated.totals.requests;
    rows.extend(
        jobs.into_iter()
            .zip(&simulated.counts)
            .map(|((capacity, policy), counts)| {
                Row::new(&name, capacity, policy, requests, counts.misses)
            }),
    );
    Ok(())
}

/// Whether something must be known before the simulation, which takes a first reading; and whether that is the future.
fn survey_for(args: &Args, reader: &Reader) -> Result<Option<bool>, UsageError> {
    let offline = |config: &&AnyConfig| config.is_offline();
    let told = tells_future(reader, None);
    let untold = args
        .policies
        .configs()
        .iter()
        .find(offline)
        .filter(|_| !told);
    let way_out = match untold {
        Some(policy) => {
            format!("{policy} must know the future, which it does not say: leave that policy out")
        }
        None if args.sizes.iter().any(Size::is_share) => {
            "give --sizes as numbers, not as shares of the footprint".to_owned()
        }
        None => return Ok(None),
    };
    if reader.file_size().is_none() {
        let path = reader.path().display();
        let message =
            format!("{path} can be read only once: {way_out}, or give the trace as a file");
        return Err(UsageError::new(message));
    }
    Ok(Some(untold.is_some()))
}

fn survey(reader: Reader, future: bool, name: &str) -> anyhow::Result<Survey> {
    let path = reader.path().to_owned();
    let progress = Progress::bytes(format!("{name}: surveying"), reader.file_size());
    Survey::of(reader, None, future, &progress).map_err(|error| of_trace(error, &path))
}

/// The sizes as numbers, each once: on a small trace, two shares may come to the same.
fn capacities(args: &Args, survey: Option<&Survey>) -> anyhow::Result<Vec<u64>> {
    let footprint = survey.map(|survey| survey.footprint(args.weighing()));
    let mut capacities = Vec::new();
    for size in &args.sizes {
        let capacity = size
            .capacity(footprint)
            .with_context(|| format!("--sizes {size} is more than 2^64 of this trace"))?;
        if !capacities.contains(&capacity) {
            capacities.push(capacity);
        }
    }
    Ok(capacities)
}

/// The error with the trace's name, which those of reading have already.
fn of_trace(error: SimulationError, path: &Path) -> anyhow::Error {
    match error {
        SimulationError::Trace(error) => error.into(),
        error => anyhow::Error::new(error).context(path.display().to_string()),
    }
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

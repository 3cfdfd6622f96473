//! Runs `strata simulate`: per trace a footprint if a size asks for it, then one reading through all simulators.

use std::io::Write;
use std::path::Path;

use anyhow::Context;

use crate::outcome::{Outcome, UsageError};
use crate::progress::Progress;
use crate::trace::Reader;

use super::args::Args;
use super::fan_out::{Run, fan_out};
use super::footprint::Footprint;
use super::policies;
use super::row::{Row, write_rows};
use super::size::Size;

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
    let capacities = capacities(args, path, &name)?;
    let mut jobs: Vec<(u64, String)> = Vec::new();
    let mut simulators: Vec<Box<dyn Run>> = Vec::new();
    for &capacity in &capacities {
        for config in args.policies.configs() {
            let simulator = policies::simulator(config, capacity)
                .map_err(|error| UsageError::new(format!("--policies: {error}")))?;
            jobs.push((capacity, config.to_string()));
            simulators.push(simulator);
        }
    }
    let (reader, progress) = open(args, path, format!("{name}: simulating"))?;
    let requests = fan_out(
        reader,
        args.weighing(),
        &mut simulators,
        args.threads(),
        &progress,
    )?;
    rows.extend(
        jobs.into_iter()
            .zip(&simulators)
            .map(|((capacity, policy), simulator)| {
                Row::new(&name, capacity, policy, requests, simulator.misses())
            }),
    );
    Ok(())
}

/// The sizes as numbers, each once: on a small trace, two shares may come to the same.
fn capacities(args: &Args, path: &Path, name: &str) -> anyhow::Result<Vec<u64>> {
    let footprint = if args.sizes.iter().any(Size::is_share) {
        let (reader, progress) = open(args, path, format!("{name}: counting objects"))?;
        if reader.file_size().is_none() {
            let path = path.display();
            let message = format!(
                "{path} can be read only once: give --sizes as numbers, not as shares of the footprint"
            );
            return Err(UsageError::new(message).into());
        }
        Some(Footprint::of(reader, args.weighing(), &progress)?)
    } else {
        None
    };
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

fn open(args: &Args, path: &Path, doing: String) -> anyhow::Result<(Reader, Progress)> {
    let reader = args.read.options().open(path)?;
    let progress = Progress::bytes(doing, reader.file_size());
    Ok((reader, progress))
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

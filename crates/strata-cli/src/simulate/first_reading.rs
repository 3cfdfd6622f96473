//! What must be known before a simulation, and the reading that finds it out.

use std::io::{self, Write};
use std::path::Path;

use cache_policies::AnyConfig;

use crate::outcome::UsageError;
use crate::progress::Progress;
use crate::trace::{OneLine, Reader};

use super::args::Args;
use super::error::SimulationError;
use super::simulation::tells_future;
use super::size::SizeRange;
use super::survey::Survey;

/// What a first reading is for, beside the number and the sizes of the objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Totals,
    /// Whether the trace says right when objects are asked for next.
    Check,
    /// When objects are asked for next.
    Future,
}

/// What a first reading finds out, if one is needed; else the trace, untouched: a pipe can be opened once.
pub(super) fn survey(
    args: &Args,
    reader: Reader,
    path: &Path,
    name: &str,
) -> anyhow::Result<(Option<Survey>, Option<Reader>)> {
    let Some(purpose) = purpose(args, &reader)? else {
        return Ok((None, Some(reader)));
    };
    match read(args, reader, name, purpose) {
        Err(SimulationError::Future { position }) => {
            Ok((Some(work_out(args, path, name, position)?), None))
        }
        survey => Ok((Some(survey.map_err(|error| of_trace(error, path))?), None)),
    }
}

/// Finds out the future, which the trace said wrong at this request.
pub(super) fn work_out(
    args: &Args,
    path: &Path,
    name: &str,
    position: u64,
) -> anyhow::Result<Survey> {
    // Nobody may be there to read it.
    let _ = writeln!(
        io::stderr(),
        "note: {}: what the trace says of the future is wrong at request {position}: it is worked out anew",
        OneLine(path)
    );
    let reader = args.read.open(path)?;
    read(args, reader, name, Purpose::Future).map_err(|error| of_trace(error, path))
}

fn read(
    args: &Args,
    reader: Reader,
    name: &str,
    purpose: Purpose,
) -> Result<Survey, SimulationError> {
    let progress = Progress::bytes(format!("{name}: surveying"), reader.file_size());
    match purpose {
        Purpose::Check => Survey::checked(reader, &progress),
        Purpose::Totals => Survey::of(reader, args.sample, false, &progress),
        Purpose::Future => Survey::of(reader, args.sample, true, &progress),
    }
}

/// Whether something must be known before the simulation, and what.
fn purpose(args: &Args, reader: &Reader) -> Result<Option<Purpose>, UsageError> {
    let offline = |config: &&AnyConfig| config.is_offline();
    let offline = args.policies.configs().iter().find(offline);
    let told = tells_future(reader, args.sample);
    let way_out = match offline.filter(|_| !told) {
        Some(policy) if args.sample.is_some() => {
            format!("{policy} must know the future of the sample: leave {policy} out")
        }
        Some(policy) => {
            format!("{policy} must know the future, which it does not say: leave {policy} out")
        }
        None if args.sizes.iter().any(SizeRange::has_share) => {
            "give --sizes as numbers, not as shares of the footprint".to_owned()
        }
        None if args.target.is_some() => "--target takes several readings: leave it out".to_owned(),
        None => return Ok(None),
    };
    if reader.file_size().is_none() {
        let path = OneLine(reader.path());
        let message =
            format!("{path} can be read only once: {way_out}, or give the trace as a file");
        return Err(UsageError::new(message));
    }
    Ok(Some(match offline {
        None => Purpose::Totals,
        Some(_) if told => Purpose::Check,
        Some(_) => Purpose::Future,
    }))
}

/// The error with the trace's name, which those of reading have already.
pub(super) fn of_trace(error: SimulationError, path: &Path) -> anyhow::Error {
    match error {
        SimulationError::Trace(error) => error.into(),
        error => anyhow::Error::new(error).context(OneLine(path).to_string()),
    }
}

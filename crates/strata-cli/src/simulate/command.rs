<<<<<<< HEAD
//! Runs `strata simulate`: each trace in turn, then the rows, then the files.
=======
//! Runs `strata simulate`: per trace a survey if something must be known before, one reading through all simulators, and more of
//! them where a target is searched for.
>>>>>>> origin/main

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use crate::outcome::{Outcome, UsageError};
<<<<<<< HEAD
use crate::report::{ReportFile, ReportFileError};

use super::args::Args;
use super::page;
use super::row::{CSV_HEADER, Row, write_csv, write_rows};
use super::trace_run::TraceRun;
=======
use crate::progress::Progress;
use crate::report::{ReportFile, ReportFileError};
use crate::trace::{OneLine, Reader};

use super::args::Args;
use super::error::SimulationError;
use super::feed::Totals;
use super::lru_curve::LruCurve;
use super::page;
use super::row::{CSV_HEADER, OutputFormat, Row, write_csv, write_rows};
use super::sample::Sample;
use super::simulation::{Simulated, Simulation, tells_future};
use super::size::SizeRange;
use super::survey::Survey;
use super::target::{Found, Search};
>>>>>>> origin/main

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
<<<<<<< HEAD
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
=======
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

/// What came of one trace.
pub(super) struct TraceRun {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) totals: Totals,
    pub(super) sample: Option<Sample>,
    /// The rows of all sizes and policies.
    pub(super) rows: Vec<Row>,
    /// The rows of the sizes that were searched for.
    pub(super) answers: Vec<Row>,
    /// The policies that reach the target nowhere, with their rows at the size of all objects.
    pub(super) unreachable: Vec<Row>,
    pub(super) curve: Option<LruCurve>,
    /// How long the reading for `rows` took.
    pub(super) elapsed: Duration,
}

impl TraceRun {
    fn of(args: &Args, path: &Path) -> anyhow::Result<Self> {
        let name = trace_name(path);
        let reader = args.read.open(path)?;
        // A pipe is gone when it was read, and so is opened once.
        let (survey, reader) = match survey_for(args, &reader)? {
            Some(future) => (Some(survey(args, reader, future, &name)?), None),
            None => (None, Some(reader)),
        };
        let reading = Reading {
            args,
            path,
            name: &name,
            survey: survey.as_ref(),
        };
        let mut jobs = Vec::new();
        for capacity in capacities(args, survey.as_ref())? {
            jobs.extend(
                args.policies
                    .configs()
                    .iter()
                    .map(|config| (capacity, config)),
            );
        }
        let (simulated, rows) = reading.simulate(&jobs, args.wants_curve(), reader)?;
        let mut run = Self {
            path: OneLine(path).to_string(),
            totals: simulated.totals,
            sample: args.sample,
            rows,
            answers: Vec::new(),
            unreachable: Vec::new(),
            curve: simulated.curve,
            elapsed: simulated.elapsed,
            name: name.clone(),
        };
        if let Some(target) = args.target {
            run.search(&reading, target)?;
        }
        Ok(run)
    }

    /// Searches the smallest size that reaches the target, for all policies together.
    fn search(&mut self, reading: &Reading<'_>, target: f64) -> anyhow::Result<()> {
        let args = reading.args;
        let footprint = reading
            .survey
            .map_or(1, |survey| survey.footprint(args.weighing()));
        let lowest = match args.sample {
            Some(sample) if !args.byte_weighted => sample.capacity_min(),
            _ => 1,
        };
        let configs = args.policies.configs().iter();
        let mut searches: Vec<Search> = configs
            .map(|config| Search::new(config.clone(), lowest, footprint))
            .collect();
        let mut known = self.rows.clone();
        loop {
            known.sort_by_key(|row| row.capacity);
            for search in &mut searches {
                let policy = search.config.to_string();
                for row in known.iter().filter(|row| row.policy == policy) {
                    search.learn(row.capacity, row.miss_ratio <= target);
                }
            }
            let trials: Vec<(u64, &AnyConfig)> = searches
                .iter()
                .flat_map(|search| {
                    search
                        .trials()
                        .into_iter()
                        .map(|size| (size, &search.config))
                })
                .collect();
            if trials.is_empty() {
                break;
            }
            known.extend(reading.simulate(&trials, false, None)?.1);
        }
        for search in searches {
            let (capacity, list) = match search.found() {
                Some(Found::Size(capacity)) => (capacity, &mut self.answers),
                _ => (footprint.max(lowest), &mut self.unreachable),
            };
            let policy = search.config.to_string();
            let is_it = |row: &&Row| row.capacity == capacity && row.policy == policy;
            let mut row = known
                .iter()
                .find(is_it)
                .cloned()
                .context("every size found was tried")?;
            row.target = Some(target);
            list.push(row);
        }
        Ok(())
    }

    /// The rows to print.
    fn all_rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().chain(&self.answers)
    }

    /// The share of the requests that miss at any size: those for an object that comes up first.
    pub(super) fn cold_ratio(&self) -> f64 {
        let objects = self.sample.map_or(self.totals.objects, |sample| {
            sample.whole(self.totals.objects, self.totals.requests)
        });
        objects as f64 / self.totals.requests as f64
    }

    /// Says which policies reach the target nowhere: under a table; beside other forms on stderr.
    fn write_notes(&self, args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
        for row in &self.unreachable {
            let note = self.unreachable_note(row);
            match args.format {
                OutputFormat::Table => writeln!(out, "{note}")?,
                // Nobody may be there to read it.
                _ => drop(writeln!(io::stderr(), "note: {note}")),
            }
        }
        Ok(())
    }

    pub(super) fn unreachable_note(&self, row: &Row) -> String {
        format!(
            "{}: {} reaches a miss ratio of {} nowhere: even at {}, the size of all objects, it is {:.6}, and first requests \
             alone make {:.6}",
            self.name,
            row.policy,
            row.target.unwrap_or_default(),
            row.capacity,
            row.miss_ratio,
            self.cold_ratio(),
        )
    }

    /// LRU at every size at which the misses change.
    fn curve_rows(&self) -> Vec<Row> {
        let requests = self.totals.requests;
        let row = |(capacity, misses)| match self.sample {
            None => Row::new(&self.name, capacity, "lru", requests, misses),
            Some(sample) => {
                let capacity = sample.whole(capacity, u64::MAX);
                Row::new(
                    &self.name,
                    capacity,
                    "lru",
                    requests,
                    sample.whole(misses, requests),
                )
            }
        };
        self.curve
            .iter()
            .flat_map(LruCurve::steps)
            .map(row)
            .collect()
    }
}

/// A trace that is read, maybe several times.
struct Reading<'a> {
    args: &'a Args,
    path: &'a Path,
    name: &'a str,
    survey: Option<&'a Survey>,
}

impl Reading<'_> {
    /// Simulates these policies at these sizes, and gives a row for each.
    fn simulate(
        &self,
        jobs: &[(u64, &AnyConfig)],
        curve: bool,
        reader: Option<Reader>,
    ) -> anyhow::Result<(Simulated, Vec<Row>)> {
        let args = self.args;
        let mut simulation = Simulation::new(args.weighing())
            .threads(args.threads())
            .sample(args.sample)
            .curve(curve);
        if args.report.is_some() || args.target.is_some() {
            simulation = simulation.count_objects();
        }
        for (capacity, config) in jobs {
            if let Some(sample) = args
                .sample
                .filter(|sample| !args.byte_weighted && *capacity < sample.capacity_min())
            {
                return Err(too_few(*capacity, sample).into());
            }
            simulation
                .add(config, *capacity)
                .map_err(|error| UsageError::new(format!("--policies: {error}")))?;
        }
        let reader = match reader {
            Some(reader) => reader,
            None => args.read.open(self.path)?,
        };
        let progress = Progress::bytes(format!("{}: simulating", self.name), reader.file_size());
        let simulated = simulation
            .run_with(reader, self.survey, &progress)
            .map_err(|error| of_trace(error, self.path))?;
        let mut rows = Vec::with_capacity(jobs.len());
        for ((capacity, config), counts) in jobs.iter().zip(&simulated.counts) {
            // Of bytes, how many objects they are is known only now; a cache that never filled is as good as the whole.
            if let Some(sample) = args.sample
                && counts.resident_max < Sample::RESIDENT_MIN
                && counts.resident_max < simulated.totals.objects
            {
                return Err(too_few(*capacity, sample).into());
            }
            let policy = config.to_string();
            let names = (self.name, *capacity, policy.as_str());
            rows.push(Row::of_counts(
                names,
                &simulated.totals,
                counts,
                args.sample,
            ));
        }
        Ok((simulated, rows))
    }
}

fn too_few(capacity: u64, sample: Sample) -> UsageError {
    UsageError::new(format!(
        "--sample {sample} leaves a cache of size {capacity} fewer than {} objects, too few to tell the miss ratio: give a \
         higher rate or larger --sizes",
        Sample::RESIDENT_MIN
    ))
}

/// Whether something must be known before the simulation, which takes a first reading; and whether that is the future.
fn survey_for(args: &Args, reader: &Reader) -> Result<Option<bool>, UsageError> {
    let offline = |config: &&AnyConfig| config.is_offline();
    let told = tells_future(reader, args.sample);
    let untold = args
        .policies
        .configs()
        .iter()
        .find(offline)
        .filter(|_| !told);
    let way_out = match untold {
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
    Ok(Some(untold.is_some()))
}

fn survey(args: &Args, reader: Reader, future: bool, name: &str) -> anyhow::Result<Survey> {
    let path = reader.path().to_owned();
    let progress = Progress::bytes(format!("{name}: surveying"), reader.file_size());
    Survey::of(reader, args.sample, future, &progress).map_err(|error| of_trace(error, &path))
}

/// The sizes as numbers, each once: on a small trace, two shares may come to the same.
fn capacities(args: &Args, survey: Option<&Survey>) -> anyhow::Result<Vec<u64>> {
    let footprint = survey.map(|survey| survey.footprint(args.weighing()));
    let mut capacities = Vec::new();
    for size in &args.sizes {
        let range = size
            .capacities(footprint)
            .with_context(|| format!("--sizes {size} is more than 2^64 of this trace"))?;
        if let [first, .., last] = range[..]
            && first > last
        {
            let message = format!(
                "--sizes {size} goes down, from {first} to {last}: give the smaller size first"
            );
            return Err(UsageError::new(message).into());
        }
        for capacity in range {
            if !capacities.contains(&capacity) {
                capacities.push(capacity);
            }
        }
>>>>>>> origin/main
    }
    Ok(Outcome::Passed)
}

<<<<<<< HEAD
/// The file, if one was asked for.
fn create(path: Option<&Path>, mark: &str) -> anyhow::Result<Option<ReportFile>> {
    let file = path.map(|path| ReportFile::create(path, mark)).transpose();
    file.map_err(|error| match error {
        occupied @ ReportFileError::Occupied { .. } => UsageError::new(occupied.to_string()).into(),
        error => error.into(),
    })
=======
/// The error with the trace's name, which those of reading have already.
fn of_trace(error: SimulationError, path: &Path) -> anyhow::Error {
    match error {
        SimulationError::Trace(error) => error.into(),
        error => anyhow::Error::new(error).context(OneLine(path).to_string()),
    }
>>>>>>> origin/main
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

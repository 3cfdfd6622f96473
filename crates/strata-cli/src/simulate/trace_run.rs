//! One trace: surveyed if something must be known before, simulated, searched for the size that reaches a target.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use cache_policies::AnyConfig;

use crate::outcome::UsageError;
use crate::progress::Progress;
use crate::trace::{OneLine, Reader};

use super::answers::answers;
use super::args::Args;
use super::command::trace_name;
use super::error::SimulationError;
use super::feed::Totals;
use super::first_reading::{self, of_trace};
use super::history::History;
use super::lru_curve::LruCurve;
use super::row::{Answer, OutputFormat, Row};
use super::sample::Sample;
use super::simulation::{Simulated, Simulation};
use super::survey::Survey;

/// What came of one trace.
pub(super) struct TraceRun {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) totals: Totals,
    pub(super) sample: Option<Sample>,
    /// The rows of all sizes and policies.
    pub(super) rows: Vec<Row>,
    /// The rows that answer to the target, one a policy.
    pub(super) answers: Vec<Row>,
    pub(super) curve: Option<LruCurve>,
    /// Policy, size, and what the policy told of itself; of those that tell something.
    pub(super) histories: Vec<(String, u64, History)>,
    /// How long the reading for `rows` took.
    pub(super) elapsed: Duration,
}

impl TraceRun {
    /// Reads the trace as often as the arguments want.
    pub(super) fn of(args: &Args, path: &Path) -> anyhow::Result<Self> {
        let name = trace_name(path);
        let reader = args.read.open(path)?;
        if args.byte_weighted && !reader.columns().size {
            let path = OneLine(path);
            let message = format!("{path} tells no sizes: leave --byte-weighted out");
            return Err(UsageError::new(message).into());
        }
        let is_file = reader.file_size().is_some();
        let (survey, reader) = first_reading::survey(args, reader, path, &name)?;
        let mut reading = Reading {
            args,
            path,
            name: &name,
            survey,
        };
        let mut jobs = Vec::new();
        for capacity in capacities(args, reading.survey.as_ref())? {
            jobs.extend(
                args.policies
                    .configs()
                    .iter()
                    .map(|config| (capacity, config)),
            );
        }
        let curve = args.wants_curve();
        let result = match reading.simulate(&jobs, curve, reader) {
            Err(error) if is_file => {
                let Some(SimulationError::Future { position }) = error.downcast_ref() else {
                    return Err(error);
                };
                reading.survey = Some(first_reading::work_out(args, path, &name, *position)?);
                reading.simulate(&jobs, curve, None)
            }
            result => result,
        };
        let (simulated, rows) = result?;
        let rows = rows.into_iter().collect::<Result<Vec<Row>, _>>()?;
        let mut run = Self {
            path: OneLine(path).to_string(),
            totals: simulated.totals,
            sample: args.sample,
            rows,
            answers: Vec::new(),
            curve: simulated.curve,
            histories: histories(&jobs, simulated.histories),
            elapsed: simulated.elapsed,
            name: name.clone(),
        };
        if let Some(target) = args.target {
            run.answers = answers(&reading, target, &run.rows, run.curve.as_ref())?;
        }
        Ok(run)
    }

    /// The rows to print in this form: no two for one policy at one size, but in tables, which part answers from the rest.
    pub(super) fn shown(&self, format: OutputFormat) -> Vec<Row> {
        let mut shown = self.rows.clone();
        for answer in &self.answers {
            if answer.answer == Some(Answer::Unreachable) && format != OutputFormat::Json {
                continue;
            }
            match shown.iter_mut().find(|row| row.is_same(answer)) {
                Some(row) if format != OutputFormat::Table => row.clone_from(answer),
                _ => shown.push(answer.clone()),
            }
        }
        shown
    }

    /// The share of the requests that miss at any size: those for an object that comes up first.
    pub(super) fn cold_ratio(&self) -> f64 {
        let objects = self.sample.map_or(self.totals.objects, |sample| {
            sample.whole(self.totals.objects, self.totals.requests)
        });
        objects as f64 / self.totals.requests as f64
    }

    /// Says what the rows do not: under a table; beside other forms on stderr.
    pub(super) fn write_notes(&self, args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
        let mut notes: Vec<String> = Vec::new();
        if args.byte_weighted && !self.totals.has_sizes {
            notes.push(format!(
                "{}: every object is 1 byte: --byte-weighted changes nothing",
                self.path
            ));
        }
        for row in &self.answers {
            let is_shown = self.rows.iter().any(|shown| shown.is_same(row));
            match row.answer {
                Some(Answer::Smallest) if is_shown && args.format == OutputFormat::Csv => notes
                    .push(format!(
                        "{}: the row of {} at {} is also the answer to --target",
                        self.name, row.policy, row.capacity
                    )),
                _ => notes.extend(self.answer_note(row)),
            }
        }
        for note in notes {
            match args.format {
                OutputFormat::Table => writeln!(out, "{note}")?,
                // Nobody may be there to read it.
                _ => drop(writeln!(io::stderr(), "note: {note}")),
            }
        }
        Ok(())
    }

    /// What is to be said of an answer that is not just the smallest size.
    pub(super) fn answer_note(&self, row: &Row) -> Option<String> {
        match row.answer? {
            Answer::Smallest => None,
            Answer::OrSmaller => Some(format!(
                "{}: {} reaches it at {} or fewer: the sample tells no smaller size",
                self.name, row.policy, row.capacity
            )),
            Answer::Unreachable => Some(self.unreachable_note(row)),
        }
    }

    fn unreachable_note(&self, row: &Row) -> String {
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
    pub(super) fn curve_rows(&self) -> Vec<Row> {
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

/// What the policies told of themselves, those that did.
fn histories(
    jobs: &[(u64, &AnyConfig)],
    histories: Vec<Option<History>>,
) -> Vec<(String, u64, History)> {
    let told = jobs.iter().zip(histories);
    let told = told.filter_map(|((capacity, config), history)| {
        let tells = |history: &History| {
            let mut moments = history.moments().iter();
            moments.any(|moment| !moment.insights.is_empty())
        };
        Some((config.to_string(), *capacity, history.filter(tells)?))
    });
    told.collect()
}

/// A trace that is read, maybe several times.
pub(super) struct Reading<'a> {
    pub(super) args: &'a Args,
    path: &'a Path,
    name: &'a str,
    pub(super) survey: Option<Survey>,
}

impl Reading<'_> {
    /// Simulates these policies at these sizes, and gives a row for each, or says that the sample leaves it too few objects.
    pub(super) fn simulate(
        &self,
        jobs: &[(u64, &AnyConfig)],
        curve: bool,
        reader: Option<Reader>,
    ) -> anyhow::Result<(Simulated, Vec<Result<Row, UsageError>>)> {
        let args = self.args;
        let mut simulation = Simulation::of_sample(args.weighing(), args.sample)
            .threads(args.threads())
            .curve(curve)
            .explain(args.explain);
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
            .run_with(reader, self.survey.as_ref(), &progress)
            .map_err(|error| of_trace(error, self.path))?;
        let mut rows = Vec::with_capacity(jobs.len());
        for ((capacity, config), counts) in jobs.iter().zip(&simulated.counts) {
            // Of bytes, how many objects they are is known only now; a cache that never filled is as good as the whole.
            if let Some(sample) = args.sample
                && counts.resident_max < Sample::RESIDENT_MIN
                && counts.resident_max < simulated.totals.objects
            {
                rows.push(Err(too_few(*capacity, sample)));
                continue;
            }
            let policy = config.to_string();
            let names = (self.name, *capacity, policy.as_str());
            let row = Row::of_counts(names, &simulated.totals, counts, args.sample);
            rows.push(Ok(row));
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
    }
    Ok(capacities)
}

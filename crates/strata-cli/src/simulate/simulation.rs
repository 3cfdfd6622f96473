//! Any number of policies and sizes over one reading of a trace.

use std::time::{Duration, Instant};

use cache_policies::{AnyConfig, AnyPolicy, ConfigError, Policy, PolicyVisitor};

use crate::progress::Progress;
use crate::trace::Reader;

use super::access::Weighing;
use super::error::SimulationError;
use super::fan_out::{Run, Simulate, fan_out};
use super::feed::{Feed, Future, Totals};
use super::history::History;
use super::index::{ByHash, ByNumber, Index};
use super::lru_curve::LruCurve;
use super::sample::Sample;
use super::simulator::{Counts, Simulator};
use super::survey::Survey;

/// Policies at sizes, and how to simulate them.
///
/// ```
/// use std::io::Write;
/// use strata_cli::simulate::{Simulation, Weighing};
/// use strata_cli::trace;
///
/// let mut file = tempfile::Builder::new().suffix(".lirs").tempfile()?;
/// writeln!(file, "7\n8\n7\n9\n8")?;
/// let mut simulation = Simulation::new(Weighing::Objects);
/// simulation.add(&"lru".parse()?, 2)?;
/// simulation.add(&"lru".parse()?, 3)?;
/// let result = simulation.run(trace::open(file.path())?)?;
/// assert_eq!(result.counts.iter().map(|counts| counts.misses).collect::<Vec<_>>(), [4, 3]);
/// assert!(result.nanoseconds_per_request() > 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Simulation {
    weighing: Weighing,
    threads: usize,
    sample: Option<Sample>,
    policies: Vec<AnyPolicy>,
    curve: Option<LruCurve>,
    counts_objects: bool,
    explains: bool,
    /// The first policy that wants to know the future.
    offline: Option<String>,
}

/// What a simulation counted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Simulated {
    /// What the trace holds.
    pub totals: Totals,
    /// For each policy and size, in the order in which they were added, the counts of the requests that were simulated: of the sample,
    /// where there is one.
    pub counts: Vec<Counts>,
    /// For each of those what the policy told of itself, if that was asked for.
    pub(super) histories: Vec<Option<History>>,
    /// LRU's misses at every size, if they were asked for; of the sample, where there is one.
    pub curve: Option<LruCurve>,
    /// How long reading and simulating took.
    pub elapsed: Duration,
}

impl Simulated {
    /// The time of a request of the trace, for all policies and sizes together.
    #[must_use]
    pub fn nanoseconds_per_request(&self) -> f64 {
        self.elapsed.as_nanos() as f64 / self.totals.requests as f64
    }
}

impl Simulation {
    /// No policies yet; one thread, the whole trace.
    #[must_use]
    pub fn new(weighing: Weighing) -> Self {
        Self::of_sample(weighing, None)
    }

    /// As [`new`](Self::new), but of this sample instead of the whole trace: the sizes of all policies are scaled down as much.
    #[must_use]
    pub fn of_sample(weighing: Weighing, sample: Option<Sample>) -> Self {
        Self {
            weighing,
            threads: 1,
            sample,
            policies: Vec::new(),
            counts_objects: false,
            explains: false,
            curve: None,
            offline: None,
        }
    }

    /// How many threads share the work, at least 1.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Adds a policy at a size, that of the whole trace also where a sample is simulated.
    ///
    /// # Errors
    ///
    /// When the policy's parameters are bad at this size.
    pub fn add(&mut self, config: &AnyConfig, capacity: u64) -> Result<(), ConfigError> {
        let capacity = match self.sample {
            Some(sample) => sample.scaled(capacity),
            None => capacity,
        };
        self.policies.push(AnyPolicy::new(capacity, config)?);
        if config.is_offline() && self.offline.is_none() {
            self.offline = Some(config.to_string());
        }
        Ok(())
    }

    /// Finds LRU's misses at every size as well, each object counting 1.
    #[must_use]
    pub fn curve(mut self, wanted: bool) -> Self {
        self.curve = wanted.then(LruCurve::new);
        self
    }

    /// Counts the distinct objects of the trace too ([`Totals::objects`]), which else is done only where they are numbered anyhow.
    #[must_use]
    pub fn count_objects(mut self) -> Self {
        self.counts_objects = true;
        self
    }

    /// Listens to what the policies tell of themselves, for a page.
    #[must_use]
    pub(super) fn explain(mut self, wanted: bool) -> Self {
        self.explains = wanted;
        self
    }

    /// Whether objects are numbered: that costs a look-up among all objects of the trace for each request, and saves each simulator
    /// a dearer one among its residents. From the third simulator on it pays.
    fn numbers(&self) -> bool {
        self.policies.len() > 2
            || self.counts_objects
            || self.sample.is_some()
            || self.curve.is_some()
            || self.offline.is_some()
    }

    /// Reads the trace to its end through all simulators.
    ///
    /// # Errors
    ///
    /// [`SimulationError`]: the trace cannot be read, or does not say what an offline policy must know.
    pub fn run(self, reader: Reader) -> Result<Simulated, SimulationError> {
        self.run_with(reader, None, &Progress::bytes("simulating", None))
    }

    /// As [`run`](Self::run), with what a survey found of the same trace and the same sample, and how far it came shown.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run).
    pub fn run_with(
        mut self,
        reader: Reader,
        survey: Option<&Survey>,
        progress: &Progress,
    ) -> Result<Simulated, SimulationError> {
        let future = match (&self.offline, survey.and_then(Survey::distances)) {
            (None, _) => Future::Untold,
            (Some(_), Some(distances)) => Future::Known(distances),
            (Some(_), None) if tells_future(&reader, self.sample) => Future::Promised(Vec::new()),
            (Some(policy), None) => {
                return Err(SimulationError::Untold {
                    policy: policy.clone(),
                });
            }
        };
        let start = Instant::now();
        let numbers = self.numbers();
        let mut feed = Feed::new(reader, self.sample, numbers, future, progress);
        let boxed = Boxed {
            weighing: self.weighing,
            numbers,
            squares: self.sample.is_some(),
            explains: self.explains,
        };
        let policies = self.policies.into_iter();
        let mut simulators: Vec<Box<dyn Simulate>> =
            policies.map(|policy| policy.visit(boxed)).collect();
        let curve = self.curve.iter_mut().map(|curve| curve as &mut dyn Run);
        let runs = simulators.iter_mut().map(|run| &mut **run as &mut dyn Run);
        fan_out(&mut feed, runs.chain(curve), self.threads)?;
        Ok(Simulated {
            totals: feed.totals(),
            counts: simulators.iter().map(|run| run.counts()).collect(),
            histories: simulators.iter().map(|run| run.history()).collect(),
            curve: self.curve,
            elapsed: start.elapsed(),
        })
    }
}

/// Whether the trace itself says when objects are asked for next; of a sample it does not.
pub(super) fn tells_future(reader: &Reader, sample: Option<Sample>) -> bool {
    sample.is_none() && reader.columns().next
}

/// A simulator of the policy, its type forgotten.
#[derive(Clone, Copy)]
struct Boxed {
    weighing: Weighing,
    numbers: bool,
    squares: bool,
    explains: bool,
}

impl Boxed {
    fn boxed<P, I>(self, mut simulator: Simulator<P, I>) -> Box<dyn Simulate>
    where
        P: Policy + Send + 'static,
        I: Index + Send + 'static,
    {
        if self.squares {
            simulator.count_squares();
        }
        if self.explains {
            simulator.explain();
        }
        Box::new(simulator)
    }
}

impl PolicyVisitor for Boxed {
    type Output = Box<dyn Simulate>;

    fn visit<P: Policy + Clone + Send + Sync + 'static>(self, policy: P) -> Box<dyn Simulate> {
        if self.numbers {
            self.boxed(Simulator::<P, ByNumber>::with_index(policy, self.weighing))
        } else {
            self.boxed(Simulator::<P, ByHash>::with_index(policy, self.weighing))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{LruCurve, Simulated, Simulation, Weighing};
    use crate::simulate::SimulationError;
    use crate::simulate::first_reading::of_trace;
    use crate::trace;

    /// LRU's misses at every size, of ten objects that are asked for twice, with room for so many.
    fn curve(objects_max: u32, threads: usize) -> Result<Simulated, SimulationError> {
        let mut file = tempfile::Builder::new().suffix(".lirs").tempfile().unwrap();
        (0..20).for_each(|request| writeln!(file, "{}", request % 10).unwrap());
        let mut simulation = Simulation::new(Weighing::Objects).threads(threads);
        simulation.curve = Some(LruCurve::new().with_objects_max(objects_max));
        simulation.run(trace::open(file.path()).unwrap())
    }

    #[test]
    fn a_trace_of_too_many_objects_for_a_curve_is_refused_with_what_to_do() {
        for threads in [1, 3] {
            let curve_of_all = curve(10, threads).unwrap().curve.unwrap();
            assert_eq!((curve_of_all.misses(9), curve_of_all.misses(10)), (20, 10));
            let error = curve(9, threads).unwrap_err();
            assert_eq!(
                format!("{:#}", of_trace(error, "huge.lirs".as_ref())),
                "huge.lirs: more than 1073741824 distinct objects, too many to find LRU's misses at every size: simulate a sample of \
                 them with --sample, of a lower rate if this is one, or leave out --lru-curve, and lru from --policies with --report \
                 and --target"
            );
        }
    }
}

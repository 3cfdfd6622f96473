//! Contenders, the samples that they give, and the workloads that they meet in.

use std::time::{Duration, Instant};

/// What one round of one contender gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The figure, in the workload's unit; lower is better.
    pub value: f64,
    /// A digest of the work's result: contenders of one group must agree on it in each round.
    pub checksum: u64,
    operations: usize,
    elapsed: Duration,
}

impl Sample {
    /// A figure that was not timed (bytes, a miss ratio).
    pub fn new(value: f64, checksum: u64) -> Self {
        Self {
            value,
            checksum,
            operations: 0,
            elapsed: Duration::ZERO,
        }
    }

    /// Runs `work` once and gives nanoseconds for each of `operations`; `work` returns the checksum.
    pub fn timed(operations: usize, work: impl FnOnce() -> u64) -> Self {
        let start = Instant::now();
        let checksum = std::hint::black_box(work());
        Self::over(operations, start.elapsed(), checksum)
    }

    /// What `operations` took together, as nanoseconds for each.
    pub fn over(operations: usize, elapsed: Duration, checksum: u64) -> Self {
        Self {
            value: elapsed.as_nanos() as f64 / operations as f64,
            checksum,
            operations,
            elapsed,
        }
    }

    /// The same in microseconds; no mean over operations any more.
    #[must_use]
    pub fn in_microseconds(self) -> Self {
        Self::new(self.value / 1e3, self.checksum)
    }

    /// As one line of text, for [`Sample::read`].
    pub fn written(&self) -> String {
        format!(
            "{} {} {} {}",
            self.value,
            self.checksum,
            self.operations,
            self.elapsed.as_nanos()
        )
    }

    /// A sample as [`Sample::written`] writes it; `None` where the line is something else.
    pub fn read(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [value, checksum, operations, elapsed] = fields[..] else {
            return None;
        };
        Some(Self {
            value: value.parse().ok()?,
            checksum: checksum.parse().ok()?,
            operations: operations.parse().ok()?,
            elapsed: Duration::from_nanos(elapsed.parse().ok()?),
        })
    }

    /// Over how many operations the time is; 0 for a figure that was not timed.
    pub fn operations(&self) -> usize {
        self.operations
    }

    /// How long all operations of the round took; zero for a figure that was not timed.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }
}

/// One entrant of a workload: a name and the round that it runs.
pub struct Contender {
    /// Ours begin with `strata`.
    pub name: String,
    /// Contenders of the same group must give the same checksum in the same round.
    pub group: &'static str,
    round: Box<dyn FnMut() -> Sample>,
}

impl Contender {
    /// A contender whose checksum must equal that of all others made so.
    pub fn new(name: impl Into<String>, round: impl FnMut() -> Sample + 'static) -> Self {
        Self::in_group(name, "all", round)
    }

    /// A contender whose checksum must equal that of the others in `group`: policies that differ
    /// answer differently, and rightly.
    pub fn in_group(
        name: impl Into<String>,
        group: &'static str,
        round: impl FnMut() -> Sample + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            group,
            round: Box::new(round),
        }
    }

    /// Runs one round.
    pub fn round(&mut self) -> Sample {
        (self.round)()
    }
}

impl std::fmt::Debug for Contender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contender")
            .field("name", &self.name)
            .field("group", &self.group)
            .finish()
    }
}

/// Which of a contender's figures is compared with its peers'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// The middle one.
    Median,
    /// The smallest: for a worst case within a round, to which the machine's own hiccups only add.
    Smallest,
}

/// One piece of work and those who do it.
#[derive(Debug)]
pub struct Workload {
    /// `slab`, `pool`, `policy`, `memory`, `tiered` or `disk`.
    pub race: &'static str,
    /// The row's name, as `reach.csv` has it.
    pub name: String,
    /// `ns`, `us`, `bytes`, `ms`, `miss_ratio`, `x_live`, `values` or `per_put`.
    pub unit: &'static str,
    /// Which of the rounds counts.
    pub counts: Counts,
    /// The contender that does what all do and nothing else; see [`Workload::above`].
    pub baseline: Option<&'static str>,
    /// The checksum that is right; see [`Workload::answering`].
    pub answer: Option<u64>,
    /// Each contender runs in a process of its own; see [`Workload::isolated`].
    pub isolated: bool,
    /// In the order of the first round; later rounds start one further on.
    pub contenders: Vec<Contender>,
}

impl Workload {
    /// A workload without contenders.
    pub fn new(race: &'static str, name: impl Into<String>, unit: &'static str) -> Self {
        Self {
            race,
            name: name.into(),
            unit,
            counts: Counts::Median,
            baseline: None,
            answer: None,
            isolated: false,
            contenders: Vec::new(),
        }
    }

    /// Lets the smallest figure over the rounds count.
    #[must_use]
    pub fn smallest_counts(mut self) -> Self {
        self.counts = Counts::Smallest;
        self
    }

    /// Says which checksum is right in every round, where that is known: then it is no contender's answer that the others
    /// are held to.
    #[must_use]
    pub fn answering(mut self, checksum: u64) -> Self {
        self.answer = Some(checksum);
        self
    }

    /// Asks for a process for each contender, which lives from round to round: what others have left in the heap, or on
    /// top of it, would change its figures.
    #[must_use]
    pub fn isolated(mut self) -> Self {
        self.isolated = true;
        self
    }

    /// Names the contender whose figure of a round is taken off all others' of that round, in a second outcome:
    /// [`Workload::net_name`].
    #[must_use]
    pub fn above(mut self, baseline: &'static str) -> Self {
        self.baseline = Some(baseline);
        self
    }

    /// The name of the outcome in which only what is above the baseline counts, if there is a baseline.
    pub fn net_name(&self) -> Option<String> {
        self.baseline.map(|_| format!("{}-net", self.name))
    }

    /// Adds an entrant.
    #[must_use]
    pub fn with(mut self, contender: Contender) -> Self {
        self.contenders.push(contender);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_read_as_it_was_written() {
        let timed = Sample::over(3, Duration::from_nanos(1000), u64::MAX);
        for sample in [timed, Sample::new(-0.1, 0)] {
            assert_eq!(Sample::read(&sample.written()), Some(sample));
        }
        assert_eq!(Sample::read("1.0 2 3"), None);
    }
}

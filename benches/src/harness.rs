//! Runs workloads: contenders in turn, round after round, and keeps what each gave.

use crate::{Counts, Sample, Workload};

/// How much work a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// The sizes that the design pages name.
    Full,
    /// Short rounds: one says nothing, so they are for smoke runs and for criterion, which takes many.
    Quick,
}

impl Effort {
    /// `full` operations, or a fiftieth of them in a short round (at least 1).
    pub fn operations(self, full: usize) -> usize {
        match self {
            Effort::Full => full,
            Effort::Quick => (full / 50).max(1),
        }
    }
}

/// One contender's figures over all rounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// The contender's name.
    pub contender: String,
    /// The one of `median` and `min` that is compared with the peers'.
    pub figure: f64,
    /// The middle figure.
    pub median: f64,
    /// The smallest figure.
    pub min: f64,
    /// The largest figure.
    pub max: f64,
    /// The digest of its answers over all rounds.
    pub checksum: u64,
    /// In some round it did not give the workload's answer, or, where that has none, disagreed with the first contender of its group.
    pub wrong: bool,
}

/// A workload's result.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The race it belongs to.
    pub race: &'static str,
    /// The workload's name.
    pub workload: String,
    /// The unit of all figures.
    pub unit: &'static str,
    /// In the order in which the contenders were entered.
    pub standings: Vec<Standing>,
}

/// Runs workloads for a number of rounds.
#[derive(Clone, Copy, Debug)]
pub struct Harness {
    rounds: usize,
}

impl Harness {
    /// A harness of `rounds` rounds.
    ///
    /// # Panics
    /// Where `rounds` is 0.
    pub fn new(rounds: usize) -> Self {
        assert!(rounds > 0, "a race takes at least one round");
        Self { rounds }
    }

    /// Runs every contender of `workload` in turn; each round starts one contender further on, so
    /// that none always follows the same one.
    ///
    /// Returns the outcome, and for a workload with a baseline a second one: of the same rounds, each figure less the
    /// baseline's of its round, and without the baseline itself.
    ///
    /// # Panics
    /// Where the baseline is not among the contenders.
    pub fn run(&self, mut workload: Workload) -> Vec<Outcome> {
        let entrants = workload.contenders.len();
        let mut samples: Vec<Vec<Sample>> = vec![Vec::with_capacity(self.rounds); entrants];
        for round in 0..self.rounds {
            for turn in 0..entrants {
                let index = (round + turn) % entrants;
                samples[index].push(workload.contenders[index].round());
            }
        }
        let mut outcomes = vec![outcome(&workload, workload.name.clone(), &samples)];
        if let (Some(baseline), Some(name)) = (workload.baseline, workload.net_name()) {
            let index = workload
                .contenders
                .iter()
                .position(|contender| contender.name == baseline)
                .expect("the baseline is a contender");
            workload.contenders.remove(index);
            let baseline = samples.remove(index);
            for own in &mut samples {
                for (sample, baseline) in own.iter_mut().zip(&baseline) {
                    sample.value -= baseline.value;
                }
            }
            outcomes.push(outcome(&workload, name, &samples));
        }
        outcomes
    }
}

/// What the contenders' samples say, under `name`.
fn outcome(workload: &Workload, name: String, samples: &[Vec<Sample>]) -> Outcome {
    let entrants = &workload.contenders;
    let standings = entrants
        .iter()
        .zip(samples)
        .map(|(contender, own)| {
            let first = entrants
                .iter()
                .position(|other| other.group == contender.group);
            let model = &samples[first.unwrap_or(0)];
            let wrong = own
                .iter()
                .zip(model)
                .any(|(own, model)| own.checksum != workload.answer.unwrap_or(model.checksum));
            standing(&contender.name, workload.counts, own, wrong)
        })
        .collect();
    Outcome {
        race: workload.race,
        workload: name,
        unit: workload.unit,
        standings,
    }
}

fn standing(name: &str, counts: Counts, samples: &[Sample], wrong: bool) -> Standing {
    let mut values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let median = if values.len() % 2 == 1 {
        values[middle]
    } else {
        (values[middle - 1] + values[middle]) / 2.0
    };
    Standing {
        contender: name.to_owned(),
        figure: match counts {
            Counts::Median => median,
            Counts::Smallest => values[0],
        },
        median,
        min: values[0],
        max: values[values.len() - 1],
        checksum: samples
            .iter()
            .fold(0, |digest, sample| digest.rotate_left(7) ^ sample.checksum),
        wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Contender;

    fn fixed(name: &str, values: &'static [f64], checksum: u64) -> Contender {
        let mut turn = 0;
        Contender::new(name, move || {
            turn += 1;
            Sample::new(values[turn - 1], checksum)
        })
    }

    #[test]
    fn the_median_and_the_spread_are_taken_over_the_rounds() {
        let workload =
            Workload::new("slab", "w", "ns").with(fixed("strata", &[5.0, 1.0, 3.0, 9.0], 7));
        let [outcome] = &Harness::new(4).run(workload)[..] else {
            panic!("one outcome");
        };
        let standing = &outcome.standings[0];
        assert_eq!(
            (standing.median, standing.min, standing.max),
            (4.0, 1.0, 9.0)
        );
        assert_eq!(standing.figure, 4.0);
        assert!(!standing.wrong);
    }

    #[test]
    fn the_smallest_figure_counts_where_the_workload_says_so() {
        let workload = Workload::new("slab", "w", "us")
            .smallest_counts()
            .with(fixed("strata", &[5.0, 2.0, 3.0], 7));
        let [outcome] = &Harness::new(3).run(workload)[..] else {
            panic!("one outcome");
        };
        assert_eq!(outcome.standings[0].figure, 2.0);
        assert_eq!(outcome.standings[0].median, 3.0);
    }

    #[test]
    fn a_contender_that_disagrees_is_wrong() {
        let workload = Workload::new("slab", "w", "ns")
            .with(fixed("strata", &[1.0], 7))
            .with(fixed("peer", &[1.0], 8));
        let [outcome] = &Harness::new(1).run(workload)[..] else {
            panic!("one outcome");
        };
        assert!(!outcome.standings[0].wrong);
        assert!(outcome.standings[1].wrong);
    }

    #[test]
    fn where_the_answer_is_known_the_first_contender_may_be_the_wrong_one() {
        let workload = Workload::new("memory", "w", "ns")
            .answering(8)
            .with(fixed("strata", &[1.0], 7))
            .with(fixed("peer", &[1.0], 8));
        let [outcome] = &Harness::new(1).run(workload)[..] else {
            panic!("one outcome");
        };
        assert!(outcome.standings[0].wrong);
        assert!(!outcome.standings[1].wrong);
    }

    #[test]
    fn the_baseline_is_taken_off_round_by_round() {
        let workload = Workload::new("pool", "w", "ns")
            .above("empty")
            .with(fixed("strata", &[15.0, 118.0, 23.0], 7))
            .with(fixed("empty", &[10.0, 100.0, 20.0], 7));
        let [raw, net] = &Harness::new(3).run(workload)[..] else {
            panic!("two outcomes");
        };
        assert_eq!((raw.workload.as_str(), raw.standings.len()), ("w", 2));
        assert_eq!((net.workload.as_str(), net.standings.len()), ("w-net", 1));
        let standing = &net.standings[0];
        assert_eq!(
            (standing.median, standing.min, standing.max),
            (5.0, 3.0, 18.0)
        );
    }

    #[test]
    fn contenders_of_other_groups_may_answer_differently() {
        let workload = Workload::new("policy", "w", "ns")
            .with(Contender::in_group("a", "lru", || Sample::new(1.0, 1)))
            .with(Contender::in_group("b", "s3-fifo", || Sample::new(1.0, 2)));
        let [outcome] = &Harness::new(2).run(workload)[..] else {
            panic!("one outcome");
        };
        assert!(outcome.standings.iter().all(|standing| !standing.wrong));
    }
}

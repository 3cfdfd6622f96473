//! The ratios that the design pages set, and whether a run reached them.

use crate::Outcome;

/// One row of `reach.csv`: `id,race,workload,contender,peers,reach`.
///
/// With peers, separated by `|`, the contender's figure (the median over the rounds, unless the
/// workload says the smallest) must be at most `reach` times the best peer's; without, it must be at most `reach` in the workload's unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Reach {
    /// The row's name in the design page's table.
    pub id: String,
    /// The race to run.
    pub race: String,
    /// The workload within the race.
    pub workload: String,
    /// Our entrant.
    pub contender: String,
    /// Those to compare with; the best of them counts.
    pub peers: Vec<String>,
    /// The ratio or the absolute bound.
    pub reach: f64,
}

/// What a run says of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// At or under the bound; the ratio (or the figure, for an absolute bound).
    Reached(f64),
    /// Over the bound.
    Missed(f64),
    /// Our entrant or every peer answered wrongly, or the workload did not run.
    Unknown(&'static str),
}

impl Reach {
    /// The rows that this package is built with.
    ///
    /// # Panics
    /// Where the file is malformed: it is compiled in, and a test reads it.
    pub fn all() -> Vec<Reach> {
        include_str!("../reach.csv")
            .lines()
            .skip(1)
            .filter(|line| !line.trim().is_empty())
            .map(|line| {
                Self::parse(line).unwrap_or_else(|| panic!("reach.csv: malformed row: {line}"))
            })
            .collect()
    }

    fn parse(line: &str) -> Option<Reach> {
        let fields: Vec<&str> = line.split(',').collect();
        let [id, race, workload, contender, peers, reach] = fields[..] else {
            return None;
        };
        Some(Reach {
            id: id.to_owned(),
            race: race.to_owned(),
            workload: workload.to_owned(),
            contender: contender.to_owned(),
            peers: peers
                .split('|')
                .filter(|peer| !peer.is_empty())
                .map(str::to_owned)
                .collect(),
            reach: reach.parse().ok()?,
        })
    }

    /// Compares the row with what a run gave.
    pub fn judge(&self, outcomes: &[Outcome]) -> Verdict {
        let Some(outcome) = outcomes
            .iter()
            .find(|outcome| outcome.race == self.race && outcome.workload == self.workload)
        else {
            return Verdict::Unknown("the workload did not run");
        };
        let figure = |name: &str| {
            outcome
                .standings
                .iter()
                .find(|s| s.contender == name && !s.wrong)
                .map(|s| s.figure)
        };
        let Some(ours) = figure(&self.contender) else {
            return Verdict::Unknown("our entrant is absent or wrong");
        };
        let measured = if self.peers.is_empty() {
            ours
        } else {
            let Some(best) = self
                .peers
                .iter()
                .filter_map(|peer| figure(peer))
                .min_by(f64::total_cmp)
            else {
                return Verdict::Unknown("every peer is absent or wrong");
            };
            if best <= 0.0 {
                return Verdict::Unknown("the best peer costs nothing above the baseline");
            }
            ours / best
        };
        if measured <= self.reach {
            Verdict::Reached(measured)
        } else {
            Verdict::Missed(measured)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Standing;

    fn outcome(figures: &[(&str, f64, bool)]) -> Outcome {
        let standings = figures
            .iter()
            .map(|&(name, median, wrong)| Standing {
                contender: name.to_owned(),
                figure: median,
                median,
                min: median,
                max: median,
                checksum: 0,
                wrong,
            })
            .collect();
        Outcome {
            race: "slab",
            workload: "churn".to_owned(),
            unit: "ns",
            standings,
        }
    }

    fn row(peers: &str, reach: f64) -> Reach {
        Reach::parse(&format!(
            "arena-churn,slab,churn,strata-arena,{peers},{reach}"
        ))
        .unwrap()
    }

    #[test]
    fn the_best_peer_counts() {
        let outcomes = [outcome(&[
            ("strata-arena", 5.0, false),
            ("slab", 10.0, false),
            ("slotmap", 4.0, false),
        ])];
        assert_eq!(row("slab", 1.0).judge(&outcomes), Verdict::Reached(0.5));
        assert_eq!(
            row("slab|slotmap", 1.0).judge(&outcomes),
            Verdict::Missed(1.25)
        );
    }

    #[test]
    fn a_wrong_answer_reaches_nothing_and_sets_no_mark() {
        let ours_wrong = [outcome(&[
            ("strata-arena", 1.0, true),
            ("slab", 10.0, false),
        ])];
        assert!(matches!(
            row("slab", 1.0).judge(&ours_wrong),
            Verdict::Unknown(_)
        ));
        let peer_wrong = [outcome(&[
            ("strata-arena", 5.0, false),
            ("slab", 1.0, true),
            ("slotmap", 10.0, false),
        ])];
        assert_eq!(
            row("slab|slotmap", 1.0).judge(&peer_wrong),
            Verdict::Reached(0.5)
        );
    }

    #[test]
    fn a_peer_that_costs_nothing_is_no_measure() {
        let outcomes = [outcome(&[
            ("strata-arena", -1.0, false),
            ("slab", 0.0, false),
        ])];
        assert!(matches!(
            row("slab", 1.0).judge(&outcomes),
            Verdict::Unknown(_)
        ));
    }

    #[test]
    fn a_row_without_peers_is_an_absolute_bound() {
        let outcomes = [outcome(&[("strata-arena", 25.0, false)])];
        assert_eq!(row("", 24.0).judge(&outcomes), Verdict::Missed(25.0));
        assert_eq!(row("", 25.0).judge(&outcomes), Verdict::Reached(25.0));
    }

    #[test]
    fn a_workload_that_did_not_run_is_unknown() {
        assert!(matches!(row("slab", 1.0).judge(&[]), Verdict::Unknown(_)));
    }

    #[test]
    fn the_shipped_rows_parse_and_none_is_there_twice() {
        let rows = Reach::all();
        assert!(!rows.is_empty());
        for (index, row) in rows.iter().enumerate() {
            let twin = rows[..index].iter().find(|other| {
                (&other.id, &other.workload, &other.contender, &other.peers)
                    == (&row.id, &row.workload, &row.contender, &row.peers)
            });
            assert!(
                twin.is_none(),
                "{} appears twice for {}",
                row.id,
                row.workload
            );
            assert!(
                row.contender.starts_with("strata"),
                "{}: ours begin with strata",
                row.id
            );
        }
    }
}

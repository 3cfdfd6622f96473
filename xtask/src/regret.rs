//! `regret`: how far `duel` is from the best static policy of each cell, and whether that is near enough.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};

use crate::guide;
use crate::simulated::{Row, simulate};
use crate::steps::Steps;
use crate::workspace::Workspace;

/// Where the tables stand, from the workspace's root.
const GUIDE: &str = "crates/cache-policies/docs/duel.md";

/// Shares of each trace's distinct objects. A cell is one of them on one trace, if it comes to `ENTRIES_MIN` entries.
const SIZES: &str = "0.1%,1%,5%,10%,20%";
const ENTRIES_MIN: u64 = 50;

/// The static policies that a cell's best one is looked for among.
const STATIC: &[&str] = &[
    "fifo",
    "lru",
    "clock",
    "sieve",
    "s3-fifo",
    "slru",
    "2q",
    "arc",
    "lirs",
    "lfu",
    "w-tinylfu",
    "w-tinylfu-adaptive",
];
/// Policies that stand in the table beside them.
const BESIDE: &[&str] = &[
    "lfuda",
    "clock-pro",
    "clock2q+",
    "gdsf",
    "hyperbolic",
    "lhd",
    "lecar",
    "random",
];
/// Each seed takes another sample of the keys.
const SEEDS: u64 = 5;

/// What is to be reached, in percentage points: the mean, the most, and how many cells may be above 1.
const MEAN_MAX: f64 = 0.25;
const MOST_MAX: f64 = 1.6;
const ABOVE_MAX: usize = 4;

/// Simulates, prints the table and writes it into the guide (with `check` it compares them instead); fails where `duel` is
/// further from the best than it may be.
pub(crate) fn run(steps: &mut Steps, workspace: &Workspace, check: bool) -> Result<()> {
    let seeds = (1..=SEEDS).map(|seed| format!("duel:seed={seed}"));
    let others = STATIC.iter().chain(BESIDE).map(|name| (*name).to_owned());
    let policies: Vec<String> = others.chain(seeds).collect();
    let simulated = || simulate(workspace, &policies.join(","), SIZES);
    let rows = steps.perform("strata simulate", simulated)?;
    let cells = cells(&rows)?;
    let lines = lines(&cells);
    let (by_policy, by_cell) = (by_policy(&lines), by_cell(&cells));
    print!("{by_policy}\n{by_cell}");
    let tables = [("regret", by_policy), ("cells", by_cell)];
    guide::write(workspace, GUIDE, &tables, check, "regret")?;
    let duel = lines.iter().find(|line| line.policy == "duel");
    verdict(duel.context("duel was simulated")?)
}

/// Fails where a line is beyond what is to be reached.
fn verdict(line: &Line) -> Result<()> {
    ensure!(
        line.mean <= MEAN_MAX && line.most <= MOST_MAX && line.above <= ABOVE_MAX,
        "duel is too far from the best static policies: mean {:.3} (at most {MEAN_MAX}), most {:.3} ({MOST_MAX}), {} cells above 1 \
         ({ABOVE_MAX})",
        line.mean,
        line.most,
        line.above
    );
    Ok(())
}

/// One size of one trace: misses in percent.
struct Cell {
    trace: String,
    capacity: u64,
    policies: BTreeMap<String, f64>,
    /// By seed.
    duel: Vec<f64>,
}

impl Cell {
    fn duel(&self) -> f64 {
        self.duel.iter().sum::<f64>() / self.duel.len() as f64
    }

    /// The best static policy.
    fn best(&self) -> (&str, f64) {
        let of = |name: &&'static str| Some((*name, *self.policies.get(*name)?));
        let best = STATIC.iter().filter_map(of);
        let best = best.min_by(|(_, one), (_, other)| one.total_cmp(other));
        best.expect("a cell has static policies")
    }

    /// How many points more than the best; being better counts as being as good.
    fn regret(&self, misses: f64) -> f64 {
        (misses - self.best().1).max(0.0)
    }
}

fn cells(rows: &[Row]) -> Result<Vec<Cell>> {
    let mut cells: Vec<Cell> = Vec::new();
    for row in rows.iter().filter(|row| row.capacity >= ENTRIES_MIN) {
        let is_its = |cell: &Cell| cell.trace == row.trace && cell.capacity == row.capacity;
        if !cells.last().is_some_and(is_its) {
            cells.push(Cell {
                trace: row.trace.clone(),
                capacity: row.capacity,
                policies: BTreeMap::new(),
                duel: Vec::new(),
            });
        }
        let cell = cells.last_mut().expect("there is one now");
        if row.policy.starts_with("duel") {
            cell.duel.push(row.misses);
        } else {
            cell.policies.insert(row.policy.clone(), row.misses);
        }
    }
    let is_whole = |cell: &Cell| {
        let others = STATIC.len() + BESIDE.len();
        cell.duel.len() as u64 == SEEDS && cell.policies.len() == others
    };
    ensure!(
        !cells.is_empty() && cells.iter().all(is_whole),
        "`strata simulate` left rows out"
    );
    Ok(cells)
}

/// A policy over all cells.
struct Line {
    policy: String,
    mean: f64,
    most: f64,
    most_at: String,
    above: usize,
}

impl Line {
    fn of(policy: &str, cells: &[Cell], misses: impl Fn(&Cell) -> f64) -> Self {
        let regret = |cell: &Cell| {
            (
                cell.regret(misses(cell)),
                format!("{}, {}", cell.trace, cell.capacity),
            )
        };
        let regrets: Vec<(f64, String)> = cells.iter().map(regret).collect();
        let sum: f64 = regrets.iter().map(|(regret, _)| regret).sum();
        let most = regrets
            .iter()
            .max_by(|one, other| one.0.total_cmp(&other.0));
        let (most, most_at) = most.expect("there are cells").clone();
        Self {
            policy: policy.to_owned(),
            mean: sum / regrets.len() as f64,
            most,
            most_at,
            above: regrets.iter().filter(|(regret, _)| *regret > 1.0).count(),
        }
    }
}

/// A line a policy, the smallest mean first.
fn lines(cells: &[Cell]) -> Vec<Line> {
    let mut lines = vec![Line::of("duel", cells, Cell::duel)];
    for policy in STATIC.iter().chain(BESIDE) {
        lines.push(Line::of(policy, cells, |cell| cell.policies[*policy]));
    }
    lines.sort_by(|one, other| one.mean.total_cmp(&other.mean));
    lines
}

fn by_policy(lines: &[Line]) -> String {
    let mut text = String::from("| policy | mean | most | cells above 1 |\n|---|---:|---|---:|\n");
    for line in lines {
        let Line {
            policy,
            mean,
            most,
            most_at,
            above,
        } = line;
        let _ = writeln!(
            text,
            "| {policy} | {mean:.2} | {most:.2} ({most_at}) | {above} |"
        );
    }
    text
}

fn by_cell(cells: &[Cell]) -> String {
    let mut text = String::from(
        "| trace | entries | best static policy | its misses | duel's | from | to | regret |\n|---|---:|---|---:|---:|---:|---:|---:|\n",
    );
    for cell in cells {
        let (best, misses) = cell.best();
        let duel = cell.duel();
        let least = cell.duel.iter().copied().fold(f64::INFINITY, f64::min);
        let most = cell.duel.iter().copied().fold(0.0, f64::max);
        let _ = writeln!(
            text,
            "| {} | {} | {best} | {misses:.2} | {duel:.2} | {least:.2} | {most:.2} | {:.2} |",
            cell.trace,
            cell.capacity,
            duel - misses
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two cells, in which the best has 40 and `duel` so many.
    fn two_cells(duel: [f64; 2]) -> Vec<Cell> {
        let mut rows = Vec::new();
        for (capacity, duel) in [(100, duel[0]), (200, duel[1]), (10, 90.0)] {
            let mut row = |policy: &str, misses: f64| {
                rows.push(Row {
                    trace: "web".to_owned(),
                    capacity,
                    policy: policy.to_owned(),
                    misses,
                });
            };
            for name in STATIC.iter().chain(BESIDE) {
                row(name, if *name == "arc" { 40.0 } else { 50.0 });
            }
            for seed in 1..=SEEDS {
                row(&format!("duel:seed={seed}"), duel + seed as f64 - 3.0);
            }
        }
        cells(&rows).unwrap()
    }

    #[test]
    fn being_better_than_the_best_makes_up_for_nothing() {
        let cells = two_cells([30.0, 40.4]);
        assert_eq!(cells.len(), 2, "the small one is no cell");
        let lines = lines(&cells);
        let duel = lines.iter().find(|line| line.policy == "duel").unwrap();
        assert_eq!(
            format!("{:.2} {:.2} {}", duel.mean, duel.most, duel.above),
            "0.20 0.40 0"
        );
        assert!(verdict(duel).is_ok());
        assert_eq!(lines[0].policy, "arc");
        assert!(
            by_cell(&cells)
                .contains("| web | 100 | arc | 40.00 | 30.00 | 28.00 | 32.00 | -10.00 |")
        );
    }

    #[test]
    fn too_far_is_an_error() {
        for duel in [[40.0, 41.7], [40.4, 40.4]] {
            let line = Line::of("duel", &two_cells(duel), Cell::duel);
            assert!(verdict(&line).is_err());
        }
    }

    #[test]
    fn rows_that_are_not_there_are_missed() {
        assert!(cells(&[]).is_err());
        let row = Row {
            trace: "web".to_owned(),
            capacity: 100,
            policy: "lru".to_owned(),
            misses: 1.0,
        };
        assert!(cells(&[row]).is_err());
    }
}

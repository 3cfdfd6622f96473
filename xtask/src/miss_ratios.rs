//! `miss-ratios`: the tables of a guide's evidence, made anew from the shared traces by `strata simulate`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;

use crate::guide;
use crate::simulated::{Row, simulate};
use crate::steps::Steps;
use crate::workspace::Workspace;

/// Where the tables stand, from the workspace's root.
const GUIDE: &str = "crates/cache-policies/docs/choosing.md";

/// Shares of each trace's distinct objects.
const SIZES: &str = "1%,10%";

/// Simulates every policy on every trace and writes the tables into the guide; with `check` it compares them instead.
pub(crate) fn run(steps: &mut Steps, workspace: &Workspace, check: bool) -> Result<()> {
    let rows = steps.perform("strata simulate", || simulate(workspace, "all", SIZES))?;
    let cells = Cells::of(&rows);
    let tables = [("ratios", cells.ratios()), ("regret", cells.regret())];
    guide::write(workspace, GUIDE, &tables, check, "miss-ratios")
}

/// Misses in percent by trace and capacity, then by policy.
struct Cells {
    /// In the order of the rows.
    policies: Vec<String>,
    cells: BTreeMap<(String, u64), Vec<f64>>,
}

/// What knows the future stands apart: it is what is possible, not what can be chosen.
fn is_bound(policy: &str) -> bool {
    policy.starts_with("belady")
}

impl Cells {
    fn of(rows: &[Row]) -> Self {
        let mut policies: Vec<String> = Vec::new();
        let mut cells: BTreeMap<(String, u64), Vec<f64>> = BTreeMap::new();
        for row in rows {
            if !policies.contains(&row.policy) {
                policies.push(row.policy.clone());
            }
            let cell = (row.trace.clone(), row.capacity);
            cells.entry(cell).or_default().push(row.misses);
        }
        Self { policies, cells }
    }

    /// The fewest misses of a cell that a policy without the future has.
    fn best(&self, cell: &[f64]) -> f64 {
        let online = self.policies.iter().zip(cell);
        let online = online.filter(|(policy, _)| !is_bound(policy));
        online.map(|(_, misses)| *misses).fold(f64::MAX, f64::min)
    }

    /// A line a cell, a column a policy; the best of the line in bold.
    fn ratios(&self) -> String {
        let mut text = String::from("| trace | entries |");
        for policy in &self.policies {
            let _ = write!(text, " {policy} |");
        }
        text.push_str("\n|---|---:|");
        text.push_str(&"---:|".repeat(self.policies.len()));
        text.push('\n');
        for ((trace, capacity), cell) in &self.cells {
            let best = format!("{:.1}", self.best(cell));
            let _ = write!(text, "| {trace} | {capacity} |");
            for (policy, misses) in self.policies.iter().zip(cell) {
                let misses = format!("{misses:.1}");
                let _ = match misses == best && !is_bound(policy) {
                    true => write!(text, " **{misses}** |"),
                    false => write!(text, " {misses} |"),
                };
            }
            text.push('\n');
        }
        text
    }

    /// A line a policy: how far it is from the best one of each cell, the smallest mean first.
    fn regret(&self) -> String {
        let mut lines = Vec::new();
        for (index, policy) in self.policies.iter().enumerate() {
            if is_bound(policy) {
                continue;
            }
            let regrets = self
                .cells
                .values()
                .map(|cell| cell[index] - self.best(cell));
            let regrets: Vec<f64> = regrets.collect();
            let mean = regrets.iter().sum::<f64>() / regrets.len() as f64;
            let worst = self.cells.keys().zip(&regrets);
            let worst = worst.max_by(|(_, one), (_, other)| one.total_cmp(other));
            let ((trace, capacity), most) = worst.expect("a policy has a cell");
            let close = regrets.iter().filter(|regret| **regret <= 1.0).count();
            let line = format!(
                "| {policy} | {mean:.2} | {most:.1} ({trace}, {capacity}) | {close} of {} |\n",
                regrets.len()
            );
            lines.push((mean, line));
        }
        lines.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let head = "| policy | mean | most | within 1 point |\n|---|---:|---|---:|\n";
        let lines = lines.into_iter().map(|(_, line)| line);
        std::iter::once(head.to_owned()).chain(lines).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::parse;

    const ROWS: &str = "trace,capacity,policy,requests,misses,miss_ratio\n\
        web,10,lru,100,50,0.5\nweb,10,arc,100,40,0.4\nweb,10,belady,100,30,0.3\n\
        web,20,lru,100,20,0.2\nweb,20,arc,100,22,0.22\nweb,20,belady,100,10,0.1\n";

    #[test]
    fn the_best_of_a_line_is_bold_and_no_bound() {
        let cells = Cells::of(&parse(ROWS).unwrap());
        let table = cells.ratios();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0], "| trace | entries | lru | arc | belady |");
        assert_eq!(lines[2], "| web | 10 | 50.0 | **40.0** | 30.0 |");
        assert_eq!(lines[3], "| web | 20 | **20.0** | 22.0 | 10.0 |");
    }

    #[test]
    fn regret_is_the_distance_from_the_best_of_each_cell() {
        let table = Cells::of(&parse(ROWS).unwrap()).regret();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[2], "| arc | 1.00 | 2.0 (web, 20) | 1 of 2 |");
        assert_eq!(lines[3], "| lru | 5.00 | 10.0 (web, 10) | 1 of 2 |");
        assert_eq!(lines.len(), 4);
    }
}

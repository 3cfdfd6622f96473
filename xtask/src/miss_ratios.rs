//! `miss-ratios`: the tables of a guide's evidence, made anew from the shared traces by `strata simulate`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::process::Program;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// Where the tables stand, from the workspace's root, each between two lines that name it.
const GUIDE: &str = "crates/cache-policies/docs/choosing.md";

/// Shares of each trace's distinct objects.
const SIZES: &str = "1%,10%";

/// Simulates every policy on every trace and writes the tables into the guide; with `check` it compares them instead.
pub(crate) fn run(steps: &mut Steps, workspace: &Workspace, check: bool) -> Result<()> {
    let rows = steps.perform("strata simulate", || simulate(workspace))?;
    let cells = Cells::of(&parse(&rows)?);
    let path = workspace.root.join(GUIDE);
    let guide = fs::read_to_string(&path).with_context(|| format!("read {GUIDE}"))?;
    let made = place(&guide, "ratios", &cells.ratios())?;
    let made = place(&made, "regret", &cells.regret())?;
    if check {
        ensure!(
            made == guide,
            "{GUIDE} has other tables than the traces give: run `cargo xtask miss-ratios`"
        );
        return Ok(());
    }
    fs::write(&path, made).with_context(|| format!("write {GUIDE}"))
}

/// The rows of all traces as comma-separated text.
fn simulate(workspace: &Workspace) -> Result<String> {
    Program::cargo()
        .args(["run", "--quiet", "--release", "--package", "strata-cli"])
        .arg("--manifest-path")
        .arg(workspace.root.join("Cargo.toml"))
        .args(["--bin", "strata", "--", "simulate"])
        .args(["--policies", "all", "--sizes", SIZES, "--format", "csv"])
        .args(traces(workspace)?)
        .output()
}

/// The shared traces that know the future, which some policies need: `STRATA_TRACES`, or beside the workspace.
fn traces(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let folder = match std::env::var_os("STRATA_TRACES") {
        Some(folder) => PathBuf::from(folder),
        None => workspace.root.join("../shared/traces"),
    };
    let entries = fs::read_dir(&folder).with_context(|| {
        let folder = folder.display();
        format!("no folder of traces at {folder}: set STRATA_TRACES to where they are")
    })?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if is_trace(&path) {
            files.push(path);
        }
    }
    ensure!(!files.is_empty(), "no traces in {}", folder.display());
    files.sort();
    Ok(files)
}

fn is_trace(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.ends_with(".oracleGeneral.zst"))
}

/// One row of `strata simulate`.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    trace: String,
    capacity: u64,
    policy: String,
    /// In percent.
    misses: f64,
}

fn parse(text: &str) -> Result<Vec<Row>> {
    let row = |line: &str| {
        // A policy's parameters would have commas; `all` has none.
        let fields: Vec<&str> = line.split(',').collect();
        let [trace, capacity, policy, requests, misses, _] = fields[..] else {
            bail!("`strata simulate` wrote a row that is none: {line}");
        };
        let requests: f64 = requests.parse()?;
        let misses: f64 = misses.parse()?;
        Ok(Row {
            trace: trace.to_owned(),
            capacity: capacity.parse()?,
            policy: policy.to_owned(),
            misses: 100.0 * misses / requests,
        })
    };
    text.lines().skip(1).map(row).collect()
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

/// Puts a table between the lines `<!-- NAME -->` and `<!-- /NAME -->`.
fn place(guide: &str, name: &str, table: &str) -> Result<String> {
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let parts = guide.split_once(&open).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&close)?;
        Some((before, after))
    });
    let (before, after) =
        parts.with_context(|| format!("{GUIDE} has no place for the table {name}"))?;
    Ok(format!("{before}{open}\n{table}\n{close}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_table_takes_the_place_of_the_one_before() {
        let guide = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n";
        let made = place(guide, "x", "new\n").unwrap();
        assert_eq!(made, "a\n<!-- x -->\n\nnew\n\n<!-- /x -->\nb\n");
        assert_eq!(place(&made, "x", "new\n").unwrap(), made);
        assert!(place(guide, "y", "").is_err());
    }

    #[test]
    fn a_row_that_is_none_is_an_error() {
        assert!(parse("head\nweb,10,lru\n").is_err());
    }
}

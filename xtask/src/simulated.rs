//! What `strata simulate` says of the shared traces: the evidence of the guides.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::process::Program;
use crate::workspace::Workspace;

/// One policy at one size of one trace.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) trace: String,
    pub(crate) capacity: u64,
    pub(crate) policy: String,
    /// In percent.
    pub(crate) misses: f64,
}

/// Simulates these policies at these shares of the objects of every shared trace.
pub(crate) fn simulate(workspace: &Workspace, policies: &str, sizes: &str) -> Result<Vec<Row>> {
    let text = Program::cargo()
        .args(["run", "--quiet", "--release", "--package", "strata-cli"])
        .arg("--manifest-path")
        .arg(workspace.root.join("Cargo.toml"))
        .args(["--bin", "strata", "--", "simulate"])
        .args(["--policies", policies, "--sizes", sizes, "--format", "csv"])
        .args(traces(workspace)?)
        .output()?;
    parse(&text)
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

pub(crate) fn parse(text: &str) -> Result<Vec<Row>> {
    let row = |line: &str| {
        // A policy of several parameters would have commas; none of those asked for has.
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

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_row_that_is_none_is_an_error() {
        assert!(parse("head\nweb,10,lru\n").is_err());
    }
}

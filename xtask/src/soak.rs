//! `soak`: the long run, for a night, of what CI runs for minutes.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::crash;
use crate::fuzz::Fuzzer;
use crate::loom;
use crate::process::Program;
use crate::sanitizer;
use crate::shuttle;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// How much longer the figures are than with `--quick`, which is for trying the task itself.
const QUICK_DIVISOR: u32 = 1000;

/// Forced switches of thread that loom tries in the models of three threads; CI tries two.
const PREEMPTIONS: u32 = 3;

/// How long the thread sanitizer watches the stress test of buffer-pool.
const STRESS_SECONDS: u32 = 1800;

/// How many times as long as in CI the scenarios of shuttle run.
const SHUTTLE_TIMES: u32 = 100;

/// The package whose processes are killed, how often at a system call, how often at random moments, and how often power is lost.
const CRASHES: &str = "cache-tiered";
const KILLS: u32 = 10_000;
const ROUNDS: u32 = 1_000;
const LOSSES: u32 = 5_000;

/// The long run of one crate. All figures of the task stand in `ROWS`.
struct Row {
    package: &'static str,
    /// Random cases of each model test, by `STRATA_CASES`; 0 where the tests of CI are all there is.
    cases: u32,
    targets: &'static [&'static str],
    /// How long each fuzz target runs.
    fuzz_seconds: u32,
}

const ROWS: [Row; 4] = [
    Row {
        package: "slab-core",
        cases: 1_000_000,
        targets: &["arena", "byte_slab", "handle_bits", "object_cache"],
        fuzz_seconds: 3600,
    },
    Row {
        package: "cache-policies",
        // A hundred times CI's.
        cases: 200_000,
        targets: &["cache"],
        fuzz_seconds: 1200,
    },
    Row {
        package: "cache-tiered",
        cases: 1_000_000,
        targets: &[
            "disk_block",
            "disk_piece",
            "disk_recovery",
            "journal_frame",
            "journal_header",
            "journal_recovery",
            "snapshot",
        ],
        fuzz_seconds: 1200,
    },
    Row {
        package: "strata-cli",
        cases: 0,
        targets: &["trace"],
        fuzz_seconds: 1200,
    },
];

/// What is run and how much of it.
#[derive(Debug, clap::Args)]
pub(crate) struct Request {
    /// Whose long run; every crate's if none is named, and the models and sanitizers of all
    packages: Vec<String>,
    /// Run a thousandth of it, to see that the task works
    #[arg(long)]
    quick: bool,
    /// How long to run each fuzz target, instead of the crate's own figure; 0 runs none
    #[arg(long)]
    fuzz_seconds: Option<u32>,
}

impl Request {
    fn rows(&self) -> Result<Vec<&'static Row>> {
        for name in &self.packages {
            if ROWS.iter().all(|row| row.package != name) {
                let known = ROWS.map(|row| row.package).join(", ");
                bail!("there is no long run of `{name}`, but of {known}");
            }
        }
        let wanted = |row: &&Row| {
            self.packages.is_empty() || self.packages.iter().any(|name| name == row.package)
        };
        Ok(ROWS.iter().filter(wanted).collect())
    }

    /// `figure`, or its share under `--quick`.
    fn scaled(&self, figure: u32) -> u32 {
        let divisor = if self.quick { QUICK_DIVISOR } else { 1 };
        figure.div_ceil(divisor)
    }

    /// Power is lost where file systems may be mounted.
    fn crashes(&self) -> crash::Request {
        crash::Request {
            rounds: self.scaled(ROUNDS).into(),
            kills: self.scaled(KILLS).into(),
            power: crash::is_root(),
            losses: self.scaled(LOSSES).into(),
            seed: None,
        }
    }

    fn fuzz_seconds(&self, row: &Row) -> u32 {
        self.fuzz_seconds.unwrap_or(self.scaled(row.fuzz_seconds))
    }
}

/// Runs everything, whatever fails on the way: a night shall not end with the first failure.
pub(crate) fn run(steps: &mut Steps, workspace: &Workspace, request: &Request) -> Result<()> {
    let rows = request.rows()?;
    let mut failures = Vec::new();
    for row in &rows {
        if row.cases > 0 {
            let program = models(workspace, row.package, request.scaled(row.cases));
            let title = format!("models of {}", row.package);
            failures.extend(steps.run(&title, &program).err());
        }
    }
    if rows.iter().any(|row| row.package == CRASHES) {
        failures.extend(crash::run(steps, workspace, &request.crashes()).err());
    }
    let preemptions = (!request.quick).then_some(PREEMPTIONS);
    failures.extend(loom::explore(steps, workspace, preemptions).err());
    let iterations = request.scaled(SHUTTLE_TIMES * shuttle::ITERATIONS);
    failures.extend(shuttle::explore(steps, workspace, iterations).err());
    let stress_time = Duration::from_secs(request.scaled(STRESS_SECONDS).into());
    failures.extend(sanitizer::run(steps, workspace, None, request.quick, stress_time).err());
    match Fuzzer::ensure(steps, workspace) {
        Ok(fuzzer) => {
            for row in &rows {
                let seconds = request.fuzz_seconds(row);
                for target in row.targets.iter().filter(|_| seconds > 0) {
                    failures.extend(fuzzer.fuzz(steps, target, seconds).err());
                }
            }
        }
        Err(error) => failures.push(error),
    }
    if failures.is_empty() {
        return Ok(());
    }
    let failures: Vec<String> = failures.iter().map(|error| format!("{error:#}")).collect();
    bail!("{}", failures.join("\nerror: "))
}

/// The tests of `package`, optimised but with every assertion, each model with so many cases.
fn models(workspace: &Workspace, package: &str, cases: u32) -> Program {
    workspace
        .cargo_into("soak")
        .env("STRATA_CASES", cases.to_string())
        .env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true")
        .env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .args(["test", "--release", "--package", package])
        .args(["--all-features", "--lib", "--tests"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(packages: &[&str], quick: bool, fuzz_seconds: Option<u32>) -> Request {
        Request {
            packages: packages.iter().map(|&name| name.to_owned()).collect(),
            quick,
            fuzz_seconds,
        }
    }

    #[test]
    fn every_fuzz_target_is_in_one_row() {
        let manifest = include_str!("../../fuzz/Cargo.toml");
        let names = manifest.split("[[bin]]").skip(1);
        let names =
            names.filter_map(|bin| bin.lines().find_map(|line| line.strip_prefix("name = ")));
        let mut names: Vec<&str> = names.map(|name| name.trim_matches('"')).collect();
        let mut run: Vec<&str> = ROWS.iter().flat_map(|row| row.targets).copied().collect();
        names.sort_unstable();
        run.sort_unstable();
        assert_eq!(names, run);
    }

    #[test]
    fn quick_is_a_thousandth_and_never_nothing() {
        let quick = request(&[], true, None);
        assert_eq!(quick.scaled(1_000_000), 1000);
        assert_eq!(quick.fuzz_seconds(&ROWS[1]), 2);
        let long = request(&[], false, None);
        assert_eq!(long.scaled(1_000_000), 1_000_000);
        assert_eq!(long.fuzz_seconds(&ROWS[0]), 3600);
        assert_eq!(request(&[], false, Some(7)).fuzz_seconds(&ROWS[0]), 7);
    }

    #[test]
    fn a_package_without_a_long_run_is_refused() {
        assert_eq!(request(&[], true, None).rows().unwrap().len(), ROWS.len());
        let one = request(&["slab-core"], true, None).rows().unwrap();
        assert_eq!((one.len(), one[0].package), (1, "slab-core"));
        assert!(request(&["slab"], true, None).rows().is_err());
    }
}

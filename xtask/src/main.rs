//! `cargo xtask TASK`: every task of CI and of a developer's day.

#![forbid(unsafe_code)]

mod alone;
mod bare_metal;
mod bench;
mod check;
mod crash;
mod debian;
mod files;
mod fuzz;
mod guide;
mod lint;
mod loom;
mod miss_ratios;
mod process;
mod race;
mod regret;
mod sanitizer;
mod shuttle;
mod simulated;
mod soak;
mod steps;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};

use sanitizer::Sanitizer;
use steps::Steps;
use workspace::Workspace;

/// The tasks of the Strata workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run all tests of all crates, doctests included, and every example
    Test,
    /// Check formatting, clippy and rustdoc, warnings as errors
    Lint,
    /// Check layering, manifests, and the size, header and names of source files
    Tidy,
    /// Run the loom models of the crates that have them
    Loom,
    /// Run the shuttle scenarios: what is too large for loom, in random interleavings
    Shuttle,
    /// Build the no_std crates for bare metal, link and run a program without std
    Nostd,
    /// Build each library by itself and package the workspace
    Alone,
    /// Run the sanitizers over the crates with unsafe code
    San {
        /// Which one to run; all of them if none is named
        sanitizer: Option<Sanitizer>,
        /// Run fewer random cases
        #[arg(long)]
        quick: bool,
    },
    /// Run the criterion benches
    Bench {
        /// Run each bench once, to see that it works
        #[arg(long)]
        smoke: bool,
    },
    /// Race Strata against its peers: `race all --quick`, `race slab --check`
    Race {
        /// What the race program is given: `slab|pool|policy|memory|tiered|all` and its options
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Write the tables of miss ratios of the guide to the policies anew, from the shared traces
    MissRatios {
        /// Only compare them with those that stand there
        #[arg(long)]
        check: bool,
    },
    /// Compare the policy `duel` with the best static ones on the shared traces; write the tables of its guide; fail if it is too far off
    Regret {
        /// Only compare the tables with those that stand there
        #[arg(long)]
        check: bool,
    },
    /// Run the fuzz targets with nightly and cargo-fuzz: `fuzz arena trace --seconds 600`
    Fuzz(fuzz::Request),
    /// Kill processes that write: at random, at each system call, as root by loss of power too
    Crash(crash::Request),
    /// Run for a night what `ci` runs for minutes: models, loom, shuttle, sanitizers, fuzz targets
    Soak(soak::Request),
    /// lint, tidy, loom, shuttle, nostd, san at reduced size, alone, benches and races in short
    Check,
    /// test, then check: all that CI runs
    Ci,
}

fn main() -> ExitCode {
    let Some(task) = Arguments::parse().task else {
        // Without a task, the help is the answer, and no error.
        return match Arguments::command().print_help() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    };
    let mut steps = Steps::default();
    let result = run(&task, &mut steps);
    eprint!("{}", steps.table());
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// Runs one task. Only a race has an exit code of its own to pass on.
fn run(task: &Task, steps: &mut Steps) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    match task {
        Task::Test => test::run(steps, &workspace)?,
        Task::Lint => lint::run(steps, &workspace)?,
        Task::Tidy => tidy::run(steps, &workspace)?,
        Task::Loom => loom::run(steps, &workspace)?,
        Task::Shuttle => shuttle::run(steps, &workspace)?,
        Task::Nostd => bare_metal::run(steps, &workspace)?,
        Task::Alone => alone::run(steps, &workspace)?,
        Task::San { sanitizer, quick } => {
            let stress_time = sanitizer::STRESS_TIME;
            sanitizer::run(steps, &workspace, *sanitizer, *quick, stress_time)?;
        }
        Task::Bench { smoke } => bench::run(steps, &workspace, *smoke)?,
        Task::Race { arguments } => return race::run(&workspace, arguments),
        Task::MissRatios { check } => miss_ratios::run(steps, &workspace, *check)?,
        Task::Regret { check } => regret::run(steps, &workspace, *check)?,
        Task::Fuzz(request) => fuzz::run(steps, &workspace, request)?,
        Task::Crash(request) => crash::run(steps, &workspace, request)?,
        Task::Soak(request) => soak::run(steps, &workspace, request)?,
        Task::Check => check::run(steps, &workspace)?,
        Task::Ci => {
            test::run(steps, &workspace)?;
            check::run(steps, &workspace)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_task_has_a_line_of_help() {
        for task in Arguments::command().get_subcommands() {
            assert!(task.get_about().is_some(), "{}", task.get_name());
        }
    }

    #[test]
    fn a_race_takes_whatever_follows() {
        let line = ["xtask", "race", "slab", "--rounds", "3", "--check"];
        let Some(Task::Race { arguments }) = Arguments::parse_from(line).task else {
            panic!("`race` is a task");
        };
        assert_eq!(arguments, ["slab", "--rounds", "3", "--check"]);
    }

    #[test]
    fn no_task_is_no_error() {
        assert!(Arguments::parse_from(["xtask"]).task.is_none());
    }
}

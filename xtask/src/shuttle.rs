//! `shuttle`: the scenarios that are too large for loom, in random interleavings.

use anyhow::Result;

use crate::process::Program;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// The crate with scenarios, and the cfgs that put it on shuttle's primitives: the first one is what
/// its models need, the second one chooses shuttle instead of loom.
const PACKAGE: &str = "buffer-pool";
const CFGS: &str = "--cfg buffer_pool_loom --cfg buffer_pool_shuttle";

/// How often each scenario runs under each scheduler.
pub(crate) const ITERATIONS: u32 = 10_000;

/// Runs the scenarios at CI's size, and shows what they print.
pub(crate) fn run(steps: &mut Steps, workspace: &Workspace) -> Result<()> {
    explore(steps, workspace, ITERATIONS)
}

/// As [`run`], each scenario so often under each scheduler.
pub(crate) fn explore(steps: &mut Steps, workspace: &Workspace, iterations: u32) -> Result<()> {
    let program = cargo(workspace)
        .env("SHUTTLE_ITERATIONS", iterations.to_string())
        // As for loom: assertions count as much as speed.
        .env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
        .args(["test", "--release", "--package", PACKAGE, "--lib"])
        .args(["shuttle", "--", "--nocapture"]);
    let title = format!("shuttle {PACKAGE}, {iterations} iterations a scheduler");
    steps.run(&title, &program)
}

/// Lints what only the scenarios compile.
pub(crate) fn lint(steps: &mut Steps, workspace: &Workspace) -> Result<()> {
    let program = cargo(workspace)
        .args(["clippy", "--package", PACKAGE, "--lib"])
        .args(["--profile", "test", "--", "--deny", "warnings"]);
    steps.run(&format!("clippy {PACKAGE}, scenarios"), &program)
}

fn cargo(workspace: &Workspace) -> Program {
    workspace.cargo_into("shuttle").rustflags(CFGS)
}

//! `crash`: processes that write and are killed, more often than the tests of CI do it.
//!
//! The tests are the same; how often they do it and where chance begins they read from the environment. CI's own figures stand in
//! them: 500 kills at system calls and, where it may mount a file system, 100 losses of power, for the journal and for the disk tier each.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};

use crate::debian;
use crate::process::Program;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// The package whose processes are killed.
const PACKAGE: &str = "cache-tiered";

/// Its tests of what the journal and the disk tier keep, by the names of their modules.
const SYSTEM: [&str; 2] = ["journal::tests::system", "disk::tests::system"];

/// Its test binary of what write-behind and the disk tier keep.
const BEHIND: &str = "crash";

/// How often, and where chance begins.
#[derive(Debug, clap::Args)]
pub(crate) struct Request {
    /// How often processes are killed at random moments, for each kind of journal
    #[arg(long, default_value_t = 1000)]
    pub(crate) rounds: u64,
    /// How often they are killed at a system call
    #[arg(long, default_value_t = 500)]
    pub(crate) kills: u64,
    /// Lose power too: takes root, mounts an ext4 file system of its own and shuts it down
    #[arg(long)]
    pub(crate) power: bool,
    /// How often, with --power
    #[arg(long, default_value_t = 100)]
    pub(crate) losses: u64,
    /// Where chance begins, to repeat a failure; another one each time otherwise
    #[arg(long)]
    pub(crate) seed: Option<u64>,
}

/// Runs the tests, with what was asked for.
pub(crate) fn run(steps: &mut Steps, workspace: &Workspace, request: &Request) -> Result<()> {
    debian::ensure(&debian::STRACE)?;
    ensure!(
        !request.power || is_root(),
        "only root may mount a file system and shut it down: leave out --power, or be root"
    );
    let seed = request.seed.unwrap_or_else(any);
    eprintln!("   repeat it by `cargo xtask crash --seed {seed}` and the same options");
    let program = tests(workspace, request, seed);
    let system = program
        .clone()
        .args(["--lib", "--", "--nocapture"])
        .args(SYSTEM);
    steps.run(
        &format!("crash the journal and the disk tier, seed {seed}"),
        &system,
    )?;
    let behind = program.args(["--test", BEHIND, "--", "--nocapture"]);
    steps.run(
        &format!("crash write-behind and caches with a disk tier, seed {seed}"),
        &behind,
    )
}

/// cargo over the tests of the package.
fn tests(workspace: &Workspace, request: &Request, seed: u64) -> Program {
    let losses = if request.power { request.losses } else { 0 };
    workspace
        .cargo()
        .args(["test", "--package", PACKAGE, "--all-features"])
        .env("STRATA_CRASH_ROUNDS", request.rounds.to_string())
        .env("STRATA_CRASH_KILLS", request.kills.to_string())
        .env("STRATA_CRASH_POWER", losses.to_string())
        .env("STRATA_CRASH_SEED", seed.to_string())
}

/// Whether file systems may be mounted.
pub(crate) fn is_root() -> bool {
    let user = Program::new("id").arg("-u").output();
    user.is_ok_and(|user| user.trim() == "0")
}

/// A seed that differs from run to run.
fn any() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_nanos() as u64 & 0xffff_ffff)
}

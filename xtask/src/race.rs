//! `race`: the side-by-side races against peers.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::process::Program;
use crate::workspace::{BENCHES, Workspace};

/// Builds the race program and gives it `arguments`. Standard output is the program's alone, and
/// so is the exit code: a `--check` that misses its reach must be seen by whoever asked.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    let status = program(workspace, arguments).status()?;
    let code = status
        .code()
        .with_context(|| format!("the race ended with {status}"))?;
    Ok(u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Runs in the current folder, to which paths among the arguments are relative.
pub(crate) fn program(workspace: &Workspace, arguments: &[String]) -> Program {
    Program::cargo()
        .args(["run", "--quiet", "--release", "--package", BENCHES])
        .arg("--manifest-path")
        .arg(workspace.root.join("Cargo.toml"))
        .args(["--bin", "race", "--"])
        .args(arguments)
}

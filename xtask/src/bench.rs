//! `bench`: the criterion benches.

use anyhow::Result;

use crate::steps::Steps;
use crate::workspace::{BENCHES, Workspace};

/// Measures, or with `smoke` runs each bench once and measures nothing.
pub(crate) fn run(steps: &mut Steps, workspace: &Workspace, smoke: bool) -> Result<()> {
    let benches = workspace
        .cargo()
        .args(["bench", "--package", BENCHES, "--benches"]);
    if smoke {
        steps.run("benches, each once", &benches.args(["--", "--test"]))
    } else {
        steps.run("benches", &benches)
    }
}

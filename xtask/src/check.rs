//! `check`: everything beyond the tests, the quickest first.

use anyhow::Result;

use crate::steps::Steps;
use crate::workspace::Workspace;
use crate::{alone, bare_metal, bench, lint, loom, race, sanitizer, shuttle, tidy};

/// Stops at the first step that fails.
pub(crate) fn run(steps: &mut Steps, workspace: &Workspace) -> Result<()> {
    tidy::run(steps, workspace)?;
    lint::run(steps, workspace)?;
    loom::run(steps, workspace)?;
    shuttle::run(steps, workspace)?;
    bare_metal::run(steps, workspace)?;
    sanitizer::run(steps, workspace, None, true, sanitizer::STRESS_TIME)?;
    alone::run(steps, workspace)?;
    bench::run(steps, workspace, true)?;
    let short = ["all", "--quick", "--rounds", "1"].map(str::to_owned);
    steps.run("races, one short round", &race::program(workspace, &short))
}

//! `lint`: formatting, clippy and rustdoc, with warnings as errors.

use anyhow::Result;

use crate::loom;
use crate::steps::Steps;
use crate::workspace::{Workspace, libraries};

/// Checks the formatting first, as it takes a second, then all targets with all features, the
/// libraries without any, the loom models, and the docs.
pub(crate) fn run(steps: &mut Steps, workspace: &Workspace) -> Result<()> {
    let formatted = workspace.cargo().args(["fmt", "--all", "--check"]);
    steps.run("fmt", &formatted)?;

    let deny = ["--", "--deny", "warnings"];
    let clippy = workspace
        .cargo()
        .args(["clippy", "--workspace", "--all-targets", "--all-features"])
        .args(deny);
    steps.run("clippy", &clippy)?;
    for library in libraries() {
        let bare = workspace
            .cargo()
            .args(["clippy", "--package", library, "--no-default-features"])
            .args(deny);
        steps.run(&format!("clippy {library}, no features"), &bare)?;
    }
    loom::lint(steps, workspace)?;

    let docs = workspace
        .cargo()
        .env("RUSTDOCFLAGS", "--deny warnings")
        .args(["doc", "--workspace", "--no-deps", "--all-features"]);
    steps.run("rustdoc", &docs)
}

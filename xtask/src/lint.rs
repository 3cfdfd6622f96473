//! `lint`: formatting, clippy and rustdoc, with warnings as errors.

use anyhow::Result;

use crate::files;
use crate::fuzz;
use crate::loom;
use crate::shuttle;
use crate::steps::Steps;
use crate::workspace::{Workspace, libraries};

/// Checks the formatting first, as it takes a second, then all targets with all features, the
/// libraries without any, the loom models, the shuttle scenarios,
/// what only the fuzz targets see, and the docs.
pub(crate) fn run(steps: &mut Steps, workspace: &Workspace) -> Result<()> {
    let formatted = workspace.cargo().args(["fmt", "--all", "--check"]);
    steps.run("fmt", &formatted)?;
    for manifest in detached(workspace)? {
        let formatted = workspace
            .cargo()
            .args(["fmt", "--check", "--manifest-path", &manifest]);
        steps.run(&format!("fmt {manifest}"), &formatted)?;
    }

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
    shuttle::lint(steps, workspace)?;
    fuzz::lint(steps, workspace)?;

    let docs = workspace
        .cargo()
        .env("RUSTDOCFLAGS", "--deny warnings")
        .args(["doc", "--workspace", "--no-deps", "--all-features"]);
    steps.run("rustdoc", &docs)
}

/// Manifests in the tree that are no members, such as those of programs without std.
fn detached(workspace: &Workspace) -> Result<Vec<String>> {
    let root = &workspace.root;
    let mut manifests = Vec::new();
    for file in files::of(root)? {
        let path = root.join(&file);
        let member = workspace.members().any(|package| package.manifest == path);
        if file.ends_with("Cargo.toml") && !member && path != root.join("Cargo.toml") {
            manifests.push(file.display().to_string());
        }
    }
    Ok(manifests)
}

//! `alone`: each library by itself, as a user has it who takes one crate and not the stack.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::process::Program;
use crate::steps::Steps;
use crate::tidy::{Violation, heavy_in_tree, names_in_tree, report, strangers_in_tree};
use crate::workspace::{Workspace, libraries};

/// Where the scratch crates and the packages are built.
const TARGET: &str = "alone";

/// Checks a scratch crate on each library, then packages the whole workspace.
pub(crate) fn run(steps: &mut Steps, workspace: &Workspace) -> Result<()> {
    for library in libraries() {
        for default_features in [true, false] {
            let with = if default_features { "default" } else { "no" };
            let title = format!("alone {library}, {with} features");
            steps.perform(&title, || scratch(workspace, library, default_features))?;
        }
    }
    package(steps, workspace)
}

/// Compiles a crate that depends on `library` and nothing else, and compares what cargo takes in
/// for it with the layering.
fn scratch(workspace: &Workspace, library: &str, default_features: bool) -> Result<()> {
    let folder = tempfile::tempdir().context("cannot make a folder for a scratch crate")?;
    let dir = folder.path();
    let dependency = workspace.member(library)?.dir();
    fs::create_dir(dir.join("src"))?;
    fs::write(
        dir.join("Cargo.toml"),
        manifest(library, dependency, default_features),
    )?;
    fs::write(dir.join("src").join("lib.rs"), source(library))?;
    // The same versions as in the workspace, and nothing to resolve anew.
    fs::copy(workspace.root.join("Cargo.lock"), dir.join("Cargo.lock"))?;

    let cargo = || workspace.cargo_into(TARGET).dir(dir);
    run_shown(&cargo().arg("check"))?;
    let tree = cargo()
        .args(["tree", "--edges", "normal,build", "--prefix", "none"])
        .args(["--format", "{p}"])
        .output()?;
    let names = names_in_tree(&tree);
    let mut violations = strangers_in_tree(library, &names);
    violations.extend(heavy_in_tree(library, &names, &workspace.packages));
    if !names.contains(library) {
        violations.push(Violation::new(
            library,
            "is not in the scratch crate's own tree",
        ));
    }
    report(&violations)
}

fn manifest(library: &str, dir: &Path, default_features: bool) -> String {
    let path = dir.display().to_string();
    format!(
        "[package]\nname = \"scratch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\n{library} = {{ path = {path:?}, default-features = {default_features} }}\n\n\
         [workspace]\n"
    )
}

fn source(library: &str) -> String {
    format!(
        "#![no_std]\n#![deny(warnings)]\npub use {} as library;\n",
        library.replace('-', "_")
    )
}

/// Packages every crate that is published, each built from its own package.
fn package(steps: &mut Steps, workspace: &Workspace) -> Result<()> {
    // In a folder of a new name each time: cargo unpacks the packages that others are built against once for each
    // name, version and path, and would check against those of an earlier run.
    let parent = workspace.target.join(TARGET);
    fs::create_dir_all(&parent)?;
    let target = tempfile::Builder::new()
        .prefix("package-")
        .tempdir_in(&parent)?;
    // A developer checks before the commit; CI checks a clean clone, and no package leaves either.
    let mut program = workspace
        .cargo()
        .env("CARGO_TARGET_DIR", target.path())
        .args(["package", "--workspace", "--allow-dirty"]);
    for member in workspace.members().filter(|package| !package.published) {
        program = program.args(["--exclude", &member.name]);
    }
    steps.run("package", &program)
}

fn run_shown(program: &Program) -> Result<()> {
    eprintln!("   {program}");
    program.run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scratch_crate_depends_on_one_library_and_stands_outside_any_workspace() {
        let manifest = manifest("slab-core", Path::new("/w/slab-core"), false);
        assert!(manifest.contains(
            "[dependencies]\nslab-core = { path = \"/w/slab-core\", default-features = false }\n"
        ));
        assert!(manifest.ends_with("[workspace]\n"));
        assert!(source("slab-core").contains("pub use slab_core as library;"));
    }
}

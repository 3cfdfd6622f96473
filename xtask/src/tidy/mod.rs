//! `tidy`: the rules of the workspace that no compiler checks. Layers, manifests, sources, paths.
//!
//! Every rule is a function from data to a list of [`Violation`]s, so that its tests can show it a
//! violation without a workspace around it.

mod layering;
mod manifest;
mod paths;
mod source;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, bail};

pub(crate) use layering::{heavy_in_tree, strangers_in_tree};

use crate::files;
use crate::steps::Steps;
use crate::workspace::{Workspace, libraries};

/// A broken rule: where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    place: String,
    message: String,
}

impl Violation {
    pub(crate) fn new(place: impl fmt::Display, message: impl fmt::Display) -> Self {
        Self {
            place: place.to_string(),
            message: message.to_string(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Checks the whole workspace and reports every violation at once.
pub(crate) fn run(steps: &mut Steps, workspace: &Workspace) -> Result<()> {
    steps.perform("tidy", || {
        let (violations, warnings) = inspect(workspace)?;
        for warning in &warnings {
            eprintln!("   warning: {warning}");
        }
        report(&violations)
    })
}

/// Prints the violations; one or more are an error.
pub(crate) fn report(violations: &[Violation]) -> Result<()> {
    for violation in violations {
        eprintln!("   error: {violation}");
    }
    match violations.len() {
        0 => Ok(()),
        1 => bail!("1 rule is broken"),
        count => bail!("{count} rules are broken"),
    }
}

/// All rules over the real workspace: violations first, then warnings.
fn inspect(workspace: &Workspace) -> Result<(Vec<Violation>, Vec<Violation>)> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let root_manifest = read(&workspace.root.join("Cargo.toml"))?;
    let mut violations = layering::check(workspace, &manifest::shared_names(&root_manifest));
    violations.extend(manifest::check(workspace));
    for library in libraries() {
        let tree = default_tree(workspace, library)?;
        violations.extend(heavy_in_tree(library, &tree, &workspace.packages));
    }

    let mut warnings = Vec::new();
    for file in files::of(&workspace.root)? {
        let Ok(bytes) = std::fs::read(workspace.root.join(&file)) else {
            continue; // Deleted, but still in git's index.
        };
        // What is not UTF-8 is no text, and has no rules.
        let Ok(text) = String::from_utf8(bytes) else {
            continue;
        };
        violations.extend(paths::check(&file, &text));
        if source::is_source(&file) {
            violations.extend(source::check(&file, &text));
            warnings.extend(source::warn(&file, &text));
        }
    }
    violations.sort();
    Ok((violations, warnings))
}

/// Names of the packages in a library's own tree with default features, without dev-dependencies.
fn default_tree(workspace: &Workspace, package: &str) -> Result<BTreeSet<String>> {
    let tree = workspace
        .cargo()
        .args(["tree", "--package", package])
        .args(["--edges", "normal,build", "--prefix", "none"])
        .args(["--format", "{p}"])
        .output()?;
    Ok(names_in_tree(&tree))
}

/// The package names in what `cargo tree --prefix none --format {p}` prints.
pub(crate) fn names_in_tree(tree: &str) -> BTreeSet<String> {
    tree.lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_make_an_error_and_none_makes_none() {
        assert!(report(&[]).is_ok());
        let one = [Violation::new("here", "is wrong")];
        assert_eq!(one[0].to_string(), "here: is wrong");
        assert_eq!(report(&one).unwrap_err().to_string(), "1 rule is broken");
    }

    #[test]
    fn a_tree_is_read_to_names() {
        let tree = "slab-core v0.1.0 (/somewhere)\nthiserror v2.0.1\nsyn v3.0.9 (*)\n\n";
        let names: Vec<String> = names_in_tree(tree).into_iter().collect();
        assert_eq!(names, ["slab-core", "syn", "thiserror"]);
    }
}

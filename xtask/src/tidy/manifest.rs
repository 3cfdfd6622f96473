//! What every manifest states, and what stands beside it.

use std::collections::BTreeSet;

use super::Violation;
use crate::workspace::{LAYERS, Workspace};

/// Every package has a description, a license and the oldest Rust it builds with; every layer a
/// README besides.
pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    let mut violations = Vec::new();
    for package in workspace.members() {
        let mut refuse = |message| violations.push(Violation::new(&package.name, message));
        if package.description.is_none() {
            refuse("has no description in its manifest");
        }
        if package.license.is_none() {
            refuse("has no license in its manifest: write license.workspace = true");
        }
        if package.rust_version.is_none() {
            refuse("has no rust-version in its manifest: write rust-version.workspace = true");
        }
        let layer = LAYERS.contains(&package.name.as_str());
        if layer && !package.dir().join("README.md").is_file() {
            refuse("has no README.md");
        }
    }
    violations
}

/// The names in `[workspace.dependencies]` of the root manifest.
pub(super) fn shared_names(manifest: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut inside = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            inside = header == "workspace.dependencies]";
            if let Some(rest) = header.strip_prefix("workspace.dependencies.") {
                names.insert(rest.trim_end_matches(']').to_owned());
            }
        } else if inside && !line.starts_with('#') {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            if !name.is_empty() {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::workspace;

    #[test]
    fn each_missing_statement_is_caught() {
        let root = tempfile::tempdir().unwrap();
        let mut workspace = workspace(&[("slab-core", &[])]);
        let package = &mut workspace.packages[0];
        package.manifest = root.path().join("Cargo.toml");
        package.description = None;
        package.license = None;
        package.rust_version = None;
        let violations: Vec<String> = check(&workspace).iter().map(Violation::to_string).collect();
        for missing in ["description", "license", "rust-version", "README.md"] {
            let about = |violation: &&String| violation.contains(&format!("has no {missing}"));
            assert_eq!(violations.iter().filter(about).count(), 1, "{violations:?}");
        }
    }

    #[test]
    fn a_complete_package_passes() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("README.md"), "").unwrap();
        let mut workspace = workspace(&[("slab-core", &[])]);
        workspace.packages[0].manifest = root.path().join("Cargo.toml");
        assert_eq!(check(&workspace), []);
    }

    #[test]
    fn shared_names_are_those_of_their_table_alone() {
        let manifest = "\
            [workspace]\nmembers = []\n\n[workspace.dependencies]\n# A comment.\nbytes = \"1\"\n\
            clap = { version = \"4\" }\nrand.version = \"1\"\n\n[workspace.dependencies.zstd]\n\
            version = \"0.14\"\n\n[profile.dev]\nopt-level = 1\n";
        let names: Vec<String> = shared_names(manifest).into_iter().collect();
        assert_eq!(names, ["bytes", "clap", "rand", "zstd"]);
    }
}

//! Who may depend on whom: layers downwards only, peers in the benches only, nothing heavy in a
//! library, the harness of the models in tests only.

use std::collections::BTreeSet;

use super::Violation;
use crate::workspace::{BENCHES, HARNESS, LAYERS, Package, UNCOUNTED, Workspace};

/// Packages too heavy for a library; optional in cache-tiered, free in the command line.
const HEAVY: [&str; 4] = ["clap", "indicatif", "plotters", "tokio"];

/// Packages that compile or look for native code in a build script.
const NATIVE: [&str; 5] = ["bindgen", "cc", "cmake", "pkg-config", "vcpkg"];

/// The layer that may offer heavy dependencies behind features.
const WITH_OPTIONAL_HEAVY: &str = "cache-tiered";

/// Checks every declared dependency, dev and build ones and optional ones included. `shared` are
/// the names in `[workspace.dependencies]`: what else the benches use is a peer.
pub(super) fn check(workspace: &Workspace, shared: &BTreeSet<String>) -> Vec<Violation> {
    let members: BTreeSet<&str> = workspace.members().map(|p| p.name.as_str()).collect();
    let peers: BTreeSet<&str> = workspace
        .members()
        .filter(|package| package.name == BENCHES)
        .flat_map(|package| &package.dependencies)
        .map(|dependency| dependency.name.as_str())
        .filter(|name| !shared.contains(*name) && !members.contains(name))
        .collect();
    workspace
        .members()
        .flat_map(|package| check_package(package, &members, &peers))
        .collect()
}

fn check_package(
    package: &Package,
    members: &BTreeSet<&str>,
    peers: &BTreeSet<&str>,
) -> Vec<Violation> {
    let name = package.name.as_str();
    let level = level(name);
    if level.is_none() && ![BENCHES, HARNESS, UNCOUNTED, "xtask"].contains(&name) {
        let message = "is no layer: give it a place in LAYERS of xtask/src/workspace.rs";
        return vec![Violation::new(name, message)];
    }
    let mut violations = Vec::new();
    let mut refuse = |message: String| violations.push(Violation::new(name, message));
    for dependency in &package.dependencies {
        let on = dependency.name.as_str();
        if on == HARNESS && level.is_some() {
            if !dependency.dev {
                refuse(format!(
                    "depends on {on} outside of its tests: make it a dev-dependency"
                ));
            }
        } else if name == HARNESS && members.contains(on) {
            refuse(format!("depends on {on}, whose tests use it"));
        } else if members.contains(on) && (name, on) != (BENCHES, UNCOUNTED) {
            match self::level(on) {
                None => refuse(format!("depends on {on}, on which nothing may depend")),
                Some(lower) if level.is_some_and(|own| lower >= own) => refuse(format!(
                    "depends on {on}, which is not below it: {}",
                    LAYERS.join(" < ")
                )),
                Some(_) => {}
            }
        } else if peers.contains(on) && name != BENCHES {
            refuse(format!("depends on {on}, a peer: only {BENCHES} may"));
        } else if is_library(name)
            && HEAVY.contains(&on)
            && !(dependency.optional && name == WITH_OPTIONAL_HEAVY)
        {
            refuse(format!("depends on {on}, too heavy for a library"));
        }
    }
    violations
}

/// Finds what a library's default features must not pull in: heavy packages and native code.
/// `tree` holds the names in the library's resolved tree, itself included.
pub(crate) fn heavy_in_tree(
    library: &str,
    tree: &BTreeSet<String>,
    packages: &[Package],
) -> Vec<Violation> {
    let links = |name: &str| packages.iter().any(|p| p.name == name && p.links.is_some());
    tree.iter()
        .filter_map(|name| {
            if HEAVY.contains(&name.as_str()) {
                Some(format!(
                    "pulls in {name} by default: put it behind a feature"
                ))
            } else if NATIVE.contains(&name.as_str()) || links(name) {
                Some(format!(
                    "pulls in native code by default, by {name}: put it behind a feature"
                ))
            } else {
                None
            }
        })
        .map(|message| Violation::new(library, message))
        .collect()
}

/// Finds the layers in a library's resolved tree that do not stand below it.
pub(crate) fn strangers_in_tree(library: &str, tree: &BTreeSet<String>) -> Vec<Violation> {
    let own = level(library);
    tree.iter()
        .filter(|name| level(name).is_some_and(|found| Some(found) > own))
        .map(|name| Violation::new(library, format!("pulls in {name}, which stands above it")))
        .collect()
}

fn level(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| *layer == name)
}

fn is_library(name: &str) -> bool {
    crate::workspace::libraries().contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::workspace;

    fn found(members: &[(&str, &[&str])]) -> Vec<String> {
        let shared = ["clap", "criterion", "thiserror", "tokio"];
        let shared = shared.into_iter().map(str::to_owned).collect();
        let violations = check(&workspace(members), &shared);
        violations.iter().map(Violation::to_string).collect()
    }

    #[test]
    fn the_layering_of_the_architecture_passes() {
        let members: &[(&str, &[&str])] = &[
            ("slab-core", &["thiserror"]),
            ("buffer-pool", &["slab-core", "thiserror"]),
            ("cache-policies", &["slab-core"]),
            ("cache-tiered", &["buffer-pool", "cache-policies"]),
            ("strata-cli", &["cache-tiered", "clap", "tokio"]),
            (
                "strata-benches",
                &[
                    "strata-cli",
                    "slab-core",
                    "buffer-pool-uncounted",
                    "moka",
                    "criterion",
                ],
            ),
            ("buffer-pool-uncounted", &["slab-core"]),
            ("xtask", &["clap"]),
        ];
        assert_eq!(found(members), [""; 0]);
    }

    #[test]
    fn a_dependency_upwards_is_caught() {
        let violations = found(&[("slab-core", &["buffer-pool"]), ("buffer-pool", &[])]);
        assert_eq!(violations.len(), 1);
        assert!(violations[0].starts_with("slab-core: depends on buffer-pool, which is not below"));
    }

    #[test]
    fn a_dependency_on_itself_is_caught() {
        assert_eq!(found(&[("slab-core", &["slab-core"])]).len(), 1);
    }

    #[test]
    fn a_dependency_on_the_benches_or_on_xtask_is_caught() {
        let violations = found(&[
            ("strata-cli", &["strata-benches", "xtask"]),
            ("cache-tiered", &["buffer-pool-uncounted"]),
            ("buffer-pool-uncounted", &[]),
            ("strata-benches", &["xtask"]),
            ("xtask", &[]),
        ]);
        assert_eq!(violations.len(), 4);
        assert!(violations[0].contains("on which nothing may depend"));
    }

    #[test]
    fn the_harness_is_of_tests_alone_and_uses_no_layer() {
        let violations = found(&[("slab-core", &["loom-harness"]), ("loom-harness", &[])]);
        assert_eq!(violations.len(), 1);
        assert!(violations[0].starts_with("slab-core: depends on loom-harness outside"));

        let mut workspace = workspace(&[("slab-core", &["loom-harness"]), ("loom-harness", &[])]);
        workspace.packages[0].dependencies[0].dev = true;
        assert_eq!(check(&workspace, &BTreeSet::new()), []);

        let violations = found(&[("loom-harness", &["slab-core"]), ("slab-core", &[])]);
        assert!(violations[0].starts_with("loom-harness: depends on slab-core, whose tests"));
        let violations = found(&[("xtask", &["loom-harness"]), ("loom-harness", &[])]);
        assert!(violations[0].contains("on which nothing may depend"));
    }

    #[test]
    fn a_peer_outside_the_benches_is_caught() {
        let violations = found(&[("strata-benches", &["moka"]), ("cache-tiered", &["moka"])]);
        assert_eq!(
            violations,
            ["cache-tiered: depends on moka, a peer: only strata-benches may"]
        );
    }

    #[test]
    fn a_member_that_is_no_layer_is_caught() {
        let violations = found(&[("slab-extras", &[])]);
        assert!(violations[0].starts_with("slab-extras: is no layer"));
    }

    #[test]
    fn a_heavy_dependency_of_a_library_is_caught_unless_optional_in_the_tiers() {
        assert_eq!(found(&[("buffer-pool", &["tokio"])]).len(), 1);
        assert_eq!(found(&[("cache-tiered", &["tokio"])]).len(), 1);
        let optional = |name| {
            let mut workspace = workspace(&[(name, &["tokio"])]);
            workspace.packages[0].dependencies[0].optional = true;
            check(&workspace, &BTreeSet::from(["tokio".to_owned()])).len()
        };
        assert_eq!(optional("cache-tiered"), 0);
        assert_eq!(optional("buffer-pool"), 1);
    }

    fn tree(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn tokio_and_native_code_in_a_default_tree_are_caught() {
        let mut packages = workspace(&[("zstd-sys", &[])]).packages;
        packages[0].links = Some("zstd".to_owned());
        let names = tree(&["cache-tiered", "tokio", "cc", "zstd-sys", "thiserror"]);
        let violations = heavy_in_tree("cache-tiered", &names, &packages);
        assert_eq!(violations.len(), 3, "{violations:?}");
        assert!(heavy_in_tree("cache-tiered", &tree(&["thiserror"]), &packages).is_empty());
    }

    #[test]
    fn a_layer_above_in_a_tree_is_caught() {
        let violations = strangers_in_tree("slab-core", &tree(&["slab-core", "buffer-pool"]));
        assert_eq!(
            violations[0].to_string(),
            "slab-core: pulls in buffer-pool, which stands above it"
        );
        let fine = tree(&["cache-tiered", "buffer-pool", "slab-core", "bytes"]);
        assert!(strangers_in_tree("cache-tiered", &fine).is_empty());
    }
}

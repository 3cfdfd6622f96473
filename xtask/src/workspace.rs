//! The workspace as `cargo metadata` tells it: packages, their dependencies and targets.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process::Program;

/// The layers from the lowest up: each may use those before it, never one after it.
pub(crate) const LAYERS: [&str; 5] = [
    "slab-core",
    "buffer-pool",
    "cache-policies",
    "cache-tiered",
    "strata-cli",
];

/// The layers that are libraries for other people's programs: all but the command line.
pub(crate) fn libraries() -> &'static [&'static str] {
    &LAYERS[..LAYERS.len() - 1]
}

/// The package of benches and races, the only one that knows peers.
pub(crate) const BENCHES: &str = "strata-benches";

/// The sources of buffer-pool compiled without statistics, for the benches alone.
pub(crate) const UNCOUNTED: &str = "buffer-pool-uncounted";

/// The package that runs loom models. Tests of every layer may use it, and nothing else; it uses no layer.
pub(crate) const HARNESS: &str = "loom-harness";

/// All that the tasks ask of `cargo metadata`.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Where cargo builds: `CARGO_TARGET_DIR`, or `target` of the workspace.
    pub(crate) target: PathBuf,
    /// Members and all that they depend on.
    pub(crate) packages: Vec<Package>,
}

/// A package of the workspace, or one that it depends on.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest: PathBuf,
    pub(crate) member: bool,
    pub(crate) license: Option<String>,
    pub(crate) rust_version: Option<String>,
    pub(crate) description: Option<String>,
    /// `false` for `publish = false`.
    pub(crate) published: bool,
    /// The native library that it links, by its manifest's `links`.
    pub(crate) links: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
}

/// A dependency as its manifest declares it, of whatever kind: normal, build or dev.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) optional: bool,
    /// Of tests, examples and benches alone.
    pub(crate) dev: bool,
}

/// A library, binary, example, test or bench of a package.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kinds: Vec<String>,
    pub(crate) source: PathBuf,
    /// Without these cargo does not build it.
    pub(crate) required_features: Vec<String>,
}

impl Workspace {
    /// Asks cargo about the workspace that holds the current folder.
    pub(crate) fn load() -> Result<Self> {
        let json = Program::cargo()
            .args(["metadata", "--format-version", "1", "--all-features"])
            .output()?;
        Self::parse(&json)
    }

    /// Reads what `cargo metadata --format-version 1` prints.
    pub(crate) fn parse(json: &str) -> Result<Self> {
        let metadata: Value =
            serde_json::from_str(json).context("cannot parse what cargo metadata printed")?;
        let members: BTreeSet<String> = strings(&metadata["workspace_members"]);
        let packages = metadata["packages"]
            .as_array()
            .context("cargo metadata printed no packages")?
            .iter()
            .map(|package| Package::parse(package, &members))
            .collect::<Result<_>>()?;
        Ok(Self {
            root: path(&metadata["workspace_root"])?,
            target: path(&metadata["target_directory"])?,
            packages,
        })
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.member)
    }

    pub(crate) fn member(&self, name: &str) -> Result<&Package> {
        self.members()
            .find(|package| package.name == name)
            .with_context(|| format!("the workspace has no package `{name}`"))
    }

    /// cargo in the root of the workspace, with the target directory of this process.
    pub(crate) fn cargo(&self) -> Program {
        Program::cargo().dir(&self.root)
    }

    /// cargo with a target directory of its own below the common one, so that another compiler or
    /// other flags do not push out what plain builds made.
    pub(crate) fn cargo_into(&self, directory: &str) -> Program {
        self.cargo()
            .env("CARGO_TARGET_DIR", self.target.join(directory))
    }
}

impl Package {
    fn parse(package: &Value, members: &BTreeSet<String>) -> Result<Self> {
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let targets = package["targets"].as_array().into_iter().flatten();
        Ok(Self {
            name: string(&package["name"])?,
            manifest: path(&package["manifest_path"])?,
            member: members.contains(&string(&package["id"])?),
            license: package["license"].as_str().map(str::to_owned),
            rust_version: package["rust_version"].as_str().map(str::to_owned),
            description: package["description"].as_str().map(str::to_owned),
            published: package["publish"] != Value::Array(Vec::new()),
            links: package["links"].as_str().map(str::to_owned),
            dependencies: dependencies.map(Dependency::parse).collect::<Result<_>>()?,
            targets: targets.map(Target::parse).collect::<Result<_>>()?,
        })
    }

    /// The folder of the manifest.
    pub(crate) fn dir(&self) -> &Path {
        self.manifest.parent().unwrap_or(Path::new("."))
    }
}

impl Dependency {
    fn parse(dependency: &Value) -> Result<Self> {
        Ok(Self {
            name: string(&dependency["name"])?,
            optional: dependency["optional"].as_bool().unwrap_or(false),
            dev: dependency["kind"] == "dev",
        })
    }
}

impl Target {
    fn parse(target: &Value) -> Result<Self> {
        Ok(Self {
            name: string(&target["name"])?,
            kinds: strings(&target["kind"]).into_iter().collect(),
            source: path(&target["src_path"])?,
            required_features: strings(&target["required-features"]).into_iter().collect(),
        })
    }

    pub(crate) fn is(&self, kind: &str) -> bool {
        self.kinds.iter().any(|own| own == kind)
    }
}

fn string(value: &Value) -> Result<String> {
    let string = value
        .as_str()
        .context("cargo metadata lacks an expected string")?;
    Ok(string.to_owned())
}

fn strings(value: &Value) -> BTreeSet<String> {
    let values = value.as_array().into_iter().flatten();
    values
        .filter_map(|v| v.as_str().map(str::to_owned))
        .collect()
}

fn path(value: &Value) -> Result<PathBuf> {
    string(value).map(PathBuf::from)
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// The metadata of a workspace at `/w` whose members and their dependencies are `members`.
    pub(crate) fn workspace(members: &[(&str, &[&str])]) -> Workspace {
        let packages: Vec<Value> = members
            .iter()
            .map(|(name, dependencies)| {
                let dependencies: Vec<Value> = dependencies
                    .iter()
                    .map(|name| json!({ "name": name, "optional": false, "kind": null }))
                    .collect();
                json!({
                    "name": name,
                    "id": format!("path+file:///w/{name}"),
                    "manifest_path": format!("/w/{name}/Cargo.toml"),
                    "license": "MIT OR Apache-2.0",
                    "rust_version": "1.95",
                    "description": "what it is",
                    "publish": null,
                    "links": null,
                    "dependencies": dependencies,
                    "targets": [{
                        "name": name,
                        "kind": ["lib"],
                        "src_path": format!("/w/{name}/src/lib.rs"),
                    }],
                })
            })
            .collect();
        let ids: Vec<&Value> = packages.iter().map(|package| &package["id"]).collect();
        let metadata = json!({
            "packages": packages,
            "workspace_members": ids,
            "workspace_root": "/w",
            "target_directory": "/w/target",
        });
        Workspace::parse(&metadata.to_string()).unwrap()
    }

    #[test]
    fn metadata_is_read() {
        let read = workspace(&[("slab-core", &["thiserror"])]);
        let slab = read.member("slab-core").unwrap();
        assert_eq!(slab.dir(), Path::new("/w/slab-core"));
        assert_eq!(slab.dependencies[0].name, "thiserror");
        assert!(slab.published && slab.targets[0].is("lib"));
        assert!(read.member("absent").is_err());
    }

    #[test]
    fn publish_false_is_an_empty_list_of_registries() {
        let metadata = json!({
            "packages": [{
                "name": "x", "id": "x", "manifest_path": "/w/x/Cargo.toml", "publish": [],
            }],
            "workspace_members": [],
            "workspace_root": "/w",
            "target_directory": "/w/target",
        });
        let read = Workspace::parse(&metadata.to_string()).unwrap();
        assert!(!read.packages[0].published && !read.packages[0].member);
    }

    #[test]
    fn metadata_that_is_none_is_refused() {
        assert!(Workspace::parse("{}").is_err());
        assert!(Workspace::parse("nonsense").is_err());
    }
}

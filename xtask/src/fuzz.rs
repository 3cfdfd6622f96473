//! `fuzz`: the fuzz targets, which need a nightly compiler and cargo-fuzz.
//!
//! Corpora and failing inputs lie where cargo-fuzz keeps them: `fuzz/corpus` and `fuzz/artifacts`, out of git.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::process::Program;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// The folder of the targets, a workspace of its own.
const FOLDER: &str = "fuzz";

/// Below the target directory: programs that cargo installs for these tasks.
const TOOLS: &str = "tools";

/// Seconds after which a single input counts as hanging.
const HANG_SECONDS: u32 = 30;

/// What is run and for how long.
#[derive(Debug, clap::Args)]
pub(crate) struct Request {
    /// Which targets to run; all of them if none is named
    targets: Vec<String>,
    /// How long to run each target
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Run the one target once, on this input, as after a failure
    #[arg(long, conflicts_with = "seconds")]
    input: Option<PathBuf>,
}

/// Runs the targets asked for, each a step.
pub(crate) fn run(steps: &mut Steps, workspace: &Workspace, request: &Request) -> Result<()> {
    let fuzzer = Fuzzer::ensure(steps, workspace)?;
    let targets = choose(&fuzzer.targets, &request.targets)?;
    if let Some(input) = &request.input {
        let [target] = targets[..] else {
            bail!("an input is of one target: name it");
        };
        let program = fuzzer.cargo(target)?.arg(std::path::absolute(input)?);
        return steps.run(&format!("fuzz {target}, one input"), &program);
    }
    for target in targets {
        fuzzer.fuzz(steps, target, request.seconds)?;
    }
    Ok(())
}

/// Whatever is needed to run targets, found to be there.
pub(crate) struct Fuzzer<'a> {
    workspace: &'a Workspace,
    /// The program.
    cargo_fuzz: PathBuf,
    /// With the features that each needs.
    targets: BTreeMap<String, Vec<String>>,
}

impl<'a> Fuzzer<'a> {
    /// Finds nightly, installs cargo-fuzz if it is not there, lists the targets.
    pub(crate) fn ensure(steps: &mut Steps, workspace: &'a Workspace) -> Result<Self> {
        let version = nightly("rustc").without_env("RUST_BACKTRACE").arg("-V");
        version.output().context(
            "fuzzing needs a nightly compiler, which this task does not download; get one by \
             `rustup toolchain install nightly --profile minimal`",
        )?;
        Ok(Self {
            workspace,
            cargo_fuzz: cargo_fuzz(steps, workspace)?,
            targets: targets(workspace)?,
        })
    }

    /// Runs `target` for `seconds` as one step. After a failure the error says how to repeat it.
    pub(crate) fn fuzz(&self, steps: &mut Steps, target: &str, seconds: u32) -> Result<()> {
        let program = self
            .cargo(target)?
            .arg("--")
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-timeout={HANG_SECONDS}"))
            .arg("-print_final_stats=1");
        let artifacts = self.workspace.root.join(FOLDER).join("artifacts");
        let artifacts = artifacts.join(target);
        let before = files(&artifacts);
        let title = format!("fuzz {target}, {seconds} s");
        let result = steps.run(&title, &program);
        let found: Vec<PathBuf> = files(&artifacts).difference(&before).cloned().collect();
        result.with_context(|| reproduction(target, &found))
    }

    /// `cargo +nightly fuzz run TARGET`, with its own target directory and no more crates than it needs.
    fn cargo(&self, target: &str) -> Result<Program> {
        let features = self.targets.get(target);
        let features = features.with_context(|| format!("there is no fuzz target `{target}`"))?;
        let mut program = nightly(&self.cargo_fuzz).dir(&self.workspace.root).args([
            "fuzz",
            "run",
            "--no-default-features",
        ]);
        for feature in features {
            program = program.args(["--features", feature]);
        }
        Ok(program
            .arg("--target-dir")
            .arg(self.workspace.target.join(FOLDER))
            .arg(target))
    }
}

/// `program` with the nightly that is installed, whatever toolchain this process was started with.
fn nightly(program: impl AsRef<OsStr>) -> Program {
    Program::new(program)
        .env("RUSTUP_TOOLCHAIN", "nightly")
        .env("RUSTUP_AUTO_INSTALL", "0")
        .env("RUSTUP_DIST_SERVER", "http://127.0.0.1:9")
        .without_env("CARGO")
        .without_env("RUSTC")
        .without_env("RUSTFLAGS")
        .without_env("CARGO_ENCODED_RUSTFLAGS")
        // `cargo run` points it at the libraries of another compiler.
        .without_env("LD_LIBRARY_PATH")
}

/// Packages with code that only the fuzz targets see.
const FUZZED: [&str; 1] = ["cache-tiered"];

/// Clippy over what the fuzz targets use, with the compiler at hand: so that it does not rot between runs of them.
pub(crate) fn lint(steps: &mut Steps, workspace: &Workspace) -> Result<()> {
    for package in FUZZED {
        let program = workspace
            .cargo_into("fuzzing")
            .rustflags("--cfg fuzzing")
            .args(["clippy", "--package", package, "--lib", "--all-features"])
            .args(["--", "--deny", "warnings"]);
        steps.run(&format!("clippy {package}, for fuzzing"), &program)?;
    }
    Ok(())
}

/// Finds cargo-fuzz below the target directory or on the path; installs it below the target directory if it is not
/// there.
fn cargo_fuzz(steps: &mut Steps, workspace: &Workspace) -> Result<PathBuf> {
    let root = workspace.target.join(TOOLS);
    let own = root.join("bin").join("cargo-fuzz");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let others = std::env::split_paths(&path).map(|folder| folder.join("cargo-fuzz"));
    if let Some(found) = std::iter::once(own.clone())
        .chain(others)
        .find(|it| it.is_file())
    {
        return Ok(found);
    }
    let program = Program::cargo()
        .args(["install", "--locked", "--root"])
        .arg(&root)
        .arg("cargo-fuzz");
    steps.run("install cargo-fuzz", &program)?;
    Ok(own)
}

/// The targets that the manifest names, with the features that each needs.
fn targets(workspace: &Workspace) -> Result<BTreeMap<String, Vec<String>>> {
    let json = Program::cargo()
        .dir(&workspace.root)
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .arg("--manifest-path")
        .arg(Path::new(FOLDER).join("Cargo.toml"))
        .output()?;
    let fuzz = Workspace::parse(&json)?;
    let targets = fuzz.packages.iter().flat_map(|package| &package.targets);
    let programs = targets.filter(|target| target.is("bin"));
    Ok(programs
        .map(|target| (target.name.clone(), target.required_features.clone()))
        .collect())
}

/// The targets that were asked for: all of them if none was named.
fn choose<'t, F>(known: &'t BTreeMap<String, F>, named: &'t [String]) -> Result<Vec<&'t str>> {
    let all: Vec<&str> = known.keys().map(String::as_str).collect();
    for name in named {
        ensure!(
            known.contains_key(name),
            "there is no fuzz target `{name}`, but {}",
            all.join(", ")
        );
    }
    Ok(if named.is_empty() {
        all
    } else {
        named.iter().map(String::as_str).collect()
    })
}

/// What is in `folder`; nothing if it is not there.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

/// How to repeat the failure on each of the inputs that were found.
fn reproduction(target: &str, inputs: &[PathBuf]) -> String {
    let mut text = format!("fuzz target {target} failed");
    for input in inputs {
        text.push_str(&format!(
            "; repeat it by `cargo xtask fuzz {target} --input {}`",
            input.display()
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_targets_run_unless_some_are_named() {
        let known = BTreeMap::from(["arena", "trace"].map(|name| (name.to_owned(), ())));
        assert_eq!(choose(&known, &[]).unwrap(), ["arena", "trace"]);
        assert_eq!(choose(&known, &["trace".to_owned()]).unwrap(), ["trace"]);
        let error = choose(&known, &["trance".to_owned()]).unwrap_err();
        assert!(error.to_string().ends_with("`trance`, but arena, trace"));
    }

    #[test]
    fn a_failure_names_the_command_that_repeats_it() {
        assert_eq!(
            reproduction("arena", &["a/crash-1".into()]),
            "fuzz target arena failed; repeat it by `cargo xtask fuzz arena --input a/crash-1`"
        );
        assert_eq!(reproduction("arena", &[]), "fuzz target arena failed");
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_files() {
        assert!(files(Path::new("no/such/folder/anywhere")).is_empty());
    }
}

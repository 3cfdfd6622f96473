//! `san`: the sanitizers over the crates with unsafe code.

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::debian;
use crate::process::Program;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// A run-time checker that the compiler weaves into the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sanitizer {
    /// Memory errors and leaks
    Address,
    /// Data races
    Thread,
    /// Reads of uninitialised memory
    Memory,
}

/// Random cases a property runs under `--quick`: instrumented code is some ten times slower.
const QUICK_CASES: &str = "500";

/// The packages with unsafe code; both have threads that share memory.
const PACKAGES: [&str; 2] = ["slab-core", "buffer-pool"];

impl Sanitizer {
    fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Thread => "thread",
            Self::Memory => "memory",
        }
    }

    /// cargo with the flags of this sanitizer.
    ///
    /// The address sanitizer comes with rustup's stable toolchain, behind a nightly flag. The other
    /// two report false errors unless std is instrumented too: that takes Debian's compiler, which
    /// has std's sources, and clang's run-time libraries.
    fn cargo(self, workspace: &Workspace) -> Program {
        let flags = match self {
            Self::Address => {
                return workspace
                    .cargo_into("san-address")
                    .env("RUSTC_BOOTSTRAP", "1")
                    .rustflags("-Zsanitizer=address")
                    .arg("test");
            }
            Self::Thread => "-Zsanitizer=thread",
            Self::Memory => "-Zsanitizer=memory -Zsanitizer-memory-track-origins",
        };
        let link = format!("-Clinker=clang-22 -Clink-arg=-fsanitize={}", self.name());
        debian::cargo(workspace)
            .rustflags(&format!("{flags} -Zexternal-clangrt {link}"))
            .args(["test", "-Zbuild-std"])
    }
}

/// Runs one sanitizer, or all of them, with fewer cases if `quick`.
pub(crate) fn run(
    steps: &mut Steps,
    workspace: &Workspace,
    sanitizer: Option<Sanitizer>,
    quick: bool,
) -> Result<()> {
    let all = Sanitizer::value_variants();
    let host = host()?;
    for sanitizer in sanitizer.as_ref().map_or(all, std::slice::from_ref) {
        if *sanitizer != Sanitizer::Address {
            debian::ensure(&[debian::BUILD_STD, debian::SANITIZERS].concat())?;
        }
        let mut program = sanitizer.cargo(workspace);
        for package in PACKAGES {
            program = program.args(["--package", package]);
        }
        program = program
            .args(["--all-features", "--lib", "--tests"])
            .args(["--target", &host]);
        if quick {
            program = program.env("STRATA_CASES", QUICK_CASES);
        }
        let title = format!(
            "{} sanitizer over {}",
            sanitizer.name(),
            PACKAGES.join(", ")
        );
        steps.run(&title, &program)?;
    }
    Ok(())
}

/// The target that the compiler builds for if none is named. Naming it keeps the flags of a
/// sanitizer away from build scripts and procedural macros.
fn host() -> Result<String> {
    let version = Program::new("rustc").arg("-vV").output()?;
    let line = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc -vV names no host")?.to_owned())
}

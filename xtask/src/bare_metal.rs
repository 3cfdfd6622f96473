//! `nostd`: proof that the `no_std` crates need no operating system.
//!
//! Building for bare-metal targets shows that nothing asks for std; linking and running a program
//! without std and without a default allocator shows that nothing is missing at the end either.

use anyhow::Result;

use crate::debian;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// Machines without an operating system: ARM, one of them without compare-and-swap, RISC-V and x86-64, and WebAssembly
/// without a host.
const TARGETS: [&str; 5] = [
    "thumbv6m-none-eabi",
    "thumbv7m-none-eabi",
    "riscv32imac-unknown-none-elf",
    "wasm32-unknown-unknown",
    "x86_64-unknown-none",
];

/// The crates that are `no_std`, and the features to build each with.
const CRATES: [(&str, &str); 3] = [
    ("slab-core", ""),
    ("slab-core", "alloc"),
    ("cache-policies", ""),
];

/// The program without std, a package of its own: its exit code 0 is the proof.
const LINKED: &str = "tests/no_std/Cargo.toml";

/// core and alloc are only compiled here, never run: there is nothing to gain from optimising them.
const UNOPTIMISED: [&str; 4] = [
    "--config",
    "profile.dev.package.\"*\".opt-level=0",
    "--config",
    "profile.dev.debug=false",
];

/// Builds every crate for every target, then runs the program that links slab-core without std.
pub(crate) fn run(steps: &mut Steps, workspace: &Workspace) -> Result<()> {
    debian::ensure(&debian::BUILD_STD)?;
    for (package, features) in CRATES {
        let mut program = debian::cargo(workspace)
            .args(UNOPTIMISED)
            .args(["build", "-Zbuild-std=core,alloc", "--package", package])
            .args(["--no-default-features", "--features", features]);
        for target in TARGETS {
            program = program.args(["--target", target]);
        }
        let title = match features {
            "" => format!("bare metal {package}, no features"),
            _ => format!("bare metal {package}, {features}"),
        };
        steps.run(&title, &program)?;
    }
    let linked = workspace.member("slab-core")?.dir().join(LINKED);
    let program = workspace
        .cargo_into("no_std")
        .args(["run", "--release", "--manifest-path"])
        .arg(linked);
    steps.run("bare metal, linked and run", &program)
}

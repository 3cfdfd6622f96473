//! `loom`: the concurrency models, run over every interleaving up to their bounds.

use anyhow::Result;

use crate::process::Program;
use crate::steps::Steps;
use crate::workspace::{HARNESS, Workspace};

/// The crates with models, and the cfg that puts each on loom's primitives. One cfg a crate:
/// a shared one would put the atomics of dependencies into the model as well. The harness has no
/// primitives of its own, and is there with any of them.
const MODELS: [(&str, &str); 4] = [
    (HARNESS, "slab_core_loom"),
    ("slab-core", "slab_core_loom"),
    ("buffer-pool", "buffer_pool_loom"),
    ("cache-tiered", "cache_tiered_loom"),
];

/// Runs the models of each crate, with the bounds that they have, and shows what they print.
pub(crate) fn run(steps: &mut Steps, workspace: &Workspace) -> Result<()> {
    explore(steps, workspace, None)
}

/// As [`run`], with so many forced switches of thread in the models that bound them.
pub(crate) fn explore(
    steps: &mut Steps,
    workspace: &Workspace,
    preemptions: Option<u32>,
) -> Result<()> {
    for (package, cfg) in MODELS {
        let mut program = cargo(workspace, cfg)
            // Assertions count as much as speed, and the build takes longer than the models.
            .env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
            .args(["test", "--release", "--package", package, "--lib"])
            .args(["loom", "--", "--nocapture"]);
        let mut title = format!("loom {package}");
        if let Some(preemptions) = preemptions {
            program = program.env("LOOM_MAX_PREEMPTIONS", preemptions.to_string());
            title.push_str(&format!(", preemption bound {preemptions}"));
        }
        steps.run(&title, &program)?;
    }
    Ok(())
}

/// Lints what only the models compile.
pub(crate) fn lint(steps: &mut Steps, workspace: &Workspace) -> Result<()> {
    for (package, cfg) in MODELS {
        let program = cargo(workspace, cfg)
            .args(["clippy", "--package", package, "--lib"])
            .args(["--profile", "test", "--", "--deny", "warnings"]);
        steps.run(&format!("clippy {package}, models"), &program)?;
    }
    Ok(())
}

fn cargo(workspace: &Workspace, cfg: &str) -> Program {
    workspace
        .cargo_into("loom")
        .rustflags(&format!("--cfg {cfg}"))
}

//! `san`: the sanitizers over the crates with unsafe code, and over the caches that drive it hardest.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
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

/// The same for the cache in tiers, whose cases are whole histories of a cache and its journal.
const QUICK_HISTORIES: &str = "50";

/// Its histories otherwise; and the processes that its tests kill, which are a program each that has to start.
const HISTORIES: &str = "1000";
const KILLS: [(&str, &str); 3] = [
    ("STRATA_CRASH_ROUNDS", "5"),
    ("STRATA_CRASH_KILLS", "40"),
    ("STRATA_CRASH_POWER", "0"),
];

/// Names the functions and lines of a report; binutils, which a linker needs, brings it.
const SYMBOLIZER: &str = "/usr/bin/addr2line";

/// The packages with unsafe code; both have threads that share memory.
const PACKAGES: [&str; 2] = ["slab-core", "buffer-pool"];

/// The cache in tiers, which denies unsafe code but for one module; and that module's tests. The address and the thread sanitizer run
/// all tests of its library and of its `it` binary. The memory sanitizer runs that module's alone: the files of journal and store are read by
/// system calls that rustix makes in assembly, so that it takes every byte that was read for one that nobody wrote.
const TIERED: &str = "cache-tiered";
const READ_PATH_TESTS: &str = "memory::read";

/// What of it runs: all but the stores that are beyond the machine, whose clients and servers are others' code and keep times that a
/// sanitizer would make them miss; and but zstd, whose C code is built for the address sanitizer too, but by a compiler whose sanitizer is
/// not that of rustc: what one marks the other takes for an error.
const TIERED_FEATURES: &str = "disk,redb,serde,lz4,metrics,tracing";

/// A package that forbids unsafe code, but has slab-core's arena grow, shrink, move and drop entries in the midst of panics; and its
/// tests that do. The address sanitizer alone runs them: they have no threads, and what slab-core may read before it is written, its own
/// tests under the memory sanitizer find.
const CACHES: &str = "cache-policies";
const CACHE_TESTS: [&str; 2] = ["cache_", "cache::"];

/// The test in which eight threads make every call of buffer-pool, and the variables that it reads.
const STRESS: &str = "stress::eight_threads_make_every_call";
const STRESS_ROUNDS: &str = "STRATA_STRESS_ROUNDS";
const STRESS_SEED: &str = "STRATA_STRESS_SEED";

/// Rounds of that test in one process: some seconds of it.
const STRESS_ROUNDS_A_RUN: u32 = 500;

/// How long the thread sanitizer watches that test, in CI too.
pub(crate) const STRESS_TIME: Duration = Duration::from_secs(180);

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
        let (flags, options) = match self {
            Self::Address => {
                return workspace
                    .cargo_into("san-address")
                    .env("RUSTC_BOOTSTRAP", "1")
                    .rustflags("-Zsanitizer=address")
                    .arg("test");
            }
            Self::Thread => ("-Zsanitizer=thread", "TSAN_OPTIONS"),
            Self::Memory => (
                "-Zsanitizer=memory -Zsanitizer-memory-track-origins",
                "MSAN_OPTIONS",
            ),
        };
        let link = format!("-Clinker=clang-22 -Clink-arg=-fsanitize={}", self.name());
        debian::cargo(workspace)
            .rustflags(&format!("{flags} -Zexternal-clangrt {link}"))
            .env(options, format!("external_symbolizer_path={SYMBOLIZER}"))
            .args(["test", "-Zbuild-std"])
    }
}

/// Runs one sanitizer, or all of them, with fewer cases if `quick`; the thread sanitizer for `stress_time` more.
pub(crate) fn run(
    steps: &mut Steps,
    workspace: &Workspace,
    sanitizer: Option<Sanitizer>,
    quick: bool,
    stress_time: Duration,
) -> Result<()> {
    let all = Sanitizer::value_variants();
    let host = host()?;
    for sanitizer in sanitizer.as_ref().map_or(all, std::slice::from_ref) {
        if *sanitizer != Sanitizer::Address {
            debian::ensure(&[debian::BUILD_STD, debian::SANITIZERS].concat())?;
        }
        let mut program = sanitizer.cargo(workspace).args(["--target", &host]);
        let (tiered, tests) = tiered(&program, *sanitizer, quick);
        program = program.arg("--all-features");
        if quick {
            program = program.env("STRATA_CASES", QUICK_CASES);
        }
        let caches = program
            .clone()
            .args(["--package", CACHES, "--test", "it", "--"])
            .args(CACHE_TESTS);
        program = program.args(["--lib", "--tests"]);
        for package in PACKAGES {
            program = program.args(["--package", package]);
        }
        let title = format!(
            "{} sanitizer over {}",
            sanitizer.name(),
            PACKAGES.join(", ")
        );
        steps.run(&title, &program)?;
        let title = format!("{} sanitizer over {tests} of {TIERED}", sanitizer.name());
        steps.run(&title, &tiered)?;
        if *sanitizer == Sanitizer::Address {
            steps.run(&format!("address sanitizer over {CACHES}"), &caches)?;
        }
        if *sanitizer == Sanitizer::Thread {
            let title = format!("thread sanitizer, stress of {} s", stress_time.as_secs());
            steps.perform(&title, || stress(&program, stress_time))?;
        }
    }
    Ok(())
}

/// What of the cache in tiers `sanitizer` runs by `program`, and how that is called.
fn tiered(program: &Program, sanitizer: Sanitizer, quick: bool) -> (Program, &'static str) {
    let program =
        program
            .clone()
            .args(["--features", TIERED_FEATURES, "--package", TIERED, "--lib"]);
    if sanitizer == Sanitizer::Memory {
        return (program.args(["--", READ_PATH_TESTS]), "the read path");
    }
    let histories = if quick { QUICK_HISTORIES } else { HISTORIES };
    let mut program = program
        .args(["--test", "it"])
        .env("STRATA_CASES", histories);
    for (variable, times) in KILLS {
        program = program.env(variable, times);
    }
    (program, "all tests")
}

/// Repeats the stress test with a new seed each time until `time` is over. `tests` runs all tests: what it has built is
/// used again.
fn stress(tests: &Program, time: Duration) -> Result<()> {
    let start = Instant::now();
    let mut seed = 0_u32;
    while seed == 0 || start.elapsed() < time {
        seed += 1;
        let program = tests
            .clone()
            .env(STRESS_SEED, seed.to_string())
            .env(STRESS_ROUNDS, STRESS_ROUNDS_A_RUN.to_string())
            .args(["--", "--exact", STRESS]);
        let output = program.output()?;
        ensure!(
            output.contains(&format!("test {STRESS} ... ok")),
            "`{program}` has not run the stress test:\n{output}"
        );
    }
    eprintln!("   {seed} runs of {STRESS_ROUNDS_A_RUN} rounds, each with a seed of its own");
    Ok(())
}

/// The target that the compiler builds for if none is named. Naming it keeps the flags of a
/// sanitizer away from build scripts and procedural macros.
fn host() -> Result<String> {
    let version = Program::new("rustc").arg("-vV").output()?;
    let line = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc -vV names no host")?.to_owned())
}

//! A model and its mutants.
//!
//! A mutant runs in a process of its own, this test binary again with the name of the mutant in the environment: a
//! failure inside of a destructor would otherwise end all models.

use std::fmt::Debug;
use std::panic::{self, PanicHookInfo};
use std::process::{self, Command};
use std::time::Instant;
use std::{env, thread};

use crate::exploration::{Bound, executions, explore};

/// What loom says of two accesses that are not ordered.
pub const RACE: &[&str] = &["Causality violation"];
/// What loom says of memory or a count that is never given back.
pub const LEAK: &[&str] = &["leaked"];

/// Faults that a model must catch, each with the messages of which one tells that it was.
pub type Mutants<'a, M> = &'a [(M, &'a [&'a str])];

/// Names the mutant in the environment of the process that runs it.
const MUTANT: &str = "LOOM_HARNESS_MUTANT";
/// Begins the line by which that process tells how it failed.
const CAUGHT: &str = "caught at execution ";

/// Runs `model` as it is, which must pass, then with each mutant, which must fail with one of the given messages.
/// Returns how many executions the model took.
///
/// `choose` switches a mutant on for the models that run on the calling thread. The caller is a test that runs on a
/// thread of its own name, as `cargo test` has it, and does nothing beside.
///
/// # Panics
/// If the model fails, or a mutant does not, or fails otherwise.
pub fn prove<M: Copy + Debug>(
    choose: fn(Option<M>),
    name: &str,
    bound: Bound,
    mutants: Mutants<'_, M>,
    model: fn(),
) -> u64 {
    if let Ok(wanted) = env::var(MUTANT) {
        let mutant = mutants
            .iter()
            .find(|(mutant, _)| format!("{mutant:?}") == wanted);
        choose(Some(mutant.expect("a mutant of this model").0));
        panic::set_hook(Box::new(|info| {
            println!("{CAUGHT}{}: {}", executions(), message(info));
            process::exit(1);
        }));
        explore(bound, model);
        return executions();
    }
    let start = Instant::now();
    explore(bound, model);
    let count = executions();
    let seconds = start.elapsed().as_secs_f64();
    println!("loom {name}: {count} executions in {seconds:.2} s ({bound:?})");
    for &(mutant, expected) in mutants {
        let start = Instant::now();
        let failure = failure_of(&format!("{mutant:?}"));
        let failure = failure.unwrap_or_else(|| panic!("{name}: mutant {mutant:?} is not caught"));
        assert!(
            expected.iter().any(|part| failure.contains(part)),
            "{name}: mutant {mutant:?} failed otherwise than by {expected:?}: {failure}"
        );
        let seconds = start.elapsed().as_secs_f64();
        println!("loom {name}: mutant {mutant:?} caught in {seconds:.2} s at execution {failure}");
    }
    count
}

/// Execution and message with which the running test fails with `mutant`.
fn failure_of(mutant: &str) -> Option<String> {
    let test = thread::current()
        .name()
        .expect("the test harness names its threads")
        .to_owned();
    let mut again = Command::new(env::current_exe().expect("a running binary has a path"));
    let again = again
        .args([&test, "--exact", "--nocapture"])
        .env(MUTANT, mutant);
    let output = again.output().expect("the test binary runs again");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("running 1 test"),
        "{test} was not found again: {text}"
    );
    assert!(
        output.status.code().is_some(),
        "{test} with {mutant} broke memory before loom saw it: {}",
        output.status
    );
    text.lines()
        .find_map(|line| Some(line.split_once(CAUGHT)?.1.to_owned()))
}

/// What a panic said, on one line.
fn message(info: &PanicHookInfo<'_>) -> String {
    info.payload_as_str()
        .unwrap_or("no text")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

//! A scenario and its mutants: run as it is, which must pass, and with each fault, which must fail.
//!
//! A mutant runs in a process of its own, this test binary again with the name of the mutant in the environment: what is
//! handed out twice may break memory, and a second failure inside of a destructor would end all scenarios.

use std::cell::Cell;
use std::panic::{self, PanicHookInfo};
use std::process::{self, Command};
use std::time::Instant;
use std::{env, thread};

use ::shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Scheduler};
use ::shuttle::{Config, Runner};

use crate::mutant::{Mutant, choose};
use crate::sync::begin;

/// Faults that a scenario must find, each with the messages of which one tells that it did.
pub(super) type Mutants<'a> = &'a [(Mutant, &'a [&'a str])];

/// Names the mutant in the environment of the process that runs it.
const MUTANT: &str = "SHUTTLE_MUTANT";
/// Begins the line by which that process tells how it failed.
const CAUGHT: &str = "caught at iteration ";

/// Where random numbers start. Any number does; it stays so that failures repeat.
const SEED: u64 = 0x5712_A7A5;
/// Threads change against their priorities so often, less one, in a run of the second scheduler.
const DEPTH: usize = 4;
/// Bytes of a thread's stack: a failed assertion needs more than shuttle's own figure.
const STACK: usize = 256 << 10;

std::thread_local! {
    // std's: shuttle runs all threads of a scenario on the one that started it.
    static ITERATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Runs `scenario` as it is, then with each mutant.
///
/// # Panics
/// When it fails, or does not with a mutant, or fails otherwise.
pub(super) fn prove(name: &str, mutants: Mutants<'_>, scenario: fn()) {
    let iterations = env::var("SHUTTLE_ITERATIONS").map_or(10_000, |iterations| {
        iterations
            .parse()
            .expect("SHUTTLE_ITERATIONS is a number of iterations")
    });
    let wanted = env::var(MUTANT);
    if let Ok(wanted) = &wanted {
        fail(wanted, mutants);
    }
    if let Ok(schedule) = env::var("SHUTTLE_SCHEDULE") {
        let mut scheduler = ReplayScheduler::new_from_encoded(&schedule);
        // It ends where the scenario failed; what does not fail any more goes on differently.
        scheduler.set_allow_incomplete();
        run(scheduler, scenario);
        return;
    }
    if wanted.is_ok() {
        search(iterations, scenario);
        return;
    }
    explore(name, iterations, scenario);
    for &(mutant, expected) in mutants {
        let start = Instant::now();
        let failure = failure_of(&format!("{mutant:?}"));
        let failure = failure.unwrap_or_else(|| panic!("{name}: mutant {mutant:?} is not caught"));
        assert!(
            expected.iter().any(|part| failure.contains(part)),
            "{name}: mutant {mutant:?} failed otherwise than by {expected:?}: {failure}"
        );
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "shuttle {name}: mutant {mutant:?} caught in {seconds:.2} s at iteration {failure}"
        );
    }
}

/// Runs `scenario` so often under each scheduler. Panics at the first run that fails.
fn explore(name: &str, iterations: usize, scenario: fn()) {
    let start = Instant::now();
    run(RandomScheduler::new_from_seed(SEED, iterations), scenario);
    let seconds = start.elapsed().as_secs_f64();
    println!("shuttle {name}: {iterations} iterations in {seconds:.2} s (random)");
    let start = Instant::now();
    let scheduler = PctScheduler::new_from_seed(SEED, DEPTH, iterations);
    run(scheduler, scenario);
    let seconds = start.elapsed().as_secs_f64();
    println!("shuttle {name}: {iterations} iterations in {seconds:.2} s (priorities)");
}

/// Looks for a failure under both schedulers in turns, up to four times as long as `explore` does: what a mutant breaks
/// is to be found whatever else changes.
fn search(iterations: usize, scenario: fn()) {
    let part = iterations.div_ceil(10);
    for seed in (SEED..).take(40) {
        run(RandomScheduler::new_from_seed(seed, part), scenario);
        run(PctScheduler::new_from_seed(seed, DEPTH, part), scenario);
    }
}

fn run(scheduler: impl Scheduler + 'static, scenario: fn()) {
    let mut config = Config::new();
    config.stack_size = STACK;
    // That orderings are not modelled is told in this module's text.
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(move || {
        ITERATIONS.set(ITERATIONS.get() + 1);
        begin();
        scenario();
    });
}

/// Switches the mutant of this name on for this process, which ends at its first panic and tells of it.
fn fail(wanted: &str, mutants: Mutants<'_>) {
    let mutant = mutants
        .iter()
        .find(|(mutant, _)| format!("{mutant:?}") == wanted);
    choose(Some(mutant.expect("a mutant of this scenario").0));
    panic::set_hook(Box::new(|info| {
        println!("{CAUGHT}{}: {}", ITERATIONS.get(), message(info));
        process::exit(1);
    }));
}

/// Iteration and message with which the running test fails with `mutant`.
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
        "{test} with {mutant} broke memory before the scenario saw it: {}",
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

//! Models that loom runs in every interleaving, each with mutants that must fail.
//!
//! `RUSTFLAGS="--cfg slab_core_loom" cargo test --release -p slab-core --lib loom -- --nocapture` runs them and prints
//! the number of executions of each. A mutant counts as caught when loom reports a race or a leak, or when an assertion
//! of the model fails, at the bound at which the original passes. `LOOM_MAX_PREEMPTIONS` overrides the bound of the
//! three-thread models.
//!
//! A slab of a model has two slots. Loom sees the header through its cells and atomics, and the slots through the
//! header's witnesses; giving a slab back counts as writing all of them.

mod depot;
mod owner_exit;
mod remote_word;
mod teardown;

use std::alloc::Layout;
use std::borrow::ToOwned;
use std::boxed::Box;
use std::cell::Cell;
use std::panic::{self, PanicHookInfo};
use std::process::{self, Command};
use std::ptr::NonNull;
use std::string::String;
use std::vec::Vec;
use std::{env, thread};

use crate::sync::{Mutant, choose};
use crate::{ProvideError, Provider, SlabBox, SlabCache, SpinLock};

/// How far loom goes.
#[derive(Copy, Clone, Debug)]
enum Bound {
    /// Every interleaving.
    Unbounded,
    /// Every interleaving with so many forced switches of thread.
    Preemptions(usize),
}

/// Runs `model` as it is, which must pass, then with each mutant, which must fail with one of the given messages.
///
/// A mutant runs in a process of its own, this test binary again with the name of the mutant in the environment: a
/// failure inside of a destructor would otherwise end all models.
fn prove(name: &str, bound: Bound, mutants: &[(Mutant, &[&str])], model: fn()) {
    if let Ok(wanted) = env::var(MUTANT) {
        let mutant = mutants
            .iter()
            .find(|(mutant, _)| format!("{mutant:?}") == wanted);
        choose(Some(mutant.expect("a mutant of this model").0));
        panic::set_hook(Box::new(|info| {
            println!("{CAUGHT}{}: {}", EXECUTIONS.get(), message(info));
            process::exit(1);
        }));
        explore(bound, model);
        return;
    }
    explore(bound, model);
    println!("loom {name}: {} executions ({bound:?})", EXECUTIONS.get());
    for &(mutant, expected) in mutants {
        let failure = failure_of(mutant);
        let failure = failure.unwrap_or_else(|| panic!("{name}: mutant {mutant:?} is not caught"));
        assert!(
            expected.iter().any(|part| failure.contains(part)),
            "{name}: mutant {mutant:?} failed otherwise than by {expected:?}: {failure}"
        );
        println!("loom {name}: mutant {mutant:?} caught at execution {failure}");
    }
}

/// Names the mutant in the environment of the process that runs it.
const MUTANT: &str = "SLAB_CORE_MUTANT";
/// Begins the line by which that process tells how it failed.
const CAUGHT: &str = "caught at execution ";

thread_local! {
    /// Of the running model; loom runs all of its threads on the one that started it.
    static EXECUTIONS: Cell<u64> = const { Cell::new(0) };
}

/// Execution and message with which the running test fails with `mutant`.
fn failure_of(mutant: Mutant) -> Option<String> {
    let test = thread::current()
        .name()
        .expect("the test harness names its threads")
        .to_owned();
    let mut again = Command::new(env::current_exe().expect("a running binary has a path"));
    let again = again
        .args([&test, "--exact", "--nocapture"])
        .env(MUTANT, format!("{mutant:?}"));
    let output = again.output().expect("the test binary runs again");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("running 1 test"),
        "{test} was not found again: {text}"
    );
    assert!(
        output.status.code().is_some(),
        "{test} with {mutant:?} broke memory before loom saw it: {}",
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

fn explore(bound: Bound, model: fn()) {
    let mut builder = ::loom::model::Builder::new();
    builder.preemption_bound = match bound {
        Bound::Unbounded => None,
        Bound::Preemptions(most) => builder.preemption_bound.or(Some(most)),
    };
    EXECUTIONS.set(0);
    builder.check(move || {
        EXECUTIONS.set(EXECUTIONS.get() + 1);
        model();
    });
}

/// What loom says of two accesses that are not ordered.
const RACE: &[&str] = &["Causality violation"];
/// What loom says of memory or a count that is never given back.
const LEAK: &[&str] = &["leaked"];

/// Memory whose leaks loom reports.
struct Tracked;

// SAFETY: the global allocator's blocks, each clause as there; loom only keeps a list of them.
unsafe impl Provider for Tracked {
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        // SAFETY: no layout of the cache has size 0.
        Ok(NonNull::new(unsafe { ::loom::alloc::alloc(layout) })
            .expect("the machine has memory for a model"))
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { ::loom::alloc::dealloc(block.as_ptr(), layout) }
    }
}

/// A cache of slabs with two slots.
type Cache = SlabCache<u32, Tracked, SpinLock, 4096>;
type Shared = SlabBox<u32, 4096>;

fn cache(spare: usize) -> Cache {
    let cache = Cache::with_spare_slabs_in(spare, Tracked).expect("there is memory");
    assert_eq!(cache.stats().slots_per_slab, 2);
    cache
}

fn alloc(cache: &Cache, value: u32) -> Shared {
    cache.alloc(value).expect("there is memory")
}

//! The harness on models of its own: it tells mutants that are caught from those that are not.

use std::alloc::Layout;
use std::cell::Cell;
use std::process;

use ::loom::cell::UnsafeCell;
use ::loom::sync::Arc;
use ::loom::sync::atomic::{AtomicBool, Ordering};
use ::loom::thread;

use crate::{Bound, LEAK, Mutants, RACE, allocate, deallocate, prove};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mutant {
    /// The message is announced without being published.
    AnnounceRelaxed,
    /// Memory is not given back.
    Forget,
    /// The process dies.
    Abort,
    /// Nothing changes.
    Harmless,
}

std::thread_local! {
    static CHOSEN: Cell<Option<Mutant>> = const { Cell::new(None) };
}

fn choose(mutant: Option<Mutant>) {
    CHOSEN.set(mutant);
}

fn chosen(mutant: Mutant) -> bool {
    CHOSEN.get() == Some(mutant)
}

/// A thread writes a message and announces it; another reads it when it sees that.
fn message_passing() {
    if chosen(Mutant::Abort) {
        process::abort();
    }
    let layout = Layout::new::<u64>();
    let block = allocate(layout);
    let shared = Arc::new((UnsafeCell::new(0), AtomicBool::new(false)));
    let writer = shared.clone();
    let thread = thread::spawn(move || {
        // SAFETY: the reader waits for the announcement.
        writer.0.with_mut(|message| unsafe { *message = 7 });
        let announce = if chosen(Mutant::AnnounceRelaxed) {
            Ordering::Relaxed
        } else {
            Ordering::Release
        };
        writer.1.store(true, announce);
    });
    if shared.1.load(Ordering::Acquire) {
        // SAFETY: announced, so written.
        assert_eq!(shared.0.with(|message| unsafe { *message }), 7);
    }
    thread.join().unwrap();
    if !chosen(Mutant::Forget) {
        // SAFETY: allocated above, and unused.
        unsafe { deallocate(block, layout) };
    }
}

fn prove_with(mutants: Mutants<'_, Mutant>) -> u64 {
    prove(
        choose,
        "message passing",
        Bound::Unbounded,
        mutants,
        message_passing,
    )
}

#[test]
fn races_and_leaks_are_caught() {
    prove_with(&[(Mutant::AnnounceRelaxed, RACE), (Mutant::Forget, LEAK)]);
}

#[test]
#[should_panic(expected = "mutant Harmless is not caught")]
fn a_mutant_that_passes_is_not_caught() {
    prove_with(&[(Mutant::Harmless, RACE)]);
}

#[test]
#[should_panic(expected = "failed otherwise than by")]
fn a_failure_of_another_kind_is_no_catch() {
    prove_with(&[(Mutant::Forget, RACE)]);
}

#[test]
#[should_panic(expected = "broke memory before loom saw it")]
fn a_process_that_dies_is_no_catch() {
    prove_with(&[(Mutant::Abort, RACE)]);
}

#[test]
fn a_bound_leaves_interleavings_out() {
    let all = prove_with(&[]);
    let none = Bound::Preemptions(0);
    let few = prove(
        choose,
        "message passing, no switch",
        none,
        &[],
        message_passing,
    );
    let overridden = std::env::var_os("LOOM_MAX_PREEMPTIONS").is_some();
    assert!(few < all || overridden, "{few} of {all}");
}

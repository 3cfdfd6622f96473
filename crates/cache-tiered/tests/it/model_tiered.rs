//! G1 to G4 by name over random operations, faults, jumps of the clock, crashes and reopenings.
//!
//! The seed is fixed; `STRATA_CASES` histories run in place of those of a test, of about 100 steps each.

use crate::figures::cases;
use crate::machine::{self, Coverage, Fault, Lie, Mode, Reopening, Settings, Step};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, RngSeed, TestRng, TestRunner};
use std::cell::RefCell;
use std::io::Write;

/// Histories of write-through and of write-behind: 110,000 steps or more together.
const THROUGH: u32 = 600;
const BEHIND: u32 = 700;

/// Those of each of the two in which the clock jumps: 1,000 seeds together.
const JUMPED: u64 = 500;

fn runner(cases: u32) -> TestRunner {
    let config = ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(0x7ee5),
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, rng)
}

/// Runs so many histories; what came about in all of them.
fn run(mode: impl Strategy<Value = Mode>, disk: bool, default: u32) -> Coverage {
    let total = RefCell::new(Coverage::default());
    let strategy = (machine::settings(mode, disk), machine::steps(1..200));
    let held = runner(cases(default)).run(&strategy, |(settings, steps): (Settings, _)| {
        match machine::run(settings, &steps) {
            Ok(coverage) => total.borrow_mut().add(&coverage),
            Err(violation) => return Err(TestCaseError::fail(violation.to_string())),
        }
        Ok(())
    });
    if let Err(error) = held {
        panic!("{error}");
    }
    let total = total.into_inner();
    // Past the harness, which keeps to itself what a test prints that passes.
    let _unheard = writeln!(std::io::stderr(), "   {total:?}");
    total
}

#[test]
fn g1_g3_write_through_keeps_what_it_promises() {
    let seen = run(machine::through(), false, THROUGH);
    if cases(THROUGH) < THROUGH {
        return;
    }
    assert!(
        seen.acknowledged > 0
            && seen.refused > 0
            && seen.unknown > 0
            && seen.timed_out > 0
            && seen.busy > 0
            && seen.panicked > 0
            && seen.left_running > 0
            && seen.left_reading > 0
            && seen.invalidated_reads > 0
            && seen.invalidated_writes > 0
            && seen.kills > 0
            && seen.changes > 0,
        "nothing is left out: {seen:?}"
    );
    assert!(seen.steps >= 50_000 && seen.jumped >= JUMPED, "{seen:?}");
}

#[test]
fn g1_g4_write_behind_keeps_what_it_promises() {
    let seen = run(machine::behind(), false, BEHIND);
    if cases(BEHIND) < BEHIND {
        return;
    }
    assert!(
        seen.acknowledged > 0
            && seen.refused > 0
            && seen.backpressure > 0
            && seen.left_running > 0
            && seen.left_reading > 0
            && seen.invalidated_reads > 0
            && seen.invalidated_writes > 0
            && seen.dead_letters > 0
            && seen.redriven > 0
            && seen.discarded > 0
            && seen.kills > 0
            && seen.recovered > 0
            && seen.changes > 0,
        "nothing is left out: {seen:?}"
    );
    assert!(seen.steps >= 60_000 && seen.jumped >= JUMPED, "{seen:?}");
}

/// Histories of each of the two with a disk tier.
#[cfg(feature = "disk")]
const ON_DISK: u32 = 200;

#[cfg(feature = "disk")]
fn g1_g2_on_disk(mode: impl Strategy<Value = Mode>) {
    let seen = run(mode, true, ON_DISK);
    assert!(
        cases(ON_DISK) < ON_DISK || seen.disk_hits > 200 && seen.warm > 200 && seen.kills > 50,
        "nothing is left out: {seen:?}"
    );
}

#[cfg(feature = "disk")]
#[test]
fn g1_g2_write_through_with_a_disk_tier_keeps_what_it_promises() {
    g1_g2_on_disk(machine::through());
}

#[cfg(feature = "disk")]
#[test]
fn g1_g2_write_behind_with_a_disk_tier_keeps_what_it_promises() {
    g1_g2_on_disk(machine::behind());
}

/// What flew at a close in haste ended when the journal could no longer hear of it: it came back,
/// over what the store had been given meanwhile.
#[test]
fn g4_what_flew_at_a_close_in_haste_may_come_back() {
    let settings = Settings {
        mode: Mode::Behind {
            max_dirty: 5,
            max_delay: 45,
            batch: 3,
            lanes: 1,
            retries: 0,
            waits: false,
        },
        memory: 3,
        time_to_live: None,
        absent_for: 0,
        disk: false,
        lie: Lie::None,
    };
    let steps = [
        Step::Put(0),
        Step::Flush,
        Step::Fault(0, Fault::HangThenDone, 1),
        Step::Remove(0),
        Step::Reopen(Reopening::CloseAtOnce),
        Step::Outside(0, true),
        Step::Reopen(Reopening::Kill),
    ];
    for _ in 0..20 {
        if let Err(violation) = machine::run(settings, &steps) {
            panic!("{violation}");
        }
    }
}

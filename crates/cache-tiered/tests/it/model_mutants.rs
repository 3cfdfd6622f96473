//! The model test can fail: each wrong store, disk or source breaks the guarantee that it should.

use crate::machine::{self, Lie, Mode, Reopening, Settings, Step, Violation};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

const BEHIND: Mode = Mode::Behind {
    max_dirty: 4,
    max_delay: 40,
    batch: 2,
    lanes: 1,
    retries: 1,
    waits: true,
};
const THROUGH: Mode = Mode::Through {
    timeout: None,
    retries: 0,
    conditional: false,
};

fn settings(mode: Mode, lie: Lie) -> Settings {
    Settings {
        mode,
        memory: 4,
        time_to_live: None,
        absent_for: 0,
        disk: false,
        lie,
    }
}

/// Steps by which the lie comes to light, and the guarantee that it breaks.
fn violated(mode: Mode, lie: Lie, steps: &[Step]) -> Violation {
    let honest = machine::run(settings(mode, Lie::None), steps);
    assert!(honest.is_ok(), "without the lie all holds: {honest:?}");
    let lied = machine::run(settings(mode, lie), steps);
    lied.expect_err("the lie is found out")
}

/// Whether random histories find the lie out, as what.
fn found_at_random(mode: Mode, lie: Lie) -> Violation {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(proptest::test_runner::Config::default(), rng);
    let steps = machine::steps(100..200);
    let found = (0..50).find_map(|_| {
        let steps = steps.new_tree(&mut runner).expect("steps").current();
        machine::run(settings(mode, lie), &steps).err()
    });
    found.expect("the lie is found out at random")
}

#[test]
fn g4_finds_a_sink_that_applies_an_older_change_late() {
    let steps = [Step::Put(1), Step::Flush, Step::Put(1), Step::Flush];
    let violation = violated(BEHIND, Lie::LateOlder, &steps);
    assert_eq!(violation.guarantee, "G4", "{violation}");
    assert!(violation.what.contains("order at the sink"), "{violation}");
    assert_eq!(found_at_random(BEHIND, Lie::LateOlder).guarantee, "G4");
}

#[test]
fn g3_finds_a_sink_that_applies_an_older_change_late() {
    let violation = violated(THROUGH, Lie::LateOlder, &[Step::Put(1), Step::Put(1)]);
    assert_eq!(violation.guarantee, "G3", "{violation}");
    assert_eq!(found_at_random(THROUGH, Lie::LateOlder).guarantee, "G3");
}

#[test]
fn g4_finds_a_journal_that_loses_its_last_record_in_a_crash() {
    let steps = [
        Step::Put(1),
        Step::Put(2),
        Step::Reopen(Reopening::Kill),
        Step::Get(2),
    ];
    let violation = violated(BEHIND, Lie::LosesLastRecord, &steps);
    assert_eq!(violation.guarantee, "G4", "{violation}");
    let found = found_at_random(BEHIND, Lie::LosesLastRecord);
    assert!(["G1", "G4"].contains(&found.guarantee), "{found}");
}

#[test]
fn g1_finds_an_old_answer_after_an_acknowledged_put() {
    for mode in [THROUGH, BEHIND] {
        let steps = [
            Step::Put(1),
            Step::Put(1),
            Step::Flush,
            Step::Invalidate(1),
            Step::Get(1),
        ];
        let violation = violated(mode, Lie::LoadsOld, &steps);
        assert_eq!(violation.guarantee, "G1", "{violation}");
        // The answer may be that of a removal, which tells whether the key was there.
        let found = found_at_random(mode, Lie::LoadsOld);
        assert!(
            ["G1", mode.guarantee()].contains(&found.guarantee),
            "{found}"
        );
    }
}

#[test]
fn g3_finds_a_sink_that_does_what_it_refuses() {
    let steps = [
        Step::Put(1),
        Step::Fault(1, machine::Fault::Refuse, 1),
        Step::Put(1),
    ];
    let violation = violated(THROUGH, Lie::RefusesAndDoes, &steps);
    assert_eq!(violation.guarantee, "G3", "{violation}");
    assert_eq!(
        found_at_random(THROUGH, Lie::RefusesAndDoes).guarantee,
        "G3"
    );
}

#[test]
fn g3_and_g4_find_a_sink_that_acknowledges_and_does_nothing() {
    let puts = [Step::Put(1), Step::Put(2), Step::Put(3), Step::Flush];
    for (mode, guarantee) in [(THROUGH, "G3"), (BEHIND, "G4")] {
        let violation = violated(mode, Lie::Forgets, &puts);
        assert_eq!(violation.guarantee, guarantee, "{violation}");
        found_at_random(mode, Lie::Forgets);
    }
}

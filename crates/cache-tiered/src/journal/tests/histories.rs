//! Random appends, settles, deaths, faults and crashes: what was acknowledged is there.

use super::model::{Model, options};
use crate::device::simulated::Fault;
use crate::durability::Durability;
use crate::figures::{seeds, tell};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use std::cell::Cell;

#[derive(Clone, Debug)]
enum Step {
    Append(u64),
    Coalesce,
    Settle(u64),
    SettleMost,
    Bury(u64),
    Revive(u64),
    Flush,
    Fault(u64, Fault),
    Faults(u64, Fault),
    Heal,
    Close,
    Crash(bool),
    CrashIn(u64, bool),
    Open(u64, Fault, bool),
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![Just(Fault::Broken), Just(Fault::Full), Just(Fault::Short)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (1..8_u64).prop_map(Step::Append),
        6 => Just(Step::Coalesce),
        10 => any::<u64>().prop_map(Step::Settle),
        2 => Just(Step::SettleMost),
        3 => any::<u64>().prop_map(Step::Bury),
        2 => any::<u64>().prop_map(Step::Revive),
        1 => Just(Step::Flush),
        4 => (0..6_u64, fault()).prop_map(|(after, fault)| Step::Fault(after, fault)),
        1 => (2..30_u64, fault()).prop_map(|(count, fault)| Step::Faults(count, fault)),
        2 => Just(Step::Heal),
        1 => Just(Step::Close),
        2 => any::<bool>().prop_map(Step::Crash),
        2 => (0..12_u64, any::<bool>()).prop_map(|(after, power)| Step::CrashIn(after, power)),
        1 => (0..8_u64, fault(), any::<bool>())
            .prop_map(|(after, fault, power)| Step::Open(after, fault, power)),
    ]
}

/// Kills and losses of power that the history had.
fn run(seed: u64, durability: Durability, steps: &[Step]) -> (u64, u64) {
    let mut model = Model::new(seed, options(durability));
    // What is acknowledged under Process need not survive a loss of power.
    let powers = durability == Durability::Power;
    for step in steps {
        match *step {
            Step::Append(count) => model.append(count),
            Step::Coalesce => model.coalesce(),
            Step::Settle(choice) => model.settle(choice),
            Step::SettleMost => (0..200).for_each(|choice| model.settle(choice)),
            Step::Bury(choice) => model.bury(choice),
            Step::Revive(choice) => model.revive(choice),
            Step::Flush => {
                let _told = model.journal().flush().wait();
            }
            Step::Fault(after, fault) => model.device().fail(after, fault),
            Step::Faults(count, fault) => {
                (0..count).for_each(|after| model.device().fail(after, fault));
            }
            Step::Heal => model.device().heal(),
            Step::Close => {
                model.close();
                model.device().heal();
                model.open();
            }
            Step::Crash(power) => {
                model.crash(power && powers);
                model.open();
            }
            Step::CrashIn(after, power) => {
                model.device().fail(after, Fault::Crash);
                model.append(6);
                model.settle(after);
                model.append(2);
                model.crash(power && powers);
                model.open();
            }
            Step::Open(after, fault, power) => {
                model.close();
                model.device().heal();
                model.open_with(after, fault, power && powers);
            }
        }
    }
    model.crash(powers);
    model.open();
    (model.kills, model.losses)
}

#[test]
fn g4_a_prepared_file_whose_sync_failed_is_given_room_again() {
    let steps = [
        Step::Append(1),
        Step::CrashIn(7, false),
        Step::Fault(3, Fault::Broken),
        Step::Fault(4, Fault::Broken),
        Step::Append(1),
        Step::Close,
        Step::Append(1),
    ];
    run(151_470_989_227_509_843, Durability::Power, &steps);
}

#[test]
fn g4_a_name_is_used_again_only_once_the_device_has_forgotten_its_former_file() {
    let settles = [2_837_741_305_519_606, 13_543_023_170_202_261_309].map(Step::Settle);
    let more = [2_998_505_935_022_629_225].map(Step::Settle);
    let mut steps = vec![Step::Append(5), Step::Append(1), Step::Coalesce];
    steps.extend([Step::Append(1), Step::Bury(0)]);
    steps.extend(settles.into_iter().chain(more));
    steps.extend([Step::Coalesce, Step::Settle(450_922_459_530_658_832)]);
    steps.extend([Step::Close, Step::Coalesce]);
    steps.extend([4, 3, 1, 3].map(Step::Append));
    steps.extend([Step::Coalesce, Step::Close, Step::Settle(0)]);
    steps.extend([Step::Settle(3_643_166_459_894_491_150), Step::Append(7)]);
    steps.extend([Step::Settle(0), Step::Append(3), Step::Settle(0)]);
    steps.extend([
        Step::Close,
        Step::Append(7),
        Step::SettleMost,
        Step::Coalesce,
    ]);
    steps.extend([6, 1, 1].map(Step::Append));
    steps.extend([Step::Close, Step::Fault(2, Fault::Broken)]);
    steps.extend([6, 6].map(Step::Append));
    steps.push(Step::Fault(3, Fault::Broken));
    steps.extend([1, 6].map(Step::Append));
    // The device is full while files are prepared, and again after it has forgotten little.
    steps.extend([
        Step::Faults(13, Fault::Short),
        Step::Append(1),
        Step::Settle(0),
    ]);
    steps.extend([1, 1].map(Step::Append));
    steps.extend([
        Step::Faults(8, Fault::Short),
        Step::Append(1),
        Step::CrashIn(5, true),
    ]);
    run(14_799_655_764_838_072_223, Durability::Power, &steps);
}

/// Runs random histories; kills and losses of power in all of them, told and held to the number of seeds.
fn run_at_random(durability: Durability) -> (u64, u64) {
    let cases = seeds();
    let config = ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(0x10_9a11),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let (kills, losses) = (Cell::new(0), Cell::new(0));
    let strategy = (any::<u64>(), prop::collection::vec(step(), 1..80));
    let held = TestRunner::new(config).run(&strategy, |(seed, steps)| {
        let crashes = run(seed, durability, &steps);
        kills.set(kills.get() + crashes.0);
        losses.set(losses.get() + crashes.1);
        Ok(())
    });
    if let Err(error) = held {
        panic!("{error}");
    }
    let (kills, losses) = (kills.get(), losses.get());
    tell(&format!(
        "{durability}: {cases} seeds, {kills} simulated kills, {losses} simulated losses of power"
    ));
    assert!(kills + losses >= u64::from(cases));
    (kills, losses)
}

#[test]
fn g4_no_acknowledged_unsettled_record_is_missing_after_kills_and_faults() {
    let (kills, _) = run_at_random(Durability::Process);
    assert!(kills >= u64::from(seeds()));
}

#[test]
fn g4_no_acknowledged_unsettled_record_is_missing_after_losses_of_power() {
    let (_, losses) = run_at_random(Durability::Power);
    assert!(losses >= u64::from(seeds()));
}

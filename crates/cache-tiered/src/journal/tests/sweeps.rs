//! One fixed workload with a fault, or a crash, at every call of the device in turn.

use super::model::{Model, options};
use super::simulated::Fault;
use crate::durability::Durability;

/// Appends, settles and deaths that fill and recycle segments.
fn work(model: &mut Model) {
    for round in 0..40 {
        model.append(1 + round % 5);
        for choice in 0..round % 7 {
            model.settle(round * 31 + choice);
        }
        if round % 9 == 3 {
            model.bury(round);
        }
        if round % 9 == 8 {
            model.revive(round);
        }
    }
}

fn calls(durability: Durability) -> u64 {
    let mut model = Model::new(1, options(durability));
    let before = model.device().calls();
    work(&mut model);
    model.device().calls() - before
}

fn survives_faults(durability: Durability, fault: Fault) {
    let powers = durability == Durability::Power;
    for index in 0..calls(durability) {
        let mut model = Model::new(index, options(durability));
        model.device().fail(index, fault);
        work(&mut model);
        // What failed once does not fail the journal: it takes records again.
        model.takes_records();
        model.crash(powers);
        model.open();
        model.takes_records();
    }
}

#[test]
fn an_error_of_the_device_at_any_call_loses_nothing_acknowledged() {
    survives_faults(Durability::Process, Fault::Broken);
    survives_faults(Durability::Power, Fault::Broken);
}

#[test]
fn a_full_device_at_any_call_loses_nothing_acknowledged() {
    survives_faults(Durability::Process, Fault::Full);
    survives_faults(Durability::Power, Fault::Full);
}

#[test]
fn a_short_write_at_any_call_is_made_whole() {
    for durability in [Durability::Process, Durability::Power] {
        for index in 0..calls(durability) {
            let mut model = Model::new(index, options(durability));
            model.device().fail(index, Fault::Short);
            work(&mut model);
            assert_eq!(model.failures(), 0);
            model.crash(false);
            model.open();
        }
    }
}

fn survives_crashes(durability: Durability, power: bool) {
    for index in 0..calls(durability) {
        for seed in 0..4 {
            let mut model = Model::new(index * 4 + seed, options(durability));
            model.device().fail(index, Fault::Crash);
            work(&mut model);
            model.crash(power);
            model.open();
            model.takes_records();
            model.crash(power);
            model.open();
        }
    }
}

#[test]
fn a_kill_at_any_call_loses_nothing_acknowledged() {
    survives_crashes(Durability::Process, false);
    survives_crashes(Durability::Power, false);
}

#[test]
fn a_loss_of_power_at_any_call_loses_nothing_acknowledged() {
    survives_crashes(Durability::Power, true);
}

#[test]
fn a_crash_at_any_call_of_an_opening_loses_nothing() {
    for after in 0..12 {
        for power in [false, true] {
            let mut model = Model::new(after, options(Durability::Power));
            work(&mut model);
            model.crash(power);
            model.open_with(after, Fault::Crash, power);
            model.takes_records();
        }
    }
}

/// The directory was never synced by the process that made the file.
#[test]
fn a_file_that_a_dead_process_named_is_made_durable_before_it_is_used() {
    for seed in 0..64 {
        let mut model = Model::new(seed, options(Durability::Power));
        // Create, allocate, write, sync, rename; then the directory.
        model.device().fail(5, Fault::Crash);
        model.append(1);
        model.crash(false);
        model.open();
        model.append(60);
        model.crash(true);
        model.open();
    }
}

/// The header of the newest segment is in the page cache alone, and stays there.
#[test]
fn a_header_whose_sync_failed_is_written_again_before_it_is_relied_on() {
    for seed in 0..64 {
        let mut model = Model::new(seed, options(Durability::Power));
        for _ in 0..20 {
            model.append(1);
            model.settle(0);
        }
        for after in [1, 3] {
            model.device().fail(after, Fault::Broken);
            model.append(1);
            model.close();
            model.device().heal();
            model.open();
        }
        model.append(20);
        model.crash(true);
        model.open();
    }
}

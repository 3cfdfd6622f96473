//! One fixed workload with a fault, or a crash, at every call of the device in turn.

use super::model::{Model, options};
use crate::device::simulated::Fault;
use crate::durability::Durability;
use crate::figures::tell;

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

/// Calls that the workload makes: each of them is to fail in turn.
fn calls(durability: Durability, fault: Fault) -> u64 {
    let mut model = Model::new(1, options(durability));
    let before = model.device().calls();
    work(&mut model);
    let calls = model.device().calls() - before;
    tell(&format!(
        "{durability}: {fault:?} at each of {calls} calls of the device"
    ));
    assert!(calls >= 70, "the workload makes {calls} calls");
    calls
}

fn survives_faults(durability: Durability, fault: Fault) {
    let powers = durability == Durability::Power;
    for index in 0..calls(durability, fault) {
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
        for index in 0..calls(durability, Fault::Short) {
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
    for index in 0..calls(durability, Fault::Crash) {
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
        // Two files are made, one gets its header and its name; then the directory.
        model.device().fail(7, Fault::Crash);
        model.append(1);
        model.crash(false);
        model.open();
        model.append(1);
        model.crash(true);
        model.open();
    }
}

/// A group's sync fails, and so does that of the header that makes it void: in memory it is void.
#[test]
fn a_header_whose_sync_failed_is_written_again_before_it_is_relied_on() {
    for (seed, cycles) in (0..64).flat_map(|seed| (18..24).map(move |cycles| (seed, cycles))) {
        let mut model = Model::new(seed, options(Durability::Power));
        for _ in 0..cycles {
            model.append(1);
            model.settle(0);
        }
        model.device().fail(1, Fault::Broken);
        model.device().fail(3, Fault::Broken);
        model.append(1);
        model.crash(false);
        model.open();
        model.crash(true);
        model.open();
    }
}

/// A write whose remains are covered in memory, by zeros that the device never got.
#[test]
fn what_was_cut_off_in_memory_does_not_come_back_after_a_loss_of_power() {
    for seed in 0..64 {
        let mut model = Model::new(seed, options(Durability::Power));
        model.append(1);
        // The write; the next segment; and, after its file is deleted and the cut written, its sync.
        model.device().fail(0, Fault::Full);
        model.device().fail(1, Fault::Full);
        model.device().fail(4, Fault::Broken);
        model.append(1);
        assert_eq!(model.failures(), 1);
        model.close();
        model.device().heal();
        model.open();
        model.crash(true);
        model.open();
    }
}

#[test]
fn a_device_that_fails_for_a_while_is_used_again_when_it_works() {
    for durability in [Durability::Process, Durability::Power] {
        for fault in [Fault::Broken, Fault::Full] {
            // From failures of everything on, to failures of the first few calls only.
            for calls in [200, 40, 20, 10, 5] {
                let mut model = Model::new(calls, options(durability));
                work(&mut model);
                (0..calls).for_each(|after| model.device().fail(after, fault));
                (0..30).for_each(|_| model.append(1));
                model.device().heal();
                model.takes_records();
                model.crash(durability == Durability::Power);
                model.open();
                model.takes_records();
            }
        }
    }
}

/// Sync after sync fails: none of them leaves a segment behind.
#[test]
fn syncs_that_fail_in_a_row_do_not_use_up_the_journal() {
    let mut model = Model::new(1, options(Durability::Power));
    model.append(1);
    for _ in 0..40 {
        // Its write, then its sync; then a segment is begun without a failure.
        model.device().fail(1, Fault::Broken);
        model.append(1);
    }
    assert_eq!(model.failures(), 40);
    assert!(model.journal().stats().segments <= 2);
    model.append(1);
    model.crash(true);
    model.open();
}

//! The script with a fault at every call of the device, and at every read, in turn: openings and closings included.

use super::history::History;
use super::{named, small, stride};
use crate::device::simulated::{Fault, Simulated};
use crate::figures::tell;

/// What a sweep met.
#[derive(Debug, Default)]
struct Met {
    faults: u64,
    /// Openings, changes and closings that ended with an error.
    refused: u64,
    /// Hits of all keys after the last restart.
    kept: u64,
}

/// Plays the script once for each of `count` indices, with what `arm` does to the device before.
fn sweep(durable: bool, what: &str, count: u64, arm: impl Fn(&Simulated, u64)) -> Met {
    assert!(count >= 150, "the script has {count} calls");
    let mut met = Met::default();
    for index in (0..count).step_by(stride()) {
        let device = Simulated::new(index);
        arm(&device, index);
        let history = History::over(device, index, small(durable));
        let context = format!("{}, {what} at {index}", named(durable));
        let mut history = history.called(context);
        history.play(|_, _| {});
        // It was not too late for the fault.
        let (calls, reads) = (history.device.calls(), history.device.reads());
        assert!(calls.max(reads) > index);
        met.faults += 1;
        // Once more after a kill, and, where that may be relied upon, after a loss of power.
        let wall = history.wall();
        history.restart(history.device.killed(), wall);
        met.kept += history.read_all();
        if durable {
            history.restart(history.device.powered_off(), wall);
        }
        met.refused += history.refused;
    }
    let Met {
        faults,
        refused,
        kept,
    } = met;
    tell(&format!(
        "{}: {what} at each of {count} calls, {faults} tried; {refused} errors told, {kept} hits after them",
        named(durable)
    ));
    assert_eq!(faults, count.div_ceil(stride() as u64));
    assert!(kept > faults * 5, "{met:?}");
    met
}

/// Calls and reads of the script.
fn count(durable: bool) -> (u64, u64) {
    let mut history = History::new(0, small(durable));
    history.play(|_, _| {});
    assert_eq!(history.refused, 0);
    let counts = &history.disk.counts;
    assert_eq!(counts.write_errors.get() + counts.damaged.get(), 0);
    (history.device.calls(), history.device.reads())
}

#[test]
fn g2_an_error_of_the_device_at_any_call_is_a_miss_or_told() {
    for durable in [false, true] {
        let (calls, _) = count(durable);
        let arm = |device: &Simulated, index| device.fail(index, Fault::Broken);
        let met = sweep(durable, "an I/O error", calls, arm);
        assert!(met.refused > 30 || stride() > 1, "{met:?}");
    }
}

#[test]
fn g2_a_full_device_at_any_call_is_a_miss_or_told() {
    for durable in [false, true] {
        let (calls, _) = count(durable);
        let arm = |device: &Simulated, index| device.fail(index, Fault::Full);
        let met = sweep(durable, "no room", calls, arm);
        assert!(met.refused > 30 || stride() > 1, "{met:?}");
    }
}

#[test]
fn a_short_write_at_any_call_is_made_whole() {
    for durable in [false, true] {
        let (calls, _) = count(durable);
        let arm = |device: &Simulated, index| device.fail(index, Fault::Short);
        let met = sweep(durable, "a short write", calls, arm);
        assert_eq!(met.refused, 0, "{met:?}");
    }
}

#[test]
fn g2_a_read_that_fails_is_a_miss_or_told_and_a_short_one_is_made_whole() {
    for durable in [false, true] {
        let (_, reads) = count(durable);
        let met = sweep(durable, "a failed read", reads, Simulated::fail_read);
        assert!(met.refused > 30 || stride() > 1, "{met:?}");
        let met = sweep(durable, "a short read", reads, Simulated::shorten_read);
        assert_eq!(met.refused, 0, "{met:?}");
    }
}

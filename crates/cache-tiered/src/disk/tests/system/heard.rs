//! What must hold of each key, by what the processes told.

use super::super::{Begun, KEYS, tag_of};
use super::Worker;
use super::worker::{Change, change_of, find};
use crate::device::system::while_none_starts;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is known of one key.
#[derive(Clone, Debug, Default)]
struct Known {
    /// The version that the last acknowledged change gave it; 0 if that took it away.
    now: u64,
    /// Versions of changes that were asked for since, or told of when the device may have been gone: 0 for such that
    /// take it away.
    maybe: BTreeSet<u64>,
}

/// All keys, and what came about.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    keys: BTreeMap<u64, Known>,
    pub(super) acknowledged: u64,
    /// The process came to its end.
    pub(super) done: bool,
    /// Openings that found everything, those that did not by their reasons, and hits in all.
    pub(super) warm: u64,
    pub(super) emptied: BTreeMap<&'static str, u64>,
    pub(super) hits: u64,
}

/// The keys that the change of a version is about, and the version that it gives them.
fn changed(version: u64) -> (Vec<u64>, u64) {
    match change_of(version) {
        Change::Put(key) => (vec![key], version),
        Change::Remove(key) => (vec![key], 0),
        Change::Invalidate(key) => {
            let tag = tag_of(key);
            let keys = (0..KEYS).filter(|&key| tag_of(key) == tag);
            (keys.collect(), 0)
        }
    }
}

impl Heard {
    /// Takes down a line; true if it tells of an acknowledged change.
    pub(super) fn hear(&mut self, line: &str) -> bool {
        self.done |= line == "done";
        let Some((what, Ok(version))) = line
            .split_once(' ')
            .map(|(what, rest)| (what, rest.parse()))
        else {
            return false;
        };
        let (keys, gives) = match what {
            "change" | "changed" => changed(version),
            // What the test harness says.
            _ => return false,
        };
        for key in keys {
            let known = self.keys.entry(key).or_default();
            if what == "changed" {
                known.now = gives;
                known.maybe.clear();
            } else {
                // Its value comes to the tier only when it has been acknowledged.
                known.maybe.insert(0);
            }
        }
        self.acknowledged += u64::from(what == "changed");
        what == "changed"
    }

    /// Takes down a line that was heard when the device was gone, or may have been: it counts as done or not.
    pub(super) fn hear_late(&mut self, line: &str) {
        let Some((what, Ok(version))) = line
            .split_once(' ')
            .map(|(what, rest)| (what, rest.parse()))
        else {
            return;
        };
        if !["change", "changed"].contains(&what) {
            return;
        }
        let (keys, gives) = changed(version);
        for key in keys {
            self.keys.entry(key).or_default().maybe.extend([0, gives]);
        }
    }

    /// Takes down all that a process wrote.
    pub(super) fn hear_all(&mut self, output: &[u8]) {
        self.done = false;
        for line in String::from_utf8_lossy(output).lines() {
            self.hear(line);
        }
    }

    /// Opens the tier and compares. `context` is told with what does not hold.
    pub(super) fn judge(&mut self, worker: &Worker, context: &str) {
        let opened = while_none_starts(|| worker.open(&Arc::default()));
        let (disk, begun) = opened.unwrap_or_else(|error| panic!("{context}: {error}"));
        match begun {
            Begun::Warm => self.warm += 1,
            Begun::Emptied(reason) => *self.emptied.entry(reason).or_default() += 1,
            Begun::New => *self.emptied.entry("new").or_default() += 1,
        }
        for key in 0..KEYS {
            let found = find(&disk, key, context).unwrap_or(0);
            let known = self.keys.entry(key).or_default();
            let allowed = found == 0 || found == known.now || known.maybe.contains(&found);
            assert!(allowed, "{context}: key {key} has {found}, of {known:?}");
            self.hits += u64::from(found > 0);
            if found > 0 || !known.maybe.is_empty() {
                // What may have happened has happened, or has not.
                known.now = found;
            }
            known.maybe.clear();
        }
    }
}

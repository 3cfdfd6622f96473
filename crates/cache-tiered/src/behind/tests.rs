//! When records are settled: while the set still has the change, so that no later one of the key
//! can be brought and settled before.

use super::WriteBehind;
use crate::codec::Raw;
use crate::events::Broadcast;
use crate::executor::block_on;
use crate::manual_clock::ManualClock;
use crate::observe::Observer;
use crate::store::InMemory;
use crate::store::erased::ReadWrite;
use crate::tiered::{Behind, Writes};
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;

/// The key of these tests, and its hash.
const KEY: u64 = 1;

/// Of each record that was to be settled: its sequence, and that of the change in the set then.
type Settled = Arc<Mutex<Vec<(u64, Option<u64>)>>>;

fn open(parent: &Path) -> (WriteBehind<u64, u64>, Settled) {
    let behind = Behind {
        settings: Writes::behind(parent.join("journal")).settings,
        keys: Arc::new(Raw) as Arc<_>,
        values: Arc::new(Raw) as Arc<_>,
    };
    let store = Arc::new(ReadWrite(InMemory::new()));
    let clock = Arc::new(ManualClock::new());
    let behind = WriteBehind::open(
        behind,
        store,
        clock,
        (&Broadcast::new(), &Observer::default()),
        |key| *key,
    );
    let behind = behind.expect("a new journal");
    let settled = Settled::default();
    let (engine, seen) = (Arc::downgrade(&behind.engine), Arc::clone(&settled));
    behind.journal.on_settling(move |sequences| {
        let engine = engine.upgrade().expect("it settles");
        let in_set = engine.set.look(KEY, &KEY, |entry| entry.sequence);
        let all = sequences.iter().map(|&sequence| (sequence, in_set));
        seen.lock().extend(all);
    });
    (behind, settled)
}

/// Acknowledges a value; returns the sequence of its record.
fn put(behind: &WriteBehind<u64, u64>, value: u64) -> u64 {
    block_on(behind.admit(KEY, KEY, Some(value), value)).expect("there is room");
    let sequence = behind.engine.set.look(KEY, &KEY, |entry| entry.sequence);
    sequence.expect("nothing is due, as the clock stands still")
}

#[test]
fn g4_a_change_that_landed_is_settled_before_it_leaves_the_set() {
    let directory = tempfile::tempdir().expect("a directory");
    let (behind, settled) = open(directory.path());
    let sequence = put(&behind, 10);
    block_on(behind.flush());
    assert_eq!(*settled.lock(), [(sequence, Some(sequence))]);
    assert!(!behind.is_unapplied(KEY, &KEY));
}

#[test]
fn g4_a_replaced_change_is_settled_before_its_successor_is_in_the_set() {
    let directory = tempfile::tempdir().expect("a directory");
    let (behind, settled) = open(directory.path());
    let (older, younger) = (put(&behind, 10), put(&behind, 11));
    assert_eq!(*settled.lock(), [(older, Some(older))]);
    block_on(behind.flush());
    assert_eq!(settled.lock().last(), Some(&(younger, Some(younger))));
}

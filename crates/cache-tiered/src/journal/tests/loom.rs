//! Group commit in every interleaving, with mutants that must fail.
//!
//! `RUSTFLAGS="--cfg cache_tiered_loom" cargo test --release -p cache-tiered --lib loom -- --nocapture`

use crate::device::simulated::Simulated;
use crate::durability::Durability;
use crate::journal::mutant::{Mutant, choose};
use crate::journal::{Append, Change, Journal, JournalOptions, WhenFull};
use ::loom::thread;
use loom_harness::{Bound, Mutants, prove};
use std::sync::Arc;

/// What loom says when all threads wait.
const STUCK: &[&str] = &["deadlock"];

fn open() -> Arc<Journal> {
    let options = JournalOptions {
        segment_bytes: 16 << 10,
        capacity_bytes: 4 * (16 << 10),
        durability: Durability::Process,
        when_full: WhenFull::Wait,
        ..JournalOptions::default()
    };
    let device = Arc::new(Simulated::new(1));
    let (journal, _) = Journal::open_on(device, options).expect("an empty device");
    Arc::new(journal)
}

fn put(journal: &Journal, stamp: u64, bytes: usize) -> Append {
    let change = Change::Put(vec![0; bytes]);
    let appended = journal.append(stamp, b"key".to_vec(), change);
    appended.expect("it is small enough")
}

/// Two append at once: each hears of its own record, whoever leads.
fn appends() {
    let journal = open();
    let shared = Arc::clone(&journal);
    let other = thread::spawn(move || put(&shared, 2, 8).wait().expect("the device works"));
    let one = put(&journal, 1, 8).wait().expect("the device works");
    let two = other.join().expect("no panic");
    assert_ne!(one, two);
    let stats = journal.stats();
    assert_eq!((stats.records, stats.unsettled), (2, 2));
    assert!(stats.commits <= 2);
}

/// One waits for room, another settles what takes it.
fn room() {
    let journal = open();
    let taken = [1, 2].map(|stamp| {
        let told = put(&journal, stamp, 15_000).wait();
        told.expect("there is room for two")
    });
    let shared = Arc::clone(&journal);
    let waits = thread::spawn(move || put(&shared, 3, 15_000).wait().expect("room comes"));
    journal.settle(&taken);
    assert!(waits.join().expect("no panic") > taken[1]);
}

fn proven(name: &str, mutants: Mutants<'_, Mutant>, model: fn()) {
    prove(choose, name, Bound::Unbounded, mutants, model);
}

#[test]
fn loom_appends_at_once() {
    let mutants = [(Mutant::LeadKept, STUCK), (Mutant::SeatTakenLate, STUCK)];
    proven("appends at once", &mutants, appends);
}

#[test]
fn loom_waiting_for_room() {
    proven("waiting for room", &[(Mutant::SettledUnheard, STUCK)], room);
}

//! Dead letters: they stay, are bounded, and are dead for good.

use super::behaviour::{open, put};
use super::model::options;
use crate::device::simulated::{Fault, Simulated};
use crate::durability::Durability;
use crate::journal::{AppendError, Change, DeadLetter, Journal, JournalOptions};

#[test]
fn dead_letters_stay_across_restarts_until_they_are_revived_or_settled() {
    let device = Simulated::new(1);
    let (journal, _) = open(&device, options(Durability::Process));
    let sequences: Vec<u64> = (1..=5)
        .map(|stamp| put(&journal, stamp, 9).wait().unwrap())
        .collect();
    for &sequence in &sequences[..4] {
        journal
            .bury(sequence, &format!("refused {sequence}"))
            .wait()
            .unwrap();
    }
    // They outlive the segments that they were written in.
    for stamp in 10..500 {
        let sequence = put(&journal, stamp, 500).wait().unwrap();
        journal.settle(&[sequence]);
    }
    journal.flush().wait().unwrap();
    drop(journal);
    let (journal, recovery) = open(&device.killed(), options(Durability::Process));
    assert_eq!((recovery.dead, recovery.records.len()), (4, 1));
    let page: Vec<DeadLetter> = journal.dead_letters(sequences[0], 2).unwrap();
    let seen: Vec<u64> = page.iter().map(|letter| letter.record.sequence).collect();
    assert_eq!(
        seen,
        sequences[1..3],
        "bounded, and goes on where it stopped"
    );
    assert_eq!(page[0].reason, format!("refused {}", sequences[1]));
    assert_eq!(page[0].record.change, Change::Put(vec![2; 9]));
    journal.revive(sequences[0]).wait().unwrap();
    journal.settle(&sequences[1..2]);
    journal.close().unwrap();
    drop(journal);
    let (_, recovery) = open(&device.killed().killed(), options(Durability::Process));
    let alive: Vec<u64> = recovery
        .records
        .iter()
        .map(|record| record.sequence)
        .collect();
    assert_eq!(
        (alive, recovery.dead),
        (vec![sequences[0], sequences[4]], 2)
    );
}

#[test]
fn dead_letters_are_bounded_and_unknown_records_are_told() {
    let device = Simulated::new(1);
    let limits = JournalOptions {
        dead_letters_max: 1,
        ..options(Durability::Process)
    };
    let (journal, _) = open(&device, limits);
    let (one, two) = (put(&journal, 1, 9), put(&journal, 2, 9));
    let (one, two) = (one.wait().unwrap(), two.wait().unwrap());
    journal.bury(one, "first").wait().unwrap();
    let error = journal.bury(two, "second").wait().unwrap_err();
    assert!(matches!(error, AppendError::TooManyDead { limit: 1 }));
    let error = journal.bury(999, "nobody").wait().unwrap_err();
    assert!(matches!(error, AppendError::NoSuchRecord { sequence: 999 }));
}

/// Records that come and go, as far as the device lets them.
fn churn(journal: &Journal, stamps: std::ops::Range<u64>) {
    for stamp in stamps {
        if let Ok(sequence) = put(journal, stamp, 500).wait() {
            journal.settle(&[sequence]);
        }
    }
}

#[test]
fn a_torn_copy_of_a_dead_letter_leaves_it_dead() {
    for (after, seed) in (100..180).flat_map(|after| (0..8).map(move |seed| (after, seed))) {
        let device = Simulated::new(seed);
        let (journal, _) = open(&device, options(Durability::Process));
        let dead = put(&journal, 1, 8).wait().unwrap();
        journal.bury(dead, "refused").wait().unwrap();
        device.fail(after, Fault::Crash);
        churn(&journal, 2..160);
        drop(journal);
        let device = device.killed();
        let (journal, recovery) = open(&device, options(Durability::Process));
        assert_eq!(recovery.dead, 1);
        // The segments that the copy and its note were torn in are given up.
        churn(&journal, 200..230);
        journal.flush().wait().unwrap();
        drop(journal);
        let (_, recovery) = open(&device.killed(), options(Durability::Process));
        assert_eq!(recovery.dead, 1, "crash at call {after}, seed {seed}");
    }
}

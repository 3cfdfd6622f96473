//! Readers against a writer that changes the index.

use std::sync::Arc;

use loom::thread;
use loom_harness::{Bound, RACE};

use super::{EARLY, MISSED, Mutant, Subject, prove, read};

/// Two keys with one tag.
const ONE: u64 = 1;
const OTHER: u64 = 257;

/// The value is whole when it is found, and stays found; it comes to a cell that has just been vacated by another of its tag.
#[test]
fn a_value_that_comes_is_whole() {
    let mutants = [
        (Mutant::SlotRelaxed, RACE),
        (Mutant::SlotBeforeTag, &["a value that came has gone"]),
    ];
    prove("read, insert", Bound::Unbounded, &mutants, || {
        let mut subject = Subject::new(2, &[OTHER]);
        let arena = Arc::clone(&subject.arena);
        let reader = thread::spawn(move || {
            let first = read(&arena, ONE);
            let second = read(&arena, ONE);
            assert!(second >= first, "a value that came has gone");
        });
        subject.unlink(0);
        subject.insert(ONE);
        reader.join().unwrap();
        subject.end();
    });
}

/// A cell, a slot, and both at once are used again by other values, with the tag that the reader looks for.
#[test]
fn a_cell_that_is_used_again_shows_what_is_there() {
    let mutants = [(Mutant::SlotStays, EARLY), (Mutant::NoGrace, EARLY)];
    prove("read, reuse", Bound::Unbounded, &mutants, || {
        let mut subject = Subject::new(4, &[ONE, OTHER]);
        let arena = Arc::clone(&subject.arena);
        let reader = thread::spawn(move || {
            read(&arena, ONE);
        });
        subject.unlink(0);
        subject.unlink(1);
        subject.reclaim();
        // In the cell of the one, and, where that was reclaimed, in the slot of the other, which was unlinked last.
        subject.insert(513);
        reader.join().unwrap();
        subject.end();
    });
}

/// Updates of a value that is there all the time.
#[test]
fn a_value_that_is_replaced_is_found_all_the_time() {
    let mutants = [
        (Mutant::ReplaceInTwoSteps, MISSED),
        (Mutant::SlotRelaxed, RACE),
        (Mutant::NoGrace, EARLY),
    ];
    prove("read, replace", Bound::Unbounded, &mutants, || {
        let mut subject = Subject::new(2, &[ONE]);
        let arena = Arc::clone(&subject.arena);
        let reader = thread::spawn(move || {
            let first = read(&arena, ONE).expect("it is there all the time");
            let second = read(&arena, ONE).expect("it is there all the time");
            assert!(second >= first, "an older value after a newer");
        });
        let slot = subject.replace(0);
        subject.reclaim();
        subject.replace(slot);
        reader.join().unwrap();
        subject.end();
    });
}

/// A value that is there all the time while the table grows, and one that leaves after that.
#[test]
fn a_table_that_grows_shows_all_the_time_what_is_there() {
    let mutants = [
        (Mutant::TableRelaxed, &[MISSED[0], RACE[0]][..]),
        (Mutant::TableShownEmpty, MISSED),
        (Mutant::TableFreedAtOnce, RACE),
    ];
    prove("read, growth", Bound::Unbounded, &mutants, || {
        let mut subject = Subject::new(2, &[ONE, 2]);
        let arena = Arc::clone(&subject.arena);
        let reader = thread::spawn(move || {
            assert!(read(&arena, ONE).is_some(), "it is there all the time");
            read(&arena, 2);
        });
        subject.insert(3);
        subject.unlink(1);
        subject.reclaim();
        reader.join().unwrap();
        assert_eq!(read(&subject.arena, 2), None);
        assert_eq!(read(&subject.arena, 3), Some(2));
        subject.end();
    });
}

/// A value away from its home, while one of its kind that went as far leaves, and one that is at home.
#[test]
fn a_displaced_value_is_found_while_others_leave() {
    let mutants = [(Mutant::PassageUncounted, MISSED)];
    prove("read, displaced", Bound::Unbounded, &mutants, || {
        // Two buckets of 2; slots 2 and 3 are displaced.
        let mut subject = Subject::new(4, &[ONE, OTHER, 513, 769]);
        let arena = Arc::clone(&subject.arena);
        let reader = thread::spawn(move || {
            assert!(read(&arena, 769).is_some(), "it is there all the time");
        });
        subject.unlink(2);
        subject.unlink(0);
        // At home, in a cell that was passed.
        subject.insert(1025);
        reader.join().unwrap();
        subject.end();
    });
}

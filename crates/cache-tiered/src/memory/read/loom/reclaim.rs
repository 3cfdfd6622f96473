//! Pins against reclamation.

use std::sync::Arc;

use loom::thread;
use loom_harness::Bound;

use super::{Body, EARLY, Mutant, Subject, hash_of, prove, read};
use crate::memory::read::{grace, pinned};

/// A reader that comes, reads and goes, and a writer that frees what it reads. The reader is new to the process.
#[test]
fn what_a_pinned_reader_sees_is_not_reclaimed() {
    let mutants = [
        (Mutant::PinUnfenced, EARLY),
        (Mutant::GraceUnfenced, EARLY),
        (Mutant::ParticipantsReadEarly, EARLY),
        (Mutant::UnpinRelaxed, EARLY),
        (Mutant::NoGrace, EARLY),
        (Mutant::PinnedForgotten, EARLY),
    ];
    prove("reclaim, reader", Bound::Unbounded, &mutants, || {
        let mut subject = Subject::new(2, &[1]);
        let arena = Arc::clone(&subject.arena);
        let reader = thread::spawn(move || {
            read(&arena, 1);
        });
        subject.unlink(0);
        subject.reclaim();
        reader.join().unwrap();
        subject.end();
    });
}

/// A reader that reads again and again, which the writer may see in a later pin than that in which it read.
#[test]
fn a_reader_that_pins_again_has_told_of_its_reads() {
    let mutants = [(Mutant::PinRelaxed, EARLY), (Mutant::UnpinRelaxed, EARLY)];
    prove(
        "reclaim, reader of many",
        Bound::Unbounded,
        &mutants,
        || {
            let mut subject = Subject::new(2, &[1]);
            let arena = Arc::clone(&subject.arena);
            let reader = thread::spawn(move || {
                read(&arena, 1);
                pinned(|_| ());
            });
            subject.unlink(0);
            subject.reclaim();
            reader.join().unwrap();
            subject.end();
        },
    );
}

/// A batch for which another arena's writer has fenced.
#[test]
fn a_fence_of_another_counts() {
    let mutants = [
        (Mutant::ClosedRelaxed, EARLY),
        (Mutant::FencedRelaxed, EARLY),
        (Mutant::GraceUnfenced, EARLY),
    ];
    prove(
        "reclaim, shared fence",
        Bound::Preemptions(3),
        &mutants,
        || {
            let mut subject = Subject::new(2, &[1]);
            let arena = Arc::clone(&subject.arena);
            let reader = thread::spawn(move || {
                read(&arena, 1);
            });
            let other = thread::spawn(|| assert!(grace::fence()));
            subject.unlink(0);
            // Nothing is urgent: it fences for nobody.
            let mut values = Vec::new();
            subject
                .arena
                .writer(&mut subject.token)
                .reclaim(&mut values);
            subject
                .arena
                .writer(&mut subject.token)
                .reclaim(&mut values);
            drop(values);
            for thread in [reader, other] {
                thread.join().unwrap();
            }
            subject.end();
        },
    );
}

/// A pin within another.
#[test]
fn an_inner_pin_ends_nothing() {
    // Whether the outer pin ends is found by the inner one as well.
    let mutants = [(
        Mutant::NestedUnpins,
        &[EARLY[0], "pins end in the order opposite"][..],
    )];
    prove("reclaim, nested pins", Bound::Unbounded, &mutants, || {
        let mut subject = Subject::new(2, &[1]);
        let arena = Arc::clone(&subject.arena);
        let reader = thread::spawn(move || {
            pinned(|pin| {
                let found = arena.find(pin, hash_of(1), |body: &Body| body.key == 1);
                assert_eq!(read(&arena, 2), None);
                if let Some(found) = found {
                    found.touch();
                    found.into_value().read();
                }
            });
        });
        subject.unlink(0);
        subject.reclaim();
        reader.join().unwrap();
        subject.end();
    });
}

/// Two batches: while the first waits for a reader, the second gathers.
#[test]
fn a_batch_waits_for_the_readers_of_its_own_time() {
    let mutants = [
        (Mutant::PinnedForgotten, EARLY),
        (Mutant::GraceUnfenced, EARLY),
    ];
    prove("reclaim, batches", Bound::Preemptions(4), &mutants, || {
        let mut subject = Subject::new(2, &[1, 2]);
        let arena = Arc::clone(&subject.arena);
        let reader = thread::spawn(move || {
            read(&arena, 1);
            read(&arena, 2);
        });
        subject.unlink(0);
        subject.reclaim();
        subject.unlink(1);
        subject.reclaim();
        reader.join().unwrap();
        subject.end();
    });
}

//! What the owner of an arena keeps beside it: numbers of slots.

use std::sync::Arc;

use loom::thread;
use loom_harness::{Bound, RACE};

use super::{Body, EARLY, MADE, Mutant, Subject, hash_of, prove};
use crate::memory::read::{Column, pinned};

/// The number beside a slot is that of the value that is found in it, also when the slot is used again.
#[test]
fn the_number_of_a_slot_is_that_of_its_value() {
    let mutants = [
        (Mutant::ColumnAfterSlot, &["a number of another value"][..]),
        (
            Mutant::SlotRelaxed,
            &[RACE[0], "a number of another value"][..],
        ),
        (
            Mutant::NoGrace,
            &[EARLY[0], EARLY[1], EARLY[2], "a number of another value"][..],
        ),
    ];
    prove("column", Bound::Unbounded, &mutants, || {
        let mut subject = Subject::new(2, &[]);
        let column = Arc::new(Column::new(99));
        let insert = |subject: &mut Subject, key: u64, column: &Column| {
            let number = u64::from(MADE.get());
            let mut writer = subject.arena.writer(&mut subject.token);
            writer.insert_prepared(hash_of(key), Body::new(key), |slot| {
                column.set(slot, number)
            })
        };
        let slot = insert(&mut subject, 1, &column);
        let (arena, numbers) = (Arc::clone(&subject.arena), Arc::clone(&column));
        let reader = thread::spawn(move || {
            pinned(|pin| {
                let found = arena.find(pin, hash_of(1), |body: &Body| body.key == 1);
                if let Some(found) = found {
                    let number = numbers.get(found.slot());
                    assert_eq!(number, u64::from(found.read()), "a number of another value");
                }
            });
        });
        subject.unlink(slot);
        subject.reclaim();
        insert(&mut subject, 1, &column);
        reader.join().unwrap();
        subject.end();
    });
}

/// A use that a reader notes is not lost, however two of them meet.
#[test]
fn a_number_is_raised_to_the_highest() {
    let mutants = [(Mutant::RaisedByStore, &["a use was lost"][..])];
    prove("column, raised", Bound::Unbounded, &mutants, || {
        let column = Arc::new(Column::new(0));
        column.set(0, 1);
        let readers = [5, 3].map(|number| {
            let column = Arc::clone(&column);
            thread::spawn(move || column.raise(0, number))
        });
        for reader in readers {
            reader.join().unwrap();
        }
        assert_eq!(column.get(0), 5, "a use was lost");
    });
}

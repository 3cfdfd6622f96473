//! Threads that come and go.

use std::sync::Arc;

use loom::thread;
use loom_harness::Bound;

use super::{Arena, Body, EARLY, Mutant, Subject, hash_of, prove, read};
use crate::memory::read::participant;
use crate::memory::read::pin::{leave, pinned_while_ending};

fn read_while_ending(arena: &Arena<Body>, key: u64) {
    pinned_while_ending(|pin| {
        if let Some(found) = arena.find(pin, hash_of(key), |body| body.key == key) {
            found.read();
        }
    });
}

/// A participant that one thread gives back and the other takes, or not, as they meet.
#[test]
fn a_participant_goes_from_thread_to_thread() {
    let mutants = [
        (
            Mutant::GivenBackPinned,
            &["a participant that was given back is not pinned", EARLY[0]][..],
        ),
        (Mutant::UnpinRelaxed, EARLY),
    ];
    prove("threads, ending", Bound::Preemptions(2), &mutants, || {
        let mut subject = Subject::new(2, &[1]);
        let readers = [(); 2].map(|()| {
            let arena = Arc::clone(&subject.arena);
            thread::spawn(move || read_while_ending(&arena, 1))
        });
        subject.unlink(0);
        subject.reclaim();
        for reader in readers {
            reader.join().unwrap();
        }
        subject.end();
    });
}

/// A thread that ends gives its participant back: the next one uses it again.
#[test]
fn a_thread_that_ends_leaves_its_participant_to_others() {
    let mutants = [(Mutant::ExitForgets, &["participants are left behind"][..])];
    prove("threads, exit", Bound::Preemptions(3), &mutants, || {
        let mut subject = Subject::new(2, &[1]);
        let arena = Arc::clone(&subject.arena);
        let first = thread::spawn(move || {
            read(&arena, 1);
            leave();
            // Another life of the same thread.
            read(&arena, 1);
            leave();
        });
        subject.unlink(0);
        subject.reclaim();
        first.join().unwrap();
        let arena = Arc::clone(&subject.arena);
        let second = thread::spawn(move || {
            read(&arena, 1);
            leave();
        });
        second.join().unwrap();
        assert!(participant::number() <= 2, "participants are left behind");
        subject.end();
    });
}

//! The remote word: a freed slot is used again after its last use, and whoever queues a slab has seen its owner go.

use ::loom::thread;

use super::{Bound, RACE, alloc, cache, prove};
use crate::sync::Mutant;

#[test]
fn an_owner_collects_what_another_thread_frees() {
    let mutants = [
        (Mutant::FreeReleasesNothing, RACE),
        (Mutant::CollectRelaxed, RACE),
    ];
    prove("remote word, owner", Bound::Unbounded, &mutants, || {
        let cache = cache(1);
        let local = cache.local().unwrap();
        let (a, b) = (local.alloc(1).unwrap(), local.alloc(2).unwrap());
        let (a, b) = (a.into_shared(), b.into_shared());
        let thread = thread::spawn(move || {
            assert_eq!((*a, *b), (1, 2));
            drop(a);
            drop(b);
        });
        let (c, d) = (local.alloc(3).unwrap(), local.alloc(4).unwrap());
        assert_eq!((*c, *d), (3, 4));
        thread.join().unwrap();
        assert!(cache.stats().slabs <= 2);
    });
}

#[test]
fn two_threads_free_into_one_slab() {
    let mutants = [
        (Mutant::FreeReleasesNothing, RACE),
        (Mutant::CollectRelaxed, RACE),
    ];
    prove(
        "remote word, 3 threads",
        Bound::Preemptions(3),
        &mutants,
        || {
            let cache = cache(1);
            let local = cache.local().unwrap();
            let (a, b) = (local.alloc(1).unwrap(), local.alloc(2).unwrap());
            let (a, b) = (a.into_shared(), b.into_shared());
            let left = thread::spawn(move || drop(a));
            let right = thread::spawn(move || drop(b));
            let (c, d) = (local.alloc(3).unwrap(), local.alloc(4).unwrap());
            assert_eq!((*c, *d), (3, 4));
            left.join().unwrap();
            right.join().unwrap();
        },
    );
}

#[test]
fn a_slab_is_queued_twice() {
    let mutants = [
        (Mutant::FreeAcquiresNothing, RACE),
        (Mutant::DetachRelaxed, RACE),
        (Mutant::PushReleasesNothing, RACE),
    ];
    prove(
        "remote word, queued twice",
        Bound::Unbounded,
        &mutants,
        || {
            let cache = cache(1);
            let (a, b) = (alloc(&cache, 1), alloc(&cache, 2));
            // The first slab is let go here.
            let others = (alloc(&cache, 3), alloc(&cache, 4));
            let thread = thread::spawn(move || {
                drop(a);
                drop(b);
            });
            // Finds the first slab queued, or not yet; then lets it go again.
            let (e, f) = (alloc(&cache, 5), alloc(&cache, 6));
            assert_eq!((*e, *f), (5, 6));
            thread.join().unwrap();
            drop((e, f, others));
        },
    );
}

#[test]
fn a_slab_is_off_the_shelf_while_its_freed_slots_are_collected() {
    let mutants = [
        (Mutant::FreeReleasesNothing, RACE),
        (Mutant::CollectRelaxed, RACE),
    ];
    prove(
        "remote word, collected",
        Bound::Preemptions(3),
        &mutants,
        || {
            let cache = cache(1);
            let other = cache.clone();
            let (a, b) = (alloc(&cache, 1), alloc(&cache, 2));
            let thread = thread::spawn(move || {
                drop(a);
                assert_eq!(*alloc(&other, 3), 3);
            });
            let c = alloc(&cache, 4);
            assert_eq!((*b, *c), (2, 4));
            thread.join().unwrap();
            drop((b, c));
            cache.release_empty(0);
            assert_eq!(cache.stats().slabs, 0, "a slab was lost");
        },
    );
}

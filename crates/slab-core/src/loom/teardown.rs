//! The last handle goes, and the last boxes: everything is given back once, whoever is last.

use ::loom::thread;

use super::{Bound, LEAK, RACE, alloc, cache, prove};
use crate::sync::Mutant;

#[test]
fn the_last_boxes_of_two_slabs_go_after_the_last_handle() {
    let mutants = [
        (Mutant::NobodyDrains, LEAK),
        (Mutant::LastRelaxed, RACE),
        (Mutant::SettleReleasesNothing, RACE),
        (Mutant::TakeAcquiresNothing, RACE),
    ];
    prove("teardown, 2 slabs", Bound::Unbounded, &mutants, || {
        let cache = cache(1);
        let (a, b) = (alloc(&cache, 1), alloc(&cache, 2));
        let c = alloc(&cache, 3);
        drop(a);
        let thread = thread::spawn(move || drop(b));
        drop(cache);
        drop(c);
        thread.join().unwrap();
    });
}

#[test]
fn the_last_boxes_of_two_slabs_go_on_two_threads() {
    let mutants = [(Mutant::NobodyDrains, LEAK), (Mutant::LastRelaxed, RACE)];
    prove(
        "teardown, 3 threads",
        Bound::Preemptions(3),
        &mutants,
        || {
            let cache = cache(1);
            let (a, b) = (alloc(&cache, 1), alloc(&cache, 2));
            let c = alloc(&cache, 3);
            drop(a);
            let left = thread::spawn(move || drop(b));
            let right = thread::spawn(move || drop(c));
            drop(cache);
            left.join().unwrap();
            right.join().unwrap();
        },
    );
}

#[test]
fn a_slab_is_queued_while_the_last_handle_goes() {
    let mutants = [
        (Mutant::PushAcquiresNothing, LEAK),
        (Mutant::TakeReleasesNothing, LEAK),
        (Mutant::NobodyDrains, LEAK),
        (Mutant::LastRelaxed, RACE),
    ];
    prove("teardown, late push", Bound::Unbounded, &mutants, || {
        let cache = cache(1);
        let (a, b) = (alloc(&cache, 1), alloc(&cache, 2));
        // The slab is let go, so its first free queues it.
        let c = alloc(&cache, 3);
        drop(c);
        let thread = thread::spawn(move || {
            drop(a);
            drop(b);
        });
        drop(cache);
        thread.join().unwrap();
    });
}

#[test]
fn two_handles_go_at_once() {
    let mutants = [
        (Mutant::NobodyDrains, LEAK),
        (Mutant::PushReleasesNothing, RACE),
    ];
    prove("teardown, 2 handles", Bound::Unbounded, &mutants, || {
        let cache = cache(1);
        let other = cache.clone();
        let (a, b) = (alloc(&cache, 1), alloc(&cache, 2));
        // The slab is let go, so its first free queues it; another is on the shelf.
        let c = alloc(&cache, 3);
        let thread = thread::spawn(move || {
            drop(other);
            drop(a);
        });
        drop(cache);
        thread.join().unwrap();
        drop((b, c));
    });
}

//! The depot: slabs that two threads push at once are all found, with all that was done to them.

use ::loom::thread;

use super::{Bound, RACE, alloc, cache, prove};
use crate::sync::Mutant;

#[test]
fn two_slabs_are_queued_and_taken() {
    let mutants = [
        (Mutant::PushReleasesNothing, RACE),
        (Mutant::TakeAcquiresNothing, RACE),
    ];
    prove("depot, 2 slabs", Bound::Preemptions(2), &mutants, || {
        let cache = cache(1);
        let (a, b) = (alloc(&cache, 1), alloc(&cache, 2));
        let (c, d) = (alloc(&cache, 3), alloc(&cache, 4));
        // Both slabs are let go.
        let e = alloc(&cache, 5);
        let left = thread::spawn(move || drop(a));
        let right = thread::spawn(move || drop(c));
        let (f, g) = (alloc(&cache, 6), alloc(&cache, 7));
        assert_eq!((*e, *f, *g), (5, 6, 7));
        left.join().unwrap();
        right.join().unwrap();
        let slabs = cache.stats().slabs;
        // Three values more than the boxes that are left need at most the slots that were freed.
        let h = alloc(&cache, 8);
        assert_eq!(cache.stats().slabs, slabs, "a queued slab was not found");
        drop((b, d, e, f, g, h));
    });
}

#[test]
fn a_local_cache_takes_what_another_queues() {
    let mutants = [
        (Mutant::PushReleasesNothing, RACE),
        (Mutant::TakeAcquiresNothing, RACE),
    ];
    prove("depot, local cache", Bound::Unbounded, &mutants, || {
        let cache = cache(0);
        let (a, b) = (alloc(&cache, 1), alloc(&cache, 2));
        let c = alloc(&cache, 3);
        let thread = thread::spawn(move || {
            drop(a);
            drop(b);
        });
        let local = cache.local().unwrap();
        let d = local.alloc(4).unwrap();
        let e = local.alloc(5).unwrap();
        assert_eq!((*c, *d, *e), (3, 4, 5));
        thread.join().unwrap();
    });
}

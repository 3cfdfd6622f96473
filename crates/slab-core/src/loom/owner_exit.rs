//! The owner of slabs goes while others free slots in them: no free is lost, and nobody touches a slab that is gone.

use ::loom::thread;

use super::{Bound, LEAK, RACE, alloc, cache, prove};
use crate::sync::Mutant;

#[test]
fn a_local_cache_ends_while_frees_arrive() {
    let mutants = [
        (Mutant::SettleOverwrites, LEAK),
        (Mutant::SettleLoadRelaxed, RACE),
        (Mutant::SettleRetryRelaxed, RACE),
        (Mutant::FreeReleasesNothing, RACE),
        (Mutant::NobodyDrains, LEAK),
    ];
    prove("owner exit, 2 threads", Bound::Unbounded, &mutants, || {
        let cache = cache(0);
        let local = cache.local().unwrap();
        let (a, b) = (local.alloc(1).unwrap(), local.alloc(2).unwrap());
        let (a, b) = (a.into_shared(), b.into_shared());
        let thread = thread::spawn(move || {
            drop(a);
            drop(b);
        });
        drop(cache);
        drop(local);
        thread.join().unwrap();
    });
}

#[test]
fn what_a_local_cache_leaves_is_used_by_another() {
    let mutants = [
        (Mutant::SettleReleasesNothing, RACE),
        (Mutant::TakeAcquiresNothing, RACE),
    ];
    prove("owner exit, heir", Bound::Preemptions(2), &mutants, || {
        let cache = cache(0);
        let local = cache.local().unwrap();
        let (a, b) = (local.alloc(1).unwrap(), local.alloc(2).unwrap());
        let (a, b) = (a.into_shared(), b.into_shared());
        let ending = thread::spawn(move || drop(local));
        let freeing = thread::spawn(move || drop(a));
        let (c, d) = (cache.alloc(3).unwrap(), cache.alloc(4).unwrap());
        assert_eq!((*b, *c, *d), (2, 3, 4));
        ending.join().unwrap();
        freeing.join().unwrap();
    });
}

#[test]
fn a_local_cache_ends_while_another_frees_its_values() {
    let mutants = [
        (Mutant::SettleOverwrites, LEAK),
        (Mutant::FreeReleasesNothing, RACE),
    ];
    prove(
        "owner exit, freed by a heap",
        Bound::Unbounded,
        &mutants,
        || {
            let cache = cache(0);
            let local = cache.local().unwrap();
            let other = cache.local().unwrap();
            let (a, b) = (local.alloc(1).unwrap(), local.alloc(2).unwrap());
            let (a, b) = (a.into_shared(), b.into_shared());
            // Each free asks who owns the slab, while that changes.
            let thread = thread::spawn(move || {
                other.free(a);
                other.free(b);
                drop(other);
            });
            drop(local);
            thread.join().unwrap();
        },
    );
}

#[test]
fn a_spare_slab_that_a_local_cache_leaves_is_used_by_another() {
    let mutants = [
        (Mutant::PushReleasesNothing, RACE),
        (Mutant::TakeAcquiresNothing, RACE),
    ];
    prove("owner exit, spare slab", Bound::Unbounded, &mutants, || {
        let cache = cache(1);
        let local = cache.local().unwrap();
        drop(local.alloc(1).unwrap());
        let ending = thread::spawn(move || drop(local));
        let (a, b) = (alloc(&cache, 2), alloc(&cache, 3));
        assert_eq!((*a, *b), (2, 3));
        ending.join().unwrap();
    });
}

//! The owner of slabs goes while others free slots in them: no free is lost, and nobody touches a slab that is gone.

use ::loom::thread;

use super::{Bound, LEAK, RACE, cache, prove};
use crate::sync::Mutant;

#[test]
fn a_local_cache_ends_while_frees_arrive() {
    let mutants = [
        (Mutant::SettleOverwrites, LEAK),
        (Mutant::SettleRelaxed, RACE),
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
    let mutants = [(Mutant::DetachRelaxed, RACE), (Mutant::TakeRelaxed, RACE)];
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

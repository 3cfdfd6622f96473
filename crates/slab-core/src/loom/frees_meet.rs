//! Frees by the owner and by others meet in one slab, and in slabs that are looked through for empty ones.

use ::loom::thread;

use super::{Bound, LEAK, RACE, alloc, cache, prove};
use crate::sync::Mutant;

#[test]
fn an_owner_frees_while_another_thread_does() {
    let mutants = [
        (Mutant::FreeReleasesNothing, RACE),
        (Mutant::CollectRelaxed, RACE),
    ];
    prove("frees meet, owner", Bound::Unbounded, &mutants, || {
        let cache = cache(1);
        let local = cache.local().unwrap();
        let (a, b) = (local.alloc(1).unwrap(), local.alloc(2).unwrap());
        let a = a.into_shared();
        let thread = thread::spawn(move || drop(a));
        drop(b);
        // The slot freed last, then the one that the other thread frees, or one of a new slab.
        let (c, d) = (local.alloc(3).unwrap(), local.alloc(4).unwrap());
        assert_eq!((*c, *d), (3, 4));
        drop((c, d));
        thread.join().unwrap();
    });
}

#[test]
fn a_box_is_given_back_while_its_neighbour_is_freed() {
    let mutants = [
        (Mutant::FreeReleasesNothing, RACE),
        (Mutant::SettleLoadRelaxed, RACE),
        (Mutant::SettleRetryRelaxed, RACE),
        (Mutant::SettleOverwrites, LEAK),
    ];
    prove("frees meet, given back", Bound::Unbounded, &mutants, || {
        let cache = cache(0);
        let local = cache.local().unwrap();
        let (a, b) = (local.alloc(1).unwrap(), local.alloc(2).unwrap());
        let (a, b) = (a.into_shared(), b.into_shared());
        let thread = thread::spawn(move || drop(a));
        local.free(b);
        drop((local, cache));
        thread.join().unwrap();
    });
}

#[test]
fn a_local_cache_looks_for_empty_slabs_while_one_becomes_empty() {
    let mutants = [
        (Mutant::FreeReleasesNothing, RACE),
        (Mutant::PendingRelaxed, RACE),
    ];
    prove(
        "frees meet, local release",
        Bound::Unbounded,
        &mutants,
        || {
            let cache = cache(0);
            let local = cache.local().unwrap();
            let (a, b) = (local.alloc(1).unwrap(), local.alloc(2).unwrap());
            let (a, b) = (a.into_shared(), b.into_shared());
            // The first slab is full and no longer the current one.
            let c = local.alloc(3).unwrap().into_shared();
            // Loom tries a look that comes before a free only where the look is the later of the two in the first run.
            let thread = thread::spawn(move || {
                let released = local.release_empty(0);
                assert_eq!(local.cache().stats().slabs, 2 - released);
            });
            drop(a);
            drop(b);
            thread.join().unwrap();
            drop((c, cache));
        },
    );
}

#[test]
fn a_cache_looks_for_empty_slabs_while_one_becomes_empty() {
    let mutants = [
        (Mutant::AdoptRelaxed, RACE),
        (Mutant::AdoptOverwrites, LEAK),
        (Mutant::PushReleasesNothing, RACE),
        (Mutant::TakeAcquiresNothing, RACE),
    ];
    prove("frees meet, release", Bound::Unbounded, &mutants, || {
        let cache = cache(0);
        let (a, b) = (alloc(&cache, 1), alloc(&cache, 2));
        // The first slab is let go, so its first free queues it; the second finds it on its way.
        let c = alloc(&cache, 3);
        let thread = thread::spawn(move || {
            drop(a);
            drop(b);
        });
        let released = cache.release_empty(0);
        assert_eq!(cache.stats().slabs, 2 - released);
        thread.join().unwrap();
        drop(c);
    });
}

#[test]
fn a_cache_looks_at_its_current_slab_while_it_becomes_empty() {
    let mutants = [
        (Mutant::FreeReleasesNothing, RACE),
        (Mutant::PendingRelaxed, RACE),
    ];
    prove("frees meet, current", Bound::Unbounded, &mutants, || {
        let cache = cache(0);
        // Nobody lets go of the slab, full as it is, before a slot is looked for.
        let (a, b) = (alloc(&cache, 1), alloc(&cache, 2));
        // The look is in the thread for the reason given above.
        let thread = thread::spawn(move || {
            let released = cache.release_empty(0);
            assert_eq!(cache.stats().slabs, 1 - released);
        });
        drop(a);
        drop(b);
        thread.join().unwrap();
    });
}

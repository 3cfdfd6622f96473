//! The budget is never passed, and nobody is refused while idle blocks would do.

use std::alloc::Layout;
use std::ptr::NonNull;

use slab_core::{ProvideError, Provider};

use super::{BLOCK, Bound, Tracked, prove, releases_and_ends, small};
use crate::mutant::Mutant;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::thread;
use crate::{AcquireError, Builder, Classes};

const OVERSPENT: &[&str] = &["assertion"];

#[test]
fn two_creators_at_once() {
    prove(
        "budget, 2 creators",
        Bound::Preemptions(3),
        &[(Mutant::ChargeInTwoSteps, OVERSPENT)],
        || {
            let pool = small().max_bytes(BLOCK).build();
            let other = pool.clone();
            let thread = thread::spawn(move || other.try_acquire(BLOCK));
            let mine = pool.try_acquire(BLOCK);
            let theirs = thread.join().unwrap();
            assert!(pool.stats().charged_bytes <= BLOCK as u64);
            assert_eq!(usize::from(mine.is_ok()) + usize::from(theirs.is_ok()), 1);
        },
    );
}

#[test]
fn a_creator_reclaims_what_another_released() {
    prove(
        "budget, reclaim",
        Bound::Preemptions(3),
        &[(Mutant::ChargeInTwoSteps, OVERSPENT)],
        || {
            let classes = Classes::custom(&[BLOCK, 2 * BLOCK]).expect("a valid table");
            let pool = small().classes(classes).max_bytes(2 * BLOCK).build();
            let other = pool.clone();
            let thread = thread::spawn(move || {
                let small = other.try_acquire(BLOCK);
                assert!(other.stats().charged_bytes <= 2 * BLOCK as u64);
                small.is_ok()
            });
            let large = pool.try_acquire(2 * BLOCK);
            assert!(pool.stats().charged_bytes <= 2 * BLOCK as u64);
            let small = thread.join().unwrap();
            match &large {
                Ok(_) => assert_eq!(pool.stats().charged_bytes, 2 * BLOCK as u64),
                Err(AcquireError::Exhausted { .. }) => {
                    assert!(small, "refused although nothing was lent")
                }
                Err(error) => panic!("{error}"),
            }
            drop(large);
            assert!(
                pool.try_acquire(2 * BLOCK).is_ok(),
                "only idle blocks are left"
            );
        },
    );
}

/// What a creator says that did not wait for blocks on their way back.
const REFUSED: &[&str] = &["refused although nothing is lent"];

/// Bytes of all memory, in one idle block: more than would be lent in the stead of a small one.
const ALL: usize = 3 * BLOCK;

/// Two threads want a block each, and the idle block that one of them frees makes room for both.
fn both_are_served(builder: Builder) {
    let classes = Classes::custom(&[BLOCK, ALL]).expect("a valid table");
    let pool = builder.classes(classes).stripes(1).build();
    assert_eq!(pool.prewarm(ALL, 1), Ok(1));
    let other = pool.clone();
    let thread = thread::spawn(move || other.try_acquire(BLOCK));
    let mine = pool.try_acquire(BLOCK);
    let theirs = thread.join().unwrap();
    assert!(
        mine.is_ok() && theirs.is_ok(),
        "refused although nothing is lent"
    );
}

#[test]
fn nobody_is_refused_while_another_frees_idle_blocks() {
    prove(
        "budget, departures",
        Bound::Preemptions(3),
        &[
            (Mutant::DeparturesIgnored, REFUSED),
            (Mutant::DepartureRelaxed, REFUSED),
        ],
        || both_are_served(small().max_bytes(ALL)),
    );
}

/// Has so much memory, headers apart.
struct Scarce(AtomicUsize);

// SAFETY: `Tracked`'s blocks; a refusal gives none.
unsafe impl Provider for Scarce {
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        // Data is not aligned, headers are.
        if layout.align() == 1 {
            let mut used = self.0.load(Ordering::Relaxed);
            loop {
                let more = used + layout.size();
                if more > ALL {
                    return Err(ProvideError::Exhausted);
                }
                let exchange =
                    self.0
                        .compare_exchange(used, more, Ordering::Acquire, Ordering::Relaxed);
                match exchange {
                    Ok(_) => break,
                    Err(current) => used = current,
                }
            }
        }
        Tracked.allocate(layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { Tracked.deallocate(block, layout) };
        if layout.align() == 1 {
            self.0.fetch_sub(layout.size(), Ordering::Release);
        }
    }
}

#[test]
fn the_provider_is_asked_again_after_another_freed_idle_blocks() {
    prove(
        "budget, provider departures",
        Bound::Preemptions(3),
        &[(Mutant::DeparturesIgnored, REFUSED)],
        || both_are_served(small().provider(Scarce(AtomicUsize::new(0)))),
    );
}

/// A thread's blocks move to the depot when it ends: past who looks at the depot first and the racks then, who was told
/// that the provider has no memory, once.
#[test]
fn a_thread_ends_while_the_provider_has_nothing() {
    prove(
        "budget, provider and exit",
        Bound::Preemptions(3),
        &[(Mutant::LookOnce, REFUSED)],
        || {
            let scarce = Scarce(AtomicUsize::new(ALL - BLOCK));
            let pool = small().max_bytes(ALL).provider(scarce).build();
            let thread = releases_and_ends(pool.acquire(BLOCK));
            assert!(pool.try_acquire(BLOCK).is_ok(), "{}", REFUSED[0]);
            thread.join().unwrap();
        },
    );
}

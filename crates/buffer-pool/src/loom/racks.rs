//! A rack's owner against those who steal from it, its thread's end, and the closing of the pool.

use super::{BLOCK, Bound, LEAK, Mutants, RACE, prove, releases_and_ends, small};
use crate::magazine::leave;
use crate::mutant::Mutant;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Arc, thread};
use crate::{BufferPool, Classes};

/// A pool with a budget of two small blocks, or one large.
fn tight() -> BufferPool {
    let classes = Classes::custom(&[BLOCK, 2 * BLOCK]).expect("a valid table");
    small().classes(classes).max_bytes(2 * BLOCK).build()
}

/// What is seen of an owner and a robber who are at one rack both.
const CROWDED: &[&str] = &[RACE[0], "at < self.len()"];

/// How their turns can be broken.
const TURNS: Mutants<'_, Mutant> = &[
    (Mutant::LatchUnfenced, CROWDED),
    (Mutant::BarUnfenced, CROWDED),
    (Mutant::LatchLeaveRelaxed, RACE),
    (Mutant::RobWithoutWaiting, CROWDED),
];

/// A thread releases a small block and wants one again, another wants `bytes`, for which it has to go to the first one's
/// rack.
fn owner_against_another(pool: &BufferPool, bytes: usize) {
    let other = pool.clone();
    let mut first = pool.acquire(BLOCK);
    first.extend_from_slice(&[1]);
    let thread = thread::spawn(move || {
        drop(first);
        // Its own block again, or a new one, or none while the other has all.
        if let Ok(mut again) = other.try_acquire(BLOCK) {
            again.extend_from_slice(&[2; 2]);
            assert_eq!(*again, [2; 2]);
        }
    });
    if let Ok(mut wanted) = pool.try_acquire(bytes) {
        wanted.extend_from_slice(&[3; 3]);
        assert_eq!(*wanted, [3; 3]);
    }
    thread.join().unwrap();
    assert!(pool.try_acquire(bytes).is_ok(), "only idle blocks are left");
}

#[test]
fn owner_against_robber() {
    prove(
        "racks, owner and robber",
        Bound::Preemptions(3),
        TURNS,
        || owner_against_another(&tight(), 2 * BLOCK),
    );
}

/// A block of its own class, which the robber does not free but hands out.
#[test]
fn owner_against_a_thief() {
    prove(
        "racks, owner and thief",
        Bound::Preemptions(3),
        TURNS,
        || {
            let pool = small().max_bytes(BLOCK).build();
            owner_against_another(&pool, BLOCK);
            let stats = pool.stats();
            assert_eq!((stats.outstanding(), stats.peak_bytes), (0, BLOCK as u64));
        },
    );
}

/// What is seen of a block of the depot that two have.
const SHARED: &[&str] = &[RACE[0], "a block is lost", "pointer not tracked"];

/// What is left when a thread forgets its blocks.
const LEFT_BEHIND: &[&str] = &["blocks are left behind", LEAK[0]];

#[test]
fn a_thread_that_ends_while_another_looks_for_memory() {
    let mutants = [
        (Mutant::LookOnce, &["refused although nothing is lent"][..]),
        (Mutant::ExitForgets, LEFT_BEHIND),
    ];
    prove("racks, exit", Bound::Unbounded, &mutants, || {
        let pool = tight();
        let thread = releases_and_ends(pool.acquire(BLOCK));
        assert!(
            pool.try_acquire(2 * BLOCK).is_ok(),
            "refused although nothing is lent"
        );
        thread.join().unwrap();
    });
}

/// What is seen of an owner who is at a rack while its pool is closed, or after that.
const KEPT: &[&str] = &[RACE[0], "at < self.len()", "a closed pool keeps a block"];

/// A bar that an owner lifts while a robber counts on it.
#[test]
fn a_bar_is_lifted_between_robbers() {
    let mutants = [(Mutant::LiftUnlocked, CROWDED)];
    prove("racks, lift", Bound::Preemptions(2), &mutants, || {
        let pool = tight();
        let (other, buffers) = (pool.clone(), [(); 2].map(|()| pool.acquire(BLOCK)));
        let thread = thread::spawn(move || {
            // The first finds the rack barred, if it was robbed meanwhile, and the bar is lifted.
            drop(buffers);
            drop(other);
        });
        drop(pool.try_acquire(2 * BLOCK));
        thread.join().unwrap();
        assert!(pool.try_acquire(2 * BLOCK).is_ok(), "all is idle");
    });
}

#[test]
fn closing_empties_the_racks_of_all_threads() {
    let mutants = [(Mutant::BarUnfenced, KEPT)];
    prove("racks, close", Bound::Preemptions(3), &mutants, || {
        let pool = tight();
        let (other, buffers) = (pool.clone(), [(); 2].map(|()| pool.acquire(BLOCK)));
        let closed = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&closed);
        let thread = thread::spawn(move || {
            drop(buffers);
            while !told.load(Ordering::Acquire) {
                thread::yield_now();
            }
            let charged = other.stats().charged_bytes;
            assert_eq!(charged, 0, "a closed pool keeps a block");
        });
        pool.close();
        closed.store(true, Ordering::Release);
        thread.join().unwrap();
    });
}

/// Racks without latches: that loom sees no race proves that each thread keeps to its own. What they do share is the
/// depot, which one thread fills as it ends while the other takes from it.
#[test]
fn threads_without_a_budget_share_nothing_but_the_depot() {
    let mutants = [
        (Mutant::TakeInTwoSections, SHARED),
        (Mutant::ExitForgets, LEFT_BEHIND),
    ];
    prove("racks, unbounded", Bound::Unbounded, &mutants, || {
        let pool = small().build();
        let other = pool.clone();
        let buffer = pool.acquire(BLOCK);
        assert_eq!(pool.prewarm(BLOCK, 1), Ok(1));
        let thread = thread::spawn(move || {
            drop(buffer);
            drop(other.acquire(BLOCK));
            leave();
        });
        drop(pool.acquire(BLOCK));
        let freed = pool.reclaim(usize::MAX);
        assert!(freed <= 2 * BLOCK);
        thread.join().unwrap();
        let stats = pool.stats();
        assert_eq!(stats.outstanding(), 0, "a block is lost");
        assert_eq!(stats.idle_bytes() + freed as u64, 2 * BLOCK as u64);
    });
}

/// The last handle goes on either thread, while the other's rack ends: what that gives to the depot is taken from there,
/// or refused.
#[test]
fn a_pool_dropped_while_a_thread_uses_its_rack() {
    prove(
        "racks, drop",
        Bound::Preemptions(3),
        &[
            (Mutant::ClosedReadBeforeLock, LEAK),
            (Mutant::ExitForgets, LEFT_BEHIND),
        ],
        || {
            let pool = small().build();
            let other = pool.clone();
            let thread = thread::spawn(move || {
                let buffer = other.acquire(BLOCK);
                drop(other);
                drop(buffer);
            });
            drop(pool.acquire(BLOCK));
            drop(pool);
            thread.join().unwrap();
        },
    );
}

//! Waiting in a pool: blocks and bytes that are released while others wait for them.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::{BLOCK, Bound, prove, small};
use crate::magazine::leave;
use crate::mutant::Mutant;
use crate::sync::thread;
use crate::{Acquire, AcquireError, BufferPool, Classes, Exhaustion, PooledBuf};

/// What loom says when all threads wait.
const STUCK: &[&str] = &["deadlock"];

/// A pool with a budget of two small blocks, or one large.
fn tight() -> BufferPool {
    let classes = Classes::custom(&[BLOCK, 2 * BLOCK]).expect("a valid table");
    small().classes(classes).max_bytes(2 * BLOCK).build()
}

/// A pool with a budget of one block.
fn single() -> BufferPool {
    small().max_bytes(BLOCK).build()
}

/// A thread of a model, whose join waits for what it does at its end too: loom's alone would not.
fn spawn<T: 'static>(work: impl FnOnce() -> T + 'static) -> thread::JoinHandle<T> {
    thread::spawn(move || {
        let outcome = work();
        leave();
        outcome
    })
}

fn poll(request: &mut Acquire<'_>) -> Poll<Result<PooledBuf, AcquireError>> {
    Pin::new(request).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_waiter_against_the_release_of_a_block() {
    let mutants = [
        (Mutant::ServeBeforePut, STUCK),
        (Mutant::LookBeforeEntry, STUCK),
    ];
    prove("wait, release", Bound::Preemptions(3), &mutants, || {
        let pool = single();
        let held = pool.acquire(BLOCK);
        let thread = spawn(move || drop(held));
        drop(pool.acquire(BLOCK));
        thread.join().unwrap();
        let stats = pool.stats();
        assert_eq!((stats.outstanding(), stats.peak_bytes), (0, BLOCK as u64));
        assert_eq!(pool.waiting(), 0);
    });
}

#[test]
fn a_waiter_against_the_release_of_bytes() {
    let mutants = [
        (Mutant::RefundLooksEarly, STUCK),
        (Mutant::Unconfirmed, STUCK),
    ];
    prove("wait, refund", Bound::Preemptions(3), &mutants, || {
        // Nothing is kept: what is released goes back to the provider, and its bytes to the budget.
        let pool = small().max_bytes(BLOCK).max_idle_per_class(0).build();
        let held = pool.acquire(BLOCK);
        let thread = spawn(move || drop(held));
        drop(pool.acquire(BLOCK));
        thread.join().unwrap();
        assert_eq!(pool.stats().charged_bytes, 0);
    });
}

#[test]
fn a_large_request_gathers_what_comes_piece_by_piece() {
    let mutants = [(Mutant::LookBeforeEntry, STUCK)];
    prove("wait, gather", Bound::Preemptions(2), &mutants, || {
        let pool = tight();
        let held = [pool.acquire(BLOCK), pool.acquire(BLOCK)];
        let thread = spawn(move || drop(held));
        let large = pool.acquire(2 * BLOCK);
        assert_eq!(large.capacity(), 2 * BLOCK);
        drop(large);
        thread.join().unwrap();
        assert_eq!(pool.stats().peak_bytes, 2 * BLOCK as u64);
    });
}

#[test]
fn a_request_dropped_while_it_is_handed_a_block() {
    let mutants = [(Mutant::GrantForgotten, &["it went on to the next"][..])];
    prove("wait, drop", Bound::Preemptions(3), &mutants, || {
        let pool = single();
        let held = pool.acquire(BLOCK);
        let mut request = pool.acquire_async(BLOCK);
        assert!(poll(&mut request).is_pending());
        let thread = spawn(move || drop(held));
        drop(request);
        thread.join().unwrap();
        assert_eq!(pool.waiting(), 0);
        assert!(pool.try_acquire(BLOCK).is_ok(), "it went on to the next");
    });
}

#[test]
fn a_request_dropped_lets_the_next_one_in() {
    let mutants = [(Mutant::LeaveWithoutServing, STUCK)];
    prove("wait, drop, next", Bound::Preemptions(2), &mutants, || {
        let pool = tight();
        let (held, kept) = (pool.acquire(BLOCK), pool.acquire(BLOCK));
        let mut large = pool.acquire_async(2 * BLOCK);
        assert!(poll(&mut large).is_pending());
        let other = pool.clone();
        let releaser = spawn(move || drop(held));
        let waiter = spawn(move || drop(other.acquire(BLOCK)));
        drop(large);
        releaser.join().unwrap();
        waiter.join().unwrap();
        drop(kept);
        assert_eq!((pool.waiting(), pool.stats().outstanding()), (0, 0));
    });
}

#[test]
fn a_request_does_not_overtake() {
    let mutants = [(Mutant::Overtake, &["overtaken"][..])];
    prove("wait, overtaking", Bound::Preemptions(2), &mutants, || {
        let pool = tight();
        let (held, kept) = (pool.acquire(BLOCK), pool.acquire(BLOCK));
        let mut large = pool.acquire_async(2 * BLOCK);
        assert!(poll(&mut large).is_pending());
        let thread = spawn(move || drop(held));
        let overtaker = pool.try_acquire(BLOCK);
        assert!(overtaker.is_err(), "overtaken");
        drop(kept);
        thread.join().unwrap();
        assert!(matches!(poll(&mut large), Poll::Ready(Ok(_))), "overtaken");
    });
}

#[test]
fn closing_wakes_a_waiting_thread() {
    let mutants = [(Mutant::LineClosedReadBeforeLock, STUCK)];
    prove("wait, close pool", Bound::Preemptions(3), &mutants, || {
        let pool = single();
        let held = pool.acquire(BLOCK);
        let other = pool.clone();
        let thread = spawn(move || other.acquire_timeout(BLOCK, Duration::MAX).err());
        pool.close();
        assert_eq!(thread.join().unwrap(), Some(AcquireError::Closed));
        drop(held);
        assert_eq!(pool.stats().charged_bytes, 0);
    });
}

#[test]
fn past_the_budget_nobody_waits_who_need_not() {
    prove(
        "wait, overflow",
        Bound::Preemptions(2),
        &[(Mutant::LookBeforeEntry, STUCK)],
        || {
            let pool = small()
                .max_bytes(BLOCK)
                .exhaustion(Exhaustion::Overflow)
                .build();
            let held = pool.acquire(BLOCK);
            let other = pool.clone();
            let thread = spawn(move || other.acquire_timeout(BLOCK, Duration::MAX).is_ok());
            drop(pool.acquire(BLOCK));
            drop(held);
            assert!(thread.join().unwrap());
            assert!(pool.stats().peak_bytes <= BLOCK as u64);
        },
    );
}

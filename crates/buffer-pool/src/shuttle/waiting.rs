//! Waiting for memory: threads, time limits, and tasks that are dropped at any point.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::ledger::Ledger;
use super::{BLOCK, OVERSPENT, STUCK, attempt, below, crowd, lend, prove, settled, small, tight};
use crate::mutant::Mutant;
use crate::sync::{Arc, Mutex, thread};
use crate::wait::Parker;
use crate::{Acquire, AcquireError, PooledBuf};

/// What is said of memory that nobody has: in the end, or by those who wait for it.
const FORGOTTEN: &[&str] = &["a block is lost", STUCK[0]];

pub(super) fn poll(
    request: &mut Acquire<'_>,
    waker: &Waker,
) -> Poll<Result<PooledBuf, AcquireError>> {
    Pin::new(request).poll(&mut Context::from_waker(waker))
}

/// Waits on this thread for what a task would wait for.
pub(super) fn wait_for(mut request: Acquire<'_>) -> Result<PooledBuf, AcquireError> {
    let parker = Parker::new();
    let waker = parker.waker();
    loop {
        match poll(&mut request, &waker) {
            Poll::Ready(outcome) => return outcome,
            Poll::Pending => parker.park(None),
        };
    }
}

#[test]
fn threads_that_wait_are_all_served() {
    let mutants = [
        (Mutant::ServeBeforePut, STUCK),
        (Mutant::LookBeforeEntry, STUCK),
    ];
    prove("waiting, threads", &mutants, || {
        let (ledger, pool) = tight(2);
        let (handle, books) = (pool.clone(), Arc::clone(&ledger));
        crowd(4, move |_| {
            for _ in 0..2 {
                lend(&books, handle.acquire(BLOCK * (1 + below(2)))).check();
            }
        });
        settled(pool, &ledger);
    });
}

#[test]
fn memory_that_is_not_kept_is_handed_over_too() {
    let mutants = [(Mutant::LookBeforeEntry, STUCK)];
    prove("waiting, nothing kept", &mutants, || {
        let ledger = Ledger::within(3 * BLOCK);
        let pool = small(&ledger)
            .max_bytes(3 * BLOCK)
            .max_idle_per_class(0)
            .build();
        let (handle, books) = (pool.clone(), Arc::clone(&ledger));
        crowd(4, move |_| {
            for _ in 0..2 {
                lend(&books, handle.acquire(BLOCK * (1 + below(3)))).check();
            }
        });
        settled(pool, &ledger);
    });
}

#[test]
fn time_runs_out_for_some() {
    let mutants = [
        (Mutant::LeaveWithoutServing, STUCK),
        (Mutant::ServeBeforePut, STUCK),
    ];
    prove("waiting, time limits", &mutants, || {
        let (ledger, pool) = tight(2);
        let kept = lend(&ledger, pool.acquire(BLOCK));
        let (handle, books) = (pool.clone(), Arc::clone(&ledger));
        // The first one wants more than there is as long as `kept` is held: its time runs out, or it leaves at once.
        crowd(3, move |index| {
            for _ in 0..2 {
                let (size, limit) = match index {
                    0 => (2 * BLOCK, Duration::from_millis(1)),
                    1 => (BLOCK, Duration::from_millis(1)),
                    _ => (BLOCK, Duration::MAX),
                };
                match handle.acquire_timeout(size, limit) {
                    Ok(buffer) => lend(&books, buffer).check(),
                    Err(error) => {
                        assert!(matches!(error, AcquireError::Exhausted { .. }), "{error}");
                        assert!(limit < Duration::MAX, "a wait without an end came to one");
                    }
                }
            }
        });
        drop(kept);
        settled(pool, &ledger);
    });
}

/// One task's request: polled, perhaps by another waker at first, and dropped at some point or waited for.
fn request(pool: &crate::BufferPool, ledger: &Arc<Ledger>, patient: bool) {
    let size = if patient {
        BLOCK
    } else {
        BLOCK * (1 + below(2))
    };
    let mut request = pool.acquire_async(size);
    let polls = if patient { 1 } else { below(3) };
    for _ in 0..polls {
        match poll(&mut request, Waker::noop()) {
            Poll::Ready(outcome) => {
                let buffer = outcome.expect("a request that waits is served");
                return lend(ledger, buffer).check();
            }
            Poll::Pending => thread::yield_now(),
        }
    }
    if patient {
        let buffer = wait_for(request).expect("a request that waits is served");
        lend(ledger, buffer).check();
    }
}

#[test]
fn tasks_that_are_dropped_at_any_point() {
    let mutants = [
        (Mutant::GrantForgotten, FORGOTTEN),
        (Mutant::LeaveWithoutServing, STUCK),
        (Mutant::WakerNotReplaced, STUCK),
    ];
    prove("waiting, tasks", &mutants, || {
        let (ledger, pool) = tight(2);
        let (handle, books) = (pool.clone(), Arc::clone(&ledger));
        crowd(4, move |index| {
            for _ in 0..2 {
                request(&handle, &books, index < 2);
            }
        });
        settled(pool, &ledger);
    });
}

#[test]
fn threads_tasks_and_time_limits_at_once() {
    let mutants = [
        (Mutant::GrantForgotten, FORGOTTEN),
        (Mutant::ChargeInTwoSteps, OVERSPENT),
    ];
    prove("waiting, all kinds", &mutants, || {
        let (ledger, pool) = tight(3);
        let (handle, books) = (pool.clone(), Arc::clone(&ledger));
        // Buffers are released by whoever finds them, on other threads than acquired them.
        let post = Arc::new(Mutex::new(Vec::new()));
        let mailbox = Arc::clone(&post);
        crowd(3, move |index| {
            for turn in 0..3 {
                let size = BLOCK * (1 + below(2));
                match (index + turn) % 4 {
                    0 => request(&handle, &books, false),
                    1 => {
                        let limit = Duration::from_millis(1);
                        let outcome = handle.acquire_timeout(size, limit).ok();
                        mailbox
                            .lock()
                            .extend(outcome.map(|buffer| lend(&books, buffer)));
                    }
                    2 => drop(attempt(&handle, &books, size)),
                    _ => {
                        // What it waits for may lie there.
                        let posted = core::mem::take(&mut *mailbox.lock());
                        drop(posted);
                        handle.reclaim(BLOCK);
                    }
                }
            }
        });
        post.lock().clear();
        lend(&ledger, pool.acquire(3 * BLOCK)).check();
        settled(pool, &ledger);
    });
}

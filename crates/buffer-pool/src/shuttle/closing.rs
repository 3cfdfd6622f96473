//! Pools that are closed, or dropped, while others use them.

use std::time::Duration;

use super::ledger::Ledger;
use super::waiting::wait_for;
use super::{BLOCK, STUCK, attempt, below, join_all, lend, prove, settled, small};
use crate::AcquireError;
use crate::mutant::Mutant;
use crate::sync::{Arc, thread};

#[test]
fn closing_wakes_all_who_wait() {
    let mutants = [
        (Mutant::CloseWakesOne, STUCK),
        (Mutant::LineClosedReadBeforeLock, STUCK),
    ];
    prove("closing, waiters", &mutants, || {
        // What is handed out after the end is not charged: the ledger's limit is none here.
        let ledger = Ledger::unlimited();
        let pool = small(&ledger).max_bytes(2 * BLOCK).build();
        let held = lend(&ledger, pool.acquire(2 * BLOCK));
        let spawn = |index| {
            let (pool, ledger) = (pool.clone(), Arc::clone(&ledger));
            thread::spawn(move || {
                let outcome = match index {
                    0 => Ok(pool.acquire(BLOCK)),
                    1 => pool.acquire_timeout(BLOCK, Duration::MAX),
                    _ => wait_for(pool.acquire_async(BLOCK)),
                };
                match outcome {
                    Ok(buffer) => lend(&ledger, buffer).check(),
                    Err(error) => assert_eq!(error, AcquireError::Closed),
                }
            })
        };
        let threads: Vec<_> = (0..3).map(spawn).collect();
        pool.close();
        held.check();
        join_all(threads);
        drop(held);
        assert_eq!(pool.stats().charged_bytes, 0, "a closed pool keeps a block");
        assert!(attempt(&pool, &ledger, BLOCK).is_none());
        settled(pool, &ledger);
    });
}

#[test]
fn the_last_handle_goes_while_buffers_live_on_other_threads() {
    let mutants = [(Mutant::ClosedReadBeforeLock, &["a block is lost"][..])];
    prove("closing, last handle", &mutants, || {
        let ledger = Ledger::unlimited();
        let pool = small(&ledger).thread_cache_bytes(0).build();
        let spawn = |index| {
            let held = [BLOCK, BLOCK, 2 * BLOCK].map(|size| lend(&ledger, pool.acquire(size)));
            // One of them has a handle of its own, which may be the last.
            let handle = (index == 0).then(|| pool.clone());
            thread::spawn(move || {
                let [first, second, third] = held;
                drop(first);
                let (bytes, stamp) = second.freeze();
                if below(2) == 0 {
                    drop(handle);
                }
                let part = bytes.slice(1..);
                drop(bytes);
                third.check();
                drop(third);
                assert!(
                    part.iter().all(|&byte| byte == stamp),
                    "the bytes have changed"
                );
            })
        };
        let threads: Vec<_> = (0..3).map(spawn).collect();
        drop(pool);
        join_all(threads);
        assert_eq!(ledger.bytes(), 0, "a block is lost: its memory is not back");
    });
}

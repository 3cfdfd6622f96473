//! Fairness: who waits is served in the order of coming, and nobody overtakes.

use std::task::{Poll, Waker};

use super::waiting::poll;
use super::{BLOCK, attempt, join_all, lend, prove, settled, tight};
use crate::mutant::Mutant;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Arc, thread};

#[test]
fn first_come_first_served() {
    let mutants = [
        (Mutant::LastComeFirst, &["out of order"][..]),
        (Mutant::Overtake, &["overtaken"][..]),
    ];
    prove("order, three requests", &mutants, || {
        let (ledger, pool) = tight(2);
        let held = [BLOCK, BLOCK].map(|size| lend(&ledger, pool.acquire(size)));
        let handle = pool.clone();
        let mut requests = [2 * BLOCK, BLOCK, BLOCK].map(|size| Some(handle.acquire_async(size)));
        for request in requests.iter_mut().flatten() {
            assert!(poll(request, Waker::noop()).is_pending());
        }
        let mut threads: Vec<_> = held
            .into_iter()
            .map(|lease| thread::spawn(move || drop(lease)))
            .collect();
        let served = Arc::new(AtomicBool::new(false));
        let (books, told) = (Arc::clone(&ledger), Arc::clone(&served));
        let overtaker = pool.clone();
        threads.push(thread::spawn(move || {
            for _ in 0..3 {
                let lease = attempt(&overtaker, &books, BLOCK);
                // The first request, for all there is, was in line before this thread was.
                let may = lease.is_none() || told.load(Ordering::SeqCst);
                assert!(may, "overtaken");
            }
        }));
        while requests.iter().any(Option::is_some) {
            let mut later = false;
            // The last first: when it is served, those before it were.
            for request in requests.iter_mut().rev() {
                let Some(waiting) = request else { continue };
                match poll(waiting, Waker::noop()) {
                    Poll::Pending => assert!(!later, "out of order"),
                    Poll::Ready(outcome) => {
                        served.store(true, Ordering::SeqCst);
                        later = true;
                        *request = None;
                        let buffer = outcome.expect("a request that waits is served");
                        lend(&ledger, buffer).check();
                    }
                }
            }
            thread::yield_now();
        }
        join_all(threads);
        drop(requests);
        drop(handle);
        settled(pool, &ledger);
    });
}

//! Blocks that pass between magazines, the depot and threads, in a pool without a budget.

use super::ledger::{Lease, Ledger};
use super::{BLOCK, LOST, MIXED_UP, below, crowd, lend, prove, settled, small};
use crate::BufferPool;
use crate::mutant::Mutant;
use crate::sync::{Arc, Mutex};

/// Buffers on their way from one thread to another.
pub(super) type Mailbox = Arc<Mutex<Vec<Lease>>>;

/// A few calls of one thread: it acquires, releases, and hands buffers on.
pub(super) fn traffic(pool: &BufferPool, ledger: &Arc<Ledger>, mailbox: &Mailbox, calls: usize) {
    let mut held: Vec<Lease> = Vec::new();
    for _ in 0..calls {
        match below(6) {
            0..=2 => held.push(lend(ledger, pool.acquire(BLOCK * (1 + below(2))))),
            3 => {
                let posted = held.pop();
                mailbox.lock().extend(posted);
            }
            4 => {
                let taken = mailbox.lock().pop();
                drop(taken);
            }
            _ => drop(held.pop()),
        }
        held.iter().for_each(Lease::check);
    }
}

#[test]
fn buffers_travel_between_magazines_the_depot_and_threads() {
    let mutants = [
        (Mutant::TakeInTwoSections, MIXED_UP),
        (Mutant::UnlinkUnseen, LOST),
    ];
    prove("depot, traffic", &mutants, || {
        let ledger = Ledger::unlimited();
        // Room for one block of each class at hand: the depot has the rest.
        let pool = small(&ledger).thread_cache_bytes(0).build();
        let mailbox = Mailbox::new(Mutex::new(Vec::new()));
        let (handle, books, post) = (pool.clone(), Arc::clone(&ledger), Arc::clone(&mailbox));
        crowd(3, move |_| traffic(&handle, &books, &post, 6));
        mailbox.lock().clear();
        settled(pool, &ledger);
    });
}

#[test]
fn stripes_of_four_threads_feed_each_other() {
    let mutants = [
        (Mutant::TakeInTwoSections, MIXED_UP),
        (Mutant::UnlinkUnseen, LOST),
    ];
    prove("depot, stripes", &mutants, || {
        let ledger = Ledger::unlimited();
        let pool = small(&ledger).stripes(2).max_idle_per_class(3).build();
        let handle = pool.clone();
        let books = Arc::clone(&ledger);
        // Each thread ends between two of its calls, so to speak: its blocks are the next one's.
        crowd(4, move |_| {
            let held = lend(&books, handle.acquire(BLOCK));
            drop(lend(&books, handle.acquire(BLOCK)));
            held.check();
        });
        let (handle, books) = (pool.clone(), Arc::clone(&ledger));
        crowd(3, move |_| {
            for _ in 0..2 {
                lend(&books, handle.acquire(BLOCK)).check();
            }
        });
        assert!(pool.stats().classes[0].idle <= 3, "the cap is passed");
        settled(pool, &ledger);
    });
}

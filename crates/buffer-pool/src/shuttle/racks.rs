//! Racks: their owners against those who steal from them, the ends of threads, and two pools on the same threads.

use super::ledger::Ledger;
use super::{
    BLOCK, LOST, OVERSPENT, TWICE, attempt, below, crowd, join_all, lend, prove, settled, small,
    tight,
};
use crate::magazine::leave;
use crate::mutant::Mutant;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Arc, thread};

#[test]
fn owners_against_stealers() {
    let mutants = [
        (Mutant::RobWithoutWaiting, TWICE),
        (Mutant::LiftUnlocked, TWICE),
        (Mutant::ChargeInTwoSteps, OVERSPENT),
    ];
    prove("racks, stealing", &mutants, || {
        let (ledger, pool) = tight(4);
        let (handle, books) = (pool.clone(), Arc::clone(&ledger));
        crowd(3, move |_| {
            for _ in 0..3 {
                let held = attempt(&handle, &books, BLOCK * (1 + below(2)));
                let more = attempt(&handle, &books, BLOCK);
                held.iter().chain(&more).for_each(|lease| lease.check());
                drop(held);
                if below(3) == 0 {
                    // As if the thread ended, and another one came.
                    leave();
                }
            }
        });
        let all = attempt(&pool, &ledger, 4 * BLOCK);
        assert!(all.is_some(), "refused although nothing is lent");
        drop(all);
        settled(pool, &ledger);
    });
}

#[test]
fn threads_that_end_with_full_magazines() {
    let mutants = [
        (Mutant::ExitForgets, LOST),
        (Mutant::LookOnce, &["refused although nothing is lent"][..]),
    ];
    prove("racks, ends", &mutants, || {
        let (ledger, pool) = tight(6);
        let released = Arc::new(AtomicUsize::new(0));
        let spawn = |_| {
            let (handle, books) = (pool.clone(), Arc::clone(&ledger));
            let told = Arc::clone(&released);
            thread::spawn(move || {
                let held = [BLOCK, BLOCK].map(|size| lend(&books, handle.acquire(size)));
                drop(held);
                told.fetch_add(1, Ordering::SeqCst);
            })
        };
        let threads: Vec<_> = (0..3).map(spawn).collect();
        while released.load(Ordering::SeqCst) < threads.len() {
            thread::yield_now();
        }
        // While they end, and move their blocks from their racks to the depot.
        let all = attempt(&pool, &ledger, 6 * BLOCK);
        assert!(all.is_some(), "refused although nothing is lent");
        drop(all);
        join_all(threads);
        settled(pool, &ledger);
    });
}

#[test]
fn two_pools_on_the_same_threads_one_of_which_is_closed() {
    let mutants = [
        (
            Mutant::RobWithoutWaiting,
            &["a closed pool keeps a block", TWICE[3]][..],
        ),
        (Mutant::ExitForgets, LOST),
    ];
    prove("racks, two pools", &mutants, || {
        let (first_ledger, first) = tight(6);
        let second_ledger = Ledger::unlimited();
        let second = small(&second_ledger).build();
        let (done, looked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let spawn = |index| {
            let (first, second) = (first.clone(), second.clone());
            let (first_ledger, second_ledger) =
                (Arc::clone(&first_ledger), Arc::clone(&second_ledger));
            let (done, looked) = (Arc::clone(&done), Arc::clone(&looked));
            thread::spawn(move || {
                let held = attempt(&first, &first_ledger, BLOCK);
                let other = lend(&second_ledger, second.acquire(BLOCK));
                if index == 0 {
                    first.close();
                }
                drop(other);
                drop(held);
                drop(lend(&second_ledger, second.acquire(BLOCK)));
                done.fetch_add(1, Ordering::SeqCst);
                while looked.load(Ordering::SeqCst) == 0 {
                    thread::yield_now();
                }
            })
        };
        let threads: Vec<_> = (0..3).map(spawn).collect();
        while done.load(Ordering::SeqCst) < threads.len() {
            thread::yield_now();
        }
        assert_eq!(first_ledger.bytes(), 0, "a closed pool keeps a block");
        looked.fetch_add(1, Ordering::SeqCst);
        join_all(threads);
        settled(first, &first_ledger);
        settled(second, &second_ledger);
    });
}

//! Memory that is short: budgets that overflow, providers that refuse, idle blocks that are on their way back.

use super::ledger::Ledger;
use super::{
    BLOCK, OVERSPENT, attempt, below, crowd, join_all, lend, prove, settled, settled_memory, small,
};
use crate::mutant::Mutant;
use crate::sync::{Arc, thread};
use crate::{Builder, Classes, Exhaustion};

#[test]
fn past_the_budget_nobody_waits() {
    let mutants = [(Mutant::ChargeInTwoSteps, OVERSPENT)];
    prove("scarce, overflow", &mutants, || {
        let ledger = Ledger::unlimited();
        let budget = 2 * BLOCK;
        let pool = small(&ledger)
            .max_bytes(budget)
            .exhaustion(Exhaustion::Overflow)
            .build();
        let (handle, books) = (pool.clone(), Arc::clone(&ledger));
        crowd(3, move |_| {
            for _ in 0..3 {
                let held = lend(&books, handle.acquire(BLOCK * (1 + below(2))));
                let charged = handle.stats().charged_bytes;
                assert!(charged <= budget as u64, "the budget is passed");
                held.check();
            }
        });
        assert!(
            pool.stats().peak_bytes <= budget as u64,
            "the budget is passed"
        );
        settled(pool, &ledger);
    });
}

/// What is said by who did not wait for blocks on their way back.
const REFUSED: &[&str] = &["refused although there is room"];

/// Each of three threads wants a small block, for which a large idle one must go, that is not lent in its stead.
fn all_are_served(builder: Builder, ledger: &Arc<Ledger>) {
    let classes = Classes::custom(&[BLOCK, 3 * BLOCK]).expect("a valid table");
    let pool = builder.classes(classes).build();
    assert_eq!(pool.prewarm(3 * BLOCK, 1), Ok(1));
    let spawn = |_| {
        let (pool, ledger) = (pool.clone(), Arc::clone(ledger));
        thread::spawn(move || attempt(&pool, &ledger, BLOCK))
    };
    let threads: Vec<_> = (0..3).map(spawn).collect();
    let leases = join_all(threads);
    assert!(
        leases.iter().all(Option::is_some),
        "refused although there is room"
    );
    drop(leases);
    settled_memory(pool, ledger);
}

#[test]
fn a_provider_that_is_short_is_asked_again() {
    prove(
        "scarce, provider",
        &[(Mutant::DeparturesIgnored, REFUSED)],
        || {
            let ledger = Ledger::with_supply(3 * BLOCK);
            all_are_served(small(&ledger), &ledger);
        },
    );
}

#[test]
fn a_budget_is_not_lent_out_while_idle_blocks_leave() {
    prove(
        "scarce, departures",
        &[(Mutant::DeparturesIgnored, REFUSED)],
        || {
            let ledger = Ledger::within(3 * BLOCK);
            all_are_served(small(&ledger).max_bytes(3 * BLOCK), &ledger);
        },
    );
}

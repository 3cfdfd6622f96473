//! Upkeep during traffic: idle blocks are freed, or made beforehand, while others acquire and release.

use std::time::{Duration, Instant};

use super::depot::{Mailbox, traffic};
use super::ledger::Ledger;
use super::{
    BLOCK, MIXED_UP, OVERSPENT, attempt, below, crowd, prove, settled, settled_memory, small, tight,
};
use crate::AcquireError;
use crate::mutant::Mutant;
use crate::sync::{Arc, Mutex};

/// Of decay: longer than any scenario takes, so that only `maintain` ends one.
const INTERVAL: Duration = Duration::from_secs(3600);

#[test]
fn reclaim_and_maintain_during_traffic() {
    let mutants = [(Mutant::TakeInTwoSections, MIXED_UP)];
    prove("upkeep, traffic", &mutants, || {
        let ledger = Ledger::unlimited();
        let pool = small(&ledger)
            .thread_cache_bytes(0)
            .decay(Some(INTERVAL))
            .build();
        let mailbox = Mailbox::new(Mutex::new(Vec::new()));
        let (handle, books, post) = (pool.clone(), Arc::clone(&ledger), Arc::clone(&mailbox));
        crowd(3, move |index| {
            if index > 0 {
                return traffic(&handle, &books, &post, 5);
            }
            let start = Instant::now();
            for turn in 1..4 {
                match below(3) {
                    0 => handle.reclaim(BLOCK),
                    1 => handle.reclaim(usize::MAX),
                    _ => handle.maintain(start + turn * 2 * INTERVAL),
                };
            }
        });
        mailbox.lock().clear();
        settled(pool, &ledger);
    });
}

#[test]
fn prewarm_against_reclaim() {
    let mutants = [(Mutant::ChargeInTwoSteps, OVERSPENT)];
    prove("upkeep, prewarm", &mutants, || {
        let (ledger, pool) = tight(4);
        let (handle, books) = (pool.clone(), Arc::clone(&ledger));
        crowd(3, move |index| match index {
            0 => match handle.prewarm(BLOCK, 3) {
                Ok(kept) => assert_eq!(kept, 3, "no cap is set"),
                Err(error) => assert!(matches!(error, AcquireError::Exhausted { .. }), "{error}"),
            },
            1 => {
                for _ in 0..2 {
                    let freed = handle.reclaim(BLOCK * (1 + below(2)));
                    assert!(freed <= 4 * BLOCK, "more was freed than there was");
                }
            }
            _ => {
                let first = attempt(&handle, &books, 2 * BLOCK);
                let second = attempt(&handle, &books, BLOCK);
                // This thread's own blocks are all that is lent, and idle ones give way.
                assert!(
                    first.is_some() || second.is_some(),
                    "refused for idle blocks"
                );
            }
        });
        settled_memory(pool, &ledger);
    });
}

//! Memory that comes from outside of the pool, and goes there.

use super::ledger::Ledger;
use super::{BLOCK, OVERSPENT, attempt, below, crowd, lend, prove};
use crate::mutant::Mutant;
use crate::sync::Arc;
use crate::{AcquireError, AdoptErrorKind, BufferPool, Classes};

const BUDGET: usize = 3 * BLOCK;

fn within_budget(pool: &BufferPool) {
    let charged = pool.stats().charged_bytes;
    assert!(charged <= BUDGET as u64, "the budget is passed");
}

/// Gives the pool memory, which is its own from then on.
fn adopt(pool: &BufferPool, ledger: &Arc<Ledger>) {
    let mut vec = Vec::with_capacity(BLOCK * (1 + below(2)));
    vec.extend_from_slice(b"from outside");
    match pool.adopt(vec) {
        Ok(buffer) => {
            assert_eq!(*buffer, *b"from outside");
            within_budget(pool);
            lend(ledger, buffer).check();
        }
        Err(error) => {
            let exhausted = matches!(
                error.kind(),
                AdoptErrorKind::Acquire(AcquireError::Exhausted { .. })
            );
            assert!(exhausted, "{error}");
            assert_eq!(error.into_vec(), b"from outside");
        }
    }
}

#[test]
fn adopt_and_into_vec_on_three_threads() {
    let mutants = [(Mutant::ChargeInTwoSteps, OVERSPENT)];
    prove("adopted", &mutants, || {
        // Only memory of the global allocator itself may come and go: the ledger watches who has which buffer.
        let ledger = Ledger::unlimited();
        let classes = Classes::custom(&[BLOCK, 2 * BLOCK]).expect("a valid table");
        let pool = BufferPool::builder()
            .classes(classes)
            .stripes(1)
            .decay(None)
            .max_bytes(BUDGET)
            .build();
        let (handle, books) = (pool.clone(), Arc::clone(&ledger));
        crowd(3, move |_| {
            for _ in 0..2 {
                adopt(&handle, &books);
                let Some(lease) = attempt(&handle, &books, BLOCK) else {
                    continue;
                };
                within_budget(&handle);
                let stamp = lease[0];
                let vec = lease.end().into_vec().expect("of the global allocator");
                assert_eq!(vec, [stamp; BLOCK][..vec.len()]);
            }
        });
        let all = pool.try_acquire(BUDGET);
        assert!(all.is_ok(), "refused although nothing is lent");
        drop(all);
        let stats = pool.stats();
        assert_eq!(stats.outstanding(), 0, "a block is lost");
        assert_eq!(stats.idle_bytes(), stats.charged_bytes, "a block is lost");
        pool.close();
        assert_eq!(pool.stats().charged_bytes, 0, "a block is lost");
    });
}

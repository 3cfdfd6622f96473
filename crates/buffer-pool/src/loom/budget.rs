//! The budget is never passed, and nobody is refused while idle blocks would do.

use super::{BLOCK, Bound, Tracked, prove, small};
use crate::mutant::Mutant;
use crate::sync::thread;
use crate::{AcquireError, BufferPool, Classes};

const OVERSPENT: &[&str] = &["assertion"];

#[test]
fn two_creators_at_once() {
    prove(
        "budget, 2 creators",
        Bound::Unbounded,
        &[(Mutant::ChargeInTwoSteps, OVERSPENT)],
        || {
            let pool = small().max_bytes(BLOCK).build();
            let other = pool.clone();
            let thread = thread::spawn(move || other.try_acquire(BLOCK));
            let mine = pool.try_acquire(BLOCK);
            let theirs = thread.join().unwrap();
            assert!(pool.stats().charged_bytes <= BLOCK as u64);
            assert_eq!(usize::from(mine.is_ok()) + usize::from(theirs.is_ok()), 1);
        },
    );
}

#[test]
fn a_creator_reclaims_what_another_released() {
    prove(
        "budget, reclaim",
        Bound::Unbounded,
        &[(Mutant::ChargeInTwoSteps, OVERSPENT)],
        || {
            let classes = Classes::custom(&[BLOCK, 2 * BLOCK]).expect("a valid table");
            let builder = BufferPool::builder()
                .classes(classes)
                .stripes(1)
                .provider(Tracked);
            let pool = builder.max_bytes(2 * BLOCK).build();
            let other = pool.clone();
            let thread = thread::spawn(move || {
                let small = other.try_acquire(BLOCK);
                assert!(other.stats().charged_bytes <= 2 * BLOCK as u64);
                small.is_ok()
            });
            let large = pool.try_acquire(2 * BLOCK);
            assert!(pool.stats().charged_bytes <= 2 * BLOCK as u64);
            let small = thread.join().unwrap();
            match &large {
                Ok(_) => assert_eq!(pool.stats().charged_bytes, 2 * BLOCK as u64),
                Err(AcquireError::Exhausted { .. }) => {
                    assert!(small, "refused although nothing was lent")
                }
                Err(error) => panic!("{error}"),
            }
            drop(large);
            assert!(
                pool.try_acquire(2 * BLOCK).is_ok(),
                "only idle blocks are left"
            );
        },
    );
}

//! Blocks of the depot are neither lost nor handed out twice.

use super::{BLOCK, Bound, RACE, prove, small};
use crate::magazine::leave;
use crate::mutant::Mutant;
use crate::sync::{set_home, thread};
use crate::{BufferPool, PooledBuf};

/// What is left of a block that nobody holds: a buffer that is counted and does not exist.
const LOST: &[&str] = &["assertion `left == right` failed: a block is lost"];

/// Writes `mark` and checks that nobody else writes to the same buffer; then the thread ends, for the pool.
fn use_buffer(mut buffer: PooledBuf, mark: u8) {
    buffer.extend_from_slice(&[mark; 2]);
    thread::yield_now();
    assert_eq!(*buffer, [mark; 2]);
    drop(buffer);
    leave();
}

fn all_idle(pool: &BufferPool, blocks: core::ops::RangeInclusive<u64>) {
    let stats = pool.stats();
    assert_eq!(stats.outstanding(), 0, "a block is lost");
    assert_eq!(stats.classes[0].idle * BLOCK as u64, stats.charged_bytes);
    assert!(blocks.contains(&stats.classes[0].idle));
}

#[test]
fn two_threads_share_one_stripe() {
    prove(
        "shelves, 1 stripe",
        Bound::Unbounded,
        &[
            (Mutant::TakeInTwoSections, RACE),
            (Mutant::UnlinkUnseen, LOST),
        ],
        || {
            let pool = small().build();
            assert_eq!(pool.prewarm(BLOCK, 1), Ok(1));
            let other = pool.clone();
            let thread = thread::spawn(move || use_buffer(other.acquire(BLOCK), 1));
            use_buffer(pool.acquire(BLOCK), 2);
            thread.join().unwrap();
            all_idle(&pool, 1..=2);
        },
    );
}

#[test]
fn a_thread_takes_from_the_stripe_of_another() {
    prove(
        "shelves, 2 stripes",
        Bound::Unbounded,
        &[
            (Mutant::TakeInTwoSections, RACE),
            (Mutant::UnlinkUnseen, LOST),
        ],
        || {
            let pool = small().stripes(2).build();
            assert_eq!(pool.prewarm(BLOCK, 1), Ok(1));
            let other = pool.clone();
            let thread = thread::spawn(move || {
                set_home(1);
                use_buffer(other.acquire(BLOCK), 1);
            });
            use_buffer(pool.acquire(BLOCK), 2);
            thread.join().unwrap();
            all_idle(&pool, 1..=2);
        },
    );
}

#[test]
fn three_threads_with_a_reclaimer() {
    prove(
        "shelves, reclaim",
        Bound::Preemptions(2),
        &[(Mutant::UnlinkUnseen, LOST)],
        || {
            let pool = small().build();
            assert_eq!(pool.prewarm(BLOCK, 1), Ok(1));
            let (left, right) = (pool.clone(), pool.clone());
            let left = thread::spawn(move || use_buffer(left.acquire(BLOCK), 1));
            let right = thread::spawn(move || use_buffer(right.acquire(BLOCK), 2));
            let freed = pool.reclaim(usize::MAX);
            assert!(freed <= 3 * BLOCK);
            left.join().unwrap();
            right.join().unwrap();
            all_idle(&pool, 0..=2);
        },
    );
}

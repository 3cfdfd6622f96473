//! The last release against the drop of the last handle: nothing stays behind, nothing is freed twice.

use super::{BLOCK, Bound, LEAK, prove, small};
use crate::mutant::Mutant;
use crate::sync::thread;

#[test]
fn last_release_against_pool_drop() {
    prove(
        "teardown",
        Bound::Unbounded,
        &[(Mutant::ClosedReadBeforeLock, LEAK)],
        || {
            let pool = small().build();
            let buffer = pool.acquire(BLOCK);
            let thread = thread::spawn(move || drop(buffer));
            drop(pool);
            thread.join().unwrap();
        },
    );
}

#[test]
fn releases_and_handles_on_three_threads() {
    prove(
        "teardown, 3 threads",
        Bound::Preemptions(3),
        &[(Mutant::ClosedReadBeforeLock, LEAK)],
        || {
            let pool = small().build();
            let (buffer, frozen) = (pool.acquire(BLOCK), pool.acquire(BLOCK).freeze());
            let handle = pool.clone();
            let left = thread::spawn(move || {
                drop(buffer);
                drop(handle);
            });
            let right = thread::spawn(move || drop(frozen));
            drop(pool);
            left.join().unwrap();
            right.join().unwrap();
        },
    );
}

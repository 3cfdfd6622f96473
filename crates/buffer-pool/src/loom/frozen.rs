//! Frozen bytes that are cloned, dropped and turned into a buffer at once: nobody writes what another may read, and the
//! count of references is exact.

use super::{BLOCK, Bound, RACE, prove, small};
use crate::PooledBytes;
use crate::mutant::Mutant;
use crate::sync::thread;

/// What a reference says that was counted away, or once too often.
const MISCOUNTED: &[&str] = &["the count is", "a block is lost"];

/// Writes to the buffer if nobody else has a reference to it; reads it otherwise.
fn write_or_read(bytes: PooledBytes) {
    match bytes.try_into_mut() {
        Ok(mut buffer) => buffer.fill(b'!'),
        Err(bytes) => assert_eq!(bytes, b"shared"),
    }
}

#[test]
fn clones_and_drops_against_try_into_mut() {
    let mutants: [(Mutant, &[&str]); 3] = [
        (Mutant::CloneInTwoSteps, MISCOUNTED),
        (Mutant::DropRelaxed, RACE),
        (Mutant::UniqueRelaxed, RACE),
    ];
    prove("frozen, clone", Bound::Preemptions(3), &mutants, || {
        let pool = small().build();
        let mut buffer = pool.acquire(BLOCK);
        buffer.extend_from_slice(b"shared");
        let frozen = buffer.freeze();
        let theirs = frozen.clone();
        let thread = thread::spawn(move || {
            let part = theirs.slice(1..3);
            drop(theirs);
            assert_eq!(part, b"ha");
        });
        let part = frozen.slice(3..);
        let Err(frozen) = frozen.try_into_mut() else {
            panic!("the count is too low: a slice exists");
        };
        drop(part);
        write_or_read(frozen);
        thread.join().unwrap();
        assert_eq!(pool.stats().outstanding(), 0, "a block is lost");
    });
}

#[test]
fn who_is_alone_drops_after_every_read() {
    let mutants: [(Mutant, &[&str]); 2] =
        [(Mutant::SoleRelaxed, RACE), (Mutant::DropRelaxed, RACE)];
    prove("frozen, sole drop", Bound::Preemptions(3), &mutants, || {
        let pool = small().build();
        let mut buffer = pool.acquire(BLOCK);
        buffer.extend_from_slice(b"shared");
        let frozen = buffer.freeze();
        let (clone, other) = (frozen.clone(), pool.clone());
        let thread = thread::spawn(move || {
            drop(clone);
            // The same block, if this thread was the last.
            other.acquire(BLOCK).extend_from_slice(b"next");
        });
        assert_eq!(frozen, b"shared");
        drop(frozen);
        thread.join().unwrap();
        assert_eq!(pool.stats().outstanding(), 0, "a block is lost");
    });
}

#[test]
fn three_threads_want_the_buffer_back() {
    let mutants: [(Mutant, &[&str]); 2] =
        [(Mutant::DropRelaxed, RACE), (Mutant::UniqueRelaxed, RACE)];
    prove("frozen, 3 threads", Bound::Preemptions(2), &mutants, || {
        let pool = small().build();
        let mut buffer = pool.acquire(BLOCK);
        buffer.extend_from_slice(b"shared");
        let frozen = buffer.freeze();
        let (left, right) = (frozen.clone(), frozen.clone());
        let left = thread::spawn(move || write_or_read(left));
        let right = thread::spawn(move || write_or_read(right));
        write_or_read(frozen);
        left.join().unwrap();
        right.join().unwrap();
        assert_eq!(pool.stats().outstanding(), 0, "a block is lost");
    });
}

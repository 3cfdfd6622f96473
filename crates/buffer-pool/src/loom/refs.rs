//! The count of a frozen buffer: the last drop, and the sole owner, see what everybody did before.

use super::{BLOCK, Bound, RACE, prove, small};
use crate::mutant::Mutant;
use crate::sync::thread;

#[test]
fn last_drop_recycles_after_every_read() {
    let mutants = [(Mutant::DropRelaxed, RACE), (Mutant::LastRelaxed, RACE)];
    prove("refs, last drop", Bound::Preemptions(3), &mutants, || {
        let pool = small().build();
        let mut buffer = pool.acquire(BLOCK);
        buffer.extend_from_slice(b"shared");
        let frozen = buffer.freeze();
        let clone = frozen.clone();
        let other = pool.clone();
        let thread = thread::spawn(move || {
            assert_eq!(clone, b"shared");
            drop(clone);
            other.acquire(BLOCK).extend_from_slice(b"next");
        });
        assert_eq!(frozen.slice(2..4), b"ar");
        drop(frozen);
        pool.acquire(BLOCK).extend_from_slice(b"next");
        thread.join().unwrap();
        assert_eq!(pool.stats().outstanding(), 0);
    });
}

#[test]
fn try_into_mut_against_drop() {
    let mutants = [(Mutant::DropRelaxed, RACE), (Mutant::UniqueRelaxed, RACE)];
    prove("refs, try_into_mut", Bound::Unbounded, &mutants, || {
        let pool = small().build();
        let mut buffer = pool.acquire(BLOCK);
        buffer.extend_from_slice(b"shared");
        let frozen = buffer.freeze();
        let clone = frozen.clone();
        let thread = thread::spawn(move || assert_eq!(clone, b"shared"));
        match frozen.try_into_mut() {
            Ok(mut buffer) => buffer[0] = b'S',
            Err(frozen) => assert_eq!(frozen, b"shared"),
        }
        thread.join().unwrap();
        assert_eq!(pool.stats().outstanding(), 0);
    });
}

#[test]
fn at_most_one_of_two_turns_into_a_buffer() {
    let mutants = [(Mutant::DropRelaxed, RACE), (Mutant::UniqueRelaxed, RACE)];
    prove("refs, two try_into_mut", Bound::Unbounded, &mutants, || {
        let pool = small().build();
        let mut buffer = pool.acquire(BLOCK);
        buffer.extend_from_slice(&[0]);
        let frozen = buffer.freeze();
        let clone = frozen.clone();
        let turn = |bytes: crate::PooledBytes, mark: u8| match bytes.try_into_mut() {
            Ok(mut buffer) => {
                buffer[0] += mark;
                assert_eq!(*buffer, [mark]);
            }
            Err(bytes) => assert_eq!(bytes, [0]),
        };
        let thread = thread::spawn(move || turn(clone, 1));
        turn(frozen, 2);
        thread.join().unwrap();
        assert_eq!(pool.stats().outstanding(), 0);
    });
}

//! Frozen bytes that several threads clone, slice, drop, and turn into a buffer again.

use super::ledger::Ledger;
use super::{BLOCK, below, crowd, join_all, lend, prove, settled, small};
use crate::mutant::Mutant;
use crate::sync::{Arc, Mutex, thread};
use crate::{PooledBuf, PooledBytes};

/// What is said when the count of references is too low.
const MISCOUNTED: &[&str] = &[
    "the bytes have changed",
    "a block is freed twice",
    "a block is lost",
    "the count is",
    "accesses to a cell overlap",
    "assertion `left == right` failed",
];

/// All bytes are the same: whoever owns the buffer alone writes all of them.
fn uniform(bytes: &[u8]) {
    let first = bytes[0];
    assert!(
        bytes.iter().all(|&byte| byte == first),
        "the bytes have changed"
    );
}

/// Writes to a buffer that nobody else may have.
fn write(mut buffer: PooledBuf, mark: u8) {
    for at in 0..buffer.len() {
        if at % 16 == 0 {
            thread::yield_now();
        }
        buffer[at] = mark;
    }
    thread::yield_now();
    assert!(
        buffer.iter().all(|&byte| byte == mark),
        "the bytes have changed"
    );
}

/// What one thread does with its references, and with those that others leave in `shared`.
fn share(shared: &Mutex<Vec<PooledBytes>>, mark: u8) {
    let mut own: Vec<PooledBytes> = Vec::new();
    for _ in 0..5 {
        match below(5) {
            0 => {
                let taken = shared.lock().pop();
                own.extend(taken);
            }
            1 => own.extend(own.last().cloned()),
            2 => own.extend(own.last().map(|bytes| bytes.slice(2..))),
            3 => drop(own.pop()),
            _ => {
                let Some(bytes) = own.pop() else { continue };
                match bytes.try_into_mut() {
                    Ok(buffer) => write(buffer, mark),
                    Err(bytes) => shared.lock().push(bytes),
                }
            }
        }
        own.iter().for_each(|bytes| uniform(bytes));
    }
}

#[test]
fn references_on_three_threads() {
    let mutants = [(Mutant::CloneInTwoSteps, MISCOUNTED)];
    prove("frozen, three threads", &mutants, || {
        let ledger = Ledger::unlimited();
        let pool = small(&ledger).build();
        let (bytes, _) = lend(&ledger, pool.acquire(BLOCK)).freeze();
        let shared = vec![bytes.clone(), bytes.slice(8..), bytes];
        let shared = Arc::new(Mutex::new(shared));
        let post = Arc::clone(&shared);
        crowd(3, move |index| share(&post, 100 + index as u8));
        shared.lock().clear();
        settled(pool, &ledger);
    });
}

#[test]
fn one_clone_for_each_thread() {
    let mutants = [(Mutant::CloneInTwoSteps, MISCOUNTED)];
    prove("frozen, clones of one", &mutants, || {
        let ledger = Ledger::unlimited();
        let pool = small(&ledger).max_bytes(2 * BLOCK).build();
        let (bytes, stamp) = lend(&ledger, pool.acquire(BLOCK)).freeze();
        let spawn = |_| {
            let (bytes, pool) = (bytes.clone(), pool.clone());
            let ledger = Arc::clone(&ledger);
            thread::spawn(move || {
                let copy = bytes.clone();
                assert!(
                    copy.iter().all(|&byte| byte == stamp),
                    "the bytes have changed"
                );
                drop(copy);
                drop(bytes);
                // The same block, for whoever comes after the last.
                if let Ok(buffer) = pool.try_acquire(BLOCK) {
                    lend(&ledger, buffer).check();
                }
            })
        };
        let threads: Vec<_> = (0..3).map(spawn).collect();
        assert!(
            bytes.iter().all(|&byte| byte == stamp),
            "the bytes have changed"
        );
        drop(bytes);
        join_all(threads);
        settled(pool, &ledger);
    });
}

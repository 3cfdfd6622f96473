//! Two threads that start together.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::Sample;

/// Which of the two threads runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// Where the two threads wait for each other. They spin, so that neither has to be woken.
struct Gate(AtomicUsize);

impl Gate {
    /// Returns when both have come.
    fn pass(&self) {
        // Release: what one did before is seen by the other, whose load below is its Acquire.
        self.0.fetch_add(1, Ordering::Release);
        while self.0.load(Ordering::Acquire) < 2 {
            thread::yield_now();
        }
    }
}

/// Runs `work` on two threads: once for `warm` operations, then, from the same moment on, for `operations`, by the
/// clock, which stops when both are done. `work` returns its share of the checksum.
pub(super) fn timed(
    warm: usize,
    operations: usize,
    work: impl Fn(Side, usize) -> u64 + Sync,
) -> Sample {
    let gate = Gate(AtomicUsize::new(0));
    let timed_on = |side| {
        work(side, warm);
        gate.pass();
        let start = Instant::now();
        let sum = work(side, operations);
        (start, Instant::now(), sum)
    };
    let (left, right) = thread::scope(|scope| {
        let right = scope.spawn(|| timed_on(Side::Right));
        let left = timed_on(Side::Left);
        (left, right.join().expect("work that does not panic"))
    });
    let (start, end) = (left.0.min(right.0), left.1.max(right.1));
    Sample::over(operations, end - start, left.2.wrapping_add(right.2))
}

//! The breaker: what fails again and again, a device or a server, is left alone for a while.

use crate::count::Count;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// So many calls in a row have to fail.
const FAILURES: u32 = 8;
/// Milliseconds for which nothing is asked of it then.
const PAUSE: u64 = 1_000;

/// Closed until calls fail in a row, then open for a pause; the call after the pause decides whether
/// there is another. Relaxed throughout: it is a matter of thrift, nothing hangs on a call more.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    /// Calls that failed since the last that went well.
    failures: AtomicU32,
    /// Nothing is asked before this time.
    until: AtomicU64,
    /// How often it opened.
    opened: Count,
}

impl Breaker {
    /// Whether it may be asked at `now`, in milliseconds.
    pub(crate) fn allows(&self, now: u64) -> bool {
        self.until.load(Ordering::Relaxed) <= now
    }

    /// How often it opened.
    pub(crate) fn opened(&self) -> u64 {
        self.opened.get()
    }

    /// Notes how a call ended.
    pub(crate) fn ended(&self, well: bool, now: u64) {
        if !well {
            let failed = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
            if failed >= FAILURES && self.allows(now) {
                self.until.store(now + PAUSE, Ordering::Relaxed);
                self.opened.add();
            }
        } else if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_and_tries_again_after_a_pause() {
        let breaker = Breaker::default();
        for _ in 0..3 {
            (1..FAILURES).for_each(|_| breaker.ended(false, 5));
            assert!(breaker.allows(5));
            breaker.ended(true, 5);
        }
        (0..FAILURES).for_each(|_| breaker.ended(false, 5));
        assert!(!breaker.allows(5) && !breaker.allows(4 + PAUSE));
        assert!(breaker.allows(5 + PAUSE));
        breaker.ended(false, 5 + PAUSE);
        assert!(!breaker.allows(6 + PAUSE), "one more is enough");
        assert!(breaker.allows(5 + 2 * PAUSE));
        breaker.ended(true, 5 + 2 * PAUSE);
        breaker.ended(false, 5 + 2 * PAUSE);
        assert!(breaker.allows(5 + 2 * PAUSE));
        assert_eq!(breaker.opened(), 2);
    }
}

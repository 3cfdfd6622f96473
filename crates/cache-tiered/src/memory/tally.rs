//! The tally of look-ups: exact, although no two threads write to one line.

use crossbeam::utils::CachePadded;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most threads that have a stripe of their own.
const STRIPES_MAX: usize = 64;

/// Hits and misses. A thread has a stripe of its own, which it alone writes to; those that are beyond the stripes share
/// one. All is Relaxed: a count publishes nothing, and a thread that takes over the number of another one comes after it.
#[derive(Debug)]
pub(super) struct Tally {
    /// The last is shared.
    stripes: Box<[CachePadded<Stripe>]>,
}

#[derive(Debug, Default)]
struct Stripe {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Tally {
    /// Stripes for four times as many threads as there are cores.
    pub(super) fn new(cores: usize) -> Self {
        let stripes = (4 * cores).clamp(8, STRIPES_MAX) + 1;
        Self {
            stripes: std::iter::repeat_with(CachePadded::<Stripe>::default)
                .take(stripes)
                .collect(),
        }
    }

    /// Counts a hit of the thread that is pinned with this number.
    #[inline(always)]
    pub(super) fn hit(&self, thread: usize) {
        self.count(thread, |stripe| &stripe.hits);
    }

    /// Counts a miss, likewise.
    #[inline(always)]
    pub(super) fn miss(&self, thread: usize) {
        self.count(thread, |stripe| &stripe.misses);
    }

    #[inline(always)]
    fn count(&self, thread: usize, number: impl Fn(&Stripe) -> &AtomicU64) {
        let shared = self.stripes.len() - 1;
        if thread < shared {
            let own = number(&self.stripes[thread]);
            own.store(own.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        } else {
            number(&self.stripes[shared]).fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Hits and misses so far. O(stripes).
    pub(super) fn sum(&self) -> (u64, u64) {
        let load = |stripe: &CachePadded<Stripe>| {
            let of = |number: &AtomicU64| number.load(Ordering::Relaxed);
            (of(&stripe.hits), of(&stripe.misses))
        };
        self.stripes
            .iter()
            .map(load)
            .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_beyond_the_stripes_are_counted_too() {
        let tally = Tally::new(1);
        std::thread::scope(|scope| {
            for thread in 0..12 {
                let tally = &tally;
                scope.spawn(move || {
                    for _ in 0..1_000 {
                        tally.hit(thread);
                        tally.miss(thread);
                        tally.hit(thread);
                    }
                });
            }
        });
        assert_eq!(tally.sum(), (24_000, 12_000));
    }
}

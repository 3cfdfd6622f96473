//! `Activity`: what is at work in the background for whom a clock is set by hand.
//!
//! A test that sets the clock wants to know when all that this set going has come to rest: every
//! thread waits for the time, for more work or in the store, and nothing is queued. A cache whose
//! clock is no [`ManualClock`](crate::ManualClock) counts nothing.
//!
//! Nothing slips through between two counts: who queues a task, rings a bell or starts a thread is
//! counted itself or is the test, and counts what it sets going before it goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Counts pieces of work, or nothing.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    counts: Option<Arc<Counts>>,
}

/// SeqCst: who finds nothing at work sees what all that work has done.
#[derive(Debug, Default)]
struct Counts {
    working: AtomicUsize,
    begun: AtomicU64,
}

/// A piece of work, until it is dropped.
#[derive(Debug)]
pub(crate) struct Work(Activity);

impl Activity {
    /// One that counts.
    pub(crate) fn counted() -> Self {
        Self {
            counts: Some(Arc::default()),
        }
    }

    /// Counts a piece of work.
    pub(crate) fn work(&self) -> Work {
        self.add(1);
        Work(self.clone())
    }

    /// Counts some that [`subtract`](Self::subtract) ends.
    pub(crate) fn add(&self, pieces: usize) {
        if let Some(counts) = &self.counts {
            counts.working.fetch_add(pieces, Ordering::SeqCst);
            counts.begun.fetch_add(pieces as u64, Ordering::SeqCst);
        }
    }

    pub(crate) fn subtract(&self, pieces: usize) {
        if let Some(counts) = &self.counts {
            counts.working.fetch_sub(pieces, Ordering::SeqCst);
        }
    }

    /// Pieces of work that have not ended, and how many have begun so far.
    pub(crate) fn counts(&self) -> (usize, u64) {
        self.counts.as_ref().map_or((0, 0), |counts| {
            let begun = counts.begun.load(Ordering::SeqCst);
            (counts.working.load(Ordering::SeqCst), begun)
        })
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.0.subtract(1);
    }
}

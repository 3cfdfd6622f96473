//! `ManualClock`: a clock that stands until it is moved, for tests.

use crate::activity::Activity;
use crate::memory::Clock;
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

type Listener = Arc<dyn Fn() + Send + Sync>;

/// A clock that stands until it is moved. A clone is another handle to the same clock.
///
/// What waits for the time (a delay of write-behind, a pause before a retry, a timeout) looks at
/// the clock again as soon as it was moved, so tests need not sleep.
///
/// ```
/// use cache_tiered::{Clock, ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let same = clock.clone();
/// clock.advance(Duration::from_secs(2));
/// assert_eq!(same.now(), 2_000);
/// ```
#[derive(Clone, Default)]
pub struct ManualClock {
    inner: Arc<Inner>,
}

struct Inner {
    /// Milliseconds. Written by `advance` (SeqCst), read by anybody: who is called back by
    /// `advance` sees what it added.
    now: AtomicU64,
    listeners: Mutex<Vec<Listener>>,
    activity: Activity,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            now: AtomicU64::new(0),
            listeners: Mutex::default(),
            activity: Activity::counted(),
        }
    }
}

impl ManualClock {
    /// A clock that stands at 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock on, in whole milliseconds, and wakes what waits for the time.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        // One that is about to run out stands still at the end of time.
        let _former = self
            .inner
            .now
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |now| {
                Some(now.saturating_add(by))
            });
        let listeners = self.inner.listeners.lock().clone();
        listeners.iter().for_each(|listener| listener());
    }

    /// Pieces of work of the caches with this clock that are queued or that a thread has, those
    /// that a store has not answered included; and how many there were so far. What waits for the
    /// time, for room or for another call is none. When all are held in the store, nothing moves
    /// until somebody calls, the store answers or the clock is moved.
    #[doc(hidden)]
    #[must_use]
    pub fn at_work(&self) -> (usize, u64) {
        self.inner.activity.counts()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> u64 {
        self.inner.now.load(Ordering::SeqCst)
    }

    fn on_jump(&self, listener: Arc<dyn Fn() + Send + Sync>) {
        self.inner.listeners.lock().push(listener);
    }

    fn until(&self, _at: u64) -> Option<Duration> {
        None
    }

    fn activity(&self) -> Activity {
        self.inner.activity.clone()
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualClock")
            .field("now", &self.now())
            .finish_non_exhaustive()
    }
}

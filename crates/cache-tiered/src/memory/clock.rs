//! `Clock`: the time that lifetimes are measured in.

use crate::activity::Activity;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A clock that never goes back, in milliseconds since any fixed point.
///
/// A cache without lifetimes asks it for nothing but the times of loads. Tests bring their own; a closure `Fn() -> u64` is one:
///
/// ```
/// use cache_tiered::MemoryCache;
/// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
/// use std::time::Duration;
///
/// let now = Arc::new(AtomicU64::new(0));
/// let clock = Arc::clone(&now);
/// let cache: MemoryCache<u8, &str> = MemoryCache::builder()
///     .capacity(10)
///     .time_to_live(Duration::from_millis(5))
///     .clock(move || clock.load(Ordering::Relaxed))
///     .build()?;
/// cache.insert(1, "one");
/// now.store(4, Ordering::Relaxed);
/// assert_eq!(cache.get(&1), Some("one"));
/// now.store(5, Ordering::Relaxed);
/// assert_eq!(cache.get(&1), None);
/// # Ok::<(), cache_tiered::BuildError>(())
/// ```
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the clock's fixed point.
    fn now(&self) -> u64;

    /// Nanoseconds since that point, by which loads are timed: as exact as the clock is.
    fn nanoseconds(&self) -> u64 {
        self.now().saturating_mul(1_000_000)
    }

    /// Asks to be called whenever the clock was set rather than ran, so that what waits for a time
    /// can look again. A clock that only runs has nobody to call and drops the listener, as by
    /// default; one that stands still in between, as [`ManualClock`](crate::ManualClock), calls it
    /// after each move.
    fn on_jump(&self, listener: Arc<dyn Fn() + Send + Sync>) {
        drop(listener);
    }

    /// How long a thread has to sleep until the clock shows `at`, or thereabouts: what waits looks
    /// again. None if the clock goes on only by jumps, of which [`on_jump`](Self::on_jump) tells. By
    /// default as long as it would take the clock of the system.
    fn until(&self, at: u64) -> Option<Duration> {
        Some(Duration::from_millis(at.saturating_sub(self.now())))
    }

    /// Where a cache with this clock counts what it does in the background: by default nowhere.
    #[doc(hidden)]
    fn activity(&self) -> Activity {
        Activity::default()
    }
}

impl<F: Fn() -> u64 + Send + Sync + 'static> Clock for F {
    fn now(&self) -> u64 {
        self()
    }
}

/// The clock of the system: milliseconds since it was made, from [`Instant`].
///
/// ```
/// use cache_tiered::{Clock, MonotonicClock};
///
/// let clock = MonotonicClock::new();
/// assert!(clock.now() <= clock.now());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MonotonicClock {
    start: Instant,
}

impl MonotonicClock {
    /// A clock that stands at 0 now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for MonotonicClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for MonotonicClock {
    fn now(&self) -> u64 {
        // 2^64 milliseconds are half a billion years.
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn nanoseconds(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

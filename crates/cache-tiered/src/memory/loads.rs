//! Loads: how many there were, and how long they took.

use crossbeam::utils::CachePadded;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Buckets of each power of two.
const PARTS: usize = 8;
/// Times below 2^10 nanoseconds share the first bucket, and those from 2^42 on, more than an hour, the last.
const FIRST: u32 = 10;
const POWERS: usize = 32;
const BUCKETS: usize = PARTS * POWERS + 2;

/// What loads of one cache have been. Changed by whoever ends a load, which has taken longer than that: all Relaxed, each
/// number is its own.
pub(super) struct Loads {
    numbers: CachePadded<Numbers>,
}

struct Numbers {
    failed: AtomicU64,
    abandoned: AtomicU64,
    nanoseconds: AtomicU64,
    longest: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

/// The bucket of a time.
const fn bucket(nanoseconds: u64) -> usize {
    if nanoseconds < 1 << FIRST {
        return 0;
    }
    let power = nanoseconds.ilog2();
    let part = (nanoseconds >> (power - PARTS.ilog2())) as usize % PARTS;
    let bucket = 1 + (power - FIRST) as usize * PARTS + part;
    if bucket < BUCKETS {
        bucket
    } else {
        BUCKETS - 1
    }
}

/// The first time that is above a bucket.
const fn end(bucket: usize) -> u64 {
    let power = FIRST + (bucket / PARTS) as u32;
    (1 << power) + (bucket % PARTS) as u64 * (1 << (power - PARTS.ilog2()))
}

impl Loads {
    pub(super) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            numbers: CachePadded::new(Numbers {
                failed: zero(),
                abandoned: zero(),
                nanoseconds: zero(),
                longest: zero(),
                buckets: std::array::from_fn(|_| zero()),
            }),
        }
    }

    /// Counts a load that has ended with a value or an error.
    pub(super) fn ended(&self, nanoseconds: u64, well: bool) {
        let numbers = &self.numbers;
        numbers.buckets[bucket(nanoseconds)].fetch_add(1, Ordering::Relaxed);
        numbers
            .nanoseconds
            .fetch_add(nanoseconds, Ordering::Relaxed);
        numbers.longest.fetch_max(nanoseconds, Ordering::Relaxed);
        if !well {
            numbers.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a load whose leader gave up, or panicked.
    pub(super) fn abandoned(&self) {
        self.numbers.abandoned.fetch_add(1, Ordering::Relaxed);
    }

    /// Loads that ended, and of those and the abandoned ones, how many failed.
    pub(super) fn counts(&self) -> (u64, u64) {
        let numbers = &self.numbers;
        let abandoned = numbers.abandoned.load(Ordering::Relaxed);
        let ended = self.times().count();
        (
            ended + abandoned,
            numbers.failed.load(Ordering::Relaxed) + abandoned,
        )
    }

    pub(super) fn times(&self) -> LoadTimes {
        let load = |number: &AtomicU64| number.load(Ordering::Relaxed);
        LoadTimes {
            buckets: std::array::from_fn(|bucket| load(&self.numbers.buckets[bucket])),
            nanoseconds: load(&self.numbers.nanoseconds),
            longest: load(&self.numbers.longest),
        }
    }
}

/// How long loads took: a histogram whose buckets are an eighth of their power of two wide, so that quantiles are at most
/// 12.5% too high; from [`MemoryCache::load_times`](crate::MemoryCache::load_times).
///
/// ```
/// use cache_tiered::MemoryCache;
///
/// let cache: MemoryCache<u8, u8> = MemoryCache::builder().capacity(10).build()?;
/// cache.get_or_insert_with(1, || 10);
/// let times = cache.load_times();
/// assert_eq!(times.count(), 1);
/// assert!(times.quantile(0.5) >= times.quantile(0.0));
/// # Ok::<(), cache_tiered::BuildError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct LoadTimes {
    buckets: [u64; BUCKETS],
    nanoseconds: u64,
    longest: u64,
}

impl LoadTimes {
    /// Loads that ended, with a value or an error.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Their mean time; none before the first.
    #[must_use]
    pub fn mean(&self) -> Option<Duration> {
        Some(Duration::from_nanos(
            self.nanoseconds.checked_div(self.count())?,
        ))
    }

    /// The longest.
    #[must_use]
    pub const fn longest(&self) -> Duration {
        Duration::from_nanos(self.longest)
    }

    /// A time that so many of them, a share from 0 to 1, did not exceed; none before the first. It is the end of a
    /// bucket, or the longest time if that is less: from 1 microsecond to an hour at most 12.5% too high.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        let wanted = ((count as f64 * share.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut sum = 0;
        let bucket = self.buckets.iter().position(|number| {
            sum += number;
            sum >= wanted
        })?;
        Some(match bucket {
            _ if bucket == BUCKETS - 1 => self.longest(),
            _ => Duration::from_nanos(end(bucket).min(self.longest)),
        })
    }
}

impl fmt::Debug for LoadTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadTimes")
            .field("count", &self.count())
            .field("mean", &self.mean())
            .field("median", &self.quantile(0.5))
            .field("longest", &self.longest())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_end_where_the_next_begins() {
        for bucket_of in 0..BUCKETS - 1 {
            let end = end(bucket_of);
            assert_eq!(
                (bucket(end - 1), bucket(end)),
                (bucket_of, bucket_of + 1),
                "{end}"
            );
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_an_eighth_too_high_at_most() {
        let loads = Loads::new();
        assert_eq!(loads.times().quantile(0.5), None);
        for microseconds in 1..=1_000 {
            loads.ended(microseconds * 1_000, true);
        }
        loads.ended(500_000, false);
        loads.abandoned();
        let times = loads.times();
        assert_eq!((times.count(), loads.counts()), (1_001, (1_002, 2)));
        for (share, exact) in [(0.0, 1.0), (0.5, 500.0), (0.99, 990.0), (1.0, 1_000.0)] {
            let found = times.quantile(share).unwrap().as_secs_f64() * 1e6;
            assert!((exact..=exact * 1.126).contains(&found), "{share}: {found}");
        }
        assert_eq!(times.longest(), Duration::from_millis(1));
        assert_eq!(times.mean(), Some(Duration::from_nanos(500_499)));
    }
}

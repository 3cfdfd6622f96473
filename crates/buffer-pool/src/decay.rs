//! Idle decay: what lay unused for an interval is halved.
//!
//! The surplus of a shelf is its low-water mark: the fewest blocks that it held in the interval, none of which was
//! needed in it. At the interval's end half of the surplus is freed, the longest unused first. A pool that falls idle
//! so gives its memory back in a few intervals, and one that breathes keeps what its waves need.
//!
//! Nobody is woken for that: a call that is slow anyway looks at the clock now and then, and
//! [`maintain`](crate::BufferPool::maintain) does it when told. Whoever finds that an interval has ended looks through
//! the depot and its own rack. The other threads find it by the number of intervals, each in its next call that needs
//! more than a magazine. In a pool with a budget the racks of those that have not come by for an interval are looked
//! through in their stead; without one nobody else may touch them, so that a thread that sleeps, or needs no more than
//! its magazines, keeps what its cache holds.

use core::time::Duration;
use std::time::Instant;

use crate::sync::Tally;

/// When the idle blocks of a pool were looked through last.
#[derive(Debug)]
pub(crate) struct Decay {
    /// `None`: never.
    interval: Option<Duration>,
    /// What `looked` counts from.
    epoch: Instant,
    /// Nanoseconds from the epoch to the begin of the interval under way. Of the threads that see its end the one that
    /// moves this on ends it.
    looked: Tally,
    /// Intervals that have ended. Each thread compares it with what it has noted for its rack.
    ended: Tally,
}

impl Decay {
    pub(crate) fn new(interval: Option<Duration>, epoch: Instant) -> Self {
        Self {
            interval: interval.map(|interval| interval.max(Duration::from_nanos(1))),
            epoch,
            looked: Tally::new(0),
            ended: Tally::new(0),
        }
    }

    /// Whether there is ever anything to do.
    pub(crate) fn is_on(&self) -> bool {
        self.interval.is_some()
    }

    /// How many intervals have ended so far.
    pub(crate) fn ended(&self) -> u64 {
        self.ended.value()
    }

    /// Ends the intervals that are over at `now`; returns how many. Each is ended by one call.
    pub(crate) fn end_intervals(&self, now: Instant) -> u32 {
        self.over(now).map_or(0, |over| self.end(over))
    }

    /// What is over at `now`.
    fn over(&self, now: Instant) -> Option<Over> {
        let interval = nanoseconds(self.interval?);
        let until = nanoseconds(now.saturating_duration_since(self.epoch));
        let from = self.looked.value();
        let intervals = until.saturating_sub(from) / interval;
        (intervals > 0).then_some(Over {
            from,
            until,
            intervals,
        })
    }

    /// Ends what this thread has seen to be over, unless another was first: then 0.
    fn end(&self, over: Over) -> u32 {
        if !self.looked.advance(over.from, over.until) {
            return 0;
        }
        self.ended.add(over.intervals);
        u32::try_from(over.intervals).unwrap_or(u32::MAX)
    }
}

/// Intervals between two times, in nanoseconds from the epoch.
struct Over {
    from: u64,
    until: u64,
    intervals: u64,
}

/// About 584 years at most.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// What is freed of blocks that were not needed.
pub(crate) struct Surplus;

impl Surplus {
    /// Half of `unused` for each of `intervals`, rounded up, so that nothing stays for ever.
    pub(crate) fn of(unused: usize, intervals: u32) -> usize {
        unused - unused.checked_shr(intervals).unwrap_or(0)
    }
}

#[cfg(all(test, not(buffer_pool_loom)))]
mod tests {
    use super::*;

    #[test]
    fn intervals_end_once() {
        let epoch = Instant::now();
        let decay = Decay::new(Some(Duration::from_secs(10)), epoch);
        let after = |seconds| epoch + Duration::from_secs(seconds);
        assert_eq!(decay.end_intervals(after(9)), 0);
        assert_eq!(decay.end_intervals(after(10)), 1);
        assert_eq!(decay.end_intervals(after(10)), 0);
        assert_eq!(decay.end_intervals(after(19)), 0);
        assert_eq!(decay.end_intervals(after(45)), 3);
        assert_eq!(decay.end_intervals(after(11)), 0, "clocks of two threads");
        assert_eq!(
            Decay::new(None, epoch).end_intervals(after(1 << 20)),
            0,
            "off"
        );
    }

    #[test]
    fn of_two_threads_that_see_an_interval_end_one_ends_it() {
        let epoch = Instant::now();
        let decay = Decay::new(Some(Duration::from_secs(10)), epoch);
        let see = |seconds| {
            decay
                .over(epoch + Duration::from_secs(seconds))
                .expect("over")
        };
        let (first, second) = (see(10), see(11));
        assert_eq!([first, second].map(|over| decay.end(over)), [1, 0]);
        assert_eq!(decay.ended(), 1);
        assert_eq!(decay.end(see(30)), 2);
        assert_eq!(decay.ended(), 3);
    }

    #[test]
    fn half_of_what_is_unused_goes() {
        assert_eq!(
            [0, 1, 2, 7, 100].map(|unused| Surplus::of(unused, 1)),
            [0, 1, 1, 4, 50]
        );
        assert_eq!(
            [1, 2, 3, 64].map(|n| Surplus::of(100, n)),
            [50, 75, 88, 100]
        );
        assert_eq!(Surplus::of(usize::MAX, u32::MAX), usize::MAX);
    }
}

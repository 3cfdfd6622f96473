//! Idle decay: what lay unused for an interval is halved.
//!
//! The surplus of a shelf is its low-water mark: the fewest blocks that it held in the interval, none of which was
//! needed in it. At the interval's end half of the surplus is freed, the longest unused first. A pool that falls idle
//! so gives its memory back in a few intervals, and one that breathes keeps what its waves need.
//!
//! Nobody is woken for that: a call that is slow anyway looks at the clock now and then, and
//! [`maintain`](crate::BufferPool::maintain) does it when told.

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
    /// Nanoseconds from the epoch to the begin of the interval under way. Two threads that both see its end look
    /// through the blocks twice, the second in vain, as then no surplus is known.
    looked: Tally,
}

impl Decay {
    pub(crate) fn new(interval: Option<Duration>, epoch: Instant) -> Self {
        Self {
            interval: interval.map(|interval| interval.max(Duration::from_nanos(1))),
            epoch,
            looked: Tally::new(0),
        }
    }

    /// Whether there is ever anything to do.
    pub(crate) fn is_on(&self) -> bool {
        self.interval.is_some()
    }

    /// How many intervals have ended at `now` since this was asked with a number above 0 as the answer.
    pub(crate) fn intervals_ended(&self, now: Instant) -> u32 {
        let Some(interval) = self.interval else {
            return 0;
        };
        let elapsed = nanoseconds(now.saturating_duration_since(self.epoch));
        let unseen = elapsed.saturating_sub(self.looked.value());
        let ended = unseen / nanoseconds(interval);
        if ended > 0 {
            self.looked.set(elapsed);
        }
        u32::try_from(ended).unwrap_or(u32::MAX)
    }
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
        assert_eq!(decay.intervals_ended(after(9)), 0);
        assert_eq!(decay.intervals_ended(after(10)), 1);
        assert_eq!(decay.intervals_ended(after(10)), 0);
        assert_eq!(decay.intervals_ended(after(19)), 0);
        assert_eq!(decay.intervals_ended(after(45)), 3);
        assert_eq!(decay.intervals_ended(after(11)), 0, "clocks of two threads");
        assert_eq!(
            Decay::new(None, epoch).intervals_ended(after(1 << 20)),
            0,
            "off"
        );
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

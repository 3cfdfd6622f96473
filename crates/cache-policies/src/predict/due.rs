//! Keys that are due, as whoever warms a cache wants them: owned, and the soonest first.

use core::iter::FusedIterator;
use core::ops::RangeInclusive;

use alloc::vec::Vec;

use super::intervals::AccessIntervals;
use super::periods::Periods;

/// Keys that are due, in the order of their times; from [`Periods::due_by`].
///
/// ```
/// use cache_policies::{Periods, PeriodsConfig};
///
/// let mut periods = Periods::new(8, PeriodsConfig::default())?;
/// for beat in 0..6 {
///     periods.observe(1, 20 * beat, || "key");
/// }
/// let mut due = periods.due_by(125);
/// assert_eq!((due.next(), due.next()), (Some("key"), None));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct DueKeys<'a, K> {
    periods: &'a mut Periods<K>,
    horizon: u64,
}

impl<K: Clone> Iterator for DueKeys<'_, K> {
    type Item = K;

    fn next(&mut self) -> Option<K> {
        let due = self.periods.pop_due(self.horizon)?;
        Some(due.key.clone())
    }
}

impl<K: Clone> FusedIterator for DueKeys<'_, K> {}

impl<K: Clone> Periods<K> {
    /// Clones of the keys that are expected at or before `horizon`, the soonest first, each once a period, as
    /// [`pop_due`](Periods::pop_due) names them: those that are not taken from the iterator stay due. O(log n) a key.
    ///
    /// ```
    /// use cache_policies::{Periods, PeriodsConfig};
    ///
    /// let mut periods = Periods::new(1000, PeriodsConfig::default())?;
    /// for beat in 0..5 {
    ///     for key in [30_u64, 10, 20] {
    ///         periods.observe(key, 100 * beat + key, || key);
    ///     }
    /// }
    /// let due: Vec<u64> = periods.due_by(525).collect();
    /// assert_eq!(due, [10, 20]);
    /// # Ok::<(), cache_policies::ConfigError>(())
    /// ```
    pub fn due_by(&mut self, horizon: u64) -> DueKeys<'_, K> {
        DueKeys {
            periods: self,
            horizon,
        }
    }
}

impl AccessIntervals {
    /// Of some keys, each with its hash, those whose next access is expected within these ticks and with at least this
    /// [`confidence`](crate::AccessInterval::confidence), the soonest first. The range may begin before now, for keys that
    /// are late. O(n log n).
    ///
    /// The intervals know no keys, only hashes: the caller brings those that are candidates, say all that a snapshot of a
    /// cache has.
    ///
    /// ```
    /// use cache_policies::AccessIntervals;
    ///
    /// let mut intervals = AccessIntervals::new(1000);
    /// for round in 0..8 {
    ///     intervals.observe(1, 40 * round);
    ///     intervals.observe(2, 45 * round);
    ///     intervals.observe(3, 300 * round);
    /// }
    /// let keys = [(1, "b"), (2, "c"), (3, "later"), (4, "unknown")];
    /// assert_eq!(intervals.expected_within(keys, 300..=400, 0.5), ["b", "c"]);
    /// ```
    pub fn expected_within<K>(
        &self,
        keys: impl IntoIterator<Item = (u64, K)>,
        ticks: RangeInclusive<u64>,
        confidence: f64,
    ) -> Vec<K> {
        let due = keys.into_iter().filter_map(|(hash, key)| {
            let estimate = self.estimate(hash)?;
            let at = estimate.expected_next();
            let is_due = ticks.contains(&at) && estimate.confidence() >= confidence;
            is_due.then_some((at, key))
        });
        let mut due: Vec<(u64, K)> = due.collect();
        due.sort_by_key(|&(at, _)| at);
        due.into_iter().map(|(_, key)| key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::PeriodsConfig;
    use super::{AccessIntervals, Periods};
    use alloc::vec::Vec;

    #[test]
    fn what_is_not_taken_stays_due() {
        let mut periods = Periods::new(64, PeriodsConfig::default()).unwrap();
        for beat in 0..5 {
            for key in 0..10_u64 {
                periods.observe(key << 40 | key, 1000 * beat + key, || key);
            }
        }
        let first: Vec<u64> = periods.due_by(5005).take(2).collect();
        assert_eq!(first, [0, 1]);
        assert!(periods.due_by(5005).eq(2..=5));
        assert!(periods.due_by(5005).next().is_none(), "once a period");
    }

    #[test]
    fn the_expected_are_sorted_and_neither_early_nor_late_nor_unsure() {
        let mut intervals = AccessIntervals::new(64);
        for round in 0..10 {
            for key in 1..=6_u64 {
                // The sixth comes at one time and at another.
                let jitter = if key == 6 { round * round % 7 * 20 } else { 0 };
                intervals.observe(key, round * 100 + 60 - 10 * key + jitter);
            }
        }
        let expected = |ticks, confidence| {
            intervals.expected_within((1..=7).map(|key| (key, key)), ticks, confidence)
        };
        assert_eq!(expected(1010..=1040, 0.5), [5, 4, 3, 2]);
        assert_eq!(expected(0..=u64::MAX, 0.5), [5, 4, 3, 2, 1]);
        assert!(expected(0..=u64::MAX, 0.0).contains(&6));
    }
}

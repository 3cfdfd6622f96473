//! Access intervals: how long it is from one access of a key to the next.

use super::ways::Ways;

/// What a memoryless (Poisson) stream has of mean deviation in terms of its mean: 2 / e.
const MEMORYLESS: f64 = 0.735_758_882_342_884_6;

/// Estimates, for a bounded number of keys, of the time between two accesses of a key.
///
/// The estimate is an exponentially weighted mean, which each interval moves by an eighth of its difference, and a mean
/// deviation, moved by a quarter: V. Jacobson, M. J. Karels, "Congestion avoidance and control", SIGCOMM 1988, where it
/// predicts round-trip times. It follows keys whose habits change and needs no history.
///
/// Keys are known by their hashes. The table is set-associative with 8 places a set: when a set is full, a key with too
/// few intervals to tell of, or one that is long overdue, leaves for a new one, the least recently accessed first; only
/// where there is no such key does one with an estimate leave. So a scan passes through without wiping out what was
/// learned.
///
/// Each call takes constant time. 28 bytes a key, allocated at once.
///
/// ```
/// use cache_policies::AccessIntervals;
///
/// let mut intervals = AccessIntervals::new(1000);
/// let hash = 0x9e37_79b9_7f4a_7c15;
/// for tick in [100, 160, 221, 280, 340] {
///     intervals.observe(hash, tick);
/// }
/// let next = intervals.expected_next(hash).unwrap();
/// assert!((395..=405).contains(&next));
/// assert!(intervals.estimate(hash).unwrap().confidence() > 0.6);
/// assert_eq!(intervals.expected_next(1), None);
/// ```
#[derive(Clone, Debug)]
pub struct AccessIntervals {
    table: Ways<AccessInterval>,
    burst: u64,
}

/// What [`AccessIntervals`] knows of one key.
///
/// ```
/// use cache_policies::AccessIntervals;
///
/// let mut intervals = AccessIntervals::new(8);
/// assert_eq!(intervals.observe(7, 1_000), None);
/// assert_eq!(intervals.observe(7, 1_050), Some(50));
/// let estimate = intervals.estimate(7).unwrap();
/// assert_eq!((estimate.last(), estimate.mean(), estimate.count()), (1_050, 50.0, 1));
/// assert_eq!(estimate.expected_next(), 1_100);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AccessInterval {
    last: u64,
    mean: f32,
    deviation: f32,
    count: u32,
}

const _: () = assert!(size_of::<AccessInterval>() == 24);

impl AccessInterval {
    /// The tick of the last access that counted.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The mean interval, in ticks.
    #[must_use]
    pub fn mean(&self) -> f64 {
        f64::from(self.mean)
    }

    /// The mean of how far an interval was from the mean at its time, in ticks. Half of the mean after the first interval.
    #[must_use]
    pub fn deviation(&self) -> f64 {
        f64::from(self.deviation)
    }

    /// Intervals seen.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The tick at which the next access is expected: the mean interval after the last one. It may have passed.
    #[must_use]
    pub fn expected_next(&self) -> u64 {
        self.after(self.mean())
    }

    /// The tick from which the key is overdue: the mean and four mean deviations after the last access, which Jacobson and
    /// Karels wait before they take a packet for lost.
    #[must_use]
    pub fn overdue_from(&self) -> u64 {
        self.after(self.mean() + 4.0 * self.deviation())
    }

    /// How much [`expected_next`](AccessInterval::expected_next) is worth, from 0 to 1.
    ///
    /// It is 1 for a key that comes like a clock, and 0 for one whose intervals vary as those of a memoryless stream or
    /// more, of which the last access tells nothing about the next; and it is halved for want of evidence after the first
    /// interval, by a quarter after the second, and so on.
    #[must_use]
    pub fn confidence(&self) -> f64 {
        let regular = 1.0 - self.deviation() / (MEMORYLESS * self.mean());
        let evidence = 1.0 - 1.0 / (1u64 << self.count.min(63)) as f64;
        regular.clamp(0.0, 1.0) * evidence
    }

    fn after(&self, ticks: f64) -> u64 {
        // A cast from float saturates.
        self.last.saturating_add((ticks + 0.5) as u64)
    }

    fn add(&mut self, interval: u64) {
        let sample = interval as f64;
        if self.count == 0 {
            self.mean = sample as f32;
            self.deviation = (sample / 2.0) as f32;
        } else {
            let error = sample - self.mean();
            self.mean = (self.mean() + error / 8.0) as f32;
            self.deviation = (self.deviation() + (error.abs() - self.deviation()) / 4.0) as f32;
        }
        self.count = self.count.saturating_add(1);
    }

    /// Whether the key is worth its place more than a new one is.
    fn is_proven(&self, now: u64) -> bool {
        self.count >= 2 && now <= self.after(4.0 * self.mean() + 8.0 * self.deviation())
    }
}

impl AccessIntervals {
    /// Estimates for up to `keys` keys, rounded up to a multiple of 8; with 0, for none. Allocates 28 bytes for each.
    ///
    /// # Panics
    /// If `keys` is more than 2^32 - 8.
    #[must_use]
    pub fn new(keys: usize) -> Self {
        Self {
            table: Ways::new(keys),
            burst: 0,
        }
    }

    /// Takes accesses that follow one that counted within `ticks` for a part of it: a page that is read ten times at once,
    /// every hour, is read every hour. (What LRU-K calls correlated references: E. J. O'Neil, P. E. O'Neil, G. Weikum,
    /// SIGMOD 1993.) The default is 0: accesses in one tick are one.
    #[must_use]
    pub fn with_burst(mut self, ticks: u64) -> Self {
        self.burst = ticks;
        self
    }

    /// Tells of an access of the key with this hash; the interval that it ended, `None` if the key was not known or the
    /// access is a part of the one before. A clock that goes back makes it such a part.
    pub fn observe(&mut self, hash: u64, now: u64) -> Option<u64> {
        if let Some(place) = self.table.find(hash) {
            let entry = self.table.at_mut(place);
            let interval = now.saturating_sub(entry.last);
            if interval <= self.burst {
                return None;
            }
            entry.add(interval);
            entry.last = now;
            return Some(interval);
        }
        let worth = |entry: &AccessInterval| (entry.is_proven(now), entry.last);
        if let Some((place, _)) = self.table.claim(hash, worth) {
            *self.table.at_mut(place) = AccessInterval {
                last: now,
                ..AccessInterval::default()
            };
        }
        None
    }

    /// What is known of the key with this hash; `None` before its second access.
    #[must_use]
    pub fn estimate(&self, hash: u64) -> Option<AccessInterval> {
        let place = self.table.find(hash)?;
        Some(*self.table.at(place)).filter(|entry| entry.count > 0)
    }

    /// The tick at which the key with this hash is expected next, which may have passed; `None` before its second access.
    #[must_use]
    pub fn expected_next(&self, hash: u64) -> Option<u64> {
        self.estimate(hash).map(|entry| entry.expected_next())
    }

    /// Forgets the key with this hash; whether it was known.
    pub fn forget(&mut self, hash: u64) -> bool {
        let place = self.table.find(hash);
        if let Some(place) = place {
            self.table.vacate(place);
        }
        place.is_some()
    }

    /// Forgets every key. O(keys).
    pub fn clear(&mut self) {
        self.table.clear();
    }

    /// Keys that are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether no key is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keys that may be known at once.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.table.places()
    }
}

#[cfg(test)]
mod tests {
    use super::AccessIntervals;

    /// Uniform in 0..1 from a fixed seed.
    fn uniform(state: &mut u64) -> f64 {
        *state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (*state >> 11) as f64 / (1u64 << 53) as f64
    }

    #[test]
    fn a_clock_is_expected_to_the_tick_and_with_confidence() {
        let mut intervals = AccessIntervals::new(8);
        for beat in 0..50 {
            intervals.observe(1, 5 + beat * 1000);
        }
        let estimate = intervals.estimate(1).unwrap();
        assert_eq!(estimate.expected_next(), 5 + 50 * 1000);
        assert_eq!(estimate.count(), 49);
        assert!(estimate.confidence() > 0.99, "{estimate:?}");
        assert!(estimate.overdue_from() <= estimate.expected_next() + 10);
    }

    #[test]
    fn a_memoryless_stream_has_its_mean_and_no_confidence() {
        let (mut intervals, mut state) = (AccessIntervals::new(8), 7);
        let (mut now, mut mean, mut confidence) = (0u64, 0.0, 0.0);
        const ROUNDS: u32 = 20_000;
        for _ in 0..ROUNDS {
            // Geometric with mean 100: the discrete exponential.
            while uniform(&mut state) > 0.01 {
                now += 1;
            }
            now += 1;
            intervals.observe(1, now);
            if let Some(estimate) = intervals.estimate(1) {
                mean += estimate.mean();
                confidence += estimate.confidence();
            }
        }
        let (mean, confidence) = (mean / f64::from(ROUNDS), confidence / f64::from(ROUNDS));
        assert!((95.0..105.0).contains(&mean), "mean {mean}");
        assert!(confidence < 0.25, "mean confidence {confidence}");
    }

    #[test]
    fn estimates_follow_a_key_whose_habit_changes() {
        let mut intervals = AccessIntervals::new(8);
        let mut now = 0;
        for interval in [10, 300] {
            for _ in 0..40 {
                now += interval;
                intervals.observe(1, now);
            }
            let mean = intervals.estimate(1).unwrap().mean();
            assert!(
                (mean - interval as f64).abs() < 0.05 * interval as f64,
                "{mean}"
            );
        }
    }

    #[test]
    fn bursts_count_once_and_a_clock_may_stand_or_go_back() {
        let mut intervals = AccessIntervals::new(8).with_burst(5);
        for hour in 0..10u64 {
            for access in 0..5 {
                intervals.observe(1, hour * 3600 + access);
            }
        }
        assert_eq!(intervals.expected_next(1), Some(36_000));
        assert_eq!(intervals.observe(1, 10), None);
        assert_eq!(intervals.expected_next(1), Some(36_000));
    }

    #[test]
    fn a_scan_does_not_wipe_out_what_was_learned() {
        let mut intervals = AccessIntervals::new(1024);
        let known = 0..200u64;
        let hash = |key: u64| key.wrapping_mul(0xd6e8_feb8_6659_fd93);
        for round in 0..10 {
            for key in known.clone() {
                intervals.observe(hash(key), round * 1000 + key);
            }
        }
        for key in 1_000..101_000 {
            intervals.observe(hash(key), 10_000 + key / 100);
        }
        let kept = known
            .clone()
            .filter(|&key| intervals.expected_next(hash(key)) == Some(10_000 + key))
            .count();
        assert_eq!(kept, 200);
        assert!(intervals.len() <= intervals.capacity());
        // Long after, they have to make room like any.
        for key in 200_000..300_000 {
            intervals.observe(hash(key), 1_000_000 + key);
        }
        assert!(
            known
                .clone()
                .all(|key| intervals.estimate(hash(key)).is_none())
        );
    }

    #[test]
    fn extremes_saturate() {
        let mut intervals = AccessIntervals::new(8);
        intervals.observe(1, 0);
        assert_eq!(intervals.observe(1, u64::MAX), Some(u64::MAX));
        let estimate = intervals.estimate(1).unwrap();
        assert_eq!(
            (estimate.expected_next(), estimate.overdue_from()),
            (u64::MAX, u64::MAX)
        );
        assert!(intervals.forget(1) && !intervals.forget(1));
        assert!(intervals.is_empty());

        let mut none = AccessIntervals::new(0);
        assert_eq!((none.observe(1, 1), none.observe(1, 2)), (None, None));
        assert_eq!((none.expected_next(1), none.capacity()), (None, 0));
    }
}

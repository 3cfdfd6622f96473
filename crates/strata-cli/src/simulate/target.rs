//! The smallest size at which a policy misses no more than wanted.

use cache_policies::AnyConfig;

use super::size::spaced;

/// A policy's search: sizes are tried between one that misses too much and one that does not, until they lie together.
///
/// A curve that falls has one such place. Where it goes up and down, as FIFO's may, the search ends at one of them: the size found
/// reaches the target, and the one below it that was tried does not.
#[derive(Clone, Debug)]
pub(super) struct Search {
    pub(super) config: AnyConfig,
    /// The largest size known to miss too much below `high`; one less than the smallest that may be tried at first.
    low: u64,
    /// The smallest size known to reach the target.
    high: Option<u64>,
    /// The size of all objects, the largest that is tried.
    pub(super) last: u64,
    /// Not even the last reaches it.
    is_unreachable: bool,
    /// The largest size that cannot be tried, 0 where all can: a sample tells nothing of small ones.
    floor: u64,
    /// The last is the answer, and only its row is wanted.
    is_known: bool,
}

/// The sizes tried in one reading of the trace: each narrows the range to its eighth.
const TRIALS: u16 = 7;

/// What a search ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// This size, and the next smaller one that was tried misses too much.
    Size(u64),
    /// This size or a smaller one, none of which can be tried.
    OrSmaller(u64),
    /// No size up to the footprint.
    Nowhere,
}

impl Search {
    /// A search among sizes from `lowest` to `footprint`.
    pub(super) fn new(config: AnyConfig, lowest: u64, footprint: u64) -> Self {
        Self {
            config,
            low: lowest - 1,
            high: None,
            last: footprint.max(lowest),
            is_unreachable: false,
            floor: lowest - 1,
            is_known: false,
        }
    }

    /// A search whose answer is known to be this size.
    pub(super) fn known(config: AnyConfig, size: u64) -> Self {
        Self {
            low: size - 1,
            is_known: true,
            ..Self::new(config, 1, size)
        }
    }

    /// Learns that this size cannot be tried. False where the search cannot do without it.
    #[must_use]
    pub(super) fn skip(&mut self, capacity: u64) -> bool {
        if self.high.is_some_and(|high| capacity < high) {
            self.low = self.low.max(capacity);
            self.floor = self.floor.max(capacity);
        }
        self.high.is_some()
    }

    /// Learns whether the policy reaches the target at this size; the sizes of one reading in ascending order.
    pub(super) fn learn(&mut self, capacity: u64, reaches: bool) {
        let is_other = self.is_known && capacity != self.last;
        if is_other || capacity <= self.low || self.high.is_some_and(|high| capacity >= high) {
            return;
        }
        match (reaches, self.high) {
            (true, _) => self.high = Some(capacity),
            (false, None) if capacity == self.last => self.is_unreachable = true,
            // Past the last it says nothing of what is below.
            (false, None) if capacity > self.last => {}
            (false, _) => self.low = capacity,
        }
    }

    /// The sizes to try next, ascending; none when the search is over.
    pub(super) fn trials(&self) -> Vec<u64> {
        if self.found().is_some() {
            return Vec::new();
        }
        let Some(high) = self.high else {
            return vec![self.last];
        };
        let mut sizes = spaced(self.low.max(1), high, TRIALS + 2);
        sizes.retain(|size| *size > self.low && *size < high);
        sizes
    }

    /// How it ended, if it has: sizes less than 1% apart count as one.
    pub(super) fn found(&self) -> Option<Found> {
        if self.is_unreachable {
            return Some(Found::Nowhere);
        }
        let high = self.high?;
        if high - self.low > (high / 100).max(1) {
            return None;
        }
        let is_floor = self.floor > 0 && self.low == self.floor;
        Some(if is_floor {
            Found::OrSmaller(high)
        } else {
            Found::Size(high)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Found, Search};

    fn search(footprint: u64, reaches: impl Fn(u64) -> bool) -> (Found, usize) {
        let mut search = Search::new("lru".parse().unwrap(), 1, footprint);
        for round in 0.. {
            if let Some(found) = search.found() {
                assert!(search.trials().is_empty());
                return (found, round);
            }
            let trials = search.trials();
            assert!(!trials.is_empty() && trials.len() <= 8, "{trials:?}");
            for size in trials {
                search.learn(size, reaches(size));
            }
        }
        unreachable!("a search ends")
    }

    #[test]
    fn the_smallest_size_is_found_to_within_one_in_a_hundred() {
        for footprint in [1, 2, 3, 50, 1000, 762_543, 1 << 40] {
            for wanted in [1, 2, 3, 7, 100, 5000, 700_000, 1 << 39] {
                let (found, rounds) = search(footprint, |size| size >= wanted);
                assert!(rounds <= 15, "{footprint} {wanted} {rounds}");
                if wanted > footprint {
                    assert_eq!(found, Found::Nowhere);
                    continue;
                }
                let Found::Size(size) = found else {
                    panic!("{footprint} {wanted}")
                };
                assert!(size >= wanted && size - wanted < (size / 100).max(1));
            }
        }
    }

    #[test]
    fn where_nothing_smaller_can_be_tried_the_answer_says_so() {
        let lru = || "lru".parse().unwrap();
        let mut search = Search::new(lru(), 50, 1000);
        search.learn(50, true);
        assert_eq!(search.found(), Some(Found::OrSmaller(50)));
        let mut search = Search::new(lru(), 1, 1000);
        assert!(!search.skip(1000), "the last must be tried");
        search.learn(1000, true);
        for size in [10, 100] {
            assert!(search.skip(size) && search.found().is_none());
        }
        search.learn(101, true);
        assert_eq!(search.found(), Some(Found::OrSmaller(101)));
    }

    #[test]
    fn an_answer_that_is_known_takes_one_trial() {
        let mut search = Search::known("lru".parse().unwrap(), 40);
        search.learn(41, true);
        search.learn(39, false);
        assert_eq!(search.trials(), [40]);
        search.learn(40, true);
        assert_eq!(
            (search.found(), search.trials()),
            (Some(Found::Size(40)), vec![])
        );
    }

    #[test]
    fn a_curve_that_goes_up_and_down_ends_at_a_size_that_reaches() {
        let reaches = |size: u64| (30..40).contains(&size) || size >= 90;
        let (Found::Size(size), _) = search(1000, reaches) else {
            panic!("the footprint reaches")
        };
        assert!(reaches(size) && !reaches(size - 1));
    }
}

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
    /// The size of all objects, the last that is tried.
    footprint: u64,
    /// Not even the footprint reaches it.
    is_unreachable: bool,
}

/// The sizes tried in one reading of the trace: each narrows the range to its eighth.
const TRIALS: u16 = 7;

/// What a search ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// This size, and the next smaller one that was tried misses too much.
    Size(u64),
    /// No size up to the footprint.
    Nowhere,
}

impl Search {
    /// A search among sizes from `lowest` to `footprint`.
    pub(super) fn new(config: AnyConfig, lowest: u64, footprint: u64) -> Self {
        let footprint = footprint.max(lowest);
        Self {
            config,
            low: lowest - 1,
            high: None,
            footprint,
            is_unreachable: false,
        }
    }

    /// Learns whether the policy reaches the target at this size; the sizes of one reading in ascending order.
    pub(super) fn learn(&mut self, capacity: u64, reaches: bool) {
        if capacity <= self.low || self.high.is_some_and(|high| capacity >= high) {
            return;
        }
        match (reaches, self.high) {
            (true, _) => self.high = Some(capacity),
            (false, None) if capacity == self.footprint => self.is_unreachable = true,
            // Past the footprint it says nothing of what is below.
            (false, None) if capacity > self.footprint => {}
            (false, _) => self.low = capacity,
        }
    }

    /// The sizes to try next, ascending; none when the search is over.
    pub(super) fn trials(&self) -> Vec<u64> {
        if self.found().is_some() {
            return Vec::new();
        }
        let Some(high) = self.high else {
            return vec![self.footprint];
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
        (high - self.low <= (high / 100).max(1)).then_some(Found::Size(high))
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
    fn a_curve_that_goes_up_and_down_ends_at_a_size_that_reaches() {
        let reaches = |size: u64| (30..40).contains(&size) || size >= 90;
        let (Found::Size(size), _) = search(1000, reaches) else {
            panic!("the footprint reaches")
        };
        assert!(reaches(size) && !reaches(size - 1));
    }
}

//! `Retry`: how often, and after which pauses, a write is tried again.

use std::time::Duration;

/// How often, and after which pauses, a write that the store did not take is tried again.
///
/// Pauses double from the first to the longest. Each is drawn from the upper half of its length,
/// so that many who failed together do not come back together; the draws come from a seed.
///
/// ```
/// use cache_tiered::Retry;
/// use std::time::Duration;
///
/// let retry = Retry::times(4).pauses(Duration::from_millis(20), Duration::from_secs(2)).seed(1);
/// assert_eq!(retry.attempts(), 5);
/// assert_eq!(Retry::NEVER.attempts(), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a policy does nothing until it is given to the settings of writes"]
pub struct Retry {
    attempts: u32,
    first: u64,
    longest: u64,
    seed: Option<u64>,
}

impl Retry {
    /// One attempt, no second.
    pub const NEVER: Self = Self::times(0);

    /// Tries again up to `retries` times, after pauses of 10 ms to 10 s.
    pub const fn times(retries: u32) -> Self {
        Self {
            attempts: retries.saturating_add(1),
            first: 10,
            longest: 10_000,
            seed: None,
        }
    }

    /// The first pause and the longest one, in whole milliseconds, at least one.
    pub const fn pauses(mut self, first: Duration, longest: Duration) -> Self {
        self.first = at_least_one(first.as_millis());
        self.longest = at_least_one(longest.as_millis());
        if self.longest < self.first {
            self.longest = self.first;
        }
        self
    }

    /// Where the draws come from; by default a seed of the process.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Attempts in all, the first one included.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The pause in milliseconds after `failed` failures, of which there was at least one; `draw`
    /// tells pauses of one length apart.
    pub(crate) fn pause(&self, failed: u32, draw: u64) -> u64 {
        let doublings = failed.saturating_sub(1).min(63);
        let length = self
            .first
            .checked_shl(doublings)
            .filter(|length| length >> doublings == self.first)
            .map_or(self.longest, |length| length.min(self.longest));
        let seed = self.seed.unwrap_or_else(process_seed);
        let lower = length.div_ceil(2);
        lower + mix(seed ^ mix(draw)) % (length - lower + 1)
    }
}

const fn at_least_one(milliseconds: u128) -> u64 {
    if milliseconds == 0 {
        1
    } else if milliseconds > u64::MAX as u128 {
        u64::MAX
    } else {
        milliseconds as u64
    }
}

/// The finalizer of SplitMix64.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn process_seed() -> u64 {
    use std::hash::BuildHasher;
    static SEED: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    *SEED.get_or_init(|| foldhash::quality::RandomState::default().hash_one(0_u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_lie_in_their_upper_halves() {
        let retry = Retry::times(9)
            .pauses(Duration::from_millis(10), Duration::from_millis(75))
            .seed(7);
        for (failed, length) in [(1, 10), (2, 20), (3, 40), (4, 75), (5, 75), (90, 75)] {
            for draw in 0..100 {
                let pause = retry.pause(failed, draw);
                assert!(
                    (u64::div_ceil(length, 2)..=length).contains(&pause),
                    "{pause}"
                );
            }
        }
        let drawn: std::collections::BTreeSet<u64> =
            (0..100).map(|draw| retry.pause(3, draw)).collect();
        assert!(drawn.len() > 10, "they differ");
        assert_eq!(retry.pause(3, 5), retry.pause(3, 5), "by seed and draw");
    }

    #[test]
    fn pauses_without_bound_do_not_overflow() {
        let retry = Retry::times(1).pauses(Duration::MAX, Duration::MAX).seed(1);
        assert!(retry.pause(u32::MAX, 3) >= u64::MAX / 2);
    }
}

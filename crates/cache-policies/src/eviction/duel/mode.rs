//! The five ways in which the engine behaves.

use crate::any::Choice;

/// A way in which [`Duel`](crate::Duel) behaves: what its window has of the capacity, and what an entry has to show to
/// come into the main region.
///
/// ```
/// use cache_policies::{DuelConfig, DuelMode};
///
/// assert_eq!(DuelConfig::default().start(), DuelMode::Recency);
/// assert_eq!(DuelMode::ALL.map(|mode| mode.name()), ["f", "l", "i", "m", "h"]);
/// ```
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub enum DuelMode {
    /// `f`: a window of 1%, and the more frequent stays, as in W-TinyLFU.
    Frequency,
    /// `l`: the window is all there is: LRU.
    Lru,
    /// `i`: a window of 1%, and whoever came back sooner stays, as in LIRS.
    #[default]
    Recency,
    /// `m`: a window of 10%, and both tests.
    Mixed,
    /// `h`: a window of half the capacity, and both tests.
    Half,
}

impl DuelMode {
    /// All of them, in the order of the documentation.
    pub const ALL: [DuelMode; 5] = [
        DuelMode::Frequency,
        DuelMode::Lru,
        DuelMode::Recency,
        DuelMode::Mixed,
        DuelMode::Half,
    ];

    /// The bits of all indices.
    pub(super) const EVERY: u8 = (1 << DuelMode::ALL.len()) - 1;

    /// Their letters.
    pub(super) const NAMES: [&'static str; DuelMode::ALL.len()] = ["f", "l", "i", "m", "h"];

    /// The letter by which texts and plots name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        DuelMode::NAMES[self as usize]
    }

    /// What plots call the misses of its miniature.
    pub(super) fn miniature(self) -> &'static str {
        match self {
            DuelMode::Frequency => "misses of f",
            DuelMode::Lru => "misses of l",
            DuelMode::Recency => "misses of i",
            DuelMode::Mixed => "misses of m",
            DuelMode::Half => "misses of h",
        }
    }

    /// Its place in [`ALL`](DuelMode::ALL).
    #[inline]
    pub(super) fn index(self) -> usize {
        self as usize
    }

    /// The window's share of the capacity.
    fn window(self) -> f64 {
        match self {
            DuelMode::Frequency | DuelMode::Recency => 0.01,
            DuelMode::Lru => 1.0,
            DuelMode::Mixed => 0.1,
            DuelMode::Half => 0.5,
        }
    }

    /// The weight of the window: at least 1, where there is any.
    pub(super) fn window_capacity(self, capacity: u64) -> u64 {
        if self == DuelMode::Lru {
            return capacity;
        }
        let window = libm::round(capacity as f64 * self.window()) as u64;
        window.max(1).min(capacity)
    }

    /// The weight that the protected segment may have of the main region.
    pub(super) fn protected_capacity(self, main: u64) -> u64 {
        match self {
            DuelMode::Recency => main,
            _ => main - main.div_ceil(5),
        }
    }

    /// Whether an entry comes into the main region by being more frequent than who leaves it.
    #[inline]
    pub(super) fn tests_frequency(self) -> bool {
        !matches!(self, DuelMode::Lru | DuelMode::Recency)
    }

    /// Whether an entry comes into the main region by having come back sooner than who leaves it.
    #[inline]
    pub(super) fn tests_recency(self) -> bool {
        !matches!(self, DuelMode::Frequency | DuelMode::Lru)
    }

    /// By how much it has to be more frequent.
    #[inline]
    pub(super) fn margin(self) -> u8 {
        u8::from(matches!(self, DuelMode::Mixed | DuelMode::Half))
    }

    /// Whether its miniature remembers who left.
    pub(super) fn has_ghost(self) -> bool {
        self.tests_recency()
    }
}

impl Choice for DuelMode {
    const EXPECTED: &'static str = "f, l, i, m or h";

    fn name(&self) -> &'static str {
        DuelMode::name(*self)
    }

    fn named(name: &str) -> Option<Self> {
        DuelMode::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::DuelMode;

    #[test]
    fn shares_are_rounded_and_never_nothing() {
        let shares = |capacity: u64| {
            DuelMode::ALL.map(|mode| {
                let window = mode.window_capacity(capacity);
                (window, mode.protected_capacity(capacity - window))
            })
        };
        assert_eq!(
            shares(1_000),
            [(10, 792), (1_000, 0), (10, 990), (100, 720), (500, 400)]
        );
        assert_eq!(shares(3), [(1, 1), (3, 0), (1, 2), (1, 1), (2, 0)]);
        assert_eq!(shares(1), [(1, 0); 5]);
        assert_eq!(shares(0), [(0, 0); 5]);
    }

    #[test]
    fn the_order_is_that_of_the_indices() {
        for (index, mode) in DuelMode::ALL.into_iter().enumerate() {
            assert_eq!(mode.index(), index);
        }
    }
}

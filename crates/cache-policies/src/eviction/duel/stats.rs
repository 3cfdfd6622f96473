//! What `duel` does, and has done so far.

use super::mode::DuelMode;
use crate::policy::Insight;

/// What a [`Duel`](crate::Duel) does, and what its miniatures have seen so far.
///
/// ```
/// use cache_policies::{Duel, DuelConfig, DuelMode, Policy};
///
/// let stats = Duel::new(100, &DuelConfig::default())?.stats();
/// assert_eq!((stats.samples(), stats.misses(DuelMode::Lru)), (0, 0));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DuelStats {
    mode: DuelMode,
    changes: u64,
    samples: u64,
    /// By the index of the mode.
    misses: [u64; DuelMode::ALL.len()],
}

impl DuelStats {
    pub(super) fn new(mode: DuelMode) -> Self {
        DuelStats {
            mode,
            changes: 0,
            samples: 0,
            misses: [0; DuelMode::ALL.len()],
        }
    }

    #[inline]
    pub(super) fn count(&mut self, missed: u8) {
        self.samples += 1;
        for (index, misses) in self.misses.iter_mut().enumerate() {
            *misses += u64::from(missed >> index & 1);
        }
    }

    pub(super) fn change(&mut self, mode: DuelMode) {
        self.mode = mode;
        self.changes += 1;
    }

    /// The current mode.
    #[must_use]
    pub fn mode(&self) -> DuelMode {
        self.mode
    }

    /// How often the mode has changed.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The requests that the miniatures saw.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// How many of them the miniature of a mode has missed.
    #[must_use]
    pub fn misses(&self, mode: DuelMode) -> u64 {
        self.misses[mode.index()]
    }

    /// The share of them that the miniature of a mode has missed: about what a cache of the whole size would miss that were
    /// always in that mode. 0 before the first.
    #[must_use]
    pub fn miss_ratio(&self, mode: DuelMode) -> f64 {
        self.misses(mode) as f64 / self.samples.max(1) as f64
    }

    pub(super) fn explain(&self, tell: &mut dyn FnMut(Insight)) {
        tell(Insight::Choice {
            name: "mode",
            chosen: self.mode.index(),
            of: &DuelMode::NAMES,
        });
        for mode in DuelMode::ALL {
            tell(Insight::Ratio {
                name: mode.miniature(),
                part: self.misses(mode),
                whole: self.samples,
            });
        }
    }
}

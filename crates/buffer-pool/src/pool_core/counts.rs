//! What is counted where it is slow anyway, and the sums of statistics.

use super::Core;
use crate::stats::{ClassStats, PoolStats};
use crate::sync::Tally;

/// Counts of calls to the provider and of refusals. Hits are counted by the magazines that they come from.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) classes: Box<[ClassCounts]>,
    pub(super) oversize: Tally,
    pub(super) overflow: Tally,
    pub(super) refused: Tally,
    /// Lent blocks that are not of a class, and their bytes.
    unpooled: Tally,
    unpooled_bytes: Tally,
    pub(super) overflow_bytes: Tally,
}

#[derive(Debug, Default)]
pub(super) struct ClassCounts {
    /// Blocks that exist.
    pub(super) blocks: Tally,
    /// Requests served from the depot past a rack, less those that did not take what was obtained for them.
    pub(super) recycles: Tally,
    pub(super) misses: Tally,
    pub(super) discards: Tally,
    pub(super) reclaimed: Tally,
}

impl Counts {
    pub(super) fn new(classes: usize) -> Self {
        Self {
            classes: (0..classes).map(|_| ClassCounts::default()).collect(),
            ..Self::default()
        }
    }

    pub(super) fn unpooled_added(&self, capacity: usize) {
        self.unpooled.add(1);
        self.unpooled_bytes.add(capacity as u64);
    }

    pub(super) fn unpooled_removed(&self, capacity: usize) {
        self.unpooled.subtract(1);
        self.unpooled_bytes.subtract(capacity as u64);
    }
}

impl Core {
    pub(crate) fn stats(&self) -> PoolStats {
        let count = self.classes.sizes().len();
        let (mut idle, mut recycles) = (vec![0; count], vec![0; count]);
        {
            let register = self.register.lock();
            recycles.copy_from_slice(&register.recycles);
            for rack in &register.racks {
                // SAFETY: on the register, whose lock is held.
                unsafe { rack.rack() }.count(&mut idle, &mut recycles);
            }
        }
        self.depot.count(&mut idle);
        let sizes = self.classes.sizes().iter();
        let sums = idle.iter().zip(&recycles);
        let classes = sizes.zip(&self.counts.classes).zip(sums).map(
            |((&size, counts), (&idle, &recycles))| ClassStats {
                size,
                live: counts.blocks.value().saturating_sub(idle),
                idle,
                // Of the second part more may have been taken back than was added, of what the first one has, and what
                // that has may be read before it is: a negative number is none.
                recycles: (recycles.wrapping_add(counts.recycles.value()) as i64).max(0) as u64,
                misses: counts.misses.value(),
                discards: counts.discards.value(),
                reclaimed: counts.reclaimed.value(),
            },
        );
        PoolStats {
            classes: classes.collect(),
            oversize: self.counts.oversize.value(),
            overflow: self.counts.overflow.value(),
            refused: self.counts.refused.value(),
            unpooled: self.counts.unpooled.value(),
            unpooled_bytes: self.counts.unpooled_bytes.value(),
            overflow_bytes: self.counts.overflow_bytes.value(),
            charged_bytes: self.budget.held() as u64,
            peak_bytes: self.budget.peak(),
        }
    }
}

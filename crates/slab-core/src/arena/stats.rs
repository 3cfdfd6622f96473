//! `ArenaStats`: how an arena's memory is used.

use super::Arena;
use crate::provider::Provider;

/// How an arena's memory is used, as counted when it was asked.
///
/// ```
/// let mut arena = slab_core::Arena::with_slots_per_slab(8);
/// arena.extend([1, 2]);
/// let stats = arena.stats();
/// assert_eq!((stats.live, stats.free, stats.slots, stats.slabs), (2, 6, 8, 1));
/// assert_eq!(stats.utilisation(), 0.25);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArenaStats {
    /// Values in the arena.
    pub live: usize,
    /// Slots that can take a value now.
    pub free: usize,
    /// Slots kept for values that are detached.
    pub detached: usize,
    /// Slots whose generations are used up.
    pub retired: usize,
    /// Slots in all: live, free, detached and retired.
    pub slots: usize,
    /// Slots in each slab.
    pub slots_per_slab: usize,
    /// Slabs that hold memory.
    pub slabs: usize,
    /// Bytes held from the provider, the directory included.
    pub bytes: usize,
}

impl ArenaStats {
    /// The share of slots that are live, from 0 to 1; 1 without a slot.
    pub fn utilisation(&self) -> f64 {
        if self.slots == 0 {
            return 1.0;
        }
        self.live as f64 / self.slots as f64
    }
}

impl<T, P: Provider> Arena<T, P> {
    /// How the arena's memory is used. O(1).
    pub fn stats(&self) -> ArenaStats {
        ArenaStats {
            live: self.len(),
            free: self.free_slots(),
            detached: self.table.detached_slots() as usize,
            retired: self.table.retired_slots() as usize,
            slots: self.table.slots(),
            slots_per_slab: self.table.slots_per_slab() as usize,
            slabs: self.table.slabs() as usize,
            bytes: self.table.bytes(),
        }
    }
}

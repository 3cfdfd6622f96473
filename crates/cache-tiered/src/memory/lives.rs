//! Lives: until when readers may see an entry, beside its slot.
//!
//! The policy's owner keeps deadlines too, on its wheel, and lets entries leave; but that is under the lock, and a
//! reader has to know by itself whether the time of what it found is over.

use super::read::Column;

/// A tick that never comes.
pub(super) const NEVER: u64 = u64::MAX;

/// The ends of the lives in one shard. Without memory until a life has an end.
#[derive(Debug)]
pub(super) struct Lives {
    /// By slot: the first tick at which the entry is over however much it is used. Set before the entry is shown.
    limits: Column,
    /// By slot: when the entry was last used. Only where there is a time to idle; set before the entry is shown, and
    /// raised by readers.
    used: Column,
    /// Ticks that an entry lives after its last use.
    time_to_idle: u64,
}

impl Lives {
    pub(super) const fn new(time_to_idle: u64) -> Self {
        Self {
            limits: Column::new(NEVER),
            used: Column::new(0),
            time_to_idle,
        }
    }

    /// The entry that is about to be shown in `slot` lives up to `limit`, and is used now.
    pub(super) fn begin(&self, slot: u32, limit: u64, now: u64) {
        self.limits.set(slot, limit);
        if self.time_to_idle != NEVER {
            self.used.set(slot, now);
        }
    }

    /// Whether the entry that was found in `slot` is over at `now`. For whoever is pinned.
    #[inline]
    pub(super) fn is_over(&self, slot: u32, now: u64) -> bool {
        let limit = self.limits.get(slot);
        if limit <= now && limit != NEVER {
            return true;
        }
        self.time_to_idle != NEVER && {
            let end = self.used.get(slot).saturating_add(self.time_to_idle);
            end <= now && end != NEVER
        }
    }

    /// Ticks up to the limit of an entry that is alive; `NEVER` without one.
    pub(super) fn left(&self, slot: u32, now: u64) -> u64 {
        match self.limits.get(slot) {
            NEVER => NEVER,
            limit => limit - now,
        }
    }

    /// The entry in `slot` is used.
    #[inline]
    pub(super) fn touch(&self, slot: u32, now: u64) {
        if self.time_to_idle != NEVER {
            self.used.raise(slot, now);
        }
    }

    /// When it was last used: not before it was inserted. Where there is a time to idle.
    pub(super) fn used_at(&self, slot: u32) -> u64 {
        self.used.get(slot)
    }
}

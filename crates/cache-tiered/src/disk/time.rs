//! Time as it is written: by the clock of the cache while that lives, by the system's across its lives.

use crate::memory::Clock;
use std::sync::Arc;

/// The time of the system, carried on by the clock of the cache.
pub(super) struct Time {
    clock: Arc<dyn Clock>,
    /// What the system said, in milliseconds since 1970, and the clock just then.
    began: (u64, u64),
}

impl Time {
    pub(super) fn new(clock: Arc<dyn Clock>, wall: u64) -> Self {
        let now = clock.now();
        Self {
            clock,
            began: (wall, now),
        }
    }

    /// Milliseconds by the clock of the cache.
    pub(super) fn now(&self) -> u64 {
        self.clock.now()
    }

    /// Milliseconds since 1970.
    pub(super) fn wall(&self) -> u64 {
        let (wall, then) = self.began;
        wall.saturating_add(self.now().saturating_sub(then))
    }
}

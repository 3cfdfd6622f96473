//! Limits of a cache, and how they are changed with bounded work a call.

use super::{Cache, LimitError};
use crate::{Listener, Policy};

/// Entries that a call evicts at most for a limit that was lowered.
pub(crate) const STEP: usize = 64;

impl<K, V, P: Policy, W, L, S> Cache<K, V, P, W, L, S> {
    /// The weight that all entries may have together, as it was set last. While a lowered limit is being reached,
    /// [`weight`](Cache::weight) is more, by [`surplus_weight`](Cache::surplus_weight).
    #[must_use]
    pub const fn capacity(&self) -> u64 {
        self.store.residency.capacity()
    }

    /// The number of entries that there may be, as it was set last. While a lowered limit is being reached,
    /// [`len`](Cache::len) is more, by [`surplus_entries`](Cache::surplus_entries).
    #[must_use]
    pub const fn max_entries(&self) -> usize {
        self.store.residency.max_entries()
    }

    /// The weight by which the entries exceed a [`capacity`](Cache::capacity) that was lowered: what still has to leave.
    #[must_use]
    pub fn surplus_weight(&self) -> u64 {
        self.store.residency.surplus_weight()
    }

    /// The number by which the entries exceed a [`max_entries`](Cache::max_entries) that was lowered: what still has to leave.
    #[must_use]
    pub fn surplus_entries(&self) -> usize {
        self.store.residency.surplus_entries()
    }
}

impl<K, V, P: Policy, W, L: Listener<K, V>, S> Cache<K, V, P, W, L, S> {
    /// Changes the weight that all entries may have together, with bounded work.
    ///
    /// A larger capacity holds at once. So does a smaller one for what is inserted: nothing heavier is taken, and an insert
    /// makes the cache no heavier than it was. Of the entries that are too many, at most 64 are evicted now, at most 64 by
    /// each [`advance_to`](Cache::advance_to), at most 8 by each insert beside the victims that it needs, and as many as an
    /// owner likes by [`shed`](Cache::shed); [`surplus_weight`](Cache::surplus_weight) says what is left.
    /// [`capacity`](Cache::capacity) is the new one from now on.
    ///
    /// ```
    /// use cache_policies::Cache;
    /// let mut cache = Cache::<u64, u64>::new(1000);
    /// for key in 0..1000 {
    ///     cache.insert(key, key).unwrap();
    /// }
    /// cache.set_capacity(100)?;
    /// assert_eq!((cache.capacity(), cache.len(), cache.surplus_weight()), (100, 936, 836));
    /// cache.insert(1000, 0).unwrap();
    /// assert_eq!(cache.len(), 928);
    /// while cache.shed(64) > 0 {}
    /// assert_eq!((cache.len(), cache.surplus_weight()), (100, 0));
    /// # Ok::<(), cache_policies::LimitError>(())
    /// ```
    ///
    /// # Errors
    /// [`LimitError`] if the pinned entries weigh more than `capacity`; nothing has changed then.
    pub fn set_capacity(&mut self, capacity: u64) -> Result<(), LimitError> {
        self.store.residency.set_capacity(capacity)?;
        self.shed(STEP);
        Ok(())
    }

    /// Changes the number of entries that there may be, as [`set_capacity`](Cache::set_capacity) changes their weight.
    /// [`surplus_entries`](Cache::surplus_entries) says what is left.
    ///
    /// # Errors
    /// [`LimitError`] if more entries than `max_entries` are pinned; nothing has changed then.
    pub fn set_max_entries(&mut self, max_entries: usize) -> Result<(), LimitError> {
        self.store.residency.set_max_entries(max_entries)?;
        self.shed(STEP);
        Ok(())
    }

    /// Evicts up to `entries` of those that a lowered limit has made too many, through the listener; how many that were. 0
    /// once the limits are what they were set to, or if all that is left has been pinned since.
    pub fn shed(&mut self, entries: usize) -> usize {
        for evicted in 0..entries {
            match self.store.residency.shed() {
                Some(victim) => self.leave(victim),
                None => return evicted,
            }
        }
        entries
    }
}

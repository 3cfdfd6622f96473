//! Limits of a cache, and how they are changed with bounded work a call.
//!
//! An insert is held to the limits as they were set. What is there already may be more for a while after one was lowered;
//! it only becomes less then.

use super::insert::Room;
use super::{Cache, LimitError};
use crate::{Listener, Policy};

/// Entries that a call evicts at most for a limit that was lowered.
pub(crate) const STEP: usize = 64;
/// Entries that an insert evicts at most for such a limit, beside those that it needs to take the place of.
const STEP_INSERT: usize = 8;
/// The policy is told of a falling limit whenever this share of its capacity has gone, and at the end: some policies do
/// work in proportion to their capacity when it changes.
const NOTICE: u64 = 8;

impl<K, V, P: Policy, W, L, S> Cache<K, V, P, W, L, S> {
    /// The weight that all entries may have together, as it was set last. While a lowered limit is being reached,
    /// [`weight`](Cache::weight) is more, by [`surplus_weight`](Cache::surplus_weight).
    #[must_use]
    pub const fn capacity(&self) -> u64 {
        self.capacity
    }

    /// The number of entries that there may be, as it was set last. While a lowered limit is being reached,
    /// [`len`](Cache::len) is more, by [`surplus_entries`](Cache::surplus_entries).
    #[must_use]
    pub const fn max_entries(&self) -> usize {
        self.max_entries
    }

    /// The weight by which the entries exceed a [`capacity`](Cache::capacity) that was lowered: what still has to leave.
    #[must_use]
    pub fn surplus_weight(&self) -> u64 {
        self.weight().saturating_sub(self.capacity)
    }

    /// The number by which the entries exceed a [`max_entries`](Cache::max_entries) that was lowered: what still has to leave.
    #[must_use]
    pub fn surplus_entries(&self) -> usize {
        self.len().saturating_sub(self.max_entries)
    }

    pub(super) fn check_limits(&self) {
        let told = self.store.policy().capacity();
        if self.shedding {
            let held = self.capacity.max(self.weight());
            assert!(told >= held, "the policy is told last");
            return;
        }
        assert_eq!(told, self.capacity, "the policy has the capacity");
        assert!(
            self.weight() <= self.capacity,
            "the weight is within its limit"
        );
        assert!(
            self.len() <= self.max_entries,
            "the number of entries is within its limit"
        );
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
        let pinned = self.pinned_weight();
        if pinned > capacity {
            return Err(LimitError { pinned });
        }
        self.capacity = capacity;
        self.shedding = true;
        if self.store.policy().capacity() < capacity {
            self.store.policy_mut().set_capacity(capacity);
        }
        self.shed(STEP);
        Ok(())
    }

    /// Changes the number of entries that there may be, as [`set_capacity`](Cache::set_capacity) changes their weight.
    /// [`surplus_entries`](Cache::surplus_entries) says what is left.
    ///
    /// # Errors
    /// [`LimitError`] if more entries than `max_entries` are pinned; nothing has changed then.
    pub fn set_max_entries(&mut self, max_entries: usize) -> Result<(), LimitError> {
        let pinned = self.pinned_len();
        if pinned > max_entries {
            return Err(LimitError {
                pinned: pinned as u64,
            });
        }
        self.max_entries = max_entries;
        self.shedding = true;
        self.shed(STEP);
        Ok(())
    }

    /// Evicts up to `entries` of those that a lowered limit has made too many, through the listener; how many that were. 0
    /// once the limits are what they were set to, or if all that is left has been pinned since.
    pub fn shed(&mut self, entries: usize) -> usize {
        if !self.shedding {
            return 0;
        }
        let mut evicted = 0;
        while evicted < entries && !self.is_within_limits() && self.evict_for_room() {
            evicted += 1;
        }
        self.notify(self.weight(), self.is_within_limits());
        evicted
    }

    fn is_within_limits(&self) -> bool {
        self.weight() <= self.capacity && self.len() <= self.max_entries
    }

    /// Tells the policy of a limit that has fallen to `weight`, or all the way.
    fn notify(&mut self, weight: u64, reached: bool) {
        let told = self.store.policy().capacity();
        let capacity = self.capacity.max(weight);
        if reached || told - capacity >= told / NOTICE {
            self.store.policy_mut().set_capacity(capacity);
        }
        self.shedding = !reached;
    }

    /// Evicts until an entry of `weight` makes the cache no larger than it was, or than it may be, and a few more.
    #[cold]
    pub(super) fn make_room_shedding(
        &mut self,
        weight: u32,
        own: Option<(u32, u32)>,
    ) -> Room<K, V> {
        let (own_len, own_weight) = own.map_or((0, 0), |(_, weight)| (1, u64::from(weight)));
        let (weight_max, len_max) = (
            self.capacity.max(self.weight()),
            self.max_entries.max(self.len()),
        );
        let mut left = STEP_INSERT;
        loop {
            let all = (self.weight() - own_weight).saturating_add(u64::from(weight));
            let len = self.len() - own_len + 1;
            let reached = all <= self.capacity && len <= self.max_entries;
            let fits = all <= weight_max && len <= len_max;
            if reached || fits && left == 0 {
                // What is to be replaced is still there, and may be what is too heavy.
                let before = self.weight();
                self.notify(all.max(before), reached && before <= self.capacity);
                return Room::Made;
            }
            match self.store.evict() {
                None if fits => return Room::Made,
                None => return Room::None,
                Some(victim) if own.is_some_and(|(slot, _)| slot == victim.slot) => {
                    return Room::Own(victim);
                }
                Some(victim) => self.depart(victim),
            }
            left -= usize::from(fits);
        }
    }
}

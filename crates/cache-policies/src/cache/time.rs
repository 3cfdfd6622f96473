//! Time: the injected clock of a cache and the lifetimes of its entries.

use core::hash::{BuildHasher, Hash};

use hashbrown::Equivalent;

use super::{Cache, limits};
use crate::{Listener, Policy, Slot, Victim, Weigh};

impl<K, V, P: Policy, W, L, S> Cache<K, V, P, W, L, S> {
    /// The tick that the cache was last told.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.store.residency.now()
    }

    /// A tick up to which [`advance_to`](Cache::advance_to) has nothing to collect, never later than the earliest deadline
    /// and perhaps earlier; `None` if no entry has a deadline. For an owner that sets a timer.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<u64> {
        self.store.residency.next_wakeup()
    }

    /// Ticks that an entry lives from its insert unless it is told otherwise; `None` is for ever.
    #[must_use]
    pub fn time_to_live(&self) -> Option<u64> {
        self.store.residency.time_to_live()
    }

    /// Changes the [`time_to_live`](super::CacheBuilder::time_to_live) of entries inserted from now on; `None` is for ever.
    /// Those that are there keep their deadlines.
    pub fn set_time_to_live(&mut self, ticks: Option<u64>) {
        self.store.residency.set_time_to_live(ticks);
    }

    pub(super) fn deadline_at(&self, slot: u32) -> Option<u64> {
        self.store.residency.deadline(Slot::new(slot))
    }

    /// Ticks that an entry lives from its last use; `None` is for ever.
    #[must_use]
    pub fn time_to_idle(&self) -> Option<u64> {
        self.store.residency.time_to_idle()
    }
}

impl<K, V, P: Policy, W, L: Listener<K, V>, S> Cache<K, V, P, W, L, S> {
    /// Changes the [`time_to_idle`](super::CacheBuilder::time_to_idle); `None` is for ever. The idle time of every entry
    /// starts anew now, within its time to live; with 0 ticks all expire at once, through the listener. O(slots).
    ///
    /// ```
    /// use cache_policies::Cache;
    /// let mut cache = Cache::<u64, u64>::new(10);
    /// cache.insert(1, 10).unwrap();
    /// cache.set_time_to_idle(Some(60));
    /// assert_eq!(cache.deadline(&1), Some(60));
    /// ```
    pub fn set_time_to_idle(&mut self, ticks: Option<u64>) {
        self.store.set_time_to_idle(ticks);
        if ticks == Some(0) {
            self.collect();
        }
    }

    /// Collects what is due; how many that were.
    fn collect(&mut self) -> usize {
        let mut expired = 0;
        while let Some(slot) = self.store.residency.pop_dead() {
            self.leave(Victim { slot, dead: true });
            expired += 1;
        }
        expired
    }
}

impl<K, V, P, W, L, S> Cache<K, V, P, W, L, S>
where
    K: Eq + Hash,
    P: Policy,
    W: Weigh<K, V>,
    L: Listener<K, V>,
    S: BuildHasher,
{
    /// The first tick at which `key` is gone; `None` if it is not there or has no deadline.
    pub fn deadline<Q>(&self, key: &Q) -> Option<u64>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let slot = self.peek_slot(self.hash_of(key), key)?;
        self.deadline_at(slot)
    }

    /// Starts a life of `ticks` from now for `key`, in place of what it had left; whether it was there. With 0 it expires at
    /// once, through the listener.
    pub fn set_ttl<Q>(&mut self, key: &Q, ticks: u64) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let Some(slot) = self.peek_slot(self.hash_of(key), key) else {
            return false;
        };
        if !self.store.residency.set_life(Slot::new(slot), ticks) {
            self.expire(slot);
        }
        true
    }

    /// Tells the cache the time and collects what is due through the listener; how many that were.
    ///
    /// A clock that goes back is ignored. The work is O(1) amortised for each entry that is due and does not depend on how
    /// far the clock jumps. If a listener panics, the rest of what is due is not returned by anything from then on, and
    /// collected by the next call.
    pub fn advance_to(&mut self, now: u64) -> usize {
        self.store.residency.advance_to(now);
        let expired = self.collect();
        self.shed(limits::STEP);
        expired
    }
}

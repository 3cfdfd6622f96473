//! The limits of what is resident, and how they are changed with bounded work a call.
//!
//! What comes is held to the limits as they were set. What is there already may be more for a while after one was lowered;
//! it only becomes less then.

use super::{Residency, Victim};
use crate::{LimitError, Policy, Slot};

/// The policy is told of a falling limit whenever this share of its capacity has gone, and at the end: some policies do
/// work in proportion to their capacity when it changes.
const NOTICE: u64 = 8;

impl<P: Policy> Residency<P> {
    /// With a limit of so many entries, whatever they weigh; there is none by default.
    #[must_use]
    pub fn with_max_entries(mut self, max_entries: usize) -> Self {
        assert!(
            self.is_empty(),
            "set the first limit before the first entry"
        );
        self.max_entries = max_entries;
        self
    }

    /// The weight that all entries may have together, as it was set last. While a lowered limit is being reached,
    /// [`weight`](Residency::weight) is more, by [`surplus_weight`](Residency::surplus_weight).
    #[inline]
    #[must_use]
    pub const fn capacity(&self) -> u64 {
        self.capacity
    }

    /// The number of entries that there may be, as it was set last. While a lowered limit is being reached,
    /// [`len`](Residency::len) is more, by [`surplus_entries`](Residency::surplus_entries).
    #[inline]
    #[must_use]
    pub const fn max_entries(&self) -> usize {
        self.max_entries
    }

    /// The weight by which the entries exceed a [`capacity`](Residency::capacity) that was lowered: what still has to leave.
    #[must_use]
    pub fn surplus_weight(&self) -> u64 {
        self.weight().saturating_sub(self.capacity)
    }

    /// The number by which the entries exceed a [`max_entries`](Residency::max_entries) that was lowered: what still has to
    /// leave.
    #[must_use]
    pub fn surplus_entries(&self) -> usize {
        self.len().saturating_sub(self.max_entries)
    }

    /// Changes the weight that all entries may have together. It holds for what comes from now on; what is there already
    /// and too much leaves by [`shed`](Residency::shed), and up to 8 with each [`make_room`](Residency::make_room).
    ///
    /// ```
    /// use cache_policies::{Hint, Lru, LruConfig, Policy, Residency, Slot};
    ///
    /// let mut residency = Residency::new(Lru::new(3, &LruConfig::default())?);
    /// for number in 0..3 {
    ///     let demand = residency.demand(1, u64::MAX, None)?;
    ///     residency.insert(Slot::new(number), u64::from(number), &demand, Hint::NONE);
    /// }
    /// residency.set_capacity(1)?;
    /// assert_eq!((residency.capacity(), residency.surplus_weight()), (1, 2));
    /// let mut left = Vec::new();
    /// while let Some(victim) = residency.shed() {
    ///     left.push(victim.slot.get());
    /// }
    /// assert_eq!(left, [0, 1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`LimitError`] if the pinned entries weigh more than `capacity`; nothing has changed then.
    pub fn set_capacity(&mut self, capacity: u64) -> Result<(), LimitError> {
        let pinned = self.pins.weight();
        if pinned > capacity {
            return Err(LimitError { pinned });
        }
        self.capacity = capacity;
        self.shedding = true;
        if self.policy.capacity() < capacity {
            self.policy.set_capacity(capacity);
        }
        self.settle_limits();
        Ok(())
    }

    /// Changes the number of entries that there may be, as [`set_capacity`](Residency::set_capacity) changes their weight.
    ///
    /// # Errors
    /// [`LimitError`] if more entries than `max_entries` are pinned; nothing has changed then.
    pub fn set_max_entries(&mut self, max_entries: usize) -> Result<(), LimitError> {
        let pinned = self.pins.len();
        if pinned > max_entries {
            return Err(LimitError {
                pinned: pinned as u64,
            });
        }
        self.max_entries = max_entries;
        self.shedding = true;
        self.settle_limits();
        Ok(())
    }

    /// Evicts one of those that a lowered limit has made too many. `None` once the limits are what they were set to, or if
    /// all that is left has been pinned since.
    pub fn shed(&mut self) -> Option<Victim> {
        self.shed_by(|policy| policy.evict())
    }

    /// [`shed`](Residency::shed) for an owner whose readers count hits: see [`Policy::evict_touched`].
    pub fn shed_touched(&mut self, touches: impl FnMut(Slot) -> u8) -> Option<Victim> {
        self.shed_by(|policy| policy.evict_touched(touches))
    }

    fn shed_by(&mut self, evict: impl FnOnce(&mut P) -> Option<Slot>) -> Option<Victim> {
        if !self.shedding {
            return None;
        }
        let victim = match self.is_within_limits() {
            true => None,
            false => self.evict_by(evict),
        };
        self.settle_limits();
        victim
    }

    fn is_within_limits(&self) -> bool {
        self.weight() <= self.capacity && self.len() <= self.max_entries
    }

    fn settle_limits(&mut self) {
        self.notify(self.weight(), self.is_within_limits());
    }

    /// Tells the policy of a limit that has fallen to `weight`, or all the way.
    pub(super) fn notify(&mut self, weight: u64, reached: bool) {
        let told = self.policy.capacity();
        let capacity = self.capacity.max(weight);
        if reached || told - capacity >= told / NOTICE {
            self.policy.set_capacity(capacity);
        }
        self.shedding = !reached;
    }

    pub(super) fn check_limits(&self) {
        let told = self.policy.capacity();
        if self.shedding {
            let held = self.capacity.max(self.weight());
            assert!(told >= held, "the policy is told last");
            return;
        }
        assert_eq!(told, self.capacity, "the policy has the capacity");
        assert!(
            self.is_within_limits(),
            "the weight and the number of entries are within their limits"
        );
    }
}

//! Time: the clock that the owner tells, and what is due.

use super::{Lifetimes, Residency};
use crate::timer_wheel::NEVER;
use crate::{Policy, Slot};

impl<P> Residency<P> {
    /// When each slot dies, all else being given up.
    pub(crate) fn into_lifetimes(self) -> Lifetimes {
        self.lifetimes
    }

    /// With a default of so many ticks that an entry lives from its insert. It is what
    /// [`time_to_live`](Residency::time_to_live) answers; an owner passes it to [`demand`](Residency::demand).
    #[must_use]
    pub fn with_time_to_live(mut self, ticks: u64) -> Self {
        self.lifetimes.set_time_to_live(ticks);
        self
    }

    /// With so many ticks that an entry lives from its last use, within its time to live; for ever by default. With 0 all
    /// are refused.
    ///
    /// # Panics
    /// If the policy names entries already; [`set_time_to_idle`](Residency::set_time_to_idle) changes it then.
    #[must_use]
    pub fn with_time_to_idle(mut self, ticks: u64) -> Self
    where
        P: Policy,
    {
        assert!(
            self.policy.is_empty(),
            "set the first idle time before the first entry"
        );
        self.lifetimes.set_time_to_idle(ticks);
        self
    }

    /// With a clock that starts at this tick, 0 by default.
    #[must_use]
    pub fn with_now(mut self, tick: u64) -> Self {
        self.lifetimes.advance_to(tick);
        self
    }

    /// The tick that was told last.
    #[inline]
    #[must_use]
    pub const fn now(&self) -> u64 {
        self.lifetimes.now()
    }

    /// Tells the tick. A clock that goes back is ignored. Nothing leaves by that: see [`pop_dead`](Residency::pop_dead).
    #[inline]
    pub fn advance_to(&mut self, now: u64) {
        self.lifetimes.advance_to(now);
    }

    /// Ticks that an entry lives from its insert unless its demand says otherwise; `None` is for ever.
    #[must_use]
    pub fn time_to_live(&self) -> Option<u64> {
        Some(self.lifetimes.time_to_live()).filter(|&ticks| ticks != NEVER)
    }

    /// [`time_to_live`](Residency::time_to_live), `u64::MAX` for ever.
    #[inline(always)]
    pub(crate) const fn default_ticks(&self) -> u64 {
        self.lifetimes.time_to_live()
    }

    /// Changes the [`time_to_live`](Residency::time_to_live) of what comes from now on; `None` is for ever.
    pub fn set_time_to_live(&mut self, ticks: Option<u64>) {
        self.lifetimes.set_time_to_live(ticks.unwrap_or(NEVER));
    }

    /// Ticks that an entry lives from its last use; `None` is for ever.
    #[must_use]
    pub fn time_to_idle(&self) -> Option<u64> {
        Some(self.lifetimes.time_to_idle()).filter(|&ticks| ticks != NEVER)
    }

    /// Changes the [`time_to_idle`](Residency::time_to_idle); `None` is for ever. The idle time of each of `residents`, which
    /// must be all the resident slots, starts anew now, within its time to live; with 0 ticks all of them are due. O(residents).
    pub fn set_time_to_idle(
        &mut self,
        ticks: Option<u64>,
        residents: impl IntoIterator<Item = Slot>,
    ) {
        let former = self.lifetimes.set_time_to_idle(ticks.unwrap_or(NEVER));
        for slot in residents {
            self.lifetimes.restart_idle(slot.get(), former);
        }
    }

    /// The first tick at which a slot is dead; `None` if it is never.
    #[inline]
    #[must_use]
    pub fn deadline(&self, slot: Slot) -> Option<u64> {
        Some(self.lifetimes.deadline(slot.get())).filter(|&deadline| deadline != NEVER)
    }

    /// Whether the slot's time is over.
    #[inline(always)]
    #[must_use]
    pub fn is_dead(&self, slot: Slot) -> bool {
        self.lifetimes.is_dead(slot.get())
    }

    /// Whether an entry with a life of `ticks` would be dead from the start.
    #[inline]
    #[must_use]
    pub const fn is_stillborn(&self, ticks: u64) -> bool {
        self.lifetimes.is_stillborn(ticks)
    }

    /// Whether no entry that is there has a deadline, nor one with a life of `ticks` would have.
    #[inline(always)]
    pub(super) fn is_timeless(&self, ticks: u64) -> bool {
        self.lifetimes.are_off(ticks)
    }

    /// Whether lifetimes and a limit that is being lowered are of no concern to a new entry of so many ticks.
    #[inline(always)]
    pub(crate) fn is_plain(&self, ticks: u64) -> bool {
        self.is_timeless(ticks) && !self.shedding
    }

    /// Starts a life of `ticks` for a resident slot, in place of what it had left; whether that is one. With 0 it is dead
    /// at once, and due.
    pub fn set_life(&mut self, slot: Slot, ticks: u64) -> bool {
        self.lifetimes.start(slot.get(), ticks);
        !self.lifetimes.is_dead(slot.get())
    }

    /// Puts the deadline of a resident slot off to where a use at tick `used_at` has put it, for owners whose readers note
    /// when they used an entry and tell nobody; whether the slot is alive.
    ///
    /// ```
    /// use cache_policies::{Fifo, FifoConfig, Hint, Policy, Residency, Slot};
    ///
    /// let mut residency = Residency::new(Fifo::new(1, &FifoConfig::default())?).with_time_to_idle(10);
    /// let demand = residency.demand(1, 100, None)?;
    /// residency.insert(Slot::new(0), 7, &demand, Hint::NONE);
    /// residency.advance_to(12);
    /// assert!(residency.is_dead(Slot::new(0)));
    /// assert!(residency.renew(Slot::new(0), 5));
    /// assert_eq!(residency.deadline(Slot::new(0)), Some(15));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn renew(&mut self, slot: Slot, used_at: u64) -> bool {
        self.lifetimes.renew(slot.get(), used_at);
        !self.lifetimes.is_dead(slot.get())
    }

    /// A tick up to which [`pop_dead`](Residency::pop_dead) has nothing to give, never later than the earliest deadline and
    /// perhaps earlier; `None` if no slot has a deadline.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<u64> {
        self.lifetimes.next_wakeup()
    }
}

impl<P: Policy> Residency<P> {
    /// Makes a slot vacant whose time is over, pinned or not; its owner drops the entry. `None` if there is none. O(1)
    /// amortised, however far the clock jumped.
    pub fn pop_dead(&mut self) -> Option<Slot> {
        let slot = Slot::new(self.lifetimes.pop_dead()?);
        self.remove(slot);
        Some(slot)
    }

    /// [`pop_dead`](Residency::pop_dead) for owners whose readers note when they used an entry and tell nobody: of a slot
    /// whose idle time seems to be over, it asks for the tick of the last use, and puts it off if it lives on.
    ///
    /// ```
    /// use cache_policies::{Fifo, FifoConfig, Hint, Policy, Residency, Slot};
    ///
    /// let mut residency = Residency::new(Fifo::new(2, &FifoConfig::default())?).with_time_to_idle(10);
    /// for number in [0, 1] {
    ///     let demand = residency.demand(1, u64::MAX, None)?;
    ///     residency.insert(Slot::new(number), u64::from(number), &demand, Hint::NONE);
    /// }
    /// let used_at = [5, 0];
    /// residency.advance_to(12);
    /// assert_eq!(residency.pop_idle(|slot| used_at[slot.index()]), Some(Slot::new(1)));
    /// assert_eq!(residency.pop_idle(|slot| used_at[slot.index()]), None);
    /// assert_eq!(residency.deadline(Slot::new(0)), Some(15));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pop_idle(&mut self, mut used_at: impl FnMut(Slot) -> u64) -> Option<Slot> {
        loop {
            let slot = Slot::new(self.lifetimes.pop_dead()?);
            let lives_on = self.lifetimes.time_to_idle() != NEVER
                && self.lifetimes.resume(slot.get(), used_at(slot));
            if !lives_on {
                self.remove(slot);
                return Some(slot);
            }
        }
    }
}

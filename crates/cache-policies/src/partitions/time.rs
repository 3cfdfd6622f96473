//! Time of all partitions together.

use super::Partitions;
use super::part::Part;
use crate::{Policy, Residency, Slot};

/// The clock and the lifetimes of a new partition.
#[derive(Copy, Clone, Debug)]
pub(super) struct Times {
    now: u64,
    time_to_idle: u64,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            now: 0,
            time_to_idle: u64::MAX,
        }
    }
}

impl Times {
    pub(super) fn apply<P: Policy>(self, residency: Residency<P>) -> Residency<P> {
        let residency = residency.with_now(self.now);
        residency.with_time_to_idle(self.time_to_idle)
    }
}

impl<P: Policy> Partitions<P> {
    /// With so many ticks that an entry lives from its last use, within the life that it is inserted with; for ever by default.
    ///
    /// # Panics
    /// If there are partitions already.
    #[must_use]
    pub fn with_time_to_idle(mut self, ticks: u64) -> Self {
        assert!(
            self.parts.is_empty(),
            "set the idle time before the first partition"
        );
        self.times.time_to_idle = ticks;
        self
    }

    /// With a clock that starts at this tick, 0 by default.
    #[must_use]
    pub fn with_now(mut self, tick: u64) -> Self {
        self.advance_to(tick);
        self
    }

    /// The tick that was told last.
    #[inline]
    #[must_use]
    pub const fn now(&self) -> u64 {
        self.times.now
    }

    /// Tells the tick. A clock that goes back is ignored. Nothing leaves by that: see [`pop_dead`](Partitions::pop_dead).
    /// O(partitions), where the tick is a new one.
    pub fn advance_to(&mut self, now: u64) {
        if now > self.times.now {
            self.times.now = now;
            for part in &mut self.parts {
                part.residency.advance_to(now);
            }
        }
    }

    /// The first tick at which a slot is dead; `None` if it is never, or the slot is vacant.
    #[must_use]
    pub fn deadline(&self, slot: Slot) -> Option<u64> {
        let (part, own) = self.part(slot)?;
        part.residency.deadline(own)
    }

    /// Whether the slot's time is over; that of a vacant one is not.
    #[inline]
    #[must_use]
    pub fn is_dead(&self, slot: Slot) -> bool {
        self.part(slot)
            .is_some_and(|(part, own)| part.residency.is_dead(own))
    }

    /// Starts a life of `ticks` for a resident slot, as [`Residency::set_life`] does; whether that is one.
    ///
    /// # Panics
    /// If the slot is not resident.
    pub fn set_life(&mut self, slot: Slot, ticks: u64) -> bool {
        let (part, own) = self.part_mut(slot);
        part.residency.set_life(own, ticks)
    }

    /// Puts the deadline of a resident slot off to where a use at tick `used_at` has put it, as [`Residency::renew`] does;
    /// whether the slot is alive.
    ///
    /// # Panics
    /// If the slot is not resident.
    pub fn renew(&mut self, slot: Slot, used_at: u64) -> bool {
        let (part, own) = self.part_mut(slot);
        part.residency.renew(own, used_at)
    }

    /// A tick up to which [`pop_dead`](Partitions::pop_dead) has nothing to give; `None` if no slot has a deadline.
    /// O(partitions).
    #[must_use]
    pub fn next_wakeup(&self) -> Option<u64> {
        let wakeups = self.parts.iter();
        wakeups
            .filter_map(|part| part.residency.next_wakeup())
            .min()
    }

    /// Makes a slot vacant whose time is over, pinned or not; its owner drops the entry. `None` if there is none.
    /// O(partitions).
    pub fn pop_dead(&mut self) -> Option<Slot> {
        self.pop(Part::pop_dead)
    }

    /// [`pop_dead`](Partitions::pop_dead) for owners whose readers note when they used an entry and tell nobody, as
    /// [`Residency::pop_idle`] is.
    pub fn pop_idle(&mut self, mut used_at: impl FnMut(Slot) -> u64) -> Option<Slot> {
        self.pop(|part| part.pop_idle(&mut used_at))
    }

    fn pop(&mut self, pop: impl FnMut(&mut Part<P>) -> Option<Slot>) -> Option<Slot> {
        let slot = self.parts.iter_mut().find_map(pop)?;
        self.vacate(slot);
        Some(slot)
    }
}

//! Making room: what is refused, and who goes for what is not.

use super::Residency;
use crate::{Cause, Hint, Policy, RejectReason, Slot};

/// Entries that are evicted at most for a limit that was lowered when an entry comes, beside those that it needs to take the
/// place of.
const STEP: usize = 8;

/// What an entry asks for: a weight, a life, and perhaps the place of another one; from [`Residency::demand`].
///
/// ```
/// use cache_policies::{Fifo, FifoConfig, Policy, RejectReason, Residency};
///
/// let residency = Residency::new(Fifo::new(10, &FifoConfig::default())?);
/// assert_eq!(residency.demand(10, 60, None)?.weight(), 10);
/// assert_eq!(residency.demand(11, 60, None).unwrap_err(), RejectReason::TooHeavy);
/// assert_eq!(residency.demand(10, 0, None).unwrap_err(), RejectReason::Stillborn);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Demand {
    weight: u32,
    ticks: u64,
    /// The slot that it takes the place of, and its weight, as long as that is resident.
    replaced: Option<(Slot, u32)>,
    /// What it is held to while a limit that was lowered is being reached; from the first eviction on.
    bounds: Option<Bounds>,
}

impl Demand {
    /// What an owner asks for that keeps limits of its own.
    pub(crate) const fn new(weight: u32, ticks: u64) -> Self {
        Self {
            weight,
            ticks,
            replaced: None,
            bounds: None,
        }
    }

    /// The weight that is asked for.
    #[inline]
    #[must_use]
    pub const fn weight(&self) -> u32 {
        self.weight
    }

    /// The ticks of life that are asked for, `u64::MAX` for ever.
    #[inline]
    #[must_use]
    pub const fn ticks(&self) -> u64 {
        self.ticks
    }

    /// The slot that is to be replaced; `None` if there was none, or it was the victim itself.
    #[inline]
    #[must_use]
    pub fn replaced(&self) -> Option<Slot> {
        self.replaced.map(|(slot, _)| slot)
    }

    /// The number and the weight of what it replaces.
    #[inline]
    fn own(&self) -> (usize, u64) {
        match self.replaced {
            Some((_, weight)) => (1, u64::from(weight)),
            None => (0, 0),
        }
    }
}

/// What an entry is held to that comes while there is too much.
#[derive(Clone, Debug)]
struct Bounds {
    /// The weight that there was, or may be.
    weight_max: u64,
    /// The number of entries that there was, or may be.
    len_max: usize,
    /// Evictions that are still made although it fits within those.
    steps: usize,
}

/// A slot that a [`Residency`] has let go of: its owner drops the entry in it.
///
/// ```
/// use cache_policies::{Cause, Slot, Victim};
///
/// let victim = Victim { slot: Slot::new(3), dead: false };
/// assert_eq!(victim.cause(), Cause::Capacity);
/// ```
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct Victim {
    /// The slot, vacant from now on.
    pub slot: Slot,
    /// Whether its time was over already.
    pub dead: bool,
}

impl Victim {
    /// What a listener is told of it.
    #[inline]
    #[must_use]
    pub const fn cause(self) -> Cause {
        match self.dead {
            true => Cause::Expired,
            false => Cause::Capacity,
        }
    }
}

/// How a step of making room ended; from [`Residency::make_room`].
///
/// ```
/// use cache_policies::{Fifo, FifoConfig, Hint, Policy, Residency, Room, Slot};
///
/// let mut residency = Residency::new(Fifo::new(1, &FifoConfig::default())?);
/// let mut demand = residency.demand(1, u64::MAX, None)?;
/// assert_eq!(residency.make_room(&mut demand), Room::Made);
/// residency.insert(Slot::new(0), 7, &demand, Hint::NONE);
/// let mut demand = residency.demand(1, u64::MAX, None)?;
/// assert!(matches!(residency.make_room(&mut demand), Room::Victim(victim) if victim.slot == Slot::new(0)));
/// assert_eq!(residency.make_room(&mut demand), Room::Made);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[must_use = "a victim's entry has to be dropped"]
pub enum Room {
    /// There is room.
    Made,
    /// This one went; ask again.
    Victim(Victim),
    /// There is no room, and nobody left who could go: all is pinned, or the capacity was lowered below what is asked for.
    None,
}

impl<P: Policy> Residency<P> {
    /// What an entry of this weight and life asks for, in the place of `replaced` if that is some resident slot; nothing is
    /// changed. `ticks` of `u64::MAX` is for ever.
    ///
    /// # Errors
    /// Why it cannot be, evict what you will: [`Stillborn`](RejectReason::Stillborn), [`TooHeavy`](RejectReason::TooHeavy) or
    /// [`AllPinned`](RejectReason::AllPinned).
    ///
    /// # Panics
    /// If the slot that is replaced is not resident.
    #[inline]
    pub fn demand(
        &self,
        weight: u32,
        ticks: u64,
        replaced: Option<Slot>,
    ) -> Result<Demand, RejectReason> {
        if self.is_stillborn(ticks) {
            return Err(RejectReason::Stillborn);
        }
        self.demand_alive(weight, ticks, replaced)
    }

    /// [`demand`](Residency::demand) for a life of which it is known that it is one.
    #[inline(always)]
    pub(crate) fn demand_alive(
        &self,
        weight: u32,
        ticks: u64,
        replaced: Option<Slot>,
    ) -> Result<Demand, RejectReason> {
        if let Some(reason) = self.refusal(weight, replaced) {
            return Err(reason);
        }
        Ok(Demand {
            weight,
            ticks,
            replaced: replaced.map(|slot| (slot, self.policy.weight_of(slot))),
            bounds: None,
        })
    }

    /// Why an entry of this weight cannot be, evict what you will, in the place of `replaced` if that is some slot.
    #[inline(always)]
    pub(crate) fn refusal(&self, weight: u32, replaced: Option<Slot>) -> Option<RejectReason> {
        // What is pinned is within the capacity, unless that was lowered before it was pinned.
        let free = self.capacity.saturating_sub(self.pins.weight());
        let fits = u64::from(weight) <= free && self.pins.len() < self.max_entries;
        match fits {
            true => None,
            false => self.refusal_beside_pinned(weight, replaced),
        }
    }

    #[cold]
    fn refusal_beside_pinned(&self, weight: u32, replaced: Option<Slot>) -> Option<RejectReason> {
        let weight = u64::from(weight);
        if weight > self.capacity || self.max_entries == 0 {
            return Some(RejectReason::TooHeavy);
        }
        let own = replaced.filter(|slot| self.pins.contains(slot.get()));
        let own_weight = own.map_or(0, |slot| u64::from(self.policy.weight_of(slot)));
        let pinned = self.pins.weight() - own_weight;
        let pinned_len = self.pins.len() - usize::from(own.is_some());
        let full = weight > self.capacity.saturating_sub(pinned) || pinned_len >= self.max_entries;
        full.then_some(RejectReason::AllPinned)
    }

    /// Whether another entry of this weight fits without an eviction.
    #[inline]
    #[must_use]
    pub fn fits(&self, weight: u32) -> bool {
        u64::from(weight) <= self.capacity && self.has_room(weight)
    }

    /// [`fits`](Residency::fits) for a weight that is within the capacity.
    #[inline(always)]
    pub(crate) fn has_room(&self, weight: u32) -> bool {
        self.weight() <= self.capacity - u64::from(weight) && self.len() < self.max_entries
    }

    /// Makes room for what is asked for, by one eviction at most: call it until there is room. The owner drops each
    /// victim before the next call, and may run code of others then.
    ///
    /// The victim may be the very slot that was to be replaced. It is out then like any other, and the
    /// demand is one for a new entry from there on.
    ///
    /// While a limit that was lowered is being reached, an entry makes the whole no larger than it was, and up to 8
    /// more are evicted for it.
    #[inline]
    pub fn make_room(&mut self, demand: &mut Demand) -> Room {
        self.make_room_by(demand, |policy| policy.evict())
    }

    /// [`make_room`](Residency::make_room) for an owner whose readers count hits: see [`Policy::evict_touched`].
    ///
    /// ```
    /// use cache_policies::{Hint, Policy, Residency, Room, Sieve, SieveConfig, Slot};
    ///
    /// let mut residency = Residency::new(Sieve::new(2, &SieveConfig::default())?);
    /// for number in [0, 1] {
    ///     let demand = residency.demand(1, u64::MAX, None)?;
    ///     residency.insert(Slot::new(number), u64::from(number), &demand, Hint::NONE);
    /// }
    /// let mut counts = [1, 0];
    /// let mut demand = residency.demand(1, u64::MAX, None)?;
    /// let room = residency.make_room_touched(&mut demand, |slot| std::mem::take(&mut counts[slot.index()]));
    /// assert!(matches!(room, Room::Victim(victim) if victim.slot == Slot::new(1)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn make_room_touched(
        &mut self,
        demand: &mut Demand,
        touches: impl FnMut(Slot) -> u8,
    ) -> Room {
        self.make_room_by(demand, |policy| policy.evict_touched(touches))
    }

    /// Lets one slot go and makes another, which is vacant, resident: [`miss`](Residency::miss), one
    /// [`make_room_touched`](Residency::make_room_touched) and [`insert`](Residency::insert) as one step, for an owner all of
    /// whose entries weigh 1. `None`, and nothing was done, where there is more to it: the residency is not full, something
    /// is pinned or has a deadline, or a limit is being lowered. The victim's entry is still to be dropped.
    ///
    /// ```
    /// use cache_policies::{Hint, Policy, Residency, Sieve, SieveConfig, Slot};
    ///
    /// let mut residency = Residency::new(Sieve::new(2, &SieveConfig::default())?);
    /// for number in [0, 1] {
    ///     let slot = Slot::new(number);
    ///     assert_eq!(residency.exchange_touched(slot, u64::from(number), u64::MAX, |_| 0), None);
    ///     let demand = residency.demand(1, u64::MAX, None)?;
    ///     residency.insert(slot, u64::from(number), &demand, Hint::NONE);
    /// }
    /// let mut counts = [1, 0];
    /// let touches = |slot: Slot| std::mem::take(&mut counts[slot.index()]);
    /// assert_eq!(residency.exchange_touched(Slot::new(2), 2, u64::MAX, touches), Some(Slot::new(1)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// As [`insert`](Residency::insert); with debug assertions, if there is too much then, as weights differ.
    #[inline]
    pub fn exchange_touched(
        &mut self,
        slot: Slot,
        hash: u64,
        ticks: u64,
        touches: impl FnMut(Slot) -> u8,
    ) -> Option<Slot> {
        let is_plain = self.is_plain(ticks) && self.pins.len() == 0;
        let is_full = self.policy.weight() == self.capacity && self.capacity > 0;
        if !(is_plain && is_full) || self.max_entries != usize::MAX {
            return None;
        }
        // A policy with entries, none of which is pinned, has a victim.
        let victim = self.policy.exchange_touched(slot, hash, 1, touches).ok();
        debug_assert!(self.policy.weight() <= self.capacity, "all entries weigh 1");
        victim
    }

    #[inline(always)]
    fn make_room_by(
        &mut self,
        demand: &mut Demand,
        evict: impl FnOnce(&mut P) -> Option<Slot>,
    ) -> Room {
        if self.shedding {
            match self.room_while_shedding(demand) {
                Some(room) => return room,
                None => return self.take_victim(demand, evict),
            }
        }
        let (own_len, own_weight) = demand.own();
        let others = self.weight() - own_weight;
        let fits = others.saturating_add(u64::from(demand.weight)) <= self.capacity;
        if fits && self.len() - own_len < self.max_entries {
            return Room::Made;
        }
        self.take_victim(demand, evict)
    }

    #[inline(always)]
    fn take_victim(
        &mut self,
        demand: &mut Demand,
        evict: impl FnOnce(&mut P) -> Option<Slot>,
    ) -> Room {
        if u64::from(demand.weight) > self.capacity {
            // The capacity was lowered since it was found to fit.
            return Room::None;
        }
        let Some(victim) = self.evict_by(evict) else {
            return match demand.bounds {
                Some(ref bounds) if self.is_bounded(demand, bounds) => Room::Made,
                _ => Room::None,
            };
        };
        if demand.replaced() == Some(victim.slot) {
            demand.replaced = None;
        }
        Room::Victim(victim)
    }

    /// Whether an entry fits into what there was when it came.
    fn is_bounded(&self, demand: &Demand, bounds: &Bounds) -> bool {
        let (len, weight) = self.with(demand);
        weight <= bounds.weight_max && len <= bounds.len_max
    }

    /// The number and the weight of entries that there would be with it.
    fn with(&self, demand: &Demand) -> (usize, u64) {
        let (own_len, own_weight) = demand.own();
        let weight = (self.weight() - own_weight).saturating_add(u64::from(demand.weight));
        (self.len() - own_len + 1, weight)
    }

    /// Whether there is room although there may still be too much; `None` where another one has to go.
    #[cold]
    fn room_while_shedding(&mut self, demand: &mut Demand) -> Option<Room> {
        let bounds = demand.bounds.get_or_insert_with(|| Bounds {
            weight_max: self.capacity.max(self.weight()),
            len_max: self.max_entries.max(self.len()),
            steps: STEP,
        });
        let (steps, mut bounds) = (bounds.steps, bounds.clone());
        let (len, weight) = self.with(demand);
        let reached = weight <= self.capacity && len <= self.max_entries;
        let fits = weight <= bounds.weight_max && len <= bounds.len_max;
        if reached || fits && steps == 0 {
            // What is to be replaced is still there, and may be what is too heavy.
            let before = self.weight();
            self.notify(weight.max(before), reached && before <= self.capacity);
            return Some(Room::Made);
        }
        bounds.steps -= usize::from(fits);
        demand.bounds = Some(bounds);
        None
    }

    /// Evicts the policy's next victim; `None` when it has none, all that is resident being pinned.
    #[inline(always)]
    pub fn evict(&mut self) -> Option<Victim> {
        self.evict_by(|policy| policy.evict())
    }

    /// [`evict`](Residency::evict) for an owner whose readers count hits: see [`Policy::evict_touched`].
    #[inline]
    pub fn evict_touched(&mut self, touches: impl FnMut(Slot) -> u8) -> Option<Victim> {
        self.evict_by(|policy| policy.evict_touched(touches))
    }

    #[inline(always)]
    pub(super) fn evict_by(
        &mut self,
        evict: impl FnOnce(&mut P) -> Option<Slot>,
    ) -> Option<Victim> {
        let slot = evict(&mut self.policy)?;
        let dead = self.lifetimes.end(slot.get());
        Some(Victim { slot, dead })
    }

    /// [`evict`](Residency::evict) where nothing has a deadline.
    #[inline(always)]
    pub(crate) fn evict_timeless(&mut self) -> Option<Slot> {
        debug_assert!(self.is_timeless(u64::MAX), "a deadline is left behind");
        self.policy.evict()
    }

    /// [`insert`](Residency::insert) where nothing has a deadline, nor is to have one.
    #[inline(always)]
    pub(crate) fn insert_timeless(&mut self, slot: Slot, hash: u64, weight: u32, hint: Hint) {
        debug_assert!(self.is_timeless(u64::MAX) && self.fits(weight));
        self.policy.insert(slot, hash, weight, hint);
    }
}

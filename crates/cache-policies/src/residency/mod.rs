//! Which slots are resident: a policy's order, pins, lifetimes and limits, without keys or values.

mod lifetimes;
mod limits;
mod pins;
mod room;
mod time;

pub use self::room::{Demand, Room, Victim};

use core::fmt;

pub(crate) use self::lifetimes::Lifetimes;
use self::pins::Pins;
use crate::{Hint, Policy, Slot};

/// The rules of a cache over slots: which are resident, in the order of a [`Policy`], within a weight and a number, which
/// are pinned and until when each lives. It has no keys, no values and no index; those are its owner's, who asks it what
/// to drop and drops it.
///
/// [`Cache`](crate::Cache) is such an owner, for one thread. One with readers of its own, as a shard that is read without a
/// lock, keeps a `Residency` under its writers' lock.
///
/// ```
/// use std::collections::HashMap;
///
/// use cache_policies::{Lru, LruConfig, Policy, RejectReason, Residency, Room, Slot};
///
/// /// Numbers by names, the hash of a name given.
/// struct Names {
///     slots: HashMap<&'static str, u32>,
///     entries: Vec<(&'static str, u64)>,
///     vacant: Vec<u32>,
///     residency: Residency<Lru>,
/// }
///
/// impl Names {
///     fn get(&mut self, name: &str, hash: u64) -> Option<u64> {
///         let slot = *self.slots.get(name)?;
///         self.residency.hit(Slot::new(slot), hash);
///         Some(self.entries[slot as usize].1)
///     }
///
///     /// Inserts what is not there.
///     fn insert(&mut self, name: &'static str, hash: u64, value: u64) -> Result<(), RejectReason> {
///         let mut demand = self.residency.demand(1, u64::MAX, None)?;
///         let hint = self.residency.miss(hash);
///         loop {
///             match self.residency.make_room(&mut demand) {
///                 Room::Made => break,
///                 Room::Victim(victim) => self.drop_entry(victim.slot),
///                 Room::None => return Err(RejectReason::AllPinned),
///             }
///         }
///         let slot = self.vacant.pop().expect("as many slots as the capacity");
///         self.entries[slot as usize] = (name, value);
///         self.slots.insert(name, slot);
///         self.residency.insert(Slot::new(slot), hash, &demand, hint);
///         Ok(())
///     }
///
///     /// Drops what the residency has let go of.
///     fn drop_entry(&mut self, slot: Slot) {
///         self.slots.remove(self.entries[slot.index()].0);
///         self.vacant.push(slot.get());
///     }
/// }
///
/// let residency = Residency::new(Lru::new(2, &LruConfig::default())?);
/// let mut names = Names { slots: HashMap::new(), entries: vec![("", 0); 2], vacant: vec![1, 0], residency };
/// names.insert("one", 0x9e37_79b9_7f4a_7c15, 1)?;
/// names.insert("two", 0x3c6e_f372_fe94_f82a, 2)?;
/// assert_eq!(names.get("one", 0x9e37_79b9_7f4a_7c15), Some(1));
/// names.insert("three", 0xdaa6_6d2c_7ddf_743f, 3)?;
/// assert_eq!(names.get("two", 0x3c6e_f372_fe94_f82a), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Slots
/// A slot is resident from [`insert`](Residency::insert) until it is named as a victim, popped as dead, or
/// [`remove`](Residency::remove)d; from then on it is the owner's again. Methods that change a slot want a resident one and
/// may panic otherwise; those that ask answer for a vacant slot that it is neither pinned nor dead.
///
/// # Room
/// An insert goes: [`demand`](Residency::demand), which refuses what can never fit; [`miss`](Residency::miss);
/// [`make_room`](Residency::make_room), one victim a call, until there is room; [`insert`](Residency::insert). A
/// replacement: `demand` with the slot that is replaced; [`hit`](Residency::hit); `make_room`;
/// [`replace`](Residency::replace). The owner is free to run code of others between two calls: each leaves the residency
/// whole.
///
/// Where all entries weigh 1, a new one may ask for an [exchange](Residency::exchange_touched) first: of a full residency
/// that is the whole insert in one step.
///
/// # Hits
/// An owner under whose lock all hits come tells of each by `hit`. One whose readers take no lock has two ways, and
/// [`Policy::touches_max`] says which: they count hits beside the entries, and the owner hands the counts on when the
/// policy asks ([`make_room_touched`](Residency::make_room_touched)), or they put them into buffers that the owner
/// empties by `hit` before it evicts.
///
/// # Time
/// Ticks are the owner's, told by [`advance_to`](Residency::advance_to); [`pop_dead`](Residency::pop_dead) then gives what is due. A
/// slot with a life of `n` ticks that began at tick `t` is dead from tick `t + n` on. What no clock reaches lives for ever,
/// and so does a life of `u64::MAX` ticks.
///
/// # Cost
/// Each call is constant time beside what the policy takes. Pins take a bit a slot once there are any; lifetimes 16 bytes a slot from
/// the first one on, 24 with a time to idle.
// What an exchange looks at comes first, side by side.
#[derive(Clone)]
#[repr(C)]
pub struct Residency<P> {
    /// The weight that there may be; the policy's is no less, and the same unless `shedding`.
    capacity: u64,
    /// The number of entries that there may be.
    max_entries: usize,
    /// Whether a limit was lowered, and what no longer fits has not all left or the policy was not told yet.
    shedding: bool,
    pins: Pins,
    lifetimes: Lifetimes,
    policy: P,
}

impl<P: Policy> Residency<P> {
    /// Nothing resident, in the order of `policy` and within its capacity, without another limit or lifetimes, at tick 0.
    ///
    /// # Panics
    /// If something is resident in the policy.
    #[must_use]
    pub fn new(policy: P) -> Self {
        assert!(policy.is_empty(), "give the policy without entries");
        Self {
            capacity: policy.capacity(),
            policy,
            pins: Pins::new(),
            lifetimes: Lifetimes::new(),
            max_entries: usize::MAX,
            shedding: false,
        }
    }

    /// Resident slots, pinned and dead ones included.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.policy.len()
    }

    /// Whether nothing is resident.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The weight of all that is resident.
    #[inline]
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.policy.weight()
    }

    /// The policy, to look at. While a limit that was lowered is being reached, its capacity is somewhat larger than
    /// [`capacity`](Residency::capacity).
    #[inline]
    #[must_use]
    pub const fn policy(&self) -> &P {
        &self.policy
    }

    /// Makes room for slots below `slots`, as [`Policy::reserve`] does, for an owner that knows how many it will have.
    pub fn reserve(&mut self, slots: usize) {
        self.policy.reserve(slots);
    }

    /// Tells of a miss of a key with this hash: see [`Policy::miss`]. Once a miss, after [`demand`](Residency::demand) and
    /// before room is made.
    #[inline(always)]
    pub fn miss(&mut self, hash: u64) -> Hint {
        self.policy.miss(hash)
    }

    /// Tells of a use of a resident slot, whose key has this hash: the policy hears of it, and its idle time starts anew.
    ///
    /// # Panics
    /// May panic if the slot is not resident.
    #[inline(always)]
    pub fn hit(&mut self, slot: Slot, hash: u64) {
        self.policy.hit(slot, hash);
        self.lifetimes.touch(slot.get());
    }

    /// Makes a vacant slot resident, with the weight and the life of the demand for which room was made.
    ///
    /// # Panics
    /// If the slot is resident, or above [`Slot::MAX`]; with debug assertions, if there is no room.
    #[inline(always)]
    pub fn insert(&mut self, slot: Slot, hash: u64, demand: &Demand, hint: Hint) {
        debug_assert!(
            self.shedding || self.fits(demand.weight()),
            "make room before an insert"
        );
        self.policy.insert(slot, hash, demand.weight(), hint);
        self.lifetimes.start(slot.get(), demand.ticks());
    }

    /// Gives a resident slot the weight and the life of the demand, which named it as replaced and for which room was made. Where it
    /// was the victim itself, it is inserted instead.
    ///
    /// # Panics
    /// If the slot is not resident.
    pub fn replace(&mut self, slot: Slot, demand: &Demand) {
        self.reweigh(slot, demand.weight());
        self.lifetimes.start(slot.get(), demand.ticks());
    }

    /// Makes a resident slot, pinned or not, vacant, and the policy forgets its key: it was removed or is invalid. Whether
    /// its time was over already.
    ///
    /// # Panics
    /// If the slot is not resident.
    pub fn remove(&mut self, slot: Slot) -> bool {
        let before = self.policy.weight();
        self.policy.remove(slot, false);
        let weight = (before - self.policy.weight()) as u32;
        self.pins.clear(slot.get(), weight);
        self.lifetimes.end(slot.get())
    }

    /// The weight of a resident slot.
    ///
    /// # Panics
    /// If the slot is not resident.
    #[inline]
    #[must_use]
    pub fn weight_of(&self, slot: Slot) -> u32 {
        self.policy.weight_of(slot)
    }

    /// Changes the weight of a resident slot, for which room was made where it is more than before.
    ///
    /// # Panics
    /// If the slot is not resident.
    pub fn reweigh(&mut self, slot: Slot, weight: u32) {
        let old = self.policy.weight_of(slot);
        if old != weight {
            self.policy.reweigh(slot, weight);
            self.pins.reweigh(slot.get(), old, weight);
        }
    }

    /// Keeps a resident slot from being evicted; whether it was not so before. It still dies when its time is over.
    ///
    /// # Panics
    /// If the slot is not resident.
    pub fn pin(&mut self, slot: Slot) -> bool {
        let weight = self.policy.weight_of(slot);
        let pinned = self.pins.set(slot.get(), weight);
        if pinned {
            self.policy.pin(slot);
        }
        pinned
    }

    /// Lets a resident slot be evicted again; whether it was pinned.
    ///
    /// # Panics
    /// If the slot is not resident.
    pub fn unpin(&mut self, slot: Slot) -> bool {
        let weight = self.policy.weight_of(slot);
        let unpinned = self.pins.clear(slot.get(), weight);
        if unpinned {
            self.policy.unpin(slot);
        }
        unpinned
    }

    /// Whether a slot is pinned.
    #[inline]
    #[must_use]
    pub fn is_pinned(&self, slot: Slot) -> bool {
        self.pins.contains(slot.get())
    }

    /// The number of pinned slots.
    #[inline]
    #[must_use]
    pub const fn pinned_len(&self) -> usize {
        self.pins.len()
    }

    /// The weight of the pinned slots: what no insert can get at.
    #[inline]
    #[must_use]
    pub const fn pinned_weight(&self) -> u64 {
        self.pins.weight()
    }

    /// Asserts every invariant, for tests. O(slots).
    ///
    /// # Panics
    /// If an invariant is broken, which is a defect of this crate or of a foreign policy.
    pub fn check(&self) {
        self.policy.check();
        self.lifetimes.check();
        let told = self.policy.capacity();
        assert!(self.weight() <= told, "the weight is within the capacity");
        assert!(
            self.pins.weight() <= self.weight() && self.pins.len() <= self.len(),
            "what is pinned is resident"
        );
        self.check_limits();
    }
}

impl<P: Policy> fmt::Debug for Residency<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Residency")
            .field("len", &self.len())
            .field("max_entries", &self.max_entries)
            .field("weight", &self.weight())
            .field("capacity", &self.capacity)
            .field("now", &self.now())
            .finish_non_exhaustive()
    }
}

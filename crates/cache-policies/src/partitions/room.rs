//! Making room among partitions.

use super::{Partition, Partitions};
use crate::{Demand, Policy, RejectReason, Room, Slot, Victim};

/// Entries that are evicted at most for a limit that was lowered when an entry comes, beside those that it needs to take the
/// place of.
const STEP: usize = 8;

/// What an entry asks of a partition; from [`Partitions::claim`].
///
/// ```
/// use cache_policies::{Fifo, FifoConfig, Partitions, Quota, RejectReason};
///
/// let mut partitions = Partitions::<Fifo>::new(100, FifoConfig::default())?;
/// let small = partitions.add(Quota { max: 10, ..Quota::default() })?;
/// assert_eq!(partitions.claim(small, 10, u64::MAX, None)?.partition(), small);
/// assert_eq!(partitions.claim(small, 11, u64::MAX, None).unwrap_err(), RejectReason::TooHeavy);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Claim {
    partition: Partition,
    pub(super) demand: Demand,
    /// The slot that it takes the place of, and its weight, as long as that is resident.
    replaced: Option<(Slot, u32)>,
    /// What it is held to while a limit that was lowered is being reached; from the first step on.
    bounds: Option<Bounds>,
}

impl Claim {
    /// The partition that is asked.
    #[must_use]
    pub const fn partition(&self) -> Partition {
        self.partition
    }

    /// The weight that is asked for.
    #[must_use]
    pub const fn weight(&self) -> u32 {
        self.demand.weight()
    }

    /// The slot that is to be replaced; `None` if there was none, or it was the victim itself.
    #[must_use]
    pub fn replaced(&self) -> Option<Slot> {
        self.replaced.map(|(slot, _)| slot)
    }

    /// The weight that there is with it, where there is so much now.
    fn with(&self, weight: u64) -> u64 {
        let own = self.replaced.map_or(0, |(_, own)| u64::from(own));
        (weight - own).saturating_add(u64::from(self.weight()))
    }
}

/// What an entry is held to that comes while there is too much.
#[derive(Clone, Debug)]
struct Bounds {
    /// The weight of the partition that there was, or may be.
    part: u64,
    /// The weight of all that there was, or may be.
    all: u64,
    /// Evictions that are still made although it fits within those.
    steps: usize,
}

impl<P: Policy> Partitions<P> {
    /// What an entry of this weight and life asks of a partition, in the place of `replaced` if that is some resident slot of
    /// the same partition; nothing is changed. `ticks` of `u64::MAX` is for ever. O(partitions).
    ///
    /// # Errors
    /// Why it cannot be, evict what you will: [`Stillborn`](RejectReason::Stillborn); [`TooHeavy`](RejectReason::TooHeavy) for
    /// the partition's `max` or the capacity; [`OverShare`](RejectReason::OverShare) beside what the others have within
    /// their shares; [`AllPinned`](RejectReason::AllPinned) beside what is pinned.
    ///
    /// # Panics
    /// If there is no such partition, or the slot that is replaced is not resident in it.
    pub fn claim(
        &self,
        partition: Partition,
        weight: u32,
        ticks: u64,
        replaced: Option<Slot>,
    ) -> Result<Claim, RejectReason> {
        let part = &self.parts[partition.index()];
        if part.residency.is_stillborn(ticks) {
            return Err(RejectReason::Stillborn);
        }
        let own = replaced.map(|slot| {
            assert_eq!(
                self.partition_of(slot),
                Some(partition),
                "what is replaced is in the same partition"
            );
            (slot, self.weight_of(slot))
        });
        if let Some(reason) = self.refusal(partition, u64::from(weight), own) {
            return Err(reason);
        }
        Ok(Claim {
            partition,
            demand: Demand::new(weight, ticks),
            replaced: own,
            bounds: None,
        })
    }

    fn refusal(
        &self,
        partition: Partition,
        weight: u64,
        own: Option<(Slot, u32)>,
    ) -> Option<RejectReason> {
        let part = &self.parts[partition.index()];
        let most = part.quota.max.min(self.capacity);
        if weight > most {
            return Some(RejectReason::TooHeavy);
        }
        let (mut kept, mut pinned) = (0_u64, 0_u64);
        for (index, other) in self.parts.iter().enumerate() {
            if index != partition.index() {
                kept += other.weight().min(other.share);
                pinned += other.floor();
            }
        }
        if weight > self.capacity.saturating_sub(kept) {
            return Some(RejectReason::OverShare);
        }
        let own = own.filter(|&(slot, _)| self.is_pinned(slot));
        let own_pinned = part.pinned() - own.map_or(0, |(_, weight)| u64::from(weight));
        let left = most.min(self.capacity.saturating_sub(pinned));
        (weight > left.saturating_sub(own_pinned)).then_some(RejectReason::AllPinned)
    }

    /// Makes room for what is claimed, by one eviction at most: call it until there is room. The owner drops each
    /// victim before the next call.
    ///
    /// A partition that has as much as it may have evicts its own. Otherwise the victim is of the partition that is the most over its
    /// share, in proportion to that, the claim counted; no other partition loses an entry while it is within its share.
    /// Where that has nothing but pinned entries, the next one is taken, and the claiming partition at last. O(partitions).
    ///
    /// The victim may be the very slot that was to be replaced; it is out then, and the claim is one for a new entry.
    pub fn make_room(&mut self, claim: &mut Claim) -> Room {
        self.make_room_by(claim, None::<fn(Slot) -> u8>)
    }

    /// [`make_room`](Partitions::make_room) for an owner whose readers count hits: see [`Policy::evict_touched`].
    pub fn make_room_touched(
        &mut self,
        claim: &mut Claim,
        touches: impl FnMut(Slot) -> u8,
    ) -> Room {
        self.make_room_by(claim, Some(touches))
    }

    fn make_room_by<T: FnMut(Slot) -> u8>(
        &mut self,
        claim: &mut Claim,
        touches: Option<T>,
    ) -> Room {
        let index = claim.partition.index();
        let part = &self.parts[index];
        let (max, capacity) = (part.quota.max, self.capacity);
        let (before, all_before) = (part.weight(), self.weight());
        let (weight, all) = (claim.with(before), claim.with(all_before));
        if weight <= max && all <= capacity {
            return Room::Made;
        }
        if u64::from(claim.weight()) > max.min(capacity) {
            // A limit was lowered since it was found to fit.
            return Room::None;
        }
        let bounds = claim.bounds.get_or_insert(Bounds {
            part: max.max(before),
            all: capacity.max(all_before),
            steps: STEP,
        });
        let fits = weight <= bounds.part && all <= bounds.all;
        if fits && bounds.steps == 0 {
            return Room::Made;
        }
        bounds.steps -= usize::from(fits);
        let victims = match weight > max {
            true => part.has_linked().then_some(index),
            false => self.most_over(Some((index, weight)), false),
        };
        let Some(victims) = victims else {
            return if fits { Room::Made } else { Room::None };
        };
        let victim = self.evict_from(victims, touches);
        if claim.replaced() == Some(victim.slot) {
            claim.replaced = None;
        }
        Room::Victim(victim)
    }

    /// The partition that has the most in proportion to its share, of those that have something to evict, and, unless
    /// `within`, more than their share. A claiming partition has so much as it will have then, and is the one if there is no other.
    fn most_over(&self, claim: Option<(usize, u64)>, within: bool) -> Option<usize> {
        let mut most: Option<(usize, u64, u64)> = None;
        for (index, part) in self.parts.iter().enumerate() {
            let weight = match claim {
                Some((claiming, weight)) if claiming == index => weight,
                _ => part.weight(),
            };
            if !(within || weight > part.share) || !part.has_linked() {
                continue;
            }
            let is_more = most.is_none_or(|(_, weight_most, share_most)| {
                let here = u128::from(weight) * u128::from(share_most);
                let there = u128::from(weight_most) * u128::from(part.share);
                // Where neither has a share, who has more.
                here > there || here == there && share_most == 0 && weight > weight_most
            });
            if is_more {
                most = Some((index, weight, part.share));
            }
        }
        let own = claim.map(|(index, _)| index);
        let most = most.map(|(index, ..)| index);
        most.or_else(|| own.filter(|&index| self.parts[index].has_linked()))
    }

    /// Evicts from a partition that has something to evict.
    fn evict_from<T: FnMut(Slot) -> u8>(&mut self, index: usize, touches: Option<T>) -> Victim {
        let victim = self.parts[index].evict(touches);
        let victim = victim.expect("an entry that is not pinned can be evicted");
        self.vacate(victim.slot);
        victim
    }

    /// Evicts from the partition that is the most over its share, or comes next to it; `None` when all that is left is
    /// pinned. O(partitions).
    pub fn evict(&mut self) -> Option<Victim> {
        let index = self.most_over(None, true)?;
        Some(self.evict_from(index, None::<fn(Slot) -> u8>))
    }

    /// Evicts one of those that a lowered limit has made too many: of a partition that has more than it may have, or of the one
    /// that is the most over its share; where those have nothing but pinned entries, of any. `None` once the limits are what they were set to, or if all that is left has
    /// been pinned since. O(partitions).
    pub fn shed(&mut self) -> Option<Victim> {
        self.shed_by(None::<fn(Slot) -> u8>)
    }

    /// [`shed`](Partitions::shed) for an owner whose readers count hits: see [`Policy::evict_touched`].
    pub fn shed_touched(&mut self, touches: impl FnMut(Slot) -> u8) -> Option<Victim> {
        self.shed_by(Some(touches))
    }

    fn shed_by<T: FnMut(Slot) -> u8>(&mut self, touches: Option<T>) -> Option<Victim> {
        let too_much = |part: &super::Part<P>| part.weight() > part.quota.max && part.has_linked();
        let index = match self.parts.iter().position(too_much) {
            Some(index) => Some(index),
            // What is pinned may be more than the share of its partition: then others pay for it.
            None if self.weight() > self.capacity => self
                .most_over(None, false)
                .or_else(|| self.most_over(None, true)),
            None => None,
        };
        index.map(|index| self.evict_from(index, touches))
    }
}

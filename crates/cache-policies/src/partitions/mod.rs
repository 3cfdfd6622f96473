//! One capacity for several partitions: each has a policy of its own, and a quota.

mod part;
mod quota;
mod room;
mod time;

pub use self::quota::{Quota, QuotaError};
pub use self::room::Claim;

use alloc::vec::Vec;
use core::fmt;

use self::part::Part;
use crate::{ConfigError, Hint, Policy, Residency, Slot};

/// The name of a partition; from [`Partitions::add`].
///
/// ```
/// use cache_policies::{Fifo, FifoConfig, Partitions, Quota};
///
/// let mut partitions = Partitions::<Fifo>::new(100, FifoConfig::default())?;
/// let first = partitions.add(Quota::default())?;
/// assert_eq!(first.index(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition(u16);

impl Partition {
    /// Its number, counted from 0 in the order in which they were added.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where an owner's slot is.
#[derive(Copy, Clone, Debug)]
struct Home {
    /// The slot in the partition; [`NOWHERE`] of a vacant slot.
    own: u32,
    partition: Partition,
}

const NOWHERE: u32 = u32::MAX;

/// A [`Residency`] for entries of several kinds (tenants, tables, sizes) that share a capacity: each partition keeps its own order,
/// so that none can push the others out, and has a [`Quota`].
///
/// ```
/// use cache_policies::{Fifo, FifoConfig, Hint, Partitions, Quota, Room, Slot};
///
/// let mut partitions = Partitions::<Fifo>::new(4, FifoConfig::default())?;
/// let batch = partitions.add(Quota::default())?;
/// let online = partitions.add(Quota { weight: 3, ..Quota::default() })?;
/// // Nobody else wants the room: the batch job may have it all.
/// for number in 0..4 {
///     let claim = partitions.claim(batch, 1, u64::MAX, None)?;
///     partitions.insert(Slot::new(number), u64::from(number), &claim, Hint::NONE);
/// }
/// // Its share is a quarter, and it gives back what is over.
/// for number in 4..7 {
///     let mut claim = partitions.claim(online, 1, u64::MAX, None)?;
///     let Room::Victim(victim) = partitions.make_room(&mut claim) else { unreachable!() };
///     assert_eq!(victim.slot, Slot::new(number - 4));
///     assert_eq!(partitions.make_room(&mut claim), Room::Made);
///     partitions.insert(Slot::new(number), u64::from(number), &claim, Hint::NONE);
/// }
/// assert_eq!((partitions.weight_in(batch), partitions.weight_in(online)), (1, 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Shares
/// If all partitions want all they can have, each gets its *share*: in proportion to the weights of the quotas, within their
/// minima and maxima (weighted max-min fairness). What a partition does not use, others may; it gets it back entry by
/// entry when it wants it. Room is made at the cost of the partition that is the most over its share, in proportion to it,
/// and never at that of one that is within it. That is the revocation of C. A. Waldspurger, "Memory resource management in VMware
/// ESX server", OSDI 2002, with minima and maxima counted in.
///
/// # Policies
/// A policy's capacity, from which it takes the sizes of its queues and of its ghost, is its partition's share, and where that has
/// borrowed from others, up to a quarter more than what it has.
///
/// # Slots
/// The owner numbers its entries over all partitions; a slot belongs to the partition of the claim that it was inserted with. 12
/// bytes a slot, beside what a [`Residency`] takes.
///
/// # Weight
/// Entries of weight 0 are bounded by nothing here: let each weigh at least 1.
#[derive(Clone)]
pub struct Partitions<P: Policy> {
    config: P::Config,
    parts: Vec<Part<P>>,
    /// By slot.
    homes: Vec<Home>,
    capacity: u64,
    /// What a new partition's clock and lifetimes are.
    times: time::Times,
}

impl<P: Policy> Partitions<P> {
    /// No partitions yet, of this capacity together, each to have a policy with these parameters.
    ///
    /// # Errors
    /// [`ConfigError`] if a parameter of the policy is out of its range.
    pub fn new(capacity: u64, config: P::Config) -> Result<Self, ConfigError> {
        P::new(capacity, &config)?;
        Ok(Self {
            config,
            parts: Vec::new(),
            homes: Vec::new(),
            capacity,
            times: time::Times::default(),
        })
    }

    /// Adds a partition. The shares of the others become smaller; what is over then leaves as room is wanted.
    /// O(partitions^2) at most.
    ///
    /// # Errors
    /// [`QuotaError`] if the quota cannot be beside the others.
    pub fn add(&mut self, quota: Quota) -> Result<Partition, QuotaError> {
        let number = u16::try_from(self.parts.len()).map_err(|_| QuotaError::TooMany)?;
        let quotas = self.parts.iter().map(|part| part.quota);
        quota::validate(self.capacity, quotas.chain([quota]))?;
        let policy = P::new(0, &self.config).expect("these parameters were taken before");
        let residency = self.times.apply(Residency::new(policy));
        self.parts.push(Part::new(residency, quota));
        self.share_out();
        Ok(Partition(number))
    }

    /// Changes a partition's quota. What it has over its `max` leaves by [`shed`](Partitions::shed), and as it claims
    /// room. A partition is given up by a quota of 0 throughout.
    ///
    /// # Errors
    /// [`QuotaError`] if the quota cannot be beside the others, or beside what is pinned.
    ///
    /// # Panics
    /// If there is no such partition.
    pub fn set_quota(&mut self, partition: Partition, quota: Quota) -> Result<(), QuotaError> {
        let changed = |(index, part): (usize, &Part<P>)| match index == partition.index() {
            true => quota,
            false => part.quota,
        };
        quota::validate(self.capacity, self.parts.iter().enumerate().map(changed))?;
        let part = &mut self.parts[partition.index()];
        let pinned = part.pinned();
        if pinned > quota.max {
            return Err(QuotaError::Pinned { pinned });
        }
        part.quota = quota;
        self.share_out();
        Ok(())
    }

    /// Changes the weight that all entries may have together. What is too much leaves by [`shed`](Partitions::shed), and up
    /// to 8 with each entry that room is made for.
    ///
    /// # Errors
    /// [`QuotaError`] if the minima or the pinned entries do not fit; nothing has changed then.
    pub fn set_capacity(&mut self, capacity: u64) -> Result<(), QuotaError> {
        quota::validate(capacity, self.parts.iter().map(|part| part.quota))?;
        let pinned = self.parts.iter().map(Part::pinned).sum();
        if pinned > capacity {
            return Err(QuotaError::Pinned { pinned });
        }
        self.capacity = capacity;
        self.share_out();
        Ok(())
    }

    /// Works the shares out anew.
    fn share_out(&mut self) {
        let quotas: Vec<Quota> = self.parts.iter().map(|part| part.quota).collect();
        let shares = quota::shares(self.capacity, &quotas);
        for (part, share) in self.parts.iter_mut().zip(shares) {
            part.share = share;
            part.fit(part.weight(), true);
        }
    }

    /// The partitions, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = Partition> + use<P> {
        (0..self.parts.len()).map(|index| Partition(index as u16))
    }

    /// The partition of a resident slot; `None` of a vacant one.
    #[inline]
    #[must_use]
    pub fn partition_of(&self, slot: Slot) -> Option<Partition> {
        self.find(slot).map(|home| home.partition)
    }

    /// A partition's quota, as it was set last.
    ///
    /// # Panics
    /// If there is no such partition, as in all that ask about one.
    #[must_use]
    pub fn quota(&self, partition: Partition) -> Quota {
        self.parts[partition.index()].quota
    }

    /// The weight that a partition gets if all want all they can have.
    #[must_use]
    pub fn share(&self, partition: Partition) -> u64 {
        self.parts[partition.index()].share
    }

    /// The weight of the entries of a partition.
    #[must_use]
    pub fn weight_in(&self, partition: Partition) -> u64 {
        self.parts[partition.index()].weight()
    }

    /// The number of entries of a partition.
    #[must_use]
    pub fn len_in(&self, partition: Partition) -> usize {
        self.parts[partition.index()].residency.len()
    }

    /// The policy of a partition, to look at.
    #[must_use]
    pub fn policy(&self, partition: Partition) -> &P {
        self.parts[partition.index()].residency.policy()
    }

    /// The weight that all entries may have together.
    #[inline]
    #[must_use]
    pub const fn capacity(&self) -> u64 {
        self.capacity
    }

    /// The weight of all entries. O(partitions).
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.parts.iter().map(Part::weight).sum()
    }

    /// The number of all entries. O(partitions).
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.residency.len()).sum()
    }

    /// Whether there is no entry. O(partitions).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells of a miss in a partition, as [`Residency::miss`] does.
    pub fn miss(&mut self, partition: Partition, hash: u64) -> Hint {
        self.parts[partition.index()].residency.miss(hash)
    }

    /// Tells of a use of a resident slot, as [`Residency::hit`] does.
    ///
    /// # Panics
    /// If the slot is not resident, as in all that change one.
    #[inline]
    pub fn hit(&mut self, slot: Slot, hash: u64) {
        let (part, own) = self.part_mut(slot);
        part.residency.hit(own, hash);
    }

    /// [`hit`](Partitions::hit) under a shared reference, for an owner whose readers count hits: see
    /// [`Policy::try_touch`]. False: the policy cannot, or the slot is vacant.
    #[inline]
    #[must_use]
    pub fn try_touch(&self, slot: Slot) -> bool {
        self.part(slot)
            .is_some_and(|(part, own)| part.residency.policy().try_touch(own))
    }

    /// Makes a vacant slot resident in the partition of the claim for which room was made.
    ///
    /// # Panics
    /// If the slot is resident, or above [`Slot::MAX`].
    pub fn insert(&mut self, slot: Slot, hash: u64, claim: &Claim, hint: Hint) {
        assert!(slot <= Slot::MAX, "{slot:?} is above the highest slot");
        assert!(self.find(slot).is_none(), "{slot:?} is resident already");
        if self.homes.len() <= slot.index() {
            let vacant = Home {
                own: NOWHERE,
                partition: Partition(0),
            };
            self.homes.resize(slot.index() + 1, vacant);
        }
        let partition = claim.partition();
        let own = self.parts[partition.index()].insert(slot, hash, &claim.demand, hint);
        self.homes[slot.index()] = Home {
            own: own.get(),
            partition,
        };
    }

    /// Gives a resident slot the weight and the life of the claim, which named it as replaced and for which room was made.
    pub fn replace(&mut self, slot: Slot, claim: &Claim) {
        self.reweigh(slot, claim.weight());
        let (part, own) = self.part_mut(slot);
        part.residency.replace(own, &claim.demand);
    }

    /// Changes the weight of a resident slot, for which room was made where it is more than before.
    pub fn reweigh(&mut self, slot: Slot, weight: u32) {
        let (part, own) = self.part_mut(slot);
        part.reweigh(own, weight);
    }

    /// Makes a resident slot, pinned or not, vacant, and the policy forgets its key. Whether its time was over already.
    pub fn remove(&mut self, slot: Slot) -> bool {
        let (part, own) = self.part_mut(slot);
        let dead = part.residency.remove(own);
        part.vacate(own);
        self.vacate(slot);
        dead
    }

    /// The weight of a resident slot.
    ///
    /// # Panics
    /// If the slot is not resident.
    #[must_use]
    pub fn weight_of(&self, slot: Slot) -> u32 {
        let (part, own) = self.part(slot).expect("the slot is resident");
        part.residency.weight_of(own)
    }

    /// Keeps a resident slot from being evicted; whether it was not so before.
    pub fn pin(&mut self, slot: Slot) -> bool {
        let (part, own) = self.part_mut(slot);
        part.residency.pin(own)
    }

    /// Lets a resident slot be evicted again; whether it was pinned.
    pub fn unpin(&mut self, slot: Slot) -> bool {
        let (part, own) = self.part_mut(slot);
        part.residency.unpin(own)
    }

    /// Whether a slot is pinned; a vacant one is not.
    #[must_use]
    pub fn is_pinned(&self, slot: Slot) -> bool {
        self.part(slot)
            .is_some_and(|(part, own)| part.residency.is_pinned(own))
    }

    #[inline]
    fn find(&self, slot: Slot) -> Option<Home> {
        let home = self.homes.get(slot.index()).copied();
        home.filter(|home| home.own != NOWHERE)
    }

    /// The partition of a slot, if it is resident, and its slot there.
    #[inline]
    fn part(&self, slot: Slot) -> Option<(&Part<P>, Slot)> {
        let home = self.find(slot)?;
        Some((&self.parts[home.partition.index()], Slot::new(home.own)))
    }

    /// The partition of a resident slot, and its slot there.
    #[inline]
    fn part_mut(&mut self, slot: Slot) -> (&mut Part<P>, Slot) {
        let home = self.find(slot).expect("the slot is resident");
        (&mut self.parts[home.partition.index()], Slot::new(home.own))
    }

    /// Forgets where a slot was.
    fn vacate(&mut self, slot: Slot) {
        self.homes[slot.index()].own = NOWHERE;
    }

    /// Asserts every invariant, for tests. O(slots).
    ///
    /// # Panics
    /// If an invariant is broken, which is a defect of this crate or of a foreign policy.
    pub fn check(&self) {
        let shares: u64 = self.parts.iter().map(|part| part.share).sum();
        assert!(
            shares <= self.capacity,
            "the shares are within the capacity"
        );
        self.parts.iter().for_each(Part::check);
        let mut residents = 0;
        for (number, _) in (0..).zip(&self.homes) {
            let slot = Slot::new(number);
            if let Some((part, own)) = self.part(slot) {
                assert_eq!(part.owner_of(own), slot, "the slot is known where it is");
                residents += 1;
            }
        }
        assert_eq!(residents, self.len(), "each entry has a slot of the owner");
    }
}

impl<P: Policy> fmt::Debug for Partitions<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partitions")
            .field("partitions", &self.parts.len())
            .field("len", &self.len())
            .field("weight", &self.weight())
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

//! One partition: a residency with slots of its own, which stand for slots of the owner.

use alloc::vec::Vec;

use super::Quota;
use crate::{Demand, Hint, Policy, Residency, Slot, Victim};

/// A part of its capacity by which a policy's differs from what its partition has, before it is told.
const NOTICE: u64 = 4;
/// A part of what a partition has beyond its share, by which its policy's capacity is larger.
const AHEAD: u64 = 8;

/// A partition. Its slots are dense, however those of the owner are spread over partitions, so that the policies' columns
/// are together no longer than one policy's.
#[derive(Clone, Debug)]
pub(super) struct Part<P: Policy> {
    /// Its capacity follows what the partition has: see [`Part::fit`].
    pub(super) residency: Residency<P>,
    pub(super) quota: Quota,
    /// What it gets if all want all they can have.
    pub(super) share: u64,
    /// The owner's slot, by own slot.
    owners: Vec<u32>,
    vacant: Vec<u32>,
}

impl<P: Policy> Part<P> {
    pub(super) fn new(residency: Residency<P>, quota: Quota) -> Self {
        Self {
            residency,
            quota,
            share: 0,
            owners: Vec::new(),
            vacant: Vec::new(),
        }
    }

    pub(super) fn weight(&self) -> u64 {
        self.residency.weight()
    }

    pub(super) fn pinned(&self) -> u64 {
        self.residency.pinned_weight()
    }

    /// Whether an entry may be evicted.
    pub(super) fn has_linked(&self) -> bool {
        self.residency.len() > self.residency.pinned_len()
    }

    /// The owner's slot that one's own stands for.
    pub(super) fn owner_of(&self, own: Slot) -> Slot {
        Slot::new(self.owners[own.index()])
    }

    /// What it keeps if another partition takes all it can get.
    pub(super) fn floor(&self) -> u64 {
        self.pinned().max(self.weight().min(self.share))
    }

    /// Makes the policy's capacity what a partition of this weight has: its share, or, where it has borrowed from others, a
    /// little more than that. With `exactly`, at once; otherwise when it is too little, or a quarter too much.
    pub(super) fn fit(&mut self, weight: u64, exactly: bool) {
        let told = self.residency.capacity();
        let least = self.share.max(weight);
        if !exactly && told >= least && told - least <= told / NOTICE {
            return;
        }
        let capacity = match weight > self.share {
            true => weight.saturating_add(weight / AHEAD),
            false => self.share,
        };
        let fitted = self.residency.set_capacity(capacity);
        fitted.expect("what is pinned is there, and what is there fits");
    }

    /// Inserts; the own slot.
    pub(super) fn insert(&mut self, owner: Slot, hash: u64, demand: &Demand, hint: Hint) -> Slot {
        self.fit(self.weight() + u64::from(demand.weight()), false);
        let own = self.vacant.pop().unwrap_or_else(|| {
            self.owners.push(0);
            self.owners.len() as u32 - 1
        });
        self.owners[own as usize] = owner.get();
        self.residency.insert(Slot::new(own), hash, demand, hint);
        Slot::new(own)
    }

    /// Changes the weight of an own slot.
    pub(super) fn reweigh(&mut self, own: Slot, weight: u32) {
        let before = self.weight();
        let others = before - u64::from(self.residency.weight_of(own));
        let after = others + u64::from(weight);
        // The policy's capacity is never less than what there is.
        self.fit(before.max(after), false);
        self.residency.reweigh(own, weight);
        self.fit(after, false);
    }

    /// Notes that an own slot is vacant; the owner's.
    pub(super) fn vacate(&mut self, own: Slot) -> Slot {
        self.vacant.push(own.get());
        self.fit(self.weight(), false);
        self.owner_of(own)
    }

    /// Evicts; the victim's slot is the owner's.
    pub(super) fn evict<T: FnMut(Slot) -> u8>(&mut self, touches: Option<T>) -> Option<Victim> {
        let owners = &self.owners;
        let victim = match touches {
            None => self.residency.evict(),
            Some(mut touches) => self
                .residency
                .evict_touched(|own| touches(Slot::new(owners[own.index()]))),
        };
        let Victim { slot, dead } = victim?;
        let slot = self.vacate(slot);
        Some(Victim { slot, dead })
    }

    /// Makes a slot vacant whose time is over; the owner's.
    pub(super) fn pop_dead(&mut self) -> Option<Slot> {
        let own = self.residency.pop_dead()?;
        Some(self.vacate(own))
    }

    /// [`pop_dead`](Part::pop_dead) where the owner knows when its slots were used.
    pub(super) fn pop_idle(&mut self, mut used_at: impl FnMut(Slot) -> u64) -> Option<Slot> {
        let owners = &self.owners;
        let own = self
            .residency
            .pop_idle(|own| used_at(Slot::new(owners[own.index()])))?;
        Some(self.vacate(own))
    }

    pub(super) fn check(&self) {
        self.residency.check();
        assert_eq!(
            self.residency.len() + self.vacant.len(),
            self.owners.len(),
            "each slot is resident or vacant"
        );
        assert!(self.residency.capacity() >= self.share.max(self.weight()));
    }
}

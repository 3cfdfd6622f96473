//! What of a shard's entries is resident: by one residency, or by one for each partition.
//!
//! A shard with partitions has a residency too, which takes nothing: so who inserts asks that, and only who is refused asks
//! whether there are partitions. Where there are none, they cost an insert nothing.

use super::lives::Lives;
use super::locked::Locked;
use super::partition::PartitionStats;
use super::put::Ticket;
use super::shard::{Counts, Node, State, retired_max};
use cache_policies::{
    Claim, Demand, Hint, Insight, Policy, Quota, RejectReason, Rejected, Room, Slot, Victim,
};

/// What an entry asks for: of the shard, or of its partition.
pub(super) enum Wanted {
    OfShard(Demand),
    OfPartition(Claim),
}

impl<K, V, P: Policy> State<K, V, P> {
    pub(super) fn len(&self) -> usize {
        match &self.parted {
            None => self.residency.len(),
            Some(parted) => parted.all().len(),
        }
    }

    pub(super) fn weight(&self) -> u64 {
        match &self.parted {
            None => self.residency.weight(),
            Some(parted) => parted.all().weight(),
        }
    }

    /// What the policies tell, each with the number of its partition.
    pub(super) fn explain_policy(&self, mut tell: impl FnMut(usize, Insight)) {
        match &self.parted {
            None => self
                .residency
                .policy()
                .explain(&mut |insight| tell(0, insight)),
            Some(parted) => {
                for (partition, policy) in parted.policies().enumerate() {
                    policy.explain(&mut |insight| tell(partition, insight));
                }
            }
        }
    }

    pub(super) fn weight_of(&self, place: Slot) -> u32 {
        match &self.parted {
            None => self.residency.weight_of(place),
            Some(parted) => parted.all().weight_of(place),
        }
    }

    pub(super) fn advance_to(&mut self, now: u64) {
        self.residency.advance_to(now);
        if let Some(parted) = &mut self.parted {
            parted.all_mut().advance_to(now);
        }
    }

    /// Makes a place vacant whose time is over, by what readers know of its last use.
    pub(super) fn pop_idle(&mut self, lives: &Lives) -> Option<Slot> {
        let places = &self.places;
        let used_at = |place| lives.used_at(places.arena(place));
        match &mut self.parted {
            None => self.residency.pop_idle(used_at),
            Some(parted) => {
                let place = parted.all_mut().pop_idle(used_at)?;
                parted.counts_of(place).expirations += 1;
                Some(place)
            }
        }
    }

    /// Makes a place vacant; `counted` says what its partition has one more of.
    pub(super) fn vacate(&mut self, place: Slot, counted: fn(&mut Counts) -> &mut u64) {
        match &mut self.parted {
            None => self.residency.remove(place),
            Some(parted) => {
                *counted(parted.counts_of(place)) += 1;
                parted.all_mut().remove(place)
            }
        };
    }

    pub(super) fn hit(&mut self, place: Slot, told: u64) {
        match &mut self.parted {
            None => self.residency.hit(place, told),
            Some(parted) => parted.all_mut().hit(place, told),
        }
    }

    /// Tells the policy of a hit that a reader has counted.
    pub(super) fn try_touch(&self, place: Slot) {
        let _marked = match &self.parted {
            None => self.residency.policy().try_touch(place),
            Some(parted) => parted.all().try_touch(place),
        };
    }

    pub(super) fn pin(&mut self, place: Slot) -> bool {
        match &mut self.parted {
            None => self.residency.pin(place),
            Some(parted) => parted.all_mut().pin(place),
        }
    }

    pub(super) fn unpin(&mut self, place: Slot) -> bool {
        match &mut self.parted {
            None => self.residency.unpin(place),
            Some(parted) => parted.all_mut().unpin(place),
        }
    }

    pub(super) fn is_pinned(&self, place: Slot) -> bool {
        match &self.parted {
            None => self.residency.is_pinned(place),
            Some(parted) => parted.all().is_pinned(place),
        }
    }

    /// Changes the capacity; false where what is pinned does not fit.
    fn set_capacity(&mut self, capacity: u64) -> bool {
        match &mut self.parted {
            None => self.residency.set_capacity(capacity).is_ok(),
            Some(parted) => parted.all_mut().set_capacity(capacity).is_ok(),
        }
    }

    pub(super) fn demand(
        &self,
        ticket: Ticket,
        ticks: u64,
        replaced: Option<Slot>,
    ) -> Result<Wanted, RejectReason> {
        match &self.parted {
            None => {
                let demand = self.residency.demand(ticket.weight, ticks, replaced);
                demand.map(Wanted::OfShard)
            }
            Some(parted) => {
                let claim = parted.claim(ticket, ticks, replaced);
                claim.map(Wanted::OfPartition)
            }
        }
    }

    pub(super) fn miss(&mut self, ticket: Ticket, told: u64) -> Hint {
        match &mut self.parted {
            None => self.residency.miss(told),
            Some(parted) => parted.miss(ticket.partition, told),
        }
    }

    /// Makes a place resident for whose entry there is room.
    pub(super) fn settle(
        &mut self,
        place: Slot,
        ticket: Ticket,
        told: u64,
        wanted: &Wanted,
        hint: Hint,
    ) {
        match (wanted, &mut self.parted) {
            (Wanted::OfPartition(claim), Some(parted)) => {
                parted.insert(place, ticket.partition, told, claim, hint);
            }
            (Wanted::OfShard(demand), _) => self.residency.insert(place, told, demand, hint),
            (Wanted::OfPartition(_), None) => unreachable!("partitions are there for good"),
        }
    }

    /// Gives a resident place the weight and the life of the entry that replaces its own.
    pub(super) fn renew(&mut self, place: Slot, wanted: &Wanted) {
        match (wanted, &mut self.parted) {
            (Wanted::OfPartition(claim), Some(parted)) => parted.all_mut().replace(place, claim),
            (Wanted::OfShard(demand), _) => self.residency.replace(place, demand),
            (Wanted::OfPartition(_), None) => unreachable!("partitions are there for good"),
        }
    }

    /// Adds what is counted of a partition, where there are partitions.
    pub(super) fn add_partition(&self, stats: &mut PartitionStats, index: usize) {
        if let Some(parted) = &self.parted {
            stats.add(parted, index);
        }
    }

    /// Counts something of the partition of a ticket, where there are partitions.
    pub(super) fn count_in(&mut self, partition: u16, counted: fn(&mut Counts) -> &mut u64) {
        if let Some(parted) = &mut self.parted {
            *counted(parted.counts_mut(partition)) += 1;
        }
    }

    /// Counts a victim of its partition, where there are partitions.
    pub(super) fn count_victim(&mut self, victim: Victim) {
        if let Some(parted) = &mut self.parted {
            parted.count_victim(victim);
        }
    }

    /// All places that are not pinned, the next victim first. O(entries).
    pub(super) fn coldest_first(&self) -> Vec<Slot>
    where
        P: Clone,
    {
        if let Some(parted) = &self.parted {
            return parted.coldest_first();
        }
        let mut order = self.residency.policy().clone();
        std::iter::from_fn(|| order.evict()).collect()
    }
}

impl<K, V, P: Policy> Locked<'_, K, V, P> {
    /// One step of making room for what is wanted.
    pub(super) fn make_room_for(&mut self, wanted: &mut Wanted) -> Room {
        let claim = match wanted {
            Wanted::OfShard(demand) => return self.make_room(demand),
            Wanted::OfPartition(claim) => claim,
        };
        let before = self.state.weight();
        let state = &mut *self.state;
        let parted = state
            .parted
            .as_mut()
            .expect("partitions are there for good");
        let places = &state.places;
        let room = if self.shard.counts_touches() {
            let mut writer = self.shard.arena.writer(&mut state.token);
            parted.make_room(claim, Some(|slot| writer.take_touches(places.arena(slot))))
        } else {
            parted.make_room(claim, None::<fn(Slot) -> u8>)
        };
        self.state.retired_weight += before - self.state.weight();
        room
    }

    /// Inserts an entry whose key is not there and which the shard's own residency has refused: for good, unless there are
    /// partitions.
    #[cold]
    #[inline(never)]
    pub(super) fn place_apart(
        &mut self,
        ticket: Ticket,
        ticks: u64,
        node: Node<K, V>,
        reason: RejectReason,
    ) -> Result<(), Rejected<K, V>> {
        if self.state.parted.is_none() {
            return Err(self.reject(node, reason));
        }
        let told = self.shard.told(ticket.hash);
        let mut wanted = match self.state.demand(ticket, ticks, None) {
            Ok(wanted) => wanted,
            Err(reason) => return Err(self.reject_of(ticket, node, reason)),
        };
        let hint = self.state.miss(ticket, told);
        loop {
            match self.make_room_for(&mut wanted) {
                Room::Made => break,
                Room::Victim(victim) => {
                    self.state.count_victim(victim);
                    self.leave(victim.slot, victim.cause());
                }
                Room::None => return Err(self.reject_of(ticket, node, RejectReason::AllPinned)),
            }
        }
        let place = self.show(ticket.hash, ticks, node);
        self.state.settle(place, ticket, told, &wanted, hint);
        self.state.counts.inserts += 1;
        self.state
            .count_in(ticket.partition, |counts| &mut counts.inserts);
        Ok(())
    }

    /// [`reject`](Self::reject), counted by its partition too.
    pub(super) fn reject_of(
        &mut self,
        ticket: Ticket,
        node: Node<K, V>,
        reason: RejectReason,
    ) -> Rejected<K, V> {
        self.state
            .count_in(ticket.partition, |counts| &mut counts.rejections);
        self.reject(node, reason)
    }

    /// Evicts one of those that a lowered limit has made too many.
    fn shed(&mut self) -> Option<Victim> {
        let state = &mut *self.state;
        let places = &state.places;
        let counts_touches = self.shard.counts_touches();
        let mut writer = self.shard.arena.writer(&mut state.token);
        let touches = |slot| writer.take_touches(places.arena(slot));
        match (&mut state.parted, counts_touches) {
            (None, true) => state.residency.shed_touched(touches),
            (None, false) => state.residency.shed(),
            (Some(parted), true) => parted.all_mut().shed_touched(touches),
            (Some(parted), false) => parted.all_mut().shed(),
        }
    }

    /// Lets go of what a lowered limit has made too many.
    fn shed_all(&mut self) {
        loop {
            let before = self.state.weight();
            let Some(victim) = self.shed() else { return };
            self.state.retired_weight += before - self.state.weight();
            self.state.count_victim(victim);
            self.leave(victim.slot, victim.cause());
        }
    }

    /// Changes the capacity, and lets go at once what no longer fits. False, and nothing has changed, where what is pinned does
    /// not fit.
    pub(super) fn set_capacity(&mut self, capacity: u64) -> bool {
        self.shard.drain(&mut self.state);
        let is_set = self.state.set_capacity(capacity);
        if is_set {
            self.state.retired_max = retired_max(self.settings, capacity);
            self.shed_all();
        }
        is_set
    }

    /// Changes the quota of a partition likewise; `of` is which of how many shards this is.
    pub(super) fn set_quota(&mut self, number: usize, quota: Quota, of: (usize, usize)) -> bool {
        self.shard.drain(&mut self.state);
        let parted = self.state.parted.as_mut();
        let is_set = parted.is_some_and(|parted| parted.set_quota(number, quota, of));
        if is_set {
            self.shed_all();
        }
        is_set
    }
}

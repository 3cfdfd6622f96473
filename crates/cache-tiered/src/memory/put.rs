//! Inserts and updates, under the lock of a shard.
//!
//! The order is always the same: first what may refuse or run code of others while nothing has changed (look-up, demand),
//! then evictions one by one, each complete before the next, and last the insert itself.

use super::locked::Locked;
use super::read::{Writer, pinned};
use super::shard::Node;
use cache_policies::{Cause, Demand, Policy, RejectReason, Rejected, Room, Slot};

/// Slots that wait to be reclaimed where readers are quick, and some to spare.
const RETIRED_SLOTS: u64 = 160;

/// What an entry is put in with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub(super) hash: u64,
    /// From `Settings::weigh`, before the lock.
    pub(super) weight: u32,
    /// The number of the key's partition, where there are partitions.
    pub(super) partition: u16,
    /// Milliseconds of life in place of the default of the cache.
    pub(super) ttl: Option<u64>,
}

impl<K, V, P: Policy> Locked<'_, K, V, P> {
    /// Inserts or replaces; what `former` makes of the value that the key had.
    #[inline]
    pub(super) fn put<R>(
        &mut self,
        ticket: Ticket,
        key: K,
        value: V,
        former: impl FnOnce(&V) -> R,
    ) -> Result<Option<R>, Rejected<K, V>>
    where
        K: Eq,
    {
        let ticks = match ticket.ttl {
            None => self.settings.time_to_live,
            Some(ttl) => {
                self.shard.set_timed();
                self.tick();
                ttl
            }
        };
        self.shard.drain(&mut self.state);
        let node = Node { key, value };
        match self.find_alive(ticket.hash, &node.key) {
            Some(slot) => self.replace(slot, ticket, ticks, node, former).map(Some),
            None => self.place(ticket, ticks, node).map(|()| None),
        }
    }

    /// Inserts an entry whose key is not there.
    #[inline]
    fn place(
        &mut self,
        ticket: Ticket,
        ticks: u64,
        node: Node<K, V>,
    ) -> Result<(), Rejected<K, V>> {
        let told = self.shard.told(ticket.hash);
        if let Some(mut writer) = self.exchange(told, ticks) {
            writer.insert_prepared(ticket.hash, node, |_| ());
            return Ok(());
        }
        self.place_any(ticket, told, ticks, node)
    }

    /// Lets an entry leave for one that comes, which the policy has in the place of the next slot then: what it is to be put
    /// in with. `None`, and nothing was done, where there is more to it. It is for a full cache without weights, lifetimes,
    /// pins and listener: no code of others runs, so that the policy may have the new entry before it is there.
    #[inline]
    fn exchange(&mut self, told: u64, ticks: u64) -> Option<Writer<'_, Node<K, V>>> {
        if self.is_weighed() || self.settings.told().is_some() || self.shard.is_timed() {
            return None;
        }
        let state = &mut *self.state;
        let mut writer = self.shard.arena.writer(&mut state.token);
        let slot = writer.next_slot();
        if slot >= state.reserved {
            return None;
        }
        let (residency, places) = (&mut state.residency, &state.places);
        let touches = |slot| writer.take_touches(places.arena(slot));
        let victim = residency.exchange_touched(places.policy(slot), told, ticks, touches)?;
        writer.discard(places.arena(victim));
        debug_assert_eq!(writer.next_slot(), slot, "what leaves is vacant later");
        state.counts.evictions += 1;
        state.counts.inserts += 1;
        Some(writer)
    }

    /// [`place`](Self::place) for any cache.
    #[inline(never)]
    fn place_any(
        &mut self,
        ticket: Ticket,
        told: u64,
        ticks: u64,
        node: Node<K, V>,
    ) -> Result<(), Rejected<K, V>> {
        let residency = &mut self.state.residency;
        let mut demand = match residency.demand(ticket.weight, ticks, None) {
            Ok(demand) => demand,
            Err(reason) => return self.place_apart(ticket, ticks, node, reason),
        };
        let hint = residency.miss(told);
        loop {
            match self.make_room(&mut demand) {
                Room::Made => break,
                Room::Victim(victim) => self.leave(victim.slot, victim.cause()),
                Room::None => return Err(self.reject(node, RejectReason::AllPinned)),
            }
            if !self.is_weighed() {
                // One goes, one comes; the limit was reached when it was set.
                debug_assert!(self.state.residency.fits(ticket.weight));
                break;
            }
        }
        let place = self.show(ticket.hash, ticks, node);
        self.state.residency.insert(place, told, &demand, hint);
        self.state.counts.inserts += 1;
        Ok(())
    }

    /// One step of making room.
    #[inline]
    pub(super) fn make_room(&mut self, demand: &mut Demand) -> Room {
        let state = &mut *self.state;
        let (residency, places) = (&mut state.residency, &state.places);
        let is_weighed = self.settings.weigher.is_some();
        let before = if is_weighed { residency.weight() } else { 0 };
        let room = if self.shard.counts_touches() {
            let mut writer = self.shard.arena.writer(&mut state.token);
            residency.make_room_touched(demand, |slot| writer.take_touches(places.arena(slot)))
        } else {
            residency.make_room(demand)
        };
        if is_weighed {
            state.retired_weight += before - residency.weight();
        }
        room
    }

    /// Whether entries may weigh other than 1.
    #[inline(always)]
    const fn is_weighed(&self) -> bool {
        self.settings.weigher.is_some()
    }

    /// Puts a node into the arena, where readers find it from here on; what stands for it in the policy.
    #[inline]
    pub(super) fn show(&mut self, hash: u64, ticks: u64, node: Node<K, V>) -> Slot {
        let shard = self.shard;
        let now = self.state.residency.now();
        let mut writer = shard.arena.writer(&mut self.state.token);
        let slot = writer.insert_prepared(hash, node, |slot| {
            if shard.is_timed() {
                shard.lives().begin(slot, now.saturating_add(ticks), now);
            }
        });
        if slot >= self.state.reserved {
            self.reserve(slot);
        }
        self.state.places.policy(slot)
    }

    /// Makes room in the policy's columns for a slot: twice as many, up to those that there can be where all weigh 1.
    #[cold]
    fn reserve(&mut self, slot: u32) {
        if self.state.parted.is_some() {
            return;
        }
        let residency = &mut self.state.residency;
        let slot = u64::from(slot);
        let expected = match self.settings.weigher {
            None => residency.capacity().saturating_add(RETIRED_SLOTS),
            Some(_) => 0,
        };
        let step = slot + slot / 8 + 16;
        let room = match step < expected {
            true => (2 * slot + 64).min(expected),
            false => step,
        };
        let slots = room.min(u64::from(Slot::MAX.get()) + 1);
        residency.reserve(slots as usize);
        self.state.reserved = slots as u32;
    }

    /// Puts a node in the place of that in a slot, which is alive and has the same key.
    #[inline]
    fn replace<R>(
        &mut self,
        slot: u32,
        ticket: Ticket,
        ticks: u64,
        node: Node<K, V>,
        former: impl FnOnce(&V) -> R,
    ) -> Result<R, Rejected<K, V>> {
        // Where all weigh 1, live for ever and are of one kind, there is room for it, and the policy hears of a hit and of nothing else.
        let is_plain = !self.is_weighed() && !self.shard.is_attended();
        if is_plain && self.state.residency.surplus_weight() == 0 {
            let told = self.shard.told(ticket.hash);
            self.hit(slot, self.state.places.policy(slot), told);
            self.state.counts.updates += 1;
            return Ok(self.swap(slot, ticks, node, former));
        }
        self.replace_any(slot, ticket, ticks, node, former)
    }

    /// [`replace`](Self::replace) in any cache.
    #[inline(never)]
    fn replace_any<R>(
        &mut self,
        slot: u32,
        ticket: Ticket,
        ticks: u64,
        node: Node<K, V>,
        former: impl FnOnce(&V) -> R,
    ) -> Result<R, Rejected<K, V>> {
        let told = self.shard.told(ticket.hash);
        let place = self.state.places.policy(slot);
        let mut wanted = match self.state.demand(ticket, ticks, Some(place)) {
            Ok(wanted) => wanted,
            Err(reason) => return Err(self.reject_of(ticket, node, reason)),
        };
        self.hit(slot, place, told);
        let mut former = Some(former);
        let mut own = None;
        loop {
            match self.make_room_for(&mut wanted) {
                Room::Made => break,
                Room::Victim(victim) if victim.slot == place => {
                    let copy = self.settings.told().map(|told| told.copy);
                    let former = former.take().expect("a slot is a victim once");
                    own = Some(self.unlink(slot, |node| {
                        let copied = copy.map(|copy| copy(&node.key, &node.value));
                        (former(&node.value), copied)
                    }));
                }
                Room::Victim(victim) => {
                    self.state.count_victim(victim);
                    self.leave(victim.slot, victim.cause());
                }
                Room::None => {
                    if let Some((_, copied)) = own {
                        self.state.counts.evictions += 1;
                        self.state
                            .count_in(ticket.partition, |counts| &mut counts.evictions);
                        if let Some((key, value)) = copied {
                            self.depart_as(key, value, Cause::Capacity);
                        }
                    }
                    return Err(self.reject_of(ticket, node, RejectReason::AllPinned));
                }
            }
        }
        self.state.counts.updates += 1;
        self.state
            .count_in(ticket.partition, |counts| &mut counts.updates);
        if let Some((former, _)) = own {
            // The policy may have remembered it as a victim: it forgets what is resident again.
            let hint = self.state.miss(ticket, told);
            let place = self.show(ticket.hash, ticks, node);
            self.state.settle(place, ticket, told, &wanted, hint);
            return Ok(former);
        }
        self.state.retired_weight += u64::from(self.state.weight_of(place));
        self.state.renew(place, &wanted);
        let former = former.expect("it was no victim");
        Ok(self.swap(slot, ticks, node, former))
    }

    /// Tells the policy of the hits of a slot that readers have counted, and of that which an update is.
    fn hit(&mut self, slot: u32, place: Slot, told: u64) {
        let state = &mut *self.state;
        let mut writer = self.shard.arena.writer(&mut state.token);
        let touches = writer.take_touches(slot);
        for _ in 0..=touches {
            state.hit(place, told);
        }
    }

    /// Shows a node in the place of that in a slot; what `former` makes of that one's value.
    fn swap<R>(
        &mut self,
        slot: u32,
        ticks: u64,
        node: Node<K, V>,
        former: impl FnOnce(&V) -> R,
    ) -> R {
        let (shard, state) = (self.shard, &mut *self.state);
        let now = state.residency.now();
        let mut writer = shard.arena.writer(&mut state.token);
        pinned(|pin| {
            let (new, old) = writer.replace_prepared(pin, slot, node, |slot| {
                if shard.is_timed() {
                    shard.lives().begin(slot, now.saturating_add(ticks), now);
                }
            });
            state.places.swap(slot, new);
            former(&old.value)
        })
    }
}

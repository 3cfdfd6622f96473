//! An owner on a `Residency`: keys, slots, and whatever way there is to tell of hits and uses.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;

use cache_policies::{
    AnyConfig, AnyPolicy, Cause, Demand, Hint, Policy, RejectReason, Residency, Room, Slot, Victim,
};
use foldhash::quality::FixedState;

use super::operation::{Op, Settings, ticks_of};

/// Counts of hits, by slot, and how far they go; those of an owner that tells of each hit are empty.
type Counts = Option<(u8, Vec<u8>)>;

pub(super) struct Owner {
    pub(super) residency: Residency<AnyPolicy>,
    slots: BTreeMap<u64, Slot>,
    /// By slot.
    keys: Vec<Option<u64>>,
    vacant: BTreeSet<Slot>,
    counts: Counts,
    /// When each slot was used, of an owner that tells of no use.
    used_at: Option<Vec<u64>>,
    /// The keys that left, since this was last looked at.
    pub(super) left: Vec<(u64, Cause)>,
}

pub(super) fn hash_of(key: u64) -> u64 {
    FixedState::with_seed(7).hash_one(key)
}

impl Owner {
    /// One that tells of each hit and use at once.
    pub(super) fn new(config: &AnyConfig, settings: Settings) -> Self {
        let policy = AnyPolicy::new(settings.capacity, config).unwrap();
        let residency = Residency::new(policy)
            .with_max_entries(settings.max_entries)
            .with_time_to_live(ticks_of(settings.time_to_live))
            .with_time_to_idle(ticks_of(settings.time_to_idle));
        Self {
            residency,
            slots: BTreeMap::new(),
            keys: Vec::new(),
            vacant: BTreeSet::new(),
            counts: None,
            used_at: None,
            left: Vec::new(),
        }
    }

    /// One that counts hits as far as the policy wants, and tells of them when it is asked; of uses it tells at once.
    pub(super) fn counting(mut self) -> Self {
        let touches_max = self.residency.policy().touches_max();
        self.counts = Some((touches_max.expect("the policy takes counts"), Vec::new()));
        self
    }

    /// One that notes when entries are used, and tells of it when it is asked.
    pub(super) fn noting(mut self) -> Self {
        self.used_at = Some(Vec::new());
        self
    }

    pub(super) fn live(&self, key: u64) -> Option<Slot> {
        let slot = *self.slots.get(&key)?;
        (!self.residency.is_dead(slot)).then_some(slot)
    }

    pub(super) fn apply(&mut self, op: &Op) -> Result<(), RejectReason> {
        match *op {
            Op::Request {
                key,
                weight,
                ticks,
                told,
            } => match self.live(key) {
                Some(slot) => self.hit(slot, key, told),
                None => return self.put(key, weight, ticks, told),
            },
            Op::Put {
                key,
                weight,
                ticks,
                told,
            } => return self.put(key, weight, ticks, told),
            Op::Remove { key } => {
                if let Some(slot) = self.live(key) {
                    self.residency.remove(slot);
                    self.vacate(slot);
                }
            }
            Op::Pin { key } => {
                if let Some(slot) = self.live(key) {
                    self.residency.pin(slot);
                }
            }
            Op::Unpin { key } => {
                if let Some(slot) = self.live(key) {
                    self.residency.unpin(slot);
                }
            }
            Op::Change { key, weight, told } => self.change(key, weight, told),
            Op::SetTtl { key, ticks } => {
                if let Some(slot) = self.live(key) {
                    self.note_use(slot);
                    if !self.residency.set_life(slot, ticks) {
                        self.residency.remove(slot);
                        self.leave(slot, Cause::Expired);
                    }
                }
            }
            Op::Advance { ticks } => {
                let now = self.residency.now().saturating_add(ticks);
                self.residency.advance_to(now);
                self.collect();
                self.shed(64);
            }
            Op::Evict => {
                let victim = match &mut self.counts {
                    None => self.residency.evict(),
                    Some((_, counts)) => self.residency.evict_touched(take(counts)),
                };
                if let Some(victim) = victim {
                    self.vacate(victim.slot);
                }
            }
            _ => self.apply_limit(op),
        }
        Ok(())
    }

    fn apply_limit(&mut self, op: &Op) {
        match *op {
            Op::SetCapacity { capacity } => {
                if self.residency.set_capacity(capacity).is_ok() {
                    self.shed(64);
                }
            }
            Op::SetMaxEntries { max_entries } => {
                if self.residency.set_max_entries(max_entries).is_ok() {
                    self.shed(64);
                }
            }
            Op::Shed { entries } => self.shed(entries),
            Op::SetTimeToIdle { ticks } => {
                self.residency
                    .set_time_to_idle(ticks, self.slots.values().copied());
                for slot in self.slots.clone().into_values() {
                    self.note_use(slot);
                }
                self.collect();
            }
            _ => unreachable!("{op:?} is no limit"),
        }
    }

    /// A hit that is told now, whatever the way is otherwise, or counted.
    fn hit(&mut self, slot: Slot, key: u64, told: bool) {
        self.note_use(slot);
        match &mut self.counts {
            Some((touches_max, counts)) if !told => {
                let count = &mut counts[slot.index()];
                *count = (*count + 1).min(*touches_max);
                if self.used_at.is_none() {
                    // The policy hears of the hit later, the idle time starts anew at once.
                    self.residency.renew(slot, self.residency.now());
                }
            }
            _ => self.residency.hit(slot, hash_of(key)),
        }
    }

    fn note_use(&mut self, slot: Slot) {
        if let Some(used_at) = &mut self.used_at {
            used_at[slot.index()] = self.residency.now();
        }
    }

    fn put(&mut self, key: u64, weight: u32, ticks: u64, told: bool) -> Result<(), RejectReason> {
        if let Some(&slot) = self.slots.get(&key)
            && self.residency.is_dead(slot)
        {
            self.residency.remove(slot);
            self.leave(slot, Cause::Expired);
        }
        let own = self.live(key);
        let mut demand = self.residency.demand(weight, ticks, own)?;
        let mut hint = Hint::NONE;
        match own {
            Some(slot) => self.hit(slot, key, told),
            None => hint = self.residency.miss(hash_of(key)),
        }
        let mut own_victim = None;
        loop {
            match self.make_room(&mut demand) {
                Room::Made => break,
                Room::Victim(victim) if Some(victim.slot) == own && own_victim.is_none() => {
                    // What it replaces is returned, not heard of.
                    self.vacate(victim.slot);
                    own_victim = Some(victim);
                    hint = self.residency.miss(hash_of(key));
                }
                Room::Victim(victim) => self.leave(victim.slot, victim.cause()),
                Room::None => {
                    self.left.extend(own_victim.map(|own| (key, own.cause())));
                    return Err(RejectReason::AllPinned);
                }
            }
        }
        match demand.replaced() {
            Some(slot) => self.residency.replace(slot, &demand),
            None => self.insert(key, &demand, hint),
        }
        Ok(())
    }

    fn make_room(&mut self, demand: &mut Demand) -> Room {
        match &mut self.counts {
            None => self.residency.make_room(demand),
            Some((_, counts)) => self.residency.make_room_touched(demand, take(counts)),
        }
    }

    fn insert(&mut self, key: u64, demand: &Demand, hint: Hint) {
        let slot = self.vacant.pop_first().unwrap_or_else(|| {
            self.keys.push(None);
            Slot::new(self.keys.len() as u32 - 1)
        });
        self.keys[slot.index()] = Some(key);
        self.slots.insert(key, slot);
        if let Some((_, counts)) = &mut self.counts {
            counts.resize(self.keys.len(), 0);
            counts[slot.index()] = 0;
        }
        if let Some(used_at) = &mut self.used_at {
            used_at.resize(self.keys.len(), 0);
        }
        self.note_use(slot);
        self.residency.insert(slot, hash_of(key), demand, hint);
    }

    /// As `Cache::get_mut` with a value that then weighs this.
    fn change(&mut self, key: u64, weight: u32, told: bool) {
        let Some(own) = self.live(key) else { return };
        self.hit(own, key, told);
        if weight <= self.residency.weight_of(own) {
            return self.residency.reweigh(own, weight);
        }
        let outgrow = |owner: &mut Self| {
            owner.residency.remove(own);
            owner.leave(own, Cause::Capacity);
        };
        let Ok(mut demand) = self.residency.demand(weight, u64::MAX, Some(own)) else {
            return outgrow(self);
        };
        loop {
            match self.make_room(&mut demand) {
                Room::Made => return self.residency.reweigh(own, weight),
                Room::Victim(victim) => {
                    self.leave(victim.slot, victim.cause());
                    if victim.slot == own {
                        return;
                    }
                }
                Room::None => return outgrow(self),
            }
        }
    }

    fn shed(&mut self, entries: usize) {
        for _ in 0..entries {
            let victim = match &mut self.counts {
                None => self.residency.shed(),
                Some((_, counts)) => self.residency.shed_touched(take(counts)),
            };
            let Some(victim) = victim else { return };
            self.leave(victim.slot, Victim::cause(victim));
        }
    }

    fn collect(&mut self) {
        loop {
            let dead = match &self.used_at {
                None => self.residency.pop_dead(),
                Some(used_at) => self.residency.pop_idle(|slot| used_at[slot.index()]),
            };
            let Some(slot) = dead else { return };
            self.leave(slot, Cause::Expired);
        }
    }

    fn leave(&mut self, slot: Slot, cause: Cause) {
        let key = self.vacate(slot);
        self.left.push((key, cause));
    }

    fn vacate(&mut self, slot: Slot) -> u64 {
        let key = self.keys[slot.index()].take().expect("the slot is taken");
        self.slots.remove(&key);
        self.vacant.insert(slot);
        key
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = (u64, Slot)> {
        self.slots.iter().map(|(&key, &slot)| (key, slot))
    }

    pub(super) fn check(&self) {
        self.residency.check();
        assert_eq!(self.residency.len(), self.slots.len());
        for slot in &self.vacant {
            assert!(!self.residency.is_pinned(*slot) && !self.residency.is_dead(*slot));
            assert_eq!(self.residency.deadline(*slot), None);
        }
    }
}

fn take(counts: &mut [u8]) -> impl FnMut(Slot) -> u8 {
    |slot| std::mem::take(&mut counts[slot.index()])
}

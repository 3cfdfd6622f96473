//! The naive model of LFU, LFU with dynamic ageing, GDSF and the offline bounds: a look at all entries at each eviction.

use std::cmp::Reverse;

use super::Model;

/// What a model is of.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(crate) enum Rank {
    Lfu,
    Lfuda,
    /// As libCacheSim has it.
    LfudaByAge,
    Gdsf,
    /// As libCacheSim has it; ages and numbers are the bits of floating-point numbers.
    GdsfDouble,
    Belady,
    BeladySize,
}

#[derive(Clone, Debug)]
struct Entry {
    slot: u32,
    weight: u32,
    requests: u64,
    /// What the entry is ranked by, in the policies that age; the weight is that of the last request.
    number: u128,
    /// When it came to where it stands.
    since: u64,
    /// When it is asked for again; `u64::MAX` for never.
    next: u64,
    pinned: bool,
}

pub(crate) struct RankModel {
    rank: Rank,
    entries: Vec<Entry>,
    age: u128,
    age_at_miss: u128,
    events: u64,
    now: u64,
    next: u64,
}

/// Where keys that the age is added to stop growing.
const BY_AGE_MAX: u128 = (1 << 63) - 1;

impl RankModel {
    pub(crate) fn new(rank: Rank) -> Self {
        RankModel {
            rank,
            entries: Vec::new(),
            age: 0,
            age_at_miss: 0,
            events: 0,
            now: 0,
            next: u64::MAX,
        }
    }

    fn event(&mut self) -> u64 {
        self.events += 1;
        self.events
    }

    fn at(&self, slot: u32) -> usize {
        let has_slot = |entry: &Entry| entry.slot == slot;
        self.entries.iter().position(has_slot).unwrap()
    }

    fn number(&self, age: u128, requests: u64, weight: u32) -> u128 {
        match self.rank {
            Rank::Gdsf => {
                let weight = u128::from(weight.max(1));
                age + ((u128::from(requests) << 64) + weight / 2) / weight
            }
            Rank::GdsfDouble => {
                let rate = requests as f64 * 1e6 / f64::from(weight.max(1));
                u128::from((f64::from_bits(age as u64) + rate).to_bits())
            }
            Rank::LfudaByAge => (age + u128::from(requests)).min(BY_AGE_MAX),
            _ => age + u128::from(requests),
        }
    }

    fn linked(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !entry.pinned)
    }

    fn victim(&self) -> Option<u32> {
        let worth = |entry: &Entry| {
            let time = i128::from(entry.next) - i128::from(self.now);
            match entry.next {
                u64::MAX => (true, i128::from(entry.weight)),
                _ => (false, i128::from(entry.weight) * time),
            }
        };
        let victim = match self.rank {
            Rank::Lfu => self
                .linked()
                .min_by_key(|entry| (entry.requests, entry.since)),
            Rank::Lfuda | Rank::LfudaByAge | Rank::Gdsf | Rank::GdsfDouble => self
                .linked()
                .min_by_key(|entry| (self.has_passed(entry), entry.number, entry.since)),
            Rank::Belady => self
                .linked()
                .max_by_key(|entry| (entry.next, Reverse(entry.slot))),
            Rank::BeladySize => self
                .linked()
                .max_by_key(|entry| (worth(entry), Reverse(entry.slot))),
        };
        victim.map(|entry| entry.slot)
    }

    fn has_passed(&self, entry: &Entry) -> bool {
        self.rank == Rank::LfudaByAge && entry.number < self.age
    }

    /// libCacheSim's age goes to the next number in use when the last entry with it has left it.
    fn leave_age(&mut self, slot: u32) {
        let others = self.linked().filter(|entry| entry.slot != slot);
        let numbers = others.map(|entry| entry.number);
        self.age = numbers
            .filter(|number| *number >= self.age)
            .min()
            .unwrap_or(self.age);
    }
}

impl Model for RankModel {
    fn foresee(&mut self, distance: u64) {
        self.now += 1;
        self.next = self.now.saturating_add(distance);
    }

    fn miss(&mut self, _hash: u64) -> bool {
        self.age_at_miss = self.age;
        false
    }

    fn insert(&mut self, slot: u32, _hash: u64, weight: u32, _remembered: bool) {
        let age = match self.rank {
            Rank::Gdsf | Rank::GdsfDouble => self.age_at_miss,
            _ => self.age,
        };
        let entry = Entry {
            slot,
            weight,
            requests: 1,
            number: self.number(age, 1, weight),
            since: self.event(),
            next: self.next,
            pinned: false,
        };
        self.entries.push(entry);
    }

    fn hit(&mut self, slot: u32) {
        let (at, since, age) = (self.at(slot), self.event(), self.age);
        let entry = self.entries[at].clone();
        let number = match self.rank {
            Rank::LfudaByAge => {
                if entry.number == age && !entry.pinned {
                    self.leave_age(slot);
                }
                (entry.number + age).min(BY_AGE_MAX)
            }
            _ => self.number(age, entry.requests + 1, entry.weight),
        };
        self.entries[at] = Entry {
            requests: entry.requests + 1,
            number,
            since,
            next: self.next,
            ..entry
        };
    }

    fn evict(&mut self) -> Option<u32> {
        let victim = self.victim()?;
        self.remove(victim, true);
        Some(victim)
    }

    fn remove(&mut self, slot: u32, remember: bool) {
        if remember && self.victim() == Some(slot) {
            self.age = self.age.max(self.entries[self.at(slot)].number);
            if self.rank == Rank::LfudaByAge {
                self.leave_age(slot);
            }
        }
        let at = self.at(slot);
        self.entries.remove(at);
    }

    fn reweigh(&mut self, slot: u32, weight: u32) {
        let at = self.at(slot);
        self.entries[at].weight = weight;
    }

    fn pin(&mut self, slot: u32) {
        let at = self.at(slot);
        self.entries[at].pinned = true;
    }

    fn unpin(&mut self, slot: u32) {
        let (at, since, age) = (self.at(slot), self.event(), self.age);
        let entry = self.entries[at].clone();
        if entry.pinned {
            let number = match self.rank {
                Rank::LfudaByAge => entry.number,
                _ => self.number(age, entry.requests, entry.weight),
            };
            self.entries[at] = Entry {
                pinned: false,
                number,
                since,
                ..entry
            };
        }
    }

    fn set_capacity(&mut self, _capacity: u64) {}
}

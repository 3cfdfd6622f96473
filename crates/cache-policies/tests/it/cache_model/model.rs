//! The dullest correct cache, and what it makes of the departures it is told of.

use std::collections::{BTreeMap, BTreeSet};

use cache_policies::{Cause, RejectReason};

use super::operation::Settings;

/// A value that can be told from every other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) id: u64,
    pub(super) weight: u32,
}

pub(super) type Log = Vec<(u32, Value, Cause)>;

/// What the model knows of a resident entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resident {
    pub(super) id: u64,
    /// What the cache was told at last.
    pub(super) weight: u32,
    pub(super) pinned: bool,
    /// Beyond this the idle time does not reach.
    pub(super) limit: u64,
    pub(super) deadline: u64,
}

pub(super) struct Model {
    pub(super) settings: Settings,
    pub(super) now: u64,
    pub(super) residents: BTreeMap<u32, Resident>,
    /// Values that were made and that nobody has got back or heard of yet.
    pub(super) owed: BTreeSet<u64>,
    pub(super) made: u64,
}

impl Model {
    pub(super) fn value(&mut self, weight: u32) -> Value {
        self.made += 1;
        self.owed.insert(self.made);
        Value {
            id: self.made,
            weight,
        }
    }

    /// The value has come back to its maker.
    pub(super) fn settle(&mut self, value: &Value) {
        assert!(self.owed.remove(&value.id), "{value:?} came back twice");
    }

    pub(super) fn weight(&self) -> u64 {
        self.residents
            .values()
            .map(|resident| u64::from(resident.weight))
            .sum()
    }

    pub(super) fn limits(&self, ticks: u64) -> (u64, u64) {
        let limit = self.now.saturating_add(ticks);
        (
            limit,
            limit.min(self.now.saturating_add(self.settings.time_to_idle)),
        )
    }

    /// What an insert must be refused for.
    pub(super) fn refusal(&self, key: u32, weight: u32, ticks: u64) -> Option<RejectReason> {
        if ticks == 0 || self.settings.time_to_idle == 0 {
            return Some(RejectReason::Stillborn);
        }
        self.misfit(key, weight)
    }

    pub(super) fn misfit(&self, key: u32, weight: u32) -> Option<RejectReason> {
        let pinned = || {
            self.residents
                .iter()
                .filter(|&(&other, resident)| other != key && resident.pinned)
        };
        let pinned_weight: u64 = pinned()
            .map(|(_, resident)| u64::from(resident.weight))
            .sum();
        if u64::from(weight) > self.settings.capacity || self.settings.max_entries == 0 {
            Some(RejectReason::TooHeavy)
        } else if pinned_weight + u64::from(weight) > self.settings.capacity
            || pinned().count() >= self.settings.max_entries
        {
            Some(RejectReason::AllPinned)
        } else {
            None
        }
    }

    /// Whether `key` fits with this weight beside all others.
    pub(super) fn fits(&self, key: u32, weight: u32) -> bool {
        let others = self.residents.iter().filter(|&(&other, _)| other != key);
        let taken: u64 = others
            .clone()
            .map(|(_, resident)| u64::from(resident.weight))
            .sum();
        taken + u64::from(weight) <= self.settings.capacity
            && others.count() < self.settings.max_entries
    }

    pub(super) fn touch(&mut self, key: u32) {
        let idle = self.now.saturating_add(self.settings.time_to_idle);
        if let Some(resident) = self.residents.get_mut(&key) {
            resident.deadline = resident.limit.min(idle);
        }
    }

    /// Takes what the listener heard as victims of a need for room, which were `own` and others.
    pub(super) fn hear_victims(&mut self, heard: Log, own: Option<u32>) {
        for (key, value, cause) in heard {
            assert_eq!(cause, Cause::Capacity);
            let victim = self.residents.remove(&key).expect("a victim was resident");
            assert_eq!(victim.id, value.id);
            assert!(!victim.pinned || own == Some(key), "{key} was pinned");
            self.settle(&value);
        }
    }

    /// Takes what the listener heard as exactly these keys, gone for `cause`.
    pub(super) fn hear_exactly(&mut self, heard: Log, keys: &BTreeSet<u32>, cause: Cause) {
        assert_eq!(
            heard.iter().map(|(key, ..)| *key).collect::<BTreeSet<_>>(),
            *keys
        );
        assert_eq!(heard.len(), keys.len());
        for (key, value, heard_cause) in heard {
            assert_eq!(heard_cause, cause);
            let gone = self.residents.remove(&key).expect("it was resident");
            assert_eq!(gone.id, value.id);
            self.settle(&value);
        }
    }
}

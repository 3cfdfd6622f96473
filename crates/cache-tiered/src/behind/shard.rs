//! One shard of the dirty set: its keys, and the order in which they are due.
//!
//! ```text
//!   due:    keys in the order in which they became dirty, which is that of their times
//!   later:  keys whose time is before that of the last in `due`, by their times
//!   paused: keys that failed, by the end of their pause
//!   hand:   goes round the slots for the coldest ones; a key that was written again is spared
//! ```
//!
//! Queues name a slot and a ticket. An entry has one valid ticket while it waits, so a place in a
//! queue that was left early is stale, and is passed over.

use super::entry::{Batch, Change, Displaced, Entry, Flight, State};
use hashbrown::{Equivalent, HashTable};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// Times that a key is spared at most.
const HEAT_MAX: u8 = 3;
/// Stale places beyond which a queue is cleaned, beside as many as there are keys.
const STALE_MAX: usize = 64;

struct Place {
    at: u64,
    slot: u32,
    ticket: u64,
}

pub(super) struct Shard<K, V> {
    table: HashTable<u32>,
    slots: Vec<Option<Entry<K, V>>>,
    free: Vec<u32>,
    due: VecDeque<Place>,
    later: BTreeSet<(u64, u32, u64)>,
    paused: BTreeSet<(u64, u32, u64)>,
    hand: usize,
    tickets: u64,
    waiting: usize,
    pub(super) dead: usize,
}

impl<K, V> Default for Shard<K, V> {
    fn default() -> Self {
        Self {
            table: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            due: VecDeque::new(),
            later: BTreeSet::new(),
            paused: BTreeSet::new(),
            hand: 0,
            tickets: 0,
            waiting: 0,
            dead: 0,
        }
    }
}

/// How an entry goes on after its flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Landed {
    /// It is gone; so many bytes were counted for it.
    Clean { bytes: usize, cohort: usize },
    /// A later change is there, of another cohort if `moved`.
    Dirty { cohort: usize, next: usize },
}

impl<K, V> Shard<K, V> {
    fn entry(&self, slot: u32) -> &Entry<K, V> {
        self.slots[slot as usize].as_ref().expect("a slot in use")
    }

    fn entry_mut(&mut self, slot: u32) -> &mut Entry<K, V> {
        self.slots[slot as usize].as_mut().expect("a slot in use")
    }

    fn slot<Q: Equivalent<K> + ?Sized>(&self, hash: u64, key: &Q) -> Option<u32> {
        let same = |&slot: &u32| {
            let entry = self.entry(slot);
            entry.hash == hash && key.equivalent(&entry.key)
        };
        self.table.find(hash, same).copied()
    }

    pub(super) fn find<Q: Equivalent<K> + ?Sized>(
        &self,
        hash: u64,
        key: &Q,
    ) -> Option<&Entry<K, V>> {
        self.slot(hash, key).map(|slot| self.entry(slot))
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry<K, V>> {
        self.slots.iter().flatten()
    }

    /// Takes a change in; it is due at `due` unless an older one of its key is.
    pub(super) fn put(
        &mut self,
        hash: u64,
        change: Change<K, V>,
        due: u64,
        cohort: usize,
        witnessed: u64,
    ) -> Option<Displaced>
    where
        K: Eq,
    {
        let Some(slot) = self.slot(hash, &change.key) else {
            let entry = Entry {
                hash,
                key: change.key,
                value: change.value,
                stamp: change.stamp,
                sequence: change.sequence,
                bytes: change.bytes,
                state: State::Waiting,
                cohort,
                next_cohort: cohort,
                due,
                heat: 0,
                failures: 0,
                attempts: 0,
                witnessed,
                ticket: 0,
            };
            let slot = self.occupy(entry);
            self.queue(slot, due);
            return None;
        };
        let entry = self.entry_mut(slot);
        let displaced = Displaced {
            sequence: entry.sequence,
            bytes: entry.bytes,
            counted: entry.is_counted(),
            flying: matches!(entry.state, State::Flying(stamp) if stamp == entry.stamp),
        };
        if displaced.flying {
            entry.due = due;
            entry.next_cohort = cohort;
        }
        entry.value = change.value;
        entry.stamp = change.stamp;
        entry.sequence = change.sequence;
        entry.bytes = change.bytes;
        entry.heat = (entry.heat + 1).min(HEAT_MAX);
        let paused = entry.failures > 0 && matches!(entry.state, State::Waiting);
        entry.failures = 0;
        entry.attempts = 0;
        entry.witnessed = witnessed;
        if !displaced.counted {
            entry.state = State::Waiting;
            entry.cohort = cohort;
            self.dead -= 1;
            self.queue(slot, due);
        } else if paused {
            // It was the former change that failed.
            self.waiting -= 1;
            self.queue(slot, due);
        }
        Some(displaced)
    }

    fn occupy(&mut self, entry: Entry<K, V>) -> u32 {
        let hash = entry.hash;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("fewer keys than 2^32")
        });
        self.slots[slot as usize] = Some(entry);
        let slots = &self.slots;
        let hash_of = |&slot: &u32| slots[slot as usize].as_ref().map_or(0, |entry| entry.hash);
        self.table.insert_unique(hash, slot, hash_of);
        slot
    }

    /// Gives a waiting entry its place.
    fn queue(&mut self, slot: u32, at: u64) {
        self.tickets += 1;
        let ticket = self.tickets;
        let entry = self.entry_mut(slot);
        entry.ticket = ticket;
        entry.due = at;
        self.waiting += 1;
        if self.entry(slot).failures > 0 {
            self.paused.insert((at, slot, ticket));
        } else if self.due.back().is_none_or(|last| last.at <= at) {
            self.due.push_back(Place { at, slot, ticket });
        } else {
            self.later.insert((at, slot, ticket));
        }
        let most = 2 * self.waiting + STALE_MAX;
        let slots = &self.slots;
        if self.due.len() > most {
            self.due
                .retain(|place| is_valid(slots, place.slot, place.ticket));
        }
        for set in [&mut self.later, &mut self.paused] {
            if set.len() > most {
                set.retain(|&(_, slot, ticket)| is_valid(slots, slot, ticket));
            }
        }
    }

    /// When the first is due; none if nobody waits.
    pub(super) fn first_due(&mut self) -> Option<u64> {
        self.drop_stale();
        self.firsts().map(|(at, _)| at).min()
    }

    /// The first of each queue.
    fn firsts(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        let due = self.due.front().map(|place| (place.at, place.slot));
        let later = self.later.first().map(|&(at, slot, _)| (at, slot));
        let paused = self.paused.first().map(|&(at, slot, _)| (at, slot));
        [due, later, paused].into_iter().flatten()
    }

    fn drop_stale(&mut self) {
        while let Some(place) = self.due.front()
            && !is_valid(&self.slots, place.slot, place.ticket)
        {
            self.due.pop_front();
        }
        for set in [&mut self.later, &mut self.paused] {
            while let Some(&(_, slot, ticket)) = set.first()
                && !is_valid(&self.slots, slot, ticket)
            {
                set.pop_first();
            }
        }
    }

    /// Takes the first that waits, if `wanted` says so of it and of its time.
    pub(super) fn take_first(
        &mut self,
        wanted: impl Fn(u64, &Entry<K, V>) -> bool,
        index: usize,
        batch: &mut Batch<K, V>,
    ) -> bool
    where
        K: Clone,
        V: Clone,
    {
        self.drop_stale();
        let first = self
            .firsts()
            .filter(|&(at, slot)| wanted(at, self.entry(slot)))
            .min();
        let Some((_, slot)) = first else { return false };
        self.fly(slot, index, batch);
        true
    }

    /// Takes up to `limit` of those that were not written again for the longest.
    pub(super) fn take_cold(&mut self, limit: usize, index: usize, batch: &mut Batch<K, V>)
    where
        K: Clone,
        V: Clone,
    {
        let mut left = limit.min(self.waiting);
        // After so many rounds nobody is spared any more.
        let steps = self.slots.len() * (usize::from(HEAT_MAX) + 1);
        for _ in 0..steps {
            if left == 0 {
                return;
            }
            self.hand = (self.hand + 1) % self.slots.len();
            let Some(entry) = &mut self.slots[self.hand] else {
                continue;
            };
            // One that failed waits for the end of its pause.
            if !matches!(entry.state, State::Waiting) || entry.failures > 0 {
                continue;
            }
            if entry.heat > 0 {
                entry.heat -= 1;
                continue;
            }
            self.fly(self.hand as u32, index, batch);
            left -= 1;
        }
    }

    fn fly(&mut self, slot: u32, index: usize, batch: &mut Batch<K, V>)
    where
        K: Clone,
        V: Clone,
    {
        let entry = self.slots[slot as usize].as_mut().expect("a slot in use");
        batch.push(index, slot, entry);
        entry.state = State::Flying(entry.stamp);
        entry.ticket = 0;
        self.waiting -= 1;
    }

    /// The flight's change is applied.
    pub(super) fn land(
        &mut self,
        flight: &Flight,
        witnessed: u64,
    ) -> (Landed, Option<Entry<K, V>>) {
        let entry = self.entry_mut(flight.slot);
        debug_assert!(matches!(entry.state, State::Flying(stamp) if stamp == flight.stamp));
        let cohort = entry.cohort;
        if entry.stamp == flight.stamp {
            let gone = self.vacate(flight.slot);
            let bytes = gone.bytes;
            return (Landed::Clean { bytes, cohort }, Some(gone));
        }
        let (next, due) = (entry.next_cohort, entry.due);
        entry.cohort = next;
        entry.state = State::Waiting;
        entry.witnessed = witnessed;
        self.queue(flight.slot, due);
        (Landed::Dirty { cohort, next }, None)
    }

    /// The flight's change is not applied: it waits until `at`, or a later change of its key does
    /// until that is due. True if there is a later one.
    pub(super) fn return_at(&mut self, flight: &Flight, at: u64) -> bool {
        let entry = self.entry_mut(flight.slot);
        let replaced = entry.stamp != flight.stamp;
        let at = if replaced { entry.due.min(at) } else { at };
        entry.state = State::Waiting;
        self.queue(flight.slot, at);
        replaced
    }

    /// The entry of a flight.
    pub(super) fn flying(&mut self, flight: &Flight) -> &mut Entry<K, V> {
        self.entry_mut(flight.slot)
    }

    /// The flight's change is given up; the bytes and the cohort that were counted for it. None if
    /// a later change of its key came.
    pub(super) fn bury(&mut self, flight: &Flight, reason: Arc<str>) -> Option<(usize, usize)> {
        let entry = self.entry_mut(flight.slot);
        if entry.stamp != flight.stamp {
            return None;
        }
        entry.state = State::Dead(reason);
        let counted = (entry.bytes, entry.cohort);
        self.dead += 1;
        Some(counted)
    }

    /// Takes out an entry that does not fly.
    pub(super) fn remove(&mut self, hash: u64, key: &K) -> Option<Entry<K, V>>
    where
        K: Eq,
    {
        let slot = self.slot(hash, key)?;
        match self.entry(slot).state {
            State::Waiting => self.waiting -= 1,
            State::Flying(_) => return None,
            State::Dead(_) => self.dead -= 1,
        }
        Some(self.vacate(slot))
    }

    /// Adds a change that is dead already.
    pub(super) fn put_dead(&mut self, hash: u64, change: Change<K, V>, reason: Arc<str>)
    where
        K: Eq,
    {
        let entry = Entry {
            hash,
            key: change.key,
            value: change.value,
            stamp: change.stamp,
            sequence: change.sequence,
            bytes: change.bytes,
            state: State::Dead(reason),
            cohort: 0,
            next_cohort: 0,
            due: 0,
            heat: 0,
            failures: 0,
            attempts: 0,
            witnessed: 0,
            ticket: 0,
        };
        self.occupy(entry);
        self.dead += 1;
    }

    /// Makes a dead change wait again, due at once; the bytes to be counted for it.
    pub(super) fn revive<Q: Equivalent<K> + ?Sized>(
        &mut self,
        hash: u64,
        key: &Q,
        sequence: u64,
        now: u64,
        cohort: usize,
    ) -> Option<usize> {
        let slot = self.slot(hash, key)?;
        let entry = self.entry_mut(slot);
        if !matches!(entry.state, State::Dead(_)) || entry.sequence != sequence {
            return None;
        }
        entry.state = State::Waiting;
        entry.failures = 0;
        entry.attempts = 0;
        entry.cohort = cohort;
        let bytes = entry.bytes;
        self.dead -= 1;
        self.queue(slot, now);
        Some(bytes)
    }

    /// Takes a dead change out.
    pub(super) fn discard<Q: Equivalent<K> + ?Sized>(
        &mut self,
        hash: u64,
        key: &Q,
    ) -> Option<Entry<K, V>> {
        let slot = self.slot(hash, key)?;
        if !matches!(self.entry(slot).state, State::Dead(_)) {
            return None;
        }
        self.dead -= 1;
        Some(self.vacate(slot))
    }

    fn vacate(&mut self, slot: u32) -> Entry<K, V> {
        let hash = self.entry(slot).hash;
        if let Ok(found) = self.table.find_entry(hash, |&found| found == slot) {
            found.remove();
        }
        self.free.push(slot);
        self.slots[slot as usize].take().expect("a slot in use")
    }
}

fn is_valid<K, V>(slots: &[Option<Entry<K, V>>], slot: u32, ticket: u64) -> bool {
    slots[slot as usize]
        .as_ref()
        .is_some_and(|entry| entry.ticket == ticket)
}

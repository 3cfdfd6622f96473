//! A dirty key, and a batch of them on its way to the store.

use crate::sink::Mutation;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What is known of a change that the store does not have yet.
pub(super) struct Entry<K, V> {
    pub(super) hash: u64,
    pub(super) key: K,
    /// The latest value; none for a removal.
    pub(super) value: Option<V>,
    /// Of the latest change.
    pub(super) stamp: u64,
    /// The record of the latest change in the journal. Those of the changes before are settled.
    pub(super) sequence: u64,
    /// Of key and value, encoded.
    pub(super) bytes: usize,
    pub(super) state: State,
    /// The cohort that flushes wait for; that of the oldest change that is not applied.
    pub(super) cohort: usize,
    /// The cohort of the first change that came while an older one was flying.
    pub(super) next_cohort: usize,
    /// When the oldest change that is not flying is due.
    pub(super) due: u64,
    /// Changes that became one here, up to a cap, less the times that the key was spared for them.
    pub(super) heat: u8,
    /// Failures of the latest change in a row.
    pub(super) failures: u32,
    /// Those of them that count.
    pub(super) attempts: u32,
    /// Successes of the store when this change came or last failed in a way that counts.
    pub(super) witnessed: u64,
    /// The place in a queue that is valid; others that name this slot are stale.
    pub(super) ticket: u64,
}

/// Where a change is.
pub(super) enum State {
    /// In the set, until it is taken.
    Waiting,
    /// The change with this stamp is being applied. The entry may hold a later one.
    Flying(u64),
    /// Given up, and still readable.
    Dead(Arc<str>),
}

impl<K, V> Entry<K, V> {
    /// True if it takes room among the dirty keys.
    pub(super) const fn is_counted(&self) -> bool {
        !matches!(self.state, State::Dead(_))
    }
}

/// A change that came in.
pub(super) struct Change<K, V> {
    pub(super) key: K,
    pub(super) value: Option<V>,
    pub(super) stamp: u64,
    pub(super) sequence: u64,
    pub(super) bytes: usize,
}

/// What a change took the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Displaced {
    /// Its record, to be settled.
    pub(super) sequence: u64,
    pub(super) bytes: usize,
    /// It took room among the dirty keys.
    pub(super) counted: bool,
    /// It is on its way to the store nevertheless.
    pub(super) flying: bool,
}

/// One change on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    pub(super) shard: usize,
    pub(super) slot: u32,
    pub(super) hash: u64,
    pub(super) stamp: u64,
    pub(super) sequence: u64,
}

/// Changes of different keys that go to the store together; flight and mutation `n` are the same
/// change.
pub(super) struct Batch<K, V> {
    pub(super) flights: Vec<Flight>,
    pub(super) mutations: Vec<Mutation<K, V>>,
    /// Changes that could not be copied, as a clone of their key or value panicked.
    pub(super) uncopied: Vec<Flight>,
}

impl<K: Clone, V: Clone> Batch<K, V> {
    pub(super) const fn new() -> Self {
        Self {
            flights: Vec::new(),
            mutations: Vec::new(),
            uncopied: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.flights.len()
    }

    /// Adds the latest change of an entry, or that it could not be copied.
    pub(super) fn push(&mut self, shard: usize, slot: u32, entry: &Entry<K, V>) {
        let stamp = entry.stamp;
        let flight = Flight {
            shard,
            slot,
            hash: entry.hash,
            stamp,
            sequence: entry.sequence,
        };
        let copy = || match (entry.key.clone(), entry.value.clone()) {
            (key, Some(value)) => Mutation::put(key, value, stamp),
            (key, None) => Mutation::remove(key, stamp),
        };
        // A worker that died of it would leave the others of the batch on their way for ever.
        match catch_unwind(AssertUnwindSafe(copy)) {
            Ok(mutation) => {
                self.mutations.push(mutation);
                self.flights.push(flight);
            }
            Err(_) => self.uncopied.push(flight),
        }
    }
}

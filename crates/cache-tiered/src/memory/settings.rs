//! What all shards of a memory tier have in common.

use super::clock::Clock;
use super::departed::{Departed, Departure};
use super::loads::Loads;
use super::partition::Partitioning;
use super::tally::Tally;
use foldhash::quality::RandomState;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(super) type SharedWeigher<K, V> = Arc<dyn Fn(&K, &V) -> u32 + Send + Sync>;

/// What is said of a key that leaves, under the lock of its shard.
pub(crate) type Marker<K> = Arc<dyn Fn(&K) -> u64 + Send + Sync>;

/// Who is told of departures, and how copies for that are made.
pub(super) struct Told<K, V> {
    pub(super) listener: Arc<dyn Fn(Departure<K, V>) + Send + Sync>,
    pub(super) copy: fn(&K, &V) -> (K, V),
    pub(super) mark: Option<Marker<K>>,
    /// How many hear what the listener is told; none where it is always told. While it is 0, the cache is as one without a
    /// listener. Relaxed: what leaves beside the coming or going of a hearer may be missed.
    pub(super) heard: Option<Arc<AtomicUsize>>,
}

impl<K, V> Clone for Told<K, V> {
    fn clone(&self) -> Self {
        Self {
            listener: Arc::clone(&self.listener),
            copy: self.copy,
            mark: self.mark.clone(),
            heard: self.heard.clone(),
        }
    }
}

/// What all shards of a cache have in common. Constant, but for the tally and the loads, which have lines
/// of their own.
pub(super) struct Settings<K, V> {
    pub(super) hasher: RandomState,
    pub(super) tally: Tally,
    pub(super) loads: Loads,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) weigher: Option<SharedWeigher<K, V>>,
    pub(super) told: Option<Told<K, V>>,
    pub(super) partitioning: Option<Partitioning<K>>,
    /// Milliseconds; `NEVER` is without limit.
    pub(super) time_to_live: u64,
    pub(super) time_to_idle: u64,
    /// What the clock said first.
    pub(super) start: u64,
    /// Stripes of the hit buffers of a shard.
    pub(super) stripes: usize,
}

impl<K, V> Settings<K, V> {
    /// The weight of an entry: the caller has no lock.
    #[inline]
    pub(super) fn weigh(&self, key: &K, value: &V) -> u32 {
        match &self.weigher {
            None => 1,
            Some(weigh) => weigh(key, value),
        }
    }

    /// The number of the partition of a key: the caller has no lock.
    #[inline]
    pub(super) fn partition(&self, key: &K) -> u16 {
        match &self.partitioning {
            None => 0,
            Some(partitioning) => partitioning.of(key),
        }
    }

    /// Who is to be told of what leaves just now.
    #[inline(always)]
    pub(super) fn told(&self) -> Option<&Told<K, V>> {
        let is_heard = |told: &&Told<K, V>| {
            let heard = told.heard.as_ref();
            heard.is_none_or(|hearers| hearers.load(Ordering::Relaxed) != 0)
        };
        self.told.as_ref().filter(is_heard)
    }

    /// Tells the listener of what left; the caller has no lock.
    #[inline]
    pub(super) fn dispatch(&self, departed: Departed<K, V>) {
        if let Some(told) = &self.told {
            departed.into_iter().for_each(|left| (told.listener)(left));
        }
    }
}

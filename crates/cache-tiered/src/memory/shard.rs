//! One shard: a cache of its own, and what is under way for its keys.

use super::clock::Clock;
use super::departed::Departed;
use super::flight::Flights;
use cache_policies::{
    AnyConfig, AnyPolicy, Cache, Cause, ConfigError, RejectReason, Rejected, Weigh,
};
use foldhash::quality::RandomState;
use hashbrown::Equivalent;
use std::hash::Hash;
use std::sync::Arc;

pub(super) type SharedWeigher<K, V> = Arc<dyn Fn(&K, &V) -> u32 + Send + Sync>;

/// The weigher of the user, or 1 for each entry where there is none.
pub(super) struct Weigher<K, V>(pub(super) Option<SharedWeigher<K, V>>);

impl<K, V> Weigh<K, V> for Weigher<K, V> {
    #[inline]
    fn weigh(&self, key: &K, value: &V) -> u32 {
        match &self.0 {
            None => 1,
            Some(weigh) => weigh(key, value),
        }
    }
}

type Entries<K, V> = Cache<K, V, AnyPolicy, Weigher<K, V>, Departed<K, V>, RandomState>;

/// What the mutex of a shard guards.
pub(super) struct Shard<K, V> {
    pub(super) entries: Entries<K, V>,
    pub(super) flights: Flights<K, V>,
    /// Some entry may have a limited life, so the clock is read before the entries are.
    timed: bool,
}

/// What all shards of a cache have in common.
pub(super) struct Settings<K, V> {
    pub(super) policy: AnyConfig,
    pub(super) weigher: Option<SharedWeigher<K, V>>,
    pub(super) hasher: RandomState,
    /// Milliseconds; none is without limit.
    pub(super) time_to_live: Option<u64>,
    pub(super) time_to_idle: Option<u64>,
    pub(super) now: u64,
}

impl<K, V> Shard<K, V> {
    pub(super) fn new(capacity: u64, settings: &Settings<K, V>) -> Result<Self, ConfigError> {
        let mut builder = Cache::<K, V>::builder()
            .capacity(capacity)
            .policy::<AnyPolicy>(settings.policy.clone())
            .weigher(Weigher(settings.weigher.clone()))
            .listener(Departed::default())
            .hasher(settings.hasher.clone())
            .now(settings.now);
        if let Some(ticks) = settings.time_to_live {
            builder = builder.time_to_live(ticks);
        }
        if let Some(ticks) = settings.time_to_idle {
            builder = builder.time_to_idle(ticks);
        }
        Ok(Self {
            entries: builder.build()?,
            flights: Flights::new(),
            timed: settings.time_to_live.is_some() || settings.time_to_idle.is_some(),
        })
    }
}

impl<K, V> Shard<K, V> {
    pub(super) const fn is_timed(&self) -> bool {
        self.timed
    }
}

impl<K: Hash + Eq, V> Shard<K, V> {
    /// Lets the time pass that has passed; nothing where no entry has a limited life.
    #[inline]
    pub(super) fn tick(&mut self, clock: &dyn Clock) {
        if self.timed {
            self.entries.advance_to(clock.now());
        }
    }

    /// Inserts; `ttl` is a life in milliseconds in place of the default of the cache.
    pub(super) fn insert(
        &mut self,
        clock: &dyn Clock,
        hash: u64,
        key: K,
        value: V,
        ttl: Option<u64>,
    ) -> Result<Option<V>, Rejected<K, V>> {
        match ttl {
            None => self.entries.insert_with_hash(hash, key, value),
            Some(ttl) => {
                self.timed = true;
                self.tick(clock);
                self.entries.insert_with_ttl_and_hash(hash, key, value, ttl)
            }
        }
    }

    pub(super) fn peek<Q: Equivalent<K> + ?Sized>(&self, hash: u64, key: &Q) -> Option<&V> {
        self.entries.peek_with_hash(hash, key)
    }

    pub(super) fn remove<Q: Equivalent<K> + ?Sized>(
        &mut self,
        hash: u64,
        key: &Q,
    ) -> Option<(K, V)> {
        self.entries.remove_entry_with_hash(hash, key)
    }

    /// Ends a mutation whose value readers are not to see here: they ask the store.
    pub(super) fn conceal(&mut self, hash: u64, key: &K) -> Option<(K, V)> {
        self.flights.detach(hash, key);
        let former = self.remove(hash, key);
        self.flights.hand_over(hash, key);
        former
    }

    /// An entry that was refused leaves at once, as one that was evicted or has expired would.
    pub(super) fn depart(&mut self, rejected: Rejected<K, V>) {
        let cause = match rejected.reason {
            RejectReason::Stillborn => Cause::Expired,
            _ => Cause::Capacity,
        };
        let Rejected { key, value, .. } = rejected;
        self.entries.listener_mut().push(key, value, cause);
    }
}

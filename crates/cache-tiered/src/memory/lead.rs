//! Loads: who misses takes part in the load of the key, or leads it.

use super::flight::{Asked, Ending, Load, Mutant, active};
use super::shards::Core;
use crate::error::LoadError;
use cache_policies::{AnyPolicy, Policy};
use std::hash::Hash;
use std::sync::Arc;

/// How a miss goes on.
pub(crate) enum Joined<K: Hash + Eq, V: Clone, P: Policy = AnyPolicy> {
    /// It is none: the value came meanwhile.
    Resident(V),
    /// Somebody loads already.
    Waiting {
        load: Arc<Load<V>>,
        /// The load asks whom this caller would ask.
        same: bool,
    },
    /// The caller loads.
    Leading(Lead<K, V, P>),
}

impl<K: Hash + Eq + Clone, V: Clone, P: Policy> Core<K, V, P> {
    /// After a miss: takes part in the load of the key, or starts it. One step under the lock.
    pub(crate) fn join(self: &Arc<Self>, hash: u64, key: &K, asked: Asked) -> Joined<K, V, P> {
        self.join_unless(hash, key, asked, |_| true)
    }

    /// [`join`](Self::join) for a caller whom not every value serves: one that `serves` refuses
    /// stays where it is, and the caller waits or leads as if there were none.
    pub(crate) fn join_unless(
        self: &Arc<Self>,
        hash: u64,
        key: &K,
        asked: Asked,
        serves: impl FnOnce(&V) -> bool,
    ) -> Joined<K, V, P> {
        // Before the lock, and before there is a load: a clone or a clock that panics leaves none that nobody leads.
        let (own, began) = (key.clone(), self.settings().clock.nanoseconds());
        let mut shard = self.settled(hash);
        let serving = |value: &V| serves(value).then(|| value.clone());
        if let Some(value) = shard.peek(hash, key, serving).flatten() {
            shard.release(false);
            return Joined::Resident(value);
        }
        if let Some(load) = shard.state.flights.load(hash, key) {
            let same = load.asked == asked;
            return Joined::Waiting { load, same };
        }
        Joined::Leading(Lead {
            load: shard.state.flights.attach(hash, key, asked),
            core: Arc::clone(self),
            hash,
            key: own,
            began,
            landed: false,
        })
    }
}

/// The duty to end a load, whatever happens: dropped without an answer, it abandons the load.
pub(crate) struct Lead<K: Hash + Eq, V: Clone, P: Policy = AnyPolicy> {
    core: Arc<Core<K, V, P>>,
    load: Arc<Load<V>>,
    hash: u64,
    key: K,
    /// When the load began, by the clock's nanoseconds.
    began: u64,
    landed: bool,
}

/// Whether and how long a loaded value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// It only answers those who asked.
    No,
    /// As long as the tier does by default.
    Default,
    /// So many milliseconds.
    For(u64),
}

/// What the end of a load leaves in the tier, if nothing changed the key meanwhile.
#[derive(Debug)]
pub(crate) enum Install<V> {
    /// What was there.
    Leave,
    /// Nothing.
    Remove,
    /// A value; one that the tier does not take leaves nothing behind, as in a mutation.
    Put(V, Keep),
}

impl Keep {
    pub(super) const fn ttl(self) -> Option<u64> {
        match self {
            Self::For(ttl) => Some(ttl),
            Self::No | Self::Default => None,
        }
    }
}

impl<K: Hash + Eq, V: Clone, P: Policy> Lead<K, V, P> {
    /// The key to load.
    pub(crate) fn key(&self) -> &K {
        &self.key
    }

    /// Nanoseconds since the load began.
    pub(crate) fn took(&self) -> u64 {
        let now = self.core.settings().clock.nanoseconds();
        now.saturating_sub(self.began)
    }

    /// Ends the load: installs the value if nothing changed the key meanwhile, then answers
    /// everybody who joined. False if a change kept it from being installed.
    pub(crate) fn land(self, answer: Result<V, LoadError>, keep: Keep) -> bool
    where
        K: Clone,
    {
        let install = match &answer {
            Ok(value) if keep != Keep::No => Install::Put(value.clone(), keep),
            _ => Install::Leave,
        };
        self.end(answer, install)
    }

    /// [`land`](Self::land) where what is installed need not be the answer.
    pub(crate) fn end(mut self, answer: Result<V, LoadError>, install: Install<V>) -> bool
    where
        K: Clone,
    {
        let (key, hash) = (self.key.clone(), self.hash);
        // Before the lock: a weigher that panics leaves an abandoned load, not one without end.
        let ticket = match &install {
            Install::Put(value, keep) => Some(self.core.ticket(hash, &key, value, keep.ttl())),
            _ => None,
        };
        let settings = self.core.settings();
        let took = settings.clock.nanoseconds().saturating_sub(self.began);
        settings.loads.ended(took, answer.is_ok());
        // What is not needed is handed out of the lock, to be dropped there.
        let (attached, _refused, _unused) = self.core.with(hash, |shard| {
            if !shard.state.flights.land(hash, &self.load) {
                return (false, None, Some(install));
            }
            let refused = match (install, ticket) {
                (Install::Put(value, _), Some(ticket)) => {
                    let refused = shard.put(ticket, key, value, |_| ()).err();
                    if let Some(refused) = &refused {
                        shard.remove(hash, &refused.key, |_| ());
                    }
                    refused
                }
                (Install::Remove, _) => {
                    shard.remove(hash, &key, |_| ());
                    None
                }
                _ => None,
            };
            (true, refused, None)
        });
        self.landed = true;
        self.load.end(Ending::Answered(answer));
        attached
    }
}

impl<K: Hash + Eq, V: Clone, P: Policy> Drop for Lead<K, V, P> {
    fn drop(&mut self) {
        if !self.landed {
            self.core.settings().loads.abandoned();
            // No listener is told of anything in between: should it panic, the load had no end.
            let mut shard = self.core.lock(self.hash);
            if !active(Mutant::AbandonedStays) {
                shard.state.flights.land(self.hash, &self.load);
            }
            drop(shard);
            if !active(Mutant::Unabandoned) {
                self.load.end(Ending::Abandoned);
            }
        }
    }
}

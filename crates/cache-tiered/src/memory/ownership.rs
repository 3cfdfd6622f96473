//! Ownership of a key: one mutation after the other.

use super::compute::Compute;
use super::flight::{Mutant, Turn, active};
use super::lead::Keep;
use super::shards::Core;
use cache_policies::{AnyPolicy, Policy};
use std::hash::Hash;
use std::panic::resume_unwind;
use std::sync::Arc;

impl<K: Hash + Eq + Clone, V, P: Policy> Core<K, V, P> {
    /// Queues a mutation of the key; dropped before its turn came it leaves the queue.
    pub(crate) fn enqueue(self: &Arc<Self>, hash: u64, key: &K) -> Ownership<K, V, P> {
        // First: a clone that panics must not leave a turn that nobody takes.
        let (core, own) = (Arc::clone(self), key.clone());
        let turn = self.lock(hash).state.flights.enqueue(hash, key);
        Ownership {
            core,
            turn,
            hash,
            key: own,
            hides: true,
            ended: false,
        }
    }
}

/// A mutation's right to a key, or its place in the queue for it.
///
/// Dropped by a panic of the store while the outcome is open, it hides the key: the next read
/// asks the store.
pub(crate) struct Ownership<K: Hash + Eq, V, P: Policy = AnyPolicy> {
    core: Arc<Core<K, V, P>>,
    turn: Arc<Turn>,
    hash: u64,
    key: K,
    /// Dropped while the outcome is open, it hides the key.
    hides: bool,
    ended: bool,
}

impl<K: Hash + Eq, V, P: Policy> Ownership<K, V, P> {
    /// Waits for the key.
    pub(crate) async fn granted(&self) {
        self.turn.granted().await;
    }

    /// Waits for the key on this thread.
    pub(super) fn wait_until_granted(&self) {
        self.turn.wait_until_granted();
    }

    /// The store has the value: readers see it from here on for as long as `keep` says, or ask the
    /// store if the key was invalidated meanwhile or the value is not to be kept. A value that the
    /// tier does not take leaves nothing behind, above all not its predecessor.
    pub(crate) fn show(mut self, key: K, value: V, keep: Keep) {
        let ended = &mut self.ended;
        // Before the lock: a weigher that panics leaves the key hidden, not owned for ever.
        let ticket = self.core.ticket(self.hash, &key, &value, keep.ttl());
        let _refused = self.core.with(self.hash, |shard| {
            if keep == Keep::No || shard.state.flights.is_invalidated(self.hash, &self.turn) {
                let concealed = shard.conceal(self.hash, &key, &self.turn);
                *ended = true;
                concealed.unwrap_or_else(|payload| resume_unwind(payload));
                return Some((key, value));
            }
            if !active(Mutant::ShownAttached) {
                shard.state.flights.detach(self.hash, &key);
            }
            let rejected = shard.put(ticket, key, value, |_| ()).err();
            if rejected.is_some() {
                shard.remove(self.hash, &self.key, |_| ());
            }
            shard.state.flights.hand_over(self.hash, &self.turn);
            // Not later: after a listener that panics the key must not be handed over once more.
            *ended = true;
            rejected.map(|rejected| (rejected.key, rejected.value))
        });
    }

    /// The store has no value, or nobody knows: readers ask it from here on.
    pub(crate) fn hide(mut self) {
        let ended = &mut self.ended;
        self.core.with(self.hash, |shard| {
            let concealed = shard.conceal(self.hash, &self.key, &self.turn);
            *ended = true;
            concealed.unwrap_or_else(|payload| resume_unwind(payload));
        });
    }

    /// Nothing has changed.
    pub(crate) fn leave(mut self) {
        self.ended = true;
        let mut shard = self.core.lock(self.hash);
        shard.state.flights.hand_over(self.hash, &self.turn);
    }

    /// Dropped while the outcome is open, it leaves the key as it is: there is no store that may have another.
    pub(super) fn leaving(mut self) -> Self {
        self.hides = false;
        self
    }

    /// The value of the key as it is now.
    pub(super) fn current(&self) -> Option<V>
    where
        V: Clone,
    {
        let (hash, key) = (self.hash, &self.key);
        self.core
            .with(hash, |shard| shard.peek(hash, key, V::clone))
    }

    /// Does what was computed, unless somebody who does not queue has changed the key meanwhile: then that stays.
    pub(super) fn finish(mut self, key: K, computed: Compute<V>) {
        let ended = &mut self.ended;
        let hash = self.hash;
        let put = match computed {
            Compute::Keep => return self.leave(),
            Compute::Remove => None,
            Compute::Put(value) => Some((self.core.ticket(hash, &key, &value, None), key, value)),
        };
        let _refused = self.core.with(hash, |shard| {
            let mut refused = None;
            if shard.state.flights.is_invalidated(hash, &self.turn) {
                refused = put.map(|(_, key, value)| (key, value));
            } else {
                shard.state.flights.detach(hash, &self.key);
                let rejected =
                    put.map(|(ticket, key, value)| shard.put(ticket, key, value, |_| ()));
                if !matches!(rejected, Some(Ok(_))) {
                    shard.remove(hash, &self.key, |_| ());
                }
                if let Some(Err(rejected)) = rejected {
                    let rejected = shard.depart(rejected);
                    refused = rejected.map(|rejected| (rejected.key, rejected.value));
                }
            }
            shard.state.flights.hand_over(hash, &self.turn);
            *ended = true;
            refused
        });
    }
}

impl<K: Hash + Eq, V, P: Policy> Drop for Ownership<K, V, P> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut shard = self.core.lock(self.hash);
        if self.turn.is_granted() && !self.hides {
            shard.state.flights.hand_over(self.hash, &self.turn);
        } else if self.turn.is_granted() {
            // The time does not pass here: a clock that panics must not keep the key.
            // Nor may a comparison of keys that panics end the process, should this be in the midst of another panic.
            let _swallowed = shard.conceal(self.hash, &self.key, &self.turn);
            shard.release(false);
        } else {
            shard.state.flights.withdraw(self.hash, &self.turn);
        }
    }
}

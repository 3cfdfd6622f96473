//! The hot set: what a shard holds in the order of its policy, for snapshots, and what comes back from one.

use super::lives::NEVER;
use super::locked::Locked;
use super::shards::Core;
use cache_policies::{Policy, Slot};
use std::hash::Hash;

/// An entry and the rest of its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resident<K, V> {
    pub(crate) key: K,
    pub(crate) value: V,
    /// Milliseconds that it may still be kept; `u64::MAX` is for ever. Its idle time begins anew.
    pub(crate) left: u64,
}

/// What became of an entry that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Returned {
    Installed,
    /// The key is there already, or a load or a mutation of it is under way, which knows better.
    Present,
    /// There is no room for it.
    Refused,
}

impl<K: Clone, V: Clone, P: Policy + Clone> Locked<'_, K, V, P> {
    /// Copies of all entries that are alive, the next victim last; pinned ones first. O(entries) time and memory: a copy
    /// of the policy is asked, eviction by eviction.
    fn hottest_first(&mut self) -> Vec<Resident<K, V>> {
        self.tell_hits();
        let slots = self.slots();
        let places = self.state.coldest_first();
        let pinned = |place: &Slot| self.state.is_pinned(*place);
        let mut kept: Vec<Slot> = slots
            .iter()
            .map(|&slot| self.state.places.policy(slot))
            .filter(pinned)
            .collect();
        kept.extend(places.into_iter().rev());
        let now = self.state.residency.now();
        let lefts = kept.into_iter().filter_map(|place| {
            let slot = self.state.places.arena(place);
            Some((slot, self.left(slot, now)?))
        });
        let lefts: Vec<(u32, u64)> = lefts.collect();
        lefts
            .into_iter()
            .map(|(slot, left)| {
                self.at(slot, |node| Resident {
                    key: node.key.clone(),
                    value: node.value.clone(),
                    left,
                })
            })
            .collect()
    }
}

impl<K, V, P: Policy + Clone> Core<K, V, P> {
    /// What all shards hold, the hottest of each first, then the second of each, and so on. Shard by shard as they are at one
    /// instant each. O(entries).
    pub(crate) fn hottest_first(&self) -> Vec<Resident<K, V>>
    where
        K: Hash + Eq + Clone,
        V: Clone,
    {
        let shards = self.shards().map(|shard| shard.run(Locked::hottest_first));
        let mut shards: Vec<_> = shards.map(Vec::into_iter).collect();
        let mut hottest = Vec::with_capacity(shards.iter().map(ExactSizeIterator::len).sum());
        while hottest.len() < hottest.capacity() {
            let before = hottest.len();
            hottest.extend(shards.iter_mut().filter_map(Iterator::next));
            if hottest.len() == before {
                break;
            }
        }
        hottest
    }
}

impl<K: Hash + Eq, V: Clone, P: Policy> Core<K, V, P> {
    /// Inserts an entry of a snapshot, unless something newer is there or on its way. It lives no longer than the cache lets
    /// what is inserted now.
    pub(crate) fn give_back(&self, resident: Resident<K, V>) -> Returned {
        let Resident { key, value, left } = resident;
        let hash = self.hash(&key);
        let own = self.settings().time_to_live;
        let ttl = (left != NEVER && left < own).then_some(left);
        let ticket = self.ticket(hash, &key, &value, ttl);
        // Returned, so that it is dropped without the lock.
        let (returned, _refused) = self.with(hash, |shard| {
            let is_there = shard.peek(hash, &key, |_| ()).is_some();
            if is_there || shard.state.flights.under_way(hash, &key) != (false, false) {
                return (Returned::Present, None);
            }
            match shard.put(ticket, key, value, |_| ()) {
                Ok(_) => (Returned::Installed, None),
                Err(refused) => (Returned::Refused, Some(refused)),
            }
        });
        returned
    }
}

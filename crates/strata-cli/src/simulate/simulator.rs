//! One policy at one size, driven by a trace.

use cache_policies::{Policy, Slot};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

use super::access::Access;

/// A cache without values: the index, the policy, and the count of misses.
///
/// ```
/// use cache_policies::{Lru, LruConfig, Policy};
/// use strata_cli::simulate::{Access, Simulator};
///
/// let mut simulator = Simulator::new(Lru::new(2, &LruConfig::default())?);
/// simulator.run(&[1, 2, 1, 3, 1, 2].map(|hash| Access { hash, weight: 1 }));
/// assert_eq!(simulator.misses(), 4);
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct Simulator<P> {
    policy: P,
    /// The resident objects. Found by a seeded hash of the hash, since a trace may be made to collide.
    index: HashTable<Resident>,
    /// The hash of the object in each slot; stale in free ones.
    hashes: Vec<u64>,
    /// Slots below `hashes.len()` that hold nothing.
    free: Vec<Slot>,
    seed: RandomState,
    misses: u64,
}

#[derive(Clone, Copy, Debug)]
struct Resident {
    hash: u64,
    slot: Slot,
}

impl<P: Policy> Simulator<P> {
    /// An empty cache under `policy`, which must be empty too.
    ///
    /// # Panics
    ///
    /// If the policy has entries already: nothing is known of their slots.
    #[must_use]
    pub fn new(policy: P) -> Self {
        assert!(policy.is_empty(), "the policy must be empty");
        Self {
            policy,
            index: HashTable::new(),
            hashes: Vec::new(),
            free: Vec::new(),
            seed: RandomState::default(),
            misses: 0,
        }
    }

    /// The requests so far that found nothing.
    #[must_use]
    pub fn misses(&self) -> u64 {
        self.misses
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &P {
        &self.policy
    }

    /// Serves the requests in order: a hit tells the policy (a changed size is not looked at, as in the reference); a miss
    /// evicts until the object fits and inserts it, unless it weighs more than the whole cache.
    pub fn run(&mut self, block: &[Access]) {
        for access in block {
            let spread = self.seed.hash_one(access.hash);
            match self
                .index
                .find(spread, |resident| resident.hash == access.hash)
            {
                Some(resident) => self.policy.hit(resident.slot, access.hash),
                None => self.miss(*access, spread),
            }
        }
    }

    fn miss(&mut self, access: Access, spread: u64) {
        self.misses += 1;
        let hint = self.policy.miss(access.hash);
        let weight = u64::from(access.weight);
        if weight > self.policy.capacity() {
            return;
        }
        while self.policy.weight() + weight > self.policy.capacity() {
            let victim = self
                .policy
                .evict()
                .expect("nothing is pinned, so what has weight can be evicted");
            self.drop_slot(victim);
        }
        let slot = self.take_slot(access.hash);
        let resident = Resident {
            hash: access.hash,
            slot,
        };
        let seed = &self.seed;
        self.index
            .insert_unique(spread, resident, |resident| seed.hash_one(resident.hash));
        self.policy.insert(slot, access.hash, access.weight, hint);
    }

    fn drop_slot(&mut self, slot: Slot) {
        let hash = self.hashes[slot.index()];
        self.index
            .find_entry(self.seed.hash_one(hash), |resident| resident.slot == slot)
            .expect("a resident slot is in the index")
            .remove();
        self.free.push(slot);
    }

    fn take_slot(&mut self, hash: u64) -> Slot {
        if let Some(slot) = self.free.pop() {
            self.hashes[slot.index()] = hash;
            return slot;
        }
        let number =
            u32::try_from(self.hashes.len()).expect("fewer than 2^32 objects are resident");
        self.hashes.push(hash);
        Slot::new(number)
    }
}

//! LRU: the entry whose last request is the longest ago goes first.

use crate::any::Parameters;
use crate::error::ConfigError;
use crate::ledger::Ledger;
use crate::list::{Lists, Unlinked};
use crate::policy::{Hint, Policy};
use crate::slot::Slot;

/// The parameters of [`Lru`]: it has none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct LruConfig {}

impl Parameters for LruConfig {
    const POLICY: &'static str = "lru";
}

/// Least recently used (R. L. Mattson, J. Gecsei, D. R. Slutz, I. L. Traiger, "Evaluation techniques for storage
/// hierarchies", IBM Systems Journal 9(2), 1970).
///
/// A hit, an insert and an unpin make an entry the most recently used. Each call takes constant time; 8 bytes a slot,
/// 12 once weights differ from 1.
///
/// ```
/// use cache_policies::{Hint, Lru, LruConfig, Policy, Slot};
///
/// let mut lru = Lru::new(2, &LruConfig::default())?;
/// lru.insert(Slot::new(0), 10, 1, Hint::NONE);
/// lru.insert(Slot::new(1), 11, 1, Hint::NONE);
/// lru.hit(Slot::new(0), 10);
/// assert_eq!(lru.evict(), Some(Slot::new(1)));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct Lru {
    ledger: Ledger,
    queue: Lists<1>,
}

impl Policy for Lru {
    type Config = LruConfig;

    fn new(capacity: u64, _config: &LruConfig) -> Result<Self, ConfigError> {
        Ok(Lru {
            ledger: Ledger::new(capacity),
            queue: Lists::new(),
        })
    }

    #[inline]
    fn miss(&mut self, _hash: u64) -> Hint {
        Hint::NONE
    }

    #[inline]
    fn insert(&mut self, slot: Slot, _hash: u64, weight: u32, _hint: Hint) {
        self.queue.insert_new(0, slot);
        self.ledger.admit(slot, weight);
    }

    #[inline]
    fn hit(&mut self, slot: Slot, _hash: u64) {
        // A pinned entry has no place in the order; unpinning makes it the most recent.
        if self.queue.expect_resident(slot).is_none() {
            self.queue.move_to_front(0, slot);
        }
    }

    #[inline]
    fn evict(&mut self) -> Option<Slot> {
        let victim = self.queue.back(0)?;
        self.queue.unlink(0, victim, Unlinked::Absent);
        self.ledger.dismiss(victim);
        Some(victim)
    }

    fn remove(&mut self, slot: Slot, _remember: bool) {
        self.queue.remove_resident(0, slot);
        self.ledger.dismiss(slot);
    }

    fn weight_of(&self, slot: Slot) -> u32 {
        self.queue.expect_resident(slot);
        self.ledger.weight_of(slot)
    }

    fn reweigh(&mut self, slot: Slot, weight: u32) {
        self.queue.expect_resident(slot);
        self.ledger.reweigh(slot, weight);
    }

    fn pin(&mut self, slot: Slot) {
        self.queue.pin_resident(0, slot);
    }

    fn unpin(&mut self, slot: Slot) {
        if self.queue.expect_resident(slot) == Some(Unlinked::Pinned) {
            self.queue.push_front(0, slot);
        }
    }

    #[inline]
    fn capacity(&self) -> u64 {
        self.ledger.capacity()
    }

    fn set_capacity(&mut self, capacity: u64) {
        self.ledger.set_capacity(capacity);
    }

    #[inline]
    fn weight(&self) -> u64 {
        self.ledger.weight()
    }

    #[inline]
    fn len(&self) -> usize {
        self.ledger.len()
    }

    fn check(&self) {
        self.queue.check(0);
        self.ledger
            .check(self.queue.iter(0).chain(self.queue.pinned()));
    }
}

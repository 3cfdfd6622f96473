//! LRU: the entry whose last request is the longest ago goes first.

use crate::any::Parameters;
use crate::error::ConfigError;
use crate::policy::{Hint, Policy};
use crate::queue::Queue;
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
#[derive(Clone, Debug)]
pub struct Lru {
    queue: Queue,
}

impl Policy for Lru {
    type Config = LruConfig;

    fn new(capacity: u64, _config: &LruConfig) -> Result<Self, ConfigError> {
        Ok(Lru {
            queue: Queue::new(capacity),
        })
    }

    fn reserve(&mut self, slots: usize) {
        self.queue.reserve(slots);
    }

    #[inline(always)]
    fn insert(&mut self, slot: Slot, _hash: u64, weight: u32, _hint: Hint) {
        self.queue.insert(slot, weight);
    }

    #[inline(always)]
    fn hit(&mut self, slot: Slot, _hash: u64) {
        // A pinned entry has no place in the order; unpinning makes it the most recent.
        self.queue.renew(slot);
    }

    #[inline(always)]
    fn victim(&mut self) -> Option<Slot> {
        self.queue.oldest()
    }

    #[inline(always)]
    fn evict(&mut self) -> Option<Slot> {
        let victim = self.queue.oldest()?;
        self.queue.evict(victim);
        Some(victim)
    }

    fn remove(&mut self, slot: Slot, _remember: bool) {
        self.queue.remove(slot);
    }

    fn pin(&mut self, slot: Slot) {
        self.queue.pin(slot);
    }

    fn unpin(&mut self, slot: Slot) {
        self.queue.unpin(slot);
    }

    queue_answers!(queue);

    fn check(&self) {
        self.queue.check();
    }
}

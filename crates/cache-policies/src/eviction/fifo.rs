//! FIFO: the entry that came first goes first.

use crate::any::Parameters;
use crate::error::ConfigError;
use crate::policy::{Hint, Policy, SharedHit};
use crate::queue::Queue;
use crate::slot::Slot;

/// The parameters of [`Fifo`]: it has none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct FifoConfig {}

impl Parameters for FifoConfig {
    const POLICY: &'static str = "fifo";
}

/// First in, first out (L. A. Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems
/// Journal 5(2), 1966).
///
/// Hits change nothing. An entry that is unpinned starts its age anew. Each call takes constant time; 8 bytes a slot,
/// 12 once weights differ from 1.
///
/// ```
/// use cache_policies::{Fifo, FifoConfig, Hint, Policy, Slot};
///
/// let mut fifo = Fifo::new(2, &FifoConfig::default())?;
/// fifo.insert(Slot::new(0), 10, 1, Hint::NONE);
/// fifo.insert(Slot::new(1), 11, 1, Hint::NONE);
/// fifo.hit(Slot::new(0), 10);
/// assert_eq!(fifo.evict(), Some(Slot::new(0)));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fifo {
    queue: Queue,
}

impl Policy for Fifo {
    type Config = FifoConfig;

    fn new(capacity: u64, _config: &FifoConfig) -> Result<Self, ConfigError> {
        Ok(Fifo {
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
    fn hit(&mut self, _slot: Slot, _hash: u64) {}

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

    #[inline]
    fn try_touch(&self, slot: Slot) -> bool {
        self.touch(slot);
        true
    }

    #[inline]
    fn touches_max(&self) -> Option<u8> {
        Some(0)
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

impl SharedHit for Fifo {
    #[inline]
    fn touch(&self, _slot: Slot) {}
}

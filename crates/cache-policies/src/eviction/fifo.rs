//! FIFO: the entry that came first goes first.

use crate::any::Parameters;
use crate::error::ConfigError;
use crate::ledger::Ledger;
use crate::list::{Lists, Unlinked};
use crate::policy::{Hint, Policy, SharedHit};
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
#[derive(Debug)]
pub struct Fifo {
    ledger: Ledger,
    queue: Lists<1>,
}

impl Policy for Fifo {
    type Config = FifoConfig;

    fn new(capacity: u64, _config: &FifoConfig) -> Result<Self, ConfigError> {
        Ok(Fifo {
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
    fn hit(&mut self, _slot: Slot, _hash: u64) {}

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

impl SharedHit for Fifo {
    #[inline]
    fn touch(&self, _slot: Slot) {}
}

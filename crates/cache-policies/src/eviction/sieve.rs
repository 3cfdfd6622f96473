//! SIEVE: FIFO with one bit an entry, and a hand that stays where it evicted.

use crate::any::Parameters;
use crate::error::ConfigError;
use crate::ledger::Ledger;
use crate::list::{Lists, Place, Unlinked};
use crate::marks::Marks;
use crate::policy::{Hint, Policy, SharedHit};
use crate::slot::Slot;

/// The parameters of [`Sieve`]: it has none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct SieveConfig {}

impl Parameters for SieveConfig {
    const POLICY: &'static str = "sieve";
}

/// SIEVE (Y. Zhang, J. Yang, Y. Yue, Y. Vigfusson, K. V. Rashmi, "SIEVE is simpler than LRU", NSDI 2024).
///
/// New entries stand at the head, unvisited; a hit marks its entry as visited. To evict, the hand goes from where it
/// last evicted toward the head, from there on from the tail: it clears the mark of visited entries, which keep their
/// places, and stops at the first unvisited one. Where the entry under the hand is removed or pinned, the hand moves to
/// the next in that direction.
///
/// Hits write one byte, and only where it is not set; all calls but `evict` take constant time. `evict` takes at most
/// linked + 1 steps, amortised one and one for each mark set since. 9 bytes a slot, 13 once weights differ from 1. An
/// entry that is unpinned stands at the head and keeps its mark.
///
/// ```
/// use cache_policies::{Hint, Policy, Sieve, SieveConfig, Slot};
///
/// let mut sieve = Sieve::new(3, &SieveConfig::default())?;
/// for number in 0..3 {
///     sieve.insert(Slot::new(number), 10 + u64::from(number), 1, Hint::NONE);
/// }
/// sieve.hit(Slot::new(0), 10);
/// assert_eq!(sieve.evict(), Some(Slot::new(1)));
/// sieve.insert(Slot::new(1), 13, 1, Hint::NONE);
/// assert_eq!(sieve.evict(), Some(Slot::new(2)));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct Sieve {
    ledger: Ledger,
    queue: Lists<1>,
    visited: Marks,
    /// Where the next sweep starts; at the sentinel, which is newer than the head, it starts at the tail.
    hand: Place,
}

impl Sieve {
    /// Moves the hand off a slot that is about to be unlinked.
    #[inline]
    fn step_off(&mut self, slot: Slot) {
        if self.hand == Lists::<1>::place(slot) {
            self.hand = self.queue.newer(self.hand);
        }
    }
}

impl Policy for Sieve {
    type Config = SieveConfig;

    fn new(capacity: u64, _config: &SieveConfig) -> Result<Self, ConfigError> {
        Ok(Sieve {
            ledger: Ledger::new(capacity),
            queue: Lists::new(),
            visited: Marks::new(),
            hand: Lists::<1>::sentinel(0),
        })
    }

    #[inline]
    fn miss(&mut self, _hash: u64) -> Hint {
        Hint::NONE
    }

    #[inline]
    fn insert(&mut self, slot: Slot, _hash: u64, weight: u32, _hint: Hint) {
        self.queue.insert_new(0, slot);
        self.visited.start(slot, 0);
        self.ledger.admit(slot, weight);
    }

    #[inline]
    fn hit(&mut self, slot: Slot, _hash: u64) {
        self.visited.raise(slot, u8::MAX, 1);
    }

    #[inline]
    fn evict(&mut self) -> Option<Slot> {
        if self.queue.len(0) == 0 {
            return None;
        }
        let steps_max = self.queue.len(0) + 1;
        let mut steps = 0;
        let victim = loop {
            let Some(slot) = Lists::<1>::slot(self.hand) else {
                self.hand = self.queue.newer(self.hand);
                continue;
            };
            steps += 1;
            debug_assert!(steps <= steps_max, "the hand went around without an end");
            if self.visited.get(slot) == 0 {
                break slot;
            }
            self.visited.set(slot, 0);
            self.hand = self.queue.newer(self.hand);
        };
        self.step_off(victim);
        self.queue.unlink(0, victim, Unlinked::Absent);
        self.ledger.dismiss(victim);
        Some(victim)
    }

    fn remove(&mut self, slot: Slot, _remember: bool) {
        self.step_off(slot);
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
        self.step_off(slot);
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
        let residents = || self.queue.iter(0).chain(self.queue.pinned());
        self.ledger.check(residents());
        if let Some(slot) = Lists::<1>::slot(self.hand) {
            assert_eq!(
                self.queue.unlinked(slot),
                None,
                "the hand is on an unlinked slot"
            );
        }
        assert!(
            residents().all(|slot| self.visited.get(slot) <= 1),
            "a mark is more than a bit"
        );
    }
}

impl SharedHit for Sieve {
    #[inline]
    fn touch(&self, slot: Slot) {
        self.visited.touch(slot, u8::MAX, 1);
    }
}

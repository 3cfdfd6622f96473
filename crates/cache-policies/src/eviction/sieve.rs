//! SIEVE: FIFO with one bit an entry, and a hand that stays where it evicted.

use crate::any::Parameters;
use crate::error::ConfigError;
use crate::list::Place;
use crate::marks::{Marks, Untold, all_told};
use crate::policy::{Hint, Policy, SharedHit};
use crate::queue::Queue;
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
#[derive(Clone, Debug)]
pub struct Sieve {
    queue: Queue,
    visited: Marks,
    /// Where the next sweep starts; at the sentinel, which is newer than the head, it starts at the tail.
    hand: Place,
}

impl Sieve {
    /// Moves the hand on to the first unvisited entry, which is the victim.
    #[inline(always)]
    fn sweep<T: FnMut(Slot) -> u8>(&mut self, mut untold: Untold<T>) -> Option<Slot> {
        if self.queue.linked() == 0 {
            return None;
        }
        // Twice: hits that come while it moves are marks anew.
        let steps_max = 2 * self.queue.linked() + 1;
        let mut steps = 0;
        loop {
            let Some(slot) = Queue::slot(self.hand) else {
                self.hand = self.queue.newer(self.hand);
                continue;
            };
            steps += 1;
            debug_assert!(steps <= steps_max, "the hand went around without an end");
            if self.visited.get(slot) | untold.take(slot) == 0 {
                return Some(slot);
            }
            self.visited.set(slot, 0);
            self.hand = self.queue.newer(self.hand);
        }
    }

    #[inline(always)]
    fn let_go(&mut self, victim: Slot) {
        self.step_off(victim);
        self.queue.evict(victim);
    }

    /// Moves the hand off a slot that is about to be unlinked.
    #[inline]
    fn step_off(&mut self, slot: Slot) {
        if self.hand == Queue::place(slot) {
            self.hand = self.queue.newer(self.hand);
        }
    }
}

impl Policy for Sieve {
    type Config = SieveConfig;

    fn new(capacity: u64, _config: &SieveConfig) -> Result<Self, ConfigError> {
        Ok(Sieve {
            queue: Queue::new(capacity),
            visited: Marks::new(),
            hand: Queue::sentinel(),
        })
    }

    fn reserve(&mut self, slots: usize) {
        self.queue.reserve(slots);
        self.visited.reserve(slots);
    }

    #[inline(always)]
    fn insert(&mut self, slot: Slot, _hash: u64, weight: u32, _hint: Hint) {
        self.queue.insert(slot, weight);
        self.visited.start(slot, 0);
    }

    #[inline(always)]
    fn hit(&mut self, slot: Slot, _hash: u64) {
        self.visited.raise(slot, u8::MAX, 1);
    }

    #[inline(always)]
    fn victim(&mut self) -> Option<Slot> {
        self.sweep(all_told())
    }

    #[inline(always)]
    fn evict(&mut self) -> Option<Slot> {
        let victim = self.sweep(all_told())?;
        self.let_go(victim);
        Some(victim)
    }

    #[inline]
    fn try_touch(&self, slot: Slot) -> bool {
        self.touch(slot);
        true
    }

    #[inline]
    fn touches_max(&self) -> Option<u8> {
        Some(1)
    }

    #[inline]
    fn evict_touched<T: FnMut(Slot) -> u8>(&mut self, touches: T) -> Option<Slot> {
        let victim = self.sweep(Untold::new(touches, self.queue.linked()))?;
        self.let_go(victim);
        Some(victim)
    }

    fn remove(&mut self, slot: Slot, _remember: bool) {
        self.step_off(slot);
        self.queue.remove(slot);
    }

    fn pin(&mut self, slot: Slot) {
        self.step_off(slot);
        self.queue.pin(slot);
    }

    fn unpin(&mut self, slot: Slot) {
        self.queue.unpin(slot);
    }

    queue_answers!(queue);

    fn check(&self) {
        self.queue.check();
        if let Some(slot) = Queue::slot(self.hand) {
            assert!(
                self.queue.is_linked(slot),
                "the hand is on an unlinked slot"
            );
        }
        assert!(
            self.queue
                .residents()
                .all(|slot| self.visited.get(slot) <= 1),
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

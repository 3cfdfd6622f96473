//! CLOCK: FIFO with a second chance (or several) for entries that were hit.

use alloc::string::{String, ToString};

use crate::any::{Parameter, Parameters};
use crate::error::ConfigError;
use crate::list::Place;
use crate::marks::{Marks, Untold, all_told};
use crate::policy::{Hint, Policy, SharedHit};
use crate::queue::Queue;
use crate::slot::Slot;

/// The parameters of [`Clock`].
///
/// ```
/// use cache_policies::{Clock, ClockConfig, Policy};
///
/// let config = ClockConfig::default().with_bits(2);
/// assert_eq!(config.bits(), 2);
/// assert!(Clock::new(100, &config).is_ok());
/// assert!(Clock::new(100, &config.with_bits(0)).is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ClockConfig {
    bits: u8,
}

impl Default for ClockConfig {
    fn default() -> Self {
        ClockConfig { bits: 1 }
    }
}

impl ClockConfig {
    /// How many bits count the hits of an entry, from 1 to 8: it is passed over up to 2^bits - 1 times. 1 by default.
    #[must_use]
    pub fn with_bits(self, bits: u8) -> Self {
        ClockConfig { bits }
    }

    /// See [`ClockConfig::with_bits`].
    #[must_use]
    pub fn bits(&self) -> u8 {
        self.bits
    }
}

const BITS: Parameter = Parameter {
    name: "bits",
    expected: "a number from 1 to 8",
};

impl Parameters for ClockConfig {
    const POLICY: &'static str = "clock";
    const KNOWN: &'static [Parameter] = &[BITS];

    fn value(&self, _parameter: &Parameter) -> String {
        self.bits.to_string()
    }

    fn set(&mut self, _parameter: &Parameter, value: &str) -> Option<()> {
        self.bits = value.parse().ok()?;
        Some(())
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.require((1..=8).contains(&self.bits), &BITS)
    }
}

/// CLOCK (F. J. Corbató, "A paging experiment with the Multics system", MIT Project MAC, 1968), with the k-bit count of
/// A. J. Smith, "Sequentiality and prefetching in database systems", ACM TODS 3(3), 1978.
///
/// Entries stand in a circle in the order of their insertion. A hit adds 1 to the entry's count, up to 2^bits - 1. To
/// evict, the hand goes around from the oldest: where the count is 0 the entry goes, elsewhere it takes 1 off. New
/// entries stand behind the hand: they are reached last. That is FIFO with reinsertion at the head, with nothing moved.
///
/// Hits write one byte, shared ones only until the count is full; all calls but `evict` take constant time. `evict` takes at
/// most (2^bits - 1) * linked + 1 steps, amortised one and one for each hit since. 9 bytes a slot, 13 once weights
/// differ from 1. An entry that is unpinned stands behind the hand and keeps its count.
///
/// ```
/// use cache_policies::{Clock, ClockConfig, Hint, Policy, Slot};
///
/// let mut clock = Clock::new(2, &ClockConfig::default())?;
/// clock.insert(Slot::new(0), 10, 1, Hint::NONE);
/// clock.insert(Slot::new(1), 11, 1, Hint::NONE);
/// clock.hit(Slot::new(0), 10);
/// assert_eq!(clock.evict(), Some(Slot::new(1)));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Clock {
    /// The circle. Its sentinel stands anywhere in it and is stepped over.
    circle: Queue,
    counts: Marks,
    /// The oldest entry; the sentinel only if nothing is linked.
    hand: Place,
    /// 2^bits - 1.
    count_max: u8,
}

impl Clock {
    /// The entry that follows in the hand's direction, over the sentinel if need be.
    #[inline]
    fn after(&self, place: Place) -> Place {
        let next = self.circle.newer(place);
        if next == Queue::sentinel() {
            self.circle.newer(next)
        } else {
            next
        }
    }

    /// Turns the hand up to the first entry without a hit, which is the victim.
    #[inline(always)]
    fn turn<T: FnMut(Slot) -> u8>(&mut self, mut untold: Untold<T>) -> Option<Slot> {
        let mut victim = Queue::slot(self.hand)?;
        // Twice: hits that come while it turns begin the counts anew.
        let steps_max = 2 * usize::from(self.count_max) * self.circle.linked() + 1;
        for step in 1.. {
            debug_assert!(step <= steps_max, "the hand went around without an end");
            let count = self.counts.get(victim);
            let count = count
                .saturating_add(untold.take(victim))
                .min(self.count_max);
            if count == 0 {
                break;
            }
            self.counts.set(victim, count - 1);
            self.hand = self.after(self.hand);
            victim = Queue::slot(self.hand)?;
        }
        Some(victim)
    }

    #[inline(always)]
    fn let_go(&mut self, victim: Slot) {
        self.step_off(victim);
        self.circle.evict(victim);
    }

    /// Puts the hand on a slot that was linked behind it, where the hand comes last, if it is the only one.
    #[inline]
    fn start_at(&mut self, slot: Slot) {
        if self.hand == Queue::sentinel() {
            self.hand = Queue::place(slot);
        }
    }

    /// Moves the hand off a slot that is about to be unlinked.
    #[inline]
    fn step_off(&mut self, slot: Slot) {
        if self.hand == Queue::place(slot) {
            let next = self.after(self.hand);
            self.hand = if next == self.hand {
                Queue::sentinel()
            } else {
                next
            };
        }
    }
}

impl Policy for Clock {
    type Config = ClockConfig;

    fn new(capacity: u64, config: &ClockConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Clock {
            circle: Queue::new(capacity),
            counts: Marks::new(),
            hand: Queue::sentinel(),
            count_max: u8::MAX >> (8 - config.bits),
        })
    }

    fn reserve(&mut self, slots: usize) {
        self.circle.reserve(slots);
        self.counts.reserve(slots);
    }

    #[inline(always)]
    fn insert(&mut self, slot: Slot, _hash: u64, weight: u32, _hint: Hint) {
        self.circle.insert_behind(self.hand, slot, weight);
        self.start_at(slot);
        self.counts.start(slot, 0);
    }

    #[inline(always)]
    fn hit(&mut self, slot: Slot, _hash: u64) {
        self.counts.raise(slot, u8::MAX, self.count_max);
    }

    #[inline(always)]
    fn victim(&mut self) -> Option<Slot> {
        self.turn(all_told())
    }

    #[inline(always)]
    fn evict(&mut self) -> Option<Slot> {
        let victim = self.turn(all_told())?;
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
        Some(self.count_max)
    }

    #[inline]
    fn evict_touched<T: FnMut(Slot) -> u8>(&mut self, touches: T) -> Option<Slot> {
        let victim = self.turn(Untold::new(touches, self.circle.linked()))?;
        self.let_go(victim);
        Some(victim)
    }

    fn remove(&mut self, slot: Slot, _remember: bool) {
        self.step_off(slot);
        self.circle.remove(slot);
    }

    fn pin(&mut self, slot: Slot) {
        self.step_off(slot);
        self.circle.pin(slot);
    }

    fn unpin(&mut self, slot: Slot) {
        if self.circle.unpin_behind(self.hand, slot) {
            self.start_at(slot);
        }
    }

    queue_answers!(circle);

    fn check(&self) {
        self.circle.check();
        match Queue::slot(self.hand) {
            Some(slot) => assert!(
                self.circle.is_linked(slot),
                "the hand is on an unlinked slot"
            ),
            None => assert_eq!(self.circle.linked(), 0, "the hand is lost"),
        }
        assert!(
            self.circle
                .residents()
                .all(|slot| self.counts.get(slot) <= self.count_max),
            "a count is over its limit"
        );
    }
}

impl SharedHit for Clock {
    #[inline]
    fn touch(&self, slot: Slot) {
        self.counts.touch(slot, u8::MAX, self.count_max);
    }
}

//! S3-FIFO: a small queue that most entries leave soon, a main queue for those that were hit, a ghost of those that
//! left.

mod by_slot;
mod check;
mod config;
mod departed;
mod line;
mod prints;
mod queues;
mod small_queue;
mod stale;
mod window;

pub use config::{GhostKind, S3FifoConfig, WarmUp};

use crate::any::Parameters;
use crate::error::ConfigError;
use crate::ghost::mixed;
use crate::ledger::{Ledger, share};
use crate::list::{not_resident, resident_already};
use crate::marks::{Marks, Untold, all_told};
use crate::policy::{Hint, Policy, SharedHit};
use crate::slot::Slot;

use by_slot::BySlot;
use departed::Departed;
use line::Line;
use small_queue::SmallQueue;

/// The hint that the key was in the ghost.
const REMEMBERED: Hint = Hint::from_bits(1);

/// The count of hits, in an entry's byte.
const COUNT: u8 = 0x1f;
/// Set while the entry is pinned.
const PINNED: u8 = 0x20;
/// Which queue the entry is in, or left to be pinned: the highest two bits, 0 if it is not resident. All bytes of the small
/// queue are below those of the main one.
const SMALL: u8 = 0x80;
const MAIN: u8 = 0xc0;

/// The byte of an entry of the small queue whose hits are skipped: its count is full, so that none is counted.
const SKIPPING: u8 = 0x40 | COUNT;

/// S3-FIFO (J. Yang, Y. Zhang, Z. Qiu, Y. Yue, K. V. Rashmi, "FIFO queues are all you need for cache eviction", SOSP
/// 2023).
///
/// - A new entry goes into the small queue, or into the main one if its key is in the ghost (and is taken out of it).
/// - A hit adds 1 to the entry's count.
/// - To evict: if the main queue is over its share, or the small one is empty, from the main queue, otherwise from the
///   small one.
/// - From the small queue: the oldest moves to the main queue, its count reset, if it had `threshold` hits; otherwise
///   it goes, into the ghost.
/// - From the main queue: the oldest goes if its count is 0; otherwise it is reinserted with min(count, 3) - 1.
/// - With `skip`, hits in the newest part of the small queue do not count (Clock2Q+, see
///   [`S3FifoConfig::clock2q_plus`]); with `chances`, the 3 is another number.
/// - Until the first victim, new entries go to the main queue once the small one is full ([`WarmUp`]).
///
/// `small` times the capacity, rounded down, is the small queue's share; the main queue has the rest. All shares are
/// weights, and so is the ghost's. The weight of pinned entries counts in the total and in neither queue.
///
/// Hits write one byte, shared ones only until the count is full; all calls but `victim` and `evict` take constant time
/// (amortised, where the ghost drops holes or the queues places that were left), with two exceptions: `pin`, and `remove`
/// of what is to be remembered, look for an entry of the small queue from its newest end on, unless it is the oldest. `victim`
/// and `evict` take at most 3 * linked + 1 steps, amortised one and one for each hit since.
///
/// A byte a slot; 4 bytes more in the main queue, 9 in the small one, 8 in its window, 4 once weights differ from 1; a ghost
/// takes less than 8 bytes, and 5 more once weights differ, or 2 to 4 as [`GhostKind::Prints`]. An entry that is removed or pinned may leave up to 30 bytes
/// behind, a quarter as many such as there are entries.
///
/// ```
/// use cache_policies::{Hint, Policy, S3Fifo, S3FifoConfig, Slot};
///
/// let mut s3_fifo = S3Fifo::new(10, &S3FifoConfig::default())?;
/// for number in 0..10 {
///     let hint = s3_fifo.miss(100 + u64::from(number));
///     s3_fifo.insert(Slot::new(number), 100 + u64::from(number), 1, hint);
/// }
/// // The first is alone in the small queue, and goes into the ghost, which knows it again.
/// assert_eq!(s3_fifo.evict(), Some(Slot::new(0)));
/// assert_ne!(s3_fifo.miss(100), Hint::NONE);
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
// What each eviction uses comes first: an owner with many of them has that beside each other in the nearest cache.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct S3Fifo {
    /// Whether new entries still go to the main queue when the small one is full.
    warming: bool,
    /// Whether hits may be skipped.
    skips: bool,
    /// The bytes of entries in the small queue with enough hits begin here.
    proven: u8,
    /// Counts stop here: enough for the threshold and for the main queue.
    count_max: u8,
    /// The weight of the linked entries of the main queue.
    main_weight: u64,
    /// The main queue's share of the capacity.
    main_capacity: u64,
    ledger: Ledger,
    /// Queue, pin and count of each slot.
    marks: Marks,
    ghost: Departed,
    small: SmallQueue,
    main: Line<Slot>,
    /// The weight of the pinned entries; the small queue has the rest.
    pinned_weight: u64,
    /// The small queue's share of the capacity.
    small_capacity: u64,
    /// The hashes of the entries that are pinned out of the small queue, as the ghost has them.
    pinned_of_small: BySlot<u64>,
    config: S3FifoConfig,
}

impl S3Fifo {
    /// How many departed keys are remembered. With [`GhostKind::Prints`] it counts them, and one may be counted twice that
    /// left while the ghost was small.
    #[must_use]
    pub fn ghost_len(&self) -> usize {
        self.ghost.len()
    }

    /// The byte of a resident slot.
    #[inline]
    fn expect_resident(&self, slot: Slot) -> u8 {
        let mark = self.marks.get(slot);
        if mark == 0 {
            not_resident(slot);
        }
        mark
    }
}

impl Policy for S3Fifo {
    type Config = S3FifoConfig;

    fn new(capacity: u64, config: &S3FifoConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let mut policy = S3Fifo {
            ledger: Ledger::new(capacity),
            config: config.clone(),
            marks: Marks::new(),
            small: SmallQueue::new(),
            main: Line::new(),
            pinned_of_small: BySlot::new(),
            ghost: Departed::new(config.ghost_kind()),
            main_weight: 0,
            pinned_weight: 0,
            small_capacity: 0,
            main_capacity: 0,
            proven: SMALL + config.threshold(),
            count_max: config.threshold().max(config.chances()),
            warming: config.warm_up() == WarmUp::Main,
            skips: config.skip() > 0.0,
        };
        policy.set_capacity(capacity);
        Ok(policy)
    }

    #[inline(always)]
    fn miss(&mut self, hash: u64) -> Hint {
        if self.ghost.take(mixed(hash)) {
            REMEMBERED
        } else {
            Hint::NONE
        }
    }

    fn reserve(&mut self, slots: usize) {
        self.marks.reserve(slots);
        self.ledger.reserve(slots);
    }

    #[inline(always)]
    fn insert(&mut self, slot: Slot, hash: u64, weight: u32, hint: Hint) {
        match self.marks.mark(slot) {
            Some(mark) if *mark != 0 => resident_already(slot),
            Some(mark) if hint != REMEMBERED && !(self.warming | self.skips) => {
                *mark = SMALL;
                self.ledger.admit(slot, weight);
                self.link_small(slot, mixed(hash));
            }
            _ => self.insert_any(slot, hash, weight, hint),
        }
    }

    #[inline(always)]
    fn hit(&mut self, slot: Slot, _hash: u64) {
        self.marks.raise(slot, COUNT, self.count_max);
    }

    #[inline]
    fn victim(&mut self) -> Option<Slot> {
        match self.next_of_small::<false, _>(&mut all_told()) {
            Some((victim, _)) => Some(victim),
            None => self.victim_of_main(all_told()),
        }
    }

    #[inline(always)]
    fn evict(&mut self) -> Option<Slot> {
        self.evict_any(all_told())
    }

    #[inline]
    fn try_touch(&self, slot: Slot) -> bool {
        self.touch(slot);
        true
    }

    /// Where hits are skipped it has to know when they came.
    #[inline]
    fn touches_max(&self) -> Option<u8> {
        (!self.skips).then_some(self.count_max)
    }

    #[inline]
    fn evict_touched<T: FnMut(Slot) -> u8>(&mut self, touches: T) -> Option<Slot> {
        match self.skips {
            true => self.evict(),
            false => self.evict_any(Untold::new(touches, self.ledger.len())),
        }
    }

    fn remove(&mut self, slot: Slot, remember: bool) {
        let mark = self.expect_resident(slot);
        let weight = self.ledger.weight_of(slot);
        if remember && mark < MAIN {
            self.remember(self.mixed_of(slot, mark), weight);
        }
        if mark & PINNED != 0 {
            self.pinned_weight -= u64::from(weight);
            self.pinned_of_small.remove(slot);
        } else {
            self.unlink(slot, mark, weight);
        }
        self.marks.set(slot, 0);
        self.ledger.dismiss(slot);
    }

    fn weight_of(&self, slot: Slot) -> u32 {
        self.expect_resident(slot);
        self.ledger.weight_of(slot)
    }

    fn reweigh(&mut self, slot: Slot, weight: u32) {
        let mark = self.expect_resident(slot);
        let old = u64::from(self.ledger.reweigh(slot, weight));
        if mark & PINNED != 0 {
            self.pinned_weight = self.pinned_weight - old + u64::from(weight);
        } else if mark >= MAIN {
            self.main_weight = self.main_weight - old + u64::from(weight);
        }
    }

    fn pin(&mut self, slot: Slot) {
        let mark = self.expect_resident(slot);
        if mark & PINNED != 0 {
            return;
        }
        let weight = self.ledger.weight_of(slot);
        if mark < MAIN {
            let mixed = self.mixed_of(slot, mark);
            self.pinned_of_small.get_or_insert(slot, mixed);
        }
        self.unlink(slot, mark, weight);
        self.pinned_weight += u64::from(weight);
        self.marks.set(slot, mark | PINNED);
    }

    fn unpin(&mut self, slot: Slot) {
        let mark = self.expect_resident(slot);
        if mark & PINNED == 0 {
            return;
        }
        let weight = self.ledger.weight_of(slot);
        self.pinned_weight -= u64::from(weight);
        let mark = mark & !PINNED;
        self.marks.set(slot, mark);
        match self.pinned_of_small.remove(slot) {
            Some(mixed) => {
                self.link_small(slot, mixed);
                self.enter_window(weight, mark == SKIPPING);
            }
            None => self.link_main(slot, weight),
        }
    }

    /// The ghost forgets at once what it may no longer hold: time in proportion to that. One of prints forgets all where
    /// that is less than half of what it is made for.
    fn set_capacity(&mut self, capacity: u64) {
        self.ledger.set_capacity(capacity);
        self.small_capacity = share(capacity, self.config.small()).min(capacity);
        self.main_capacity = capacity - self.small_capacity;
        self.limit_ghost();
        let span = self.small_capacity as f64 * self.config.skip();
        self.small.set_span(libm::ceil(span) as u64);
        self.end_skipping();
    }

    ledger_answers!(ledger);

    fn check(&self) {
        self.check_queues();
        self.check_entries();
    }
}

impl SharedHit for S3Fifo {
    #[inline]
    fn touch(&self, slot: Slot) {
        self.marks.touch(slot, COUNT, self.count_max);
    }
}

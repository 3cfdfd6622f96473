//! S3-FIFO: a small queue that most entries leave soon, a main queue for those that were hit, a ghost of those that
//! left.

mod config;
mod window;

pub use config::{S3FifoConfig, WarmUp};

use crate::any::Parameters;
use crate::error::ConfigError;
use crate::ghost::Ghost;
use crate::hashed_queue::{HashedQueue, halves, whole};
use crate::ledger::{Ledger, share};
use crate::list::{Lists, Unlinked};
use crate::marks::Marks;
use crate::policy::{Hint, Policy, SharedHit};
use crate::slot::Slot;

use window::Window;

/// The hint that the key was in the ghost.
const REMEMBERED: Hint = Hint::from_bits(1);

/// The count of hits, in an entry's byte.
const COUNT: u8 = 0x1f;
/// Set while the entry is pinned.
const PINNED: u8 = 0x20;
/// Which queue the entry is in, or left to be pinned; none of these: it is not resident.
const SMALL: u8 = 0x40;
const MAIN: u8 = 0x80;

/// The byte of an entry whose hits are skipped: in both queues, as it were, and its count is full, so that no hit is
/// counted.
const SKIPPING: u8 = SMALL | MAIN | COUNT;

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
/// - Until the first eviction, new entries go to the main queue once the small one is full ([`WarmUp`]).
///
/// `small` times the capacity, rounded down, is the small queue's share; the main queue has the rest. All shares are
/// weights, and so is the ghost's. The weight of pinned entries counts in the total and in neither queue.
///
/// Hits write one byte, and only until the count is full; all calls but `evict` take constant time (amortised, where
/// the ghost or the small queue drop holes). `evict` takes at most 3 * linked + 1 steps, amortised one and one for each
/// hit since. 9 bytes a slot, 12 more in the small queue, 16 more in its window, 4 more once weights differ from 1; a ghost takes less than
/// 8 bytes, and 5 more once weights differ.
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
#[derive(Clone, Debug)]
pub struct S3Fifo {
    ledger: Ledger,
    config: S3FifoConfig,
    /// Queue, pin and count of each slot.
    marks: Marks,
    small: HashedQueue,
    /// List 0 is the main queue. The cell of a slot in the small queue holds its ticket there; that of one pinned out
    /// of it its hash.
    main: Lists<1>,
    ghost: Ghost,
    /// The weight of the linked entries of each queue.
    small_weight: u64,
    main_weight: u64,
    /// The shares of the capacity.
    small_capacity: u64,
    main_capacity: u64,
    /// Counts stop here: enough for the threshold and for the main queue.
    count_max: u8,
    /// The entries of the small queue whose hits are skipped.
    window: Window,
    /// Whether new entries still go to the main queue when the small one is full.
    warming: bool,
}

/// Whether the entry that was put into the small queue with this stamp is there, and its hits are skipped.
fn is_skipping(marks: &Marks, main: &Lists<1>, slot: Slot, stamp: u64) -> bool {
    marks.get(slot) == SKIPPING && main.stowed(slot)[1] == stamp as u32
}

impl S3Fifo {
    /// How many departed keys are remembered.
    #[must_use]
    pub fn ghost_len(&self) -> usize {
        self.ghost.len()
    }

    fn link_small(&mut self, slot: Slot, hash: u64) {
        let ticket = self.small.push(slot, hash);
        self.main.stow(slot, [ticket, 0]);
        self.small_weight += u64::from(self.ledger.weight_of(slot));
        if self.config.skip() > 0.0 {
            self.enter_window(slot, ticket);
        }
    }

    /// Counts an entry that was just put into the small queue, and keeps its stamp in its cell.
    fn enter_window(&mut self, slot: Slot, ticket: u32) {
        let stamp = self.window.pass(self.ledger.weight_of(slot));
        self.main.stow(slot, [ticket, stamp as u32]);
        if self.marks.get(slot) == SKIPPING {
            self.window.enter(slot, stamp);
        }
        self.end_skipping();
    }

    /// Counts the hits of entries from now on that have left the window.
    fn end_skipping(&mut self) {
        while let Some((slot, stamp)) = self.window.aged() {
            if is_skipping(&self.marks, &self.main, slot, stamp) {
                self.marks.set(slot, SMALL);
            }
        }
        if self.window.is_stale(self.small.len()) {
            let (marks, main) = (&self.marks, &self.main);
            self.window
                .retain(|slot, stamp| is_skipping(marks, main, slot, stamp));
        }
    }

    fn link_main(&mut self, slot: Slot) {
        self.main.push_front(0, slot);
        self.main_weight += u64::from(self.ledger.weight_of(slot));
    }

    /// Takes a slot from the middle of the small queue, and returns its hash.
    fn unlink_small(&mut self, slot: Slot) -> u64 {
        self.small_weight -= u64::from(self.ledger.weight_of(slot));
        let [ticket, _] = self.main.stowed(slot);
        let main = &mut self.main;
        self.small.remove(ticket, |moved, ticket| {
            let [_, stamp] = main.stowed(moved);
            main.stow(moved, [ticket, stamp]);
        })
    }

    fn unlink_main(&mut self, slot: Slot) {
        self.main_weight -= u64::from(self.ledger.weight_of(slot));
        self.main.unlink(0, slot, Unlinked::Absent);
    }

    /// The byte of a resident slot.
    fn expect_resident(&self, slot: Slot) -> u8 {
        let mark = self.marks.get(slot);
        assert!(
            mark & (SMALL | MAIN) != 0,
            "slot {} is not resident",
            slot.get()
        );
        mark
    }

    /// Empties the small queue up to the first entry that had too few hits, which is the victim.
    fn victim_of_small(&mut self) -> Option<Slot> {
        while let Some(slot) = self.small.front() {
            let mark = self.marks.get(slot);
            if mark & COUNT < self.config.threshold() || mark & MAIN != 0 {
                return Some(slot);
            }
            self.small.pop();
            self.small_weight -= u64::from(self.ledger.weight_of(slot));
            self.marks.set(slot, MAIN);
            self.link_main(slot);
        }
        None
    }

    /// Turns the main queue up to the first entry without a hit, which is the victim.
    fn victim_of_main(&mut self) -> Option<Slot> {
        let steps_max = usize::from(self.config.chances()) * self.main.len(0) + 1;
        let mut steps = 0;
        while let Some(slot) = self.main.back(0) {
            steps += 1;
            debug_assert!(steps <= steps_max, "the main queue turned without an end");
            let count = self.marks.get(slot) & COUNT;
            if count == 0 {
                return Some(slot);
            }
            self.marks
                .set(slot, MAIN | (count.min(self.config.chances()) - 1));
            self.main.move_to_front(0, slot);
        }
        None
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
            small: HashedQueue::new(),
            main: Lists::new(),
            ghost: Ghost::new(0),
            small_weight: 0,
            main_weight: 0,
            small_capacity: 0,
            main_capacity: 0,
            count_max: config.threshold().max(config.chances()),
            window: Window::new(),
            warming: config.warm_up() == WarmUp::Main,
        };
        policy.set_capacity(capacity);
        Ok(policy)
    }

    #[inline]
    fn miss(&mut self, hash: u64) -> Hint {
        if self.ghost.take(hash) {
            REMEMBERED
        } else {
            Hint::NONE
        }
    }

    fn reserve(&mut self, slots: usize) {
        self.marks.reserve(slots);
        self.main.reserve(slots);
        self.ledger.reserve(slots);
    }

    #[inline]
    fn insert(&mut self, slot: Slot, hash: u64, weight: u32, hint: Hint) {
        let mark = self.marks.get(slot);
        assert!(
            mark & (SMALL | MAIN) == 0,
            "slot {} is resident already",
            slot.get()
        );
        self.main.ensure(slot);
        self.ledger.admit(slot, weight);
        let small_is_full = self.warming && self.small_weight >= self.small_capacity;
        if hint == REMEMBERED || small_is_full {
            self.marks.start(slot, MAIN);
            self.link_main(slot);
        } else {
            let mark = if self.window.is_open() {
                SKIPPING
            } else {
                SMALL
            };
            self.marks.start(slot, mark);
            self.link_small(slot, hash);
        }
    }

    #[inline]
    fn hit(&mut self, slot: Slot, _hash: u64) {
        self.marks.raise(slot, COUNT, self.count_max);
    }

    #[inline]
    fn victim(&mut self) -> Option<Slot> {
        if self.main_weight > self.main_capacity || self.small.len() == 0 {
            return self.victim_of_main();
        }
        match self.victim_of_small() {
            Some(victim) => Some(victim),
            // The whole small queue moved to the main one.
            None => self.victim_of_main(),
        }
    }

    #[inline]
    fn evict(&mut self) -> Option<Slot> {
        let victim = self.victim()?;
        self.warming = false;
        let weight = self.ledger.dismiss(victim);
        if self.marks.get(victim) & SMALL != 0 {
            self.small_weight -= u64::from(weight);
            if let Some((_, hash)) = self.small.pop() {
                self.ghost.remember(hash, weight);
            }
        } else {
            self.main_weight -= u64::from(weight);
            self.main.unlink(0, victim, Unlinked::Absent);
        }
        self.marks.set(victim, 0);
        Some(victim)
    }

    fn remove(&mut self, slot: Slot, remember: bool) {
        let mark = self.expect_resident(slot);
        let pinned = mark & PINNED != 0;
        if mark & SMALL != 0 {
            let hash = if pinned {
                whole(self.main.stowed(slot))
            } else {
                self.unlink_small(slot)
            };
            if remember {
                self.ghost.remember(hash, self.ledger.weight_of(slot));
            }
        } else if !pinned {
            self.unlink_main(slot);
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
        if mark & PINNED == 0 {
            let queue = if mark & SMALL != 0 {
                &mut self.small_weight
            } else {
                &mut self.main_weight
            };
            *queue = *queue - old + u64::from(weight);
        }
    }

    fn pin(&mut self, slot: Slot) {
        let mark = self.expect_resident(slot);
        if mark & PINNED != 0 {
            return;
        }
        if mark & SMALL != 0 {
            let hash = self.unlink_small(slot);
            self.main.stow(slot, halves(hash));
        } else {
            self.unlink_main(slot);
        }
        self.marks.set(slot, mark | PINNED);
    }

    fn unpin(&mut self, slot: Slot) {
        let mark = self.expect_resident(slot);
        if mark & PINNED == 0 {
            return;
        }
        self.marks.set(slot, mark & !PINNED);
        if mark & SMALL != 0 {
            self.link_small(slot, whole(self.main.stowed(slot)));
        } else {
            self.link_main(slot);
        }
    }

    /// The ghost forgets at once what it may no longer hold: time in proportion to that.
    fn set_capacity(&mut self, capacity: u64) {
        self.ledger.set_capacity(capacity);
        self.small_capacity = share(capacity, self.config.small()).min(capacity);
        self.main_capacity = capacity - self.small_capacity;
        self.ghost.set_limit(share(capacity, self.config.ghost()));
        let span = self.small_capacity as f64 * self.config.skip();
        self.window.set_span(libm::ceil(span) as u64);
        self.end_skipping();
    }

    ledger_answers!(ledger);

    fn check(&self) {
        self.small.check();
        self.main.check(0);
        self.ghost.check();
        let weight_of = |slot| u64::from(self.ledger.weight_of(slot));
        let (mut small_weight, mut main_weight, mut skipping) = (0, 0, 0);
        self.window.check();
        for (slot, ticket) in self.small.iter() {
            let mark = self.marks.get(slot);
            skipping += usize::from(mark == SKIPPING);
            assert!(
                mark == SKIPPING || mark & !COUNT == SMALL,
                "an entry of the small queue is marked otherwise"
            );
            assert_eq!(
                self.main.stowed(slot)[0],
                ticket,
                "an entry has lost its place in the small queue"
            );
            small_weight += weight_of(slot);
        }
        for slot in self.main.iter(0) {
            assert_eq!(
                self.marks.get(slot) & !COUNT,
                MAIN,
                "an entry of the main queue is marked otherwise"
            );
            main_weight += weight_of(slot);
        }
        let in_window = self.window.iter();
        assert_eq!(
            in_window
                .filter(|(slot, stamp)| is_skipping(&self.marks, &self.main, *slot, *stamp))
                .count(),
            skipping,
            "an entry skips its hits outside of the window"
        );
        assert_eq!(
            (small_weight, main_weight),
            (self.small_weight, self.main_weight)
        );
        assert_eq!(
            self.small_capacity + self.main_capacity,
            self.ledger.capacity()
        );
        let slots = (0..self.marks.slots() as u32).map(Slot::new);
        let residents = slots.filter(|slot| self.marks.get(*slot) & (SMALL | MAIN) != 0);
        let pinned = residents
            .clone()
            .filter(|slot| self.marks.get(*slot) & PINNED != 0)
            .count();
        assert_eq!(
            pinned + self.small.len() + self.main.len(0),
            self.ledger.len()
        );
        assert!(
            residents
                .clone()
                .map(|slot| self.marks.get(slot) & !PINNED)
                .all(|mark| mark == SKIPPING || mark & COUNT <= self.count_max)
        );
        self.ledger.check(residents);
    }
}

impl SharedHit for S3Fifo {
    #[inline]
    fn touch(&self, slot: Slot) {
        self.marks.touch(slot, COUNT, self.count_max);
    }
}

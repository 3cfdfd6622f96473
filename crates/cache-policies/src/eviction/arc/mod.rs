//! ARC: two LRU queues, of entries asked for once and more than once, that divide the room as their ghosts teach.

use alloc::vec::Vec;

use crate::error::ConfigError;
use crate::ghost::Ghost;
use crate::hashed_queue::{HashedQueue, Ticket};
use crate::hashes::Hashes;
use crate::ledger::Ledger;
use crate::list::{Lists, Unlinked, not_resident, resident_already};
use crate::marks::Marks;
use crate::policy::{Hint, Insight, Policy};
use crate::slot::Slot;

mod check;
mod config;
mod victims;

pub use config::{ArcConfig, ArcStep};
use victims::Victim;

/// The hints that the key was in one of the ghosts.
const IN_B1: Hint = Hint::from_bits(1);
const IN_B2: Hint = Hint::from_bits(2);

/// The queues, and the ghosts of what they evicted.
const T1: usize = 0;
const T2: usize = 1;

/// The byte of a resident slot: its queue, and whether it is pinned out of that. 0 for a slot that is not resident.
const IN_T1: u8 = 1;
const IN_T2: u8 = 2;
const PINNED: u8 = 4;

/// ARC (N. Megiddo, D. S. Modha, "ARC: a self-tuning, low overhead replacement cache", FAST 2003).
///
/// - A new entry goes into T1, or into T2 if one of the ghosts B1 and B2 remembers its key (and forgets it then).
/// - A hit makes its entry the newest of T2.
/// - p is the share of T1, from 0 to the capacity c. A key that is found in B1 adds max(|B2| / |B1|, 1) to it, one in B2
///   takes max(|B1| / |B2|, 1) off, not rounded; both times the weight that the entry had ([`ArcStep`]).
/// - To evict: the oldest of T1, into B1, if |T1| > p, or if |T1| = p and the key to insert was in B2; otherwise the
///   oldest of T2, into B2.
/// - Where the key to insert was in neither: before each eviction, B1 forgets its oldest if |T1| + |B1| would come to
///   be more than c (and if B1 is empty, the victim goes without being remembered); otherwise B2 does if all four
///   together are 2c or more.
///
/// Sizes are weights. Where they differ from 1, a ghost may hold more than those bounds for a while, as in the reference
/// simulator, since one eviction forgets one key; never more keys than they allowed before. The last rule needs the weight
/// of what is inserted, so a victim's key enters its ghost at that insert, or at the next miss if there was none.
///
/// All calls take constant time, amortised where T1 or a ghost drops holes; 17 bytes a slot, 4 more once weights differ
/// from 1, and 12 to 14 an entry of T1; a remembered key takes less than 8 bytes, and 4 to 5 more once weights differ. The
/// weight of pinned entries counts in the total and in neither queue.
///
/// ```
/// use cache_policies::{Arc, ArcConfig, Hint, Policy, Slot};
///
/// let mut arc = Arc::new(2, &ArcConfig::default())?;
/// arc.insert(Slot::new(0), 10, 1, Hint::NONE);
/// arc.insert(Slot::new(1), 11, 1, Hint::NONE);
/// arc.hit(Slot::new(0), 10);
/// // A scan passes through T1 and leaves T2 alone.
/// for hash in 20..30 {
///     let hint = arc.miss(hash);
///     assert_eq!(arc.evict(), Some(Slot::new(1)));
///     arc.insert(Slot::new(1), hash, 1, hint);
/// }
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Arc {
    ledger: Ledger,
    /// Queue and pin of each slot.
    marks: Marks,
    t1: HashedQueue,
    /// List 0 is T2. The cell of a slot in T1 holds its ticket there.
    t2: Lists<1>,
    /// Of entries that are not linked in T1.
    hashes: Hashes,
    /// B1 and B2.
    ghosts: Ghost<2>,
    config: ArcConfig,
    /// The weight of the linked entries of T2, and of all pinned ones.
    t2_weight: u64,
    pinned_weight: u64,
    /// The share of T1, from 0 to the capacity.
    p: f64,
    /// The same, rounded down.
    p_floor: u64,
    /// What the last miss said, until the insert.
    missed: Hint,
    /// The victims since the last insert or miss, the oldest first.
    pending: Vec<Victim>,
}

impl Arc {
    /// How many departed keys are remembered.
    #[must_use]
    pub fn ghost_len(&self) -> usize {
        self.ghosts.len_of(T1) + self.ghosts.len_of(T2) + self.pending.len()
    }

    /// What is now aimed at for the weight of the entries that were asked for once: the paper's p.
    #[must_use]
    pub fn target(&self) -> f64 {
        self.p
    }

    /// The weight of the linked entries of T1.
    #[inline(always)]
    fn t1_weight(&self) -> u64 {
        self.ledger.weight() - self.t2_weight - self.pinned_weight
    }

    fn set_target(&mut self, p: f64) {
        self.p = p;
        self.p_floor = p as u64;
    }

    /// Moves p for a key of this weight that was just taken from one of the ghosts.
    #[cold]
    #[inline(never)]
    fn learn(&mut self, found: usize, weight: u32) -> Hint {
        let mut sizes = [T1, T2].map(|ghost| self.ghosts.weight_of(ghost));
        sizes[found] += u64::from(weight);
        let ratio = (sizes[1 - found] as f64 / sizes[found] as f64).max(1.0);
        let step = match self.config.step() {
            ArcStep::Weight => ratio * f64::from(weight),
            ArcStep::Unit => ratio,
        };
        if found == T1 {
            self.set_target((self.p + step).min(self.ledger.capacity() as f64));
            IN_B1
        } else {
            self.set_target((self.p - step).max(0.0));
            IN_B2
        }
    }

    /// Whether the next victim is one of T1, if there is any in either queue.
    #[inline(always)]
    fn takes_from_t1(&self) -> bool {
        if self.t1.len() == 0 {
            return false;
        }
        let weight = self.t1_weight();
        let is_at = || self.missed == IN_B2 && weight as f64 == self.p;
        weight > self.p_floor || self.t2.len(0) == 0 || is_at()
    }

    /// The byte of a resident slot.
    #[inline(always)]
    #[track_caller]
    fn expect_resident(&self, slot: Slot) -> u8 {
        let mark = self.marks.get(slot);
        if mark == 0 {
            not_resident(slot);
        }
        mark
    }

    #[inline(always)]
    fn link_t1(&mut self, slot: Slot, hash: u64) {
        let ticket = self.t1.push(slot, hash);
        self.t2.stow(slot, ticket.into());
    }

    #[inline(always)]
    fn link_t2(&mut self, slot: Slot, weight: u32) {
        self.t2.push_front(0, slot);
        self.t2_weight += u64::from(weight);
    }

    #[inline(always)]
    fn unlink_t2(&mut self, slot: Slot, weight: u32) {
        self.t2.unlink(0, slot, Unlinked::Absent);
        self.t2_weight -= u64::from(weight);
    }

    /// Takes a linked slot from the middle of T1; returns its hash.
    #[inline(always)]
    fn unlink_t1(&mut self, slot: Slot) -> u64 {
        let ticket = self.t2.stowed(slot) as Ticket;
        let cells = &mut self.t2;
        self.t1
            .remove(ticket, |moved, ticket| cells.stow(moved, ticket.into()))
    }

    /// The first hit on an entry of T1.
    #[inline(never)]
    fn promote(&mut self, slot: Slot) {
        let hash = self.unlink_t1(slot);
        self.hashes.set(slot, hash);
        self.marks.set(slot, IN_T2);
        self.link_t2(slot, self.ledger.weight_of(slot));
    }

    #[inline(never)]
    fn evict_t2(&mut self) -> Option<Slot> {
        let victim = self.t2.back(0)?;
        let weight = self.ledger.dismiss(victim);
        self.unlink_t2(victim, weight);
        self.marks.set(victim, 0);
        self.await_insert(T2, self.hashes.get(victim), weight);
        Some(victim)
    }
}

impl Policy for Arc {
    type Config = ArcConfig;

    fn new(capacity: u64, config: &ArcConfig) -> Result<Self, ConfigError> {
        let mut arc = Arc {
            ledger: Ledger::new(capacity),
            marks: Marks::new(),
            t1: HashedQueue::new(),
            t2: Lists::new(),
            hashes: Hashes::new(),
            ghosts: Ghost::pair(),
            config: config.clone(),
            t2_weight: 0,
            pinned_weight: 0,
            p: 0.0,
            p_floor: 0,
            missed: Hint::NONE,
            pending: Vec::new(),
        };
        arc.ghosts.expect(capacity);
        Ok(arc)
    }

    fn reserve(&mut self, slots: usize) {
        self.marks.reserve(slots);
        self.t2.reserve(slots);
        self.ledger.reserve(slots);
    }

    #[inline(always)]
    fn miss(&mut self, hash: u64) -> Hint {
        if !self.pending.is_empty() {
            self.give_up_waiting();
        }
        self.missed = match self.ghosts.take_from_either(hash) {
            None => Hint::NONE,
            Some((ghost, weight)) => self.learn(ghost, weight),
        };
        self.missed
    }

    #[inline(always)]
    fn insert(&mut self, slot: Slot, hash: u64, weight: u32, hint: Hint) {
        if self.marks.get(slot) != 0 {
            resident_already(slot);
        }
        if !self.pending.is_empty() {
            if hint == Hint::NONE {
                self.remember_for_new(weight);
            } else {
                self.remember_all();
            }
        }
        self.missed = Hint::NONE;
        self.t2.ensure(slot);
        self.ledger.admit(slot, weight);
        if hint == Hint::NONE {
            self.marks.start(slot, IN_T1);
            self.link_t1(slot, hash);
        } else {
            self.marks.start(slot, IN_T2);
            self.hashes.set(slot, hash);
            self.link_t2(slot, weight);
        }
    }

    #[inline(always)]
    fn hit(&mut self, slot: Slot, _hash: u64) {
        match self.marks.get(slot) {
            IN_T2 => self.t2.move_to_front(0, slot),
            IN_T1 => self.promote(slot),
            // Pinned out of T1, or of T2.
            mark if mark & PINNED != 0 => self.marks.set(slot, IN_T2 | PINNED),
            _ => {}
        }
    }

    #[inline]
    fn victim(&mut self) -> Option<Slot> {
        if self.takes_from_t1() {
            self.t1.front()
        } else {
            self.t2.back(0)
        }
    }

    #[inline(always)]
    fn evict(&mut self) -> Option<Slot> {
        if !self.takes_from_t1() {
            return self.evict_t2();
        }
        let (victim, hash) = self.t1.pop()?;
        let weight = self.ledger.dismiss(victim);
        self.marks.set(victim, 0);
        self.await_insert(T1, hash, weight);
        Some(victim)
    }

    fn remove(&mut self, slot: Slot, remember: bool) {
        let mark = self.expect_resident(slot);
        let weight = self.ledger.dismiss(slot);
        self.marks.set(slot, 0);
        let hash = match mark {
            IN_T1 => self.unlink_t1(slot),
            _ => self.hashes.get(slot),
        };
        if mark == IN_T2 {
            self.unlink_t2(slot, weight);
        }
        if mark & PINNED != 0 {
            self.pinned_weight -= u64::from(weight);
        }
        if remember {
            let queue = if mark & IN_T1 != 0 { T1 } else { T2 };
            self.await_insert(queue, hash, weight);
        }
    }

    fn weight_of(&self, slot: Slot) -> u32 {
        self.expect_resident(slot);
        self.ledger.weight_of(slot)
    }

    fn reweigh(&mut self, slot: Slot, weight: u32) {
        let mark = self.expect_resident(slot);
        let old = u64::from(self.ledger.reweigh(slot, weight));
        let sum = match mark {
            IN_T1 => return,
            IN_T2 => &mut self.t2_weight,
            _ => &mut self.pinned_weight,
        };
        *sum = *sum - old + u64::from(weight);
    }

    fn pin(&mut self, slot: Slot) {
        let mark = self.expect_resident(slot);
        let weight = self.ledger.weight_of(slot);
        match mark {
            IN_T1 => {
                let hash = self.unlink_t1(slot);
                self.hashes.set(slot, hash);
            }
            IN_T2 => self.unlink_t2(slot, weight),
            _ => return,
        }
        self.marks.set(slot, mark | PINNED);
        self.pinned_weight += u64::from(weight);
    }

    fn unpin(&mut self, slot: Slot) {
        let mark = self.expect_resident(slot);
        if mark & PINNED == 0 {
            return;
        }
        let weight = self.ledger.weight_of(slot);
        self.pinned_weight -= u64::from(weight);
        self.marks.set(slot, mark & !PINNED);
        if mark & IN_T1 != 0 {
            self.link_t1(slot, self.hashes.get(slot));
        } else {
            self.link_t2(slot, weight);
        }
    }

    /// The ghosts forget at once what they may no longer hold: time in proportion to that.
    fn set_capacity(&mut self, capacity: u64) {
        self.ledger.set_capacity(capacity);
        self.set_target(self.p.min(capacity as f64));
        self.give_up_waiting();
        self.ghosts.expect(capacity);
    }

    ledger_answers!(ledger);

    fn explain(&self, tell: &mut dyn FnMut(Insight)) {
        tell(Insight::Share {
            name: "target of T1",
            share: self.target() / self.capacity().max(1) as f64,
        });
    }

    fn check(&self) {
        self.check_all();
    }
}

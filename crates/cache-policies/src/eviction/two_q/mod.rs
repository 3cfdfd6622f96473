//! 2Q: a FIFO queue for entries that are new, an LRU queue for those that came back after they had left it.

use crate::any::Parameters;
use crate::error::ConfigError;
use crate::ghost::Ghost;
use crate::hashed_queue::{HashedQueue, Ticket};
use crate::ledger::{Ledger, share};
use crate::list::{Lists, Unlinked, not_resident, resident_already};
use crate::marks::Marks;
use crate::policy::{Hint, Policy};
use crate::slot::Slot;

mod config;

pub use config::TwoQConfig;

/// The hint that the key was in A1out.
const REMEMBERED: Hint = Hint::from_bits(1);

/// The byte of a resident slot: its queue, and whether it is pinned out of that. 0 for a slot that is not resident.
const A1_IN: u8 = 1;
const AM: u8 = 2;
const PINNED: u8 = 4;

/// 2Q, the full version (T. Johnson, D. Shasha, "2Q: a low overhead high performance buffer management replacement
/// algorithm", VLDB 1994).
///
/// - A new entry goes into the queue A1in, or into Am if A1out remembers its key (and forgets it then).
/// - A hit in Am makes its entry the newest there. A hit in A1in does nothing.
/// - To evict: if A1in is over its share, or Am is empty, the oldest of A1in, whose key A1out remembers; otherwise the
///   least recently used of Am, which is forgotten.
///
/// `kin` times the capacity, rounded down, is the share of A1in, Am has the rest, and `kout` times the capacity is what
/// A1out remembers; all are weights. Where entries differ in weight, Am can come to be over its share although the whole
/// has room: the reference simulator evicts from Am then, as [`Policy::overflow`] does. It also refuses entries that
/// are heavier than A1in's share, which this does not.
///
/// All calls take constant time, amortised where A1in and A1out drop holes; 9 bytes a slot, 4 more once weights differ from
/// 1, and 12 to 14 an entry of A1in; a remembered key takes less than 8 bytes, and 4 to 5 more once weights differ. The
/// weight of pinned entries counts in the total and in neither queue.
///
/// ```
/// use cache_policies::{Hint, Policy, Slot, TwoQ, TwoQConfig};
///
/// let mut two_q = TwoQ::new(4, &TwoQConfig::default())?;
/// for number in 0..4 {
///     two_q.insert(Slot::new(number), 100 + u64::from(number), 1, Hint::NONE);
/// }
/// two_q.hit(Slot::new(0), 100);
/// assert_eq!(two_q.evict(), Some(Slot::new(0)));
/// // It comes back into Am, where it outlives what came before and after it.
/// let hint = two_q.miss(100);
/// two_q.insert(Slot::new(0), 100, 1, hint);
/// assert_eq!(two_q.evict(), Some(Slot::new(1)));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TwoQ {
    ledger: Ledger,
    /// Queue and pin of each slot.
    marks: Marks,
    a1_in: HashedQueue,
    /// List 0 is Am. The cell of a slot in A1in holds its ticket there; that of one pinned out of it, its hash.
    am: Lists<1>,
    a1_out: Ghost,
    config: TwoQConfig,
    /// The weight of the linked entries of Am, and of all pinned ones.
    am_weight: u64,
    pinned_weight: u64,
    /// The shares of the capacity.
    a1_in_capacity: u64,
    am_capacity: u64,
}

impl TwoQ {
    /// How many departed keys are remembered.
    #[must_use]
    pub fn ghost_len(&self) -> usize {
        self.a1_out.len()
    }

    /// The weight of the linked entries of A1in.
    #[inline(always)]
    fn a1_in_weight(&self) -> u64 {
        self.ledger.weight() - self.am_weight - self.pinned_weight
    }

    /// Whether the next victim is one of A1in, if there is any in either queue.
    #[inline(always)]
    fn takes_from_a1_in(&self) -> bool {
        self.a1_in_weight() > self.a1_in_capacity || self.am.len(0) == 0
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
    fn link_a1_in(&mut self, slot: Slot, hash: u64) {
        let ticket = self.a1_in.push(slot, hash);
        self.am.stow(slot, ticket.into());
    }

    #[inline(always)]
    fn link_am(&mut self, slot: Slot, weight: u32) {
        self.am.push_front(0, slot);
        self.am_weight += u64::from(weight);
    }

    #[inline(always)]
    fn unlink_am(&mut self, slot: Slot, weight: u32) {
        self.am.unlink(0, slot, Unlinked::Absent);
        self.am_weight -= u64::from(weight);
    }

    /// Takes a linked slot from the middle of A1in; returns its hash.
    fn unlink_a1_in(&mut self, slot: Slot) -> u64 {
        let ticket = self.am.stowed(slot) as Ticket;
        let cells = &mut self.am;
        self.a1_in
            .remove(ticket, |moved, ticket| cells.stow(moved, ticket.into()))
    }

    /// Evicts the least recently used entry of Am.
    #[inline(never)]
    fn evict_am(&mut self) -> Option<Slot> {
        let victim = self.am.back(0)?;
        let weight = self.ledger.dismiss(victim);
        self.unlink_am(victim, weight);
        self.marks.set(victim, 0);
        Some(victim)
    }
}

impl Policy for TwoQ {
    type Config = TwoQConfig;

    fn new(capacity: u64, config: &TwoQConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let mut two_q = TwoQ {
            ledger: Ledger::new(capacity),
            marks: Marks::new(),
            a1_in: HashedQueue::new(),
            am: Lists::new(),
            a1_out: Ghost::new(0),
            config: config.clone(),
            am_weight: 0,
            pinned_weight: 0,
            a1_in_capacity: 0,
            am_capacity: 0,
        };
        two_q.set_capacity(capacity);
        Ok(two_q)
    }

    fn reserve(&mut self, slots: usize) {
        self.marks.reserve(slots);
        self.am.reserve(slots);
        self.ledger.reserve(slots);
    }

    #[inline(always)]
    fn miss(&mut self, hash: u64) -> Hint {
        if self.a1_out.take(hash) {
            REMEMBERED
        } else {
            Hint::NONE
        }
    }

    #[inline(always)]
    fn insert(&mut self, slot: Slot, hash: u64, weight: u32, hint: Hint) {
        if self.marks.get(slot) != 0 {
            resident_already(slot);
        }
        self.am.ensure(slot);
        self.ledger.admit(slot, weight);
        if hint == REMEMBERED {
            self.marks.start(slot, AM);
            self.link_am(slot, weight);
        } else {
            self.marks.start(slot, A1_IN);
            self.link_a1_in(slot, hash);
        }
    }

    #[inline(always)]
    fn hit(&mut self, slot: Slot, _hash: u64) {
        if self.marks.get(slot) == AM {
            self.am.move_to_front(0, slot);
        }
    }

    #[inline]
    fn victim(&mut self) -> Option<Slot> {
        if self.takes_from_a1_in() {
            self.a1_in.front()
        } else {
            self.am.back(0)
        }
    }

    #[inline(always)]
    fn evict(&mut self) -> Option<Slot> {
        if !self.takes_from_a1_in() {
            return self.evict_am();
        }
        let (victim, hash) = self.a1_in.pop()?;
        let weight = self.ledger.dismiss(victim);
        self.marks.set(victim, 0);
        self.a1_out.remember(hash, weight);
        Some(victim)
    }

    #[inline]
    fn overflow(&mut self) -> Option<Slot> {
        if self.am_weight <= self.am_capacity {
            return None;
        }
        self.evict_am()
    }

    fn remove(&mut self, slot: Slot, remember: bool) {
        let mark = self.expect_resident(slot);
        let weight = self.ledger.dismiss(slot);
        self.marks.set(slot, 0);
        if mark & PINNED != 0 {
            self.pinned_weight -= u64::from(weight);
        }
        let hash = match mark {
            A1_IN => self.unlink_a1_in(slot),
            AM => return self.unlink_am(slot, weight),
            _ if mark & A1_IN != 0 => self.am.stowed(slot),
            _ => return,
        };
        if remember {
            self.a1_out.remember(hash, weight);
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
            A1_IN => return,
            AM => &mut self.am_weight,
            _ => &mut self.pinned_weight,
        };
        *sum = *sum - old + u64::from(weight);
    }

    fn pin(&mut self, slot: Slot) {
        let mark = self.expect_resident(slot);
        let weight = self.ledger.weight_of(slot);
        match mark {
            A1_IN => {
                let hash = self.unlink_a1_in(slot);
                self.am.stow(slot, hash);
            }
            AM => self.unlink_am(slot, weight),
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
        if mark & A1_IN != 0 {
            self.link_a1_in(slot, self.am.stowed(slot));
        } else {
            self.link_am(slot, weight);
        }
    }

    /// A1out forgets at once what it may no longer hold: time in proportion to that.
    fn set_capacity(&mut self, capacity: u64) {
        self.ledger.set_capacity(capacity);
        self.a1_in_capacity = share(capacity, self.config.kin()).min(capacity);
        self.am_capacity = capacity - self.a1_in_capacity;
        self.a1_out.set_limit(share(capacity, self.config.kout()));
    }

    ledger_answers!(ledger);

    fn check(&self) {
        self.a1_in.check();
        self.am.check(0);
        self.a1_out.check();
        assert_eq!(
            self.a1_in_capacity + self.am_capacity,
            self.ledger.capacity()
        );
        let slots = (0..self.marks.slots() as u32).map(Slot::new);
        let marked = |mark: u8| {
            slots
                .clone()
                .filter(move |slot| self.marks.get(*slot) == mark)
        };
        assert_eq!(
            marked(A1_IN).count(),
            self.a1_in.len(),
            "an entry is marked as one of A1in and is not there"
        );
        for (slot, ticket) in self.a1_in.iter() {
            assert_eq!(
                (self.marks.get(slot), self.am.stowed(slot) as Ticket),
                (A1_IN, ticket),
                "an entry has lost its place in A1in"
            );
        }
        let weight_of = |slot| u64::from(self.ledger.weight_of(slot));
        let mut am_weight = 0;
        for slot in self.am.iter(0) {
            assert_eq!(
                self.marks.get(slot),
                AM,
                "an entry of Am is marked otherwise"
            );
            am_weight += weight_of(slot);
        }
        assert_eq!(marked(AM).count(), self.am.len(0));
        let pinned = marked(A1_IN | PINNED).chain(marked(AM | PINNED));
        assert_eq!(
            (am_weight, pinned.map(weight_of).sum()),
            (self.am_weight, self.pinned_weight),
            "the weight of a queue differs from its entries'"
        );
        let residents = slots.clone().filter(|slot| self.marks.get(*slot) != 0);
        self.ledger.check(residents);
    }
}

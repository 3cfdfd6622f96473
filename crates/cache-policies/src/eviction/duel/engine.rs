//! The engine: window, probation and protected, of which the mode says how large they are and who comes in.

use super::accesses::{Accesses, Time};
use super::ghost::Ghost;
use super::labels::PackedLabels;
use super::mode::DuelMode;
use crate::admission::gate::{Gate, Lots};
use crate::policy::Hint;
use crate::segments::{Labels, Segments};
use crate::slot::Slot;

pub(super) const WINDOW: usize = 0;
pub(super) const PROBATION: usize = 1;
pub(super) const PROTECTED: usize = 2;

/// The most entries that the beginning of a request, or a hit, moves between the segments.
const MOVES_MAX: u32 = 2;

/// The most entries that an eviction moves. Where more are to be, the oldest of the window leaves, as in LRU.
const EVICTION_MOVES_MAX: u32 = 16;

/// A key that came back soon enough for the main region, where the frequency counts too.
const TO_PROBATION: Hint = Hint::from_bits(1);
/// A key that came back soon enough for the main region.
const TO_PROTECTED: Hint = Hint::from_bits(2);

/// Three lists, a ghost, and a mode, which can be changed at any time: it says what the segments should be, and entries move
/// over with the requests that follow. What is known of the keys in the slots is the caller's.
#[derive(Clone, Debug)]
pub(super) struct Engine<L = PackedLabels> {
    pub(super) segments: Segments<3, L>,
    mode: DuelMode,
    window_capacity: u64,
    main_capacity: u64,
    protected_capacity: u64,
    pub(super) ghost: Ghost,
    lots: Lots,
    /// Where the key that has just missed will go, if it is inserted.
    coming: Hint,
}

/// What an eviction does.
enum Decision {
    /// This slot leaves.
    Leaves(Slot),
    /// The candidate goes into probation, and the victim leaves.
    Replaces { candidate: Slot, victim: Slot },
}

impl<L: Labels> Engine<L> {
    pub(super) fn new(capacity: u64, mode: DuelMode, seed: u64) -> Self {
        let mut engine = Engine {
            segments: Segments::new(capacity),
            mode,
            window_capacity: 0,
            main_capacity: 0,
            protected_capacity: 0,
            ghost: Ghost::default(),
            lots: Lots::new(seed),
            coming: Hint::NONE,
        };
        engine.divide();
        engine
    }

    pub(super) fn mode(&self) -> DuelMode {
        self.mode
    }

    /// Behaves in another way from now on.
    pub(super) fn set_mode(&mut self, mode: DuelMode) {
        self.mode = mode;
        self.divide();
    }

    pub(super) fn set_capacity(&mut self, capacity: u64) {
        self.segments.ledger.set_capacity(capacity);
        self.divide();
    }

    fn divide(&mut self) {
        let capacity = self.segments.ledger.capacity();
        self.window_capacity = self.mode.window_capacity(capacity);
        self.main_capacity = capacity - self.window_capacity;
        self.protected_capacity = self.mode.protected_capacity(self.main_capacity);
    }

    #[inline]
    fn main_weight(&self) -> u64 {
        self.segments.weight(PROBATION) + self.segments.weight(PROTECTED)
    }

    /// What an entry weighs that is not known, as far as the others tell.
    #[inline]
    fn mean_weight(&self) -> u64 {
        let ledger = &self.segments.ledger;
        ledger.weight() / (ledger.len() as u64).max(1)
    }

    /// Where entries of the window go that the main region has room for.
    #[inline]
    fn landing(&self) -> usize {
        match self.mode {
            DuelMode::Recency => PROTECTED,
            _ => PROBATION,
        }
    }

    /// Who would leave the main region.
    #[inline]
    fn victim_of_main(&self) -> Option<Slot> {
        let probation = self.segments.oldest(PROBATION);
        probation.or_else(|| self.segments.oldest(PROTECTED))
    }

    /// Whether a key that was asked for now and at this time before comes back sooner than the main region's victim did: the
    /// test of LIRS.
    #[inline]
    fn is_fresher(&self, previous: Time, accesses: &Accesses) -> bool {
        // Of entries that weigh more than 1, some room is nearly always left.
        let main = self.main_weight();
        if main < self.main_capacity && main + self.mean_weight() <= self.main_capacity {
            return true;
        }
        let victim = self.victim_of_main().filter(|_| self.main_capacity > 0);
        victim.is_some_and(|victim| accesses.age(previous) < accesses.age(accesses.last(victim)))
    }

    /// Begins a request: entries move to where the mode has them.
    #[inline(always)]
    pub(super) fn rebalance(&mut self) {
        if self.segments.weight(PROTECTED) <= self.protected_capacity
            && (self.segments.weight(WINDOW) <= self.window_capacity
                || self.main_weight() >= self.main_capacity)
        {
            return;
        }
        self.move_some();
    }

    /// Moves a few entries; apart, as most requests find nothing to move.
    #[cold]
    fn move_some(&mut self) {
        for _ in 0..MOVES_MAX {
            if !self.shrink_protected() && !self.shrink_window() {
                return;
            }
        }
    }

    /// Moves the oldest of protected, if that has more than its share; whether it did.
    #[inline]
    fn shrink_protected(&mut self) -> bool {
        let is_over = self.segments.weight(PROTECTED) > self.protected_capacity;
        let Some(oldest) = self.segments.oldest(PROTECTED).filter(|_| is_over) else {
            return false;
        };
        self.segments.transfer(oldest, PROTECTED, PROBATION);
        true
    }

    /// Moves the oldest of the window, if that has more than its share and the main region has room; whether it did.
    fn shrink_window(&mut self) -> bool {
        let is_over = self.segments.weight(WINDOW) > self.window_capacity;
        let Some(oldest) = self.segments.oldest(WINDOW).filter(|_| is_over) else {
            return false;
        };
        let has_room = self.has_room(self.main_weight(), oldest);
        if has_room {
            self.segments.transfer(oldest, WINDOW, self.landing());
        }
        has_room
    }

    /// Whether the main region, with this weight in it, has room for one more.
    #[inline]
    fn has_room(&self, main: u64, slot: Slot) -> bool {
        main < self.main_capacity
            && main + u64::from(self.segments.ledger.weight_of(slot)) <= self.main_capacity
    }

    /// Lets the main region's victims go back to the window until the main region is within its share.
    fn trim(&mut self) {
        while self.main_weight() > self.main_capacity {
            let Some(victim) = self.victim_of_main() else {
                return;
            };
            let segment = self.segments.segment_of(victim);
            self.segments.transfer(victim, segment, WINDOW);
        }
    }

    /// Whether an entry of this weight may come into this segment: one heavier than the share would drive out all others,
    /// and then go itself.
    #[inline]
    fn fits(&self, weight: u32, segment: usize) -> bool {
        let share = match segment {
            PROTECTED => self.protected_capacity,
            _ => self.main_capacity,
        };
        u64::from(weight) <= share
    }

    /// A request for a slot, linked or pinned, that was asked for at this time before.
    #[inline]
    pub(super) fn hit(&mut self, slot: Slot, previous: Time, accesses: &Accesses) {
        self.coming = Hint::NONE;
        if !self.segments.is_linked(slot) {
            return;
        }
        let segment = self.segments.segment_of(slot);
        let fits = |segment| self.fits(self.segments.ledger.weight_of(slot), segment);
        match segment {
            WINDOW
                if self.mode == DuelMode::Recency
                    && fits(PROTECTED)
                    && self.is_fresher(previous, accesses) =>
            {
                self.segments.transfer(slot, WINDOW, PROTECTED);
                self.trim();
            }
            PROBATION | PROTECTED if self.main_capacity == 0 => {
                self.segments.transfer(slot, segment, WINDOW);
            }
            PROBATION if fits(PROTECTED) => {
                self.segments.transfer(slot, PROBATION, PROTECTED);
                for _ in 0..MOVES_MAX {
                    if !self.shrink_protected() {
                        return;
                    }
                }
            }
            _ => self.segments.make_newest(slot, segment),
        }
    }

    /// A request for a key that is in no slot: where it is to go.
    #[inline]
    pub(super) fn miss(&mut self, folded: u32, accesses: &Accesses) -> Hint {
        let previous = self.ghost.take(folded, accesses.now());
        let comes_back = self.mode.tests_recency()
            && previous.is_some_and(|previous| self.is_fresher(previous, accesses));
        self.coming = match (comes_back, self.mode.tests_frequency()) {
            (false, _) => Hint::NONE,
            (true, true) => TO_PROBATION,
            (true, false) => TO_PROTECTED,
        };
        self.coming
    }

    #[inline]
    pub(super) fn insert(&mut self, slot: Slot, weight: u32, hint: Hint) {
        self.coming = Hint::NONE;
        if hint == TO_PROTECTED && self.fits(weight, PROTECTED) {
            self.segments.insert(slot, PROTECTED, weight);
            self.trim();
        } else if hint == TO_PROBATION && self.fits(weight, PROBATION) {
            self.segments.insert(slot, PROBATION, weight);
        } else if u64::from(weight) > self.window_capacity {
            // It does not fit the window: it is the next candidate, instead of making all others candidates.
            self.segments.insert_oldest(slot, WINDOW, weight);
        } else {
            self.segments.insert(slot, WINDOW, weight);
        }
    }

    /// The main region's weight as it will be once the key that has just missed is in; that key counts 1, as its weight is not
    /// known yet.
    #[inline]
    fn main_weight_to_be(&self) -> u64 {
        let main = self.main_weight();
        match self.coming {
            TO_PROBATION => main + 1,
            TO_PROTECTED => (main + 1).min(main.max(self.main_capacity)),
            _ => main,
        }
    }

    /// Finds who is to leave; entries of the window that the main region has room for move there on the way.
    #[inline(always)]
    fn decide(&mut self, accesses: &Accesses, gate: &Gate) -> Option<Decision> {
        for _ in 0..EVICTION_MOVES_MAX {
            let victim = self.victim_of_main();
            let Some(candidate) = self.segments.oldest(WINDOW) else {
                return victim.map(Decision::Leaves);
            };
            let main = self.main_weight_to_be();
            if let Some(victim) = victim
                && main > self.main_capacity
            {
                return Some(Decision::Leaves(victim));
            }
            if !self.has_room(main, candidate) {
                return Some(match victim {
                    Some(victim) if self.takes_place(candidate, victim, accesses, gate) => {
                        Decision::Replaces { candidate, victim }
                    }
                    _ => Decision::Leaves(candidate),
                });
            }
            self.segments.transfer(candidate, WINDOW, self.landing());
        }
        let oldest = self.segments.oldest(WINDOW);
        let leaves = oldest.or_else(|| self.victim_of_main());
        leaves.map(Decision::Leaves)
    }

    /// Whether a candidate takes the place of the main region's victim, by the test of TinyLFU, if the mode has that.
    #[inline]
    fn takes_place(
        &mut self,
        candidate: Slot,
        victim: Slot,
        accesses: &Accesses,
        gate: &Gate,
    ) -> bool {
        if !self.mode.tests_frequency() {
            return false;
        }
        let margin = self.mode.margin();
        let ours = gate.estimate(accesses.folded(candidate));
        // Most that were asked for once lose to anybody.
        ours > margin && {
            let theirs = gate.estimate(accesses.folded(victim));
            self.lots.admits(ours, theirs + margin)
        }
    }

    /// The slot that an eviction takes now; a candidate that wins moves up for it.
    #[inline(always)]
    pub(super) fn victim(&mut self, accesses: &Accesses, gate: &Gate) -> Option<Slot> {
        Some(match self.decide(accesses, gate)? {
            Decision::Leaves(slot) => slot,
            Decision::Replaces { candidate, victim } => {
                self.segments.transfer(candidate, WINDOW, PROBATION);
                victim
            }
        })
    }

    /// Makes a slot absent, and remembers its key if it leaves from the window; the slot and its weight.
    #[inline(always)]
    pub(super) fn evict(&mut self, accesses: &Accesses, gate: &Gate) -> Option<(Slot, u32)> {
        let victim = self.victim(accesses, gate)?;
        let segment = self.segments.segment_of(victim);
        let weight = self.segments.evict(segment, victim);
        self.remember(victim, segment, accesses);
        Some((victim, weight))
    }

    /// Makes a slot, linked or pinned, absent; its weight.
    pub(super) fn remove(&mut self, slot: Slot, remember: bool, accesses: &Accesses) -> u32 {
        let (segment, weight) = self.segments.remove(slot);
        if remember {
            self.remember(slot, segment, accesses);
        }
        weight
    }

    #[inline]
    fn remember(&mut self, slot: Slot, segment: usize, accesses: &Accesses) {
        if segment == WINDOW {
            let folded = accesses.folded(slot);
            self.ghost.put(folded, accesses.last(slot), accesses.now());
        }
    }

    /// How much of the capacity the window is to have.
    pub(super) fn window_capacity(&self) -> u64 {
        self.window_capacity
    }

    pub(super) fn check(&self) {
        self.segments.check();
        self.ghost.check();
        let capacity = self.segments.ledger.capacity();
        assert_eq!(self.window_capacity + self.main_capacity, capacity);
        assert!(self.protected_capacity <= self.main_capacity);
    }
}

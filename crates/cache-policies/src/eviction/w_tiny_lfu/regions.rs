//! Window, probation and protected: the three lists of W-TinyLFU, and the duel at the gate between the first two.

use alloc::vec::Vec;

use super::climber::{Climber, Division};
use crate::admission::gate::Gate;
use crate::ledger::{Ledger, grow};
use crate::list::{Lists, Unlinked};
use crate::sketch::fold;
use crate::slot::Slot;

pub(super) const WINDOW: usize = 0;
pub(super) const PROBATION: usize = 1;
pub(super) const PROTECTED: usize = 2;

/// The bits of a tag that name the segment.
const SEGMENT: u32 = 3;
/// The most entries that one call moves between the segments.
const MOVES_MAX: u32 = 4;

/// How the capacity is divided, and what else is chosen.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// The window's share of the capacity; that of a climber's first window.
    pub(super) window: f64,
    /// The protected segment's share of the main region.
    pub(super) protected: f64,
    /// The increments of a sample of the sketch for each entry that there is room for.
    pub(super) sample: u32,
    pub(super) seed: u64,
    pub(super) adaptive: bool,
}

impl Shape {
    /// The main region's share of a capacity, with the first window.
    fn main(&self, capacity: u64) -> u64 {
        beside(self.window, capacity)
    }

    /// The protected segment's share of the main region.
    fn protected(&self, main: u64) -> u64 {
        ((main as f64 * self.protected) as u64).min(main)
    }

    /// The largest window that a climber may make: as in Caffeine, what is probation with the first window stays in the
    /// main region.
    fn window_max(&self, capacity: u64) -> u64 {
        let main = self.main(capacity);
        capacity - main + self.protected(main)
    }
}

/// What a window of this share of a capacity leaves of it.
fn beside(window: f64, capacity: u64) -> u64 {
    ((capacity as f64 * (1.0 - window)) as u64).min(capacity)
}

#[derive(Clone, Debug)]
pub(super) struct Regions {
    ledger: Ledger,
    lists: Lists<3>,
    /// By slot: what the sketch knows of the hash, with the segment in the lowest bits: where the entry is linked or
    /// left to be pinned.
    tags: Vec<u32>,
    /// The weight of the linked entries of each segment.
    weights: [u64; 3],
    window_capacity: u64,
    main_capacity: u64,
    protected_capacity: u64,
    shape: Shape,
    /// The window's share of the capacity: the first, or what the climber made of it.
    window_share: f64,
    gate: Gate,
    climber: Option<Climber>,
    /// Whether there was a need for a victim yet; the climber begins then.
    full: bool,
}

impl Regions {
    pub(super) fn new(capacity: u64, shape: Shape) -> Self {
        let mut regions = Regions {
            ledger: Ledger::new(capacity),
            lists: Lists::new(),
            tags: Vec::new(),
            weights: [0; 3],
            window_capacity: 0,
            main_capacity: 0,
            protected_capacity: 0,
            window_share: shape.window,
            gate: Gate::new(shape.sample, shape.seed),
            climber: shape.adaptive.then(Climber::new),
            shape,
            full: false,
        };
        regions.divide(regions.shape.main(capacity));
        regions
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(super) fn frequency(&self, hash: u64) -> u8 {
        self.gate.frequency(hash)
    }

    pub(super) fn window_capacity(&self) -> u64 {
        self.window_capacity
    }

    pub(super) fn adaptations(&self) -> u64 {
        self.climber.as_ref().map_or(0, Climber::samples)
    }

    /// Gives this much of the capacity to the main region, and the rest to the window.
    fn divide(&mut self, main: u64) {
        self.main_capacity = main;
        self.window_capacity = self.ledger.capacity() - main;
        self.protected_capacity = self.shape.protected(main);
    }

    #[cold]
    fn fit_gate(&mut self) {
        let (len, weight) = (self.ledger.len() as u64, self.ledger.weight());
        for folded in self.gate.fit(self.ledger.capacity(), len, weight) {
            self.gate.increment(folded);
        }
    }

    #[inline]
    pub(super) fn miss(&mut self, hash: u64) {
        let folded = fold(hash);
        self.gate.keep_early(folded);
        self.gate.increment(folded);
        if self.full
            && let Some(climber) = &mut self.climber
        {
            climber.miss();
            self.climb();
        }
    }

    #[inline]
    pub(super) fn insert(&mut self, slot: Slot, hash: u64, weight: u32) {
        self.lists.expect_absent(slot);
        if slot.index() >= self.tags.len() {
            grow(&mut self.tags, slot, || 0);
        }
        self.tags[slot.index()] = fold(hash) | WINDOW as u32;
        self.ledger.admit(slot, weight);
        match self.lists.back(WINDOW) {
            // It does not fit the window: it is the next candidate, instead of making all others candidates.
            Some(oldest) if u64::from(weight) > self.window_capacity => {
                let place = Lists::<3>::place(oldest);
                self.lists.link_behind(place, WINDOW, slot);
            }
            _ => self.lists.push_front(WINDOW, slot),
        }
        self.weights[WINDOW] += u64::from(weight);
        if self.gate.is_outgrown(self.ledger.len() as u64) {
            self.fit_gate();
        }
        self.settle();
    }

    #[inline]
    pub(super) fn hit(&mut self, slot: Slot) {
        let pinned = self.lists.expect_resident(slot).is_some();
        let tag = self.tags[slot.index()];
        let segment = (tag & SEGMENT) as usize;
        self.gate.increment(tag & !SEGMENT);
        if !pinned {
            // One that is heavier than the protected share would but drive all others out of it, and then go itself.
            let fits = || u64::from(self.ledger.weight_of(slot)) <= self.protected_capacity;
            if segment == PROBATION && fits() {
                self.transfer(slot, PROBATION, PROTECTED);
                self.settle();
            } else {
                self.lists.move_to_front(segment, slot);
            }
        }
        if self.full
            && let Some(climber) = &mut self.climber
        {
            climber.hit(segment == WINDOW);
            self.climb();
        }
    }

    /// The slot that an eviction takes now; a candidate that wins moves up for it.
    #[inline]
    pub(super) fn victim(&mut self) -> Option<Slot> {
        self.full = true;
        let main = self
            .lists
            .back(PROBATION)
            .or_else(|| self.lists.back(PROTECTED));
        if self.main_weight() > self.main_capacity && main.is_some() {
            return main;
        }
        let (Some(candidate), Some(victim)) = (self.lists.back(WINDOW), main) else {
            return self.lists.back(WINDOW).or(main);
        };
        if self.wins(candidate, victim) {
            self.transfer(candidate, WINDOW, PROBATION);
            Some(victim)
        } else {
            Some(candidate)
        }
    }

    /// Whether a candidate for the main region is worth more than its victim.
    #[inline]
    fn wins(&mut self, candidate: Slot, victim: Slot) -> bool {
        let frequency = |slot: Slot| {
            let tag = self.tags[slot.index()];
            self.gate.estimate(tag & !SEGMENT)
        };
        let (candidate, victim) = (frequency(candidate), frequency(victim));
        self.gate.admits(candidate, victim)
    }

    #[inline]
    fn main_weight(&self) -> u64 {
        self.weights[PROBATION] + self.weights[PROTECTED]
    }

    /// Moves a linked slot to the newest end of another segment.
    #[inline]
    fn transfer(&mut self, slot: Slot, from: usize, to: usize) {
        let weight = u64::from(self.ledger.weight_of(slot));
        self.lists.unlink(from, slot, Unlinked::Absent);
        self.lists.push_front(to, slot);
        self.weights[from] -= weight;
        self.weights[to] += weight;
        let tag = &mut self.tags[slot.index()];
        *tag = *tag & !SEGMENT | to as u32;
    }

    /// Moves entries to where there is room for them.
    #[inline]
    fn settle(&mut self) {
        if self.weights[PROTECTED] > self.protected_capacity
            || self.weights[WINDOW] > self.window_capacity
            || self.main_weight() > self.main_capacity
        {
            for _ in 0..MOVES_MAX {
                if !self.move_one() {
                    break;
                }
            }
        }
    }

    /// Whether something was to be moved.
    fn move_one(&mut self) -> bool {
        if self.weights[PROTECTED] > self.protected_capacity {
            return self.move_oldest(PROTECTED, PROBATION, u64::MAX);
        }
        if self.weights[WINDOW] > self.window_capacity {
            let room = self.main_capacity.saturating_sub(self.main_weight());
            return self.move_oldest(WINDOW, PROBATION, room);
        }
        let room = self.window_capacity - self.weights[WINDOW];
        self.climber.is_some()
            && self.main_weight() > self.main_capacity
            && self.move_oldest(PROBATION, WINDOW, room)
    }

    /// Moves the oldest of a segment, if there is one, and it weighs no more than this.
    fn move_oldest(&mut self, from: usize, to: usize, weight_max: u64) -> bool {
        let oldest = self.lists.back(from);
        let fits = |slot: &Slot| u64::from(self.ledger.weight_of(*slot)) <= weight_max;
        let Some(oldest) = oldest.filter(fits) else {
            return false;
        };
        self.transfer(oldest, from, to);
        true
    }

    /// Ends the climber's sample if it is full, and divides the capacity as the climber says.
    #[inline]
    fn climb(&mut self) {
        let entries = self.ledger.len() as u64;
        if self
            .climber
            .as_ref()
            .is_some_and(|climber| climber.is_due(entries))
        {
            self.redivide(entries);
        }
    }

    #[cold]
    fn redivide(&mut self, entries: u64) {
        let Some(climber) = &mut self.climber else {
            return;
        };
        let capacity = self.ledger.capacity();
        let division = Division {
            capacity,
            window: self.window_capacity,
            window_max: self.shape.window_max(capacity),
            entries,
        };
        let window = climber.climb(&division);
        if window != self.window_capacity {
            self.window_share = window as f64 / capacity as f64;
        }
        self.divide(capacity - window);
        self.settle();
    }

    #[inline]
    pub(super) fn evict(&mut self) -> Option<Slot> {
        let victim = self.victim()?;
        let segment = self.segment(victim);
        self.lists.unlink(segment, victim, Unlinked::Absent);
        self.weights[segment] -= u64::from(self.ledger.dismiss(victim));
        Some(victim)
    }

    #[inline]
    fn segment(&self, slot: Slot) -> usize {
        (self.tags[slot.index()] & SEGMENT) as usize
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        if self.lists.expect_resident(slot).is_none() {
            self.weights[self.segment(slot)] -= u64::from(self.ledger.weight_of(slot));
        }
        self.lists.remove_resident(self.segment(slot), slot);
        self.ledger.dismiss(slot);
    }

    pub(super) fn weight_of(&self, slot: Slot) -> u32 {
        self.lists.expect_resident(slot);
        self.ledger.weight_of(slot)
    }

    pub(super) fn reweigh(&mut self, slot: Slot, weight: u32) {
        let linked = self.lists.expect_resident(slot).is_none();
        let old = u64::from(self.ledger.reweigh(slot, weight));
        if linked {
            let segment = &mut self.weights[(self.tags[slot.index()] & SEGMENT) as usize];
            *segment = *segment - old + u64::from(weight);
            self.settle();
        }
    }

    pub(super) fn pin(&mut self, slot: Slot) {
        if self.lists.expect_resident(slot).is_none() {
            let segment = self.segment(slot);
            self.lists.unlink(segment, slot, Unlinked::Pinned);
            self.weights[segment] -= u64::from(self.ledger.weight_of(slot));
        }
    }

    pub(super) fn unpin(&mut self, slot: Slot) {
        if self.lists.expect_resident(slot) == Some(Unlinked::Pinned) {
            let segment = self.segment(slot);
            self.lists.push_front(segment, slot);
            self.weights[segment] += u64::from(self.ledger.weight_of(slot));
            self.settle();
        }
    }

    pub(super) fn set_capacity(&mut self, capacity: u64) {
        if capacity == self.ledger.capacity() {
            return;
        }
        self.ledger.set_capacity(capacity);
        let main_min = capacity - self.shape.window_max(capacity);
        self.divide(beside(self.window_share, capacity).max(main_min));
        if let Some(climber) = &mut self.climber {
            climber.restart();
        }
        if self.ledger.len() > 0 {
            self.fit_gate();
        }
        self.settle();
    }

    pub(super) fn check(&self) {
        let mut residents: Vec<Slot> = self.lists.pinned().collect();
        for segment in [WINDOW, PROBATION, PROTECTED] {
            self.lists.check(segment);
            let mut weight = 0;
            for slot in self.lists.iter(segment) {
                assert_eq!(
                    self.segment(slot),
                    segment,
                    "an entry is tagged as one of another segment"
                );
                weight += u64::from(self.ledger.weight_of(slot));
                residents.push(slot);
            }
            assert_eq!(
                weight, self.weights[segment],
                "the weight of segment {segment} differs"
            );
        }
        self.ledger.check(residents.into_iter());
        let capacity = self.ledger.capacity();
        assert_eq!(self.window_capacity + self.main_capacity, capacity);
        assert!(self.protected_capacity <= self.main_capacity);
    }
}

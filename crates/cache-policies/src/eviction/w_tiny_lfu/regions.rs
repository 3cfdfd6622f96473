//! Window, probation and protected: the three lists of W-TinyLFU, and the duel at the gate between the first two.

use alloc::vec::Vec;

use super::climber::{Climber, Division};
use crate::admission::gate::Gate;
use crate::ledger::{Ledger, grow};
use crate::segments::{Labels, Segments};
use crate::sketch::fold;
use crate::slot::Slot;

pub(super) const WINDOW: usize = 0;
pub(super) const PROBATION: usize = 1;
pub(super) const PROTECTED: usize = 2;

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

/// By slot: what the sketch knows of the hash, with the segment in the lowest bits, which that leaves free.
#[derive(Clone, Debug, Default)]
struct Tags(Vec<u32>);

/// The bits of a tag that name the segment.
const SEGMENT: u32 = 3;

impl Tags {
    /// Sets the hash of a slot that has a segment, and had no hash since it got that.
    #[inline]
    fn set_folded(&mut self, slot: Slot, folded: u32) {
        self.0[slot.index()] |= folded;
    }

    #[inline]
    fn folded(&self, slot: Slot) -> u32 {
        self.0[slot.index()] & !SEGMENT
    }
}

impl Labels for Tags {
    #[inline]
    fn start(&mut self, slot: Slot, segment: u8) {
        if slot.index() >= self.0.len() {
            grow(&mut self.0, slot, || 0);
        }
        self.0[slot.index()] = u32::from(segment);
    }

    #[inline]
    fn get(&self, slot: Slot) -> u8 {
        (self.0[slot.index()] & SEGMENT) as u8
    }

    #[inline]
    fn set(&mut self, slot: Slot, segment: u8) {
        let tag = &mut self.0[slot.index()];
        *tag = *tag & !SEGMENT | u32::from(segment);
    }
}

#[derive(Clone, Debug)]
pub(super) struct Regions {
    segments: Segments<3, Tags>,
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
            segments: Segments::new(capacity),
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
        &self.segments.ledger
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
        self.window_capacity = self.ledger().capacity() - main;
        self.protected_capacity = self.shape.protected(main);
    }

    #[cold]
    fn fit_gate(&mut self) {
        let (len, weight) = (self.ledger().len() as u64, self.ledger().weight());
        for folded in self.gate.fit(self.ledger().capacity(), len, weight) {
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
        if u64::from(weight) > self.window_capacity {
            // It does not fit the window: it is the next candidate, instead of making all others candidates.
            self.segments.insert_oldest(slot, WINDOW, weight);
        } else {
            self.segments.insert(slot, WINDOW, weight);
        }
        self.segments.labels.set_folded(slot, fold(hash));
        if self.gate.is_outgrown(self.ledger().len() as u64) {
            self.fit_gate();
        }
        self.settle();
    }

    #[inline]
    pub(super) fn hit(&mut self, slot: Slot) {
        let linked = self.segments.is_linked(slot);
        let segment = self.segments.segment_of(slot);
        self.gate.increment(self.segments.labels.folded(slot));
        if linked {
            // One that is heavier than the protected share would but drive all others out of it, and then go itself.
            let fits = || u64::from(self.ledger().weight_of(slot)) <= self.protected_capacity;
            if segment == PROBATION && fits() {
                self.segments.transfer(slot, PROBATION, PROTECTED);
                self.settle();
            } else {
                self.segments.make_newest(slot, segment);
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
            .segments
            .oldest(PROBATION)
            .or_else(|| self.segments.oldest(PROTECTED));
        if self.main_weight() > self.main_capacity && main.is_some() {
            return main;
        }
        let (Some(candidate), Some(victim)) = (self.segments.oldest(WINDOW), main) else {
            return self.segments.oldest(WINDOW).or(main);
        };
        if self.wins(candidate, victim) {
            self.segments.transfer(candidate, WINDOW, PROBATION);
            Some(victim)
        } else {
            Some(candidate)
        }
    }

    /// Whether a candidate for the main region is worth more than its victim.
    #[inline]
    fn wins(&mut self, candidate: Slot, victim: Slot) -> bool {
        let frequency = |slot: Slot| self.gate.estimate(self.segments.labels.folded(slot));
        let (candidate, victim) = (frequency(candidate), frequency(victim));
        self.gate.admits(candidate, victim)
    }

    #[inline]
    fn main_weight(&self) -> u64 {
        self.segments.weight(PROBATION) + self.segments.weight(PROTECTED)
    }

    /// Moves entries to where there is room for them.
    #[inline]
    fn settle(&mut self) {
        if self.segments.weight(PROTECTED) > self.protected_capacity
            || self.segments.weight(WINDOW) > self.window_capacity
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
        if self.segments.weight(PROTECTED) > self.protected_capacity {
            return self.move_oldest(PROTECTED, PROBATION, u64::MAX);
        }
        if self.segments.weight(WINDOW) > self.window_capacity {
            let room = self.main_capacity.saturating_sub(self.main_weight());
            return self.move_oldest(WINDOW, PROBATION, room);
        }
        let room = self.window_capacity - self.segments.weight(WINDOW);
        self.climber.is_some()
            && self.main_weight() > self.main_capacity
            && self.move_oldest(PROBATION, WINDOW, room)
    }

    /// Moves the oldest of a segment, if there is one, and it weighs no more than this.
    fn move_oldest(&mut self, from: usize, to: usize, weight_max: u64) -> bool {
        let oldest = self.segments.oldest(from);
        let fits = |slot: &Slot| u64::from(self.ledger().weight_of(*slot)) <= weight_max;
        let Some(oldest) = oldest.filter(fits) else {
            return false;
        };
        self.segments.transfer(oldest, from, to);
        true
    }

    /// Ends the climber's sample if it is full, and divides the capacity as the climber says.
    #[inline]
    fn climb(&mut self) {
        let entries = self.ledger().len() as u64;
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
        let capacity = self.segments.ledger.capacity();
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
        let segment = self.segments.segment_of(victim);
        self.segments.evict(segment, victim);
        Some(victim)
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        self.segments.remove(slot);
    }

    pub(super) fn weight_of(&self, slot: Slot) -> u32 {
        self.segments.weight_of(slot)
    }

    pub(super) fn reweigh(&mut self, slot: Slot, weight: u32) {
        self.segments.reweigh(slot, weight);
        if self.segments.is_linked(slot) {
            self.settle();
        }
    }

    pub(super) fn pin(&mut self, slot: Slot) {
        self.segments.pin(slot);
    }

    pub(super) fn unpin(&mut self, slot: Slot) {
        if self.segments.unpin(slot) {
            self.settle();
        }
    }

    pub(super) fn set_capacity(&mut self, capacity: u64) {
        if capacity == self.ledger().capacity() {
            return;
        }
        self.segments.ledger.set_capacity(capacity);
        let main_min = capacity - self.shape.window_max(capacity);
        self.divide(beside(self.window_share, capacity).max(main_min));
        if let Some(climber) = &mut self.climber {
            climber.restart();
        }
        if self.ledger().len() > 0 {
            self.fit_gate();
        } else {
            self.gate.await_entry();
        }
        self.settle();
    }

    pub(super) fn check(&self) {
        self.segments.check();
        let capacity = self.ledger().capacity();
        assert_eq!(self.window_capacity + self.main_capacity, capacity);
        assert!(self.protected_capacity <= self.main_capacity);
    }
}

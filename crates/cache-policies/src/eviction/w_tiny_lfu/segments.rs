//! Window, probation and protected: the three lists of W-TinyLFU, and the duel at the gate between the first two.

use alloc::vec::Vec;

use super::climber::{Climber, Division};
use crate::ledger::{Ledger, grow};
use crate::list::{Lists, Unlinked};
use crate::random::Random;
use crate::sketch::{FrequencySketch, fold};
use crate::slot::Slot;

pub(super) const WINDOW: usize = 0;
pub(super) const PROBATION: usize = 1;
pub(super) const PROTECTED: usize = 2;

/// The bits of a tag that name the segment.
const SEGMENT: u32 = 3;
/// From here on a candidate may win by lot.
const WARM: u8 = 6;
/// It wins once in this many duels.
const LOTS: u64 = 128;
/// The most entries that one call moves between the segments.
const MOVES_MAX: u32 = 4;
/// The sketch is made at once for as many entries as the weights let expect, up to this many.
const EXPECTED_MAX: u64 = 1 << 16;
/// The fewest words of the sketch.
const WORDS_MIN: u64 = 64;

/// How the capacity is divided, and what else is chosen.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// The window's share of the capacity; that of a climber's first window.
    pub(super) window: f64,
    /// The protected segment's share of the main region.
    pub(super) protected: f64,
    /// The increments of a sample of the sketch, in words of it.
    pub(super) sample: u64,
    pub(super) seed: u64,
    pub(super) adaptive: bool,
}

impl Shape {
    /// The main region's share of a capacity, with the first window.
    fn main(&self, capacity: u64) -> u64 {
        ((capacity as f64 * (1.0 - self.window)) as u64).min(capacity)
    }

    /// The protected segment's share of the main region.
    fn protected(&self, main: u64) -> u64 {
        ((main as f64 * self.protected) as u64).min(main)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Segments {
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
    sketch: FrequencySketch,
    /// The entries that the sketch is made for; 0 until there is one.
    sketch_entries: u64,
    lots: Random,
    climber: Option<Climber>,
    /// Whether there was a need for a victim yet; the climber begins then.
    full: bool,
}

impl Segments {
    pub(super) fn new(capacity: u64, shape: Shape) -> Self {
        let mut segments = Segments {
            ledger: Ledger::new(capacity),
            lists: Lists::new(),
            tags: Vec::new(),
            weights: [0; 3],
            window_capacity: 0,
            main_capacity: 0,
            protected_capacity: 0,
            sketch: FrequencySketch::new(WORDS_MIN as usize, shape.sample * WORDS_MIN),
            sketch_entries: 0,
            lots: Random::new(shape.seed),
            climber: shape.adaptive.then(Climber::new),
            shape,
            full: false,
        };
        segments.divide(segments.shape.main(capacity));
        segments
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(super) fn frequency(&self, hash: u64) -> u8 {
        self.sketch.estimate_folded(fold(hash))
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

    /// Makes the sketch one for as many entries as the weights let expect; beyond `EXPECTED_MAX`, for as many as there
    /// are, rounded up.
    #[cold]
    fn fit_sketch(&mut self) {
        let len = self.ledger.len() as u64;
        let mean = self.ledger.weight() / len.max(1);
        let expected = self.ledger.capacity() / mean.max(1);
        let mut entries = expected.min(len.next_power_of_two().max(EXPECTED_MAX));
        if entries < len {
            // Many weigh nothing.
            entries = len.next_power_of_two();
        }
        if entries != self.sketch_entries {
            self.sketch_entries = entries;
            let words = entries.max(WORDS_MIN) as usize;
            self.sketch
                .resize(words, (self.shape.sample * entries).max(2));
        }
    }

    #[inline]
    pub(super) fn miss(&mut self, hash: u64) {
        self.sketch.increment_folded(fold(hash));
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
        if self.ledger.len() as u64 > self.sketch_entries {
            self.fit_sketch();
        }
        self.settle();
    }

    #[inline]
    pub(super) fn hit(&mut self, slot: Slot) {
        let pinned = self.lists.expect_resident(slot).is_some();
        let tag = self.tags[slot.index()];
        let segment = (tag & SEGMENT) as usize;
        self.sketch.increment_folded(tag & !SEGMENT);
        if !pinned {
            if segment == PROBATION {
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
            self.sketch.estimate_folded(tag & !SEGMENT)
        };
        let candidate = frequency(candidate);
        candidate > frequency(victim) || candidate >= WARM && self.lots.next().is_multiple_of(LOTS)
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
        let main = self.shape.main(capacity);
        let division = Division {
            capacity,
            window: self.window_capacity,
            // As in Caffeine: what is probation with the first window stays in the main region.
            window_max: capacity - main + self.shape.protected(main),
            entries,
        };
        let window = climber.climb(&division);
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
        self.ledger.set_capacity(capacity);
        self.divide(self.shape.main(capacity));
        if self.ledger.len() > 0 {
            self.fit_sketch();
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

//! The classes of entries of LHD: at which ages their entries were hit and evicted, and what hits they promise from
//! that.

use alloc::vec;
use alloc::vec::Vec;

/// Ages are counted in steps of some requests, from 0 to this less 1; the last one stands for all that is older.
pub(super) const AGES: usize = 4_096;

/// The oldest age.
pub(super) const OLDEST: usize = AGES - 1;

/// The classes by the ages at the last two hits.
const HIT_AGE_CLASSES: usize = 16;

/// The groups of such classes, one for each size of entries.
const GROUPS: usize = 16;

/// What is left of an event after an interval.
const DECAY: f32 = 0.9;

/// A class holds less than this of events: it is empty.
const EMPTY: f32 = 1e-5;

/// The hit-age class of an entry that was hit at ages with this sum: about the logarithm of how far that is below the
/// oldest age.
#[inline]
pub(super) fn hit_age_class(ages: usize) -> u8 {
    if ages == 0 {
        return HIT_AGE_CLASSES as u8 - 1;
    }
    // With AGES a power of two: by how many doublings it reaches that.
    let doublings = AGES.ilog2().saturating_sub(ages.ilog2());
    doublings.min(HIT_AGE_CLASSES as u32 - 1) as u8
}

/// The group of entries of this weight: weights up to a power of 4.
#[inline]
pub(super) fn group(weight: u32) -> usize {
    ((u32::BITS - weight.leading_zeros()) as usize / 2).min(GROUPS - 1)
}

/// The columns of a group, by class and age; empty until something happened to one of its entries.
#[derive(Clone, Debug, Default)]
struct Group {
    hits: Vec<f32>,
    evictions: Vec<f32>,
    /// Hits to come for each step of an entry's time to come.
    densities: Vec<f32>,
    /// By class, whether anything happened to one of its entries: most classes stay empty.
    used: [bool; HIT_AGE_CLASSES],
}

#[derive(Clone, Debug)]
pub(super) struct Classes {
    /// One for each size of entries.
    groups: Vec<Group>,
    has_learned: bool,
}

#[inline]
fn place(class: u8, age: usize) -> usize {
    usize::from(class) * AGES + age
}

/// Before anything is learned: entries that were hit soon and lately are worth more.
#[inline]
fn guess(class: u8, age: usize) -> f32 {
    (f32::from(class) + 1.0) / (age as f32 + 1.0)
}

impl Classes {
    pub(super) fn new() -> Self {
        Classes {
            groups: vec![Group::default(); GROUPS],
            has_learned: false,
        }
    }

    /// The hits that a step of an entry's time is expected to bring.
    #[inline]
    pub(super) fn density(&self, group: usize, class: u8, age: usize) -> f32 {
        match self.groups[group].densities.get(place(class, age)) {
            Some(density) => *density,
            None if self.has_learned => 0.0,
            None => guess(class, age),
        }
    }

    #[inline]
    pub(super) fn record_hit(&mut self, group: usize, class: u8, age: usize) {
        self.used(group, class).hits[place(class, age)] += 1.0;
    }

    #[inline]
    pub(super) fn record_eviction(&mut self, group: usize, class: u8, age: usize) {
        self.used(group, class).evictions[place(class, age)] += 1.0;
    }

    #[inline]
    fn used(&mut self, group: usize, class: u8) -> &mut Group {
        if self.groups[group].hits.is_empty() {
            self.begin(group);
        }
        let group = &mut self.groups[group];
        group.used[usize::from(class)] = true;
        group
    }

    #[cold]
    fn begin(&mut self, group: usize) {
        let len = HIT_AGE_CLASSES * AGES;
        let mut densities = vec![0.0; len];
        if !self.has_learned {
            for class in 0..HIT_AGE_CLASSES as u8 {
                for age in 0..AGES {
                    densities[place(class, age)] = guess(class, age);
                }
            }
        }
        self.groups[group] = Group {
            hits: vec![0.0; len],
            evictions: vec![0.0; len],
            densities,
            used: [false; HIT_AGE_CLASSES],
        };
    }

    /// Lets the events decay, and learns the densities from them. Time in proportion to the ages of the groups in use.
    #[cold]
    pub(super) fn learn(&mut self) {
        self.has_learned = true;
        for group in &mut self.groups {
            for event in group.hits.iter_mut().chain(&mut group.evictions) {
                *event *= DECAY;
            }
        }
        self.model();
    }

    /// Works the densities out anew, as the events are now at other ages; a guess stays one until something is learned.
    #[cold]
    pub(super) fn learn_again(&mut self) {
        if self.has_learned {
            self.model();
        }
    }

    fn model(&mut self) {
        for group in &mut self.groups {
            let events = group.hits.chunks_exact(AGES);
            let events = events.zip(group.evictions.chunks_exact(AGES));
            let classes = events.zip(group.densities.chunks_exact_mut(AGES));
            for (((hits, evictions), densities), used) in classes.zip(group.used) {
                if used {
                    model(hits, evictions, densities);
                } else {
                    densities.fill(0.0);
                }
            }
        }
    }

    /// Makes the steps of ages 2^`shift` times as long.
    #[cold]
    pub(super) fn compress(&mut self, shift: u32) {
        for group in &mut self.groups {
            for events in [&mut group.hits, &mut group.evictions] {
                for events in events.chunks_exact_mut(AGES) {
                    // Each target is empty by then: what was there has gone further down.
                    for age in 1..OLDEST {
                        let target = age.checked_shr(shift).unwrap_or(0);
                        events[target] += events[age];
                        events[age] = 0.0;
                    }
                }
            }
        }
    }

    /// Makes the steps of ages a 2^`shift`th as long.
    #[cold]
    pub(super) fn stretch(&mut self, shift: u32) {
        let kept = AGES.checked_shr(shift).unwrap_or(0).max(1);
        let share = 1.0 / 2_u64.checked_shl(shift - 1).unwrap_or(u64::MAX) as f32;
        for group in &mut self.groups {
            for events in [&mut group.hits, &mut group.evictions] {
                for events in events.chunks_exact_mut(AGES) {
                    for age in kept..OLDEST {
                        events[OLDEST] += events[age];
                    }
                    for age in (0..OLDEST).rev() {
                        events[age] = events[age.checked_shr(shift).unwrap_or(0)] * share;
                    }
                }
            }
        }
    }

    /// Asserts that no event is counted negatively, and that densities are shares.
    pub(super) fn check(&self) {
        for group in &self.groups {
            let events = group.hits.iter().chain(&group.evictions);
            assert!(
                events
                    .chain(&group.densities)
                    .all(|value| value.is_finite() && *value >= 0.0),
                "an event is counted negatively"
            );
        }
    }
}

/// The expected hits of an entry of this age, over its expected time to live, both until its next event: the sums of
/// later events are carried along from the oldest age on, and their sum is the time.
fn model(hits: &[f32], evictions: &[f32], densities: &mut [f32]) {
    let mut later_hits = hits[OLDEST];
    let mut later_events = hits[OLDEST] + evictions[OLDEST];
    let mut time = later_events;
    for age in (0..OLDEST).rev() {
        later_hits += hits[age];
        later_events += hits[age] + evictions[age];
        time += later_events;
        densities[age] = if later_events > EMPTY {
            later_hits / time
        } else {
            0.0
        };
    }
    densities[OLDEST] = 0.0;
}

#[cfg(test)]
mod tests {
    use super::{AGES, Classes, OLDEST, group, guess, hit_age_class, place};
    use crate::random::Random;
    use std::vec::Vec;

    #[test]
    fn classes_are_by_magnitude() {
        let classes = [0, 1, 2, 3, 4, 2_047, 2_048, 4_095, AGES, 2 * OLDEST].map(hit_age_class);
        assert_eq!(classes, [15, 12, 11, 11, 10, 2, 1, 1, 0, 0]);
        let groups = [0, 1, 2, 7, 8, 31, 32, u32::MAX].map(group);
        assert_eq!(groups, [0, 0, 1, 1, 2, 2, 3, 15]);
    }

    /// The paper's formula as it stands: of the entries that reach an age, the share that is hit from there on, over
    /// the mean time until their next event.
    #[test]
    fn densities_are_those_of_the_formula() {
        let mut classes = Classes::new();
        assert_eq!(classes.density(0, 3, 1), guess(3, 1));
        let mut random = Random::new(1);
        let mut events = Vec::new();
        for _ in 0..3_000 {
            let age = random.below(300).min(random.below(AGES));
            let hit = random.below(3) > 0;
            if hit {
                classes.record_hit(0, 3, age);
            } else {
                classes.record_eviction(0, 3, age);
            }
            events.push((age, hit));
        }
        classes.learn();
        classes.check();
        for age in 0..OLDEST {
            let later = || events.iter().filter(|event| event.0 >= age);
            let hits = later().filter(|event| event.1).count() as f64;
            // An event at this very age takes the step that it happens in.
            let time: usize = later().map(|event| event.0 - age + 1).sum();
            let expected = if time == 0 { 0.0 } else { hits / time as f64 };
            let density = f64::from(classes.density(0, 3, age));
            assert!(
                (density - expected).abs() <= 1e-4 * expected,
                "{age}: {density} {expected}"
            );
        }
        assert_eq!(
            (classes.density(0, 4, 0), classes.density(1, 3, 0)),
            (0.0, 0.0)
        );
    }

    #[test]
    fn other_steps_keep_the_number_of_events() {
        let mut classes = Classes::new();
        for age in 0..AGES {
            for _ in 0..=age % 5 {
                classes.record_hit(2, 7, age);
                classes.record_eviction(2, 7, OLDEST - age);
            }
        }
        let sums = |classes: &Classes| {
            let group = &classes.groups[2];
            [
                group.hits.iter().sum::<f32>(),
                group.evictions.iter().sum::<f32>(),
            ]
        };
        let before = sums(&classes);
        let at = |classes: &Classes, age: usize| classes.groups[2].hits[place(7, age)];
        let (first, last) = (
            [0, 1, 2, 3]
                .map(|age| at(&classes, age))
                .iter()
                .sum::<f32>(),
            at(&classes, OLDEST),
        );
        for shift in [2, 12, 40] {
            let mut other = classes.clone();
            other.compress(shift);
            assert_eq!(sums(&other), before);
            if shift == 2 {
                assert_eq!(
                    (at(&other, 0), at(&other, OLDEST), at(&other, 1_024)),
                    (first, last, 0.0)
                );
            }
            other.stretch(shift.min(12));
            other.check();
            assert!(sums(&other)[0] <= before[0] && sums(&other)[0] > 0.9 * before[0]);
        }
    }
}

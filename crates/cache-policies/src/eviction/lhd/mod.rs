//! LHD: of a sample, the entry goes whose place promises the fewest hits, as was learned from entries like it.

mod classes;
mod config;

pub use config::LhdConfig;

use crate::any::Parameters;
use crate::error::ConfigError;
use crate::policy::{Hint, Policy};
use crate::random::Random;
use crate::sample::Sample;
use crate::slot::Slot;

use classes::{AGES, Classes, OLDEST, group, hit_age_class};

/// The ages reach over the time in which this many times the resident entries are asked for.
const AGES_SPAN: u64 = 100;

/// How many of the latest unpromising inserts are candidates of every eviction.
const RECENT: usize = 8;

/// One entry of so many, chosen by lot, is an explorer, as long as they weigh less than a hundredth of the capacity,
/// and for the first intervals only.
const EXPLORERS_ONE_IN: usize = 32;
const EXPLORERS_SHARE: u64 = 100;
const EXPLORING_INTERVALS: u32 = 50;

/// The first interval is shorter than usual by this many halvings, the next one by one less, and so on.
const FIRST_HALVINGS: u32 = 6;
/// No interval is made shorter than this, for what is learned from few events is wrong.
const INTERVAL_MIN: u32 = 1 << 14;

/// What is left of the mean density of victims after one more.
const VICTIM_DECAY: f32 = 0.9;

/// What is known of an entry.
#[derive(Copy, Clone, Debug)]
struct Life {
    /// The request at which it was last hit, or inserted. The clock wraps around.
    stamp: u32,
    /// The age at the last hit; 0 before.
    last_age: u16,
    /// The class by the ages at the last two hits.
    class: u8,
    /// It stays, to find out whether entries of its kind are hit late.
    explorer: bool,
}

/// LHD, least hit density (N. Beckmann, H. Chen, A. Cidon, "LHD: improving cache hit rate by maximizing hit density",
/// NSDI 2018).
///
/// The hit density of an entry is the probability that it is hit before it is evicted, over the time that it takes
/// room until then and over its weight. It is learned: every entry belongs to a class, of 16 by the ages at its last
/// two hits and 16 by its weight (where the authors have the application that it came from, which an owner does not
/// tell), and each class counts at which ages its entries were hit and evicted. Every `interval` requests those counts
/// decay by 0.9 and the densities are worked out anew: the first time after a 64th of that, then a 32nd, and so on,
/// but not below 16,384 requests. Before that, the density is taken to be (class + 1) / (age + 1).
///
/// An eviction draws `sample` entries, adds the last 8 inserts whose density was below that of the late victims, and
/// takes the one of lowest density, the first among equals; entries older than all ages first, those of weight 0 last.
/// Explorers, by lot 1 in 32 requests while they weigh less than 1% of the capacity and in the first 50 intervals,
/// gain a density of 1, so that late hits are found.
///
/// Differences from the authors' simulator, which libCacheSim runs as well: there are 4,096 ages instead of 20,000;
/// the step between them is fitted to the number of entries, from the first eviction on, not after 5 and 25 intervals;
/// the first intervals are shorter, as the trace OLTP, of 914,145 requests, would end within the first one; and the
/// sample is as large in the first 50 intervals as later. OLTP misses 62.2% at 1,000 entries and 42.3% at 8,192, where
/// libCacheSim 0.3.5 misses 66.5% and 40.9%.
///
/// A request is a hit or an insert; an entry that is neither hit nor drawn in 2^32 requests looks young for a while.
///
/// Hits count in a column and take constant time, as all calls do, but `evict`: `sample` + 8 steps, and one hit or
/// insert in each interval, and one `evict` whenever there are more than four times the entries that the step of ages
/// was fitted to: 65,536 steps for each weight class in use, and one for each entry. 16 bytes a slot, 20 once weights
/// differ from 1, and 768 KiB for each weight class in use.
///
/// ```
/// use cache_policies::{Hint, Lhd, LhdConfig, Policy, Slot};
///
/// let mut lhd = Lhd::new(200, &LhdConfig::default())?;
/// lhd.insert(Slot::new(0), 10, 100, Hint::NONE);
/// lhd.insert(Slot::new(1), 11, 5, Hint::NONE);
/// // As old and as often hit, it takes more room.
/// assert_eq!(lhd.evict(), Some(Slot::new(0)));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lhd {
    sample: Sample<Life>,
    config: LhdConfig,
    lots: Random,
    classes: Classes,
    /// The requests so far.
    clock: u32,
    /// The requests until the densities are learned anew.
    until_learning: u32,
    intervals: u32,
    /// The step of ages is 2 to the power of this, in requests.
    step: u32,
    /// The step fits up to this number of entries; 0 before the first eviction.
    fitted: usize,
    /// The late inserts with little promise, and which of them the next one replaces.
    recent: [Option<Slot>; RECENT],
    recent_next: usize,
    /// The mean density of victims.
    victim_density: f32,
    /// The weight of all explorers.
    explored: u64,
}

/// The requests of the interval that comes after this number of them.
fn interval(config: &LhdConfig, intervals: u32) -> u32 {
    let halvings = FIRST_HALVINGS.saturating_sub(intervals);
    let least = config.interval().min(INTERVAL_MIN);
    (config.interval() >> halvings).max(least)
}

/// The step for a number of entries.
fn step_for(entries: usize) -> u32 {
    let requests = (entries as u64).max(1).saturating_mul(AGES_SPAN);
    let step = requests.div_ceil(AGES as u64);
    step.next_power_of_two().trailing_zeros()
}

/// An age counted in steps of 2 to the power of `wanted` instead of `step`; the oldest stays that.
fn rescaled(age: u16, step: u32, wanted: u32) -> u16 {
    let age = usize::from(age);
    if age == OLDEST {
        return OLDEST as u16;
    }
    let finer = step.saturating_sub(wanted).min(AGES.ilog2());
    let coarser = wanted.saturating_sub(step).min(AGES.ilog2());
    ((age << finer) >> coarser).min(OLDEST) as u16
}

impl Lhd {
    #[inline]
    fn age(&self, life: Life) -> usize {
        let requests = self.clock.wrapping_sub(life.stamp);
        let age = requests.checked_shr(self.step).unwrap_or(0);
        (age as usize).min(OLDEST)
    }

    /// What keeping an entry is worth.
    #[inline]
    fn density(&self, slot: Slot, life: Life) -> f32 {
        let weight = self.sample.ledger.weight_of(slot);
        let age = self.age(life);
        if weight == 0 {
            // It takes no room, so that evicting it makes none.
            return f32::INFINITY;
        }
        if age == OLDEST {
            return f32::NEG_INFINITY;
        }
        let density = self.classes.density(group(weight), life.class, age) / weight as f32;
        if life.explorer {
            density + 1.0
        } else {
            density
        }
    }

    /// Fits the step of ages to the number of entries, unless it is within a factor of two; whether it changed. The
    /// densities are those of the old step then.
    #[cold]
    fn fit_step(&mut self) -> bool {
        let entries = self.sample.ledger.len();
        let (step, wanted) = (self.step, step_for(entries));
        if self.fitted > 0 && wanted.abs_diff(step) <= 1 {
            return false;
        }
        for life in self.sample.all_known_mut() {
            life.last_age = rescaled(life.last_age, step, wanted);
        }
        if wanted > step {
            self.classes.compress(wanted - step);
        } else if wanted < step {
            self.classes.stretch(step - wanted);
        }
        self.step = wanted;
        self.fitted = 4 * entries;
        wanted != step
    }

    /// Whether an entry of this weight becomes an explorer.
    #[inline]
    fn explores(&mut self, weight: u32) -> bool {
        let explorer = self.intervals < EXPLORING_INTERVALS
            && self.explored < self.sample.ledger.capacity() / EXPLORERS_SHARE
            && self.lots.below(EXPLORERS_ONE_IN) == 0;
        if explorer {
            self.explored += u64::from(weight);
        }
        explorer
    }

    #[inline]
    fn tick(&mut self) {
        self.clock = self.clock.wrapping_add(1);
        self.until_learning -= 1;
        if self.until_learning == 0 {
            self.intervals = self.intervals.saturating_add(1);
            self.until_learning = interval(&self.config, self.intervals);
            if self.fitted > 0 {
                self.fit_step();
            }
            self.classes.learn();
        }
    }
}

impl Policy for Lhd {
    type Config = LhdConfig;

    fn new(capacity: u64, config: &LhdConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Lhd {
            sample: Sample::new(capacity),
            config: config.clone(),
            lots: Random::new(config.seed()),
            classes: Classes::new(),
            clock: 0,
            until_learning: interval(config, 0),
            intervals: 0,
            step: 0,
            fitted: 0,
            recent: [None; RECENT],
            recent_next: 0,
            victim_density: 0.0,
            explored: 0,
        })
    }

    fn insert(&mut self, slot: Slot, _hash: u64, weight: u32, _hint: Hint) {
        let fresh = Life {
            stamp: self.clock,
            last_age: 0,
            // As if it had been hit at the oldest age.
            class: hit_age_class(AGES),
            explorer: false,
        };
        self.sample.insert(slot, weight, fresh);
        let life = Life {
            explorer: self.explores(weight),
            ..fresh
        };
        *self.sample.known_mut(slot) = life;
        if !life.explorer && self.density(slot, life) < self.victim_density {
            self.recent[self.recent_next] = Some(slot);
            self.recent_next = (self.recent_next + 1) % RECENT;
        }
        self.tick();
    }

    fn hit(&mut self, slot: Slot, _hash: u64) {
        let life = *self.sample.known(slot);
        let weight = self.sample.ledger.weight_of(slot);
        let age = self.age(life);
        self.classes.record_hit(group(weight), life.class, age);
        if life.explorer {
            self.explored -= u64::from(weight);
        }
        *self.sample.known_mut(slot) = Life {
            stamp: self.clock,
            last_age: age as u16,
            class: hit_age_class(age + usize::from(life.last_age)),
            explorer: self.explores(weight),
        };
        self.tick();
    }

    fn victim(&mut self) -> Option<Slot> {
        if self.sample.ledger.len() > self.fitted && self.fit_step() {
            self.classes.learn_again();
        }
        let mut victim = None;
        let mut lowest = f32::INFINITY;
        for _ in 0..self.config.sample() {
            let (slot, life) = self.sample.draw(&mut self.lots)?;
            let density = self.density(slot, *life);
            if victim.is_none() || density < lowest {
                victim = Some(slot);
                lowest = density;
            }
        }
        for slot in self.recent.into_iter().flatten() {
            if self.sample.is_linked(slot) {
                let density = self.density(slot, *self.sample.known(slot));
                if density < lowest {
                    victim = Some(slot);
                    lowest = density;
                }
            }
        }
        if lowest.is_finite() {
            let mean = self.victim_density;
            self.victim_density = VICTIM_DECAY * mean + (1.0 - VICTIM_DECAY) * lowest;
        }
        victim
    }

    fn remove(&mut self, slot: Slot, remember: bool) {
        let weight = self.sample.weight_of(slot);
        let life = self.sample.remove(slot);
        if remember {
            let age = self.age(life);
            self.classes.record_eviction(group(weight), life.class, age);
        }
        if life.explorer {
            self.explored -= u64::from(weight);
        }
        for recent in &mut self.recent {
            if *recent == Some(slot) {
                *recent = None;
            }
        }
    }

    #[inline]
    fn miss(&mut self, _hash: u64) -> Hint {
        Hint::NONE
    }

    #[inline]
    fn weight_of(&self, slot: Slot) -> u32 {
        self.sample.weight_of(slot)
    }

    fn reweigh(&mut self, slot: Slot, weight: u32) {
        let old = self.sample.weight_of(slot);
        if self.sample.known(slot).explorer {
            self.explored = self.explored - u64::from(old) + u64::from(weight);
        }
        self.sample.reweigh(slot, weight);
    }

    fn pin(&mut self, slot: Slot) {
        self.sample.pin(slot);
    }

    fn unpin(&mut self, slot: Slot) {
        self.sample.unpin(slot);
    }

    fn set_capacity(&mut self, capacity: u64) {
        self.sample.ledger.set_capacity(capacity);
    }

    ledger_answers!(sample.ledger);

    fn check(&self) {
        self.sample.check();
        let explorers = self.sample.residents().filter(|(_, life)| life.explorer);
        let explored: u64 = explorers
            .map(|(slot, _)| u64::from(self.sample.ledger.weight_of(slot)))
            .sum();
        assert_eq!(
            explored, self.explored,
            "the explorers weigh something else"
        );
        for recent in self.recent.iter().flatten() {
            assert!(
                self.sample.residents().any(|(slot, _)| slot == *recent),
                "a late insert is gone"
            );
        }
        let whole = interval(&self.config, self.intervals);
        assert!(self.until_learning >= 1 && self.until_learning <= whole);
        if self.until_learning == whole {
            self.classes.check();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AGES, Lhd, LhdConfig, OLDEST, interval, rescaled, step_for};
    use crate::policy::{Hint, Policy};
    use crate::slot::Slot;
    use std::vec::Vec;

    #[test]
    fn the_first_intervals_are_shorter() {
        let lengths = |requests: u32| {
            let config = LhdConfig::default().with_interval(requests);
            [0, 1, 4, 5, 6, 7, u32::MAX].map(|intervals| interval(&config, intervals))
        };
        assert_eq!(
            lengths(1 << 20),
            [
                1 << 14,
                1 << 15,
                1 << 18,
                1 << 19,
                1 << 20,
                1 << 20,
                1 << 20
            ]
        );
        let least = 1 << 14;
        assert_eq!(
            lengths(50_000),
            [least, least, least, 25_000, 50_000, 50_000, 50_000]
        );
        assert_eq!(lengths(1), [1; 7]);
    }

    #[test]
    fn ages_are_told_in_other_steps() {
        let in_steps = |wanted| [0, 5, 1_000, OLDEST as u16].map(|age| rescaled(age, 3, wanted));
        let oldest = OLDEST as u16;
        assert_eq!(in_steps(3), [0, 5, 1_000, oldest]);
        assert_eq!(in_steps(5), [0, 1, 250, oldest]);
        assert_eq!(in_steps(1), [0, 20, 4_000, oldest]);
        assert_eq!(in_steps(0), [0, 40, oldest, oldest]);
        assert_eq!(in_steps(40), [0, 0, 0, oldest]);
    }

    /// Wherever the step changes, within an interval or at its end, the densities are those of the events at their new
    /// ages.
    #[test]
    fn densities_are_those_of_the_step_in_force() {
        let config = LhdConfig::default().with_interval(700);
        let mut lhd = Lhd::new(10_000, &config).unwrap();
        let densities = |lhd: &Lhd| -> Vec<f32> {
            let ages = (0..16).flat_map(|class| (0..AGES).map(move |age| (class, age)));
            ages.map(|(class, age)| lhd.classes.density(0, class, age))
                .collect()
        };
        let (mut step, mut changes) = (0, [0, 0]);
        let mut compare = |lhd: &Lhd, at_the_end: bool| {
            if lhd.step != step && lhd.intervals > 0 {
                changes[usize::from(at_the_end)] += 1;
                let mut again = lhd.clone();
                again.classes.learn_again();
                assert!(densities(&again) == densities(lhd), "{step} {}", lhd.step);
            }
            step = lhd.step;
        };
        for number in 0..9_000_u32 {
            lhd.insert(Slot::new(number), u64::from(number), 1, Hint::NONE);
            compare(&lhd, true);
            lhd.hit(Slot::new(number), u64::from(number));
            compare(&lhd, true);
            // Later on, none is evicted: the step waits for the end of an interval.
            if number < 2_000 && number % 7 == 0 {
                lhd.evict();
                compare(&lhd, false);
            }
        }
        assert!(changes[0] > 0 && changes[1] > 0, "{changes:?}");
    }

    #[test]
    fn ages_reach_over_a_hundred_times_the_entries() {
        let steps = [0, 1, 40, 41, 1_000, 1_000_000].map(step_for);
        assert_eq!(steps, [0, 0, 0, 1, 5, 15]);
    }
}

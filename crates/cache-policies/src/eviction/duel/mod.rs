//! duel: one structure that can behave in five ways, and miniature caches that vote for one.

mod accesses;
mod config;
mod controller;
mod engine;
mod ghost;
mod labels;
mod mode;
mod room;
mod shadows;
mod stats;

pub use config::DuelConfig;
pub use mode::DuelMode;
pub use stats::DuelStats;

use alloc::boxed::Box;

use crate::admission::gate::{Gate, expected_entries};
use crate::any::Parameters;
use crate::error::ConfigError;
use crate::policy::{Hint, Insight, Policy};
use crate::random::Random;
use crate::sketch::fold;
use crate::slot::Slot;
use accesses::Accesses;
use controller::Controller;
use engine::{Engine, PROBATION, PROTECTED, WINDOW};
use shadows::Shadows;

/// A frequency is halved after so many requests for each entry that there is room for.
const SAMPLE: u32 = 10;
/// The sketch is made for so many entries at least.
const SKETCH_MIN: u64 = 512;
/// Keys that are remembered for each entry, in the miniatures as well.
const GHOSTS: u64 = 2;

/// Behaves, at any time, like that one of five policies which would miss least: no policy is good at everything, and this one
/// is seldom far from the best (`docs/duel.md` has the figures).
///
/// ```text
///           a request                        a request in
///  insert --> [ window, LRU ] --oldest--> test --passes--> [ probation ] --> [ protected ]
///                  |                       | fails              ^                  |
///                  +--- what came back ----+--> ghost           +---- oldest ------+
/// ```
/// What the window has of the capacity, and what an entry has to show to stay, is the mode's:
///
/// | [`DuelMode`] | window | more frequent than who leaves | came back sooner than who leaves | |
/// |---|---|---|---|---|
/// | `Frequency` | 1% | yes | | good where few keys are asked for often, and against scans |
/// | `Lru` | 100% | | | good for keys that are asked for in short bursts |
/// | `Recency` | 1% | | yes | good for loops larger than the cache |
/// | `Mixed` | 10% | yes, by 1 | yes | good for mixtures |
/// | `Half` | 50% | yes, by 1 | yes | good for mixtures, with more bursts |
///
/// - Frequencies are those of a [`FrequencySketch`](crate::FrequencySketch) that counts all requests. In one of 128 comparisons a
///   key that is frequent enough wins by lot, as with [`WTinyLfu`](crate::WTinyLfu).
/// - How soon a key came back is told by the time of its last request, of residents and of twice as many keys that left from the
///   window: a key that comes back after fewer requests than the oldest of the main region has been waiting for takes its place,
///   which is what LIRS does (S. Jiang, X. Zhang, SIGMETRICS 2002).
/// - Five miniatures, one fixed in each mode, see a sample of the keys: 1 in 48, more where the cache has less than 2,688 entries
///   (C. Waldspurger and others, "Cache Modeling and Optimization using Miniature Simulations", USENIX ATC 2017).
///   They have the same part of the capacity, or less where the cache holds less of the sample.
/// - A mode becomes the current one when it would have missed less by 0.3 times the entries of a miniature, summed up as in a
///   CUSUM test; each change makes the next one dearer for a while. Entries move over with the requests that follow, two each, and
///   with evictions.
///
/// Shares are weights; the weight of pinned entries counts in the total and in no segment; a hit while pinned counts as a request
/// only. Keys that are removed are removed from the miniatures too. Entries that are too heavy for a miniature do not vote. The
/// same requests and seed have the same outcome on every machine.
///
/// Calls take constant time, but those that make something for another number of entries. An eviction moves 16 entries at most,
/// so after a change of the mode the main region takes some evictions to become as large as it is to be. What is made for the
/// number of entries grows by doubling, from where 65,536 are expected. 24 bytes a slot with the sketch, 4 more once weights
/// differ from 1; 8 for each of the keys remembered, two an entry; and the miniatures, which have one entry of about 200 bytes
/// for 48, more below 2,688.
///
/// ```
/// use cache_policies::{Duel, DuelConfig, DuelMode, Hint, Policy, Slot};
///
/// let mut policy = Duel::new(100, &DuelConfig::default())?;
/// // A loop over twice as many keys as there is room for, where LRU has no hits at all.
/// let mut slots = std::collections::HashMap::new();
/// let mut hits = 0;
/// for key in (0..200_u64).cycle().take(10_000) {
///     let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
///     if let Some(slot) = slots.get(&key) {
///         hits += 1;
///         policy.hit(*slot, hash);
///         continue;
///     }
///     let hint = policy.miss(hash);
///     let slot = match policy.len() {
///         100 => {
///             let victim = policy.evict().expect("nothing is pinned");
///             slots.retain(|_, slot| *slot != victim);
///             victim
///         }
///         len => Slot::new(len as u32),
///     };
///     policy.insert(slot, hash, 1, hint);
///     slots.insert(key, slot);
/// }
/// assert!(hits > 4_500);
/// assert_eq!(policy.stats().mode(), DuelMode::Recency);
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Duel {
    engine: Engine,
    accesses: Accesses,
    gate: Gate,
    /// Apart: most requests do not touch them.
    shadows: Box<Shadows>,
    controller: Controller,
    stats: DuelStats,
    config: DuelConfig,
    /// What the residents weigh whose keys are of the sample.
    held: u64,
    /// What ghost and miniatures are made for; 0 until there is an entry, and where the capacity changed since the last one left.
    entries: u64,
    /// Whether there was a need for a victim yet: the mean weight is known then.
    full: bool,
}

impl Duel {
    /// What it does, and has done so far.
    ///
    /// ```
    /// use cache_policies::{Duel, DuelConfig, DuelMode, Policy};
    ///
    /// let policy = Duel::new(100, &DuelConfig::default())?;
    /// assert_eq!((policy.stats().mode(), policy.stats().changes()), (DuelMode::Recency, 0));
    /// # Ok::<(), cache_policies::ConfigError>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> DuelStats {
        self.stats.clone()
    }

    /// How often a key of this hash was asked for lately, as far as the sketch knows: from 0 to 15.
    #[must_use]
    pub fn frequency(&self, hash: u64) -> u8 {
        self.gate.frequency(hash)
    }

    /// The window's share of the capacity at present, as a weight.
    #[must_use]
    pub fn window_capacity(&self) -> u64 {
        self.engine.window_capacity()
    }

    fn new_shadows(config: &DuelConfig) -> Box<Shadows> {
        let salt = Random::new(config.seed()).next();
        Box::new(Shadows::new(config.seed(), salt))
    }

    /// Makes sketch, ghost and miniatures for as many entries as there will be, as far as is known.
    #[cold]
    fn fit(&mut self) {
        let ledger = &self.engine.segments.ledger;
        let (capacity, len, weight) = (ledger.capacity(), ledger.len() as u64, ledger.weight());
        for folded in self.gate.fit(capacity, len, weight) {
            self.gate.increment(folded);
        }
        self.entries = expected_entries(capacity, len, weight);
        self.engine
            .ghost
            .resize(GHOSTS * self.entries, self.accesses.now());
        let bound = self.shadows.bound();
        if !self.shadows.fit(capacity, self.entries, self.config.rate()) {
            self.shadows = Duel::new_shadows(&self.config);
            let _ = self.shadows.fit(capacity, self.entries, self.config.rate());
        }
        if self.shadows.bound() != bound {
            // It is another sample.
            self.held = self.count_held();
        }
        if self.controller.entries() != self.shadows.entries() {
            self.controller = Controller::new(self.shadows.entries());
        }
    }

    /// Before the first eviction the mean weight is known as well as it will be.
    #[inline]
    fn begin_evicting(&mut self) {
        if !self.full {
            self.full = true;
            self.fit();
        }
    }

    /// What the residents weigh whose keys are of the sample. Takes time in proportion to them.
    fn count_held(&self) -> u64 {
        let segments = &self.engine.segments;
        let linked = [WINDOW, PROBATION, PROTECTED].into_iter();
        let linked = linked.flat_map(|segment| segments.iter(segment));
        let residents = linked.chain(segments.pinned());
        let sampled = residents.filter(|slot| self.shadows.takes(self.accesses.folded(*slot)));
        sampled
            .map(|slot| u64::from(segments.weight_of(slot)))
            .sum()
    }

    /// A slot has left that weighed so much.
    #[inline]
    fn departed(&mut self, slot: Slot, weight: u32) {
        if self.shadows.takes(self.accesses.folded(slot)) {
            self.held -= u64::from(weight);
        }
    }

    /// Lets the miniatures see a request for a key of the sample, and vote.
    #[inline(never)]
    fn vote(&mut self, folded: u32, weight: u32) {
        if self.full {
            self.shadows.follow(self.held);
        }
        let Some(missed) = self.shadows.access(folded, weight, &self.gate) else {
            return;
        };
        self.stats.count(missed);
        if let Some(mode) = self.controller.vote(self.engine.mode(), missed) {
            self.engine.set_mode(mode);
            self.stats.change(mode);
        }
    }
}

impl Policy for Duel {
    type Config = DuelConfig;

    fn new(capacity: u64, config: &DuelConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Duel {
            engine: Engine::new(capacity, config.start(), config.seed()),
            accesses: Accesses::default(),
            gate: Gate::new(SAMPLE, config.seed()).with_entries_min(SKETCH_MIN),
            shadows: Duel::new_shadows(config),
            controller: Controller::new(1.0),
            stats: DuelStats::new(config.start()),
            config: config.clone(),
            held: 0,
            entries: 0,
            full: false,
        })
    }

    fn reserve(&mut self, slots: usize) {
        self.accesses.reserve(slots);
    }

    #[inline]
    fn miss(&mut self, hash: u64) -> Hint {
        let folded = fold(hash);
        self.gate.keep_early(folded);
        self.gate.increment(folded);
        self.accesses.tick();
        self.engine.rebalance();
        self.engine.miss(folded, &self.accesses)
    }

    #[inline]
    fn insert(&mut self, slot: Slot, hash: u64, weight: u32, hint: Hint) {
        self.engine.insert(slot, weight, hint);
        let folded = fold(hash);
        self.accesses.start(slot, folded);
        if self.shadows.takes(folded) {
            self.held += u64::from(weight);
        }
        if self.engine.segments.ledger.len() as u64 > self.entries {
            self.fit();
        }
        if self.shadows.takes(folded) {
            self.vote(folded, weight);
        }
    }

    #[inline]
    fn hit(&mut self, slot: Slot, _hash: u64) {
        self.accesses.tick();
        self.engine.rebalance();
        let (previous, folded) = self.accesses.touch(slot);
        self.gate.increment(folded);
        self.engine.hit(slot, previous, &self.accesses);
        if self.shadows.takes(folded) {
            let weight = self.engine.segments.ledger.weight_of(slot);
            self.vote(folded, weight);
        }
    }

    #[inline]
    fn victim(&mut self) -> Option<Slot> {
        self.begin_evicting();
        self.engine.victim(&self.accesses, &self.gate)
    }

    #[inline]
    fn evict(&mut self) -> Option<Slot> {
        self.begin_evicting();
        let (victim, weight) = self.engine.evict(&self.accesses, &self.gate)?;
        self.departed(victim, weight);
        Some(victim)
    }

    fn remove(&mut self, slot: Slot, remember: bool) {
        let weight = self.engine.remove(slot, remember, &self.accesses);
        self.departed(slot, weight);
        let folded = self.accesses.folded(slot);
        if !remember && self.shadows.takes(folded) {
            self.shadows.forget(folded);
        }
    }

    #[inline]
    fn weight_of(&self, slot: Slot) -> u32 {
        self.engine.segments.weight_of(slot)
    }

    fn reweigh(&mut self, slot: Slot, weight: u32) {
        let old = self.engine.segments.weight_of(slot);
        self.engine.segments.reweigh(slot, weight);
        if self.shadows.takes(self.accesses.folded(slot)) {
            self.held = self.held - u64::from(old) + u64::from(weight);
        }
    }

    fn pin(&mut self, slot: Slot) {
        self.engine.segments.pin(slot);
    }

    fn unpin(&mut self, slot: Slot) {
        self.engine.segments.unpin(slot);
    }

    /// Makes sketch, ghost and miniatures anew, in time in proportion to the entries, if there is room for another number of them.
    fn set_capacity(&mut self, capacity: u64) {
        if capacity == self.capacity() {
            return;
        }
        self.engine.set_capacity(capacity);
        if self.is_empty() {
            // What entries weigh is known with the next one.
            self.entries = 0;
        } else {
            self.fit();
        }
    }

    ledger_answers!(engine.segments.ledger);

    fn explain(&self, tell: &mut dyn FnMut(Insight)) {
        self.stats.explain(tell);
    }

    fn check(&self) {
        self.engine.check();
        self.shadows.check();
        assert_eq!(
            self.held,
            self.count_held(),
            "it holds more or less of the sample"
        );
    }
}

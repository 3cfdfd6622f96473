//! TinyLFU: an entry takes another's place only if it was asked for more often lately.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::doorkeeper::Doorkeeper;
use crate::any::{Parameter, Parameters};
use crate::error::ConfigError;
use crate::ledger::grow;
use crate::policy::{Hint, Policy};
use crate::random::Random;
use crate::sketch::{FrequencySketch, fold};
use crate::slot::Slot;

/// From here on a candidate may win by lot.
const WARM: u8 = 6;
/// It wins once in this many comparisons.
const LOTS: u64 = 128;
/// The most that a frequency is.
const FREQUENCY_MAX: u8 = 15;
/// The sketch is made at once for as many entries as the weights let expect, up to this many.
const EXPECTED_MAX: u64 = 1 << 16;
/// The fewest words of the sketch.
const WORDS_MIN: u64 = 64;

const DOORKEEPER: Parameter = Parameter {
    name: "doorkeeper",
    expected: "on or off",
};
const SAMPLE: Parameter = Parameter {
    name: "sample",
    expected: "a number of requests for each entry from 1 to 1000",
};
const SEED: Parameter = Parameter {
    name: "seed",
    expected: "a number from 0 to 18446744073709551615",
};

/// The parameters of [`TinyLfu`], and those of the policy behind it.
///
/// ```
/// use cache_policies::{Policy, S3Fifo, S3FifoConfig, TinyLfu, TinyLfuConfig};
///
/// let config = TinyLfuConfig::new(S3FifoConfig::default().with_small(0.2)).with_doorkeeper(true);
/// assert!(TinyLfu::<S3Fifo>::new(100, &config).is_ok());
/// ```
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct TinyLfuConfig<C> {
    policy: C,
    doorkeeper: bool,
    sample: u32,
    seed: u64,
}

impl<C: Default> Default for TinyLfuConfig<C> {
    fn default() -> Self {
        TinyLfuConfig::new(C::default())
    }
}

impl<C> TinyLfuConfig<C> {
    /// The default parameters, before a policy with these.
    #[must_use]
    pub fn new(policy: C) -> Self {
        TinyLfuConfig {
            policy,
            doorkeeper: false,
            sample: 10,
            seed: 0,
        }
    }

    /// The same parameters, before a policy with these.
    #[must_use]
    pub fn with_policy<D>(self, policy: D) -> TinyLfuConfig<D> {
        TinyLfuConfig {
            policy,
            doorkeeper: self.doorkeeper,
            sample: self.sample,
            seed: self.seed,
        }
    }

    /// Whether keys are counted in the sketch from their second request in a sample on only; a Bloom filter knows who
    /// was there once. `false` by default.
    #[must_use]
    pub fn with_doorkeeper(self, doorkeeper: bool) -> Self {
        TinyLfuConfig { doorkeeper, ..self }
    }

    /// After how many requests for each entry that there is room for the frequencies are halved, from 1 to 1000. 10 by
    /// default.
    #[must_use]
    pub fn with_sample(self, sample: u32) -> Self {
        TinyLfuConfig { sample, ..self }
    }

    /// What the lots are drawn from by which an entry may be admitted that is not more frequent. 0 by default.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        TinyLfuConfig { seed, ..self }
    }

    /// The same parameters, before no policy: what texts have before the slash.
    pub(crate) fn gate(&self) -> TinyLfuConfig<()> {
        TinyLfuConfig {
            policy: (),
            doorkeeper: self.doorkeeper,
            sample: self.sample,
            seed: self.seed,
        }
    }

    /// The parameters of the policy behind.
    #[must_use]
    pub fn policy(&self) -> &C {
        &self.policy
    }

    /// See [`with_doorkeeper`](TinyLfuConfig::with_doorkeeper).
    #[must_use]
    pub fn doorkeeper(&self) -> bool {
        self.doorkeeper
    }

    /// See [`with_sample`](TinyLfuConfig::with_sample).
    #[must_use]
    pub fn sample(&self) -> u32 {
        self.sample
    }

    /// See [`with_seed`](TinyLfuConfig::with_seed).
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

impl Parameters for TinyLfuConfig<()> {
    const POLICY: &'static str = "tinylfu";
    const KNOWN: &'static [Parameter] = &[DOORKEEPER, SAMPLE, SEED];

    fn value(&self, parameter: &Parameter) -> String {
        match parameter.name {
            "doorkeeper" => if self.doorkeeper { "on" } else { "off" }.to_string(),
            "sample" => self.sample.to_string(),
            _ => self.seed.to_string(),
        }
    }

    fn set(&mut self, parameter: &Parameter, value: &str) -> Option<()> {
        match parameter.name {
            "doorkeeper" => {
                self.doorkeeper = match value {
                    "on" => true,
                    "off" => false,
                    _ => return None,
                }
            }
            "sample" => self.sample = value.parse().ok()?,
            _ => self.seed = value.parse().ok()?,
        }
        Some(())
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.require((1..=1_000).contains(&self.sample), &SAMPLE)
    }
}

/// TinyLFU, an admission filter before any policy (G. Einziger, R. Friedman, B. Manes, "TinyLFU: A Highly Efficient
/// Cache Admission Policy", ACM ToS 13(4), 2017).
///
/// - Every request, hit or miss, is counted in a [`FrequencySketch`](crate::FrequencySketch): 4 bits, four counters,
///   all halved after `sample` times as many requests as there is room for entries. With a doorkeeper, a Bloom filter
///   that is emptied with each halving, keys are counted from their second request on; the first adds 1 to the
///   frequency.
/// - The newest entry, the candidate, stands at the door: it is resident, but not in the policy behind. As long as
///   nothing is evicted, the next one takes its place and it goes in.
/// - An eviction sets it against the policy's victim. It goes in, and the victim leaves, if its frequency is higher;
///   or, if it is 6 or more, in one of 128 comparisons by lot, so that nobody can keep it out by making the victim's
///   hash seem frequent. Otherwise it is the candidate that leaves.
/// - Where no candidate is at the door, as where room for a heavy entry takes more than one eviction, the policy's
///   victim leaves.
///
/// The policy behind hears of a candidate when it goes in, with the hint that it gave for it, and not of hits before
/// that, which count as frequency. A candidate that is pinned goes in at once. One that leaves is not remembered.
///
/// Costs are those of the policy behind and, constant time amortised, of the sketch, which is made larger with the
/// entries as that of [`WTinyLfu`](crate::WTinyLfu) is. 4 bytes a slot, 8 for each entry that the sketch is made for,
/// and 3 with a doorkeeper.
///
/// ```
/// use cache_policies::{Hint, Lru, Policy, Slot, TinyLfu, TinyLfuConfig};
///
/// let mut policy = TinyLfu::<Lru>::new(2, &TinyLfuConfig::default())?;
/// for (number, hash) in [(0, 10), (1, 11)] {
///     policy.miss(hash);
///     policy.insert(Slot::new(number), hash, 1, Hint::NONE);
/// }
/// // The newest is not more frequent than the oldest.
/// assert_eq!(policy.evict(), Some(Slot::new(1)));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TinyLfu<P> {
    policy: P,
    candidate: Option<Candidate>,
    /// By slot: what the sketch knows of the hash, with the lowest bit set; 0 for one that is not resident.
    tags: Vec<u32>,
    sketch: FrequencySketch,
    /// The entries that the sketch is made for; 0 until there is one.
    sketch_entries: u64,
    doorkeeper: Option<Doorkeeper>,
    /// The ageings of the sketch that the doorkeeper has followed.
    ageings: u64,
    sample: u64,
    lots: Random,
}

/// The entry at the door.
#[derive(Copy, Clone, Debug)]
struct Candidate {
    slot: Slot,
    hash: u64,
    weight: u32,
    hint: Hint,
}

/// Set in the tag of a resident slot.
const RESIDENT: u32 = 1;

impl<P: Policy> TinyLfu<P> {
    /// The policy behind.
    #[must_use]
    pub fn policy(&self) -> &P {
        &self.policy
    }

    /// How often a key of this hash was asked for lately, as far as sketch and doorkeeper know: from 0 to 15.
    #[must_use]
    pub fn frequency(&self, hash: u64) -> u8 {
        self.frequency_of(fold(hash))
    }

    fn frequency_of(&self, folded: u32) -> u8 {
        let doorkeeper = self.doorkeeper.as_ref();
        let knows = doorkeeper.is_some_and(|doorkeeper| doorkeeper.contains(folded));
        (self.sketch.estimate_folded(folded) + u8::from(knows)).min(FREQUENCY_MAX)
    }

    #[inline]
    fn count(&mut self, folded: u32) {
        if let Some(doorkeeper) = &mut self.doorkeeper
            && !doorkeeper.insert(folded)
        {
            return;
        }
        self.sketch.increment_folded(folded);
        if let Some(doorkeeper) = &mut self.doorkeeper
            && self.sketch.ageings() != self.ageings
        {
            self.ageings = self.sketch.ageings();
            doorkeeper.clear();
        }
    }

    /// Makes the sketch one for as many entries as the weights let expect; beyond `EXPECTED_MAX`, for as many as there
    /// are, rounded up.
    #[cold]
    fn fit_sketch(&mut self) {
        let len = self.len() as u64;
        let expected = self.capacity() / (self.weight() / len.max(1)).max(1);
        let mut entries = expected.min(len.next_power_of_two().max(EXPECTED_MAX));
        if entries < len {
            // Many weigh nothing.
            entries = len.next_power_of_two();
        }
        if entries != self.sketch_entries {
            self.sketch_entries = entries;
            let words = entries.max(WORDS_MIN) as usize;
            self.sketch.resize(words, (self.sample * entries).max(2));
            if let Some(doorkeeper) = &mut self.doorkeeper {
                *doorkeeper = Doorkeeper::new(words);
            }
        }
    }

    fn is_candidate(&self, slot: Slot) -> bool {
        self.candidate
            .is_some_and(|candidate| candidate.slot == slot)
    }

    /// Lets the candidate in, if there is one.
    fn let_in(&mut self) {
        if let Some(candidate) = self.candidate.take() {
            let Candidate {
                slot,
                hash,
                weight,
                hint,
            } = candidate;
            self.policy.insert(slot, hash, weight, hint);
        }
    }

    /// The slot that is to leave, and whether the candidate is to go in for it.
    #[inline]
    fn decide(&mut self) -> Option<(Slot, bool)> {
        let victim = self.policy.victim();
        let Some(candidate) = self.candidate else {
            return Some((victim?, false));
        };
        let Some(victim) = victim else {
            return Some((candidate.slot, false));
        };
        let frequency = self.frequency_of(fold(candidate.hash));
        let admitted = frequency > self.frequency_of(self.tags[victim.index()] & !RESIDENT)
            || frequency >= WARM && self.lots.next().is_multiple_of(LOTS);
        Some(if admitted {
            (victim, true)
        } else {
            (candidate.slot, false)
        })
    }
}

impl<P: Policy> Policy for TinyLfu<P> {
    type Config = TinyLfuConfig<P::Config>;

    fn new(capacity: u64, config: &Self::Config) -> Result<Self, ConfigError> {
        config.gate().validate()?;
        let sample = u64::from(config.sample());
        Ok(TinyLfu {
            policy: P::new(capacity, config.policy())?,
            candidate: None,
            tags: Vec::new(),
            sketch: FrequencySketch::new(WORDS_MIN as usize, sample * WORDS_MIN),
            sketch_entries: 0,
            doorkeeper: config
                .doorkeeper()
                .then(|| Doorkeeper::new(WORDS_MIN as usize)),
            ageings: 0,
            sample,
            lots: Random::new(config.seed()),
        })
    }

    #[inline]
    fn foresee(&mut self, distance: u64) {
        self.policy.foresee(distance);
    }

    fn reserve(&mut self, slots: usize) {
        self.policy.reserve(slots);
    }

    #[inline]
    fn miss(&mut self, hash: u64) -> Hint {
        self.count(fold(hash));
        self.policy.miss(hash)
    }

    #[inline]
    fn insert(&mut self, slot: Slot, hash: u64, weight: u32, hint: Hint) {
        if slot.index() >= self.tags.len() {
            grow(&mut self.tags, slot, || 0);
        }
        assert!(
            self.tags[slot.index()] == 0,
            "slot {} is resident already",
            slot.get()
        );
        self.let_in();
        self.tags[slot.index()] = fold(hash) | RESIDENT;
        self.candidate = Some(Candidate {
            slot,
            hash,
            weight,
            hint,
        });
        if self.len() as u64 > self.sketch_entries {
            self.fit_sketch();
        }
    }

    #[inline]
    fn hit(&mut self, slot: Slot, hash: u64) {
        self.count(fold(hash));
        if !self.is_candidate(slot) {
            self.policy.hit(slot, hash);
        }
    }

    #[inline]
    fn victim(&mut self) -> Option<Slot> {
        let (leaving, admitted) = self.decide()?;
        if admitted {
            self.let_in();
        }
        Some(leaving)
    }

    #[inline]
    fn evict(&mut self) -> Option<Slot> {
        if self.candidate.is_none() {
            let victim = self.policy.evict()?;
            self.tags[victim.index()] = 0;
            return Some(victim);
        }
        let (leaving, admitted) = self.decide()?;
        if self.is_candidate(leaving) {
            self.candidate = None;
        } else {
            self.policy.remove(leaving, true);
        }
        if admitted {
            self.let_in();
        }
        self.tags[leaving.index()] = 0;
        Some(leaving)
    }

    fn remove(&mut self, slot: Slot, remember: bool) {
        if self.is_candidate(slot) {
            self.candidate = None;
        } else {
            self.policy.remove(slot, remember);
        }
        self.tags[slot.index()] = 0;
    }

    #[inline]
    fn weight_of(&self, slot: Slot) -> u32 {
        match self.candidate {
            Some(candidate) if candidate.slot == slot => candidate.weight,
            _ => self.policy.weight_of(slot),
        }
    }

    fn reweigh(&mut self, slot: Slot, weight: u32) {
        match &mut self.candidate {
            Some(candidate) if candidate.slot == slot => candidate.weight = weight,
            _ => self.policy.reweigh(slot, weight),
        }
    }

    fn pin(&mut self, slot: Slot) {
        if self.is_candidate(slot) {
            self.let_in();
        }
        self.policy.pin(slot);
    }

    fn unpin(&mut self, slot: Slot) {
        if !self.is_candidate(slot) {
            self.policy.unpin(slot);
        }
    }

    #[inline]
    fn capacity(&self) -> u64 {
        self.policy.capacity()
    }

    /// Makes the sketch anew, in time in proportion to the entries, if there is room for another number of them.
    fn set_capacity(&mut self, capacity: u64) {
        self.policy.set_capacity(capacity);
        if !self.is_empty() {
            self.fit_sketch();
        }
    }

    #[inline]
    fn weight(&self) -> u64 {
        let weight = |candidate: Candidate| u64::from(candidate.weight);
        self.policy.weight() + self.candidate.map_or(0, weight)
    }

    #[inline]
    fn len(&self) -> usize {
        self.policy.len() + usize::from(self.candidate.is_some())
    }

    fn check(&self) {
        self.policy.check();
        let residents = self.tags.iter().filter(|tag| **tag != 0).count();
        assert_eq!(residents, self.len(), "tags are of other slots");
        if let Some(candidate) = self.candidate {
            assert_eq!(
                self.tags[candidate.slot.index()],
                fold(candidate.hash) | RESIDENT,
                "the candidate has another's tag"
            );
        }
    }
}

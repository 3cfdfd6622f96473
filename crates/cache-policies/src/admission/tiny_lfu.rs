//! TinyLFU: an entry takes another's place only if it was asked for more often lately.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::doorkeeper::Doorkeeper;
use super::gate::{Gate, SAMPLE_MAX};
use crate::any::{Choice, Parameter, Parameters};
use crate::error::ConfigError;
use crate::ledger::grow;
use crate::policy::{Hint, Insight, Policy};
use crate::sketch::fold;
use crate::slot::Slot;

/// The most that a frequency is.
const FREQUENCY_MAX: u8 = 15;

const DOORKEEPER: Parameter = Parameter {
    name: "doorkeeper",
    expected: bool::EXPECTED,
};
const SAMPLE: Parameter = Parameter {
    name: "sample",
    expected: "a number of requests for each entry from 1 to 30",
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

    /// After how many requests for each entry that there is room for the frequencies are halved, from 1 to 30. 10 by
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

/// What TinyLFU says to a policy that it cannot stand before.
pub(crate) fn refuse_behind(policy: String) -> ConfigError {
    ConfigError::InvalidValue {
        policy: TinyLfuConfig::<()>::POLICY,
        parameter: "policy",
        value: policy,
        expected: "one that need not be told the future, and is not tinylfu itself",
    }
}

impl Parameters for TinyLfuConfig<()> {
    const POLICY: &'static str = "tinylfu";
    const KNOWN: &'static [Parameter] = &[DOORKEEPER, SAMPLE, SEED];

    fn value(&self, parameter: &Parameter) -> String {
        match parameter.name {
            "doorkeeper" => self.doorkeeper.name().to_string(),
            "sample" => self.sample.to_string(),
            _ => self.seed.to_string(),
        }
    }

    fn set(&mut self, parameter: &Parameter, value: &str) -> Option<()> {
        match parameter.name {
            "doorkeeper" => self.doorkeeper = Choice::named(value)?,
            "sample" => self.sample = value.parse().ok()?,
            _ => self.seed = value.parse().ok()?,
        }
        Some(())
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.require((1..=SAMPLE_MAX).contains(&self.sample), &SAMPLE)
    }
}

/// TinyLFU, an admission filter before any policy (G. Einziger, R. Friedman, B. Manes, "TinyLFU: A Highly Efficient
/// Cache Admission Policy", ACM ToS 13(4), 2017).
///
/// - Every request, hit or miss, is counted in a [`FrequencySketch`](crate::FrequencySketch): 4 bits, four counters,
///   all halved after `sample` times as many requests as there is room for entries (those that found all counters of
///   their key full do not count). With a doorkeeper, a Bloom filter that is emptied with each halving, keys are counted
///   from their second request on; the first adds 1 to the frequency, and counts for the halving.
/// - The newest entry, the candidate, stands at the door: it is resident, but not in the policy behind. As long as
///   nothing is evicted, the next one takes its place and it goes in.
/// - An eviction sets it against the policy's victim. It goes in, and the victim leaves, if its frequency is higher;
///   or, if it is 6 or more, in one of 128 comparisons by lot, so that nobody can keep it out by making the victim's
///   hash seem frequent. Otherwise it is the candidate that leaves.
/// - Where no candidate is at the door, as where room for a heavy entry takes more than one eviction, the policy's
///   victim leaves.
///
/// The policy behind hears of a candidate when it goes in, with the hint that it gave for it, and not of hits before
/// that, which count as frequency. A candidate that is pinned goes in at once. One that leaves is not remembered. A
/// policy that must be told the future ([`Policy::is_offline`]) is refused: a candidate goes in at another's request,
/// and would be taken for that.
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
    gate: Gate,
    doorkeeper: Option<Doorkeeper>,
    /// The ageings of the sketch that the doorkeeper has followed.
    ageings: u64,
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
        (self.gate.estimate(folded) + u8::from(knows)).min(FREQUENCY_MAX)
    }

    #[inline]
    fn count(&mut self, folded: u32) {
        if let Some(doorkeeper) = &mut self.doorkeeper
            && !doorkeeper.insert(folded)
        {
            self.gate.add_to_sample();
        } else {
            self.gate.increment(folded);
        }
        if let Some(doorkeeper) = &mut self.doorkeeper
            && self.gate.ageings() != self.ageings
        {
            self.ageings = self.gate.ageings();
            doorkeeper.clear();
        }
    }

    #[cold]
    fn fit_gate(&mut self) {
        let words = self.gate.words();
        let (len, weight) = (self.len() as u64, self.weight());
        let early = self.gate.fit(self.capacity(), len, weight);
        if let Some(doorkeeper) = &mut self.doorkeeper
            && (self.gate.words() != words || !early.is_empty())
        {
            *doorkeeper = Doorkeeper::new(self.gate.words());
            self.ageings = self.gate.ageings();
        }
        for folded in early {
            self.count(folded);
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
        let other = self.frequency_of(self.tags[victim.index()] & !RESIDENT);
        Some(if self.gate.admits(frequency, other) {
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
        if P::is_offline(config.policy()) {
            return Err(refuse_behind(format!("{:?}", config.policy())));
        }
        let gate = Gate::new(config.sample(), config.seed());
        Ok(TinyLfu {
            policy: P::new(capacity, config.policy())?,
            candidate: None,
            tags: Vec::new(),
            doorkeeper: config.doorkeeper().then(|| Doorkeeper::new(gate.words())),
            gate,
            ageings: 0,
        })
    }

    fn reserve(&mut self, slots: usize) {
        self.policy.reserve(slots);
    }

    #[inline]
    fn miss(&mut self, hash: u64) -> Hint {
        let folded = fold(hash);
        self.gate.keep_early(folded);
        self.count(folded);
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
        if self.gate.is_outgrown(self.len() as u64) {
            self.fit_gate();
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

    #[inline]
    fn overflow(&mut self) -> Option<Slot> {
        let leaving = self.policy.overflow()?;
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
        if capacity == self.capacity() {
            return;
        }
        self.policy.set_capacity(capacity);
        if self.is_empty() {
            self.gate.await_entry();
        } else {
            self.fit_gate();
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

    fn explain(&self, tell: &mut dyn FnMut(Insight)) {
        self.policy.explain(tell);
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

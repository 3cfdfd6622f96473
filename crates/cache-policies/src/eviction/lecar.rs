//! LeCaR: LRU and LFU side by side; which of them evicts is drawn by weights that learn from what was missed.

use alloc::string::{String, ToString};

use crate::any::{Parameter, Parameters};
use crate::error::ConfigError;
use crate::frequency::Frequencies;
use crate::hashes::Hashes;
use crate::history::History;
use crate::ledger::{Ledger, share};
use crate::list::{Lists, Unlinked};
use crate::policy::{Hint, Policy};
use crate::random::Random;
use crate::slot::Slot;

use super::random::SEED;

/// The parameters of [`LeCaR`].
///
/// ```
/// use cache_policies::{AnyConfig, LeCaRConfig};
///
/// let config = LeCaRConfig::default().with_rate(0.1).with_seed(7);
/// assert_eq!(AnyConfig::from(config).to_string(), "lecar:rate=0.1,seed=7");
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct LeCaRConfig {
    rate: f64,
    ghost: f64,
    seed: u64,
}

impl Default for LeCaRConfig {
    fn default() -> Self {
        LeCaRConfig {
            rate: 0.45,
            ghost: 0.5,
            seed: 0,
        }
    }
}

impl LeCaRConfig {
    /// The learning rate: how far one mistake moves the weights. 0 to 10, 0.45 unless set, as in the paper.
    #[must_use]
    pub fn with_rate(mut self, rate: f64) -> Self {
        self.rate = rate;
        self
    }

    /// The weight of the entries that each of the two histories holds, as a share of the capacity: 0 to 16, 0.5 unless
    /// set, as in the authors' program.
    #[must_use]
    pub fn with_ghost(mut self, share: f64) -> Self {
        self.ghost = share;
        self
    }

    /// What the lots are drawn from: policies with the same seed and the same calls evict the same. 0 unless set.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The learning rate.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// The share of each history.
    #[must_use]
    pub fn ghost(&self) -> f64 {
        self.ghost
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

const RATE: Parameter = Parameter {
    name: "rate",
    expected: "a learning rate from 0 to 10",
};
const GHOST: Parameter = Parameter {
    name: "ghost",
    expected: "a share of the capacity from 0 to 16",
};

impl Parameters for LeCaRConfig {
    const POLICY: &'static str = "lecar";
    const KNOWN: &'static [Parameter] = &[RATE, GHOST, SEED];

    fn value(&self, parameter: &Parameter) -> String {
        match parameter.name {
            "rate" => self.rate.to_string(),
            "ghost" => self.ghost.to_string(),
            _ => self.seed.to_string(),
        }
    }

    fn set(&mut self, parameter: &Parameter, value: &str) -> Option<()> {
        match parameter.name {
            "rate" => self.rate = value.parse().ok()?,
            "ghost" => self.ghost = value.parse().ok()?,
            _ => self.seed = value.parse().ok()?,
        }
        Some(())
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.require((0.0..=10.0).contains(&self.rate), &RATE)?;
        self.require((0.0..=16.0).contains(&self.ghost), &GHOST)
    }
}

/// The experts.
const LRU: usize = 0;
const LFU: usize = 1;

/// The logarithm of what is left of a regret after as many requests as the cache has entries: 0.005.
const DISCOUNT_LOG: f64 = -5.298_317_366_548_036;

/// No expert's weight falls below this: it must be asked now and then to make mistakes or none.
const WEIGHT_MIN: f64 = 0.01;

/// What is known of an entry that left.
#[derive(Copy, Clone, Debug)]
struct Mistake {
    /// The request at which it left. The clock wraps around.
    time: u32,
    /// How often it had been asked for.
    frequency: u32,
}

/// LeCaR, learning cache replacement (G. Vietri, L. V. Rodriguez, W. A. Martinez, S. Lyons, J. Liu, R. Rangaswami, M.
/// Zhao, G. Narasimhan, "Driving cache replacement with ML-based LeCaR", HotStorage 2018).
///
/// - The entries stand in two orders, by their last request (LRU) and by the number of their requests (LFU; among
///   equals, the one goes that has had its number the longest).
/// - To evict, LRU or LFU is drawn by their weights, half each at first. The victim enters the history of the expert
///   that named it, first in first out; if both name the same, neither is to blame, and it enters none.
/// - A miss of a key in a history is a regret: the weight of the expert is multiplied by e^(-rate * r), with r =
///   0.005^(t / n) for a key that left t requests ago and n resident entries, and the weights are scaled to a sum of 1,
///   neither below 0.01. The entry comes back with its number of requests, and one more.
///
/// The last two rules of the histories, the bounds of the weights and the size of the histories, half the cache each,
/// follow the authors' program. libCacheSim has one history as large as the cache, forgets the numbers, and takes bytes
/// for n.
///
/// A call takes constant time; from the first pin or regret on, logarithmic in the number of different frequencies. 28
/// bytes a slot, 4 more once weights differ from 1, 24 for each frequency that some entry has, and about 30 for an
/// entry in a history. An entry that is unpinned is the most recent, and the latest of its frequency.
///
/// ```
/// use cache_policies::{Hint, LeCaR, LeCaRConfig, Policy, Slot};
///
/// let mut lecar = LeCaR::new(2, &LeCaRConfig::default())?;
/// lecar.insert(Slot::new(0), 10, 1, Hint::NONE);
/// lecar.insert(Slot::new(1), 11, 1, Hint::NONE);
/// lecar.hit(Slot::new(0), 10);
/// // The less recent one is also the less frequent one: no expert is to blame.
/// assert_eq!(lecar.evict(), Some(Slot::new(1)));
/// assert_eq!(lecar.miss(11), Hint::NONE);
/// assert_eq!(lecar.recency_weight(), 0.5);
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LeCaR {
    ledger: Ledger,
    config: LeCaRConfig,
    recency: Lists<1>,
    frequencies: Frequencies,
    hashes: Hashes,
    /// By expert.
    histories: [History<Mistake>; 2],
    /// The weight of LRU; LFU has the rest of 1.
    recency_weight: f64,
    lots: Random,
    /// The victim that was named last, while it is resident, and the expert to blame for it.
    named: Option<(Slot, usize)>,
    /// The requests so far.
    clock: u32,
}

impl LeCaR {
    /// The probability with which an eviction follows LRU: from 0.01 to 0.99.
    #[must_use]
    pub fn recency_weight(&self) -> f64 {
        self.recency_weight
    }

    /// How many departed keys are remembered.
    #[must_use]
    pub fn ghost_len(&self) -> usize {
        self.histories.iter().map(History::len).sum()
    }

    /// Moves weight away from the expert that made a mistake.
    fn regret(&mut self, expert: usize, mistake: Mistake) {
        let elapsed = f64::from(self.clock.wrapping_sub(mistake.time));
        let entries = self.ledger.len().max(1) as f64;
        let regret = libm::exp(DISCOUNT_LOG * elapsed / entries);
        let factor = libm::exp(-self.config.rate * regret);
        let (mut lru, mut lfu) = (self.recency_weight, 1.0 - self.recency_weight);
        if expert == LRU {
            lru *= factor;
        } else {
            lfu *= factor;
        }
        self.recency_weight = (lru / (lru + lfu)).clamp(WEIGHT_MIN, 1.0 - WEIGHT_MIN);
    }
}

impl Policy for LeCaR {
    type Config = LeCaRConfig;

    fn new(capacity: u64, config: &LeCaRConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let mut policy = LeCaR {
            ledger: Ledger::new(capacity),
            config: config.clone(),
            recency: Lists::new(),
            frequencies: Frequencies::new(),
            hashes: Hashes::new(),
            histories: [History::new(), History::new()],
            recency_weight: 0.5,
            lots: Random::new(config.seed),
            named: None,
            clock: 0,
        };
        policy.set_capacity(capacity);
        Ok(policy)
    }

    fn miss(&mut self, hash: u64) -> Hint {
        self.clock = self.clock.wrapping_add(1);
        // In both, only if its owner once inserted it without asking.
        let taken = [LRU, LFU].map(|expert| self.histories[expert].take(hash));
        let mut hint = Hint::NONE;
        for (expert, taken) in taken.into_iter().enumerate() {
            if let Some((_, mistake)) = taken {
                self.regret(expert, mistake);
                hint = Hint::from_bits(mistake.frequency.saturating_add(1));
            }
        }
        hint
    }

    fn insert(&mut self, slot: Slot, hash: u64, weight: u32, hint: Hint) {
        self.recency.expect_absent(slot);
        self.recency.push_front(0, slot);
        self.frequencies
            .insert_at(slot, u64::from(hint.bits()).max(1));
        self.hashes.set(slot, hash);
        self.ledger.admit(slot, weight);
    }

    #[inline]
    fn hit(&mut self, slot: Slot, _hash: u64) {
        self.clock = self.clock.wrapping_add(1);
        if self.recency.expect_resident(slot).is_none() {
            self.recency.move_to_front(0, slot);
        }
        self.frequencies.raise(slot);
    }

    fn victim(&mut self) -> Option<Slot> {
        let experts = [self.recency.back(0)?, self.frequencies.least()?];
        if experts[LRU] == experts[LFU] {
            self.named = None;
            return Some(experts[LRU]);
        }
        let expert = if self.lots.share() < self.recency_weight {
            LRU
        } else {
            LFU
        };
        self.named = Some((experts[expert], expert));
        Some(experts[expert])
    }

    /// One that leaves as the victim that was named enters the history of the expert that named it, if it is to be
    /// remembered; another one none, as no expert is to blame.
    fn remove(&mut self, slot: Slot, remember: bool) {
        self.recency.remove_resident(0, slot);
        let frequency = self.frequencies.frequency(slot);
        self.frequencies.remove(slot);
        let weight = self.ledger.dismiss(slot);
        let named = self.named.take_if(|named| named.0 == slot);
        if let (true, Some((_, expert))) = (remember, named) {
            let mistake = Mistake {
                time: self.clock,
                frequency: u32::try_from(frequency).unwrap_or(u32::MAX),
            };
            let hash = self.hashes.get(slot);
            self.histories[expert].remember(hash, weight, mistake, |_| ());
        }
    }

    #[inline]
    fn weight_of(&self, slot: Slot) -> u32 {
        self.recency.expect_resident(slot);
        self.ledger.weight_of(slot)
    }

    fn reweigh(&mut self, slot: Slot, weight: u32) {
        self.recency.expect_resident(slot);
        self.ledger.reweigh(slot, weight);
    }

    fn pin(&mut self, slot: Slot) {
        self.recency.pin_resident(0, slot);
        self.frequencies.pin(slot);
    }

    fn unpin(&mut self, slot: Slot) {
        if self.recency.expect_resident(slot) == Some(Unlinked::Pinned) {
            self.recency.push_front(0, slot);
            self.frequencies.unpin(slot);
        }
    }

    /// The histories forget at once what they may no longer hold: time in proportion to that.
    fn set_capacity(&mut self, capacity: u64) {
        self.ledger.set_capacity(capacity);
        let limit = share(capacity, self.config.ghost);
        for history in &mut self.histories {
            history.set_limit(limit, |_| ());
        }
    }

    ledger_answers!(ledger);

    fn check(&self) {
        self.recency.check(0);
        self.frequencies.check();
        let linked = self.recency.iter(0).count();
        let residents = self.frequencies.residents();
        assert_eq!(
            residents
                .filter(|slot| self.recency.expect_resident(*slot).is_none())
                .count(),
            linked,
            "the orders have different entries"
        );
        self.ledger.check(self.frequencies.residents());
        self.ledger
            .check(self.recency.iter(0).chain(self.recency.pinned()));
        self.histories.iter().for_each(History::check);
        assert!((WEIGHT_MIN..=1.0 - WEIGHT_MIN).contains(&self.recency_weight));
        assert!(
            self.named
                .is_none_or(|(slot, _)| self.recency.unlinked(slot) != Some(Unlinked::Absent)),
            "the victim that was named is gone"
        );
    }
}

//! LFU with dynamic ageing: frequencies count from an age that grows with what is evicted.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::any::{Choice, Parameter, Parameters, choice};
use crate::error::ConfigError;
use crate::heap::Heap;
use crate::ledger::grow;
use crate::policy::{Hint, Policy};
use crate::ranking::Ranking;
use crate::slot::Slot;

/// What a hit does to the key of an entry, and what the age is; see [`Lfuda`].
///
/// ```
/// use cache_policies::{LfudaConfig, Promotion};
///
/// assert_eq!(LfudaConfig::default().promotion(), Promotion::Recount);
/// ```
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Promotion {
    /// The key becomes the age plus the number of requests; the age is the key that was last evicted. As in the paper.
    #[default]
    Recount,
    /// The age is added to the key, so a hit counts for nothing before the first eviction and for more and more after it.
    /// The age is the lowest key, but never falls: an entry left below it waits for a hit, or until nothing else is
    /// linked. As in libCacheSim 0.3.5.
    Age,
}

/// The parameters of [`Lfuda`].
///
/// ```
/// use cache_policies::{Lfuda, LfudaConfig, Policy, Promotion};
///
/// let config = LfudaConfig::default().with_promotion(Promotion::Age);
/// assert_eq!(config.promotion(), Promotion::Age);
/// assert!(Lfuda::new(100, &config).is_ok());
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct LfudaConfig {
    promotion: Promotion,
}

impl LfudaConfig {
    /// What a hit does. [`Promotion::Recount`] by default.
    #[must_use]
    pub fn with_promotion(self, promotion: Promotion) -> Self {
        LfudaConfig { promotion }
    }

    /// See [`LfudaConfig::with_promotion`].
    #[must_use]
    pub fn promotion(&self) -> Promotion {
        self.promotion
    }
}

choice!(Promotion: Recount = "recount" or Age = "age");

const PROMOTION: Parameter = Parameter {
    name: "promotion",
    expected: Promotion::EXPECTED,
};

impl Parameters for LfudaConfig {
    const POLICY: &'static str = "lfuda";
    const KNOWN: &'static [Parameter] = &[PROMOTION];

    fn value(&self, _parameter: &Parameter) -> String {
        self.promotion.name().to_string()
    }

    fn set(&mut self, _parameter: &Parameter, value: &str) -> Option<()> {
        self.promotion = Choice::named(value)?;
        Some(())
    }
}

/// LFU with dynamic ageing (M. Arlitt, L. Cherkasova, J. Dilley, R. Friedrich, T. Jin, "Evaluating content management
/// techniques for web proxy caches", ACM SIGMETRICS Performance Evaluation Review 27(4), 2000), with the same cost for
/// all entries.
///
/// At each request, an entry's key becomes the age plus the number of its requests since it was inserted. The lowest key
/// goes, and becomes the age; of equal ones, the one that has it the longest. So entries that were asked for often and
/// then no more are overtaken by newer ones, which plain [`Lfu`](crate::Lfu) keeps for ever.
///
/// libCacheSim 0.3.5 has another rule under this name, [`Promotion::Age`] (`lfuda:promotion=age`), with which the counts
/// equal its own. Where it ends without a victim, because all others are below the age, the lowest of those goes here.
///
/// Keys are whole numbers: with the rule of the paper no more than the number of requests, with the other one they may
/// grow exponentially, and stop at 2^63 - 1. Calls take time logarithmic in the number of entries. 36 bytes a slot, 40
/// once weights differ from 1. An entry that is unpinned gets the key that a hit without its count would give: the age
/// plus its requests. With [`Promotion::Age`] it has the key that it had, with what hits added meanwhile.
///
/// ```
/// use cache_policies::{Hint, Lfuda, LfudaConfig, Policy, Slot};
///
/// let mut lfuda = Lfuda::new(2, &LfudaConfig::default())?;
/// lfuda.insert(Slot::new(0), 10, 1, Hint::NONE);
/// lfuda.hit(Slot::new(0), 10);
/// // The key of slot 0 is 2; those of the keys that come by are 1, 2, 3: the third of them outlives it.
/// lfuda.insert(Slot::new(1), 11, 1, Hint::NONE);
/// assert_eq!(lfuda.evict(), Some(Slot::new(1)));
/// lfuda.insert(Slot::new(1), 12, 1, Hint::NONE);
/// assert_eq!(lfuda.evict(), Some(Slot::new(0)));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lfuda {
    ranking: Ranking<Key>,
    /// By slot: the requests, with `Promotion::Recount`; with `Promotion::Age` the number of the key, where it is pinned.
    counts: Vec<u64>,
    age: u64,
    /// Gives each key a number of its own: the keys given so far.
    given: u64,
    promotion: Promotion,
}

/// Compared field by field.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Key {
    /// The number; with `Promotion::Age`, plus `PASSED` where it is below the age, so that its turn is over.
    number: u64,
    /// Of equal numbers, the one that was given first is the lower.
    given: u64,
}

const PASSED: u64 = 1 << 63;
const NUMBER_MAX: u64 = PASSED - 1;

const _: () = assert!(Heap::<Key>::SLOT_BYTES + size_of::<u64>() == 36);

impl Key {
    fn number(self) -> u64 {
        self.number & NUMBER_MAX
    }

    fn has_passed(self) -> bool {
        self.number >= PASSED
    }
}

impl Lfuda {
    fn key(&mut self, number: u64) -> Key {
        self.given += 1;
        let passed = if number < self.age { PASSED } else { 0 };
        Key {
            number: number | passed,
            given: self.given,
        }
    }

    /// With `Promotion::Age`: the age goes up to the lowest number that is not below it.
    fn grow_older(&mut self) {
        if let Some((least, _)) = self.ranking.least()
            && !least.has_passed()
        {
            self.age = self.age.max(least.number());
        }
    }

    /// A hit with `Promotion::Age`.
    fn add_age(&mut self, slot: Slot) {
        let Some(key) = self.ranking.key(slot) else {
            let number = &mut self.counts[slot.index()];
            *number = number.saturating_add(self.age).min(NUMBER_MAX);
            return;
        };
        let number = (key.number() + self.age).min(NUMBER_MAX);
        if key.number() == self.age {
            // The entry may have been the last with this number: the age looks for the next without it.
            let aside = Key {
                number: key.number | PASSED,
                ..key
            };
            self.ranking.set_key(slot, aside);
            self.grow_older();
        }
        let key = self.key(number);
        self.ranking.set_key(slot, key);
    }
}

impl Policy for Lfuda {
    type Config = LfudaConfig;

    fn new(capacity: u64, config: &LfudaConfig) -> Result<Self, ConfigError> {
        Ok(Lfuda {
            ranking: Ranking::new(capacity),
            counts: Vec::new(),
            age: 0,
            given: 0,
            promotion: config.promotion,
        })
    }

    #[inline]
    fn insert(&mut self, slot: Slot, _hash: u64, weight: u32, _hint: Hint) {
        let key = self.key((self.age + 1).min(NUMBER_MAX));
        self.ranking.insert(slot, weight, key);
        if slot.index() >= self.counts.len() {
            grow(&mut self.counts, slot, || 0);
        }
        self.counts[slot.index()] = 1;
    }

    #[inline]
    fn hit(&mut self, slot: Slot, _hash: u64) {
        if self.promotion == Promotion::Age {
            self.add_age(slot);
            return;
        }
        let is_linked = self.ranking.key(slot).is_some();
        let count = &mut self.counts[slot.index()];
        *count += 1;
        if is_linked {
            let number = self.age + *count;
            let key = self.key(number);
            self.ranking.set_key(slot, key);
        }
    }

    #[inline]
    fn victim(&mut self) -> Option<Slot> {
        self.ranking.least().map(|(_, slot)| slot)
    }

    /// Only the victim makes the age what its key was: the key of another entry is no measure of the lowest.
    #[inline]
    fn remove(&mut self, slot: Slot, remember: bool) {
        let least = self.ranking.least();
        self.ranking.remove(slot);
        if let Some((key, victim)) = least
            && victim == slot
            && remember
        {
            self.age = self.age.max(key.number());
            if self.promotion == Promotion::Age {
                self.grow_older();
            }
        }
    }

    fn pin(&mut self, slot: Slot) {
        if let Some(key) = self.ranking.pin(slot)
            && self.promotion == Promotion::Age
        {
            self.counts[slot.index()] = key.number();
        }
    }

    fn unpin(&mut self, slot: Slot) {
        let count = self.counts.get(slot.index()).copied().unwrap_or(0);
        let number = match self.promotion {
            Promotion::Recount => self.age + count,
            Promotion::Age => count,
        };
        let key = self.key(number);
        self.ranking.unpin(slot, key);
    }

    queue_answers!(ranking);

    fn check(&self) {
        self.ranking.check();
        for slot in self.ranking.residents() {
            let Some(key) = self.ranking.key(slot) else {
                continue;
            };
            assert_eq!(
                key.has_passed(),
                key.number() < self.age,
                "a key is on the wrong side of the age"
            );
            assert!(
                self.promotion == Promotion::Age || !key.has_passed(),
                "a key is below the age"
            );
            assert!(key.given <= self.given, "a key was not given yet");
        }
    }
}

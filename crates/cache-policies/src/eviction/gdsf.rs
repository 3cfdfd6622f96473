//! GDSF: what is asked for often in proportion to its size stays, and an inflating clock ages it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::any::{Choice, Parameter, Parameters, choice};
use crate::error::ConfigError;
use crate::heap::Heap;
use crate::ledger::grow;
use crate::policy::{Hint, Policy};
use crate::ranking::Ranking;
use crate::slot::Slot;

/// The numbers that [`Gdsf`] reckons priorities with.
///
/// ```
/// use cache_policies::{Arithmetic, GdsfConfig};
///
/// assert_eq!(GdsfConfig::default().arithmetic(), Arithmetic::Fixed);
/// ```
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Arithmetic {
    /// Fixed-point numbers of 64 binary places, rounded to the nearest: as exact after any number of evictions as at the
    /// first.
    #[default]
    Fixed,
    /// Floating-point numbers of 53 bits, and 10^6 times the requests for each unit of weight, as libCacheSim 0.3.5 has
    /// it. What they round decides between equal priorities, and the more so the farther the clock has come.
    Double,
}

/// The parameters of [`Gdsf`].
///
/// ```
/// use cache_policies::{Arithmetic, Gdsf, GdsfConfig, Policy};
///
/// let config = GdsfConfig::default().with_arithmetic(Arithmetic::Double);
/// assert_eq!(config.arithmetic(), Arithmetic::Double);
/// assert!(Gdsf::new(100, &config).is_ok());
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct GdsfConfig {
    arithmetic: Arithmetic,
}

impl GdsfConfig {
    /// What priorities are reckoned with. [`Arithmetic::Fixed`] by default.
    #[must_use]
    pub fn with_arithmetic(self, arithmetic: Arithmetic) -> Self {
        GdsfConfig { arithmetic }
    }

    /// See [`GdsfConfig::with_arithmetic`].
    #[must_use]
    pub fn arithmetic(&self) -> Arithmetic {
        self.arithmetic
    }
}

choice!(Arithmetic: Fixed = "fixed" or Double = "double");

const ARITHMETIC: Parameter = Parameter {
    name: "arithmetic",
    expected: Arithmetic::EXPECTED,
};

impl Parameters for GdsfConfig {
    const POLICY: &'static str = "gdsf";
    const KNOWN: &'static [Parameter] = &[ARITHMETIC];

    fn value(&self, _parameter: &Parameter) -> String {
        self.arithmetic.name().to_string()
    }

    fn set(&mut self, _parameter: &Parameter, value: &str) -> Option<()> {
        self.arithmetic = Choice::named(value)?;
        Some(())
    }
}

/// Greedy-Dual-Size with frequency (L. Cherkasova, "Improving WWW proxies performance with Greedy-Dual-Size-Frequency
/// caching policy", HP Laboratories report HPL-98-69R1, 1998), with the same cost for all entries: it goes for hits, not
/// for bytes.
///
/// At each request, an entry's priority becomes the clock plus the number of its requests since it was inserted, divided
/// by its weight. The lowest priority goes, and the clock becomes it; of equal ones, the one that has it the longest. A
/// new entry counts from the clock as it was at the miss, before room was made, as in the paper: there it is one of those
/// that may have to go at once. Here it always comes in, and the clock never goes back.
///
/// # Exactness
/// Priorities are fixed-point numbers of 64 binary places. They cannot overflow, for the clock is never more than the
/// number of requests. The factor of 10^6 in libCacheSim's floating-point numbers scales all priorities alike, and is left
/// out. On its block trace `cpIO` the misses equal those with fractions that are never rounded, and its own at seven of
/// the eight sizes; at 384 MiB they are one more (74,851), because its rounding decides a tie otherwise.
/// [`Arithmetic::Double`] (`gdsf:arithmetic=double`) rounds as it does, and equals it everywhere.
///
/// A weight of 0 counts as 1. A change of weight is seen at the next request.
///
/// Calls take time logarithmic in the number of entries. 40 bytes a slot, 44 once weights differ from 1. An entry that
/// is unpinned gets the priority that it would have if its last request were now.
///
/// ```
/// use cache_policies::{Gdsf, GdsfConfig, Hint, Policy, Slot};
///
/// let mut gdsf = Gdsf::new(100, &GdsfConfig::default())?;
/// gdsf.insert(Slot::new(0), 10, 60, Hint::NONE);
/// gdsf.insert(Slot::new(1), 11, 10, Hint::NONE);
/// for _ in 0..3 {
///     gdsf.hit(Slot::new(0), 10);
/// }
/// // 4 requests for 60 against 1 for 10.
/// assert_eq!(gdsf.evict(), Some(Slot::new(0)));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Gdsf {
    ranking: Ranking<Key>,
    /// By slot: the requests.
    counts: Vec<u32>,
    clock: Priority,
    /// The hash of the key that was missed last and not inserted since, with the clock at that time.
    missed: Option<(u64, Priority)>,
    /// Gives each key a number of its own: the keys given so far.
    given: u64,
    arithmetic: Arithmetic,
}

/// Compared field by field.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Key {
    priority: Priority,
    /// Of equal priorities, the one that was given first is the lower.
    given: u64,
}

/// In two halves, since a `u128` would take 16 bytes more in each key for its alignment. Compared field by field.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Priority {
    /// With `Arithmetic::Double`, the bits of the number, which are in order as none is negative.
    whole: u64,
    fraction: u64,
}

const _: () = assert!(Heap::<Key>::SLOT_BYTES + size_of::<u32>() == 40);

impl Priority {
    const ZERO: Priority = Priority {
        whole: 0,
        fraction: 0,
    };

    /// The priority of an entry of this weight after this many requests, when the clock shows `self`.
    #[inline]
    fn after(self, count: u32, weight: u32, arithmetic: Arithmetic) -> Self {
        let weight = weight.max(1);
        match arithmetic {
            Arithmetic::Fixed => {
                let (count, weight) = (u128::from(count), u128::from(weight));
                let clock = u128::from(self.whole) << 64 | u128::from(self.fraction);
                let priority = clock + ((count << 64) + weight / 2) / weight;
                Priority {
                    whole: (priority >> 64) as u64,
                    fraction: priority as u64,
                }
            }
            Arithmetic::Double => {
                let rate = f64::from(count) * 1e6 / f64::from(weight);
                Priority {
                    whole: (f64::from_bits(self.whole) + rate).to_bits(),
                    fraction: 0,
                }
            }
        }
    }
}

impl Gdsf {
    fn key(&mut self, clock: Priority, count: u32, weight: u32) -> Key {
        self.given += 1;
        Key {
            priority: clock.after(count, weight, self.arithmetic),
            given: self.given,
        }
    }
}

impl Policy for Gdsf {
    type Config = GdsfConfig;

    fn new(capacity: u64, config: &GdsfConfig) -> Result<Self, ConfigError> {
        Ok(Gdsf {
            ranking: Ranking::new(capacity),
            counts: Vec::new(),
            clock: Priority::ZERO,
            missed: None,
            given: 0,
            arithmetic: config.arithmetic,
        })
    }

    #[inline]
    fn miss(&mut self, hash: u64) -> Hint {
        self.missed = Some((hash, self.clock));
        Hint::NONE
    }

    #[inline]
    fn insert(&mut self, slot: Slot, hash: u64, weight: u32, _hint: Hint) {
        let clock = match self.missed.take() {
            Some((missed, clock)) if missed == hash => clock,
            _ => self.clock,
        };
        let key = self.key(clock, 1, weight);
        self.ranking.insert(slot, weight, key);
        if slot.index() >= self.counts.len() {
            grow(&mut self.counts, slot, || 0);
        }
        self.counts[slot.index()] = 1;
    }

    #[inline]
    fn hit(&mut self, slot: Slot, _hash: u64) {
        let is_linked = self.ranking.key(slot).is_some();
        let count = &mut self.counts[slot.index()];
        *count = count.saturating_add(1);
        if is_linked {
            let count = *count;
            let key = self.key(self.clock, count, self.ranking.weight_of(slot));
            self.ranking.set_key(slot, key);
        }
    }

    #[inline]
    fn victim(&mut self) -> Option<Slot> {
        self.ranking.least().map(|(_, slot)| slot)
    }

    /// Only the victim turns the clock: the priority of another entry is no measure of the lowest.
    #[inline]
    fn remove(&mut self, slot: Slot, remember: bool) {
        let least = self.ranking.least();
        self.ranking.remove(slot);
        if let Some((key, victim)) = least
            && victim == slot
            && remember
        {
            self.clock = self.clock.max(key.priority);
        }
    }

    #[inline]
    fn weight_of(&self, slot: Slot) -> u32 {
        self.ranking.weight_of(slot)
    }

    fn reweigh(&mut self, slot: Slot, weight: u32) {
        self.ranking.reweigh(slot, weight);
    }

    fn pin(&mut self, slot: Slot) {
        self.ranking.pin(slot);
    }

    fn unpin(&mut self, slot: Slot) {
        let weight = self.ranking.weight_of(slot);
        let key = self.key(self.clock, self.counts[slot.index()], weight);
        self.ranking.unpin(slot, key);
    }

    fn set_capacity(&mut self, capacity: u64) {
        self.ranking.ledger.set_capacity(capacity);
    }

    ledger_answers!(ranking.ledger);

    fn check(&self) {
        self.ranking.check();
        for slot in self.ranking.residents() {
            assert!(
                self.counts[slot.index()] > 0,
                "a resident was never asked for"
            );
            let key = self.ranking.key(slot);
            assert!(
                key.is_none_or(|key| key.given <= self.given),
                "a priority was not given yet"
            );
        }
    }
}

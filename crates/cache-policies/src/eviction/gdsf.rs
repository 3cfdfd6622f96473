//! GDSF: what is asked for often in proportion to its size stays, and an inflating clock ages it.

use alloc::vec::Vec;

use crate::any::Parameters;
use crate::error::ConfigError;
use crate::ledger::grow;
use crate::policy::{Hint, Policy};
use crate::ranking::Ranking;
use crate::slot::Slot;

/// The parameters of [`Gdsf`]: it has none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct GdsfConfig {}

impl Parameters for GdsfConfig {
    const POLICY: &'static str = "gdsf";
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
/// Priorities are fixed-point numbers of 64 binary places, rounded down, so they are as exact after any number of
/// evictions as at the first. They cannot overflow: the clock is at most 2^64 times the number of requests. The factor
/// of 10^6 that libCacheSim multiplies by in its floating-point numbers scales all priorities alike, and is left out. A
/// weight of 0 counts as 1. A change of weight is seen at the next request.
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
    clock: u128,
    /// The hash of the key that was missed last and not inserted since, with the clock at that time.
    missed: Option<(u64, u128)>,
    /// Gives each key a number of its own: the keys given so far.
    given: u64,
}

/// Compared field by field.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Key {
    priority: u128,
    /// Of equal priorities, the one that was given first is the lower.
    given: u64,
}

impl Gdsf {
    fn key(&mut self, clock: u128, count: u32, weight: u32) -> Key {
        self.given += 1;
        Key {
            priority: clock + (u128::from(count) << 64) / u128::from(weight.max(1)),
            given: self.given,
        }
    }
}

impl Policy for Gdsf {
    type Config = GdsfConfig;

    fn new(capacity: u64, _config: &GdsfConfig) -> Result<Self, ConfigError> {
        Ok(Gdsf {
            ranking: Ranking::new(capacity),
            counts: Vec::new(),
            clock: 0,
            missed: None,
            given: 0,
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

//! LFU: the entry with the fewest requests goes first.

use crate::any::Parameters;
use crate::error::ConfigError;
use crate::frequency::Frequencies;
use crate::ledger::Ledger;
use crate::policy::{Hint, Policy};
use crate::slot::Slot;

/// The parameters of [`Lfu`]: it has none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct LfuConfig {}

impl Parameters for LfuConfig {
    const POLICY: &'static str = "lfu";
}

/// Least frequently used, in constant time (K. Shah, A. Mitra, D. Matani, "An O(1) algorithm for implementing the LFU
/// cache eviction scheme", 2010).
///
/// The frequency of an entry is the number of its requests since it was inserted; it is not remembered afterwards. Of
/// several with the lowest frequency, the one goes that has had it the longest: among entries that were never hit, that
/// is first in, first out.
///
/// Entries of one frequency stand in a list, and the lists in the order of their frequencies, so each call takes
/// constant time; from the first pin on, the time is logarithmic in the number of different frequencies. 12 bytes a
/// slot, 16 once weights differ from 1, and 24 for each frequency that some entry has. An entry that is unpinned stands
/// with those of its frequency, hits while it was pinned included, as the one that got it last.
///
/// # Against SIEVE
/// On a trace that never drives the hand of [`Sieve`](crate::Sieve) around, and leaves LFU some entry without a hit
/// whenever it evicts, both evict the same: the oldest entry without a hit. The reference's block trace `cpIO` is one,
/// with caches of 2,448 entries or 128 MiB and more: equal rows of the two in its results are no mistake.
///
/// ```
/// use cache_policies::{Hint, Lfu, LfuConfig, Policy, Slot};
///
/// let mut lfu = Lfu::new(3, &LfuConfig::default())?;
/// for number in 0..3 {
///     lfu.insert(Slot::new(number), 10 + u64::from(number), 1, Hint::NONE);
/// }
/// lfu.hit(Slot::new(0), 10);
/// lfu.hit(Slot::new(0), 10);
/// lfu.hit(Slot::new(1), 11);
/// assert_eq!(lfu.evict(), Some(Slot::new(2)));
/// assert_eq!(lfu.evict(), Some(Slot::new(1)));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lfu {
    ledger: Ledger,
    frequencies: Frequencies,
}

impl Policy for Lfu {
    type Config = LfuConfig;

    fn new(capacity: u64, _config: &LfuConfig) -> Result<Self, ConfigError> {
        Ok(Lfu {
            ledger: Ledger::new(capacity),
            frequencies: Frequencies::new(),
        })
    }

    #[inline]
    fn miss(&mut self, _hash: u64) -> Hint {
        Hint::NONE
    }

    #[inline]
    fn insert(&mut self, slot: Slot, _hash: u64, weight: u32, _hint: Hint) {
        self.frequencies.insert(slot);
        self.ledger.admit(slot, weight);
    }

    #[inline]
    fn hit(&mut self, slot: Slot, _hash: u64) {
        self.frequencies.raise(slot);
    }

    #[inline]
    fn victim(&mut self) -> Option<Slot> {
        self.frequencies.least()
    }

    #[inline]
    fn remove(&mut self, slot: Slot, _remember: bool) {
        self.frequencies.remove(slot);
        self.ledger.dismiss(slot);
    }

    #[inline]
    fn weight_of(&self, slot: Slot) -> u32 {
        self.frequencies.expect_resident(slot);
        self.ledger.weight_of(slot)
    }

    fn reweigh(&mut self, slot: Slot, weight: u32) {
        self.frequencies.expect_resident(slot);
        self.ledger.reweigh(slot, weight);
    }

    fn pin(&mut self, slot: Slot) {
        self.frequencies.pin(slot);
    }

    fn unpin(&mut self, slot: Slot) {
        self.frequencies.unpin(slot);
    }

    fn set_capacity(&mut self, capacity: u64) {
        self.ledger.set_capacity(capacity);
    }

    ledger_answers!(ledger);

    fn check(&self) {
        self.frequencies.check();
        self.ledger.check(self.frequencies.residents());
    }
}

//! Belady's rule with sizes: the entry that would take the most room for the longest time goes first.

use crate::any::Parameters;
use crate::error::ConfigError;
use crate::ledger::Ledger;
use crate::list::Unlinked;
use crate::policy::{Hint, Policy};
use crate::slot::Slot;
use crate::tournament::{NEVER, Tournament};

/// The parameters of [`BeladySize`]: it has none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct BeladySizeConfig {}

impl Parameters for BeladySizeConfig {
    const POLICY: &'static str = "belady-size";
}

/// The entry goes whose weight times the time until its next request is the greatest: what libCacheSim calls
/// `BeladySize`. With the weights of all entries equal it is [`Belady`](crate::Belady).
///
/// It must be told the future ([`Policy::foresee`]) before each hit and miss. Entries that are never asked for again go
/// before all others, the heaviest first; of equal ones, the one in the lowest slot goes. An entry whose time has passed
/// without a request, because what was foreseen was wrong, counts as overdue, and the heavier it is, the less is it worth
/// to evict. Finding the fewest misses with sizes is NP-hard (M. Chrobak, G. J. Woeginger, K. Makino, H. Xu, "Caching is
/// hard, even in the fault model", Algorithmica 63, 2012), so this is a strong rule and no bound.
///
/// # Against libCacheSim
/// Its `BeladySize` looks at 128 objects drawn at random at each eviction, so its counts change with its random numbers,
/// from one of its releases to the next too (74,329 and 74,276 misses on `cpIO` at 128 MiB). Here all entries are looked
/// at, which gives 74,237. Its other difference, that it does not insert what is never asked for again, shows only
/// where such an object is so large that room is made among useful ones; on that trace it changes nothing.
///
/// # Cost
/// The order of the entries changes while time goes by, so they stand in a kinetic tournament: calls take time
/// logarithmic in the number of slots, and `victim` and `evict` what has changed since, which is the square of the
/// logarithm for each earlier call, amortised. 16 bytes a slot, 20 once weights differ from 1, and 16 for each of the
/// slots rounded up to a power of two.
///
/// ```
/// use cache_policies::{BeladySize, BeladySizeConfig, Hint, Policy, Slot};
///
/// let mut policy = BeladySize::new(100, &BeladySizeConfig::default())?;
/// for (number, weight, distance) in [(0, 10, 30), (1, 50, 7)] {
///     policy.foresee(distance);
///     let hint = policy.miss(10 + u64::from(number));
///     policy.insert(Slot::new(number), 10 + u64::from(number), weight, hint);
/// }
/// // 50 for 7 requests more against 10 for 29.
/// assert_eq!(policy.evict(), Some(Slot::new(1)));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BeladySize {
    ledger: Ledger,
    tournament: Tournament,
    /// The position of the next request for the same key.
    next: u64,
}

impl Policy for BeladySize {
    type Config = BeladySizeConfig;

    fn new(capacity: u64, _config: &BeladySizeConfig) -> Result<Self, ConfigError> {
        Ok(BeladySize {
            ledger: Ledger::new(capacity),
            tournament: Tournament::new(),
            next: NEVER,
        })
    }

    fn is_offline(_config: &BeladySizeConfig) -> bool {
        true
    }

    #[inline]
    fn foresee(&mut self, distance: u64) {
        self.tournament.tick();
        self.next = self.tournament.now().saturating_add(distance);
    }

    #[inline]
    fn miss(&mut self, _hash: u64) -> Hint {
        Hint::NONE
    }

    fn insert(&mut self, slot: Slot, _hash: u64, weight: u32, _hint: Hint) {
        self.tournament.insert(slot, weight, self.next);
        self.ledger.admit(slot, weight);
    }

    fn hit(&mut self, slot: Slot, _hash: u64) {
        self.tournament.set_next(slot, self.next);
    }

    fn victim(&mut self) -> Option<Slot> {
        self.tournament.winner()
    }

    fn remove(&mut self, slot: Slot, _remember: bool) {
        self.tournament.set_unlinked(slot, Some(Unlinked::Absent));
        self.ledger.dismiss(slot);
    }

    #[inline]
    fn weight_of(&self, slot: Slot) -> u32 {
        self.tournament.expect_resident(slot);
        self.ledger.weight_of(slot)
    }

    /// Where the entry stands changes at once: a bound has no hits to wait for.
    fn reweigh(&mut self, slot: Slot, weight: u32) {
        self.tournament.set_weight(slot, weight);
        self.ledger.reweigh(slot, weight);
    }

    fn pin(&mut self, slot: Slot) {
        self.tournament.set_unlinked(slot, Some(Unlinked::Pinned));
    }

    fn unpin(&mut self, slot: Slot) {
        self.tournament.set_unlinked(slot, None);
    }

    fn set_capacity(&mut self, capacity: u64) {
        self.ledger.set_capacity(capacity);
    }

    ledger_answers!(ledger);

    fn check(&self) {
        self.tournament.check();
        self.ledger.check(self.tournament.residents());
        for slot in self.tournament.residents() {
            assert_eq!(
                self.tournament.weight(slot),
                self.ledger.weight_of(slot),
                "the ledger has another weight"
            );
        }
    }
}

//! Belady's MIN: the entry whose next request is the farthest away goes first.

use core::cmp::Reverse;

use alloc::vec::Vec;

use crate::any::Parameters;
use crate::error::ConfigError;
use crate::heap::Heap;
use crate::ledger::grow;
use crate::policy::{Hint, Policy};
use crate::ranking::Ranking;
use crate::slot::Slot;

/// The parameters of [`Belady`]: it has none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct BeladyConfig {}

impl Parameters for BeladyConfig {
    const POLICY: &'static str = "belady";
}

/// MIN (L. A. Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems Journal 5(2),
/// 1966): the bound on what any policy can do that inserts each missed entry, where all weigh the same.
///
/// It must be told the future ([`Policy::foresee`]) before each hit and miss. The entry goes that is asked for again the
/// latest, or never; of several that never are, the one in the lowest slot, which makes no difference to the number of
/// misses. An entry whose time has passed without a request, because what was foreseen was wrong, counts as due the
/// soonest. Where weights differ it is no bound, and [`BeladySize`](crate::BeladySize) misses less.
///
/// Calls take time logarithmic in the number of entries. 20 bytes a slot, 24 once weights differ from 1, 8 more from the
/// first pin on. An entry that is unpinned is where it was, or where the hits meanwhile put it.
///
/// ```
/// use cache_policies::{Belady, BeladyConfig, Hint, Policy, Slot};
///
/// let mut belady = Belady::new(2, &BeladyConfig::default())?;
/// for (number, distance) in [(0, 9), (1, 5)] {
///     belady.foresee(distance);
///     let hint = belady.miss(10 + u64::from(number));
///     belady.insert(Slot::new(number), 10 + u64::from(number), 1, hint);
/// }
/// assert_eq!(belady.evict(), Some(Slot::new(0)));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Belady {
    /// Keyed by the position of the next request; `u64::MAX` for never.
    ranking: Ranking<Reverse<u64>>,
    /// By slot: the next request, where it is pinned. Empty while nothing was.
    pinned: Vec<u64>,
    /// The position of the request that goes on.
    now: u64,
    /// The position of the next request for the same key.
    next: u64,
}

const _: () = assert!(Heap::<Reverse<u64>>::SLOT_BYTES == 20);

impl Policy for Belady {
    type Config = BeladyConfig;

    fn new(capacity: u64, _config: &BeladyConfig) -> Result<Self, ConfigError> {
        Ok(Belady {
            ranking: Ranking::new(capacity),
            pinned: Vec::new(),
            now: 0,
            next: u64::MAX,
        })
    }

    fn is_offline(_config: &BeladyConfig) -> bool {
        true
    }

    #[inline]
    fn foresee(&mut self, distance: u64) {
        self.now += 1;
        self.next = self.now.saturating_add(distance);
    }

    #[inline]
    fn insert(&mut self, slot: Slot, _hash: u64, weight: u32, _hint: Hint) {
        self.ranking.insert(slot, weight, Reverse(self.next));
    }

    #[inline]
    fn hit(&mut self, slot: Slot, _hash: u64) {
        if self.ranking.key(slot).is_some() {
            self.ranking.set_key(slot, Reverse(self.next));
        } else {
            self.pinned[slot.index()] = self.next;
        }
    }

    #[inline]
    fn victim(&mut self) -> Option<Slot> {
        self.ranking.least().map(|(_, slot)| slot)
    }

    fn remove(&mut self, slot: Slot, _remember: bool) {
        self.ranking.remove(slot);
    }

    fn pin(&mut self, slot: Slot) {
        if let Some(Reverse(next)) = self.ranking.pin(slot) {
            if slot.index() >= self.pinned.len() {
                grow(&mut self.pinned, slot, || u64::MAX);
            }
            self.pinned[slot.index()] = next;
        }
    }

    fn unpin(&mut self, slot: Slot) {
        let next = self.pinned.get(slot.index()).copied();
        self.ranking.unpin(slot, Reverse(next.unwrap_or(u64::MAX)));
    }

    queue_answers!(ranking);

    fn check(&self) {
        self.ranking.check();
    }
}

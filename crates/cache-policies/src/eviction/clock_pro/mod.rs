//! CLOCK-Pro: LIRS with one bit a hit: hot entries, cold ones on trial, and those that left during it.

mod config;

pub use config::ClockProConfig;

use alloc::vec::Vec;

use crate::any::Parameters;
use crate::error::ConfigError;
use crate::history::History;
use crate::ledger::{Ledger, grow, share};
use crate::list::{Lists, Place, Unlinked};
use crate::marks::Marks;
use crate::policy::{Hint, Policy, SharedHit};
use crate::slot::Slot;

/// The hint that the key was asked for during its test.
const IN_ITS_TEST: Hint = Hint::from_bits(1);

/// Set by a hit.
const REFERENCED: u8 = 1;
/// The entry is cold and in its test period.
const TEST: u8 = 2;
/// The entry is hot.
const HOT: u8 = 4;

/// The lists of resident entries.
const HOT_LIST: usize = 0;
const COLD_LIST: usize = 1;

/// What an entry takes along when it leaves.
#[derive(Copy, Clone, Debug, Default)]
struct Known {
    hash: u64,
    /// When the entry was last put at the head of the clock: its place there.
    stamp: u64,
}

/// CLOCK-Pro (S. Jiang, F. Chen, X. Zhang, "CLOCK-Pro: an effective improvement of the CLOCK replacement", USENIX ATC
/// 2005), adaptive.
///
/// All entries, hot, cold and departed ones, stand on one clock in the order in which they were put at its head:
/// - A hit sets the entry's bit. A new entry is cold and begins its test; until the first victim is named it is hot as long as
///   the hot share has room.
/// - To evict, the cold hand looks at the oldest cold entry. Without the bit, it goes, and if it is in its test it
///   stays on the clock as departed. With the bit and in its test it becomes hot. With the bit alone it begins a new
///   test. Both go to the head, their bit cleared.
/// - Where an entry became hot and the hot ones are over their share, the hot hand looks at the oldest hot entry: it
///   stays, at the head with its bit cleared, if that was set; otherwise it becomes cold, at the head, out of test. The
///   tests of all that is older than the oldest hot entry end then.
/// - The test hand ends the test of the oldest departed entry when those weigh more than `ghost` times the capacity.
///   Departed entries leave with the end of their test.
/// - A departed entry that is asked for comes back as a hot one.
/// - An entry that is heavier than the hot share never becomes hot: where it would, it begins a new test at the head.
/// - The share of the cold ones grows by the weight of each entry that is asked for during its test, and shrinks by
///   that of each whose test ends without.
///
/// The authors' own simulator differs from their paper: there, an entry that the hot hand passes while it looks for
/// room for that very entry stays cold, a cold entry out of test goes in spite of its bit, and only departed entries
/// shrink the cold share. libCacheSim 0.3.5 starts with all of the cache for cold entries, and misses 89% of the trace
/// OLTP at 1,000 entries, where LRU misses 67%.
///
/// Hits write one byte, and only where it is not set. All calls are of constant time amortised over the hits since;
/// one `evict` or `insert` takes at most some steps for each linked entry and each departed one. 25 bytes a slot, 4
/// more once weights differ from 1; a departed entry takes up to 36. An entry that is unpinned stands at the head of
/// the clock and keeps its state.
///
/// ```
/// use cache_policies::{ClockPro, ClockProConfig, Hint, Policy, Slot};
///
/// let mut clock_pro = ClockPro::new(3, &ClockProConfig::default())?;
/// for number in 0..3 {
///     let hint = clock_pro.miss(100 + u64::from(number));
///     clock_pro.insert(Slot::new(number), 100 + u64::from(number), 1, hint);
/// }
/// // The first two are hot. The third leaves during its test, and comes back as a hot one.
/// assert_eq!(clock_pro.evict(), Some(Slot::new(2)));
/// assert_ne!(clock_pro.miss(102), Hint::NONE);
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClockPro {
    ledger: Ledger,
    config: ClockProConfig,
    marks: Marks,
    /// Hot and cold entries, each list in the order of the stamps. Its back is where the hand of that kind stands: what
    /// a hand passes goes to the head or leaves.
    lists: Lists<2>,
    known: Vec<Known>,
    /// Of the departed entries their stamps, in order. They are older than the resident cold ones, as the cold hand
    /// was there before.
    departed: History<u64>,
    /// The cold entries that are older than this place are out of test.
    tested: Place,
    /// The next stamp.
    now: u64,
    /// The weight of the linked hot entries.
    hot_weight: u64,
    /// The share of the cold entries, and its bounds; hot ones have the rest.
    cold_share: u64,
    cold_min: u64,
    cold_max: u64,
    /// Whether new entries are still hot: until a victim is named.
    warming: bool,
}

impl ClockPro {
    /// How many departed entries are in their test.
    #[must_use]
    pub fn ghost_len(&self) -> usize {
        self.departed.len()
    }

    /// The weight that is meant for cold entries at present.
    #[must_use]
    pub fn cold_share(&self) -> u64 {
        self.cold_share
    }

    fn hot_share(&self) -> u64 {
        self.ledger.capacity() - self.cold_share
    }

    fn is_hot(&self, slot: Slot) -> bool {
        self.marks.get(slot) & HOT != 0
    }

    fn list_of(&self, slot: Slot) -> usize {
        if self.is_hot(slot) {
            HOT_LIST
        } else {
            COLD_LIST
        }
    }

    /// Puts a slot at the head of the clock, in the state that its mark says.
    fn link(&mut self, slot: Slot) {
        self.known[slot.index()].stamp = self.now;
        self.now += 1;
        let list = self.list_of(slot);
        self.lists.push_front(list, slot);
        if list == HOT_LIST {
            self.hot_weight += u64::from(self.ledger.weight_of(slot));
        } else if self.tested == Lists::<2>::sentinel(COLD_LIST) {
            self.tested = Lists::<2>::place(slot);
        }
    }

    fn unlink(&mut self, slot: Slot, reason: Unlinked) {
        if self.is_hot(slot) {
            self.hot_weight -= u64::from(self.ledger.weight_of(slot));
        } else if self.tested == Lists::<2>::place(slot) {
            self.tested = self.lists.newer(self.tested);
        }
        self.lists.unlink(self.list_of(slot), slot, reason);
    }

    /// Moves a linked slot to the head, in another state.
    fn renew(&mut self, slot: Slot, mark: u8) {
        self.unlink(slot, Unlinked::Absent);
        self.marks.set(slot, mark);
        self.link(slot);
    }

    fn grow_cold(&mut self, weight: u32) {
        let grown = self.cold_share.saturating_add(u64::from(weight));
        self.cold_share = grown.min(self.cold_max);
    }

    /// Moves the hot hand on until it has made an entry cold; whether there was one.
    fn demote(&mut self) -> bool {
        let mut steps = 0;
        while let Some(slot) = self.lists.back(HOT_LIST) {
            steps += 1;
            debug_assert!(
                steps <= self.lists.len(HOT_LIST) + 1,
                "the hot hand turned without an end"
            );
            if self.marks.get(slot) & REFERENCED == 0 {
                self.renew(slot, 0);
                return true;
            }
            self.renew(slot, HOT);
        }
        false
    }

    /// Makes an entry hot, and the oldest hot ones cold until they keep to their share.
    fn promote(&mut self, slot: Slot) {
        if u64::from(self.ledger.weight_of(slot)) > self.hot_share() {
            // It would drive out all hot entries, and then itself.
            self.marks.set(slot, TEST);
            self.link(slot);
            return;
        }
        self.marks.set(slot, HOT);
        self.link(slot);
        let mut moved = false;
        while self.hot_weight > self.hot_share() && self.demote() {
            moved = true;
        }
        if moved {
            self.end_tests();
        }
    }

    /// Ends the test of all that is older than the oldest hot entry.
    fn end_tests(&mut self) {
        let Some(oldest) = self.lists.back(HOT_LIST) else {
            return;
        };
        let bound = self.known[oldest.index()].stamp;
        while self.departed.oldest().is_some_and(|stamp| stamp < bound) {
            if let Some(weight) = self.departed.forget_oldest() {
                shrink(&mut self.cold_share, self.cold_min, weight);
            }
        }
        while let Some(slot) = Lists::<2>::slot(self.tested) {
            if self.known[slot.index()].stamp > bound {
                return;
            }
            let mark = self.marks.get(slot);
            if mark & TEST != 0 {
                self.marks.set(slot, mark & !TEST);
                let weight = self.ledger.weight_of(slot);
                if mark & REFERENCED != 0 {
                    self.grow_cold(weight);
                } else {
                    shrink(&mut self.cold_share, self.cold_min, weight);
                }
            }
            self.tested = self.lists.newer(self.tested);
        }
    }

    /// Remembers an entry that leaves during its test, unless that is over.
    fn remember(&mut self, slot: Slot, weight: u32) {
        if self.marks.get(slot) & TEST == 0 {
            return;
        }
        let Known { hash, stamp } = self.known[slot.index()];
        // Not older than one that departed before: that orders them, also where owners remove entries from the middle.
        let stamp = self
            .departed
            .newest()
            .map_or(stamp, |newest| newest.max(stamp));
        let (share, least) = (&mut self.cold_share, self.cold_min);
        let end_of_test = |weight| shrink(share, least, weight);
        self.departed.remember(hash, weight, stamp, end_of_test);
    }
}

fn shrink(share: &mut u64, least: u64, weight: u32) {
    *share = share.saturating_sub(u64::from(weight)).max(least);
}

impl Policy for ClockPro {
    type Config = ClockProConfig;

    fn new(capacity: u64, config: &ClockProConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let mut policy = ClockPro {
            ledger: Ledger::new(capacity),
            config: config.clone(),
            marks: Marks::new(),
            lists: Lists::new(),
            known: Vec::new(),
            departed: History::new(),
            tested: Lists::<2>::sentinel(COLD_LIST),
            now: 0,
            hot_weight: 0,
            cold_share: 0,
            cold_min: 0,
            cold_max: 0,
            warming: true,
        };
        policy.set_capacity(capacity);
        Ok(policy)
    }

    #[inline]
    fn miss(&mut self, hash: u64) -> Hint {
        match self.departed.take(hash) {
            Some((weight, _)) => {
                self.grow_cold(weight);
                IN_ITS_TEST
            }
            None => Hint::NONE,
        }
    }

    fn insert(&mut self, slot: Slot, hash: u64, weight: u32, hint: Hint) {
        self.lists.expect_absent(slot);
        if slot.index() >= self.known.len() {
            grow(&mut self.known, slot, Known::default);
        }
        self.known[slot.index()].hash = hash;
        self.ledger.admit(slot, weight);
        let has_room = self.hot_weight + u64::from(weight) <= self.hot_share();
        if hint == IN_ITS_TEST {
            self.marks.start(slot, HOT);
            self.promote(slot);
        } else {
            let state = if self.warming && has_room { HOT } else { TEST };
            self.marks.start(slot, state);
            self.link(slot);
        }
    }

    #[inline]
    fn hit(&mut self, slot: Slot, _hash: u64) {
        self.marks.raise(slot, REFERENCED, 1);
    }

    fn victim(&mut self) -> Option<Slot> {
        loop {
            let Some(slot) = self.lists.back(COLD_LIST) else {
                if !self.demote() {
                    return None;
                }
                self.end_tests();
                continue;
            };
            let mark = self.marks.get(slot);
            if mark & REFERENCED == 0 {
                self.warming = false;
                return Some(slot);
            }
            if mark & TEST != 0 {
                self.grow_cold(self.ledger.weight_of(slot));
                self.unlink(slot, Unlinked::Absent);
                self.promote(slot);
            } else {
                self.renew(slot, TEST);
            }
        }
    }

    #[inline]
    fn evict(&mut self) -> Option<Slot> {
        let victim = self.victim()?;
        self.remove(victim, true);
        Some(victim)
    }

    #[inline]
    fn try_touch(&self, slot: Slot) -> bool {
        self.touch(slot);
        true
    }

    fn remove(&mut self, slot: Slot, remember: bool) {
        match self.lists.expect_resident(slot) {
            None => self.unlink(slot, Unlinked::Absent),
            Some(_) => self.lists.forget(slot),
        }
        let weight = self.ledger.dismiss(slot);
        if remember {
            self.remember(slot, weight);
        }
    }

    #[inline]
    fn weight_of(&self, slot: Slot) -> u32 {
        self.lists.expect_resident(slot);
        self.ledger.weight_of(slot)
    }

    fn reweigh(&mut self, slot: Slot, weight: u32) {
        let unlinked = self.lists.expect_resident(slot);
        let old = self.ledger.reweigh(slot, weight);
        if unlinked.is_none() && self.is_hot(slot) {
            self.hot_weight = self.hot_weight - u64::from(old) + u64::from(weight);
        }
    }

    fn pin(&mut self, slot: Slot) {
        if self.lists.expect_resident(slot).is_none() {
            self.unlink(slot, Unlinked::Pinned);
        }
    }

    fn unpin(&mut self, slot: Slot) {
        if self.lists.expect_resident(slot) == Some(Unlinked::Pinned) {
            self.link(slot);
        }
    }

    /// What may no longer be remembered is forgotten at once: time in proportion to that.
    fn set_capacity(&mut self, capacity: u64) {
        self.ledger.set_capacity(capacity);
        self.cold_min = share(capacity, self.config.cold()).max(1).min(capacity);
        self.cold_max = (capacity - self.cold_min).max(self.cold_min);
        self.cold_share = self.cold_share.clamp(self.cold_min, self.cold_max);
        let (cold_share, least) = (&mut self.cold_share, self.cold_min);
        let end_of_test = |weight| shrink(cold_share, least, weight);
        self.departed
            .set_limit(share(capacity, self.config.ghost()), end_of_test);
    }

    ledger_answers!(ledger);

    fn check(&self) {
        let stamp_of = |slot: Slot| self.known[slot.index()].stamp;
        for list in [HOT_LIST, COLD_LIST] {
            self.lists.check(list);
            assert!(self.lists.iter(list).all(|slot| self.list_of(slot) == list));
            let stamps = self.lists.iter(list).map(stamp_of);
            assert!(
                stamps.is_sorted_by(|older, newer| older < newer),
                "the stamps are out of order"
            );
        }
        self.departed.check();
        assert!(
            self.departed.notes().is_sorted(),
            "what departed is out of order"
        );
        let hot_weights = self
            .lists
            .iter(HOT_LIST)
            .map(|slot| self.ledger.weight_of(slot));
        assert_eq!(hot_weights.map(u64::from).sum::<u64>(), self.hot_weight);
        assert!(self.cold_min <= self.cold_share && self.cold_share <= self.cold_max);
        let untested = self
            .lists
            .iter(COLD_LIST)
            .take_while(|slot| Lists::<2>::place(*slot) != self.tested);
        let mut passed = 0;
        for slot in untested {
            assert!(
                self.marks.get(slot) & TEST == 0,
                "an entry that was passed is in test"
            );
            passed += 1;
        }
        let is_at_end = self.tested == Lists::<2>::sentinel(COLD_LIST);
        assert_eq!(
            is_at_end,
            passed == self.lists.len(COLD_LIST),
            "the test hand is on no cold entry"
        );
        let linked = self.lists.iter(HOT_LIST).chain(self.lists.iter(COLD_LIST));
        self.ledger.check(linked.chain(self.lists.pinned()));
    }
}

impl SharedHit for ClockPro {
    #[inline]
    fn touch(&self, slot: Slot) {
        self.marks.touch(slot, REFERENCED, 1);
    }
}

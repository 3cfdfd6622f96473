//! The index: from a hash to the slots that may have it, one cache line a look-up.
//!
//! The upper bits of a 32-bit hash name its *home* bucket, the lowest 8 are its tag. A slot whose home is
//! full goes further: to a bucket that the tag chooses, and from there on to the next and the next. Each
//! full bucket that it passed counts it, by 3 bits of the tag, until it leaves: a look-up ends where nobody
//! of its kind has passed. So there are no tombstones. A count that came to 15 stays there, and leads
//! look-ups on when all have left; [`Removed::untold`] says when that happens, so that the owner can
//! build the index anew. (As in slab-core's hash arena, whose index has the figures.)
//!
//! An entry never moves within a table, so a reader meets it wherever it is in its path, and the counts that
//! lead there are above 0 for as long as it is there: they rise before it comes and fall after it has gone.

use super::bucket::{Bucket, CELLS};
use super::folded::Folded;
use super::mutant::{Mutant, active};
use super::sync::TrackedCell;

/// Slots that an index has room for, by two buckets.
const LOAD: usize = if cfg!(cache_tiered_loom) { 4 } else { 17 };

const _: () = assert!(LOAD <= 2 * CELLS);

/// A hash table of slots. One thread at a time writes to it; any number read.
#[derive(Debug)]
pub(super) struct Table {
    buckets: Box<[Bucket]>,
    /// For models alone: read by look-ups, written when it is freed.
    alive: TrackedCell<()>,
}

/// What a removal tells its owner.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Removed {
    /// Buckets that the slot had passed.
    pub(super) passed: u64,
    /// How many of those had a count that is stuck.
    pub(super) untold: u64,
}

impl Table {
    /// An empty table for at least so many slots.
    pub(super) fn with_room(room: usize) -> Self {
        let buckets = (2 * room as u64).div_ceil(LOAD as u64).max(1);
        let buckets = usize::try_from(buckets).expect("an index is smaller than memory");
        Self {
            buckets: std::iter::repeat_with(Bucket::new).take(buckets).collect(),
            alive: TrackedCell::new(()),
        }
    }

    /// Slots that it has room for: fewer than its cells, or as many.
    pub(super) fn room(&self) -> usize {
        self.buckets.len() * LOAD / 2
    }

    /// Says to loom that nobody uses the table any more.
    pub(super) fn end(&self) {
        self.alive.with_mut(|_| ());
    }

    /// The bucket after so many steps from the home of a hash, in the order in which its slots are
    /// placed: each bucket once, the home perhaps twice. `None` after that.
    fn further(&self, hash: Folded, steps: usize) -> Option<&Bucket> {
        let buckets = self.buckets.len();
        let home = hash.home(buckets);
        match steps {
            _ if steps > buckets => None,
            0 => Some(&self.buckets[home]),
            _ => Some(&self.buckets[(home + usize::from(hash.tag()) + steps) % buckets]),
        }
    }

    /// The bucket where a hash is at home: most slots are there.
    #[inline(always)]
    fn home(&self, hash: Folded) -> &Bucket {
        let home = hash.home(self.buckets.len());
        debug_assert!(home < self.buckets.len());
        // SAFETY: a number below 2^32 times that of the buckets, divided by 2^32, is below that of the buckets,
        // of which there is one at least.
        unsafe { self.buckets.get_unchecked(home) }
    }

    /// What `look` gives for the first slot for which it gives anything, among those that may have
    /// this hash: few others. O(1) expected.
    #[inline(always)]
    pub(super) fn find_map<R>(
        &self,
        hash: Folded,
        mut look: impl FnMut(u32) -> Option<R>,
    ) -> Option<R> {
        self.alive.with(|_| ());
        let bucket = self.home(hash);
        let tags = bucket.tags();
        let mut matches = tags.matches(hash.tag());
        while matches != 0 {
            if let Some(slot) = bucket.slot(matches.trailing_zeros()) {
                let found = look(slot);
                if found.is_some() {
                    return found;
                }
            }
            matches &= matches - 1;
        }
        if tags.was_passed(hash) {
            return self.find_map_further(hash, &mut look);
        }
        None
    }

    /// [`find_map`](Self::find_map) after the home.
    #[cold]
    fn find_map_further<R>(
        &self,
        hash: Folded,
        look: &mut impl FnMut(u32) -> Option<R>,
    ) -> Option<R> {
        let path = (1..).map_while(|steps| self.further(hash, steps));
        for bucket in path {
            let tags = bucket.tags();
            let mut matches = tags.matches(hash.tag());
            while matches != 0 {
                let slot = bucket.slot(matches.trailing_zeros());
                let found = slot.and_then(&mut *look);
                if found.is_some() {
                    return found;
                }
                matches &= matches - 1;
            }
            if !tags.was_passed(hash) {
                return None;
            }
        }
        None
    }

    /// For the writer: adds a slot that is not there, if there is room at its home, as there mostly is; whether there was.
    #[inline(always)]
    pub(super) fn insert_at_home(&self, hash: Folded, slot: u32) -> bool {
        self.home(hash).fill(hash, slot)
    }

    /// For the writer: adds a slot that is not there. O(1) expected. The buckets that it passes.
    ///
    /// # Panics
    /// Where there is no room.
    pub(super) fn insert(&self, hash: Folded, slot: u32) -> u64 {
        // Counted before it is there: who sees it sees the counts that lead to it.
        let path = (0_usize..).map_while(|steps| self.further(hash, steps));
        for (passed, bucket) in path.enumerate() {
            if bucket.fill(hash, slot) {
                return passed as u64;
            }
            bucket.count(hash, true);
        }
        unreachable!("an index with room has a vacant cell");
    }

    /// For the writer: takes out a slot that is there with this hash, if it is at home, as most are; whether it was.
    #[inline(always)]
    pub(super) fn remove_at_home(&self, hash: Folded, slot: u32) -> bool {
        self.home(hash).vacate(hash, slot)
    }

    /// For the writer: takes out a slot that is there with this hash. O(1) expected.
    ///
    /// # Panics
    /// If it is not there with this hash.
    pub(super) fn remove(&self, hash: Folded, slot: u32) -> Removed {
        let path = || (0_usize..).map_while(|steps| self.further(hash, steps));
        let passed = path().position(|bucket| bucket.vacate(hash, slot));
        let passed = passed.expect("a slot in use is in the index");
        // After it has gone: until then they lead to it.
        let told = path().take(passed).map(|bucket| bucket.count(hash, false));
        let untold = told.filter(|told| !told).count() as u64;
        Removed {
            passed: passed as u64,
            untold,
        }
    }

    /// For the writer: puts `new` in the place of `old`, which is there with the same hash, by one store.
    ///
    /// # Panics
    /// If `old` is not there with this hash.
    #[inline]
    pub(super) fn replace(&self, hash: Folded, old: u32, new: u32) {
        if !self.home(hash).replace(hash, old, new) {
            self.replace_further(hash, old, new);
        }
    }

    /// [`replace`](Self::replace) of a slot that is not at home.
    #[cold]
    #[inline(never)]
    fn replace_further(&self, hash: Folded, old: u32, new: u32) {
        let mut path = (0..).map_while(|steps| self.further(hash, steps));
        let replaced = path.any(|bucket| bucket.replace(hash, old, new));
        assert!(
            replaced || active(Mutant::ReplaceInTwoSteps),
            "a slot in use is in the index"
        );
    }

    /// Asserts that it has these slots where look-ups find them, that buckets count those that passed, and
    /// that those are so many. O(room).
    #[cfg(test)]
    pub(super) fn check(&self, slots: impl Iterator<Item = (Folded, u32)>, passed: u64) {
        let mut counts = std::collections::HashMap::new();
        let mut sum = 0;
        for (hash, slot) in slots {
            let found = self.find_map(hash, |other| (other == slot).then_some(()));
            assert!(found.is_some(), "slot {slot} is not in the index");
            let path = (0..).map_while(|steps| self.further(hash, steps));
            for bucket in path.take_while(|bucket| bucket.cell_of(hash, slot).is_none()) {
                let key = (std::ptr::from_ref(bucket).addr(), hash.kind());
                *counts.entry(key).or_insert(0_u64) += 1;
                sum += 1;
            }
        }
        assert_eq!(sum, passed, "passed buckets are added up wrongly");
        for bucket in &self.buckets {
            for kind in 0..8 {
                let (stated, stuck) = bucket.counted(Folded::from_bits(kind + 8));
                let key = (std::ptr::from_ref(bucket).addr(), kind);
                let count = counts.get(&key).copied().unwrap_or(0);
                assert!(stuck || stated == count, "{count} passed, {stated} counted");
            }
        }
    }
}

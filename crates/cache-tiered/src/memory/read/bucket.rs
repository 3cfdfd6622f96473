//! A bucket of the index: one cache line, read while it is written.
//!
//! ```text
//!  64 bytes:  | 8 tags | 4 tags, 8 counts of 4 bits | 12 slots of 4 bytes |
//! ```
//! A cell is a tag and a slot. Its slot decides: a cell without one is vacant for readers whatever
//! its tag says, so that each change of a cell is one store for them.
//!
//! ```text
//!               tag   slot      for readers
//!  vacant        0    none      nothing
//!  filling       t    none      nothing
//!  filled        t    s         s has come, with the store of the slot
//!  replaced      t    s'        s' has come and s has gone, with the store of the slot
//!  vacating      t    none      it has gone, with the store of the slot
//!  vacant        0    none
//! ```
//! A reader that saw the tag of an earlier entry may find the slot of a later one in the cell: that
//! is an entry like any other by then, and its key is compared.

use super::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::folded::Folded;
use super::mutant::{Mutant, active, weaken};

/// Cells of a bucket. Few in models, where buckets must fill.
pub(super) const CELLS: usize = if cfg!(cache_tiered_loom) { 2 } else { 12 };
/// A count that is this high no longer changes.
const STUCK: u64 = 15;
/// Where the counts begin in the upper word.
const COUNTS: u32 = 32;

#[cfg(not(cache_tiered_loom))]
const _: () = assert!(size_of::<Bucket>() == 64);

/// Written by the writer alone. All stores of `words` are Release and the loads of readers
/// Acquire: a tag comes after the vacating of its cell, so nobody finds by it what was there before.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Bucket {
    /// Tags, the first in the lowest byte, and above them the counts.
    words: [AtomicU64; 2],
    /// A slot and 1, or 0. Stored with Release, once the entry is there, and loaded with Acquire.
    slots: [AtomicU32; CELLS],
}

/// Tags and counts as they were at one moment, or at two, one for each word.
#[derive(Copy, Clone, Debug)]
pub(super) struct Tags {
    low: u64,
    high: u64,
}

impl Tags {
    /// A bit for each of the tags that equals `tag`.
    #[inline(always)]
    pub(super) fn matches(self, tag: u8) -> u32 {
        // The others of the 16 bytes are no tags.
        self.equal_bytes(tag) & ((1 << CELLS) - 1)
    }

    #[inline(always)]
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    fn equal_bytes(self, tag: u8) -> u32 {
        use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8};
        // SAFETY: the target has SSE2, all that these instructions ask for.
        let found = unsafe {
            let tags = _mm_set_epi64x(self.high as i64, self.low as i64);
            _mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8(tag as i8)))
        };
        found as u32
    }

    #[inline(always)]
    #[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
    fn equal_bytes(self, tag: u8) -> u32 {
        equal_bytes_of(self.low, tag) | equal_bytes_of(self.high, tag) << 8
    }

    /// Whether an entry with this hash may have passed.
    #[inline(always)]
    pub(super) fn was_passed(self, hash: Folded) -> bool {
        self.count(hash) != 0
    }

    #[inline(always)]
    fn count(self, hash: Folded) -> u64 {
        self.high >> (COUNTS + hash.kind() * 4) & STUCK
    }
}

/// A bit for each byte of `word` that is `byte`, the lowest first. Exact.
#[cfg(any(
    all(test, not(cache_tiered_loom)),
    not(all(target_arch = "x86_64", target_feature = "sse2"))
))]
#[inline(always)]
fn equal_bytes_of(word: u64, byte: u8) -> u32 {
    const LOW_BITS: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let differing = word ^ (u64::from(byte) * 0x0101_0101_0101_0101);
    // The highest bit of each byte that is 0: without carries from one byte to the next.
    let equal = !(((differing & LOW_BITS) + LOW_BITS) | differing | LOW_BITS);
    // The 8 bits side by side.
    ((equal >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
}

impl Bucket {
    pub(super) fn new() -> Self {
        Self {
            words: std::array::from_fn(|_| AtomicU64::new(0)),
            slots: std::array::from_fn(|_| AtomicU32::new(0)),
        }
    }

    #[inline(always)]
    pub(super) fn tags(&self) -> Tags {
        // Acquire: see `words`.
        Tags {
            low: self.words[0].load(Ordering::Acquire),
            high: self.words[1].load(Ordering::Acquire),
        }
    }

    /// The slot in a cell, a bit of `matches`; `None` if it has gone, or not come yet.
    #[inline(always)]
    pub(super) fn slot(&self, cell: u32) -> Option<u32> {
        // Acquire: pairs with the Release of `set_slot`, after which the entry is there.
        self.slots[cell as usize]
            .load(Ordering::Acquire)
            .checked_sub(1)
    }

    #[inline(always)]
    fn set_slot(&self, cell: u32, slot: u32) {
        let release = weaken(Ordering::Release, Mutant::SlotRelaxed);
        self.slots[cell as usize].store(slot + 1, release);
    }

    #[inline(always)]
    fn set_tag(&self, cell: u32, tag: u8) {
        let word = &self.words[cell as usize / 8];
        let shift = cell % 8 * 8;
        // Relaxed: the writer's own.
        let others = word.load(Ordering::Relaxed) & !(0xff << shift);
        word.store(others | u64::from(tag) << shift, Ordering::Release);
    }

    /// For the writer: puts a slot into the first vacant cell; whether there is one.
    #[inline(always)]
    pub(super) fn fill(&self, hash: Folded, slot: u32) -> bool {
        let vacant = self.tags().matches(0);
        if vacant == 0 {
            return false;
        }
        let cell = vacant.trailing_zeros();
        if active(Mutant::SlotBeforeTag) {
            self.set_slot(cell, slot);
        }
        self.set_tag(cell, hash.tag());
        self.set_slot(cell, slot);
        true
    }

    /// For the writer: the cell of a slot, if it is here.
    #[inline(always)]
    pub(super) fn cell_of(&self, hash: Folded, slot: u32) -> Option<u32> {
        let mut matches = self.tags().matches(hash.tag());
        while matches != 0 {
            let cell = matches.trailing_zeros();
            if self.slot(cell) == Some(slot) {
                return Some(cell);
            }
            matches &= matches - 1;
        }
        None
    }

    /// For the writer: takes a slot out of its cell; whether it is here.
    #[inline(always)]
    pub(super) fn vacate(&self, hash: Folded, slot: u32) -> bool {
        let Some(cell) = self.cell_of(hash, slot) else {
            return false;
        };
        if !active(Mutant::SlotStays) {
            // Relaxed: there is nothing behind it.
            self.slots[cell as usize].store(0, Ordering::Relaxed);
        }
        self.set_tag(cell, 0);
        true
    }

    /// For the writer: puts `new` in the place of `old`, which has the same hash; whether it is here.
    #[inline]
    pub(super) fn replace(&self, hash: Folded, old: u32, new: u32) -> bool {
        let Some(cell) = self.cell_of(hash, old) else {
            return false;
        };
        if active(Mutant::ReplaceInTwoSteps) {
            self.vacate(hash, old);
            return self.fill(hash, new);
        }
        self.set_slot(cell, new);
        true
    }

    /// For the writer: changes the count of those with this hash that passed; not if it was ever
    /// full, what is right being lost then. Whether it has changed.
    pub(super) fn count(&self, hash: Folded, passed: bool) -> bool {
        // Relaxed: the writer's own.
        let high = self.words[1].load(Ordering::Relaxed);
        let changes = Tags { low: 0, high }.count(hash) != STUCK;
        if changes && !active(Mutant::PassageUncounted) {
            let one = 1 << (COUNTS + hash.kind() * 4);
            let high = if passed { high + one } else { high - one };
            self.words[1].store(high, Ordering::Release);
        }
        changes
    }

    /// The count of a kind, and whether it is stuck. For checks.
    #[cfg(test)]
    pub(super) fn counted(&self, hash: Folded) -> (u64, bool) {
        let count = self.tags().count(hash);
        (count, count == STUCK)
    }
}

#[cfg(all(test, not(cache_tiered_loom)))]
mod tests {
    use super::*;

    /// Words of bytes that differ from each other by one bit, or not at all, and of random ones.
    fn words() -> impl Iterator<Item = u64> {
        let mut state = 7_u64;
        (0..20_000).map(move |round| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            match round % 3 {
                0 => state,
                1 => state & 0x0101_0101_0101_0101,
                _ => state & 0x8080_8080_8080_8080 | state >> 60,
            }
        })
    }

    #[test]
    fn bytes_compared_at_once_are_those_compared_one_by_one() {
        for word in words() {
            for tag in [0, 1, 0x7f, 0x80, 0xff, word as u8] {
                let bytes = word.to_le_bytes();
                let singly = (0..8).fold(0, |found, at| {
                    found | u32::from(bytes[at as usize] == tag) << at
                });
                assert_eq!(equal_bytes_of(word, tag), singly, "{word:x} {tag:x}");
                let tags = Tags {
                    low: word,
                    high: !word,
                };
                let both = singly | equal_bytes_of(!word, tag) << 8;
                assert_eq!(tags.matches(tag), both & 0xfff);
            }
        }
    }

    #[test]
    fn counts_that_are_full_stay_so() {
        let (bucket, hash) = (Bucket::new(), Folded::new(3));
        assert!((0..15).all(|_| bucket.count(hash, true)));
        assert!(!bucket.count(hash, true));
        assert!(!bucket.count(hash, false));
        assert_eq!(bucket.counted(hash), (15, true));
        assert!(bucket.tags().was_passed(hash));
    }
}

//! The index of a hash arena: from the hash of a value to the slots that may hold it, one cache line a look-up.
//!
//! ```text
//!  bucket, 64 bytes:  | 15 tags | 8 counts of 4 bits | 15 slots of 3 bytes |
//! ```
//! The upper bits of a 32-bit hash name its *home* bucket, the lowest 8 are its tag, 0 being a vacant cell's. A slot whose
//! home is full goes further: to a bucket that the tag chooses, and from there on to the next and the next. Each full
//! bucket that it passed counts it, by 3 bits of the tag, until it leaves: a look-up ends where nobody of its kind has
//! passed. So there are no tombstones, and nothing is ever rehashed but to grow.
//!
//! An index of more than 2^24 slots is *wide*: its buckets have 12 cells, with slots of 4 bytes.
//!
//! At 10.5 slots a bucket, the most that there are, a look-up in vain sees 1.08 buckets, one that finds 1.07. That is 6.1
//! bytes a slot. With 8 slots a bucket it would be 1.01 of each, with 12 slots 1.3 and 1.2.

use alloc::vec::Vec;

/// Slots that an index has room for, by two buckets.
const LOAD: usize = 21;
/// The same of a wide one.
const LOAD_WIDE: usize = 17;
/// A count that is this high no longer changes.
const STUCK: u32 = 15;

/// How the 64 bytes of a bucket are used: tags, 4 bytes of counts, slots.
#[derive(Copy, Clone)]
struct Layout {
    cells: usize,
    /// The bytes of a slot.
    slot: usize,
}

const NARROW: Layout = Layout { cells: 15, slot: 3 };
const WIDE: Layout = Layout { cells: 12, slot: 4 };

/// Slots of a narrow index are below this.
const NARROW_SLOTS_MAX: usize = 1 << 24;

const _: () = assert!(NARROW.cells * (1 + NARROW.slot) + 4 == 64);
const _: () = assert!(WIDE.cells * (1 + WIDE.slot) + 4 == 64);

/// 32 bits of a hash of which the lowest 8 are not all 0.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub(super) struct Folded(u32);

impl Folded {
    /// What is in a place that has no hash.
    pub(super) const NONE: Self = Self(0);

    /// The upper half of the hash times an odd number, so that every bit of it counts; 1 in 256 is not as it was.
    #[inline(always)]
    pub(super) const fn new(hash: u64) -> Self {
        let upper = (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32;
        Self(upper + (upper as u8 == 0) as u32)
    }

    #[inline(always)]
    const fn tag(self) -> u8 {
        self.0 as u8
    }

    /// Where in the counts of a bucket that of this hash is.
    #[inline(always)]
    const fn count(self) -> u32 {
        self.0 % 8 * 4
    }
}

#[derive(Clone)]
#[repr(C, align(64))]
struct Bucket {
    bytes: [u8; 64],
}

const VACANT: Bucket = Bucket { bytes: [0; 64] };

impl Bucket {
    /// A bit for each of the tags that equals `tag`: bits are below `layout.cells`.
    #[inline(always)]
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    fn matches(&self, tag: u8, layout: Layout) -> u32 {
        use core::arch::x86_64::{
            __m128i, _mm_cmpeq_epi8, _mm_load_si128, _mm_movemask_epi8, _mm_set1_epi8,
        };
        let first: *const __m128i = self.bytes.as_ptr().cast();
        // SAFETY: a bucket is 64 bytes at a multiple of 64, so its first 16 are there and aligned.
        let tags = unsafe { _mm_load_si128(first) };
        // SAFETY: the target has SSE2, all that these instructions ask for.
        let found = unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8(tag as i8))) };
        // The others of the 16 are no tags.
        found as u32 & ((1 << layout.cells) - 1)
    }

    /// A bit for each of the tags that equals `tag`: bits are below `layout.cells`.
    #[inline(always)]
    #[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
    fn matches(&self, tag: u8, layout: Layout) -> u32 {
        self.matches_in_turn(tag, layout)
    }

    /// What `matches` says, on any machine.
    #[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
    fn matches_in_turn(&self, tag: u8, layout: Layout) -> u32 {
        let tags = self.bytes[..layout.cells].iter().enumerate();
        tags.fold(0, |found, (cell, other)| {
            found | u32::from(*other == tag) << cell
        })
    }

    /// The slot in a cell, a bit of `matches`.
    #[inline(always)]
    fn slot(&self, cell: u32, layout: Layout) -> u32 {
        debug_assert!((cell as usize) < layout.cells);
        // One load: the bytes before those of a slot of 3 are shifted out.
        let more = 4 - layout.slot;
        let at = layout.cells + 4 + layout.slot * cell as usize - more;
        // SAFETY: the cell is below `layout.cells`, so these 4 bytes end within the 64; bytes have no alignment.
        let bytes: [u8; 4] = unsafe { self.bytes.as_ptr().add(at).cast::<[u8; 4]>().read() };
        u32::from_le_bytes(bytes) >> (8 * more)
    }

    /// Puts a slot into the first vacant cell; whether there is one.
    #[inline(always)]
    fn fill(&mut self, hash: Folded, slot: u32, layout: Layout) -> bool {
        let vacant = self.matches(0, layout);
        if vacant == 0 {
            return false;
        }
        let cell = vacant.trailing_zeros() as usize;
        let at = layout.cells + 4 + layout.slot * cell;
        self.bytes[cell] = hash.tag();
        self.bytes[at..at + layout.slot].copy_from_slice(&slot.to_le_bytes()[..layout.slot]);
        true
    }

    /// Takes a slot out of its cell; whether it is here.
    #[inline(always)]
    fn vacate(&mut self, hash: Folded, slot: u32, layout: Layout) -> bool {
        let mut matches = self.matches(hash.tag(), layout);
        while matches != 0 {
            let cell = matches.trailing_zeros();
            if self.slot(cell, layout) == slot {
                self.bytes[cell as usize % 16] = 0;
                return true;
            }
            matches &= matches - 1;
        }
        false
    }

    #[inline(always)]
    fn counts(&self, layout: Layout) -> u32 {
        let bytes = self.bytes[layout.cells..layout.cells + 4].first_chunk();
        u32::from_le_bytes(*bytes.expect("4 bytes are 4 bytes"))
    }

    /// Whether a slot with this hash may have passed.
    #[inline(always)]
    fn was_passed(&self, hash: Folded, layout: Layout) -> bool {
        self.counts(layout) & STUCK << hash.count() != 0
    }

    /// Changes the count of those with this hash that passed; not if it was ever full, what is right being lost then.
    fn count(&mut self, hash: Folded, passed: bool, layout: Layout) {
        let counts = self.counts(layout);
        if counts >> hash.count() & STUCK != STUCK {
            let one = 1 << hash.count();
            let counts = match passed {
                true => counts + one,
                false => counts - one,
            };
            self.bytes[layout.cells..layout.cells + 4].copy_from_slice(&counts.to_le_bytes());
        }
    }
}

/// Slots by the hashes of what is in them. It has the slots in it that its owner put there, and no other number.
#[derive(Clone)]
pub(super) struct Index {
    /// As many slots as there may be in them are always fewer than their cells.
    buckets: Vec<Bucket>,
    wide: bool,
}

impl Index {
    /// An empty index without room; holds no memory.
    pub(super) const fn new() -> Self {
        Self {
            buckets: Vec::new(),
            wide: false,
        }
    }

    /// An empty index with room for so many slots, whose numbers are below `slots`. `None` if there is no memory for that.
    pub(super) fn try_with_room(room: usize, slots: usize) -> Option<Self> {
        let wide = slots > NARROW_SLOTS_MAX;
        let load = if wide { LOAD_WIDE } else { LOAD };
        let count = (2 * room).div_ceil(load);
        let mut buckets = Vec::new();
        buckets.try_reserve_exact(count).ok()?;
        buckets.resize(count, VACANT);
        Some(Self { buckets, wide })
    }

    /// Counts the slots. O(room).
    pub(super) fn count(&self) -> usize {
        let cells = self.layout().cells;
        let tags = self
            .buckets
            .iter()
            .flat_map(|bucket| &bucket.bytes[..cells]);
        tags.filter(|tag| **tag != 0).count()
    }

    fn layout(&self) -> Layout {
        if self.wide { WIDE } else { NARROW }
    }

    #[inline(always)]
    fn home(&self, hash: Folded) -> usize {
        ((u64::from(hash.0) * self.buckets.len() as u64) >> 32) as usize
    }

    /// The bucket after so many steps from the home of a hash, in the order in which its slots are placed: each bucket
    /// once, the home perhaps twice. `None` after that.
    fn further(&self, hash: Folded, steps: usize) -> Option<usize> {
        let buckets = self.buckets.len();
        match steps {
            0 if buckets > 0 => Some(self.home(hash)),
            _ if steps > buckets || buckets == 0 => None,
            _ => Some((self.home(hash) + usize::from(hash.tag()) + steps) % buckets),
        }
    }

    /// What `look` gives for the first slot for which it gives anything, among the slots that may have this hash: few
    /// others. O(1) expected.
    #[inline(always)]
    pub(super) fn find_map<T>(
        &self,
        hash: Folded,
        look: impl Fn(u32) -> Option<T> + Copy,
    ) -> Option<T> {
        let bucket = self.buckets.get(self.home(hash))?;
        if self.wide {
            return self.find_map_further(hash, 0, look);
        }
        let mut matches = bucket.matches(hash.tag(), NARROW);
        while matches != 0 {
            let found = look(bucket.slot(matches.trailing_zeros(), NARROW));
            if found.is_some() {
                return found;
            }
            matches &= matches - 1;
        }
        if bucket.was_passed(hash, NARROW) {
            return self.find_map_further(hash, 1, look);
        }
        None
    }

    /// [`find_map`](Self::find_map) after so many steps.
    #[cold]
    fn find_map_further<T>(
        &self,
        hash: Folded,
        mut steps: usize,
        look: impl Fn(u32) -> Option<T> + Copy,
    ) -> Option<T> {
        let layout = self.layout();
        while let Some(at) = self.further(hash, steps) {
            let bucket = &self.buckets[at];
            let mut matches = bucket.matches(hash.tag(), layout);
            while matches != 0 {
                let found = look(bucket.slot(matches.trailing_zeros(), layout));
                if found.is_some() {
                    return found;
                }
                matches &= matches - 1;
            }
            if !bucket.was_passed(hash, layout) {
                return None;
            }
            steps += 1;
        }
        None
    }

    /// Adds a slot that is not there. O(1) expected.
    ///
    /// # Panics
    /// Where there is no room.
    #[inline(always)]
    pub(super) fn insert(&mut self, hash: Folded, slot: u32) {
        let home = self.home(hash);
        if self.wide || !self.buckets[home].fill(hash, slot, NARROW) {
            self.insert_further(hash, slot);
        }
    }

    #[cold]
    fn insert_further(&mut self, hash: Folded, slot: u32) {
        let layout = self.layout();
        let mut steps = 0;
        while let Some(at) = self.further(hash, steps) {
            if self.buckets[at].fill(hash, slot, layout) {
                return;
            }
            self.buckets[at].count(hash, true, layout);
            steps += 1;
        }
        unreachable!("an index with room has a vacant cell");
    }

    /// Takes out a slot that is there with this hash. O(1) expected.
    ///
    /// # Panics
    /// If it is not there with this hash.
    #[inline(always)]
    pub(super) fn remove(&mut self, hash: Folded, slot: u32) {
        let home = self.home(hash);
        if self.wide || !self.buckets[home].vacate(hash, slot, NARROW) {
            self.remove_further(hash, slot);
        }
    }

    #[cold]
    fn remove_further(&mut self, hash: Folded, slot: u32) {
        let layout = self.layout();
        let mut steps = 0;
        while let Some(at) = self.further(hash, steps) {
            if self.buckets[at].vacate(hash, slot, layout) {
                return;
            }
            self.buckets[at].count(hash, false, layout);
            steps += 1;
        }
        unreachable!("a slot in use is in the index");
    }
}

#[cfg(test)]
mod tests {
    use super::{Bucket, Folded, Index, NARROW, VACANT, WIDE};
    use std::collections::HashMap;

    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % bound
        }
    }

    #[test]
    fn tags_compared_at_once_and_in_turn_agree() {
        let mut random = Random(1);
        for _ in 0..2_000 {
            let mut bucket: Bucket = VACANT;
            for byte in &mut bucket.bytes {
                *byte = random.below(4) as u8;
            }
            for (tag, layout) in [(0, NARROW), (1, NARROW), (3, WIDE), (9, WIDE)] {
                let matches = bucket.matches(tag, layout);
                assert_eq!(matches, bucket.matches_in_turn(tag, layout));
                assert!(matches >> layout.cells == 0);
            }
        }
    }

    /// Slots come and go as in a map; `hash_of` may crowd them.
    fn against_map(room: usize, first: u32, hash_of: impl Fn(u64) -> u64) {
        let slots = first as usize + room;
        let mut index = Index::try_with_room(room, slots).unwrap();
        let mut map: HashMap<u32, Folded> = HashMap::new();
        let mut random = Random(room as u64);
        for step in 0..6_000 {
            let slot = first + random.below(room as u64) as u32;
            match map.remove(&slot) {
                Some(hash) => index.remove(hash, slot),
                None => {
                    let hash = Folded::new(hash_of(step));
                    index.insert(hash, slot);
                    map.insert(slot, hash);
                }
            }
            if step % 16 == 0 {
                for (slot, hash) in &map {
                    let found = index.find_map(*hash, |other| (other == *slot).then_some(()));
                    assert!(found.is_some(), "slot {slot} is lost");
                }
                let any = Folded::new(hash_of(step));
                let stranger = |slot| (!map.contains_key(&slot)).then_some(slot);
                assert_eq!(index.find_map(any, stranger), None);
            }
        }
        for (slot, hash) in map.drain() {
            index.remove(hash, slot);
        }
        assert_eq!(index.count(), 0);
    }

    #[test]
    fn equals_a_map() {
        let spread = |key: u64| key.wrapping_mul(0xd6e8_feb8_6659_fd93);
        for room in [1, 5, 10, 11, 40, 300] {
            against_map(room, 0, spread);
            against_map(room, (1 << 24) - 100, spread);
        }
    }

    #[test]
    fn equals_a_map_where_all_have_one_home_and_counts_are_stuck() {
        for room in [10, 40, 200] {
            against_map(room, 0, |key| key % 3);
            against_map(room, 1 << 25, |_| 7);
        }
    }
}

//! The index of a hash arena: from the hash of a value to the slots that may hold it, one cache line a look-up.
//!
//! ```text
//!  bucket, 64 bytes:  | 15 tags | 8 counts of 4 bits | 15 slots of 3 bytes |
//! ```
//! The upper bits of a 32-bit hash name its *home* bucket, the lowest 8 are its tag, 0 being a vacant cell's. A slot whose
//! home is full goes further: to a bucket that the tag chooses, and from there on to the next and the next. Each full
//! bucket that it passed counts it, by 3 bits of the tag, until it leaves: a look-up ends where nobody of its kind has
//! passed. So there are no tombstones.
//!
//! A count that came to 15 stays there, since how many more passed is not known, and leads look-ups on when all of them have
//! left. Few counts do, unless very many slots have one hash. So the index adds up what such counts were not told: once
//! that is as much as building it anew takes, [`Index::remove`] asks for that. The removals that led there have taken as
//! many steps, so it costs each a second time what it cost.
//!
//! An index of more than 2^24 slots is *wide*: its buckets have 12 cells, with slots of 4 bytes.
//!
//! At 10 slots a bucket, the most that there are, and after so much coming and going that it no longer changes, a look-up
//! in vain sees 1.06 buckets, one that finds 1.05. That is 6.4 bytes a slot. With 8 slots a bucket it would be 1.01 of each,
//! with 10.5 1.08 and 1.07, with 12 1.3 and 1.2: a branch that is seldom taken costs more than its instructions, so the replay
//! of a trace through a cache took a fifteenth less time than with 10.5. A wide one has 8.5 slots a bucket, 7.5 bytes each, and
//! look-ups see 1.11.

use alloc::vec;
use alloc::vec::Vec;

/// Slots that an index has room for, by two buckets.
const LOAD: usize = 20;
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

/// Slots of a narrow index are below this: few under test, so that arenas there become wide.
const NARROW_SLOTS_MAX: usize = if cfg!(test) { 100 } else { 1 << 24 };

const _: () = assert!(NARROW_SLOTS_MAX <= 1 << 24);
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
    fn matches(&self, tag: u8, layout: Layout) -> u32 {
        #[cfg(test)]
        if tests::IN_TURN.get() {
            return self.matches_in_turn(tag, layout);
        }
        self.matches_at_once(tag, layout)
    }

    /// What `matches` says, by one comparison.
    #[inline(always)]
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    fn matches_at_once(&self, tag: u8, layout: Layout) -> u32 {
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

    /// What `matches` says, where no one instruction compares all.
    #[inline(always)]
    #[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
    fn matches_at_once(&self, tag: u8, layout: Layout) -> u32 {
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
        debug_assert!(
            u64::from(slot) >> (8 * layout.slot) == 0,
            "slots of a narrow index have 3 bytes"
        );
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

    /// The cell of a slot, if it is here.
    #[inline(always)]
    fn cell_of(&self, hash: Folded, slot: u32, layout: Layout) -> Option<u32> {
        let mut matches = self.matches(hash.tag(), layout);
        while matches != 0 {
            let cell = matches.trailing_zeros();
            if self.slot(cell, layout) == slot {
                return Some(cell);
            }
            matches &= matches - 1;
        }
        None
    }

    /// Takes a slot out of its cell; whether it is here.
    #[inline(always)]
    fn vacate(&mut self, hash: Folded, slot: u32, layout: Layout) -> bool {
        let cell = self.cell_of(hash, slot, layout);
        if let Some(cell) = cell {
            self.bytes[cell as usize % 16] = 0;
        }
        cell.is_some()
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
    /// Whether it has changed.
    fn count(&mut self, hash: Folded, passed: bool, layout: Layout) -> bool {
        let counts = self.counts(layout);
        let changes = counts >> hash.count() & STUCK != STUCK;
        if changes {
            let one = 1 << hash.count();
            let counts = match passed {
                true => counts + one,
                false => counts - one,
            };
            self.bytes[layout.cells..layout.cells + 4].copy_from_slice(&counts.to_le_bytes());
        }
        changes
    }
}

/// Slots by the hashes of what is in them. It has the slots in it that its owner put there, and no other number.
#[derive(Clone)]
pub(super) struct Index {
    /// The buckets, unless the index is wide. As many slots as there may be in them are always fewer than their cells.
    narrow: Vec<Bucket>,
    /// The buckets, if the index is wide.
    wide: Vec<Bucket>,
    /// Numbers of slots are below this, and so is their number: what building it anew takes, at least.
    slots: u64,
    /// The buckets that the slots in it have passed, each slot's added up.
    passed: u64,
    /// How often a count was stuck when one that had passed left.
    untold: u64,
}

impl Index {
    /// An empty index without room; holds no memory.
    pub(super) const fn new() -> Self {
        Self {
            narrow: Vec::new(),
            wide: Vec::new(),
            slots: 0,
            passed: 0,
            untold: 0,
        }
    }

    /// An empty index with room for so many slots, whose numbers are below `slots`. `None` if there is no memory for that.
    pub(super) fn try_with_room(room: usize, slots: usize) -> Option<Self> {
        Self::try_with_width(slots > NARROW_SLOTS_MAX, room, slots)
    }

    /// [`try_with_room`](Self::try_with_room), narrow or wide.
    fn try_with_width(wide: bool, room: usize, slots: usize) -> Option<Self> {
        let load = if wide { LOAD_WIDE } else { LOAD };
        // Twice the room may be more than a usize.
        let count = (2 * room as u64).div_ceil(load as u64);
        let count = usize::try_from(count).ok()?;
        let mut buckets = Vec::new();
        buckets.try_reserve_exact(count).ok()?;
        buckets.resize(count, VACANT);
        let (narrow, wide) = match wide {
            true => (Vec::new(), buckets),
            false => (buckets, Vec::new()),
        };
        Some(Self {
            narrow,
            wide,
            slots: slots as u64,
            ..Self::new()
        })
    }

    /// Asserts that it has these slots and no others, and that buckets count those that passed. O(room).
    pub(super) fn check(&self, slots: impl Iterator<Item = (Folded, u32)>) {
        let layout = self.layout();
        let mut counts = vec![[0; 8]; self.buckets().len()];
        let mut number = 0;
        for (hash, slot) in slots {
            number += 1;
            let found = self.find_map(hash, |other| (other == slot).then_some(()));
            assert!(found.is_some(), "slot {slot} is not in the index");
            let path = (0..).map_while(|steps| self.further(hash, steps));
            for at in
                path.take_while(|at| self.buckets()[*at].cell_of(hash, slot, layout).is_none())
            {
                counts[at][hash.count() as usize / 4] += 1;
            }
        }
        assert_eq!(number, self.count(), "the index has others too");
        let passed: u64 = counts.as_flattened().iter().sum();
        assert_eq!(passed, self.passed, "passed buckets are added up wrongly");
        for (bucket, counts) in self.buckets().iter().zip(counts) {
            for (kind, count) in (0..).zip(counts) {
                let stated = bucket.counts(layout) >> (4 * kind) & STUCK;
                let agrees = stated == STUCK || u64::from(stated) == count;
                assert!(agrees, "{count} passed, {stated} are counted");
            }
        }
    }

    /// Counts the slots. O(room).
    fn count(&self) -> usize {
        let cells = self.layout().cells;
        let tags = self
            .buckets()
            .iter()
            .flat_map(|bucket| &bucket.bytes[..cells]);
        tags.filter(|tag| **tag != 0).count()
    }

    fn layout(&self) -> Layout {
        if self.wide.is_empty() { NARROW } else { WIDE }
    }

    fn buckets(&self) -> &[Bucket] {
        if self.wide.is_empty() {
            &self.narrow
        } else {
            &self.wide
        }
    }

    fn buckets_mut(&mut self) -> &mut [Bucket] {
        if self.wide.is_empty() {
            &mut self.narrow
        } else {
            &mut self.wide
        }
    }

    /// The home of a hash among so many buckets.
    #[inline(always)]
    fn home(hash: Folded, buckets: usize) -> usize {
        ((u64::from(hash.0) * buckets as u64) >> 32) as usize
    }

    /// The home of a hash; `None` where the index is wide or empty.
    #[inline(always)]
    fn narrow_home(&mut self, hash: Folded) -> Option<&mut Bucket> {
        let home = Self::home(hash, self.narrow.len());
        self.narrow.get_mut(home)
    }

    /// The bucket after so many steps from the home of a hash, in the order in which its slots are placed: each bucket
    /// once, the home perhaps twice. `None` after that.
    fn further(&self, hash: Folded, steps: usize) -> Option<usize> {
        let buckets = self.buckets().len();
        match steps {
            _ if steps > buckets || buckets == 0 => None,
            0 => Some(Self::home(hash, buckets)),
            _ => Some((Self::home(hash, buckets) + usize::from(hash.tag()) + steps) % buckets),
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
        let home = Self::home(hash, self.narrow.len());
        let Some(bucket) = self.narrow.get(home) else {
            return self.find_map_further(hash, 0, look);
        };
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
            let bucket = &self.buckets()[at];
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
        let home = self.narrow_home(hash);
        if !home.is_some_and(|bucket| bucket.fill(hash, slot, NARROW)) {
            self.insert_further(hash, slot);
        }
    }

    #[cold]
    fn insert_further(&mut self, hash: Folded, slot: u32) {
        let layout = self.layout();
        let mut steps = 0;
        while let Some(at) = self.further(hash, steps) {
            if self.buckets_mut()[at].fill(hash, slot, layout) {
                return;
            }
            self.buckets_mut()[at].count(hash, true, layout);
            self.passed += 1;
            steps += 1;
        }
        unreachable!("an index with room has a vacant cell");
    }

    /// Has each slot that has a hash, and nothing else. O(slots) expected.
    ///
    /// # Panics
    /// Where there is no room.
    #[cold]
    pub(super) fn rebuild(&mut self, hashes: &[Folded]) {
        self.buckets_mut().fill(VACANT);
        self.passed = 0;
        self.untold = 0;
        for (slot, hash) in (0..).zip(hashes) {
            if *hash != Folded::NONE {
                self.insert(*hash, slot);
            }
        }
    }

    /// Takes out a slot that is there with this hash. O(1) expected. Whether so much is stuck that the owner is to
    /// [`rebuild`](Self::rebuild) the index, which takes no more than the removals since the last time did.
    ///
    /// # Panics
    /// If it is not there with this hash.
    #[inline(always)]
    #[must_use]
    pub(super) fn remove(&mut self, hash: Folded, slot: u32) -> bool {
        let home = self.narrow_home(hash);
        if home.is_some_and(|bucket| bucket.vacate(hash, slot, NARROW)) {
            return false;
        }
        self.remove_further(hash, slot)
    }

    #[cold]
    fn remove_further(&mut self, hash: Folded, slot: u32) -> bool {
        let layout = self.layout();
        let mut steps = 0;
        while let Some(at) = self.further(hash, steps) {
            if self.buckets_mut()[at].vacate(hash, slot, layout) {
                return self.untold > self.slots + self.passed;
            }
            let told = self.buckets_mut()[at].count(hash, false, layout);
            self.untold += u64::from(!told);
            self.passed -= 1;
            steps += 1;
        }
        unreachable!("a slot in use is in the index");
    }
}

#[cfg(test)]
mod tests;

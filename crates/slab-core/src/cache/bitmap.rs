//! The bitmap of a slab: a bit for each slot that the slab's possessor knows to be free.
//!
//! A free sets one bit in one word and looks at nothing else, unless the word was 0 or has all bits now: only then does
//! the summary change, and only then can the slab have got its first free slot or lost its last one in use.
//!
//! The last word may have bits for slots that there are not. They are set unless the bitmap is empty. So a word whose
//! slots are all free has all bits, be it the last or not, and the first free into an empty bitmap finds a word of 0; a
//! free need not look which word it is, which cost a tenth of a shuffled free.

use core::marker::PhantomData;

use super::geometry::{Geometry, WORD_SLOTS};

/// Which words have a bit.
#[derive(Clone, Copy)]
pub(super) struct Summary {
    /// A bit for each word that is not 0.
    some: u64,
    /// A bit for each word that has all bits.
    all: u64,
}

impl Summary {
    pub(super) const EMPTY: Self = Self { some: 0, all: 0 };

    /// Whether the possessor knows a free slot.
    pub(super) fn any(self) -> bool {
        self.some != 0
    }
}

/// The words of one slab with their summary.
pub(super) struct Bitmap<'a, T, const SLAB: usize> {
    summary: &'a mut Summary,
    words: *mut u64,
    _geometry: PhantomData<Geometry<T, SLAB>>,
}

impl<'a, T, const SLAB: usize> Bitmap<'a, T, SLAB> {
    /// Words in use.
    const LEN: usize = (Geometry::<T, SLAB>::CAPACITY as usize).div_ceil(WORD_SLOTS);
    /// A bit for each of them.
    const WORDS: u64 = u64::MAX >> (WORD_SLOTS - Self::LEN);
    /// The bit of the last word.
    const LAST: u64 = 1 << (Self::LEN - 1);
    /// Bits of the last word that stand for no slot.
    const ABSENT: u64 = {
        let slots = (Geometry::<T, SLAB>::CAPACITY as usize - 1) % WORD_SLOTS + 1;
        !(u64::MAX >> (WORD_SLOTS - slots))
    };

    /// # Safety
    /// 1. `words` points to the words of a slab of this geometry, and `summary` is theirs. 2. The caller possesses the
    ///    slab, and uses neither otherwise as long as this value is there.
    #[inline(always)]
    pub(super) unsafe fn new(summary: &'a mut Summary, words: *mut u64) -> Self {
        Self {
            summary,
            words,
            _geometry: PhantomData,
        }
    }

    #[inline(always)]
    fn word(&mut self, word: usize) -> &mut u64 {
        debug_assert!(word < Self::LEN);
        // SAFETY: `new`'s clauses: the words are there and the caller's; a slot's number is below the capacity.
        unsafe { &mut *self.words.add(word) }
    }

    /// Brings the summary up to date after bits were set in `word`.
    fn summarise(&mut self, word: usize) {
        if Self::ABSENT != 0 {
            *self.word(Self::LEN - 1) |= Self::ABSENT;
            self.summary.some |= Self::LAST;
        }
        self.summary.some |= 1 << word;
        if *self.word(word) == u64::MAX {
            self.summary.all |= 1 << word;
        }
    }

    /// Sets the bit of `slot` without a look at the summary. If that is `true`, the caller [notes](Self::note) it.
    #[inline(always)]
    pub(super) fn set(&mut self, slot: usize) -> bool {
        let word = self.word(slot / WORD_SLOTS);
        let before = *word;
        debug_assert!(
            before & 1 << (slot % WORD_SLOTS) == 0,
            "a slot was freed twice"
        );
        let after = before | 1 << (slot % WORD_SLOTS);
        *word = after;
        before == 0 || after == u64::MAX
    }

    /// Brings the summary up to date after [`set`](Self::set) said so.
    pub(super) fn note(&mut self, slot: usize) {
        self.summarise(slot / WORD_SLOTS);
    }

    /// Sets the bit of `slot`; false if it was set.
    pub(super) fn insert(&mut self, slot: usize) -> bool {
        let (word, bit) = (slot / WORD_SLOTS, 1 << (slot % WORD_SLOTS));
        let before = *self.word(word);
        *self.word(word) = before | bit;
        self.summarise(word);
        before & bit == 0
    }

    /// Clears the lowest word that has a bit: the slot of its bit 0, and the bits.
    pub(super) fn take(&mut self) -> Option<(usize, u64)> {
        if self.summary.some == 0 {
            return None;
        }
        let word = self.summary.some.trailing_zeros() as usize;
        let mut bits = core::mem::take(self.word(word));
        self.summary.some &= !(1 << word);
        self.summary.all &= !(1 << word);
        if word == Self::LEN - 1 {
            bits &= !Self::ABSENT;
        } else if self.summary.some == Self::LAST && *self.word(Self::LEN - 1) == Self::ABSENT {
            // Nothing is left: the bitmap is empty.
            *self.word(Self::LEN - 1) = 0;
            self.summary.some = 0;
        }
        debug_assert_ne!(bits, 0, "a word without a slot was in the summary");
        Some((word * WORD_SLOTS, bits))
    }

    /// Sets bits that [`take`](Self::take) cleared in the word of slot `first`: one or more.
    pub(super) fn put_back(&mut self, first: usize, bits: u64) {
        let word = first / WORD_SLOTS;
        debug_assert!(bits != 0, "the summary would be wrong");
        debug_assert_eq!(*self.word(word) & bits, 0, "a slot was freed twice");
        *self.word(word) |= bits;
        self.summarise(word);
    }

    /// Sets every bit.
    pub(super) fn fill(&mut self) {
        for word in 0..Self::LEN {
            // SAFETY: `new`'s clause 1. The word of a new slab was never written.
            unsafe { self.words.add(word).write(u64::MAX) };
        }
        (self.summary.some, self.summary.all) = (Self::WORDS, Self::WORDS);
    }

    /// Whether every bit is set.
    pub(super) fn is_full(&self) -> bool {
        self.summary.all == Self::WORDS
    }

    /// How many bits are not set.
    pub(super) fn unset(&mut self) -> u16 {
        let mut words = self.summary.some;
        let mut set = 0;
        if words != 0 {
            // These are counted below, and are no slots.
            set = Self::ABSENT.count_ones().wrapping_neg();
        }
        while words != 0 {
            let bits = *self.word(words.trailing_zeros() as usize);
            set = bits.count_ones().wrapping_add(set);
            words &= words - 1;
        }
        Geometry::<T, SLAB>::CAPACITY - set as u16
    }
}

#[cfg(all(test, not(slab_core_loom)))]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use super::*;

    /// Random steps against a row of flags; `T` and `SLAB` give the capacity.
    fn agrees<T, const SLAB: usize>(seed: u64) {
        let capacity = Geometry::<T, SLAB>::CAPACITY;
        let mut summary = Summary::EMPTY;
        let mut words = vec![0; Geometry::<T, SLAB>::WORDS];
        let mut flags = vec![true; usize::from(capacity)];
        // SAFETY: as many words as the geometry has, used by this value alone.
        let mut bitmap = unsafe { Bitmap::<T, SLAB>::new(&mut summary, words.as_mut_ptr()) };
        assert_eq!(bitmap.unset(), capacity, "a new bitmap is empty");
        assert!(bitmap.take().is_none());
        bitmap.fill();
        let mut state = seed;
        for _ in 0..4 * u32::from(capacity) + 400 {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            let slot = (state >> 40) as usize % usize::from(capacity);
            let flag = &mut flags[slot];
            match state >> 34 & 63 {
                0..3 => {
                    let lowest = flags.iter().position(|flag| *flag);
                    let taken = bitmap.take();
                    assert_eq!(taken.is_some(), lowest.is_some());
                    if let (Some((first, bits)), Some(lowest)) = (taken, lowest) {
                        assert_eq!(first, lowest / WORD_SLOTS * WORD_SLOTS);
                        for bit in 0..WORD_SLOTS {
                            let slot = first + bit;
                            let free = flags.get(slot).is_some_and(|flag| *flag);
                            assert_eq!(bits >> bit & 1 == 1, free);
                        }
                        let end = flags
                            .len()
                            .min(lowest / WORD_SLOTS * WORD_SLOTS + WORD_SLOTS);
                        flags[first..end].fill(false);
                        if state >> 60 == 0 && bits & 0xff != 0 {
                            bitmap.put_back(first, bits & 0xff);
                            for bit in (0..8).filter(|bit| bits >> bit & 1 == 1) {
                                flags[first + bit] = true;
                            }
                        }
                    }
                }
                3..8 => assert_eq!(bitmap.insert(slot), !core::mem::replace(flag, true)),
                _ if *flag => {}
                _ => {
                    *flag = true;
                    if bitmap.set(slot) {
                        bitmap.note(slot);
                    }
                }
            }
            let set = flags.iter().filter(|flag| **flag).count();
            assert_eq!(bitmap.summary.any(), set != 0);
            assert_eq!(bitmap.is_full(), set == flags.len());
            assert_eq!(usize::from(bitmap.unset()), flags.len() - set);
        }
    }

    #[test]
    fn a_bitmap_agrees_with_a_row_of_flags() {
        let capacities: Vec<_> = [
            Geometry::<[u64; 4], 65536>::CAPACITY,
            Geometry::<[u8; 31], 8192>::CAPACITY,
            Geometry::<u16, 1024>::CAPACITY,
            Geometry::<[u8; 500], 2048>::CAPACITY,
        ]
        .into();
        assert!(capacities.iter().all(|it| it % 64 != 0), "{capacities:?}");
        assert_eq!(
            Geometry::<u64, 65536>::CAPACITY,
            4096,
            "all words are whole"
        );
        for seed in 0..8 {
            agrees::<[u64; 4], 65536>(seed);
            agrees::<[u8; 31], 8192>(seed);
            agrees::<u16, 1024>(seed);
            agrees::<[u8; 500], 2048>(seed);
            agrees::<u64, 65536>(seed);
        }
    }
}

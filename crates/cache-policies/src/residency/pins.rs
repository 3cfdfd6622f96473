//! Pins: which slots may not be evicted, and how much they weigh together.

use alloc::vec::Vec;

/// A set of slots with a total weight; one bit a slot once something was pinned, no memory before.
#[derive(Clone, Debug)]
pub(crate) struct Pins {
    /// Bit `slot % 64` of word `slot / 64`.
    words: Vec<u64>,
    /// Slots in the set.
    len: usize,
    /// The weight of those slots, which no insert can get at.
    weight: u64,
}

impl Pins {
    pub(crate) const fn new() -> Self {
        Self {
            words: Vec::new(),
            len: 0,
            weight: 0,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn weight(&self) -> u64 {
        self.weight
    }

    #[inline]
    pub(crate) fn contains(&self, slot: u32) -> bool {
        self.len != 0
            && self
                .words
                .get(slot as usize / 64)
                .is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }

    /// Adds `slot`, which weighs `weight`; whether it was not in.
    pub(crate) fn set(&mut self, slot: u32, weight: u32) -> bool {
        if self.contains(slot) {
            return false;
        }
        let word = slot as usize / 64;
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (slot % 64);
        self.len += 1;
        self.weight += u64::from(weight);
        true
    }

    /// Removes `slot`, which weighs `weight`; whether it was in.
    pub(crate) fn clear(&mut self, slot: u32, weight: u32) -> bool {
        if !self.contains(slot) {
            return false;
        }
        self.words[slot as usize / 64] &= !(1 << (slot % 64));
        self.len -= 1;
        self.weight -= u64::from(weight);
        true
    }

    /// `slot`, if it is in, weighs `weight` instead of `old`.
    pub(crate) fn reweigh(&mut self, slot: u32, old: u32, weight: u32) {
        if self.contains(slot) {
            self.weight = self.weight - u64::from(old) + u64::from(weight);
        }
    }
}

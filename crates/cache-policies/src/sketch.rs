//! A frequency sketch: how often keys were asked for lately, in half a byte each, and four of those a key.

use alloc::vec;
use alloc::vec::Vec;

use crate::mix::mix;
use crate::sweep::Sweep;

/// Words of 64 bits in a block.
const WORDS: usize = 8;
/// Counters that a key has in its block.
const ROWS: usize = 4;
/// The most that a counter counts.
const COUNT_MAX: u64 = 15;
/// The lowest bit of each counter in a word.
const ODD: u64 = 0x1111_1111_1111_1111;

/// Each row's own multiplier: its high bits choose the counter. With one for all rows, keys that meet in one row meet
/// in all of them.
const MULTIPLIERS: [u32; ROWS] = [0x9e37_79b1, 0x85eb_ca77, 0xc2b2_ae3d, 0x27d4_eb2f];

/// The counters of the keys that fall here, row by row: 32 of 4 bits in two words each. One cache line.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(align(64))]
struct Block([u64; WORDS]);

/// A count-min sketch of 4-bit counters, four a key in one cache line, halved all together once a sample is full.
///
/// Counting is that of G. Cormode, S. Muthukrishnan, "An improved data stream summary: the count-min sketch and its
/// applications", Journal of Algorithms 55(1), 2005; counters that stop at 15, and ageing, that of G. Einziger, R.
/// Friedman, B. Manes, "TinyLFU: A Highly Efficient Cache Admission Policy", ACM ToS 13(4), 2017. That all counters of
/// a key are in one block is the layout of Caffeine: a call touches one cache line, and keys of one block collide a
/// little more than keys would at large.
///
/// An estimate is never below the true count (up to 15) of the keys incremented since the last ageing, and above it
/// where other keys share all four counters. With as many words as keys that are counted at a time, which is 16
/// counters a key, that is rare.
///
/// Once `sample` increments have changed a counter, all counters are halved, rounding down, and the increments that
/// are lost to the rounding are taken off the next sample. The halving is spread over the increments that follow, and
/// shows as if it had happened at once; so no call takes more than constant time, but `clear`, `resize` and `clone`.
///
/// A sketch ages as long as keys come whose counters are not full: those of all keys are full after some 60 increments
/// a word, so that a sample of more than half of that is good for counting, not for telling frequent keys from others.
///
/// Takes 8 bytes a word, and one bit a block. Of a hash it knows 30 bits; a hash is to be spread over all of its bits,
/// as for [`Policy`](crate::Policy).
///
/// ```
/// use cache_policies::FrequencySketch;
///
/// let mut sketch = FrequencySketch::new(1_000, 10_000);
/// for _ in 0..3 {
///     sketch.increment(0x9e37_79b9_7f4a_7c15);
/// }
/// assert_eq!(sketch.estimate(0x9e37_79b9_7f4a_7c15), 3);
/// assert_eq!(sketch.estimate(0x0123_4567_89ab_cdef), 0);
/// ```
#[derive(Clone, Debug)]
pub struct FrequencySketch {
    blocks: Vec<Block>,
    /// The increments of a sample.
    sample: u64,
    /// The increments of this sample until now, less what ageing took off.
    additions: u64,
    ageings: u64,
    /// Which blocks the ageing that is under way has still to halve.
    sweep: Sweep,
    /// The odd counters that it has met: each has lost half an increment.
    odd: u64,
}

/// Folds a hash to the 30 bits that the sketch knows of it. The lowest two bits are 0, for policies to keep something
/// else in.
#[inline]
pub(crate) fn fold(hash: u64) -> u32 {
    let mixed = (mix(hash) >> 32) as u32;
    (mixed ^ (mixed >> 15)) & !3
}

/// Where the counter of a row is: the word in the block, and how far to shift it.
#[inline]
fn counter(folded: u32, row: usize) -> (usize, u32) {
    let position = folded.wrapping_mul(MULTIPLIERS[row]) >> 27;
    (2 * row + (position >> 4) as usize, (position & 15) * 4)
}

/// Halves all counters of a word, rounding down.
#[inline]
fn halved(word: u64) -> u64 {
    (word >> 1) & !(ODD << 3)
}

impl FrequencySketch {
    /// An empty sketch of at least this many words of 64 bits (in whole blocks of eight words, and one at least), which
    /// ages after `sample` increments.
    ///
    /// For a cache, one word for each entry that it holds and a sample of ten times as many are usual.
    ///
    /// # Panics
    /// If `sample` is below 2, or there would be 2^32 blocks or more.
    #[must_use]
    pub fn new(words: usize, sample: u64) -> Self {
        assert!(sample >= 2, "a sample has at least two increments");
        let blocks = words.div_ceil(WORDS).max(1);
        assert!(
            u32::try_from(blocks).is_ok(),
            "a sketch has less than 2^32 blocks"
        );
        FrequencySketch {
            blocks: vec![Block([0; WORDS]); blocks],
            sample,
            additions: 0,
            ageings: 0,
            sweep: Sweep::new(blocks),
            odd: 0,
        }
    }

    /// Counts a key once more. Constant time.
    #[inline]
    pub fn increment(&mut self, hash: u64) {
        self.increment_folded(fold(hash));
    }

    /// How often the key was counted: from 0 to 15. Constant time.
    #[inline]
    #[must_use]
    pub fn estimate(&self, hash: u64) -> u8 {
        self.estimate_folded(fold(hash))
    }

    #[inline]
    pub(crate) fn increment_folded(&mut self, folded: u32) {
        let at = self.block_of(folded);
        if self.sweep.is_active() {
            self.age_on(at);
        }
        let block = &mut self.blocks[at].0;
        let mut added = false;
        for row in 0..ROWS {
            let (word, shift) = counter(folded, row);
            let below = (block[word] >> shift) & COUNT_MAX != COUNT_MAX;
            block[word] += u64::from(below) << shift;
            added |= below;
        }
        if added {
            self.add_to_sample();
        }
    }

    /// Counts an increment of a key that is kept elsewhere, as in a doorkeeper.
    #[inline]
    pub(crate) fn add_to_sample(&mut self) {
        self.additions += 1;
        if self.additions >= self.sample {
            self.begin_ageing();
        }
    }

    #[inline]
    pub(crate) fn estimate_folded(&self, folded: u32) -> u8 {
        let at = self.block_of(folded);
        let block = &self.blocks[at].0;
        let mut least = COUNT_MAX;
        for row in 0..ROWS {
            let (word, shift) = counter(folded, row);
            least = least.min((block[word] >> shift) & COUNT_MAX);
        }
        // Halving keeps the order, so the half of the least is the least of the halves.
        (least >> u32::from(self.sweep.is_due(at))) as u8
    }

    #[inline]
    fn block_of(&self, folded: u32) -> usize {
        ((u64::from(folded) * self.blocks.len() as u64) >> 32) as usize
    }

    #[cold]
    fn begin_ageing(&mut self) {
        self.finish_ageing();
        self.ageings += 1;
        self.odd = 0;
        self.additions = self.sample / 2;
        self.sweep.begin();
    }

    /// Goes on with the ageing, first of all at the block that is about to be used.
    #[cold]
    fn age_on(&mut self, at: usize) {
        if self.sweep.is_due(at) {
            self.sweep.set_done(at);
            self.halve(at);
        }
        // So many that the pass is over before the next sample is full, which is half a sample away at least.
        let share = self.blocks.len() as u64 / (self.sample / 2) + 1;
        for _ in 0..share {
            let Some(next) = self.sweep.next_due() else {
                self.end_ageing();
                return;
            };
            self.halve(next);
        }
        if !self.sweep.is_active() {
            self.end_ageing();
        }
    }

    fn finish_ageing(&mut self) {
        if self.sweep.is_active() {
            while let Some(block) = self.sweep.next_due() {
                self.halve(block);
            }
            self.end_ageing();
        }
    }

    fn halve(&mut self, at: usize) {
        for word in &mut self.blocks[at].0 {
            self.odd += u64::from((*word & ODD).count_ones());
            *word = halved(*word);
        }
    }

    /// Takes off the sample what rounding took off the counters: each key has four of them.
    fn end_ageing(&mut self) {
        let before = self.sample / 2;
        let after = self.sample.saturating_sub(self.odd / ROWS as u64) / 2;
        self.additions = self.additions - before + after;
    }

    /// The words, 8 bytes each.
    #[must_use]
    pub fn words(&self) -> usize {
        self.blocks.len() * WORDS
    }

    /// The increments of a sample.
    #[must_use]
    pub fn sample(&self) -> u64 {
        self.sample
    }

    /// How often the counters were halved since the sketch was made or cleared.
    #[inline]
    #[must_use]
    pub fn ageings(&self) -> u64 {
        self.ageings
    }

    /// The memory on the heap, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.blocks.capacity() * size_of::<Block>() + self.sweep.bytes()
    }

    /// Forgets all counts. Takes time in proportion to the words.
    pub fn clear(&mut self) {
        *self = FrequencySketch::new(self.words(), self.sample);
    }

    /// Changes the words and the sample, as for [`FrequencySketch::new`].
    ///
    /// No estimate falls by it, unless the counters hold more than a sample: then all are halved until they do not, as
    /// where many blocks are merged into few. Estimates may rise, but for a multiple of the words: blocks are split then,
    /// and each key finds its counters as they were. Where the words change, as much of the sample is over as the counters
    /// tell.
    ///
    /// Takes time in proportion to the words, old and new.
    ///
    /// # Panics
    /// As [`FrequencySketch::new`].
    pub fn resize(&mut self, words: usize, sample: u64) {
        self.finish_ageing();
        if words.div_ceil(WORDS).max(1) == self.blocks.len() && sample >= 2 {
            self.sample = sample;
            if self.additions >= sample {
                self.fit_sample();
            }
            return;
        }
        let mut resized = FrequencySketch::new(words, sample);
        let (old_len, new_len) = (self.blocks.len() as u64, resized.blocks.len() as u64);
        // The hashes of one block are a range of all of them: where the ranges of an old and a new block meet, the new
        // one has each counter at the higher of both.
        let (mut old, mut new) = (0, 0);
        while old < old_len && new < new_len {
            let from = &self.blocks[old as usize].0;
            let to = &mut resized.blocks[new as usize].0;
            for (to, from) in to.iter_mut().zip(from) {
                *to = highest(*to, *from);
            }
            // The first hash of block i of n is the least h with h * n >> 32 = i.
            let end = |block: u64, blocks: u64| ((block + 1) << 32).div_ceil(blocks);
            let (old_end, new_end) = (end(old, old_len), end(new, new_len));
            old += u64::from(old_end <= new_end);
            new += u64::from(new_end <= old_end);
        }
        resized.ageings = self.ageings;
        resized.fit_sample();
        *self = resized;
    }

    /// Takes the increments of the sample from the counters, and halves these until the sample is not full. The number
    /// that led to them says nothing after blocks were merged or split: counters that are all full would never age,
    /// since what changes no counter is not counted.
    fn fit_sample(&mut self) {
        loop {
            let words = self.blocks.iter().flat_map(|block| block.0);
            self.additions = words.map(sum).sum::<u64>() / ROWS as u64;
            if self.additions < self.sample {
                return;
            }
            self.ageings += 1;
            for word in self.blocks.iter_mut().flat_map(|block| &mut block.0) {
                *word = halved(*word);
            }
        }
    }
}

/// The sum of the counters of a word.
fn sum(word: u64) -> u64 {
    const EVEN: u64 = 0x0f0f_0f0f_0f0f_0f0f;
    let pairs = (word & EVEN) + (word >> 4 & EVEN);
    // 240 at most: the highest byte of the product is the sum of all bytes.
    pairs.wrapping_mul(0x0101_0101_0101_0101) >> 56
}

/// The higher of each pair of counters of two words.
fn highest(one: u64, other: u64) -> u64 {
    if one == 0 {
        return other;
    }
    (0..16).fold(0, |word, at| {
        let count = |word: u64| word >> (4 * at) & COUNT_MAX;
        word | count(one).max(count(other)) << (4 * at)
    })
}

#[cfg(test)]
mod tests {
    use super::{COUNT_MAX, FrequencySketch, ROWS, counter, fold, halved, highest, sum};
    use std::collections::HashMap;

    /// Counters in a map, all of them halved at once.
    #[derive(Default)]
    struct Model {
        counters: HashMap<(usize, usize, u32), u64>,
        additions: u64,
    }

    impl Model {
        fn places(sketch: &FrequencySketch, hash: u64) -> [(usize, usize, u32); ROWS] {
            let folded = fold(hash);
            core::array::from_fn(|row| {
                let (word, shift) = counter(folded, row);
                (sketch.block_of(folded), word, shift)
            })
        }

        fn increment(&mut self, sketch: &FrequencySketch, hash: u64) {
            let mut added = false;
            for place in Self::places(sketch, hash) {
                let count = self.counters.entry(place).or_default();
                added |= *count < COUNT_MAX;
                *count = (*count + 1).min(COUNT_MAX);
            }
            self.additions += u64::from(added);
            if self.additions == sketch.sample() {
                let odd: u64 = self.counters.values().map(|count| count % 2).sum();
                self.counters.values_mut().for_each(|count| *count /= 2);
                self.additions = (self.additions - (odd / 4).min(self.additions)) / 2;
            }
        }

        fn estimate(&self, sketch: &FrequencySketch, hash: u64) -> u64 {
            let places = Self::places(sketch, hash);
            let counts = places.map(|place| self.counters.get(&place).copied().unwrap_or(0));
            counts.into_iter().min().unwrap()
        }
    }

    fn mix(number: u64) -> u64 {
        let mixed = (number ^ 0x1234_5678).wrapping_mul(0xd6e8_feb8_6659_fd93);
        (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93)
    }

    #[test]
    fn ageing_by_and_by_shows_as_ageing_at_once() {
        for (words, sample) in [(8, 10), (64, 20), (64, 700), (4_096, 600), (8, 2), (80, 3)] {
            let mut sketch = FrequencySketch::new(words, sample);
            let mut model = Model::default();
            let mut ageings_under_way = 0;
            for step in 0..20_000_u64 {
                let hash = mix(mix(step) % 40 * (mix(step) >> 60));
                sketch.increment(hash);
                model.increment(&sketch, hash);
                ageings_under_way += u32::from(sketch.sweep.is_active());
                for hash in [hash, mix(step % 600)] {
                    assert_eq!(
                        u64::from(sketch.estimate(hash)),
                        model.estimate(&sketch, hash)
                    );
                }
                if !sketch.sweep.is_active() {
                    assert_eq!(sketch.additions, model.additions);
                }
            }
            assert!(sketch.ageings() > 10);
            assert!(
                words < 4_096 || ageings_under_way > 1_000,
                "the ageing was over at once"
            );
        }
    }

    #[test]
    fn counters_of_a_word_are_halved_and_compared_each_by_itself() {
        assert_eq!(halved(0xfedc_ba98_7654_3210), 0x7766_5544_3322_1100);
        assert_eq!(
            highest(0xfedc_ba98_7654_3210, 0x0123_4567_89ab_cdef),
            0xfedc_ba98_89ab_cdef
        );
        assert_eq!(highest(0, 0x0123_4567_89ab_cdef), 0x0123_4567_89ab_cdef);
        assert_eq!((sum(u64::MAX), sum(0xfedc_ba98_7654_3210)), (240, 120));
    }

    #[test]
    fn the_rows_of_a_key_are_in_words_of_their_own() {
        for number in 0..1_000 {
            for row in 0..ROWS {
                let (word, shift) = counter(fold(mix(number)), row);
                assert!(word / 2 == row && shift < 64 && shift % 4 == 0);
            }
        }
    }
}

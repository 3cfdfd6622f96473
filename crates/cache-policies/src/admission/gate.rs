//! The gate of TinyLFU: who was asked for how often lately, and who may take whose place.

use alloc::collections::VecDeque;
use core::mem;

use crate::random::Random;
use crate::sketch::{FrequencySketch, fold};

/// From here on a candidate may win by lot.
const WARM: u8 = 6;
/// It wins once in this many comparisons.
const LOTS: u64 = 128;
/// The sketch is made at once for as many entries as the weights let expect, up to this many.
const EXPECTED_MAX: u64 = 1 << 16;
/// The fewest words of the sketch.
const WORDS_MIN: u64 = 64;

/// The most requests that are kept from before the first entry.
const EARLY_MAX: usize = 64;

/// The most requests of a sample for each entry. An entry has 16 counters and a request changes four of them: after 60
/// they may all be full, and beyond half of that there is little to tell keys apart by.
pub(crate) const SAMPLE_MAX: u32 = 30;

/// The lots that are drawn where frequencies do not tell who stays.
#[derive(Clone, Debug)]
pub(crate) struct Lots(Random);

impl Lots {
    pub(crate) fn new(seed: u64) -> Self {
        Lots(Random::new(seed))
    }

    /// Whether a candidate of this frequency takes the place of a victim of that.
    #[inline]
    pub(crate) fn admits(&mut self, candidate: u8, victim: u8) -> bool {
        candidate > victim || candidate >= WARM && self.0.next().is_multiple_of(LOTS)
    }
}

/// How many entries a capacity is for, by the mean weight of those that there are. No more than `EXPECTED_MAX`, or the next
/// power of two of those that there are: beyond that it waits for them to come.
pub(crate) fn expected_entries(capacity: u64, len: u64, weight: u64) -> u64 {
    let expected = capacity / (weight / len.max(1)).max(1);
    let expected = expected.min(len.next_power_of_two().max(EXPECTED_MAX));
    if expected < len {
        // Many weigh nothing.
        return len.next_power_of_two();
    }
    expected
}

/// A sketch that is as large as its owner's entries need, and the lots that are drawn where it does not tell.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    sketch: FrequencySketch,
    /// The entries that the sketch is made for; 0 until there is one.
    entries: u64,
    /// It suits up to so many; 0 where the capacity has changed and there was no entry to tell what one weighs.
    suits: u64,
    /// The last requests before there was an entry, folded.
    early: VecDeque<u32>,
    /// The increments of a sample for each entry that there is room for.
    sample: u64,
    /// The sketch is made for so many entries at least.
    entries_min: u64,
    lots: Lots,
}

impl Gate {
    pub(crate) fn new(sample: u32, seed: u64) -> Self {
        let sample = u64::from(sample);
        Gate {
            sketch: FrequencySketch::new(WORDS_MIN as usize, sample * WORDS_MIN),
            entries: 0,
            suits: 0,
            early: VecDeque::new(),
            sample,
            entries_min: 1,
            lots: Lots::new(seed),
        }
    }

    /// The same, whose sketch is never made for fewer entries than these.
    pub(crate) fn with_entries_min(self, entries_min: u64) -> Self {
        Gate {
            entries_min,
            ..self
        }
    }

    /// Keeps a request that is about to be counted, if there was no entry yet: the first one brings another sketch.
    #[inline]
    pub(crate) fn keep_early(&mut self, folded: u32) {
        if self.entries == 0 {
            self.keep(folded);
        }
    }

    #[cold]
    fn keep(&mut self, folded: u32) {
        if self.early.len() == EARLY_MAX {
            self.early.pop_front();
        }
        self.early.push_back(folded);
    }

    /// Counts a folded hash once more.
    #[inline]
    pub(crate) fn increment(&mut self, folded: u32) {
        self.sketch.increment_folded(folded);
    }

    /// Counts a request towards the sample whose key is not counted here.
    #[inline]
    pub(crate) fn add_to_sample(&mut self) {
        self.sketch.add_to_sample();
    }

    /// How often a folded hash was counted lately.
    #[inline]
    pub(crate) fn estimate(&self, folded: u32) -> u8 {
        self.sketch.estimate_folded(folded)
    }

    /// As [`estimate`](Gate::estimate), of a hash.
    pub(crate) fn frequency(&self, hash: u64) -> u8 {
        self.estimate(fold(hash))
    }

    /// How often the sketch has aged.
    #[inline]
    pub(crate) fn ageings(&self) -> u64 {
        self.sketch.ageings()
    }

    /// The words of the sketch, about one for each entry that it is made for.
    pub(crate) fn words(&self) -> usize {
        self.sketch.words()
    }

    /// Whether a candidate of this frequency takes the place of a victim of that.
    #[inline]
    pub(crate) fn admits(&mut self, candidate: u8, victim: u8) -> bool {
        self.lots.admits(candidate, victim)
    }

    /// Whether the sketch is too small for this many entries, or it is not known yet how large it should be.
    #[inline]
    pub(crate) fn is_outgrown(&self, len: u64) -> bool {
        len > self.suits
    }

    /// Notes that the capacity has changed while there is no entry: the sketch is fitted with the next one.
    pub(crate) fn await_entry(&mut self) {
        self.suits = 0;
    }

    /// Makes the sketch one for as many entries as the weights let expect; beyond `EXPECTED_MAX`, for as many as there
    /// are, rounded up.
    ///
    /// It grows by doubling, which leaves every key its counters, so that entries that get lighter bit by bit do not wear
    /// out what was counted; it shrinks where half of it would do. With the first entry it begins anew; what is returned
    /// then is to be counted again: of the requests that came before, the last 64.
    #[cold]
    #[must_use]
    pub(crate) fn fit(&mut self, capacity: u64, len: u64, weight: u64) -> VecDeque<u32> {
        let wanted = expected_entries(capacity, len, weight).max(self.entries_min);
        let sample = (self.sample * wanted).max(2);
        let mut words = self.sketch.words();
        if self.entries == 0 {
            // Resized, each block would stand in many, and many counts would say nothing.
            self.entries = wanted;
            self.suits = wanted;
            self.sketch = FrequencySketch::new(wanted.max(WORDS_MIN) as usize, sample);
            return mem::take(&mut self.early);
        }
        if wanted <= self.entries / 2 {
            self.entries = wanted;
            words = wanted.max(WORDS_MIN) as usize;
        } else if wanted > self.entries {
            self.entries = wanted.max(2 * self.entries);
            while (words as u64) < self.entries {
                words *= 2;
            }
        }
        self.suits = self.entries;
        self.sketch.resize(words, sample);
        VecDeque::new()
    }
}

//! `Granules`: which of a chunk's 512 granules something holds for, and runs of such.

use core::ops::Range;

/// Granules of a chunk.
pub(super) const GRANULES: usize = 512;
const WORD: usize = u64::BITS as usize;

/// A set of granules of one chunk.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Granules([u64; GRANULES / WORD]);

impl Granules {
    pub(super) const NONE: Self = Self([0; GRANULES / WORD]);
    pub(super) const ALL: Self = Self([u64::MAX; GRANULES / WORD]);

    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(super) fn insert(&mut self, range: Range<usize>) {
        self.each(range, |word, mask| *word |= mask);
    }

    pub(super) fn remove(&mut self, range: Range<usize>) {
        self.each(range, |word, mask| *word &= !mask);
    }

    pub(super) fn union(mut self, other: &Self) -> Self {
        self.0
            .iter_mut()
            .zip(&other.0)
            .for_each(|(word, &more)| *word |= more);
        self
    }

    pub(super) fn without(mut self, other: &Self) -> Self {
        self.0
            .iter_mut()
            .zip(&other.0)
            .for_each(|(word, &less)| *word &= !less);
        self
    }

    /// Of the granules in `range`, those that are in the set.
    pub(super) fn count_in(&self, range: Range<usize>) -> usize {
        let mut within = Self::NONE;
        within.insert(range);
        self.0
            .iter()
            .zip(&within.0)
            .map(|(word, mask)| (word & mask).count_ones() as usize)
            .sum()
    }

    /// The rows of neighbours in the set, each as long as can be, in order.
    pub(super) fn runs(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut at = 0;
        core::iter::from_fn(move || {
            let start = self.next(at, 0)?;
            let end = self.next(start, u64::MAX).unwrap_or(GRANULES);
            at = end;
            Some(start..end)
        })
    }

    /// The first place for `len` granules at a multiple of `align`.
    pub(super) fn place(&self, len: usize, align: usize) -> Option<usize> {
        self.runs()
            .map(|run| (run.start.next_multiple_of(align), run.end))
            .find(|&(start, end)| start + len <= end)
            .map(|(start, _)| start)
    }

    /// The length of the longest run.
    pub(super) fn longest(&self) -> usize {
        self.runs().map(|run| run.len()).max().unwrap_or(0)
    }

    /// The first granule from `at` on that is in the set, or, with `invert` all ones, that is not.
    fn next(&self, at: usize, invert: u64) -> Option<usize> {
        let mut mask = u64::MAX << (at % WORD);
        for (index, word) in self.0.iter().enumerate().skip(at / WORD) {
            let found = (word ^ invert) & mask;
            if found != 0 {
                return Some(index * WORD + found.trailing_zeros() as usize);
            }
            mask = u64::MAX;
        }
        None
    }

    /// Calls `change` for each word that has granules of `range`, with these.
    fn each(&mut self, range: Range<usize>, change: impl Fn(&mut u64, u64)) {
        debug_assert!(range.start <= range.end && range.end <= GRANULES);
        let mut at = range.start;
        while at < range.end {
            let end = range.end.min((at / WORD + 1) * WORD);
            let ones = u64::MAX >> (WORD - (end - at));
            change(&mut self.0[at / WORD], ones << (at % WORD));
            at = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same set as flags.
    fn flags(set: &Granules) -> Vec<bool> {
        (0..GRANULES)
            .map(|at| set.count_in(at..at + 1) == 1)
            .collect()
    }

    #[test]
    fn sets_are_what_flags_are() {
        let mut set = Granules::NONE;
        let mut model = vec![false; GRANULES];
        let mut random = 0x1234_5678_9ABC_DEF1_u64;
        for _ in 0..2000 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let start = (random >> 33) as usize % GRANULES;
            let len = ((random >> 20) as usize % 97).min(GRANULES - start);
            let insert = random >> 63 == 1;
            if insert {
                set.insert(start..start + len);
            } else {
                set.remove(start..start + len);
            }
            model[start..start + len].fill(insert);
            assert_eq!(flags(&set), model);
            assert_eq!(set.count(), model.iter().filter(|&&flag| flag).count());

            let (len, align) = (1 + len, 1 << (random >> 40 & 7));
            let walked = (0..=GRANULES - len)
                .step_by(align)
                .find(|&at| model[at..at + len].iter().all(|&flag| flag));
            assert_eq!(set.place(len, align), walked, "{len} at {align}");
            let longest = model.split(|&flag| !flag).map(<[bool]>::len).max();
            assert_eq!(Some(set.longest()), longest);
        }
    }

    #[test]
    fn sets_are_united_and_taken_from_one_another() {
        let (mut left, mut right) = (Granules::NONE, Granules::NONE);
        left.insert(10..130);
        right.insert(100..300);
        let (mut union, mut rest) = (Granules::NONE, Granules::ALL);
        union.insert(10..300);
        assert_eq!(left.union(&right), union);
        rest.remove(100..512);
        rest.remove(0..10);
        assert_eq!(left.without(&right), rest);
        let around: Vec<_> = Granules::ALL.without(&left).runs().collect();
        assert_eq!(around, [0..10, 130..512]);
        assert_eq!(Granules::ALL.longest(), GRANULES);
        assert_eq!(Granules::NONE.longest(), 0);
        assert_eq!(Granules::ALL.place(512, 512), Some(0));
    }
}

//! The order of a ghost's keys: a number for each, and which numbers have keys.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use super::weights::Weights;

/// The number of the first key.
const FIRST: u32 = 1;

/// Keys in the order in which they came. The numbers ascend; a key that is taken leaves a hole among them.
#[derive(Clone, Debug)]
pub(super) struct Sequence {
    /// The keys there are.
    pub(super) len: usize,
    /// Their weight, less their number: 0 while all weigh 1, so that nothing need be written then.
    overweight: u64,
    /// The oldest number that may have a key.
    pub(super) oldest: u32,
    /// The number of the next key.
    pub(super) next: u32,
    /// A bit for each number, whether it has a key: those of 64 numbers, from the oldest on.
    word: u64,
    /// The words after that one.
    words: VecDeque<u64>,
    /// None while all weigh 1.
    weights: Option<Box<Weights>>,
}

impl Sequence {
    pub(super) fn new() -> Self {
        Sequence {
            len: 0,
            overweight: 0,
            oldest: FIRST,
            next: FIRST,
            word: u64::MAX,
            words: VecDeque::new(),
            weights: None,
        }
    }

    /// An empty one that keeps the weights of its keys if this one does.
    pub(super) fn emptied(&self) -> Self {
        Sequence {
            weights: self.weights.as_ref().map(|_| Box::default()),
            ..Sequence::new()
        }
    }

    /// The numbers from the oldest on, holes included.
    #[inline]
    pub(super) fn span(&self) -> usize {
        (self.next - self.oldest) as usize
    }

    /// The weight of the keys, of which each weighs at least 1.
    #[inline(always)]
    pub(super) fn weight(&self) -> u64 {
        self.len as u64 + self.overweight
    }

    /// Gives the next number to a key.
    #[inline(always)]
    pub(super) fn push(&mut self, weight: u32) -> u32 {
        let number = self.next;
        self.next += 1;
        self.len += 1;
        if number.is_multiple_of(64) || self.weights.is_some() {
            self.push_beside(number, weight);
        }
        number
    }

    /// How many keys of weight 1 come to numbers of words that there are.
    pub(super) fn quick(&self) -> u32 {
        if self.weights.is_some() || self.next.is_multiple_of(64) {
            return 0;
        }
        64 - self.next % 64
    }

    /// How many numbers the oldest one passes for the next key: none unless the oldest is forgotten for it. `None` where the
    /// word ends or its oldest number is a hole.
    #[inline(always)]
    pub(super) fn passes_next(&self, forgets: bool) -> Option<u32> {
        // With an end, so that there is a bit. Holes after the oldest are passed with it.
        let behind = self.word >> 1 | 1 << 63;
        let passes = core::hint::select_unpredictable(forgets, 1 + behind.trailing_zeros(), 0);
        let is_in_word = self.oldest % 64 + passes < 64;
        (is_in_word && !self.oldest_is_hole()).then_some(passes)
    }

    /// Gives the next number to a key of weight 1, the oldest number passing so many: with any, the oldest key
    /// is forgotten.
    #[inline(always)]
    pub(super) fn exchange(&mut self, passes: u32) -> u32 {
        let number = self.next;
        self.next += 1;
        self.oldest += passes;
        self.word >>= passes;
        self.len += usize::from(passes == 0);
        number
    }

    /// Makes another word, and keeps the weight.
    #[inline(never)]
    fn push_beside(&mut self, number: u32, weight: u32) {
        if number.is_multiple_of(64) && number != self.oldest {
            if self.words.len() == self.words.capacity() {
                self.words.reserve_exact(self.words.len() / 8 + 8);
            }
            self.words.push_back(u64::MAX);
        }
        if let Some(weights) = &mut self.weights {
            weights.push(weight);
            self.overweight += u64::from(weight - 1);
        }
    }

    /// Keeps the weights from now on: that of the next key is not 1.
    #[inline(never)]
    pub(super) fn keep_weights(&mut self) {
        let span = self.span();
        self.weights
            .get_or_insert_with(|| Box::new(Weights::ones(span)));
    }

    pub(super) fn weight_of(&self, number: u32) -> u32 {
        let index = (number - self.oldest) as usize;
        let weights = self.weights.as_ref();
        weights.map_or(1, |weights| weights.get(index))
    }

    /// Makes a hole of a number that has a key, and returns the key's weight.
    pub(super) fn take_out(&mut self, number: u32) -> u32 {
        let words_on = (number >> 6) - (self.oldest >> 6);
        if words_on == 0 {
            self.word &= !(1 << (number - self.oldest));
        } else {
            self.words[words_on as usize - 1] &= !(1 << (number & 63));
        }
        let weight = self.weight_of(number);
        self.len -= 1;
        self.overweight -= u64::from(weight - 1);
        weight
    }

    #[inline(always)]
    fn oldest_is_hole(&self) -> bool {
        self.word & 1 == 0
    }

    /// Moves on to the next number, and returns the weight of the one before.
    fn step(&mut self) -> u32 {
        self.oldest += 1;
        self.word >>= 1;
        if self.oldest.is_multiple_of(64) {
            self.word = self.words.pop_front().unwrap_or(u64::MAX);
        }
        match &mut self.weights {
            Some(weights) => weights.pop(),
            None => 1,
        }
    }

    /// Passes the holes before the oldest key, of which there must be one; returns how many.
    pub(super) fn skip_holes(&mut self) -> u32 {
        let before = self.oldest;
        while self.oldest_is_hole() {
            self.step();
        }
        self.oldest - before
    }

    /// Forgets the oldest key, of which there must be one; returns by how many numbers the oldest one moved.
    #[inline(always)]
    pub(super) fn forget_oldest(&mut self) -> u32 {
        let next = self.oldest + 1;
        if self.oldest_is_hole() || next.is_multiple_of(64) || self.weights.is_some() {
            return self.forget_oldest_of_all();
        }
        self.oldest = next;
        self.word >>= 1;
        self.len -= 1;
        1
    }

    /// The same where there are holes, other words or weights.
    #[inline(never)]
    fn forget_oldest_of_all(&mut self) -> u32 {
        let holes = self.skip_holes();
        let weight = self.step();
        self.len -= 1;
        self.overweight -= u64::from(weight - 1);
        holes + 1
    }

    /// Begins the numbers anew; by how much they are smaller now.
    pub(super) fn renumber(&mut self) -> u32 {
        // The bits of a word stay together.
        let shift = (self.oldest - FIRST) & !63;
        self.oldest -= shift;
        self.next -= shift;
        shift
    }

    /// Asserts that bits, weights and sums agree with the numbers from the oldest on that have keys.
    pub(super) fn check(&self, filled: impl ExactSizeIterator<Item = bool>) {
        assert_eq!(filled.len(), self.span());
        if let Some(weights) = &self.weights {
            weights.check(self.span());
        }
        let (mut len, mut weight) = (0, 0);
        for (number, is_filled) in (self.oldest..).zip(filled) {
            let bit = match (number >> 6) - (self.oldest >> 6) {
                0 => self.word >> (number - self.oldest),
                word => self.words[word as usize - 1] >> (number & 63),
            };
            assert_eq!(bit & 1 == 1, is_filled, "a bit differs from the cells");
            if is_filled {
                len += 1;
                weight += u64::from(self.weight_of(number));
            }
        }
        assert_eq!(weight, self.weight(), "the weight differs from the keys'");
        assert_eq!(len, self.len, "there is another number of keys");
    }

    #[cfg(test)]
    pub(super) fn allocated_bytes(&self) -> usize {
        assert!(self.weights.is_none());
        8 * self.words.capacity()
    }
}

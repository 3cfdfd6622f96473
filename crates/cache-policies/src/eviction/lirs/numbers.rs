//! Which numbers are in S.

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

/// A bit for each number.
///
/// From the bottom on, those are in S that have not left it: the entries in Q that have them, or had them until they were
/// gone. What has a lower number has left.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    /// 1 where the number has left S; from the bottom on.
    left: Vec<u64>,
    bottom: u32,
    /// Of those that are gone, from the bottom on; none while all weigh 1.
    weights: Option<VecDeque<u32>>,
}

impl Numbers {
    /// None has left; for numbers from `bottom` on and below `numbers`.
    pub(super) fn new(bottom: u32, numbers: usize) -> Self {
        Numbers {
            left: vec![0; numbers.div_ceil(64)],
            bottom,
            weights: None,
        }
    }

    #[inline(always)]
    pub(super) fn bottom(&self) -> u32 {
        self.bottom
    }

    #[inline(always)]
    fn has_left(&self, number: u32) -> bool {
        self.left[(number >> 6) as usize] >> (number & 63) & 1 != 0
    }

    #[inline(always)]
    pub(super) fn contains(&self, number: u32) -> bool {
        number >= self.bottom && !self.has_left(number)
    }

    /// A number, not below the bottom, leaves S.
    #[inline(always)]
    pub(super) fn leave(&mut self, number: u32) {
        self.left[(number >> 6) as usize] |= 1 << (number & 63);
    }

    /// A number that has left is in S again. The bottom falls to it.
    pub(super) fn come_back(&mut self, number: u32) {
        while self.bottom > number {
            self.bottom -= 1;
            self.leave(self.bottom);
            if let Some(weights) = &mut self.weights {
                weights.push_front(1);
            }
        }
        self.left[(number >> 6) as usize] &= !(1 << (number & 63));
    }

    /// The weight of what has this number, not below the bottom, and is gone.
    #[inline(always)]
    pub(super) fn weight_of(&self, number: u32) -> u64 {
        let weights = self.weights.as_ref();
        weights.map_or(1, |weights| {
            let weight = weights.get((number - self.bottom) as usize);
            weight.copied().map_or(1, u64::from)
        })
    }

    /// What has this number, not below the bottom, is gone.
    #[inline(always)]
    pub(super) fn set_weight(&mut self, number: u32, weight: u32) {
        if weight != 1 || self.weights.is_some() {
            self.keep_weight(number, weight);
        }
    }

    #[cold]
    fn keep_weight(&mut self, number: u32, weight: u32) {
        let at = (number - self.bottom) as usize;
        let weights = self.weights.get_or_insert_default();
        weights.resize(weights.len().max(at + 1), 1);
        weights[at] = weight;
    }

    /// The lowest number below this one leaves S, if there is any; returns its weight.
    #[inline(always)]
    pub(super) fn leave_lowest(&mut self, head: u32) -> Option<u64> {
        while self.bottom < head {
            let (number, weight) = (self.bottom, self.weight_of(self.bottom));
            self.raise_bottom(number + 1);
            if !self.has_left(number) {
                return Some(weight);
            }
        }
        None
    }

    /// Raises the bottom to the lowest number below this one that is in S, or to this one if that is higher.
    pub(super) fn settle(&mut self, head: u32) {
        while self.bottom < head && self.has_left(self.bottom) {
            self.raise_bottom(self.bottom + 1);
        }
    }

    #[inline(always)]
    fn raise_bottom(&mut self, bottom: u32) {
        let risen = (bottom - self.bottom) as usize;
        self.bottom = bottom;
        if let Some(weights) = &mut self.weights {
            weights.drain(..risen.min(weights.len()));
        }
    }

    /// All numbers below this one leave S. Returns the weight of those that were gone: the ones below `head`.
    pub(super) fn leave_below(&mut self, bottom: u32, head: u32) -> u64 {
        if bottom <= self.bottom {
            return 0;
        }
        let gone = self.bottom..bottom.min(head).max(self.bottom);
        let weight = if self.weights.is_none() {
            self.count(gone.start, gone.end) as u64
        } else {
            let gone = gone.filter(|number| !self.has_left(*number));
            gone.map(|number| self.weight_of(number)).sum()
        };
        self.raise_bottom(bottom);
        weight
    }

    /// How many numbers are in S of those from `start`, not below the bottom, up to `end`, which is not among them.
    pub(super) fn count(&self, start: u32, end: u32) -> usize {
        let mut count = 0;
        let mut from = start;
        while from < end {
            let above = (from | 63) + 1;
            let mut in_stack = !self.left[(from >> 6) as usize] & u64::MAX << (from & 63);
            if above > end {
                in_stack &= (1 << (end & 63)) - 1;
            }
            count += in_stack.count_ones() as usize;
            from = above;
        }
        count
    }

    /// Subtracts a multiple of 64 from all numbers; none at or above `next` has been given.
    pub(super) fn shift(&mut self, by: u32) {
        debug_assert!(by.is_multiple_of(64) && by <= self.bottom);
        self.bottom -= by;
        let words = (by / 64) as usize;
        self.left.copy_within(words.., 0);
        let kept = self.left.len() - words;
        self.left[kept..].fill(0);
    }
}

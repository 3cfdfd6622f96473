//! A ghost with two queues in one table, each with an order of its own.

use super::{Ghost, mixed};

impl Ghost<2> {
    /// No limit but the owner's: each queue remembers until it is told to forget.
    pub(crate) fn pair() -> Self {
        Ghost::with_limit(u64::MAX)
    }

    /// How many keys a queue remembers.
    #[inline]
    pub(crate) fn len_of(&self, queue: usize) -> usize {
        self.queues[queue].len
    }

    /// The weight of the keys that a queue remembers, a key of weight 0 counting as 1.
    #[inline]
    pub(crate) fn weight_of(&self, queue: usize) -> u64 {
        self.queues[queue].weight()
    }

    /// The most weight that both are expected to remember: the table grows up to that and no further. Gives back what is too
    /// much.
    pub(crate) fn expect(&mut self, weight: u64) {
        self.expected = weight;
        self.give_back();
    }

    /// Remembers a key, which neither queue does, as the newest of one.
    #[inline(always)]
    pub(crate) fn remember_in(&mut self, queue: usize, hash: u64, weight: u32) {
        self.push(queue, mixed(hash), weight.max(1));
    }

    /// Forgets a key, and returns which queue had it, and its weight.
    #[inline(always)]
    pub(crate) fn take_from_either(&mut self, hash: u64) -> Option<(usize, u32)> {
        let (queue, number) = self.take_out(mixed(hash))?;
        Some((queue, self.queues[queue].take_out(number)))
    }

    /// Forgets the oldest key of a queue, of which there must be one.
    #[inline(always)]
    pub(crate) fn forget_oldest_in(&mut self, queue: usize) {
        self.forget_oldest_of(queue);
    }
}

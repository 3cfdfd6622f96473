//! A ghost: the keys that left lately, by their hashes, first in first out by weight.
//!
//! ```text
//!  bucket   [ number, tag, away x 10 | filter | print x 10 ]     64 bytes, one for 8.4 keys
//!  words    oldest -> [ a bit a number: is it still remembered ] <- newest
//! ```
//! Each key has a number, and numbers ascend: a key is remembered while its number is at or after the oldest one, so
//! that the oldest is forgotten without a look at its bucket. A key that is taken leaves a hole among the numbers.
//!
//! A key stands in the bucket of its hash or in one beside it, whichever had more vacant cells: both are full once in 40
//! times, one bucket alone would be once in 7. What finds no cell there goes to two others and then to a table of strays,
//! and the bucket of its hash has a filter that says so. So whoever remembers a key or asks for one reads two cache lines, at
//! most 2 KiB from each other and at the same time, and which of the two it was is no branch that could be guessed wrongly.
//! With one bucket and a branch to others, to remember a key and to ask for another one took 28 ns instead of 16 in a ghost
//! of 10,000 keys, 17 instead of 11 in one of 1,000.
//!
//! A ghost may have two queues, whose keys share the buckets: so one look tells which of them has a key. The numbers of the
//! second descend from the highest, and what is remembered is the numbers from the oldest of the first to that of the
//! second, none in the middle being used: so one comparison tells of a cell whether it is vacant.
//!
//! # How often it is wrong
//! Two keys are one to a ghost if the same 40 bits are left of their hashes: what is stored is the number and the remainder
//! of hash * buckets, and with the bucket it gives the hash back. So with n keys a probe for one that is not among them is
//! answered wrongly n times in 2^40: with 100,000 keys once in 11 million, with 16 million once in 65,000. That is enough,
//! since a wrong answer costs next to nothing: a new entry goes where those go that come back, and another key is forgotten
//! too early. If each wrong answer cost the cache a whole hit, 16 million keys would take 0.0015 percentage points off its
//! hit ratio.
//!
//! # Cost
//! Constant time amortised. Numbers run out after as many keys as there is room for, or nearly: then all cells are
//! renumbered and the filters made anew, a pause of some nanoseconds a bucket. A ghost that is full takes less than 8
//! bytes a key, and 4 to 5 more for weights other than 1. One that grows has room for up to twice as many as it has, as
//! long as its limit is good for that.

use core::array;

mod bucket;
mod layout;
mod pair;
mod room;
mod sequence;
mod table;
mod weights;

use bucket::Alive;
pub(crate) use layout::{HASH_BITS, mixed};
use room::span_max;
use sequence::Sequence;
use table::Table;

/// More keys than this are never remembered at once, but for a few.
const KEYS_MAX: usize = 1 << 27;

#[derive(Clone, Debug)]
pub(crate) struct Ghost<const QUEUES: usize = 1> {
    /// The most weight that is remembered.
    limit: u64,
    /// So many keys find their numbers and their room, whatever is forgotten until then.
    spare: u32,
    /// So many more do without a new word, all weights being 1.
    quick: u32,
    /// The number of keys that the table is made for.
    room: usize,
    /// No more weight than this is expected.
    expected: u64,
    table: Table,
    queues: [Sequence; QUEUES],
}

impl Ghost {
    pub(crate) fn new(limit: u64) -> Self {
        Ghost::with_limit(limit)
    }

    pub(crate) fn len(&self) -> usize {
        self.queues[0].len
    }

    /// The weight of the remembered keys, a key of weight 0 counting as 1.
    #[inline]
    pub(crate) fn weight(&self) -> u64 {
        self.queues[0].weight()
    }

    /// Changes the most weight that is remembered; forgets the oldest keys beyond it.
    pub(crate) fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
        while self.weight() > limit {
            self.forget_oldest();
        }
        self.expected = limit;
        self.give_back();
    }

    /// Remembers a key as the newest. Forgets the oldest ones beyond the limit; a key heavier than the limit is not
    /// remembered.
    ///
    /// The key is taken for one that is not remembered: otherwise it is there twice, and `take` finds the newer.
    #[inline(always)]
    pub(crate) fn remember(&mut self, hash: u64, weight: u32) {
        self.remember_mixed(mixed(hash), weight);
    }

    /// [`Ghost::remember`] for those who keep hashes [`mixed`].
    #[inline(always)]
    pub(crate) fn remember_mixed(&mut self, hash: u64, weight: u32) {
        // Where all weigh 1 and numbers are at hand, without a branch on whether a key was taken lately.
        let queue = &mut self.queues[0];
        let passes = queue.passes_next(queue.len as u64 >= self.limit);
        if let Some(passes) = passes
            && weight == 1
            && self.quick > 0
        {
            self.quick -= 1;
            let number = queue.exchange(passes);
            self.table.alive.raise_low(self.table.shifted(passes));
            self.table.put(hash, self.table.shifted(number));
        } else {
            self.enter(hash, weight);
        }
    }

    /// Remembers a key unless it is too heavy.
    #[inline(never)]
    fn enter(&mut self, hash: u64, weight: u32) {
        let weight = weight.max(1);
        if u64::from(weight) > self.limit {
            return;
        }
        while self.weight() + u64::from(weight) > self.limit {
            self.forget_oldest();
        }
        self.push(0, hash, weight);
        self.set_quick();
    }

    /// Forgets a key, and returns whether it was remembered.
    #[inline]
    pub(crate) fn take(&mut self, hash: u64) -> bool {
        self.take_mixed(mixed(hash))
    }

    /// [`Ghost::take`] for those who keep hashes [`mixed`].
    #[inline(always)]
    pub(crate) fn take_mixed(&mut self, hash: u64) -> bool {
        let Some((_, number)) = self.take_out(hash) else {
            return false;
        };
        self.queues[0].take_out(number);
        true
    }

    /// Forgets the oldest key, of which there must be one.
    #[inline]
    pub(crate) fn forget_oldest(&mut self) {
        self.forget_oldest_of(0);
    }
}

impl<const QUEUES: usize> Ghost<QUEUES> {
    fn with_limit(limit: u64) -> Self {
        const { assert!(QUEUES == 1 || QUEUES == 2) };
        Ghost {
            limit,
            spare: 0,
            quick: 0,
            room: 0,
            expected: limit,
            table: Table::new(),
            queues: array::from_fn(|_| Sequence::new()),
        }
    }

    /// A number, as it stands in cells.
    #[inline(always)]
    fn in_cell(&self, queue: usize, number: u32) -> u32 {
        let shifted = self.table.shifted(number);
        if queue == 0 {
            shifted
        } else {
            shifted.wrapping_neg()
        }
    }

    /// The queue and number of a cell.
    fn of_cell(&self, cell: u32) -> (usize, u32) {
        let number = self.table.number(cell);
        if QUEUES == 1 || number < self.queues[0].next {
            (0, number)
        } else {
            (1, self.table.numbers() as u32 - number)
        }
    }

    /// The cells whose numbers are remembered.
    fn alive(&self) -> Alive {
        let unit = self.table.shifted(1);
        let low = self.in_cell(0, self.queues[0].oldest);
        let oldest_of_second = self.queues.get(1).map_or(1, |queue| queue.oldest);
        let high = self.in_cell(1, oldest_of_second) + (unit - 1);
        Alive::new(low, high)
    }

    /// The oldest number of a queue went up by this.
    #[inline(always)]
    fn passed(&mut self, queue: usize, numbers: u32) {
        let by = self.table.shifted(numbers);
        if queue == 0 {
            self.table.alive.raise_low(by);
        } else {
            self.table.alive.lower_high(by);
        }
    }

    /// Gives a key with this hash, [`mixed`], the next number of a queue.
    #[inline(always)]
    fn push(&mut self, queue: usize, hash: u64, weight: u32) {
        if QUEUES == 1 {
            self.spare += core::mem::take(&mut self.quick);
        }
        if self.spare == 0 {
            self.make_room(queue);
        }
        if weight != 1 {
            self.queues[queue].keep_weights();
        }
        self.spare -= 1;
        let number = self.queues[queue].push(weight);
        self.table.put(hash, self.in_cell(queue, number));
    }

    /// Takes a key with this hash, [`mixed`], out of the table, and returns its queue and number.
    #[inline(always)]
    fn take_out(&mut self, hash: u64) -> Option<(usize, u32)> {
        let middle = self.table.shifted(self.queues[0].next);
        let rank = |cell: u32| match QUEUES == 1 || cell < middle {
            // The newest of the first queue.
            true => 1 << u32::BITS | u64::from(cell),
            false => u64::from(!cell),
        };
        let cell = self.table.take(hash, rank)?;
        Some(self.of_cell(cell))
    }

    #[inline(always)]
    fn forget_oldest_of(&mut self, queue: usize) {
        let passed = self.queues[queue].forget_oldest();
        self.passed(queue, passed);
    }

    /// Asserts that numbers, table and weights agree.
    pub(crate) fn check(&self) {
        let weight: u64 = self.queues.iter().map(Sequence::weight).sum();
        assert!(weight <= self.limit, "the ghost remembers more than it may");
        assert!(
            self.span() <= span_max(self.room)
                && (self.spare + self.quick) as usize <= self.unused()
        );
        if self.room == 0 {
            assert_eq!(self.keys(), 0);
            return;
        }
        for (queue, hashes) in self.queues.iter().zip(self.hashes()) {
            queue.check(hashes.iter().map(Option::is_some));
        }
        self.table.check();
    }
}

#[cfg(test)]
mod tests;

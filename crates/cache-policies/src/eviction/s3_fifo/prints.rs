//! S3-FIFO's small ghost: a few bits of each hash, in buckets that forget each for itself.
//!
//! ```text
//!  bucket   newest [ print x 32 ] oldest     64 bytes
//! ```
//! A key's print goes to the front of the bucket of its hash, and the last one there is forgotten. So there is no order among
//! buckets: a key is remembered until as many have come to its own bucket as that has places. Those are as good as random, so
//! that of 32 places it is forgotten a fifth sooner or later than it would be from one queue, give or take.
//!
//! One cache line a look-up, and one to remember a key. Two keys are one to it if they share bucket and print: so a probe for a
//! key that is not there is answered wrongly once in 2,000 times. That one goes into the main queue, which it
//! leaves at its turn unless it is hit.
//!
//! It begins with a few buckets, and doubles up to what is expected, whenever a quarter as many keys have come as it has
//! places: each bucket then becomes two that are equal. What was in it may be asked for in either, and is forgotten by both
//! in time: so it remembers those that came since it was a sixteenth as large.

use alloc::vec;
use alloc::vec::Vec;

use crate::ghost::HASH_BITS;

/// The places of a bucket.
const PLACES: usize = 32;
/// The buckets that a ghost begins with at most.
const BUCKETS_FIRST: usize = 16;
/// More keys than this are never expected.
const KEYS_MAX: usize = 1 << 27;

/// What is between the bits that choose a bucket and the lowest that count.
const PRINT_SHIFT: u32 = u64::BITS - HASH_BITS;

const _: () = assert!(KEYS_MAX / PLACES <= 1 << (HASH_BITS - u16::BITS));

/// The newest first, and 0 in the places behind that are vacant.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
struct Bucket {
    prints: [u16; PLACES],
}

const _: () = assert!(size_of::<Bucket>() == 64);

impl Bucket {
    #[inline(always)]
    fn has(&self, print: u16) -> bool {
        // Without an early end, so that all are compared at once.
        let equal = |any, other: &u16| any | (*other == print);
        self.prints.iter().fold(false, equal)
    }

    #[inline(always)]
    fn push(&mut self, print: u16, depth: usize) {
        let before = self.prints;
        self.prints[1..].copy_from_slice(&before[..PLACES - 1]);
        self.prints[0] = print;
        if let Some(beyond) = self.prints.get_mut(depth) {
            *beyond = 0;
        }
    }

    /// Forgets the newest of these prints.
    #[inline(never)]
    fn take(&mut self, print: u16) {
        let Some(at) = self.prints.iter().position(|other| *other == print) else {
            return;
        };
        self.prints.copy_within(at + 1.., at);
        self.prints[PLACES - 1] = 0;
    }

    fn len(&self) -> usize {
        self.prints.iter().filter(|print| **print != 0).count()
    }
}

/// The prints of the keys that left lately: about as many as are expected, whatever they weighed.
#[derive(Clone, Debug)]
pub(super) struct Prints {
    buckets: Vec<Bucket>,
    /// The places of a bucket that are in use.
    depth: usize,
    /// So many keys are remembered before the next look at how many are expected.
    left: usize,
}

impl Prints {
    /// A ghost without memory.
    pub(super) const fn new() -> Self {
        Prints {
            buckets: Vec::new(),
            depth: 0,
            left: 0,
        }
    }

    /// How many prints there are.
    pub(super) fn len(&self) -> usize {
        self.buckets.iter().map(Bucket::len).sum()
    }

    #[inline(always)]
    fn bucket(&mut self, hash: u64) -> Option<&mut Bucket> {
        let product = u128::from(hash) * self.buckets.len() as u128;
        self.buckets.get_mut((product >> u64::BITS) as usize)
    }

    /// What is kept of a hash, `mixed`: its lowest bits, which have no part in the choice of its bucket.
    #[inline(always)]
    fn print(hash: u64) -> u16 {
        ((hash >> PRINT_SHIFT) as u16).max(1)
    }

    /// Forgets a key with this hash, `mixed`; whether it was remembered.
    #[inline(always)]
    pub(super) fn take(&mut self, hash: u64) -> bool {
        let print = Prints::print(hash);
        match self.bucket(hash) {
            Some(bucket) if bucket.has(print) => {
                bucket.take(print);
                true
            }
            _ => false,
        }
    }

    /// Remembers a key with this hash, `mixed`. False, and nothing was done, where it has to be [fitted](Prints::fit) before.
    #[inline(always)]
    #[must_use]
    pub(super) fn remember(&mut self, hash: u64) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let depth = self.depth;
        if let Some(bucket) = self.bucket(hash) {
            bucket.push(Prints::print(hash), depth);
        }
        true
    }

    /// Looks whether so many keys are still what it is made for, until it is to look again: it grows, or begins anew where
    /// there are fewer than half as many. Time in proportion to the keys; constant amortised.
    pub(super) fn fit(&mut self, expected: usize) {
        let expected = expected.min(KEYS_MAX);
        self.give_back(expected);
        let wanted = expected.div_ceil(PLACES);
        if self.buckets.is_empty() {
            let mut first = wanted;
            while first > BUCKETS_FIRST {
                first = first.div_ceil(2);
            }
            let empty = Bucket {
                prints: [0; PLACES],
            };
            self.buckets = vec![empty; first];
        } else if self.buckets.len() < wanted {
            let mut doubled = Vec::with_capacity(2 * self.buckets.len());
            for bucket in self.buckets.drain(..) {
                doubled.push(bucket.clone());
                doubled.push(bucket);
            }
            self.buckets = doubled;
        }
        let buckets = self.buckets.len().max(1);
        self.depth = (expected / buckets).clamp(1, PLACES);
        for bucket in &mut self.buckets {
            bucket.prints[self.depth..].fill(0);
        }
        self.left = buckets * PLACES / 4;
    }

    /// Gives its memory back where that is for more than twice as many keys, and has it look at the number of those that are
    /// expected before the next is remembered.
    pub(super) fn give_back(&mut self, expected: usize) {
        if expected.div_ceil(PLACES) < self.buckets.len().div_ceil(2) {
            self.buckets = Vec::new();
        }
        self.left = 0;
    }

    /// Asserts that vacant places are behind the others, and that there are no more prints than there should be.
    pub(super) fn check(&self) {
        for bucket in &self.buckets {
            let len = bucket.len();
            assert!(len <= self.depth, "a bucket has too many prints");
            assert!(
                !bucket.prints[..len].contains(&0),
                "a vacant place is before another"
            );
        }
    }

    #[cfg(test)]
    fn allocated_bytes(&self) -> usize {
        size_of::<Bucket>() * self.buckets.capacity()
    }
}

#[cfg(test)]
mod tests;

//! Who left, and when it was asked for last: sets of eight, one cache line each.

use alloc::vec;
use alloc::vec::Vec;
use core::mem;

use super::accesses::Time;

/// Keys of a set.
const WAYS: usize = 8;

/// Set in what is kept of a key, whose lowest bits are 0, so that no key is an empty way.
const TAKEN: u32 = 1;

/// A way that is empty looks like one that was asked for so long ago.
const LONG_AGO: Time = 1 << 31;

/// The keys of one set: what the sketch knows of their hashes, and when they were asked for last.
#[derive(Copy, Clone, Debug)]
#[repr(align(64))]
struct Set {
    prints: [u32; WAYS],
    lasts: [Time; WAYS],
}

impl Set {
    fn empty(now: Time) -> Self {
        Set {
            prints: [0; WAYS],
            lasts: [now.wrapping_sub(LONG_AGO); WAYS],
        }
    }

    /// The way of a print.
    #[inline]
    fn way_of(&self, print: u32) -> Option<usize> {
        // All eight at once, as one comparison of vectors where there is one.
        let mut ways = 0_u32;
        for (way, other) in self.prints.iter().enumerate() {
            ways |= u32::from(*other == print) << way;
        }
        (ways != 0).then(|| ways.trailing_zeros() as usize)
    }

    /// The way of whoever was asked for the longest time ago; one that is empty, if there is any.
    #[inline]
    fn oldest(&self, now: Time) -> usize {
        // The way is beneath the age, so that no branch depends on who it is.
        let age_and_way = |(way, last): (usize, &Time)| {
            let age = u64::from(now.wrapping_sub(*last));
            age * WAYS as u64 + way as u64
        };
        let oldest = self.lasts.iter().enumerate().map(age_and_way).max();
        oldest.unwrap_or(0) as usize % WAYS
    }
}

/// Keys with the time at which each was asked for last, 8 bytes each. A set that is full forgets the one that was asked for
/// the longest time ago; all calls but `resize` take constant time.
///
/// Two keys of which the sketch knows the same 30 bits are one key here.
#[derive(Clone, Debug, Default)]
pub(super) struct Ghost {
    sets: Vec<Set>,
}

/// So many sets hold these keys.
fn sets_for(keys: u64) -> usize {
    keys.div_ceil(WAYS as u64) as usize
}

impl Ghost {
    /// Has room for so many keys, rounded up to whole sets.
    pub(super) fn with_room(keys: u64, now: Time) -> Self {
        Ghost {
            sets: vec![Set::empty(now); sets_for(keys)],
        }
    }

    #[inline]
    fn set_of(&self, folded: u32) -> usize {
        // The sketch takes its blocks from the upper bits as they are.
        let spread = folded.wrapping_mul(0x9e37_79b1);
        ((u64::from(spread) * self.sets.len() as u64) >> 32) as usize
    }

    /// Remembers a key that was last asked for at this time.
    #[inline]
    pub(super) fn put(&mut self, folded: u32, last: Time, now: Time) {
        let at = self.set_of(folded);
        let Some(set) = self.sets.get_mut(at) else {
            return;
        };
        let way = set.oldest(now);
        set.prints[way] = folded | TAKEN;
        set.lasts[way] = last;
    }

    /// Forgets a key; when it was asked for last, if it was remembered.
    #[inline]
    pub(super) fn take(&mut self, folded: u32, now: Time) -> Option<Time> {
        let at = self.set_of(folded);
        let set = self.sets.get_mut(at)?;
        let way = set.way_of(folded | TAKEN)?;
        set.prints[way] = 0;
        let long_ago = now.wrapping_sub(LONG_AGO);
        Some(mem::replace(&mut set.lasts[way], long_ago))
    }

    /// Has room for another number of keys from now on; remembers those that there is room for. Takes time in proportion
    /// to the keys, old and new.
    pub(super) fn resize(&mut self, keys: u64, now: Time) {
        if sets_for(keys) == self.sets.len() {
            return;
        }
        let mut resized = Ghost::with_room(keys, now);
        for set in &self.sets {
            for (print, last) in set.prints.iter().zip(&set.lasts) {
                if *print != 0 {
                    resized.put_if_older_is_there(print & !TAKEN, *last, now);
                }
            }
        }
        *self = resized;
    }

    /// Remembers a key unless its set is full of keys that were asked for later.
    fn put_if_older_is_there(&mut self, folded: u32, last: Time, now: Time) {
        let at = self.set_of(folded);
        let Some(set) = self.sets.get(at) else {
            return;
        };
        let age = now.wrapping_sub(last);
        let is_worse = |way: usize| set.prints[way] == 0 || now.wrapping_sub(set.lasts[way]) > age;
        if (0..WAYS).any(is_worse) {
            self.put(folded, last, now);
        }
    }

    /// Asserts that every key is in its set.
    pub(super) fn check(&self) {
        for (at, set) in self.sets.iter().enumerate() {
            for print in set.prints.iter().filter(|print| **print != 0) {
                assert_eq!(self.set_of(print & !TAKEN), at, "a key is in another's set");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Ghost, WAYS};
    use crate::sketch::fold;

    fn key(number: u64) -> u32 {
        fold(number.wrapping_mul(0xd6e8_feb8_6659_fd93))
    }

    #[test]
    fn a_full_set_forgets_whoever_was_asked_for_longest_ago_across_the_wrap_of_time() {
        let start = u32::MAX - 4;
        let mut ghost = Ghost::with_room(WAYS as u64, start);
        for number in 0..9_u32 {
            let now = start.wrapping_add(number);
            ghost.put(key(number.into()), now, now);
            ghost.check();
        }
        assert_eq!(ghost.take(key(0), start), None);
        for number in 1..9 {
            assert_eq!(
                ghost.take(key(number), start),
                Some(start.wrapping_add(number as u32))
            );
            assert_eq!(ghost.take(key(number), start), None);
        }
    }

    #[test]
    fn another_size_keeps_those_that_were_asked_for_last() {
        let mut ghost = Ghost::with_room(4_000, 0);
        for number in 0..200 {
            ghost.put(key(number), number as u32, number as u32);
        }
        ghost.resize(8_000, 2_000);
        ghost.check();
        for number in 0..200 {
            assert_eq!(ghost.take(key(number), 2_000), Some(number as u32));
            ghost.put(key(number), number as u32, 2_000);
        }
        ghost.resize(8, 2_000);
        let kept = (0..200).filter(|number| ghost.take(key(*number), 2_000).is_some());
        assert!(kept.eq(192..200));
        ghost.resize(0, 2_000);
        ghost.put(key(1), 1, 2_000);
        assert_eq!(ghost.take(key(1), 2_000), None);
    }
}

//! A ghost: the keys that left lately, by their hashes, first in first out by weight.
//!
//! ```text
//!  bucket   [ print x 10 | filter, furthest, turn | tag, away, number x 10 ]     64 bytes, one for 8.2 keys
//!  words    oldest -> [ a bit a number: is it still remembered ] <- newest
//! ```
//! Each key has a number, and numbers ascend: a key is remembered while its number is at or after the oldest one, so
//! that the oldest is forgotten without a look at its bucket. A key that is taken leaves a hole among the numbers.
//!
//! A key stands in the bucket of its hash if there is room, otherwise in one of seven others, `away` says in which: the
//! bucket of its hash has a filter of those, so that a probe for another key reads one cache line, 9 times in 10. The
//! cells of a bucket are filled in turn, and those of taken keys move to where the turn is: that cell is free or has
//! the oldest key of the bucket, and unless that one is forgotten by now, the bucket is full.
//!
//! What is stored beside the number is the remainder of hash * buckets: with the bucket it gives the hash back when the
//! buckets are to be more. That hash has 40 bits; a probe for another key is answered wrongly once in 10^7 times with
//! 100,000 keys, with 16 million once in 65,000.
//!
//! Numbers run out after as many keys as there is room for, or nearly: then all cells are renumbered and the filters
//! made anew. Constant time amortised, with a pause of some nanoseconds a bucket.
//!
//! A ghost that is full takes less than 8 bytes a key, and 5 more once weights differ from 1; one that has just grown a
//! quarter more.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

mod bucket;
mod columns;

use bucket::{AWAY_MAX, Bucket, CELLS, Layout};
use columns::Columns;

/// More keys than this are never remembered at once.
const KEYS_MAX: usize = 1 << 27;

/// The number of the first key: a cell with number 0 is free.
const FIRST: u32 = 1;

#[derive(Clone, Debug)]
pub(crate) struct Ghost {
    /// The most weight that is remembered.
    limit: u64,
    /// The weight of the remembered keys; a key of weight 0 weighs 1 here, so that the ghost stays bounded.
    weight: u64,
    /// The number of remembered keys.
    len: usize,
    /// The number of keys that the buckets are made for.
    room: usize,
    layout: Layout,
    buckets: Vec<Bucket>,
    /// The keys for which there is no cell near the bucket of their hash: a few in 100,000.
    strays: Vec<Stray>,
    /// The oldest number that may be remembered.
    oldest: u32,
    /// The number of the next key.
    next: u32,
    /// The number at which all are renumbered.
    end: u32,
    /// The number before which there is room for keys and numbers, whatever is forgotten until then.
    stop: u32,
    /// The most numbers from the oldest on.
    span_max: usize,
    /// A bit for each number, whether it was not taken: those of 64 numbers, from the oldest on.
    word: u64,
    /// The words after that one.
    words: VecDeque<u64>,
    /// None while all weigh 1.
    columns: Option<Box<Columns>>,
}

/// A key outside of the buckets.
#[derive(Copy, Clone, Debug)]
struct Stray {
    hash: u64,
    number: u32,
}

/// Where a key was found.
#[derive(Copy, Clone)]
enum Found {
    Cell(usize, usize),
    Stray(usize),
}

/// 40 bits of a hash.
#[inline]
fn mixed(hash: u64) -> u64 {
    // An odd factor loses nothing, and spreads hashes that differ in their low bits only.
    hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24
}

impl Ghost {
    pub(crate) fn new(limit: u64) -> Self {
        Ghost {
            limit,
            weight: 0,
            len: 0,
            room: 0,
            layout: Layout::new(1),
            buckets: Vec::new(),
            strays: Vec::new(),
            oldest: FIRST,
            next: FIRST,
            end: FIRST,
            stop: FIRST,
            span_max: 0,
            word: u64::MAX,
            words: VecDeque::new(),
            columns: None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The weight of the remembered keys, a key of weight 0 counting as 1.
    #[inline]
    pub(crate) fn weight(&self) -> u64 {
        self.weight
    }

    /// Changes the most weight that is remembered; forgets the oldest keys beyond it.
    pub(crate) fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
        while self.weight > limit {
            self.forget_oldest();
        }
        if self.len < self.room / 4 {
            self.rebuild(self.len);
        }
        self.set_stop();
    }

    /// Remembers a key as the newest. Forgets the oldest ones beyond the limit; a key heavier than the limit is not
    /// remembered.
    ///
    /// The key is taken for one that is not remembered: otherwise it is there twice, and `take` finds the newer.
    #[inline]
    pub(crate) fn remember(&mut self, hash: u64, weight: u32) {
        self.enter(hash, weight);
    }

    /// Remembers a key unless it is too heavy, and returns whether it does.
    #[inline]
    fn enter(&mut self, hash: u64, weight: u32) -> bool {
        let weight = weight.max(1);
        if u64::from(weight) > self.limit {
            return false;
        }
        while self.weight + u64::from(weight) > self.limit {
            self.forget_oldest();
        }
        if self.next >= self.stop {
            self.make_room();
        }
        if weight != 1 {
            self.keep_weights();
        }
        self.push(mixed(hash), weight);
        true
    }

    #[inline(never)]
    fn keep_weights(&mut self) {
        let (span, span_max) = (self.span(), self.span_max);
        let columns = self.columns.get_or_insert_default();
        columns.with_weights(span, span_max);
    }

    /// Forgets a key, and returns whether it was remembered.
    #[inline]
    pub(crate) fn take(&mut self, hash: u64) -> bool {
        self.take_number(hash).is_some()
    }

    /// Forgets a key, and returns its number.
    #[inline]
    fn take_number(&mut self, hash: u64) -> Option<u32> {
        if self.len == 0 {
            return None;
        }
        let hash = mixed(hash);
        let place = self.layout.place(hash);
        let home = &self.buckets[place.bucket];
        if !home.has_print(place.print) && !home.may_be_away(place.print) {
            return None;
        }
        self.take_found(hash)
    }

    /// Forgets a key whose print is in its bucket or in the filter there.
    #[inline(never)]
    fn take_found(&mut self, hash: u64) -> Option<u32> {
        let place = self.layout.place(hash);
        let mut newest = None;
        let mut number = self.oldest - 1;
        let away_max = self.buckets[place.bucket].away_max(place.print);
        for away in 0..=away_max {
            let at = self.layout.bucket_away(place.bucket, away);
            let tag = self.layout.tag_away(place.tag, away);
            let bucket = &self.buckets[at];
            if !bucket.has_print(place.print) {
                continue;
            }
            for cell in 0..CELLS {
                let found = bucket.number(&self.layout, cell, place.print, tag);
                if found > number {
                    number = found;
                    newest = Some(Found::Cell(at, cell));
                }
            }
        }
        if away_max == AWAY_MAX {
            for (index, stray) in self.strays.iter().enumerate() {
                if stray.hash == hash && stray.number > number {
                    number = stray.number;
                    newest = Some(Found::Stray(index));
                }
            }
        }
        match newest? {
            Found::Cell(at, cell) => self.buckets[at].free(cell),
            Found::Stray(index) => {
                self.strays.swap_remove(index);
            }
        }
        self.take_out(number);
        Some(number)
    }

    /// Makes a hole of a number.
    #[inline]
    fn take_out(&mut self, number: u32) {
        let words_on = (number >> 6) - (self.oldest >> 6);
        if words_on == 0 {
            self.word &= !(1 << (number - self.oldest));
        } else {
            self.words[words_on as usize - 1] &= !(1 << (number & 63));
        }
        let index = (number - self.oldest) as usize;
        let columns = self.columns.as_ref();
        self.len -= 1;
        self.weight -= columns.map_or(1, |columns| u64::from(columns.weight(index)));
    }

    /// The numbers from the oldest on, those of taken keys included.
    #[inline]
    fn span(&self) -> usize {
        (self.next - self.oldest) as usize
    }

    /// Gives the next number to a key, for which there is room.
    #[inline]
    fn push(&mut self, hash: u64, weight: u32) {
        let number = self.next;
        self.next += 1;
        self.len += 1;
        self.weight += u64::from(weight);
        if number.is_multiple_of(64) || self.columns.is_some() {
            self.push_beside(number, weight);
        }
        let place = self.layout.place(hash);
        let home = &mut self.buckets[place.bucket];
        if home.turn_number(&self.layout) < self.oldest {
            home.fill_turn(place.print, place.tag | number);
        } else {
            self.push_crowded(hash, number);
        }
    }

    /// Makes another word, and fills the columns.
    #[inline(never)]
    fn push_beside(&mut self, number: u32, weight: u32) {
        if number.is_multiple_of(64) && number != self.oldest {
            self.words.push_back(u64::MAX);
        }
        if let Some(columns) = &mut self.columns {
            columns.push(weight);
        }
    }

    /// Puts a key near its bucket, which is full.
    #[inline(never)]
    fn push_crowded(&mut self, hash: u64, number: u32) {
        let place = self.layout.place(hash);
        for away in 1..=AWAY_MAX {
            let at = self.layout.bucket_away(place.bucket, away);
            let bucket = &mut self.buckets[at];
            if bucket.turn_number(&self.layout) < self.oldest {
                let tag = self.layout.tag_away(place.tag, away);
                bucket.fill_turn(place.print, tag | number);
                self.buckets[place.bucket].admit_away(place.print, away);
                return;
            }
        }
        self.buckets[place.bucket].admit_away(place.print, AWAY_MAX);
        if self.strays.len() == self.strays.capacity() {
            let oldest = self.oldest;
            self.strays.retain(|stray| stray.number >= oldest);
        }
        self.strays.push(Stray { hash, number });
    }

    #[inline]
    fn oldest_is_remembered(&self) -> bool {
        self.word & 1 != 0
    }

    /// Moves on to the next number, and returns the weight of the one before.
    #[inline]
    fn step(&mut self) -> u32 {
        self.oldest += 1;
        self.word >>= 1;
        if self.oldest.is_multiple_of(64) {
            self.word = self.words.pop_front().unwrap_or(u64::MAX);
        }
        match &mut self.columns {
            Some(columns) => columns.pop(),
            None => 1,
        }
    }

    /// Forgets the oldest key, of which there must be one.
    #[inline]
    pub(crate) fn forget_oldest(&mut self) {
        let next = self.oldest + 1;
        if self.oldest_is_remembered() && !next.is_multiple_of(64) && self.columns.is_none() {
            self.oldest = next;
            self.word >>= 1;
            self.len -= 1;
            self.weight -= 1;
        } else {
            self.forget_oldest_of_all();
        }
    }

    /// The same where there are holes, other words or columns.
    #[inline(never)]
    fn forget_oldest_of_all(&mut self) {
        // Bounded by the span: the weight is above 0, so some number in it has a key.
        loop {
            let is_remembered = self.oldest_is_remembered();
            let weight = self.step();
            if is_remembered {
                self.len -= 1;
                self.weight -= u64::from(weight);
                return;
            }
        }
    }

    /// Makes room for a key and a number.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self) {
        let limit = usize::try_from(self.limit)
            .unwrap_or(usize::MAX)
            .min(KEYS_MAX);
        if self.len == self.room {
            if self.room < limit {
                self.rebuild((self.room + self.room / 4).max(16).min(limit));
            } else {
                self.forget_oldest();
            }
        }
        if self.span() == self.span_max {
            self.rebuild(self.room);
        }
        if self.next == self.end {
            self.renumber();
        }
        self.set_stop();
    }

    fn set_stop(&mut self) {
        let spare_numbers = self.span_max - self.span();
        let spare = if self.limit <= self.room as u64 {
            spare_numbers
        } else {
            spare_numbers.min(self.room - self.len)
        };
        let stop = self.next as usize + spare;
        self.stop = self.end.min(u32::try_from(stop).unwrap_or(u32::MAX));
    }

    /// Begins the numbers anew, and empties the filters of keys that are gone.
    fn renumber(&mut self) {
        // The bits of a word stay together.
        let shift = (self.oldest - 1) & !63;
        for bucket in &mut self.buckets {
            bucket.renumber(&self.layout, self.oldest, shift);
        }
        let oldest = self.oldest;
        self.strays.retain_mut(|stray| {
            let is_remembered = stray.number >= oldest;
            stray.number = stray.number.saturating_sub(shift);
            is_remembered
        });
        self.oldest -= shift;
        self.next -= shift;
        self.set_end();
        for at in 0..self.buckets.len() {
            for (cell, away) in self.buckets[at].guests(&self.layout) {
                let print = self.buckets[at].print(cell);
                let home = self.layout.home(at, away);
                self.buckets[home].admit_away(print, away);
            }
        }
        for stray in &self.strays {
            let place = self.layout.place(stray.hash);
            self.buckets[place.bucket].admit_away(place.print, AWAY_MAX);
        }
    }

    fn set_end(&mut self) {
        let end = self.next as usize + self.room.max(16);
        self.end = end.min(self.layout.numbers()) as u32;
        self.set_stop();
    }

    /// The hashes by number from the oldest on; none where a key was taken.
    fn hashes(&self) -> Vec<Option<u64>> {
        let mut hashes = vec![None; self.span()];
        for (at, bucket) in self.buckets.iter().enumerate() {
            for cell in 0..CELLS {
                let (number, hash) = self.layout.hash(at, bucket, cell);
                if number >= self.oldest {
                    hashes[(number - self.oldest) as usize] = Some(hash);
                }
            }
        }
        for stray in self.strays.iter().filter(|s| s.number >= self.oldest) {
            hashes[(stray.number - self.oldest) as usize] = Some(stray.hash);
        }
        hashes
    }

    /// Builds the buckets anew for this many keys, without holes. Constant time amortised: there were holes for an
    /// eighth of the keys, or the room grows by a quarter.
    fn rebuild(&mut self, room: usize) {
        let hashes = self.hashes();
        let old_columns = self.columns.take();
        self.len = 0;
        self.weight = 0;
        self.room = room;
        self.layout = Layout::new(room);
        self.buckets = Vec::new();
        self.buckets = vec![Bucket::default(); self.layout.buckets()];
        self.strays = Vec::new();
        self.oldest = FIRST;
        self.next = FIRST;
        self.span_max = room + room / 8 + 16;
        self.word = u64::MAX;
        self.words = VecDeque::new();
        self.words.reserve_exact(self.span_max / 64 + 1);
        self.columns = old_columns.as_ref().map(|old| old.emptied(self.span_max));
        for (index, hash) in hashes.into_iter().enumerate() {
            let Some(hash) = hash else { continue };
            let old = old_columns.as_ref();
            self.push(hash, old.map_or(1, |old| old.weight(index)));
        }
        self.set_end();
    }

    /// Asserts that numbers, buckets and weights agree.
    pub(crate) fn check(&self) {
        assert!(
            self.weight <= self.limit,
            "the ghost remembers more than it may"
        );
        assert!(self.len <= self.room && self.len <= self.span() && self.next <= self.end);
        assert!(self.span() <= self.span_max);
        let columns = self.columns.as_ref();
        if let Some(columns) = columns {
            columns.check(self.span());
        }
        let mut weight = 0;
        for (index, hash) in self.hashes().into_iter().enumerate() {
            let number = self.oldest + index as u32;
            let bit = match (number >> 6) - (self.oldest >> 6) {
                0 => self.word >> index,
                word => self.words[word as usize - 1] >> (number & 63),
            };
            assert_eq!(bit & 1 == 1, hash.is_some(), "a bit differs from the cells");
            if hash.is_some() {
                weight += columns.map_or(1, |columns| u64::from(columns.weight(index)));
            }
        }
        assert_eq!(weight, self.weight, "the weight differs from the keys'");
        let keys = self.hashes().into_iter().flatten();
        assert_eq!(keys.count(), self.len, "there is another number of keys");
        for (at, bucket) in self.buckets.iter().enumerate() {
            for (cell, away) in bucket.guests(&self.layout) {
                let home = &self.buckets[self.layout.home(at, away)];
                let (number, _) = self.layout.hash(at, bucket, cell);
                assert!(
                    number < self.oldest || home.may_be_away(bucket.print(cell)),
                    "a filter refuses a key of its bucket"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;

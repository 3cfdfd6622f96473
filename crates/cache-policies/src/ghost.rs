//! A ghost: the keys that left lately, by their hashes, first in first out by weight.
//!
//! ```text
//!  heads   by hash: [ filter | newest position + 1 of a chain ]                       4 bytes each, one for 3 keys
//!  ring    oldest -> [ high half of the hash | tag, next older position + 1 of the chain ] <- newest      8 bytes each
//! ```
//! The oldest key leaves by the ring's start moving on: it is the last of its chain, and whoever walks the chain stops
//! where a link leads out of the part in use, or to a position that was reused since, which is younger than the link.
//! A key that is taken from the middle is unlinked and leaves a hole; the ring is packed when it is full of those.
//! The filter has a bit for each of the chain's keys, and for some that are gone: it tells of two in three keys that are
//! not remembered without a look at the ring.
//!
//! A ghost takes less than 10 bytes, and 4 more once weights differ from 1.
//!
//! Hashes are compared by 48 bits while the ghost has room for fewer than 60,000 keys, and by one bit less at each
//! doubling from there: with 100,000 keys a probe for another key is answered wrongly once in 10^9 times, with 16
//! million once in 30,000.

use alloc::vec;
use alloc::vec::Vec;

/// More keys than this are never remembered at once: links keep at least 1 bit for the tag.
const KEYS_MAX: usize = 1 << 30;

/// The fewest bits that a position takes in a link.
const POSITION_BITS_MIN: u32 = 16;

#[derive(Clone, Debug)]
pub(crate) struct Ghost {
    /// The most weight that is remembered.
    limit: u64,
    /// The weight of the remembered keys; a key of weight 0 weighs 1 here, so that the ghost stays bounded.
    weight: u64,
    /// The number of remembered keys.
    len: usize,
    /// The number of keys that heads and ring are made for.
    room: usize,
    /// By the high half of a hash: in the low `position_bits`, where its chain begins, or once began, 0 for nowhere; in the
    /// others the filter.
    heads: Vec<u32>,
    ring: Vec<Link>,
    /// By position in the ring; empty while all weigh 1.
    weights: Vec<u32>,
    /// By position in the ring; empty while no key has a stamp.
    stamps: Vec<u32>,
    /// The position of the oldest key or hole.
    oldest: usize,
    /// The positions in use, holes included.
    span: usize,
    /// Never falls: the bits that a tag lost are gone.
    position_bits: u32,
}

/// One push in as many makes the filter of its chain anew, by a walk along it.
const FILTER_PUSHES: usize = 4;

/// At most so many links are walked for that; the filter of a longer chain passes all keys.
const FILTER_STEPS: usize = 8;

/// One position of the ring.
#[derive(Copy, Clone, Debug, Default)]
struct Link {
    /// The high half of the mixed hash: names the chain.
    high: u32,
    /// The low `position_bits`: the next older position of the chain + 1, 0 for none, its own + 1 for a hole. The
    /// others: a tag, the upper bits of the hash's low half.
    tagged: u32,
}

/// A hash, mixed and parted.
#[derive(Copy, Clone)]
struct Fingerprint {
    high: u32,
    low: u32,
}

impl Fingerprint {
    #[inline]
    fn of(hash: u64) -> Self {
        // An odd factor loses nothing, and spreads hashes that differ in their low bits only.
        let mixed = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Fingerprint {
            high: (mixed >> 32) as u32,
            low: mixed as u32,
        }
    }
}

impl Ghost {
    pub(crate) fn new(limit: u64) -> Self {
        Ghost {
            limit,
            weight: 0,
            len: 0,
            room: 0,
            heads: Vec::new(),
            ring: Vec::new(),
            weights: Vec::new(),
            stamps: Vec::new(),
            oldest: 0,
            span: 0,
            position_bits: POSITION_BITS_MIN,
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
    }

    /// Remembers a key as the newest. Forgets the oldest ones beyond the limit; a key heavier than the limit is not
    /// remembered.
    ///
    /// The key is taken for one that is not remembered: otherwise it is there twice, and `take` finds the newer.
    #[inline]
    pub(crate) fn remember(&mut self, hash: u64, weight: u32) {
        self.enter(hash, weight);
    }

    /// Remembers a key with a number that is given back with it; 4 bytes more for each key once this was called.
    #[inline]
    pub(crate) fn remember_stamped(&mut self, hash: u64, weight: u32, stamp: u32) {
        if let Some(position) = self.enter(hash, weight) {
            if self.stamps.is_empty() {
                self.stamps = vec![0; self.ring.len()];
            }
            self.stamps[position] = stamp;
        }
    }

    /// Remembers a key; the position that it has now, if it is not too heavy.
    #[inline]
    fn enter(&mut self, hash: u64, weight: u32) -> Option<usize> {
        let weight = weight.max(1);
        if u64::from(weight) > self.limit {
            return None;
        }
        while self.weight + u64::from(weight) > self.limit {
            self.forget_oldest();
        }
        if self.len == self.room || self.span == self.ring.len() {
            self.make_room();
        }
        if weight != 1 && self.weights.is_empty() {
            self.weights = vec![1; self.ring.len()];
        }
        self.len += 1;
        self.weight += u64::from(weight);
        Some(self.push(Fingerprint::of(hash), weight))
    }

    /// The stamp of the oldest key; 0 if it has none, and `None` if nothing is remembered.
    #[inline]
    pub(crate) fn oldest_stamp(&mut self) -> Option<u32> {
        if self.len == 0 {
            return None;
        }
        while self.is_hole(self.oldest) {
            self.oldest = self.following(self.oldest);
            self.span -= 1;
        }
        Some(self.stamps.get(self.oldest).copied().unwrap_or(0))
    }

    /// Forgets a key, and returns whether it was remembered.
    #[inline]
    pub(crate) fn take(&mut self, hash: u64) -> bool {
        self.take_position(hash).is_some()
    }

    /// Forgets a key, and returns its stamp, 0 if it has none.
    #[inline]
    pub(crate) fn take_stamped(&mut self, hash: u64) -> Option<u32> {
        let position = self.take_position(hash)?;
        Some(self.stamps.get(position).copied().unwrap_or(0))
    }

    /// Forgets a key, and returns where it was.
    #[inline]
    fn take_position(&mut self, hash: u64) -> Option<usize> {
        if self.len == 0 {
            return None;
        }
        let Fingerprint { high, low } = Fingerprint::of(hash);
        let head = self.head(high);
        let start = self.heads[head];
        if start & self.filter_bit(low) == 0 {
            return None;
        }
        let mut position = ((start & self.position_mask()) as usize).wrapping_sub(1);
        let mut age = self.age(position);
        if age >= self.span || self.head(self.ring[position].high) != head {
            return None;
        }
        let mut younger = None;
        loop {
            let link = self.ring[position];
            let older = (link.tagged & self.position_mask()) as usize;
            if link.high == high && link.tagged >> self.position_bits == low >> self.position_bits {
                self.unlink(position, younger, head);
                return Some(position);
            }
            younger = Some(position);
            position = older.wrapping_sub(1);
            let next_age = self.age(position);
            if next_age <= age || next_age >= self.span {
                return None;
            }
            age = next_age;
        }
    }

    /// How many positions were filled after this one; the ring's length or more if it is none.
    #[inline]
    fn age(&self, position: usize) -> usize {
        if position >= self.ring.len() {
            return usize::MAX;
        }
        let newest = self.oldest + self.span + self.ring.len() - 1;
        let age = newest - position;
        // At most twice around: `oldest` and `span` are each at most the length.
        let len = self.ring.len();
        if age >= 2 * len {
            age - 2 * len
        } else if age >= len {
            age - len
        } else {
            age
        }
    }

    #[inline]
    fn head(&self, high: u32) -> usize {
        ((u64::from(high) * self.heads.len() as u64) >> 32) as usize
    }

    #[inline]
    fn position_mask(&self) -> u32 {
        (1 << self.position_bits) - 1
    }

    /// The bit of a key's tag in the filter of its chain.
    #[inline]
    fn filter_bit(&self, low: u32) -> u32 {
        let bits = u32::BITS - self.position_bits;
        let tag = low & !self.position_mask();
        1 << (self.position_bits + (((tag >> 27) * bits) >> 5))
    }

    /// The filter of the chain that begins at this position + 1, as far as it is in use.
    fn filter_of(&self, head: usize, start: u32) -> u32 {
        let mut filter = 0;
        let mut position = (start as usize).wrapping_sub(1);
        let mut age = self.age(position);
        if age >= self.span || self.head(self.ring[position].high) != head {
            return 0;
        }
        for _ in 0..FILTER_STEPS {
            let tagged = self.ring[position].tagged;
            filter |= self.filter_bit(tagged);
            position = ((tagged & self.position_mask()) as usize).wrapping_sub(1);
            let next_age = self.age(position);
            if next_age <= age || next_age >= self.span {
                return filter;
            }
            age = next_age;
        }
        !self.position_mask()
    }

    fn weight_at(&self, position: usize) -> u32 {
        self.weights.get(position).copied().unwrap_or(1)
    }

    fn is_hole(&self, position: usize) -> bool {
        self.ring[position].tagged & self.position_mask() == position as u32 + 1
    }

    #[inline]
    fn following(&self, position: usize) -> usize {
        if position + 1 == self.ring.len() {
            0
        } else {
            position + 1
        }
    }

    /// Fills the next position of the ring, and begins the chain there.
    #[inline]
    fn push(&mut self, Fingerprint { high, low }: Fingerprint, weight: u32) -> usize {
        let mut position = self.oldest + self.span;
        if position >= self.ring.len() {
            position -= self.ring.len();
        }
        let head = self.head(high);
        let mask = self.position_mask();
        let mut older = self.heads[head] & mask;
        let mut filter = self.heads[head] & !mask;
        if position.is_multiple_of(FILTER_PUSHES) {
            filter = self.filter_of(head, older);
        }
        // A head that was left behind by the key that used to be here would make a hole of this one.
        if older == position as u32 + 1 {
            older = 0;
        }
        let tag = low & !mask;
        self.ring[position] = Link {
            high,
            tagged: tag | older,
        };
        self.heads[head] = filter | self.filter_bit(low) | (position as u32 + 1);
        if let Some(place) = self.weights.get_mut(position) {
            *place = weight;
        }
        self.span += 1;
        position
    }

    /// Makes a hole of a position.
    fn unlink(&mut self, position: usize, younger: Option<usize>, head: usize) {
        let mask = self.position_mask();
        let mut older = self.ring[position].tagged & mask;
        let older_age = self.age((older as usize).wrapping_sub(1));
        if older_age <= self.age(position) || older_age >= self.span {
            // The chain ends here. What the link says is reused by now, maybe by the younger one, which its own number
            // would make a hole.
            older = 0;
        }
        match younger {
            Some(younger) => {
                let tagged = &mut self.ring[younger].tagged;
                *tagged = *tagged & !mask | older;
            }
            None => self.heads[head] = self.heads[head] & !mask | older,
        }
        self.ring[position].tagged = position as u32 + 1;
        self.discount(position);
    }

    fn discount(&mut self, position: usize) {
        self.len -= 1;
        self.weight -= u64::from(self.weight_at(position));
    }

    /// Forgets the oldest key, of which there must be one.
    #[inline]
    pub(crate) fn forget_oldest(&mut self) {
        // Bounded by the span: the weight is above 0, so some position in it has a key.
        loop {
            let position = self.oldest;
            self.oldest = self.following(position);
            self.span -= 1;
            if !self.is_hole(position) {
                self.discount(position);
                return;
            }
        }
    }

    /// Packs the ring, or makes heads and ring larger.
    #[cold]
    fn make_room(&mut self) {
        let limit = usize::try_from(self.limit)
            .unwrap_or(usize::MAX)
            .min(KEYS_MAX);
        if self.len < self.room {
            self.rebuild(self.room);
        } else if self.room < limit {
            self.rebuild((self.room + self.room / 2).max(16).min(limit));
        } else {
            self.forget_oldest();
            self.rebuild(self.room);
        }
    }

    /// Builds heads and ring anew for this many keys, without holes. Constant time amortised: there were holes for a
    /// sixteenth of the keys, or the room grows by a half.
    fn rebuild(&mut self, room: usize) {
        let ring_len = room + room / 16 + 8;
        let old = Ghost {
            heads: core::mem::replace(&mut self.heads, vec![0; room / 3 + 4]),
            ring: core::mem::replace(&mut self.ring, vec![Link::default(); ring_len]),
            weights: core::mem::take(&mut self.weights),
            stamps: core::mem::take(&mut self.stamps),
            ..*self
        };
        if !old.weights.is_empty() {
            self.weights = vec![1; ring_len];
        }
        if !old.stamps.is_empty() {
            self.stamps = vec![0; ring_len];
        }
        self.room = room;
        self.position_bits = self
            .position_bits
            .max(usize::BITS - ring_len.leading_zeros());
        self.oldest = 0;
        self.span = 0;
        let mut position = old.oldest;
        for _ in 0..old.span {
            if !old.is_hole(position) {
                let Link { high, tagged } = old.ring[position];
                let low = tagged & !old.position_mask();
                let now_at = self.push(Fingerprint { high, low }, old.weight_at(position));
                if let Some(stamp) = self.stamps.get_mut(now_at) {
                    *stamp = old.stamps[position];
                }
            }
            position = old.following(position);
        }
    }

    /// Asserts that ring, chains and weights agree.
    pub(crate) fn check(&self) {
        assert!(
            self.weight <= self.limit,
            "the ghost remembers more than it may"
        );
        assert!(self.len <= self.room && self.len <= self.span && self.span <= self.ring.len());
        assert!(self.weights.is_empty() || self.weights.len() == self.ring.len());
        assert!(self.stamps.is_empty() || self.stamps.len() == self.ring.len());
        let positions = (0..self.span).map(|step| (self.oldest + step) % self.ring.len());
        let keys: Vec<usize> = positions
            .filter(|position| !self.is_hole(*position))
            .collect();
        assert_eq!(keys.len(), self.len, "the ring has another number of keys");
        let weight: u64 = keys
            .iter()
            .map(|position| u64::from(self.weight_at(*position)))
            .sum();
        assert_eq!(weight, self.weight, "the weight differs from the keys'");
        assert!(
            keys.iter().all(|position| self.is_chained(*position)),
            "a key is not in its chain"
        );
    }

    fn is_chained(&self, wanted: usize) -> bool {
        let Link { high, tagged } = self.ring[wanted];
        let start = self.heads[self.head(high)];
        assert!(
            start & self.filter_bit(tagged) != 0,
            "a filter refuses a key of its chain"
        );
        let mut position = (start & self.position_mask()) as usize - 1;
        for _ in 0..self.span {
            if position == wanted {
                return true;
            }
            position = (self.ring[position].tagged & self.position_mask()) as usize - 1;
        }
        false
    }
}

#[cfg(test)]
mod tests;

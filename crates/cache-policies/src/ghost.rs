//! A ghost: the keys that left lately, by their hashes, first in first out by weight.
//!
//! ```text
//!  ring    oldest -> [ hash's high half | hole | ... | ... ] <- newest      4 bytes a position
//!  table   [ tag (more of the hash) | position + 1 ] at the hash's home, linear probing      4 bytes a cell
//! ```
//! A key that is taken leaves a hole in the ring: a position that no cell points to. Holes cost nothing until the
//! ring is full of them; then it is packed. At 8 positions for 9 and 3 keys for 4 cells a ghost
//! takes about 10 bytes, and 4 more once weights differ from 1.
//!
//! Hashes are compared by at least 32 + 16 bits while the ghost has fewer than 65,536 keys, and a bit less at each doubling from there: with 16 million keys a
//! probe for another key is answered wrongly once in about 10^10.

use alloc::vec;
use alloc::vec::Vec;

/// More keys than this are never remembered at once: cells keep at least 1 bit for the tag.
const KEYS_MAX: usize = 1 << 30;

/// The fewest bits that a position takes in a cell.
const POSITION_BITS_MIN: u32 = 16;

#[derive(Debug)]
pub(crate) struct Ghost {
    /// The most weight that is remembered.
    limit: u64,
    /// The weight of the remembered keys; a key of weight 0 weighs 1 here, so that the ghost stays bounded.
    weight: u64,
    /// The number of remembered keys.
    len: usize,
    /// The number of keys that ring and table are made for.
    room: usize,
    /// The high half of each key's mixed hash, in the order of arrival.
    ring: Vec<u32>,
    /// By position in the ring; empty while all weigh 1.
    weights: Vec<u32>,
    /// The position of the oldest key or hole.
    oldest: usize,
    /// The positions in use, holes included.
    span: usize,
    /// Linear probing, 0 is empty. The low `position_bits` hold a position + 1, the others a tag.
    cells: Vec<u32>,
    /// Never falls: the bits that a tag lost are gone.
    position_bits: u32,
}

/// A hash, mixed and parted.
#[derive(Copy, Clone)]
struct Fingerprint {
    /// Names the home cell; kept in the ring.
    high: u32,
    /// Its upper bits are kept as the tag.
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
            ring: Vec::new(),
            weights: Vec::new(),
            oldest: 0,
            span: 0,
            cells: Vec::new(),
            position_bits: POSITION_BITS_MIN,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
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
    /// remembered, and one that is remembered keeps its place.
    #[inline]
    pub(crate) fn remember(&mut self, hash: u64, weight: u32) {
        let weight = weight.max(1);
        if u64::from(weight) > self.limit || self.find(hash).is_some() {
            return;
        }
        while self.weight + u64::from(weight) > self.limit {
            self.forget_oldest();
        }
        if self.len == self.room || self.span == self.ring.len() {
            self.make_room();
        }
        let mut position = self.oldest + self.span;
        if position >= self.ring.len() {
            position -= self.ring.len();
        }
        let fingerprint = Fingerprint::of(hash);
        self.ring[position] = fingerprint.high;
        if weight != 1 && self.weights.is_empty() {
            self.weights = vec![1; self.ring.len()];
        }
        if let Some(place) = self.weights.get_mut(position) {
            *place = weight;
        }
        self.point_to(fingerprint, position);
        self.span += 1;
        self.len += 1;
        self.weight += u64::from(weight);
    }

    /// Forgets a key, and returns whether it was remembered.
    #[inline]
    pub(crate) fn take(&mut self, hash: u64) -> bool {
        let Some(at) = self.find(hash) else {
            return false;
        };
        self.drop_cell(at);
        true
    }

    fn forget_oldest(&mut self) {
        // Bounded by the span: the weight is above 0, so some position in it has a key.
        loop {
            let position = self.oldest;
            self.oldest = if position + 1 == self.ring.len() {
                0
            } else {
                position + 1
            };
            self.span -= 1;
            if let Some(at) = self.find_position(position) {
                self.drop_cell(at);
                return;
            }
        }
    }

    /// The cell of a key.
    #[inline]
    fn find(&self, hash: u64) -> Option<usize> {
        if self.len == 0 {
            return None;
        }
        let Fingerprint { high, low } = Fingerprint::of(hash);
        let tag = low >> self.position_bits;
        let mut at = self.home(high);
        loop {
            let cell = self.cells[at];
            if cell == 0 {
                return None;
            }
            if cell >> self.position_bits == tag && self.ring[self.position(cell)] == high {
                return Some(at);
            }
            at = self.next(at);
        }
    }

    /// The cell that points to a position; `None` if that is a hole.
    fn find_position(&self, position: usize) -> Option<usize> {
        let mut at = self.home(self.ring[position]);
        loop {
            let cell = self.cells[at];
            if cell == 0 {
                return None;
            }
            if self.position(cell) == position {
                return Some(at);
            }
            at = self.next(at);
        }
    }

    #[inline]
    fn home(&self, high: u32) -> usize {
        ((u64::from(high) * self.cells.len() as u64) >> 32) as usize
    }

    #[inline]
    fn next(&self, at: usize) -> usize {
        if at + 1 == self.cells.len() {
            0
        } else {
            at + 1
        }
    }

    #[inline]
    fn position(&self, cell: u32) -> usize {
        (cell & ((1 << self.position_bits) - 1)) as usize - 1
    }

    fn weight_at(&self, position: usize) -> u32 {
        self.weights.get(position).copied().unwrap_or(1)
    }

    /// Fills the first empty cell from the key's home on.
    #[inline]
    fn point_to(&mut self, fingerprint: Fingerprint, position: usize) {
        let mut at = self.home(fingerprint.high);
        while self.cells[at] != 0 {
            at = self.next(at);
        }
        let tag = fingerprint.low >> self.position_bits;
        self.cells[at] = tag << self.position_bits | (position as u32 + 1);
    }

    /// Empties the cell of a key that is forgotten, and moves up those that it had displaced.
    fn drop_cell(&mut self, at: usize) {
        self.len -= 1;
        self.weight -= u64::from(self.weight_at(self.position(self.cells[at])));
        let mut empty = at;
        let mut probe = self.next(at);
        while self.cells[probe] != 0 {
            let home = self.home(self.ring[self.position(self.cells[probe])]);
            // Whether the home lies after the empty cell, up to the probed one, around the end if need be.
            let stays = if empty <= probe {
                empty < home && home <= probe
            } else {
                empty < home || home <= probe
            };
            if !stays {
                self.cells[empty] = self.cells[probe];
                empty = probe;
            }
            probe = self.next(probe);
        }
        self.cells[empty] = 0;
        if self.len == 0 {
            self.oldest = 0;
            self.span = 0;
        }
    }

    /// Packs the ring, or makes ring and table larger.
    #[cold]
    fn make_room(&mut self) {
        if self.len < self.room {
            self.rebuild(self.room);
            return;
        }
        let limit = usize::try_from(self.limit)
            .unwrap_or(usize::MAX)
            .min(KEYS_MAX);
        if self.room >= limit {
            self.forget_oldest();
            self.rebuild(self.room);
        } else {
            self.rebuild((self.room + self.room / 2).max(16).min(limit));
        }
    }

    /// Builds ring and table anew for this many keys, without holes. Constant time amortised: there were as many holes as an eighth of the
    /// keys, or the room grows by a half.
    fn rebuild(&mut self, room: usize) {
        let ring_len = room + room / 8 + 8;
        let mut old = Ghost {
            ring: core::mem::replace(&mut self.ring, vec![0; ring_len]),
            cells: core::mem::replace(&mut self.cells, vec![0; room + room / 3 + 8]),
            weights: core::mem::take(&mut self.weights),
            ..*self
        };
        if !old.weights.is_empty() {
            self.weights = vec![1; ring_len];
        }
        self.room = room;
        self.position_bits = self
            .position_bits
            .max(usize::BITS - ring_len.leading_zeros());
        self.oldest = 0;
        self.span = 0;
        while self.span < old.len {
            if let Some(at) = old.find_position(old.oldest) {
                let tag = old.cells[at] >> old.position_bits;
                let fingerprint = Fingerprint {
                    high: old.ring[old.oldest],
                    low: tag << old.position_bits,
                };
                self.ring[self.span] = fingerprint.high;
                if let Some(place) = self.weights.get_mut(self.span) {
                    *place = old.weight_at(old.oldest);
                }
                self.point_to(fingerprint, self.span);
                self.span += 1;
            }
            old.oldest = if old.oldest + 1 == old.ring.len() {
                0
            } else {
                old.oldest + 1
            };
        }
    }

    /// Asserts that ring, table and weights agree.
    pub(crate) fn check(&self) {
        assert!(
            self.weight <= self.limit,
            "the ghost remembers more than it may"
        );
        assert!(self.len <= self.room && self.len <= self.span && self.span <= self.ring.len());
        assert!(self.weights.is_empty() || self.weights.len() == self.ring.len());
        let filled = self.cells.iter().filter(|cell| **cell != 0).count();
        assert_eq!(filled, self.len, "the table has another number of keys");
        let (mut len, mut weight) = (0, 0);
        for step in 0..self.span {
            let position = (self.oldest + step) % self.ring.len();
            if self.find_position(position).is_some() {
                len += 1;
                weight += u64::from(self.weight_at(position));
            }
        }
        assert_eq!(
            len, self.len,
            "a key cannot be found from its place in the ring"
        );
        assert_eq!(weight, self.weight, "the weight differs from the keys'");
    }
}

#[cfg(test)]
mod tests {
    use super::Ghost;
    use std::collections::VecDeque;

    /// The dullest ghost.
    struct Model {
        limit: u64,
        keys: VecDeque<(u64, u64)>,
    }

    impl Model {
        fn weight(&self) -> u64 {
            self.keys.iter().map(|key| key.1).sum()
        }

        fn remember(&mut self, hash: u64, weight: u32) {
            let weight = u64::from(weight.max(1));
            if weight > self.limit || self.keys.iter().any(|key| key.0 == hash) {
                return;
            }
            while self.weight() + weight > self.limit {
                self.keys.pop_front();
            }
            self.keys.push_back((hash, weight));
        }

        fn take(&mut self, hash: u64) -> bool {
            let len = self.keys.len();
            self.keys.retain(|key| key.0 != hash);
            self.keys.len() < len
        }
    }

    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % bound
        }
    }

    fn against_model(seed: u64, limit: u64, weight_max: u64, hash_of: impl Fn(u64) -> u64) {
        let mut random = Random(seed);
        let mut ghost = Ghost::new(limit);
        let mut model = Model {
            limit,
            keys: VecDeque::new(),
        };
        for _ in 0..3_000 {
            let hash = hash_of(random.below(limit * 3 + 2));
            match random.below(20) {
                0..=11 => {
                    let weight = random.below(weight_max + 1) as u32;
                    let weight = if weight_max == 1 { 1 } else { weight };
                    ghost.remember(hash, weight);
                    model.remember(hash, weight);
                }
                12..=18 => assert_eq!(ghost.take(hash), model.take(hash)),
                _ => {
                    let limit = random.below(limit * 2 + 1);
                    ghost.set_limit(limit);
                    model.limit = limit;
                    while model.weight() > limit {
                        model.keys.pop_front();
                    }
                }
            }
            ghost.check();
            assert_eq!(
                (ghost.len, ghost.weight),
                (model.keys.len(), model.weight())
            );
        }
        for (hash, _) in model.keys.drain(..) {
            assert!(ghost.take(hash));
        }
        assert_eq!(ghost.len(), 0);
    }

    #[test]
    fn equals_the_model() {
        let mixed = |key: u64| (key + 1).wrapping_mul(0xd6e8_feb8_6659_fd93);
        for seed in 0..6 {
            against_model(seed, [0, 1, 2, 17, 90, 200][seed as usize], 1, mixed);
            against_model(seed, [0, 1, 30, 170, 500, 90][seed as usize], 40, mixed);
        }
    }

    #[test]
    fn equals_the_model_where_all_keys_share_a_home() {
        // The high half of the mixed hash is the same for all: multiply by the inverse of the mix.
        let inverse = {
            let mut inverse = 1_u64;
            for _ in 0..6 {
                let error = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(inverse);
                inverse = inverse.wrapping_mul(2_u64.wrapping_sub(error));
            }
            inverse
        };
        let crowded = |key: u64| (0xffff_ffff_0000_0000 | key << 16).wrapping_mul(inverse);
        against_model(1, 40, 1, crowded);
        against_model(2, 100, 9, crowded);
    }

    #[test]
    fn equal_hashes_are_one_key() {
        let mut ghost = Ghost::new(10);
        for _ in 0..20 {
            ghost.remember(5, 1);
        }
        assert_eq!(ghost.len(), 1);
        assert!(ghost.take(5));
        assert!(!ghost.take(5));
    }

    #[test]
    fn weightless_keys_do_not_pile_up() {
        let mut ghost = Ghost::new(100);
        for hash in 0..10_000_u64 {
            ghost.remember(hash, 0);
        }
        assert_eq!(ghost.len(), 100);
        ghost.check();
    }

    #[test]
    fn a_full_ghost_takes_about_ten_bytes_a_key() {
        let mut ghost = Ghost::new(90_000);
        for hash in 0..500_000_u64 {
            ghost.remember(hash, 1);
        }
        let bytes = 4 * (ghost.ring.capacity() + ghost.cells.capacity() + ghost.weights.capacity());
        assert_eq!(ghost.len(), 90_000);
        assert!(bytes <= 10 * ghost.len(), "{bytes} bytes");
    }
}

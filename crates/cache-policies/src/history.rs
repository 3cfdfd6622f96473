//! A history: the keys that left lately, first in first out by weight, each with a note of the policy's.
//!
//! Where a yes or no is enough, a [`Ghost`](crate::ghost::Ghost) takes half the memory.

use alloc::collections::VecDeque;

use hashbrown::HashTable;

/// Names a place in the ring until that is packed.
type Ticket = u32;

/// The weight of a hole: that of a key is at least 1, so that the history stays bounded.
const HOLE: u32 = 0;

#[derive(Copy, Clone, Debug)]
struct Departed<T> {
    hash: u64,
    weight: u32,
    note: T,
}

/// The keys by their whole hashes: two with the same one are one key here. About 6 bytes a key beside hash, weight and
/// note.
#[derive(Clone, Debug)]
pub(crate) struct History<T> {
    /// The most weight that is remembered.
    limit: u64,
    weight: u64,
    /// Oldest first; neither the first nor the last is a hole.
    ring: VecDeque<Departed<T>>,
    /// The ticket of the first.
    first: Ticket,
    /// The tickets, by hash.
    index: HashTable<Ticket>,
}

impl<T: Copy> History<T> {
    pub(crate) fn new() -> Self {
        History {
            limit: 0,
            weight: 0,
            ring: VecDeque::new(),
            first: 0,
            index: HashTable::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// The note of the oldest key.
    #[inline]
    pub(crate) fn oldest(&self) -> Option<T> {
        self.ring.front().map(|key| key.note)
    }

    /// The note of the newest key.
    #[inline]
    pub(crate) fn newest(&self) -> Option<T> {
        self.ring.back().map(|key| key.note)
    }

    /// Changes the most weight that is remembered. `forgotten` is told the weight of each key beyond it.
    pub(crate) fn set_limit(&mut self, limit: u64, mut forgotten: impl FnMut(u32)) {
        self.limit = limit;
        while self.weight > limit {
            if let Some(weight) = self.forget_oldest() {
                forgotten(weight);
            }
        }
        if self.index.len() < self.index.capacity() / 8 {
            let (ring, first) = (&self.ring, self.first);
            let hash_of = |ticket: &Ticket| ring[ticket.wrapping_sub(first) as usize].hash;
            self.index.shrink_to(2 * self.index.len(), hash_of);
        }
    }

    /// Remembers a key as the newest. `forgotten` is told the weight of each of the oldest ones that leave for it; a
    /// key heavier than the limit is not remembered.
    #[inline]
    pub(crate) fn remember(
        &mut self,
        hash: u64,
        weight: u32,
        note: T,
        mut forgotten: impl FnMut(u32),
    ) {
        let weight = weight.max(1);
        if u64::from(weight) > self.limit {
            return;
        }
        while self.weight + u64::from(weight) > self.limit {
            if let Some(weight) = self.forget_oldest() {
                forgotten(weight);
            }
        }
        if self.ring.len() == self.ring.capacity() {
            // A doubling would leave up to one unused place for each used one.
            self.ring.reserve_exact(self.ring.len() / 8 + 16);
        }
        if self.index.len() == self.index.capacity() {
            self.make_room();
        }
        let ticket = self.first.wrapping_add(self.ring.len() as u32);
        self.ring.push_back(Departed { hash, weight, note });
        self.weight += u64::from(weight);
        let (ring, first) = (&self.ring, self.first);
        let hash_of = |ticket: &Ticket| ring[ticket.wrapping_sub(first) as usize].hash;
        self.index.insert_unique(hash, ticket, hash_of);
    }

    /// Forgets a key, and returns its weight and note if it was remembered. Constant time amortised.
    #[inline]
    pub(crate) fn take(&mut self, hash: u64) -> Option<(u32, T)> {
        let (ring, first) = (&self.ring, self.first);
        let is_it = |ticket: &Ticket| ring[ticket.wrapping_sub(first) as usize].hash == hash;
        let found = self.index.find_entry(hash, is_it).ok()?;
        let (ticket, _) = found.remove();
        let key = &mut self.ring[ticket.wrapping_sub(first) as usize];
        let taken = (key.weight, key.note);
        key.weight = HOLE;
        self.weight -= u64::from(taken.0);
        self.tidy();
        Some(taken)
    }

    /// Forgets the oldest key, and returns its weight.
    #[inline]
    pub(crate) fn forget_oldest(&mut self) -> Option<u32> {
        let key = self.ring.pop_front()?;
        let ticket = self.first;
        let found = self.index.find_entry(key.hash, |other| *other == ticket);
        debug_assert!(found.is_ok(), "a key is not in the index");
        if let Ok(found) = found {
            found.remove();
        }
        self.first = self.first.wrapping_add(1);
        self.weight -= u64::from(key.weight);
        self.tidy();
        Some(key.weight)
    }

    /// Drops holes at the ends, all of them where they are more than the keys, and memory that a longer history left
    /// behind.
    #[inline]
    fn tidy(&mut self) {
        while self.ring.front().is_some_and(|key| key.weight == HOLE) {
            self.ring.pop_front();
            self.first = self.first.wrapping_add(1);
        }
        while self.ring.back().is_some_and(|key| key.weight == HOLE) {
            self.ring.pop_back();
        }
        if self.ring.len() > 2 * self.index.len() + 8 {
            self.pack();
        }
        if self.ring.capacity() > 4 * self.ring.len() + 64 {
            self.ring.shrink_to(2 * self.ring.len());
        }
    }

    /// Drops all holes: there are more of them than keys.
    #[cold]
    fn pack(&mut self) {
        self.ring.retain(|key| key.weight != HOLE);
        self.index.clear();
        self.fill_index();
    }

    /// Makes room in the index: where keys that left take a quarter of it, in place, as it would otherwise grow for them.
    #[cold]
    fn make_room(&mut self) {
        let len = self.index.len();
        self.index.clear();
        let room = self.index.capacity();
        if len > room / 4 * 3 {
            self.index.reserve(room + 1, |_| 0);
        }
        self.fill_index();
    }

    /// Puts all keys into the index, which is empty.
    fn fill_index(&mut self) {
        let (ring, first) = (&self.ring, self.first);
        let hash_of = |ticket: &Ticket| ring[ticket.wrapping_sub(first) as usize].hash;
        for (position, key) in self.ring.iter().enumerate() {
            if key.weight != HOLE {
                let ticket = first.wrapping_add(position as u32);
                self.index.insert_unique(key.hash, ticket, hash_of);
            }
        }
    }

    /// The notes, oldest first.
    pub(crate) fn notes(&self) -> impl Iterator<Item = T> {
        let keys = self.ring.iter().filter(|key| key.weight != HOLE);
        keys.map(|key| key.note)
    }

    /// Asserts that ring, index and weight agree.
    pub(crate) fn check(&self) {
        let weight: u64 = self.ring.iter().map(|key| u64::from(key.weight)).sum();
        assert_eq!(weight, self.weight, "the weight differs from the keys'");
        assert!(weight <= self.limit, "more is remembered than may be");
        assert_eq!(self.notes().count(), self.index.len());
        assert!(
            self.ring.len() <= 2 * self.index.len() + 8,
            "the ring is mostly holes"
        );
        for (position, key) in self.ring.iter().enumerate() {
            let ticket = self.first.wrapping_add(position as u32);
            let found = self.index.find(key.hash, |other| *other == ticket);
            assert_eq!(
                found.is_some(),
                key.weight != HOLE,
                "ring and index disagree"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::History;
    use crate::random::Random;
    use std::collections::VecDeque;
    use std::vec::Vec;

    #[test]
    fn equals_a_plain_deque() {
        for (seed, limit) in (0..8).zip([0, 1, 2, 10, 40, 100, 300, 50]) {
            let mut random = Random::new(seed);
            let mut history = History::new();
            history.first = u32::MAX - 500;
            let mut limit = limit;
            history.set_limit(limit, |_| unreachable!("it is empty"));
            let mut model: VecDeque<(u64, u32, usize)> = VecDeque::new();
            let total = |model: &VecDeque<(u64, u32, usize)>| -> u64 {
                model.iter().map(|key| u64::from(key.1)).sum()
            };
            for step in 0..3_000 {
                let hash = (random.below(limit as usize * 2 + 3) as u64)
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let mut forgotten = Vec::new();
                let mut expected = Vec::new();
                match random.below(20) {
                    0..=11 => {
                        let weight = random.below(4) as u32;
                        // A key is asked for before it is remembered.
                        let at = model.iter().position(|key| key.0 == hash);
                        let taken = at.and_then(|at| model.remove(at));
                        assert_eq!(history.take(hash), taken.map(|key| (key.1, key.2)));
                        history.remember(hash, weight, step, |weight| forgotten.push(weight));
                        let weight = weight.max(1);
                        if u64::from(weight) <= limit {
                            model.push_back((hash, weight, step));
                        }
                    }
                    12..=17 => {
                        let at = model.iter().position(|key| key.0 == hash);
                        let taken = at.and_then(|at| model.remove(at));
                        assert_eq!(history.take(hash), taken.map(|key| (key.1, key.2)));
                    }
                    18 => {
                        let oldest = model.pop_front().map(|key| key.1);
                        assert_eq!(history.forget_oldest(), oldest);
                    }
                    _ => {
                        limit = random.below(limit as usize * 2 + 2) as u64;
                        history.set_limit(limit, |weight| forgotten.push(weight));
                    }
                }
                while total(&model) > limit {
                    expected.extend(model.pop_front().map(|key| key.1));
                }
                assert_eq!(forgotten, expected);
                history.check();
                assert!(history.notes().eq(model.iter().map(|key| key.2)));
                assert_eq!(history.len(), model.len());
                assert_eq!(history.oldest(), model.front().map(|key| key.2));
                assert_eq!(history.newest(), model.back().map(|key| key.2));
            }
        }
    }

    /// Keys taken from behind leave holes that are few beside the keys in front, until those go.
    #[test]
    fn is_packed_too_where_the_oldest_leave() {
        let hash_of = |key: u64| key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut history = History::new();
        history.set_limit(1_000, |_| ());
        for key in 0..100 {
            history.remember(hash_of(key), 1, key, |_| ());
        }
        for key in 50..98 {
            assert_eq!(history.take(hash_of(key)), Some((1, key)));
            history.check();
        }
        for _ in 0..50 {
            assert_eq!(history.forget_oldest(), Some(1));
            history.check();
        }
        assert!(history.notes().eq([98, 99]));
        assert_eq!(history.take(hash_of(99)), Some((1, 99)));
        history.check();
    }

    #[test]
    fn a_history_that_was_long_gives_its_memory_back() {
        let mut history = History::new();
        history.set_limit(100_000, |_| ());
        for key in 0..100_000_u64 {
            history.remember(key.wrapping_mul(0x9e37_79b9_7f4a_7c15), 1, (), |_| ());
        }
        history.set_limit(10, |_| ());
        assert!(history.ring.capacity() < 200 && history.index.capacity() < 200);
        history.check();
    }
}

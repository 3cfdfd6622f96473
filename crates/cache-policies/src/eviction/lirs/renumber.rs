//! The numbers that HIR entries get as they enter S or Q, and how they are given anew before they run out.

use alloc::vec;
use alloc::vec::Vec;

use super::keys::{KEYS_MAX, Keys, Mixed};
use super::{Lirs, Numbers, Queue};

/// The first number: a free cell, and what is absent, has 0.
pub(super) const FIRST: u32 = 1;

/// How many of some numbers are not above one.
struct Ranks {
    /// A bit for each of them.
    words: Vec<u64>,
    /// How many there are before each word.
    before: Vec<u32>,
}

impl Ranks {
    fn new(words: Vec<u64>) -> Self {
        let mut sum = 0;
        let before = words.iter().map(|word| {
            let before = sum;
            sum += word.count_ones();
            before
        });
        Ranks {
            before: before.collect(),
            words,
        }
    }

    fn iter(&self) -> impl Iterator<Item = u32> {
        let numbers = 0..64 * self.words.len() as u32;
        numbers.filter(|number| self.words[(number >> 6) as usize] >> (number & 63) & 1 != 0)
    }

    fn rank(&self, number: u32) -> u32 {
        let at = (number >> 6) as usize;
        let upto = u64::MAX >> (63 - (number & 63));
        self.before[at] + (self.words[at] & upto).count_ones()
    }
}

impl Lirs {
    /// Makes sure that there is room for a number, its place in Q and its key.
    #[inline(always)]
    pub(super) fn reserve_number(&mut self) {
        if self.queue.next() >= self.stop {
            self.make_numbers();
        }
    }

    #[cold]
    #[inline(never)]
    fn make_numbers(&mut self) {
        if self.queue.next() as usize == self.keys.numbers() && !self.shift_numbers() {
            self.number_anew();
        }
        if self.queue.next() as usize == self.queue.end() {
            self.queue.double();
        }
        if self.queue.next() == self.room_end {
            self.count_room();
        }
        if self.queue.next() == self.room_end {
            self.number_anew();
        }
        self.set_stop();
    }

    /// How many keys there are.
    fn keys_len(&self) -> usize {
        self.numbers.count(self.numbers.bottom(), self.queue.next())
    }

    /// Says how many more keys there is room for, whatever leaves until then.
    pub(super) fn count_room(&mut self) {
        let spare = self.keys.room().saturating_sub(self.keys_len());
        let end = self.queue.next() as usize + spare;
        self.room_end = end.min(self.keys.numbers()) as u32;
    }

    fn set_stop(&mut self) {
        self.stop = self.queue.end().min(self.room_end as usize) as u32;
    }

    /// Subtracts from all numbers as much as what is below all that matter; whether that is worth it.
    fn shift_numbers(&mut self) -> bool {
        self.numbers.settle(self.queue.head());
        let lowest = self.numbers.bottom().min(self.queue.head());
        let by = (lowest - FIRST) & !63;
        if (by as usize) < self.keys.numbers() / 8 || self.is_aside_below(by) {
            return false;
        }
        self.keys.shift(by, self.numbers.bottom());
        self.numbers.shift(by);
        self.queue.shift(by);
        // Those of LIR entries may be lower; so is the floor then.
        self.entries.renumber(|number| number.saturating_sub(by));
        self.floor = self.floor.saturating_sub(by);
        self.count_room();
        true
    }

    /// Gives all numbers anew, without holes, and makes room for more keys: constant time amortised, as there were as many
    /// entrances, or holes, as there is room for, or the room is to grow by a quarter or more.
    fn number_anew(&mut self) {
        for _ in KEYS_MAX..=self.keys_len() {
            let weight = self.numbers.leave_lowest(self.queue.head());
            self.stack_weight -= weight.unwrap_or(0);
        }
        let ranks = self.ranks();
        let count = ranks.rank(self.queue.next() - 1);
        let mut hashes: Vec<Option<Mixed>> = vec![None; count as usize + 1];
        for (number, hash) in self.keys.iter(self.numbers.bottom()) {
            if self.numbers.contains(number) {
                hashes[ranks.rank(number) as usize] = Some(hash);
            }
        }
        self.keys = Keys::new(self.room_for(count as usize));
        let head = ranks.rank(self.queue.head() - 1) + 1;
        let places = (4 * (count + 1 - head) as usize).next_power_of_two();
        let mut queue = Queue::new(head, places.max(256));
        let mut numbers = Numbers::new(FIRST, self.keys.numbers());
        for (old, number) in ranks.iter().zip(FIRST..) {
            if !self.numbers.contains(old) {
                numbers.leave(number);
            } else if self.is_gone(old) {
                numbers.set_weight(number, self.numbers.weight_of(old) as u32);
            }
            if old >= self.queue.head() {
                match self.queue.at(old) {
                    Some(slot) => queue.push(slot),
                    None => queue.skip(),
                };
                if self.queue.is_gone(old) {
                    queue.set_gone(number, true);
                }
            }
        }
        self.queue = queue;
        self.numbers = numbers;
        self.entries.renumber(|number| ranks.rank(number));
        self.floor = ranks.rank(self.floor);
        for (hash, number) in hashes.into_iter().zip(0..) {
            if let Some(hash) = hash {
                self.keys.push(hash, number, FIRST);
            }
        }
        self.count_room();
    }

    /// The numbers that matter: of what is in S, and of what is in Q.
    fn ranks(&self) -> Ranks {
        let mut words = vec![0_u64; self.keys.numbers() / 64];
        let mut add = |number: u32| words[(number >> 6) as usize] |= 1 << (number & 63);
        let numbers = self.numbers.bottom()..self.queue.next();
        let in_stack = numbers.filter(|number| self.numbers.contains(*number));
        in_stack.for_each(&mut add);
        for (_, state) in self.entries.states() {
            if state.is_in_queue() || !state.is_lir() && state.is_above(self.floor) {
                add(state.number());
            }
        }
        Ranks::new(words)
    }

    /// For how many keys room is to be made if there are so many: up to what there can be where all weigh 1, four times as many.
    fn room_for(&self, keys: usize) -> usize {
        let most = self.stack_capacity - self.lir_capacity;
        let most = most.saturating_add(self.q_capacity);
        let most = usize::try_from(most).unwrap_or(KEYS_MAX).min(KEYS_MAX);
        let room = if keys < most {
            (4 * keys).min(most + most / 16)
        } else {
            keys + keys / 4
        };
        (room + 32).min(KEYS_MAX)
    }

    /// Gives back what is much more memory than needed.
    pub(super) fn give_memory_back(&mut self) {
        if self.keys.room() > 4 * self.keys_len() + 64 {
            self.number_anew();
        }
        self.set_stop();
    }
}

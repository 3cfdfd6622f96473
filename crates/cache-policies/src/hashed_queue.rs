//! A FIFO queue of slots that carries the hash of each: a ring, so that only the entries in it pay for their hashes.
//!
//! An entry that leaves from the middle leaves a hole; the owner keeps the ticket by which it finds an entry again. Only
//! removals make holes, and only they pack the ring, as that changes tickets: the oldest entries that are taken after
//! them leave the holes behind, until the front comes to those.

use alloc::collections::VecDeque;

use crate::list::{halves, whole};
use crate::slot::Slot;

/// Names a place in the queue, until the entry leaves it or is given another ticket by `remove`.
pub(crate) type Ticket = u32;

const HOLE: u32 = u32::MAX;

#[derive(Copy, Clone, Debug)]
struct Entry {
    /// A slot's number, or `HOLE`.
    slot: u32,
    /// The hash in halves: the entry takes 12 bytes instead of 16.
    hash: [u32; 2],
}

#[derive(Clone, Debug)]
pub(crate) struct HashedQueue {
    /// Oldest first; neither the first nor the last is a hole.
    ring: VecDeque<Entry>,
    /// The ticket of the first.
    first: Ticket,
    /// The entries that are no holes.
    len: usize,
    /// The most holes there can be: those that the last removal may have left.
    holes_max: usize,
}

impl HashedQueue {
    pub(crate) fn new() -> Self {
        HashedQueue {
            ring: VecDeque::new(),
            first: 0,
            len: 0,
            holes_max: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds a slot as the newest. The ring grows by an eighth where it must, up to twice as large while it is small.
    #[inline(always)]
    pub(crate) fn push(&mut self, slot: Slot, hash: u64) -> Ticket {
        if self.ring.len() == self.ring.capacity() {
            self.grow();
        }
        let ticket = self.first.wrapping_add(self.ring.len() as u32);
        self.ring.push_back(Entry {
            slot: slot.get(),
            hash: halves(hash),
        });
        self.len += 1;
        ticket
    }

    #[cold]
    fn grow(&mut self) {
        let len = self.ring.len();
        self.ring.reserve_exact((len / 8).max(len.min(1_024)) + 8);
    }

    /// The oldest slot.
    #[inline(always)]
    pub(crate) fn front(&self) -> Option<Slot> {
        self.ring.front().map(|entry| Slot::new(entry.slot))
    }

    /// Takes the oldest slot.
    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<(Slot, u64)> {
        let entry = self.ring.pop_front()?;
        self.first = self.first.wrapping_add(1);
        self.len -= 1;
        if self.ring.len() > self.len {
            // No hole is at the other end.
            self.drop_oldest_holes();
        }
        if self.ring.capacity() > 4 * self.ring.len() + 64 {
            self.trim();
        }
        Some((Slot::new(entry.slot), whole(entry.hash)))
    }

    /// Takes a slot from where it is, and returns its hash. Constant time amortised; `moved` is told of slots with a
    /// new ticket.
    #[inline(always)]
    pub(crate) fn remove(&mut self, ticket: Ticket, moved: impl FnMut(Slot, Ticket)) -> u64 {
        let index = ticket.wrapping_sub(self.first) as usize;
        let entry = &mut self.ring[index];
        let hash = whole(entry.hash);
        entry.slot = HOLE;
        self.len -= 1;
        self.holes_max = self.len + 8;
        if index == 0 || index + 1 == self.ring.len() {
            self.trim();
        }
        if self.ring.len() > 2 * self.len + 8 {
            self.pack(moved);
        }
        hash
    }

    /// Closes up the holes.
    #[cold]
    fn pack(&mut self, mut moved: impl FnMut(Slot, Ticket)) {
        self.ring.retain(|entry| entry.slot != HOLE);
        for (index, entry) in self.ring.iter().enumerate() {
            moved(Slot::new(entry.slot), self.first.wrapping_add(index as u32));
        }
    }

    #[inline(always)]
    fn drop_oldest_holes(&mut self) {
        while self.ring.front().is_some_and(|entry| entry.slot == HOLE) {
            self.ring.pop_front();
            self.first = self.first.wrapping_add(1);
        }
    }

    /// Drops holes at the ends, and memory that a longer queue left behind.
    #[inline(never)]
    fn trim(&mut self) {
        self.drop_oldest_holes();
        // Nobody has the ticket of a hole, so the next entry may take it.
        while self.ring.back().is_some_and(|entry| entry.slot == HOLE) {
            self.ring.pop_back();
        }
        if self.ring.capacity() > 4 * self.ring.len() + 64 {
            self.ring.shrink_to(2 * self.ring.len());
        }
    }

    /// The slots with their tickets, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot, Ticket)> {
        let tickets = self.ring.iter().enumerate();
        let all = tickets.map(|(index, entry)| (entry.slot, self.first.wrapping_add(index as u32)));
        all.filter(|(slot, _)| *slot != HOLE)
            .map(|(slot, ticket)| (Slot::new(slot), ticket))
    }

    /// Asserts the count, and that holes are few and not at the ends.
    pub(crate) fn check(&self) {
        assert_eq!(
            self.iter().count(),
            self.len,
            "the queue counts another number of entries"
        );
        assert!(
            self.ring.len() - self.len <= self.holes_max,
            "the queue has more holes than its removals left"
        );
        for end in [self.ring.front(), self.ring.back()] {
            assert!(
                end.is_none_or(|entry| entry.slot != HOLE),
                "an end is a hole"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HOLE, HashedQueue};
    use crate::random::Random;
    use crate::slot::Slot;
    use std::collections::VecDeque;
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn equals_a_plain_deque() {
        let mut queue = HashedQueue::new();
        queue.first = u32::MAX - 1_000;
        let mut model: VecDeque<(u32, u64)> = VecDeque::new();
        let mut tickets = vec![0; 200];
        let mut free: Vec<u32> = (0..200).collect();
        let mut random = Random::new(1);
        let mut packed = 0;
        for step in 0..20_000 {
            let drawn = random.next();
            let choice = drawn >> 33;
            // The queue fills for a while, then empties from the middle.
            let removals = if step / 300 % 2 == 0 { 2 } else { 7 };
            match choice % 9 {
                0 => {
                    let oldest = queue.pop().map(|(slot, hash)| (slot.get(), hash));
                    assert_eq!(oldest, model.pop_front());
                    free.extend(oldest.map(|entry| entry.0));
                }
                kind if kind <= removals && !model.is_empty() => {
                    let (slot, hash) = model.remove((choice >> 4) as usize % model.len()).unwrap();
                    let removed = queue.remove(tickets[slot as usize], |moved, ticket| {
                        tickets[moved.index()] = ticket;
                        packed += 1;
                    });
                    assert_eq!(removed, hash);
                    free.push(slot);
                }
                _ => {
                    if let Some(slot) = free.pop() {
                        tickets[slot as usize] = queue.push(Slot::new(slot), drawn);
                        model.push_back((slot, drawn));
                    }
                }
            }
            queue.check();
            assert_eq!(queue.len(), model.len());
            assert!(
                queue.iter().eq(model
                    .iter()
                    .map(|entry| (Slot::new(entry.0), tickets[entry.0 as usize])))
            );
        }
        assert!(packed > 1_000, "the ring was hardly ever packed: {packed}");
    }

    #[test]
    fn holes_behind_the_oldest_are_sound_when_those_go() {
        let mut queue = HashedQueue::new();
        let push = |number: u32| queue.push(Slot::new(number), u64::from(number));
        let tickets: Vec<_> = (0..30).map(push).collect();
        for ticket in &tickets[10..28] {
            queue.remove(*ticket, |_, _| unreachable!("the holes are few"));
            queue.check();
        }
        for number in 0..10 {
            assert_eq!(queue.pop(), Some((Slot::new(number), u64::from(number))));
            queue.check();
        }
        assert!(
            queue
                .iter()
                .eq([28, 29].map(|number| (Slot::new(number), tickets[number as usize])))
        );
        queue.remove(tickets[28], |_, _| unreachable!("it was the first"));
        assert_eq!(queue.pop(), Some((Slot::new(29), 29)));
        queue.check();
    }

    #[test]
    fn a_queue_that_was_long_gives_its_memory_back() {
        let mut queue = HashedQueue::new();
        for number in 0..100_000 {
            queue.push(Slot::new(number), 1);
        }
        while queue.len() > 10 {
            queue.pop();
        }
        assert!(
            queue.ring.capacity() < 200,
            "{} entries",
            queue.ring.capacity()
        );
        assert!(queue.ring.iter().all(|entry| entry.slot != HOLE));
    }
}

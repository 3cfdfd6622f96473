//! A FIFO queue of slots that carries the hash of each: a ring, so that only the entries in it pay for their hashes.
//!
//! An entry that leaves from the middle leaves a hole; the owner keeps the ticket by which it finds an entry again.

use alloc::collections::VecDeque;

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

#[derive(Debug)]
pub(crate) struct HashedQueue {
    /// Oldest first; the first is never a hole.
    ring: VecDeque<Entry>,
    /// The ticket of the first.
    first: Ticket,
    /// The entries that are no holes.
    len: usize,
}

pub(crate) fn halves(hash: u64) -> [u32; 2] {
    [hash as u32, (hash >> 32) as u32]
}

pub(crate) fn whole(halves: [u32; 2]) -> u64 {
    u64::from(halves[1]) << 32 | u64::from(halves[0])
}

impl HashedQueue {
    pub(crate) fn new() -> Self {
        HashedQueue {
            ring: VecDeque::new(),
            first: 0,
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds a slot as the newest.
    #[inline]
    pub(crate) fn push(&mut self, slot: Slot, hash: u64) -> Ticket {
        let ticket = self.first.wrapping_add(self.ring.len() as u32);
        self.ring.push_back(Entry {
            slot: slot.get(),
            hash: halves(hash),
        });
        self.len += 1;
        ticket
    }

    /// Takes the oldest slot.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<(Slot, u64)> {
        let entry = self.ring.pop_front()?;
        self.first = self.first.wrapping_add(1);
        self.len -= 1;
        self.trim();
        Some((Slot::new(entry.slot), whole(entry.hash)))
    }

    /// Takes a slot from where it is, and returns its hash. Constant time amortised; `moved` is told of slots with a new ticket.
    pub(crate) fn remove(&mut self, ticket: Ticket, mut moved: impl FnMut(Slot, Ticket)) -> u64 {
        let entry = &mut self.ring[ticket.wrapping_sub(self.first) as usize];
        let hash = whole(entry.hash);
        entry.slot = HOLE;
        self.len -= 1;
        self.trim();
        if self.ring.len() > 2 * self.len + 8 {
            self.ring.retain(|entry| entry.slot != HOLE);
            for (index, entry) in self.ring.iter().enumerate() {
                moved(Slot::new(entry.slot), self.first.wrapping_add(index as u32));
            }
        }
        hash
    }

    /// Drops holes at the front, and memory that a longer queue left behind.
    #[inline]
    fn trim(&mut self) {
        while self.ring.front().is_some_and(|entry| entry.slot == HOLE) {
            self.ring.pop_front();
            self.first = self.first.wrapping_add(1);
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

    /// Asserts the count, and that holes are few and not in front.
    pub(crate) fn check(&self) {
        assert_eq!(
            self.iter().count(),
            self.len,
            "the queue counts another number of entries"
        );
        assert!(
            self.ring.len() <= 2 * (self.len + 1) + 8,
            "the queue is mostly holes"
        );
        assert!(
            self.ring.front().is_none_or(|entry| entry.slot != HOLE),
            "the first is a hole"
        );
    }
}

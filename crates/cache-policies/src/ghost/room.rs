//! How a ghost comes to room for more keys and numbers: it grows, closes up holes, or begins the numbers anew.

use alloc::vec;
use alloc::vec::Vec;
use core::array;

use super::sequence::Sequence;
use super::table::Table;
use super::{Ghost, KEYS_MAX};

/// The most numbers from the oldest on, those of taken keys included, where there is room for so many keys.
pub(super) fn span_max(room: usize) -> usize {
    room + room / 2 + 16
}

/// So many keys of a ghost without limit are few: room for twice as many does not matter.
const SMALL: u128 = 1_000;

impl<const QUEUES: usize> Ghost<QUEUES> {
    pub(super) fn keys(&self) -> usize {
        self.queues.iter().map(|queue| queue.len).sum()
    }

    /// The numbers from the oldest on, those of taken keys included.
    pub(super) fn span(&self) -> usize {
        self.queues.iter().map(Sequence::span).sum()
    }

    /// The most keys until the table grows: a few more than it is made for.
    fn keys_max(&self) -> usize {
        self.room + self.room / 16
    }

    /// Numbers that no key had since they began anew. The last one stays unused: the oldest number may go up to it.
    pub(super) fn unused(&self) -> usize {
        let used: u32 = self.queues.iter().map(|queue| queue.next).sum();
        self.table.numbers() - 1 - used as usize
    }

    /// The room after this one: twice as much up to what the limit is good for at the mean weight so far, a quarter more
    /// from there on, or early where there is no limit.
    fn larger(&self) -> usize {
        let weight: u64 = self.queues.iter().map(Sequence::weight).sum();
        let expected = match (self.limit.min(self.expected), weight) {
            (u64::MAX, _) => SMALL,
            (limit, 0) => u128::from(limit),
            (limit, _) => u128::from(limit) * self.keys() as u128 / u128::from(weight),
        };
        let expected = usize::try_from(expected).unwrap_or(usize::MAX);
        let room = if self.room < expected {
            (2 * self.room + 16).min(expected)
        } else {
            self.room + self.room / 4 + 16
        };
        room.min(KEYS_MAX)
    }

    /// Makes room for a key of this queue and its number.
    #[cold]
    #[inline(never)]
    pub(super) fn make_room(&mut self, queue: usize) {
        if self.limit > self.room as u64 && self.keys() >= self.keys_max() {
            if self.room < KEYS_MAX {
                self.rebuild(self.larger());
            } else {
                let queue = if self.queues[queue].len > 0 {
                    queue
                } else {
                    QUEUES - 1 - queue
                };
                self.forget_oldest_of(queue);
            }
        }
        if self.span() >= span_max(self.room) {
            self.rebuild(self.room);
        }
        if self.unused() == 0 {
            self.renumber();
        }
        self.set_spare();
    }

    /// Sets numbers aside that need no new word.
    pub(super) fn set_quick(&mut self) {
        self.quick = self.queues[0].quick().min(self.spare);
        self.spare -= self.quick;
    }

    pub(super) fn set_spare(&mut self) {
        self.quick = 0;
        let mut spare = self
            .unused()
            .min(span_max(self.room).saturating_sub(self.span()));
        if self.limit > self.room as u64 {
            spare = spare.min(self.keys_max().saturating_sub(self.keys()));
        }
        self.spare = u32::try_from(spare).unwrap_or(u32::MAX);
    }

    /// Gives back memory where there is four times as much as needed.
    pub(super) fn give_back(&mut self) {
        if self.keys() < self.room / 4 {
            self.rebuild(self.keys());
        }
        self.set_spare();
    }

    /// Begins the numbers anew.
    fn renumber(&mut self) {
        let middle = self.table.shifted(self.queues[0].next);
        let mut shifts = [0; 2];
        for (queue, shift) in self.queues.iter_mut().zip(&mut shifts) {
            *shift = self.table.shifted(queue.renumber());
        }
        let alive = self.alive();
        self.table
            .renumber(alive, |cell| match QUEUES == 1 || cell < middle {
                true => cell.wrapping_sub(shifts[0]),
                false => cell.wrapping_add(shifts[1]),
            });
    }

    /// The hashes by number from the oldest on, of each queue; none where a key was taken.
    pub(super) fn hashes(&self) -> [Vec<Option<u64>>; QUEUES] {
        let mut hashes = array::from_fn(|queue| vec![None; self.queues[queue].span()]);
        for (hash, cell) in self.table.keys() {
            let (queue, number) = self.of_cell(cell);
            let index = (number - self.queues[queue].oldest) as usize;
            debug_assert!(hashes[queue][index].is_none(), "two keys have one number");
            hashes[queue][index] = Some(hash);
        }
        hashes
    }

    /// Builds the table anew for this many keys, without holes. Constant time amortised: there were holes for half the
    /// keys, or the room grows by a quarter.
    fn rebuild(&mut self, room: usize) {
        let hashes = if self.room == 0 {
            array::from_fn(|_| Vec::new())
        } else {
            self.hashes()
        };
        self.room = room;
        self.table = Table::with_room(room);
        let empty = array::from_fn(|queue| self.queues[queue].emptied());
        let old = core::mem::replace(&mut self.queues, empty);
        self.table.alive = self.alive();
        for (queue, hashes) in hashes.into_iter().enumerate() {
            let old = &old[queue];
            for (number, hash) in (old.oldest..).zip(hashes) {
                let Some(hash) = hash else { continue };
                let renewed = self.queues[queue].push(old.weight_of(number));
                self.table.put(hash, self.in_cell(queue, renewed));
            }
        }
    }
}

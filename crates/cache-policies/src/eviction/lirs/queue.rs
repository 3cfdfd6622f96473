//! The queue Q, in which the place of an entry is its number.

use alloc::vec;
use alloc::vec::Vec;

use crate::slot::Slot;

/// The place of an entry that left otherwise than as the oldest, or of a number that was not given in Q.
const HOLE: u32 = u32::MAX;
/// The place of an entry that left so, and is remembered in S.
const GONE: u32 = u32::MAX - 1;

/// Slots by number: 4 bytes for each number from that of the oldest on, in a ring.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    /// As many places as a power of two.
    ring: Vec<u32>,
    /// No entry has a lower number.
    head: u32,
    /// The number after that of the newest.
    next: u32,
    /// A number's place is this far behind it.
    offset: u32,
    /// How many places say `GONE`.
    gone: usize,
}

impl Queue {
    /// An empty queue, for numbers from `head` on.
    pub(super) fn new(head: u32, places: usize) -> Self {
        debug_assert!(places.is_power_of_two());
        Queue {
            ring: vec![HOLE; places],
            head,
            next: head,
            offset: 0,
            gone: 0,
        }
    }

    /// No entry has a lower number than this.
    #[inline(always)]
    pub(super) fn head(&self) -> u32 {
        self.head
    }

    /// The number that is given next.
    #[inline(always)]
    pub(super) fn next(&self) -> u32 {
        self.next
    }

    /// The first number for which there is no place.
    pub(super) fn end(&self) -> usize {
        self.head as usize + self.ring.len()
    }

    /// How many entries in the midst of the queue are gone.
    #[inline(always)]
    pub(super) fn gone(&self) -> usize {
        self.gone
    }

    #[inline(always)]
    fn place(&self, number: u32) -> usize {
        number.wrapping_add(self.offset) as usize & (self.ring.len() - 1)
    }

    /// Adds an entry as the newest, and returns its number.
    #[inline(always)]
    pub(super) fn push(&mut self, slot: Slot) -> u32 {
        self.put(slot.get())
    }

    /// Leaves a number out, and returns it.
    pub(super) fn skip(&mut self) -> u32 {
        self.put(HOLE)
    }

    #[inline(always)]
    fn put(&mut self, place: u32) -> u32 {
        let number = self.next;
        let at = self.place(number);
        self.ring[at] = place;
        self.next += 1;
        number
    }

    /// Takes the entry with this number out.
    #[inline(always)]
    pub(super) fn remove(&mut self, number: u32) {
        let at = self.place(number);
        self.ring[at] = HOLE;
    }

    /// Says of a number, at or above the head and not that of an entry, whether what had it is gone and in S.
    pub(super) fn set_gone(&mut self, number: u32, gone: bool) {
        let at = self.place(number);
        if (self.ring[at] == GONE) != gone {
            self.ring[at] = if gone { GONE } else { HOLE };
            self.gone = self.gone + usize::from(gone) - usize::from(!gone);
        }
    }

    /// The entry with this number, which is at or above the head.
    #[inline(always)]
    pub(super) fn at(&self, number: u32) -> Option<Slot> {
        let slot = self.ring[self.place(number)];
        (slot < GONE).then_some(Slot::new(slot))
    }

    /// Whether what had this number, at or above the head, is gone.
    pub(super) fn is_gone(&self, number: u32) -> bool {
        self.ring[self.place(number)] == GONE
    }

    /// The oldest entry, which has the number at the head then.
    #[inline(always)]
    pub(super) fn oldest(&mut self) -> Option<Slot> {
        while self.head != self.next {
            let oldest = self.at(self.head);
            if oldest.is_some() {
                return oldest;
            }
            self.set_gone(self.head, false);
            self.head += 1;
        }
        None
    }

    /// Takes the oldest entry out, which is at the head.
    #[inline(always)]
    pub(super) fn pop(&mut self) {
        self.head += 1;
    }

    /// Subtracts from all numbers.
    pub(super) fn shift(&mut self, by: u32) {
        self.head -= by;
        self.next -= by;
        self.offset = self.offset.wrapping_add(by);
    }

    /// Makes twice as many places.
    pub(super) fn double(&mut self) {
        let mut doubled = Queue::new(self.head, 2 * self.ring.len());
        for number in self.head..self.next {
            doubled.put(self.ring[self.place(number)]);
        }
        doubled.gone = self.gone;
        *self = doubled;
    }

    /// The entries with their numbers, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, Slot)> {
        (self.head..self.next).filter_map(|number| Some((number, self.at(number)?)))
    }
}

//! `Cursor`: walks the live slots of a table in index order, a bitmap word at a time.

use core::ptr::NonNull;

use super::slab::generation_of;
use super::{Live, LiveMut, Slot, SlotTable};

/// A position in a table. It sees the slots that are live when it comes to them; what it has passed is
/// never seen again. The slots of the present word are a snapshot, re-checked by generation.
pub(crate) struct Cursor<V> {
    /// Slots of the present word that are not free and not yet visited.
    bits: u64,
    /// Slot 0 of the present word; dangling before the first.
    base: NonNull<Slot<V>>,
    /// Index of slot 0 of the present word.
    index: u32,
    /// The word to look at next, counted over all slabs.
    next_word: u32,
}

impl<V> Clone for Cursor<V> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<V> Cursor<V> {
    pub(crate) const fn new() -> Self {
        Self {
            bits: 0,
            base: NonNull::dangling(),
            index: 0,
            next_word: 0,
        }
    }

    /// A cursor before the first slot of slab `slab`.
    pub(super) fn at(slab: u32, table: &SlotTable<V>) -> Self {
        Self {
            next_word: slab << table.shape.words_shift(),
            ..Self::new()
        }
    }

    /// The next live slot.
    ///
    /// # Safety
    /// 1. `table` is the one of every earlier call. 2. It has released no slab since the first.
    #[inline]
    pub(crate) unsafe fn next<'a>(&mut self, table: &'a SlotTable<V>) -> Option<Live<'a, V>> {
        // SAFETY: the clauses are passed on; the slot is live, and the table is borrowed.
        unsafe {
            let (index, slot) = self.next_slot(table)?;
            Some(Live::new(index, slot))
        }
    }

    /// As `next`, exclusively.
    ///
    /// # Safety
    /// 1. and 2. As for `next`.
    #[inline]
    pub(crate) unsafe fn next_mut<'a>(
        &mut self,
        table: &'a mut SlotTable<V>,
    ) -> Option<LiveMut<'a, V>> {
        // SAFETY: the clauses are passed on; the slot is live.
        unsafe {
            let (index, slot) = self.next_slot(table)?;
            Some(LiveMut::new(table, index, slot))
        }
    }

    /// The next live slot and its index.
    ///
    /// # Safety
    /// 1. and 2. As for `next`.
    #[inline]
    pub(super) unsafe fn next_slot(
        &mut self,
        table: &SlotTable<V>,
    ) -> Option<(u32, NonNull<Slot<V>>)> {
        loop {
            while self.bits != 0 {
                let bit = self.bits.trailing_zeros();
                self.bits &= self.bits - 1;
                // SAFETY: a set bit stands for a slot of the slab that `base` points into, which is
                // still resident by clauses 1 and 2.
                let slot = unsafe { self.base.add(bit as usize) };
                // SAFETY: as above.
                if unsafe { generation_of(slot) } & 1 == 1 {
                    return Some((self.index + bit, slot));
                }
            }
            if !self.advance(table) {
                return None;
            }
        }
    }

    /// Goes to the next word that has a slot in use. False at the end.
    fn advance(&mut self, table: &SlotTable<V>) -> bool {
        let shape = table.shape;
        let words_shift = shape.words_shift();
        loop {
            let slab = self.next_word >> words_shift;
            if slab >= table.directory.len() {
                return false;
            }
            let Some(base) = table.directory.base(slab) else {
                self.next_word = (slab + 1) << words_shift;
                continue;
            };
            let word = self.next_word & (shape.words() - 1);
            self.next_word += 1;
            // SAFETY: a base in the directory is of a resident slab, and `word` is below its words,
            // which are initialised.
            let free = unsafe { shape.word(base, word).read() };
            let used = !free & shape.full_word();
            if used != 0 {
                self.bits = used;
                // SAFETY: the word stands for slots of this slab.
                self.base = unsafe { base.add(word as usize * 64) };
                self.index = (slab << shape.shift) + word * 64;
                return true;
            }
        }
    }
}

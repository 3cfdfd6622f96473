//! A shelf: the idle blocks of one class in one stripe, and how few they were of late.

use crate::block::Block;

/// Blocks that the first array of a shelf has room for.
const FIRST_CAPACITY: usize = 64;

pub(super) struct Shelf {
    /// Capacity of the class's blocks.
    size: usize,
    /// The last released at the end. Taken from and added to there; decay takes from the front.
    blocks: Vec<Block>,
    /// The fewest blocks since the interval began: so many were not needed in it.
    low: usize,
    /// Blocks of an earlier interval's surplus that are still to go.
    surplus: usize,
}

impl Shelf {
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            blocks: Vec::new(),
            low: 0,
            surplus: 0,
        }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Starts a new interval; of what was not needed in the old one, `surplus` says how much is to go.
    pub(super) fn end_interval(&mut self, surplus: impl FnOnce(usize) -> usize) {
        self.surplus = surplus(self.low);
        self.low = self.blocks.len();
    }

    /// Makes room for `count` more blocks, by moving to `spare` if need be; or says what capacity that must have.
    pub(super) fn make_room(&mut self, count: usize, spare: &mut Vec<Block>) -> Result<(), usize> {
        let needed = self.blocks.len() + count;
        if needed <= self.blocks.capacity() {
            return Ok(());
        }
        if spare.capacity() < needed {
            return Err((2 * needed).max(FIRST_CAPACITY));
        }
        spare.append(&mut self.blocks);
        core::mem::swap(spare, &mut self.blocks);
        Ok(())
    }

    /// There is room for it.
    pub(super) fn push(&mut self, block: Block) {
        debug_assert!(self.blocks.len() < self.blocks.capacity());
        self.blocks.push(block);
    }

    pub(super) fn pop(&mut self) -> Option<Block> {
        let block = self.blocks.pop()?;
        self.low = self.low.min(self.blocks.len());
        Some(block)
    }

    /// Moves what is to go, the longest unused, to `into` as far as that has room; returns how many.
    pub(super) fn remove_surplus(&mut self, into: &mut Vec<Block>) -> usize {
        let room = into.capacity() - into.len();
        let count = self.surplus.min(self.blocks.len()).min(room);
        into.extend(self.blocks.drain(..count));
        self.surplus -= count;
        if count < room {
            self.surplus = 0;
        }
        self.low = self.low.min(self.blocks.len());
        count
    }

    /// A second owner of the last block. Only for the mutant that loses track of it.
    #[cfg(buffer_pool_loom)]
    pub(super) fn duplicate_last(&self) -> Option<Block> {
        self.blocks.last().map(Block::duplicate)
    }
}

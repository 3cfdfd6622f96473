//! A pass over the blocks of a table, done a few at a time, while the table is in use.
//!
//! One bit a block says whether this pass has been at it. The meaning of the bit turns with each pass, so that
//! beginning one costs nothing, however large the table is:
//! ```text
//!  turn = 1    bits  1 1 0 1 0 0 1 0 0 0     0: still to be done in this pass
//!                        ^ cursor: all before it are done; later ones are where somebody came by
//! ```

use alloc::vec;
use alloc::vec::Vec;

#[derive(Clone, Debug)]
pub(crate) struct Sweep {
    /// One bit a block: equal to `turn` once the block was done in this pass.
    bits: Vec<u64>,
    turn: bool,
    blocks: usize,
    /// All blocks below are done; equal to `blocks` between passes.
    cursor: usize,
}

impl Sweep {
    pub(crate) fn new(blocks: usize) -> Self {
        Sweep {
            bits: vec![0; blocks.div_ceil(64)],
            turn: false,
            blocks,
            cursor: blocks,
        }
    }

    /// Begins a pass. The one before must be over.
    pub(crate) fn begin(&mut self) {
        debug_assert!(!self.is_active(), "a pass begins within another");
        self.turn = !self.turn;
        self.cursor = 0;
    }

    /// Whether a pass is under way.
    #[inline]
    pub(crate) fn is_active(&self) -> bool {
        self.cursor < self.blocks
    }

    /// Whether a block is still to be done in the pass that is under way.
    #[inline]
    pub(crate) fn is_due(&self, block: usize) -> bool {
        self.is_active() && self.bit(block) != self.turn
    }

    /// Notes that a block is done.
    pub(crate) fn set_done(&mut self, block: usize) {
        let bit = 1 << (block % 64);
        let word = &mut self.bits[block / 64];
        *word = if self.turn { *word | bit } else { *word & !bit };
    }

    /// The next block that is due, noted as done; `None` ends the pass.
    pub(crate) fn next_due(&mut self) -> Option<usize> {
        while self.cursor < self.blocks {
            let block = self.cursor;
            self.cursor += 1;
            if self.bit(block) != self.turn {
                self.set_done(block);
                return Some(block);
            }
        }
        None
    }

    fn bit(&self, block: usize) -> bool {
        self.bits[block / 64] >> (block % 64) & 1 != 0
    }

    /// The heap memory, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bits.capacity() * 8
    }
}

#[cfg(test)]
mod tests {
    use super::Sweep;
    use std::vec::Vec;

    #[test]
    fn every_pass_comes_by_every_block_once() {
        let mut sweep = Sweep::new(130);
        for pass in 0..5 {
            assert!(!sweep.is_active() && !sweep.is_due(0));
            sweep.begin();
            let visited = [5, 64, 129, pass * 20];
            for block in visited {
                assert!(sweep.is_due(block));
                sweep.set_done(block);
                assert!(!sweep.is_due(block));
            }
            let rest: Vec<usize> = core::iter::from_fn(|| sweep.next_due()).collect();
            let expected: Vec<usize> = (0..130).filter(|block| !visited.contains(block)).collect();
            assert_eq!(rest, expected);
        }
    }
}

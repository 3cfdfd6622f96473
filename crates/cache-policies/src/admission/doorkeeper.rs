//! A doorkeeper: keeps the keys that come but once out of the frequency sketch.

use alloc::vec;
use alloc::vec::Vec;

use crate::sweep::Sweep;

/// Words of 64 bits in a block.
const WORDS: usize = 8;
/// Bits for each entry of the cache: 8 for each of the three keys that may come for the first time while one stays.
/// About 3 strangers in 100 pass then.
const BITS: usize = 24;
/// One for each bit of a key: its high bits choose the bit.
const MULTIPLIERS: [u32; 5] = [
    0x9e37_79b1,
    0x85eb_ca77,
    0xc2b2_ae3d,
    0x27d4_eb2f,
    0x1656_67b1,
];

#[derive(Copy, Clone, Debug)]
#[repr(align(64))]
struct Block([u64; WORDS]);

/// A Bloom filter with all bits of a key in one cache line (F. Putze, P. Sanders, J. Singler, "Cache-, hash- and
/// space-efficient Bloom filters", WEA 2007), which is emptied over the inserts that follow, and shows as if at once.
#[derive(Clone, Debug)]
pub(super) struct Doorkeeper {
    blocks: Vec<Block>,
    /// Which blocks are still to be emptied.
    sweep: Sweep,
}

impl Doorkeeper {
    /// A doorkeeper for a cache of this many entries.
    pub(super) fn new(entries: usize) -> Self {
        let blocks = (entries * BITS).div_ceil(WORDS * 64).max(1);
        Doorkeeper {
            blocks: vec![Block([0; WORDS]); blocks],
            sweep: Sweep::new(blocks),
        }
    }

    /// Lets a key be known; whether it was before.
    pub(super) fn insert(&mut self, folded: u32) -> bool {
        let at = self.block_of(folded);
        if self.sweep.is_active() {
            self.go_on(at);
        }
        let block = &mut self.blocks[at].0;
        let mut known = true;
        for (word, bit) in bits(folded) {
            known &= block[word] & bit != 0;
            block[word] |= bit;
        }
        known
    }

    /// Whether a key is known.
    pub(super) fn contains(&self, folded: u32) -> bool {
        let at = self.block_of(folded);
        let block = &self.blocks[at].0;
        !self.sweep.is_due(at) && bits(folded).all(|(word, bit)| block[word] & bit != 0)
    }

    /// Forgets all keys. Constant time, but if the last time is not over yet.
    pub(super) fn clear(&mut self) {
        while let Some(block) = self.sweep.next_due() {
            self.blocks[block] = Block([0; WORDS]);
        }
        self.sweep.begin();
    }

    #[cold]
    fn go_on(&mut self, at: usize) {
        if self.sweep.is_due(at) {
            self.sweep.set_done(at);
            self.blocks[at] = Block([0; WORDS]);
        }
        for _ in 0..2 {
            if let Some(block) = self.sweep.next_due() {
                self.blocks[block] = Block([0; WORDS]);
            }
        }
    }

    fn block_of(&self, folded: u32) -> usize {
        ((u64::from(folded) * self.blocks.len() as u64) >> 32) as usize
    }
}

/// The bits of a key: the word in the block, and the bit in it.
fn bits(folded: u32) -> impl Iterator<Item = (usize, u64)> {
    MULTIPLIERS.into_iter().map(move |multiplier| {
        let position = folded.wrapping_mul(multiplier) >> 23;
        ((position / 64) as usize, 1 << (position % 64))
    })
}

#[cfg(test)]
mod tests {
    use super::Doorkeeper;
    use std::collections::HashSet;

    fn mix(number: u64) -> u32 {
        let mixed = (number ^ 0x1234_5678).wrapping_mul(0xd6e8_feb8_6659_fd93);
        ((mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93) >> 32) as u32
    }

    #[test]
    fn knows_who_was_there_since_it_was_cleared_and_few_others() {
        let mut doorkeeper = Doorkeeper::new(1_000);
        let mut model = HashSet::new();
        let (mut strangers, mut taken) = (0_u32, 0_u32);
        for step in 0..30_000 {
            if step % 3_000 == 0 {
                doorkeeper.clear();
                model.clear();
            }
            let key = mix(mix(step).into());
            let probe = mix(step / 2);
            assert!(!model.contains(&probe) || doorkeeper.contains(probe));
            let known = doorkeeper.insert(key);
            if model.insert(key) {
                strangers += 1;
                taken += u32::from(known);
            } else {
                assert!(known);
            }
            assert!(doorkeeper.contains(key));
        }
        // While it fills from nothing to three keys an entry; at the end it is about three times as many.
        let share = f64::from(taken) / f64::from(strangers);
        assert!((0.002..0.02).contains(&share), "{share}");
    }

    #[test]
    fn clearing_shows_at_once() {
        let mut doorkeeper = Doorkeeper::new(10_000);
        for key in 0..10_000 {
            doorkeeper.insert(mix(key));
        }
        for _ in 0..3 {
            doorkeeper.clear();
            assert!((0..10_000).all(|key| !doorkeeper.contains(mix(key))));
            doorkeeper.insert(mix(7));
            assert!(doorkeeper.contains(mix(7)));
        }
    }
}

//! Columns: a number beside each slot, for the few arenas whose owner needs one.
//!
//! ```text
//!  slots   0 .. 64 | 64 | 128 | 256 | ...     chunks, made when a slot of theirs is first set
//! ```
//! The owner sets the number of a slot before its value is shown (`Writer::insert_prepared`), so whoever finds the
//! value finds its number; and while a reader is pinned the slot is not used again, so the number is that of the value.

use std::sync::OnceLock;

use super::mutant::{Mutant, active};
use super::sync::atomic::{AtomicU64, Ordering};

/// Slots of the first chunk.
const FIRST: usize = if cfg!(cache_tiered_loom) { 1 } else { 64 };
/// With so many chunks there is a number for each slot.
const CHUNKS: usize = 28;

/// A number a slot. Set under the lock of its owner, raised by readers too.
#[derive(Debug)]
pub(crate) struct Column {
    /// What slots have that were never set.
    unset: u64,
    /// Loaded and stored Relaxed: the slot's store into its cell publishes what was set before, and what is raised after
    /// is a time of its own.
    chunks: [OnceLock<Box<[AtomicU64]>>; CHUNKS],
}

/// The chunk of a slot, and where in it.
#[inline(always)]
const fn place(slot: u32) -> (usize, usize) {
    let slot = slot as usize;
    let chunk = (slot / FIRST + 1).ilog2();
    (chunk as usize, slot - ((1 << chunk) - 1) * FIRST)
}

impl Column {
    /// A column in which each slot has `unset`. Without memory.
    pub(crate) const fn new(unset: u64) -> Self {
        Self {
            unset,
            chunks: [const { OnceLock::new() }; CHUNKS],
        }
    }

    #[inline(always)]
    fn cell(&self, slot: u32) -> Option<&AtomicU64> {
        let (chunk, at) = place(slot);
        Some(&self.chunks[chunk].get()?[at])
    }

    /// The number of a slot.
    #[inline(always)]
    pub(crate) fn get(&self, slot: u32) -> u64 {
        self.cell(slot)
            .map_or(self.unset, |cell| cell.load(Ordering::Relaxed))
    }

    /// For the owner: sets the number of a slot that no reader can have. Makes the slot's chunk, if there is none.
    pub(crate) fn set(&self, slot: u32, number: u64) {
        let (chunk, at) = place(slot);
        let chunk = self.chunks[chunk].get_or_init(|| {
            std::iter::repeat_with(|| AtomicU64::new(self.unset))
                .take(FIRST << chunk)
                .collect()
        });
        chunk[at].store(number, Ordering::Relaxed);
    }

    /// Raises the number of a slot, where it is lower; most calls find that it is not, and write nothing.
    #[inline]
    pub(crate) fn raise(&self, slot: u32, number: u64) {
        if let Some(cell) = self.cell(slot)
            && cell.load(Ordering::Relaxed) < number
        {
            if active(Mutant::RaisedByStore) {
                return cell.store(number, Ordering::Relaxed);
            }
            cell.fetch_max(number, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, not(cache_tiered_loom)))]
mod tests {
    use super::*;

    #[test]
    fn slots_lie_side_by_side_in_chunks_that_double() {
        let slots = (0..).map(place);
        let all = (0..9).flat_map(|chunk| (0..FIRST << chunk).map(move |at| (chunk, at)));
        assert!(all.zip(slots).all(|(expected, found)| expected == found));
        assert!(place(u32::MAX).0 < CHUNKS);
    }

    #[test]
    fn a_slot_has_what_it_was_set_to_and_is_raised_only() {
        let column = Column::new(7);
        column.raise(3, 9);
        assert_eq!(
            (column.get(3), column.get(1 << 20)),
            (7, 7),
            "no chunk, no number"
        );
        column.set(70, 5);
        column.raise(70, 4);
        assert_eq!((column.get(70), column.get(71)), (5, 7));
        column.raise(70, 6);
        assert_eq!(column.get(70), 6);
    }
}

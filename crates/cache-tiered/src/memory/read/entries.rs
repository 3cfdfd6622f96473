//! Entries behind slots, in chunks that never move.
//!
//! ```text
//!  slots   0 .. first | unit | 2 unit | 4 unit | ...         chunks, made when they are needed
//! ```
//! The first chunk has what its owner expects; the next an eighth of that, and so on doubling, so that who
//! expected nearly enough has little to spare. From a slot to its entry it is a comparison and a load in
//! the first chunk, and a few shifts more behind it.

use std::alloc::{self, Layout};
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr;

use super::sync::TrackedCell;
use super::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

/// Chunks that there may be: with the smallest unit they have 2^32 slots.
const CHUNKS: usize = if cfg!(cache_tiered_loom) { 4 } else { 28 };
/// Slots of the second chunk, at least: a power of two.
const UNIT_MIN: usize = if cfg!(cache_tiered_loom) { 1 } else { 64 };

/// Hits that an entry counts at most.
pub(crate) const TOUCHES_MAX: u8 = 3;

/// What an entry holds.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Nothing,
    /// A value that is in the index.
    Live,
    /// A value that is no longer in the index, and that readers may still see. Where values need no drop it stays so when
    /// none can, until there is another.
    Retired,
}

/// A place for a value. Its 6 bytes beside the value take 8 where the value is aligned to 4 or 8.
#[derive(Debug)]
pub(super) struct Entry<T> {
    /// Initialized unless `holds` is `Nothing`. Written by the writer while no reader can have its slot;
    /// readers get there by the slot in a cell, whose Release store comes after.
    pub(super) value: TrackedCell<MaybeUninit<T>>,
    /// The writer's: the folded hash of a live value, or a link to the next of a chain.
    pub(super) link: Cell<u32>,
    /// Hits since the writer asked last. Anybody's, Relaxed: a count that guards nothing, of which some may
    /// be lost.
    pub(super) touches: AtomicU8,
    /// The writer's.
    pub(super) holds: Cell<Holds>,
}

impl<T> Entry<T> {
    /// A reference to the value for as long as the caller says.
    ///
    /// # Safety
    /// 1. There is a value, published to this thread. 2. It stays there, and nobody but by shared references
    ///    uses it, for `'a`.
    #[inline(always)]
    pub(super) unsafe fn value<'a>(&self) -> &'a T {
        // SAFETY: clause 1 says that it is initialized, clause 2 that it stays so.
        self.value
            .with(|value| unsafe { (*value).assume_init_ref() })
    }

    /// Counts a hit, if it has not counted enough of them: most hits of what is hit most write nothing.
    #[inline(always)]
    pub(super) fn touch(&self) {
        let touches = self.touches.load(Ordering::Relaxed);
        if touches < TOUCHES_MAX {
            self.touches.store(touches + 1, Ordering::Relaxed);
        }
    }
}

/// Memory for entries. Their values are their owner's to drop.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Entries<T> {
    /// Slots of the first chunk.
    first: u32,
    /// The logarithm of the slots of the second.
    unit: u32,
    /// Null until they are needed. Stored by the writer, before any slot of theirs is in use: so whoever
    /// has a slot from the index, by an Acquire load, reads them Relaxed.
    chunks: [AtomicPtr<Entry<T>>; CHUNKS],
}

impl<T> Entries<T> {
    /// Without memory. The first chunk will have so many slots, 1 at least.
    pub(super) fn new(first: usize) -> Self {
        let first = u32::try_from(first.max(1)).unwrap_or(u32::MAX);
        let unit = (first as usize / 8).next_power_of_two().max(UNIT_MIN);
        Self {
            first,
            unit: unit.trailing_zeros(),
            chunks: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
        }
    }

    /// The chunk that a slot lies in, and where in it.
    #[inline(always)]
    fn place(&self, slot: u32) -> (usize, usize) {
        if slot < self.first {
            return (0, slot as usize);
        }
        let slot = u64::from(slot - self.first);
        let chunk = ((slot >> self.unit) + 1).ilog2();
        let start = ((1_u64 << chunk) - 1) << self.unit;
        (chunk as usize + 1, (slot - start) as usize)
    }

    /// How many entries a chunk has.
    fn len(&self, chunk: usize) -> usize {
        match chunk {
            0 => self.first as usize,
            _ => 1 << (self.unit as usize + chunk - 1),
        }
    }

    fn layout(&self, chunk: usize) -> Layout {
        Layout::array::<Entry<T>>(self.len(chunk))
            .expect("the entries of a cache are fewer than addresses")
    }

    /// # Safety
    /// `slot` was [prepared](Self::prepare), and this thread knows it.
    #[inline(always)]
    pub(super) unsafe fn entry(&self, slot: u32) -> &Entry<T> {
        // Inlined with what is behind the first chunk: a call here would cost those a tenth of a look-up that
        // do not make it, for the registers that it may change.
        let (chunk, at) = self.place(slot);
        // Relaxed: see the field.
        let base = self.chunks[chunk].load(Ordering::Relaxed);
        // SAFETY: a slot that was prepared lies in a chunk that was allocated, at a place within it, and its
        // entry was initialized. Of entries there are shared references only.
        unsafe { &*base.add(at) }
    }

    /// For the writer: a slot that was never used gets an entry without a value.
    ///
    /// # Panics
    /// Aborts if there is no memory.
    pub(super) fn prepare(&self, slot: u32) {
        let (chunk, at) = self.place(slot);
        // Relaxed: the writer's own.
        let mut base = self.chunks[chunk].load(Ordering::Relaxed);
        if base.is_null() {
            let layout = self.layout(chunk);
            // SAFETY: an entry has a size, and a chunk at least one entry.
            base = unsafe { alloc::alloc(layout) }.cast();
            if base.is_null() {
                alloc::handle_alloc_error(layout);
            }
            self.chunks[chunk].store(base, Ordering::Relaxed);
        }
        let vacant = Entry {
            value: TrackedCell::new(MaybeUninit::uninit()),
            link: Cell::new(0),
            touches: AtomicU8::new(0),
            holds: Cell::new(Holds::Nothing),
        };
        // SAFETY: within the chunk, and nobody has this slot yet.
        unsafe { base.add(at).write(vacant) };
    }
}

impl<T> Drop for Entries<T> {
    fn drop(&mut self) {
        for chunk in 0..CHUNKS {
            // Relaxed: nobody else is there any more.
            let base = self.chunks[chunk].load(Ordering::Relaxed);
            if !base.is_null() {
                // SAFETY: allocated with this layout in `prepare`, and never freed. Entries without their
                // values have nothing to drop.
                unsafe { alloc::dealloc(base.cast(), self.layout(chunk)) };
            }
        }
    }
}

#[cfg(all(test, not(cache_tiered_loom)))]
mod tests {
    use super::*;

    #[test]
    fn slots_lie_side_by_side_in_chunks_that_grow() {
        for first in [1, 63, 64, 100, 1000, 4097] {
            let entries = Entries::<u64>::new(first);
            let slots = (0..).map(|slot| entries.place(slot));
            let all = (0..9).flat_map(|chunk| (0..entries.len(chunk)).map(move |at| (chunk, at)));
            assert!(all.zip(slots).all(|(expected, found)| expected == found));
        }
    }

    #[test]
    fn the_last_slot_of_all_is_in_the_last_chunk() {
        let entries = Entries::<u64>::new(1);
        let (chunk, at) = entries.place(u32::MAX - 1);
        assert_eq!(chunk, CHUNKS - 1);
        assert!(at < entries.len(chunk));
    }
}

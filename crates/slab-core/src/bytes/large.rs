//! `Large`: strings that are larger than every class, each in a block of its own.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::class::Place;
use super::handle::INDEX_BITS;
use crate::error::{HandleError, InsertErrorKind, ProvideError};
use crate::provider::Provider;
use crate::table::{Cursor, Generation, Key, Live, SlotTable};

/// A string with a block of its own.
pub(super) struct Block {
    data: NonNull<u8>,
    /// At most `capacity`; so many bytes are initialised.
    length: usize,
    /// Bytes of the block, as asked of the provider.
    capacity: usize,
}

// SAFETY: a block belongs to the table that holds its record, as a `Vec<u8>` would.
unsafe impl Send for Block {}
// SAFETY: shared access reads only.
unsafe impl Sync for Block {}

/// Blocks are aligned as an allocator aligns anyway.
fn layout(capacity: usize) -> Result<Layout, ProvideError> {
    Layout::from_size_align(capacity, 16).map_err(|_| ProvideError::TooLarge)
}

/// The records of large strings. The provider passed in is always the same one, which is the safety
/// clause of every function that takes it.
pub(super) struct Large {
    pub(super) table: SlotTable<Block>,
    /// Sum of the lengths.
    pub(super) payload_bytes: usize,
    /// Sum of the capacities.
    pub(super) capacity_bytes: usize,
}

impl Large {
    pub(super) const fn new() -> Self {
        Self {
            table: SlotTable::new(8, INDEX_BITS),
            payload_bytes: 0,
            capacity_bytes: 0,
        }
    }

    /// The record of that number, if it is live, in `generation` if one is given.
    #[inline]
    fn live(&self, number: u32, generation: Option<Generation>) -> Option<Live<'_, Block>> {
        match generation {
            Some(generation) => self.table.live(Key {
                index: number,
                generation,
            }),
            None => self.table.live_at(number),
        }
    }

    /// Where the string of that number lies, if there is one, in `generation` if one is given. Out of line,
    /// so that what is inlined into a look at a small string is short.
    #[cold]
    #[inline(never)]
    pub(super) fn place(&self, number: u32, generation: Option<Generation>) -> Option<Place> {
        let block = self.live(number, generation)?.value();
        Some(Place {
            data: block.data,
            length: block.length,
        })
    }

    pub(super) fn generation(&self, number: u32) -> Option<Generation> {
        Some(self.table.live_at(number)?.key().generation)
    }

    /// Why no string is there; asked when `place` said so.
    pub(super) fn diagnose(&self, number: u32, generation: Option<Generation>) -> HandleError {
        let key = Key {
            index: number,
            generation: generation.unwrap_or(Generation::of_live(1)),
        };
        match self.table.diagnose(key) {
            HandleError::Stale if generation.is_none() => HandleError::Vacant,
            why => why,
        }
    }

    /// Bytes that the block of a live string has room for.
    pub(super) fn capacity(&self, number: u32) -> usize {
        let live = self.table.live_at(number);
        live.map_or(0, |live| live.value().capacity)
    }

    /// A block of `length` bytes, and room for its record.
    ///
    /// # Safety
    /// 1. `provider` is the table's.
    pub(super) unsafe fn reserve<P: Provider>(
        &mut self,
        length: usize,
        provider: &P,
    ) -> Result<NonNull<u8>, InsertErrorKind> {
        let layout = layout(length)?;
        // SAFETY: clause 1, and nothing is stored by index.
        unsafe { self.table.refill(provider)? };
        Ok(provider.allocate(layout)?)
    }

    /// Gives back a block of which no record was made.
    ///
    /// # Safety
    /// 1. `provider` is the table's. 2. `data` came from `reserve` for `length`, and nobody uses it.
    pub(super) unsafe fn forgo<P: Provider>(data: NonNull<u8>, length: usize, provider: &P) {
        if let Ok(layout) = layout(length) {
            // SAFETY: clauses 1 and 2.
            unsafe { provider.deallocate(data, layout) };
        }
    }

    /// Makes the record of a block that was reserved.
    ///
    /// # Safety
    /// 1. `data` came from `reserve` for `length`, the last call before this. 2. Before anybody reads the
    ///    string all its bytes are initialised.
    pub(super) unsafe fn fill(&mut self, data: NonNull<u8>, length: usize) -> Key {
        // SAFETY: by clause 1 there is a vacancy.
        let vacant = unsafe { self.table.vacant().unwrap_unchecked() };
        self.payload_bytes += length;
        self.capacity_bytes += length;
        vacant.fill(Block {
            data,
            length,
            capacity: length,
        })
    }

    /// Changes the length of a string in place, if there is one.
    ///
    /// # Safety
    /// 1. `length` is no more than the block's capacity. 2. Before anybody reads the string its first
    ///    `length` bytes are initialised.
    pub(super) unsafe fn set_length(&mut self, number: u32, length: usize) {
        if let Some(live) = self.table.live_at_mut(number) {
            let block = live.into_value();
            self.payload_bytes = self.payload_bytes - block.length + length;
            block.length = length;
        }
    }

    /// Frees the string of that number, if there is one, in `generation` if one is given.
    ///
    /// # Safety
    /// 1. `provider` is the table's.
    #[cold]
    pub(super) unsafe fn free<P: Provider>(
        &mut self,
        number: u32,
        generation: Option<Generation>,
        provider: &P,
    ) -> bool {
        let Some(key) = self.live(number, generation).map(|live| live.key()) else {
            return false;
        };
        let Some(live) = self.table.live_mut(key) else {
            return false;
        };
        let block = live.take();
        self.payload_bytes -= block.length;
        self.capacity_bytes -= block.capacity;
        if let Ok(layout) = layout(block.capacity) {
            // SAFETY: the block came from this provider with this layout, and its record is gone.
            unsafe { provider.deallocate(block.data, layout) };
        }
        true
    }

    /// # Safety
    /// 1. `provider` is the table's.
    pub(super) unsafe fn clear<P: Provider>(&mut self, provider: &P) {
        if self.table.live_slots() == 0 {
            return;
        }
        let mut cursor = Cursor::new();
        // SAFETY: it is one table, and nothing here releases a slab.
        while let Some(live) = unsafe { cursor.next(&self.table) } {
            let number = live.key().index;
            // SAFETY: clause 1.
            unsafe { self.free(number, None, provider) };
        }
    }

    /// Gives everything back.
    ///
    /// # Safety
    /// 1. `provider` is the table's. 2. It is not used again.
    pub(super) unsafe fn destroy<P: Provider>(&mut self, provider: &P) {
        // SAFETY: clauses 1 and 2.
        unsafe {
            self.clear(provider);
            self.table.destroy(provider);
        }
    }
}

//! `ByteSlab`: byte strings in slots of a few sizes.

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;
use core::slice;

use crate::error::{HandleError, InsertErrorKind, ProvideError};
use crate::provider::{Global, Provider};
use crate::table::{Cursor, Live, SlotTable};

mod classes;
mod handle;
mod reservation;
mod resize;
mod stats;

use classes::CLASSES_MAX;
pub use classes::{Classes, ClassesError};
pub use handle::ByteHandle;
use handle::{LARGE, SLOT_BITS};
pub use reservation::Reservation;
pub use stats::{ByteStats, ClassStats};

/// Strings of one class. The value of a slot is the string's length in bytes; the string itself is the
/// slot's payload, of which the first `length` bytes are initialised.
struct Class {
    table: SlotTable<u32>,
    /// Sum of the lengths.
    payload_bytes: usize,
}

/// A string with a block of its own.
struct Block {
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

impl Block {
    /// Blocks are aligned as an allocator aligns anyway.
    fn layout(capacity: usize) -> Result<Layout, ProvideError> {
        Layout::from_size_align(capacity, 16).map_err(|_| ProvideError::TooLarge)
    }
}

/// Byte strings behind [`ByteHandle`]s, by size class.
///
/// The slab keeps length and generation of each string, so that no caller can read past one, read one
/// that was freed, or free one twice. O(1) beside the copy of the bytes. Growth adds a slab of one class
/// and moves nothing. A slab that was never used holds no memory. Strings larger than every class get
/// blocks of their own from the provider.
///
/// After the size classes of Bonwick and Adams, "Magazines and Vmem" (USENIX 2001), and jemalloc's four
/// steps a doubling (Evans, 2006).
///
/// ```
/// use slab_core::ByteSlab;
///
/// let mut slab = ByteSlab::new();
/// let greeting = slab.alloc(b"hello")?;
/// assert_eq!(slab.get(greeting), Some(&b"hello"[..]));
/// slab.get_mut(greeting).unwrap()[0] = b'j';
/// let greeting = slab.resize(greeting, 7)?;
/// assert_eq!(slab.get(greeting), Some(&b"jello\0\0"[..]));
/// assert!(slab.free(greeting));
/// assert!(!slab.free(greeting), "once is enough");
/// # Ok::<(), slab_core::InsertErrorKind>(())
/// ```
///
/// A string that is borrowed cannot be freed:
///
/// ```compile_fail,E0502
/// let mut slab = slab_core::ByteSlab::new();
/// let handle = slab.alloc(b"borrowed").unwrap();
/// let bytes = slab.get(handle).unwrap();
/// slab.free(handle);
/// assert_eq!(bytes, b"borrowed");
/// ```
pub struct ByteSlab<P: Provider = Global> {
    /// Those above `sizes.len()` are never used.
    classes: [Class; CLASSES_MAX],
    sizes: Classes,
    large: SlotTable<Block>,
    large_payload_bytes: usize,
    large_capacity_bytes: usize,
    provider: P,
}

/// Where a live string lies.
struct Place {
    data: NonNull<u8>,
    length: usize,
}

#[cfg(feature = "alloc")]
impl ByteSlab {
    /// An empty slab on the global allocator, with [`Classes::QUARTERS`]; holds no memory.
    pub const fn new() -> Self {
        Self::with_classes(Classes::QUARTERS)
    }

    /// An empty slab on the global allocator, with classes of the caller's; holds no memory.
    pub const fn with_classes(classes: Classes) -> Self {
        Self::with_classes_in(classes, Global)
    }
}

impl<P: Provider> ByteSlab<P> {
    /// An empty slab on `provider`, with [`Classes::QUARTERS`]; holds no memory.
    pub const fn new_in(provider: P) -> Self {
        Self::with_classes_in(Classes::QUARTERS, provider)
    }

    /// An empty slab on `provider`, with classes of the caller's; holds no memory.
    pub const fn with_classes_in(sizes: Classes, provider: P) -> Self {
        let mut classes = [const {
            Class {
                table: SlotTable::new(0, 0, SLOT_BITS),
                payload_bytes: 0,
            }
        }; CLASSES_MAX];
        let mut class = 0;
        while class < sizes.sizes().len() {
            let (size, shift) = sizes.shape(class);
            classes[class].table = SlotTable::new(shift, size, SLOT_BITS);
            class += 1;
        }
        Self {
            classes,
            sizes,
            large: SlotTable::new(8, 0, SLOT_BITS),
            large_payload_bytes: 0,
            large_capacity_bytes: 0,
            provider,
        }
    }

    /// The provider of the slab's memory.
    pub fn provider(&self) -> &P {
        &self.provider
    }

    /// The slot sizes.
    pub fn classes(&self) -> &Classes {
        &self.sizes
    }

    /// Strings in the slab. O(classes).
    pub fn len(&self) -> usize {
        let small: usize = self
            .classes
            .iter()
            .map(|class| class.table.live_slots() as usize)
            .sum();
        small + self.large.live_slots() as usize
    }

    /// Whether the slab holds no string. O(classes).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Stores a copy of `bytes` and gives its handle. O(length).
    ///
    /// # Errors
    /// [`InsertErrorKind`] if the provider refuses memory or no index is left; nothing has changed then.
    #[inline]
    pub fn alloc(&mut self, bytes: &[u8]) -> Result<ByteHandle, InsertErrorKind> {
        let Some(number) = self.sizes.class_of(bytes.len()) else {
            return self.alloc_large(bytes);
        };
        let class = &mut self.classes[number];
        // SAFETY: `self.provider` is the only provider the tables are ever given, and nothing is stored
        // by index.
        let vacant = unsafe { class.table.refill(&self.provider)? };
        let data = vacant.payload();
        // SAFETY: the payload has the size of the class, which holds `bytes`; the slot is vacant, so
        // nobody has a reference to its payload, and `bytes` does not overlap it.
        unsafe { data.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
        let key = vacant.fill(bytes.len() as u32);
        class.payload_bytes += bytes.len();
        Ok(ByteHandle::new(number as u32, key))
    }

    #[cold]
    #[inline(never)]
    fn alloc_large(&mut self, bytes: &[u8]) -> Result<ByteHandle, InsertErrorKind> {
        let mut reservation = self.alloc_uninit(bytes.len())?;
        reservation.write_copy_of_slice(bytes);
        // SAFETY: every byte was just written.
        Ok(unsafe { reservation.assume_init() })
    }

    /// Reserves room for `length` bytes that the caller writes in place. Dropping the reservation gives
    /// it up. O(1).
    ///
    /// # Errors
    /// As [`alloc`](Self::alloc).
    pub fn alloc_uninit(&mut self, length: usize) -> Result<Reservation<'_, P>, InsertErrorKind> {
        let Some(number) = self.sizes.class_of(length) else {
            let layout = Block::layout(length)?;
            // SAFETY: `self.provider` is the only provider the tables are ever given, and nothing is stored
            // by index.
            unsafe { self.large.refill(&self.provider)? };
            let data = self.provider.allocate(layout)?;
            // SAFETY: the block is new and `length` bytes long, and `refill` gave a vacancy.
            return Ok(unsafe { Reservation::new(self, LARGE, data, length) });
        };
        let table = &mut self.classes[number].table;
        // SAFETY: `self.provider` is the only provider the tables are ever given, and nothing is stored
        // by index.
        let data = unsafe { table.refill(&self.provider)? }.payload();
        // SAFETY: `refill` gave a vacancy, and its payload has the size of the class, which holds `length`.
        Ok(unsafe { Reservation::new(self, number as u32, data, length) })
    }

    /// The slot of a live string of a class, with its payload; `None` for large ones too.
    #[inline]
    fn small(&self, handle: ByteHandle) -> Option<(Live<'_, u32>, NonNull<u8>)> {
        let class = self.classes.get(handle.class() as usize)?;
        class.table.live_with_payload(handle.key())
    }

    #[inline]
    fn place(&self, handle: ByteHandle) -> Option<Place> {
        if handle.class() == LARGE {
            let block = self.large.live(handle.key())?.value();
            return Some(Place {
                data: block.data,
                length: block.length,
            });
        }
        let (live, data) = self.small(handle)?;
        let length = *live.value() as usize;
        Some(Place { data, length })
    }

    /// The string that `handle` names, if it is still there. O(1).
    #[inline]
    pub fn get(&self, handle: ByteHandle) -> Option<&[u8]> {
        let Place { data, length } = self.place(handle)?;
        // SAFETY: the first `length` bytes of a live string are initialised and its own; `self` is
        // borrowed, so nobody writes.
        Some(unsafe { slice::from_raw_parts(data.as_ptr(), length) })
    }

    /// The string that `handle` names, if it is still there. O(1).
    #[inline]
    pub fn get_mut(&mut self, handle: ByteHandle) -> Option<&mut [u8]> {
        let Place { data, length } = self.place(handle)?;
        // SAFETY: as in `get`, and `self` is borrowed exclusively.
        Some(unsafe { slice::from_raw_parts_mut(data.as_ptr(), length) })
    }

    /// Whether `handle` names a string. O(1).
    #[inline]
    pub fn contains(&self, handle: ByteHandle) -> bool {
        self.place(handle).is_some()
    }

    /// Says why `handle` names no string. O(1).
    ///
    /// # Errors
    /// [`HandleError`], if it names none.
    pub fn check(&self, handle: ByteHandle) -> Result<(), HandleError> {
        if self.contains(handle) {
            return Ok(());
        }
        Err(match self.classes.get(handle.class() as usize) {
            Some(class) => class.table.diagnose(handle.key()),
            None => self.large.diagnose(handle.key()),
        })
    }

    /// Frees the string that `handle` names. False, and nothing happens, if it names none: so a second
    /// free of the same handle does nothing. O(1).
    #[inline]
    pub fn free(&mut self, handle: ByteHandle) -> bool {
        let Some(class) = self.classes.get_mut(handle.class() as usize) else {
            return self.free_large(handle);
        };
        let Some(live) = class.table.live_mut(handle.key()) else {
            return false;
        };
        class.payload_bytes -= live.take() as usize;
        true
    }

    #[cold]
    fn free_large(&mut self, handle: ByteHandle) -> bool {
        let Some(live) = self.large.live_mut(handle.key()) else {
            return false;
        };
        let block = live.take();
        self.large_payload_bytes -= block.length;
        self.large_capacity_bytes -= block.capacity;
        if let Ok(layout) = Block::layout(block.capacity) {
            // SAFETY: the block came from this provider with this layout, and its record is gone.
            unsafe { self.provider.deallocate(block.data, layout) };
        }
        true
    }

    /// Frees every string; every handle is stale then. Blocks of large strings go back to the provider,
    /// slabs stay. O(slots / 64 + strings).
    pub fn clear(&mut self) {
        for class in &mut self.classes {
            let mut cursor = Cursor::new();
            // SAFETY: it is one table, and nothing here releases a slab.
            while let Some(live) = unsafe { cursor.next_mut(&mut class.table) } {
                live.take();
            }
            class.payload_bytes = 0;
        }
        self.clear_large();
    }

    fn clear_large(&mut self) {
        let mut cursor = Cursor::new();
        // SAFETY: it is one table, and nothing here releases a slab.
        while let Some(live) = unsafe { cursor.next(&self.large) } {
            let handle = ByteHandle::new(LARGE, live.key());
            self.free_large(handle);
        }
    }

    /// Gives the slabs that hold no string back to the provider, all but `keep` of each class; says how
    /// many. Live handles stay valid and stale ones stay stale. O(slots).
    pub fn release_empty(&mut self, keep: usize) -> usize {
        let mut released = 0;
        for class in &mut self.classes {
            // SAFETY: `self.provider` is the only provider the tables are ever given.
            released += unsafe { class.table.release_empty(&self.provider, keep) };
        }
        // SAFETY: as above.
        released + unsafe { self.large.release_empty(&self.provider, keep) }
    }
}

impl<P: Provider + Default> Default for ByteSlab<P> {
    fn default() -> Self {
        Self::new_in(P::default())
    }
}

impl<P: Provider> fmt::Debug for ByteSlab<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteSlab")
            .field("classes", &self.sizes)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl<P: Provider> Drop for ByteSlab<P> {
    fn drop(&mut self) {
        if self.large.live_slots() != 0 {
            self.clear_large();
        }
        for class in &mut self.classes {
            // SAFETY: the provider is the tables', and the slab ends here.
            unsafe { class.table.destroy(&self.provider) };
        }
        // SAFETY: as above.
        unsafe { self.large.destroy(&self.provider) };
    }
}

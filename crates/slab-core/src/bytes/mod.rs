//! `ByteSlab`: byte strings in slots of a few sizes.

use core::fmt;
use core::ptr::NonNull;
use core::slice;

use crate::error::{HandleError, InsertErrorKind};
use crate::provider::{Global, Provider};

mod class;
mod classes;
mod directory;
mod growth;
mod handle;
mod iter;
mod large;
mod reservation;
mod resize;
mod slab;
mod stats;

use class::{Class, Place};
use classes::CLASSES_MAX;
pub use classes::{Classes, ClassesError};
pub use handle::{ByteHandle, ByteKey, CompactHandle};
use handle::{Index, Key, Name};
pub use iter::ByteIter;
use large::Large;
pub use reservation::Reservation;
pub use stats::{ByteStats, ClassStats};

/// Byte strings behind [`ByteHandle`]s, by size class.
///
/// The slab keeps length and generation of each string, so that no caller can read past one, read one
/// that was freed, or free one twice. O(1) beside the copy of the bytes. Growth adds a slab of one class
/// and moves nothing. A slab that was never used holds no memory. Strings larger than every class get
/// blocks of their own from the provider.
///
/// Eight bytes of each slot hold length and generation, in front of the string: in 7 slots of 8 in the cache line in
/// which it begins.
/// The slot that was freed last is given out first. Strings begin at multiples of eight bytes.
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
    large: Large,
    provider: P,
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
        let slot_bits = sizes.slot_bits();
        let mut classes = [const { Class::new(0, 0, 0, 0) }; CLASSES_MAX];
        let mut class = 0;
        while class < sizes.sizes().len() {
            let (size, shift) = sizes.shape(class);
            classes[class] = Class::new(class as u32, size, shift, slot_bits);
            class += 1;
        }
        Self {
            classes,
            sizes,
            large: Large::new(),
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
        let small: usize = self.classes.iter().map(|class| class.live as usize).sum();
        small + self.large.table.live_slots() as usize
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
            return self.alloc_slowly(bytes);
        };
        let Some(vacant) = self.classes[number].vacant() else {
            return self.alloc_slowly(bytes);
        };
        let data = vacant.data();
        // SAFETY: the class holds `bytes`, and they are copied at once.
        let key = unsafe { vacant.fill(bytes.len()) };
        let handle = ByteHandle::new(Index::small(key.index), key.generation);
        // SAFETY: the slot has room for `bytes`; it was vacant, so nobody has a reference to it, and
        // `bytes` does not overlap it.
        unsafe { data.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
        Ok(handle)
    }

    /// As `alloc`, for strings that are large or need another slab.
    #[cold]
    #[inline(never)]
    fn alloc_slowly(&mut self, bytes: &[u8]) -> Result<ByteHandle, InsertErrorKind> {
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
        let class = self.sizes.class_of(length);
        let data = match class {
            Some(number) => {
                // SAFETY: `self.provider` is the only provider the classes are ever given.
                unsafe { self.classes[number].refill(&self.provider)? };
                // SAFETY: `refill` has seen to it.
                unsafe { self.classes[number].vacant().unwrap_unchecked() }.data()
            }
            // SAFETY: `self.provider` is the only provider the large strings are ever given.
            None => unsafe { self.large.reserve(length, &self.provider)? },
        };
        // SAFETY: `data` is what the class, which holds `length`, or the large strings gave.
        Ok(unsafe { Reservation::new(self, class, data, length) })
    }

    #[inline]
    fn place(&self, Name { index, generation }: Name) -> Option<Place> {
        if let Some(number) = index.as_large() {
            return self.large.place(number, generation);
        }
        let (class, index) = index.in_class(self.sizes.slot_bits());
        self.classes.get(class)?.place(index, generation)
    }

    /// The string that `handle` names, if it is still there. O(1).
    #[inline]
    pub fn get(&self, handle: impl ByteKey) -> Option<&[u8]> {
        let Place { data, length } = self.place(handle.name())?;
        // SAFETY: the first `length` bytes of a live string are initialised and its own; `self` is
        // borrowed, so nobody writes.
        Some(unsafe { slice::from_raw_parts(data.as_ptr(), length) })
    }

    /// The string that `handle` names, if it is still there. O(1).
    #[inline]
    pub fn get_mut(&mut self, handle: impl ByteKey) -> Option<&mut [u8]> {
        let Place { data, length } = self.place(handle.name())?;
        // SAFETY: as in `get`, and `self` is borrowed exclusively.
        Some(unsafe { slice::from_raw_parts_mut(data.as_ptr(), length) })
    }

    /// The length in bytes of the string that `handle` names, if it is still there. O(1).
    #[inline]
    pub fn len_of(&self, handle: impl ByteKey) -> Option<usize> {
        Some(self.place(handle.name())?.length)
    }

    /// Whether `handle` names a string. O(1).
    #[inline]
    pub fn contains(&self, handle: impl ByteKey) -> bool {
        self.place(handle.name()).is_some()
    }

    /// The handle with generation of the string that `handle` names now. O(1).
    pub fn handle(&self, handle: CompactHandle) -> Option<ByteHandle> {
        let Name { index, .. } = handle.name();
        let generation = match index.as_large() {
            Some(number) => self.large.generation(number)?,
            None => {
                let (class, slot) = index.in_class(self.sizes.slot_bits());
                self.classes.get(class)?.generation(slot)?
            }
        };
        Some(ByteHandle::new(index, generation))
    }

    /// Says why `handle` names no string. O(1).
    ///
    /// # Errors
    /// [`HandleError`], if it names none; of a [`CompactHandle`] it cannot be told whether it is stale.
    pub fn check(&self, handle: impl ByteKey) -> Result<(), HandleError> {
        self.find(handle.name()).map(|_| ())
    }

    /// Where the string lies, or why there is none.
    fn find(&self, name: Name) -> Result<Place, HandleError> {
        self.place(name).ok_or_else(|| {
            let Name { index, generation } = name;
            if let Some(number) = index.as_large() {
                return self.large.diagnose(number, generation);
            }
            let (class, index) = index.in_class(self.sizes.slot_bits());
            match self.classes.get(class) {
                Some(class) => class.diagnose(index, generation),
                None => HandleError::OutOfRange,
            }
        })
    }

    /// Frees the string that `handle` names. False, and nothing happens, if it names none: so a second
    /// free of the same [`ByteHandle`] does nothing. O(1).
    #[inline]
    pub fn free(&mut self, handle: impl ByteKey) -> bool {
        let Name { index, generation } = handle.name();
        if let Some(number) = index.as_large() {
            // SAFETY: `self.provider` is the only provider the large strings are ever given.
            return unsafe { self.large.free(number, generation, &self.provider) };
        }
        let (class, index) = index.in_class(self.sizes.slot_bits());
        let class = self.classes.get_mut(class);
        class.is_some_and(|class| class.free(index, generation))
    }

    /// Frees every string; every handle is stale then. Blocks of large strings go back to the provider,
    /// slabs stay. O(slots).
    pub fn clear(&mut self) {
        for class in &mut self.classes {
            class.clear();
        }
        // SAFETY: `self.provider` is the only provider the large strings are ever given.
        unsafe { self.large.clear(&self.provider) };
    }

    /// Gives the slabs that hold no string back to the provider, all but `keep` of each class; says how
    /// many. Live handles stay valid and stale ones stay stale. Then the first free slots are given out
    /// first, so that the last slabs of a class drain. O(slots).
    pub fn release_empty(&mut self, keep: usize) -> usize {
        let mut released = 0;
        for class in &mut self.classes {
            // SAFETY: `self.provider` is the only provider the classes are ever given.
            released += unsafe { class.release_empty(&self.provider, keep) };
        }
        // SAFETY: as above.
        released + unsafe { self.large.table.release_empty(&self.provider, keep) }
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
        for class in &mut self.classes {
            // SAFETY: the provider is the classes', and the slab ends here.
            unsafe { class.destroy(&self.provider) };
        }
        // SAFETY: as above.
        unsafe { self.large.destroy(&self.provider) };
    }
}

//! `Reservation`: room for a byte string that its owner writes in place.

use core::fmt;
use core::mem::{self, MaybeUninit};
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use core::slice;

use super::ByteSlab;
use super::handle::{ByteHandle, Index};
use super::large::Large;
use crate::provider::{Global, Provider};

/// Room for a byte string, not yet written: a `[MaybeUninit<u8>]`.
///
/// It becomes a string with [`write`](Self::write), with [`zeroed`](Self::zeroed) or, when all of it was
/// written in place, with the unsafe [`assume_init`](Self::assume_init). Dropped, it leaves nothing.
///
/// ```
/// use slab_core::ByteSlab;
///
/// let mut slab = ByteSlab::new();
/// let mut room = slab.alloc_uninit(3)?;
/// for (at, byte) in room.iter_mut().enumerate() {
///     byte.write(b'a' + at as u8);
/// }
/// // SAFETY: all three bytes were written.
/// let handle = unsafe { room.assume_init() };
/// assert_eq!(slab.get(handle), Some(&b"abc"[..]));
/// # Ok::<(), slab_core::InsertErrorKind>(())
/// ```
///
/// What was not written cannot be read:
///
/// ```compile_fail
/// let mut slab = slab_core::ByteSlab::new();
/// let room = slab.alloc_uninit(3).unwrap();
/// let byte: u8 = room[0];
/// ```
pub struct Reservation<'a, P: Provider = Global> {
    slab: &'a mut ByteSlab<P>,
    /// A class with a free slot; `None` for a large string.
    class: Option<usize>,
    /// The bytes of the slot that is filled next, or a new block.
    pub(super) data: NonNull<u8>,
    length: usize,
}

// SAFETY: `data` points into memory of the slab, or of a block, which only this reservation uses.
unsafe impl<P: Provider + Send> Send for Reservation<'_, P> {}
// SAFETY: `&Reservation` reads nothing but `MaybeUninit`s.
unsafe impl<P: Provider + Sync> Sync for Reservation<'_, P> {}

impl<'a, P: Provider> Reservation<'a, P> {
    /// # Safety
    /// 1. `data` is the slot that `class`, whose slots have `length` bytes or more, fills next, or without a
    ///    class what the `reserve` of the large strings gave for `length`.
    pub(super) unsafe fn new(
        slab: &'a mut ByteSlab<P>,
        class: Option<usize>,
        data: NonNull<u8>,
        length: usize,
    ) -> Self {
        Self {
            slab,
            class,
            data,
            length,
        }
    }

    /// Copies `bytes` in and gives the string's handle. O(length).
    ///
    /// # Errors
    /// The reservation itself, if `bytes` has another length than was reserved.
    pub fn write(mut self, bytes: &[u8]) -> Result<ByteHandle, Self> {
        if bytes.len() != self.length {
            return Err(self);
        }
        self.write_copy_of_slice(bytes);
        // SAFETY: every byte was just written.
        Ok(unsafe { self.assume_init() })
    }

    /// Makes every byte zero and gives the string's handle. O(length).
    pub fn zeroed(mut self) -> ByteHandle {
        self.fill(MaybeUninit::new(0));
        // SAFETY: every byte was just written.
        unsafe { self.assume_init() }
    }

    /// Takes the bytes as they are and gives the string's handle. O(1).
    ///
    /// # Safety
    /// 1. Every byte of the reservation was written.
    pub unsafe fn assume_init(self) -> ByteHandle {
        let (class, data, length) = (self.class, self.data, self.length);
        let mut this = mem::ManuallyDrop::new(self);
        let slab = &mut *this.slab;
        let Some(number) = class else {
            // SAFETY: by clause 1 of `new` the block was reserved, and nothing was since; clause 1.
            let key = unsafe { slab.large.fill(data, length) };
            return ByteHandle::new(Index::large(key.index), key.generation);
        };
        // SAFETY: by clause 1 of `new` there is a free slot, which has room for `length`; clause 1.
        let key = unsafe {
            let vacant = slab.classes[number].vacant();
            vacant.unwrap_unchecked().fill(length)
        };
        ByteHandle::new(Index::small(key.index), key.generation)
    }
}

impl<P: Provider> Deref for Reservation<'_, P> {
    type Target = [MaybeUninit<u8>];

    #[inline]
    fn deref(&self) -> &[MaybeUninit<u8>] {
        // SAFETY: `data` has `length` bytes that only this reservation uses; they need no initialisation.
        unsafe { slice::from_raw_parts(self.data.as_ptr().cast(), self.length) }
    }
}

impl<P: Provider> DerefMut for Reservation<'_, P> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: as in `deref`, and the reservation is borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(self.data.as_ptr().cast(), self.length) }
    }
}

impl<P: Provider> Drop for Reservation<'_, P> {
    fn drop(&mut self) {
        if self.class.is_none() {
            // SAFETY: the block was reserved from this provider for this length, and this is its end.
            unsafe { Large::forgo(self.data, self.length, &self.slab.provider) };
        }
    }
}

impl<P: Provider> fmt::Debug for Reservation<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation")
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

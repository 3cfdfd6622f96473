//! Longer and shorter strings: in place where the slot allows, else in another class.

use core::ptr::NonNull;

use super::handle::LARGE;
use super::{ByteHandle, ByteSlab};
use crate::error::InsertErrorKind;
use crate::provider::Provider;

impl<P: Provider> ByteSlab<P> {
    /// Gives the string that `handle` names `length` bytes and says under which handle it is now: bytes
    /// beyond the old length are zero. O(length).
    ///
    /// The handle stays the same while the string fits its slot and fills more than half of it; else the
    /// string moves to a better slot and the old handle is stale. Where there is no memory for a move
    /// that only saves memory, it stays.
    ///
    /// # Errors
    /// [`InsertErrorKind`] if the handle names nothing, or a longer string needs memory that the provider
    /// refuses; the string is then as it was.
    pub fn resize(
        &mut self,
        handle: ByteHandle,
        length: usize,
    ) -> Result<ByteHandle, InsertErrorKind> {
        self.check(handle)?;
        let fits = length <= self.capacity_of(handle);
        if fits && !self.wastes(handle, length) {
            // SAFETY: it fits.
            unsafe { self.set_length(handle, length) };
            return Ok(handle);
        }
        match self.relocate(handle, length) {
            Err(_) if fits => {
                // SAFETY: it fits, and a move that failed has changed nothing.
                unsafe { self.set_length(handle, length) };
                Ok(handle)
            }
            moved => moved,
        }
    }

    /// Bytes that the slot or block of a live string has room for.
    fn capacity_of(&self, handle: ByteHandle) -> usize {
        if handle.class() != LARGE {
            return self
                .sizes
                .sizes()
                .get(handle.class() as usize)
                .map_or(0, |&size| size as usize);
        }
        let live = self.large.live(handle.key());
        live.map_or(0, |live| live.value().capacity)
    }

    /// Whether a string of `length` would do with another class, and leave half of this slot empty.
    fn wastes(&self, handle: ByteHandle, length: usize) -> bool {
        let best = self
            .sizes
            .class_of(length)
            .map_or(LARGE, |class| class as u32);
        (best != handle.class() || best == LARGE) && length <= self.capacity_of(handle) / 2
    }

    /// Changes the length of a string in place.
    ///
    /// # Safety
    /// 1. If the string is live its slot or block has room for `length` bytes.
    unsafe fn set_length(&mut self, handle: ByteHandle, length: usize) {
        debug_assert!(length <= self.capacity_of(handle));
        let Some(place) = self.place(handle) else {
            return;
        };
        // SAFETY: clause 1, and `self` is borrowed exclusively.
        unsafe { zero(place.data, place.length, length) };
        if handle.class() == LARGE {
            if let Some(live) = self.large.live_mut(handle.key()) {
                live.into_value().length = length;
            }
            self.large_payload_bytes = self.large_payload_bytes - place.length + length;
        } else {
            let class = &mut self.classes[handle.class() as usize];
            if let Some(live) = class.table.live_mut(handle.key()) {
                // The first `length` bytes are initialised now.
                *live.into_value() = length as u32;
            }
            class.payload_bytes = class.payload_bytes - place.length + length;
        }
    }

    /// Copies a live string to a slot of its own for `length` bytes, and frees the old one.
    fn relocate(
        &mut self,
        handle: ByteHandle,
        length: usize,
    ) -> Result<ByteHandle, InsertErrorKind> {
        let Some(old) = self.place(handle) else {
            return Ok(handle);
        };
        let kept = old.length.min(length);
        let mut room = self.alloc_uninit(length)?;
        let data = NonNull::from(&mut *room).cast::<u8>();
        // SAFETY: the old string is live, so it did not move when the table grew, and does not overlap the
        // vacancy; both have room for `kept` bytes, the new one for `length`; then all are written.
        let moved = unsafe {
            data.copy_from_nonoverlapping(old.data, kept);
            zero(data, kept, length);
            room.assume_init()
        };
        self.free(handle);
        Ok(moved)
    }
}

/// Zeroes the bytes from `from` up to `to`, if there are any.
///
/// # Safety
/// 1. `data` may be written up to `to`.
unsafe fn zero(data: NonNull<u8>, from: usize, to: usize) {
    if from < to {
        // SAFETY: clause 1.
        unsafe { data.add(from).write_bytes(0, to - from) };
    }
}

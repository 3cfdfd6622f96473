//! Longer and shorter strings: in place where the slot allows, else in another class.

use core::ptr::NonNull;

use super::class::Place;
use super::handle::Name;
use super::{ByteKey, ByteSlab};
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
    pub fn resize<K: ByteKey>(&mut self, handle: K, length: usize) -> Result<K, InsertErrorKind> {
        let old = self.find(handle.name())?;
        let kept = old.length.min(length);
        // SAFETY: the bytes beyond `kept` are written at once.
        unsafe {
            let (moved, data) = self.reshape(handle, old, length, kept)?;
            data.add(kept).write_bytes(0, length - kept);
            Ok(moved)
        }
    }

    /// Makes the string that `handle` names a copy of `bytes` and says under which handle it is now, by the
    /// rules of [`resize`](Self::resize). O(length).
    ///
    /// ```
    /// let mut slab = slab_core::ByteSlab::new();
    /// let greeting = slab.alloc(b"hello")?;
    /// let greeting = slab.overwrite(greeting, b"good evening")?;
    /// assert_eq!(slab.get(greeting), Some(&b"good evening"[..]));
    /// # Ok::<(), slab_core::InsertErrorKind>(())
    /// ```
    ///
    /// # Errors
    /// As [`resize`](Self::resize).
    pub fn overwrite<K: ByteKey>(&mut self, handle: K, bytes: &[u8]) -> Result<K, InsertErrorKind> {
        let old = self.find(handle.name())?;
        // SAFETY: all bytes are written at once. Room for them was given; `bytes` was borrowed before, so
        // it is not in it.
        unsafe {
            let (moved, data) = self.reshape(handle, old, bytes.len(), 0)?;
            data.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
            Ok(moved)
        }
    }

    /// Gives a live string `length` bytes, of which the first `kept` are as they were; says under which
    /// handle it is and where it lies. On error nothing has changed.
    ///
    /// # Safety
    /// 1. `kept` is no more than the old length and `length`. 2. Before anybody reads the string the bytes
    ///    from `kept` up to `length` are initialised. 3. `old` is the place of the string.
    unsafe fn reshape<K: ByteKey>(
        &mut self,
        handle: K,
        old: Place,
        length: usize,
        kept: usize,
    ) -> Result<(K, NonNull<u8>), InsertErrorKind> {
        let capacity = self.capacity_of(handle.name());
        let fits = length <= capacity;
        if !fits || self.wastes(handle.name(), capacity, length) {
            // SAFETY: the clauses are passed on.
            match unsafe { self.relocate(handle, old, length, kept) } {
                Err(_) if fits => {}
                moved => return moved,
            }
        }
        // SAFETY: it fits, a move that failed has changed nothing, and clause 2.
        unsafe { self.set_length(handle.name(), length) };
        Ok((handle, old.data))
    }

    /// Bytes that the slot or block of a live string has room for.
    fn capacity_of(&self, Name { index, .. }: Name) -> usize {
        match index.as_large() {
            Some(number) => self.large.capacity(number),
            None => {
                let (class, _) = index.in_class(self.sizes.slot_bits());
                self.sizes
                    .sizes()
                    .get(class)
                    .map_or(0, |&size| size as usize)
            }
        }
    }

    /// Whether a string of `length` would do with another class or block, and leave half of this one, of
    /// `capacity` bytes, empty.
    fn wastes(&self, Name { index, .. }: Name, capacity: usize, length: usize) -> bool {
        let is_large = index.as_large().is_some();
        let (class, _) = index.in_class(self.sizes.slot_bits());
        let is_best = !is_large && self.sizes.class_of(length) == Some(class);
        !is_best && length <= capacity / 2
    }

    /// Changes the length of a live string in place.
    ///
    /// # Safety
    /// 1. Its slot or block has room for `length` bytes. 2. Before anybody reads the string its first
    ///    `length` bytes are initialised.
    unsafe fn set_length(&mut self, Name { index, .. }: Name, length: usize) {
        if let Some(number) = index.as_large() {
            // SAFETY: clauses 1 and 2.
            unsafe { self.large.set_length(number, length) };
            return;
        }
        let (class, slot) = index.in_class(self.sizes.slot_bits());
        if let Some(class) = self.classes.get_mut(class) {
            // SAFETY: clauses 1 and 2.
            unsafe { class.set_length(slot, length) };
        }
    }

    /// Copies the first `kept` bytes of a live string to room of its own for `length`, and frees the old.
    ///
    /// # Safety
    /// 1. to 3. As for `reshape`.
    unsafe fn relocate<K: ByteKey>(
        &mut self,
        handle: K,
        old: Place,
        length: usize,
        kept: usize,
    ) -> Result<(K, NonNull<u8>), InsertErrorKind> {
        let room = self.alloc_uninit(length)?;
        let data = room.data;
        // SAFETY: the old string is live, so it did not move when the class grew, and does not overlap the
        // new room; both have `kept` bytes by clause 1. The others are initialised in time by clause 2.
        let moved = unsafe {
            data.copy_from_nonoverlapping(old.data, kept);
            room.assume_init()
        };
        self.free(handle);
        Ok((K::of(moved), data))
    }
}

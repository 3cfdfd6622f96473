//! `ByteIter`: the strings of a byte slab in the order of their slots; and `retain`, which visits them all.

use core::fmt;
use core::iter::FusedIterator;
use core::slice;

use super::class::Class;
use super::handle::Index;
use super::large::{Block, Large};
use super::{ByteHandle, ByteSlab};
use crate::provider::Provider;
use crate::table::Cursor;

/// The strings of a [`ByteSlab`] with their handles, from [`ByteSlab::iter`]. Cost: O(slots).
///
/// ```
/// use slab_core::{ByteIter, ByteSlab};
///
/// let mut slab = ByteSlab::new();
/// let handles = [slab.alloc(b"one")?, slab.alloc(&[2; 100])?, slab.alloc(&[3; 10_000])?];
/// let strings: ByteIter<'_> = slab.iter();
/// assert_eq!(strings.len(), 3);
/// assert!(strings.map(|(handle, _)| handle).eq(handles), "by class, the large ones last");
/// # Ok::<(), slab_core::InsertErrorKind>(())
/// ```
pub struct ByteIter<'a> {
    /// Those whose strings are not all visited.
    classes: &'a [Class],
    /// The slot in the first of them to look at next; none has been looked at without one.
    from: Option<u32>,
    large: &'a Large,
    cursor: Cursor<Block>,
    left: usize,
}

// SAFETY: the cursor's pointer is used to give out `&[u8]` only, as the reference to the slab would.
unsafe impl Send for ByteIter<'_> {}
// SAFETY: as above; `&ByteIter` gives nothing but numbers and clones.
unsafe impl Sync for ByteIter<'_> {}

impl<'a> Iterator for ByteIter<'a> {
    type Item = (ByteHandle, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some((class, others)) = self.classes.split_first() {
            let Some(index) = class.next_live(self.from) else {
                (self.classes, self.from) = (others, None);
                continue;
            };
            self.from = Some(index + 1);
            self.left -= 1;
            let handle = ByteHandle::new(Index::small(index), class.generation(index)?);
            let place = class.place(index, None)?;
            // SAFETY: the first `length` bytes of a live string are initialised and its own; the slab is
            // borrowed for `'a`, so nobody writes.
            let bytes = unsafe { slice::from_raw_parts(place.data.as_ptr(), place.length) };
            return Some((handle, bytes));
        }
        // SAFETY: it is one table, borrowed for `'a`, so it releases no slab.
        let key = unsafe { self.cursor.next(&self.large.table)? }.key();
        self.left -= 1;
        let handle = ByteHandle::new(Index::large(key.index), key.generation);
        let place = self.large.place(key.index, None)?;
        // SAFETY: as above.
        let bytes = unsafe { slice::from_raw_parts(place.data.as_ptr(), place.length) };
        Some((handle, bytes))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for ByteIter<'_> {}
impl FusedIterator for ByteIter<'_> {}

impl Clone for ByteIter<'_> {
    fn clone(&self) -> Self {
        Self {
            cursor: self.cursor.clone(),
            ..*self
        }
    }
}

impl fmt::Debug for ByteIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteIter")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

impl<'a, P: Provider> IntoIterator for &'a ByteSlab<P> {
    type Item = (ByteHandle, &'a [u8]);
    type IntoIter = ByteIter<'a>;

    fn into_iter(self) -> ByteIter<'a> {
        self.iter()
    }
}

impl<P: Provider> ByteSlab<P> {
    /// All strings with their handles, class by class from the smallest, large ones last. O(slots).
    pub fn iter(&self) -> ByteIter<'_> {
        ByteIter {
            classes: &self.classes,
            from: None,
            large: &self.large,
            cursor: Cursor::new(),
            left: self.len(),
        }
    }

    /// Shows every string to `keep`, in the order of [`iter`](Self::iter), and frees those for which it
    /// says false. O(slots). If `keep` panics the strings that it was not shown stay.
    ///
    /// ```
    /// let mut slab = slab_core::ByteSlab::new();
    /// let (short, long) = (slab.alloc(b"ab")?, slab.alloc(&[b'x'; 5000])?);
    /// slab.retain(|_, bytes| {
    ///     bytes.make_ascii_uppercase();
    ///     bytes.len() < 100
    /// });
    /// assert_eq!(slab.get(short), Some(&b"AB"[..]));
    /// assert!(!slab.contains(long));
    /// # Ok::<(), slab_core::InsertErrorKind>(())
    /// ```
    pub fn retain(&mut self, mut keep: impl FnMut(ByteHandle, &mut [u8]) -> bool) {
        for number in 0..self.sizes.sizes().len() {
            let mut from = None;
            while let Some(index) = self.classes[number].next_live(from) {
                from = Some(index + 1);
                if let Some(generation) = self.classes[number].generation(index) {
                    self.judge(ByteHandle::new(Index::small(index), generation), &mut keep);
                }
            }
        }
        let mut cursor = Cursor::new();
        // SAFETY: it is one table, and nothing here releases a slab.
        while let Some(live) = unsafe { cursor.next(&self.large.table) } {
            let key = live.key();
            let index = Index::large(key.index);
            self.judge(ByteHandle::new(index, key.generation), &mut keep);
        }
    }

    fn judge(&mut self, handle: ByteHandle, keep: &mut impl FnMut(ByteHandle, &mut [u8]) -> bool) {
        if let Some(bytes) = self.get_mut(handle)
            && !keep(handle, bytes)
        {
            self.free(handle);
        }
    }
}

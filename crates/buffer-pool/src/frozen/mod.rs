//! Frozen contents of a buffer: shared by reference counting, immutable, sliced without copying.

mod read;

use core::ops::{Bound, RangeBounds};
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;
use core::slice;

use crate::block::Shared;
use crate::buffer::PooledBuf;
use crate::pool_core::Core;
use crate::slice::holds_a_slice;

/// Immutable bytes of a pool's buffer, made by [`PooledBuf::freeze`] and [`PooledBuf::split_frozen`].
///
/// A clone or slice is one atomic addition; all of them keep the whole buffer from being recycled, however small a
/// part they show. The last one returns it to its pool, on any thread. A part of no bytes keeps nothing. Compares, orders
/// and hashes as `[u8]` does.
///
/// | to read it as | is | copies |
/// |---|---|---|
/// | `&[u8]` | `&*bytes`, `as_ref()` | nothing |
/// | `io::Read`, `BufRead`, `Seek` | `io::Cursor::new(bytes)` | what is read |
/// | `bytes::Buf` | the value itself; `copy_to_bytes` splits off | nothing |
/// | `bytes::Bytes` | `Bytes::from(bytes)` | nothing; allocates its count |
/// | `PooledBuf` | [`try_into_mut`](Self::try_into_mut) | nothing, unless the front was cut off |
/// | `Vec<u8>` | `Vec::from(bytes)` | nothing, where [`PooledBuf::into_vec`] would not and it is the only one |
///
/// ```
/// let pool = buffer_pool::BufferPool::new();
/// let mut buf = pool.acquire(64);
/// buf.extend_from_slice(b"key=value");
/// let line = buf.freeze();
/// let value = line.slice(4..);
/// assert_eq!(value, b"value");
///
/// drop(line);
/// let mut again = value.try_into_mut().expect("the only reference");
/// again.extend_from_slice(b"s");
/// assert_eq!(&*again, b"values");
/// ```
#[repr(C)] // So that what a clone copies as it is lies side by side.
pub struct PooledBytes {
    /// `None` of a value that keeps no block, and has no bytes. Taken out by conversions that end the value.
    shared: Option<Shared>,
    /// In the block of `shared`, with `len` initialised bytes from here on that nobody writes while `shared` lives.
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: a `Shared` may be sent and shared, and `start` points to bytes that it keeps alive and unchanged.
unsafe impl Send for PooledBytes {}
// SAFETY: as above.
unsafe impl Sync for PooledBytes {}

// The bytes do not change, and nothing of the pool is under way while foreign code may panic.
impl UnwindSafe for PooledBytes {}
impl RefUnwindSafe for PooledBytes {}

/// No more than what a slice and its owner need, and a niche for `Option`.
const _: () = assert!(size_of::<Option<PooledBytes>>() == 3 * size_of::<usize>());

impl PooledBytes {
    /// No bytes, of no pool: it keeps no buffer, allocates nothing and costs nothing.
    ///
    /// ```
    /// use buffer_pool::PooledBytes;
    ///
    /// const EMPTY: PooledBytes = PooledBytes::new();
    /// assert!(EMPTY.is_empty() && EMPTY.buffer_capacity() == 0);
    /// ```
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            shared: None,
            start: NonNull::dangling(),
            len: 0,
        }
    }

    /// The first `len` bytes of a block.
    ///
    /// # Safety
    /// 1. They are initialised, and noted as such by the block.
    #[inline]
    pub(crate) unsafe fn of_block(shared: Shared, len: usize) -> Self {
        Self {
            start: shared.data(),
            shared: Some(shared),
            len,
        }
    }

    /// The bytes.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        if let Some(shared) = &self.shared {
            shared.witness();
        }
        // SAFETY: see the field `start`; of no bytes it need not point anywhere.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// Bytes of the buffer that this value, be it ever so short, keeps from being recycled; 0 when it keeps none.
    #[must_use]
    pub fn buffer_capacity(&self) -> usize {
        self.shared.as_ref().map_or(0, Shared::capacity)
    }

    /// Clones and slices of the buffer at this moment, this one included. Other threads may change it at once, unless
    /// it is 1: then nobody else has any. 0 when the value keeps no buffer.
    #[must_use]
    pub fn ref_count(&self) -> usize {
        self.shared.as_ref().map_or(0, Shared::count)
    }

    /// A part of the bytes, without copying. A part of no bytes does not keep the buffer.
    ///
    /// # Panics
    /// When the range does not lie within the bytes, or its end precedes its start.
    #[must_use]
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Self {
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&before) => before
                .checked_add(1)
                .expect("the range must not start past usize::MAX"),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last
                .checked_add(1)
                .expect("the range must not end past usize::MAX"),
            Bound::Excluded(&end) => end,
            Bound::Unbounded => self.len,
        };
        assert!(start <= end, "range starts at {start} but ends at {end}");
        assert!(
            end <= self.len,
            "range end {end} is out of range for {} bytes",
            self.len
        );
        self.part(start, end)
    }

    /// The part of the bytes that `part`, a slice of them, shows, without copying: what a parser that works on `&[u8]`
    /// has found, as a value of its own. An empty part is no bytes, wherever it points.
    ///
    /// # Panics
    /// When `part` does not lie within the bytes.
    ///
    /// ```
    /// # let pool = buffer_pool::BufferPool::new();
    /// # let mut buf = pool.acquire(64);
    /// buf.extend_from_slice(b"key=value");
    /// let line = buf.freeze();
    /// let value = line.split(|&byte| byte == b'=').nth(1).unwrap();
    /// assert_eq!(line.slice_ref(value), b"value");
    /// ```
    #[must_use]
    pub fn slice_ref(&self, part: &[u8]) -> Self {
        if part.is_empty() {
            return Self::new();
        }
        let start = part.as_ptr().addr().checked_sub(self.start.addr().get());
        let start = start.filter(|&start| start < self.len && part.len() <= self.len - start);
        let start = start.expect("a part must be a slice of the bytes that it is taken from");
        self.part(start, start + part.len())
    }

    /// Splits the bytes in two: this value keeps those below `at`, the rest is returned. Nothing is copied; where one of
    /// the two has no bytes, the other alone keeps the buffer.
    ///
    /// # Panics
    /// When `at` exceeds the length.
    ///
    /// ```
    /// # let pool = buffer_pool::BufferPool::new();
    /// # let mut buf = pool.acquire(64);
    /// buf.extend_from_slice(b"headbody");
    /// let mut head = buf.freeze();
    /// let body = head.split_off(4);
    /// assert_eq!((&*head, &*body), (&b"head"[..], &b"body"[..]));
    /// ```
    #[must_use]
    pub fn split_off(&mut self, at: usize) -> Self {
        assert!(
            at <= self.len,
            "split at {at} is out of range for {} bytes",
            self.len
        );
        if at == 0 {
            return core::mem::take(self);
        }
        let rest = self.part(at, self.len);
        self.len = at;
        rest
    }

    /// Splits the bytes in two: those below `at` are returned, this value keeps the rest. Nothing is copied; where one
    /// of the two has no bytes, the other alone keeps the buffer.
    ///
    /// # Panics
    /// When `at` exceeds the length.
    #[must_use]
    pub fn split_to(&mut self, at: usize) -> Self {
        assert!(
            at <= self.len,
            "split at {at} is out of range for {} bytes",
            self.len
        );
        if at == self.len {
            return core::mem::take(self);
        }
        let first = self.part(0, at);
        self.skip(at);
        first
    }

    /// Drops what is above `len`; does nothing when there are not more bytes. The value keeps its buffer, also with no
    /// bytes left, so that [`try_into_mut`](Self::try_into_mut) has it.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// The buffer, for writing again, with these bytes as its contents, when this is the only clone or slice of it.
    /// Free when the bytes start where the buffer does; otherwise they are moved to its front.
    ///
    /// # Errors
    /// The value itself, when there are other clones or slices, or it keeps no buffer.
    pub fn try_into_mut(mut self) -> Result<PooledBuf, Self> {
        let Some(shared) = self.shared.take() else {
            return Err(self);
        };
        match shared.try_unique() {
            Ok(mut block) => {
                let offset = self.start.addr().get() - block.data().addr().get();
                // SAFETY: `offset` and the `len` bytes from there lie in the initialised part, see the field `start`.
                unsafe {
                    if offset > 0 {
                        block.move_to_front(offset, self.len);
                    }
                    Ok(PooledBuf::with_len(block, self.len))
                }
            }
            Err(shared) => {
                self.shared = Some(shared);
                Err(self)
            }
        }
    }

    #[inline]
    fn part(&self, start: usize, end: usize) -> Self {
        debug_assert!(start <= end && end <= self.len);
        if start == end {
            return Self::new();
        }
        debug_assert!(self.shared.is_some());
        // SAFETY: there are bytes, and a value without a block has none. `start` lies within them.
        unsafe {
            Self {
                shared: Some(self.shared.as_ref().unwrap_unchecked().clone()),
                start: self.start.add(start),
                len: end - start,
            }
        }
    }

    fn skip(&mut self, count: usize) {
        debug_assert!(count <= self.len);
        // SAFETY: the new start lies within the bytes, or one past their end.
        self.start = unsafe { self.start.add(count) };
        self.len -= count;
    }
}

impl Clone for PooledBytes {
    #[inline]
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            start: self.start,
            len: self.len,
        }
    }
}

impl Drop for PooledBytes {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the value ends here, and a `Shared` has no destructor: nobody uses it again. (`take` would write, too.)
        let shared = unsafe { core::ptr::read(&self.shared) };
        if let Some(block) = shared.and_then(Shared::release) {
            Core::release_block(block);
        }
    }
}

holds_a_slice!(PooledBytes);

impl Default for PooledBytes {
    #[inline]
    fn default() -> Self {
        Self::new()
    }
}

/// Without copying: the value becomes shorter as it is read.
impl IntoIterator for PooledBytes {
    type Item = u8;
    type IntoIter = bytes::buf::IntoIter<Self>;

    fn into_iter(self) -> Self::IntoIter {
        bytes::buf::IntoIter::new(self)
    }
}

impl From<PooledBuf> for PooledBytes {
    fn from(buffer: PooledBuf) -> Self {
        buffer.freeze()
    }
}

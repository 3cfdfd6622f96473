//! A buffer that one owner writes to, and that goes back to its pool when it is dropped.

mod read;
mod split;
#[cfg(all(test, not(buffer_pool_loom)))]
mod tests;
mod write;

use core::borrow::BorrowMut;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ops::DerefMut;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::slice;

use crate::block::{Block, Lease};
use crate::error::{AcquireError, CapacityError};
use crate::frozen::PooledBytes;
use crate::pool_core::Core;
use crate::slice::holds_a_slice;
use crate::sync::Arc;

/// A byte buffer from a pool: a length, and a capacity that changes only when [`reserve`](Self::reserve) is called.
///
/// Dropping it returns it to its pool, on any thread, also while a thread ends, and also when every handle of the pool
/// is gone (its memory is freed then). There is no other way to release it, so it cannot be released twice.
///
/// It compares, orders and hashes as `[u8]` does. Its `Debug` shows the contents, as that of `bytes::BytesMut`.
///
/// **When bytes do not fit:** `io::Write` writes what fits and then reports `WriteZero`; `fmt::Write` fails; `try_` methods
/// return [`CapacityError`]; `extend_from_slice`, `resize` and `bytes::BufMut` panic. No write ever
/// allocates or moves the contents; `reserve` does both, when asked.
///
/// **What a write costs a later** [`acquire_zeroed`](crate::BufferPool::acquire_zeroed): that clears what counts as
/// written. Appending and `resize` count what they append; `&mut [u8]` counts the contents; [`read_from`](Self::read_from),
/// [`spare_capacity_mut`](Self::spare_capacity_mut) and `BufMut::chunk_mut` count the whole capacity, since nobody can tell
/// what was written to the memory that they lend.
///
/// ```
/// use std::io::Write;
///
/// let pool = buffer_pool::BufferPool::new();
/// let mut buf = pool.acquire(100);
/// assert_eq!((buf.len(), buf.capacity()), (0, 4096));
/// write!(buf, "{}-{}", 20, 26)?;
/// buf.extend_from_slice(b"!");
/// buf[0] = b'3';
/// assert_eq!(&*buf, b"30-26!");
/// buf.truncate(2);
/// buf.resize(4, b'.');
/// assert_eq!(buf.freeze(), b"30..");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct PooledBuf {
    /// Taken out by `freeze` and by the destructor, each of which ends the buffer.
    lease: ManuallyDrop<Lease>,
    /// At most the block's `init`, so what is below is initialised.
    len: usize,
}

// As of a `Vec<u8>`: whatever panics between two calls leaves bytes and a length that belong together, and nothing of the
// pool is under way while foreign code runs.
impl UnwindSafe for PooledBuf {}
impl RefUnwindSafe for PooledBuf {}

impl PooledBuf {
    #[inline]
    pub(crate) fn new(lease: impl Into<Lease>) -> Self {
        Self {
            lease: ManuallyDrop::new(lease.into()),
            len: 0,
        }
    }

    /// A buffer of the first `len` bytes of `block`.
    ///
    /// # Safety
    /// 1. These bytes are initialised and noted as such by the block.
    #[inline]
    pub(crate) unsafe fn with_len(block: Block, len: usize) -> Self {
        Self {
            lease: ManuallyDrop::new(block.into()),
            len,
        }
    }

    #[inline]
    pub(crate) fn core(&self) -> &Arc<Core> {
        self.lease.block.core()
    }

    /// Sets the length to `len`, with whatever the block holds, zeroing what was never written.
    #[inline]
    pub(crate) fn expose(&mut self, len: usize) {
        self.lease.block.initialise(len);
        self.len = len;
    }

    /// Bytes that fit into the buffer: the size of its class, or what was asked for above the largest class.
    #[inline]
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.lease.block.capacity()
    }

    /// Bytes that still fit: the capacity less the length. `bytes` calls it
    /// [`remaining_mut`](bytes::BufMut::remaining_mut).
    #[inline]
    #[must_use]
    pub fn spare_len(&self) -> usize {
        self.capacity() - self.len
    }

    /// The contents.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: the bytes below `len` are initialised, see the field; `&self` keeps them as they are.
        unsafe { slice::from_raw_parts(self.lease.block.data().as_ptr(), self.len) }
    }

    /// The contents, for writing. A later [`acquire_zeroed`](crate::BufferPool::acquire_zeroed) of this memory clears
    /// all of them, however little is written.
    #[inline]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: the bytes below `len` are initialised, see the field; `&mut self` owns them.
        unsafe {
            self.lease.block.written(self.len);
            slice::from_raw_parts_mut(self.lease.block.data().as_ptr(), self.len)
        }
    }

    /// Sets the length to 0.
    #[inline]
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Drops what is above `len`; does nothing when the buffer is not longer.
    #[inline]
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Sets the length to `len`, filling what is added with `byte`. Adding zeros costs only what is not zero already.
    ///
    /// # Panics
    /// When `len` exceeds the capacity.
    #[inline]
    pub fn resize(&mut self, len: usize, byte: u8) {
        if let Err(error) = self.try_resize(len, byte) {
            panic!("{error}");
        }
    }

    /// Like [`resize`](Self::resize), without panics.
    ///
    /// # Errors
    /// When `len` exceeds the capacity; the buffer is unchanged.
    pub fn try_resize(&mut self, len: usize, byte: u8) -> Result<(), CapacityError> {
        self.check_fits(len)?;
        if len > self.len {
            // SAFETY: from `self.len`, which is at most `init`, up to at most the capacity.
            unsafe {
                match byte {
                    0 => self.lease.block.zero(self.len, len),
                    _ => self.lease.block.fill(self.len, len, byte),
                }
            }
        }
        self.len = len;
        Ok(())
    }

    /// Sets the length to `len`, with whatever the memory holds as what is added: initialised, otherwise unspecified, as
    /// of [`acquire_stale`](crate::BufferPool::acquire_stale), which this makes of a buffer that was waited for. For
    /// callers that overwrite it: **data of an earlier user of the pool may be seen.**
    ///
    /// Only bytes that were never written since their block was created are zeroed, once.
    ///
    /// # Panics
    /// When `len` exceeds the capacity.
    ///
    /// ```
    /// use std::time::Duration;
    /// use std::io::Read;
    ///
    /// let pool = buffer_pool::BufferPool::builder().max_bytes(64 << 10).build();
    /// let mut chunk = pool.acquire_timeout(4096, Duration::from_secs(1))?;
    /// chunk.resize_stale(4096);
    /// std::io::repeat(7).read_exact(&mut chunk)?; // the whole of it
    /// assert_eq!(chunk[4095], 7);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn resize_stale(&mut self, len: usize) {
        if let Err(error) = self.try_resize_stale(len) {
            panic!("{error}");
        }
    }

    /// Like [`resize_stale`](Self::resize_stale), without panics.
    ///
    /// # Errors
    /// When `len` exceeds the capacity; the buffer is unchanged.
    #[inline]
    pub fn try_resize_stale(&mut self, len: usize) -> Result<(), CapacityError> {
        self.check_fits(len)?;
        self.expose(len);
        Ok(())
    }

    /// Appends `bytes`.
    ///
    /// # Panics
    /// When they do not fit. [`reserve`](Self::reserve) makes room.
    #[inline]
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        if let Err(error) = self.try_extend_from_slice(bytes) {
            panic!("{error}");
        }
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    /// When they do not all fit; the buffer is unchanged.
    #[inline]
    pub fn try_extend_from_slice(&mut self, bytes: &[u8]) -> Result<(), CapacityError> {
        // Neither exceeds half of the address space.
        self.check_fits(self.len + bytes.len())?;
        self.append(bytes);
        Ok(())
    }

    #[inline]
    fn check_fits(&self, needed: usize) -> Result<(), CapacityError> {
        let capacity = self.capacity();
        match needed <= capacity {
            true => Ok(()),
            false => Err(CapacityError { needed, capacity }),
        }
    }

    /// Appends `bytes`, which must fit.
    #[inline]
    fn append(&mut self, bytes: &[u8]) {
        debug_assert!(bytes.len() <= self.spare_len());
        // SAFETY: from `self.len`, which is at most `init`, and they fit.
        unsafe { self.lease.block.write(self.len, bytes) };
        self.len += bytes.len();
    }

    /// Makes room for `additional` more bytes. When they do not fit, the contents move to a larger block of the same
    /// pool, of at least twice the capacity, or, where that is not to be had, of as much as is needed; the old block is
    /// released.
    ///
    /// It never waits: a buffer that grows holds what it would wait for.
    ///
    /// # Panics
    /// When the budget is used up, or others wait, unless the pool was built with
    /// [`Exhaustion::Overflow`](crate::Exhaustion::Overflow); and as
    /// [`BufferPool::acquire`](crate::BufferPool::acquire). [`try_reserve`](Self::try_reserve) comes back.
    ///
    /// ```
    /// let pool = buffer_pool::BufferPool::new();
    /// let mut buf = pool.acquire(4096);
    /// buf.resize(4096, 1);
    /// buf.reserve(1);
    /// assert_eq!((buf.len(), buf.capacity()), (4096, 8192));
    /// ```
    #[track_caller]
    pub fn reserve(&mut self, additional: usize) {
        if additional > self.spare_len() {
            let (least, most) = self.larger(additional);
            self.move_to(Core::acquire_larger(self.lease.block.core(), least, most));
        }
    }

    /// Like [`reserve`](Self::reserve), within the budget and without panics.
    ///
    /// # Errors
    /// As [`BufferPool::try_acquire`](crate::BufferPool::try_acquire); the buffer is unchanged. The old block is held
    /// until the contents have moved, so both must fit into the budget.
    #[track_caller]
    pub fn try_reserve(&mut self, additional: usize) -> Result<(), AcquireError> {
        if additional > self.spare_len() {
            let (least, most) = self.larger(additional);
            self.move_to(Core::try_acquire_larger(
                self.lease.block.core(),
                least,
                most,
            )?);
        }
        Ok(())
    }

    /// Bytes that a block with room for `additional` more has at least, and those that it should have.
    fn larger(&self, additional: usize) -> (usize, usize) {
        let least = self.len.saturating_add(additional);
        (least, least.max(self.capacity().saturating_mul(2)))
    }

    fn move_to(&mut self, lease: Lease) {
        let mut moved = Self::new(lease);
        moved.append(self);
        *self = moved;
    }

    /// The memory from the length to the capacity. What is written there becomes contents by
    /// [`set_len`](Self::set_len).
    ///
    /// Nothing is known of this memory afterwards: a later `acquire_zeroed` clears all of it, a later `acquire_stale`
    /// what `set_len` did not vouch for.
    ///
    /// ```
    /// let pool = buffer_pool::BufferPool::new();
    /// let mut buf = pool.acquire(4096);
    /// buf.extend_from_slice(b"3 + 4");
    /// let written = buf.spare_capacity_mut()[..4].write_copy_of_slice(b" = 7").len();
    /// // SAFETY: these bytes were written just now, behind the contents and within the capacity.
    /// unsafe { buf.set_len(buf.len() + written) };
    /// assert_eq!(buf, "3 + 4 = 7");
    /// ```
    pub fn spare_capacity_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        self.lease.block.spare(self.len)
    }

    /// Sets the length to `len`.
    ///
    /// # Safety
    /// 1. `len` is at most the capacity.
    /// 2. The bytes below `len` are initialised.
    #[inline]
    pub unsafe fn set_len(&mut self, len: usize) {
        // SAFETY: clauses 1 and 2.
        unsafe { self.lease.block.written(len) };
        self.len = len;
    }

    /// The contents as an immutable value that clones and slices without copying. Costs nothing: the count lies in the
    /// block's header already.
    #[inline]
    #[must_use]
    pub fn freeze(self) -> PooledBytes {
        let len = self.len;
        // SAFETY: the bytes below `len` are initialised, see the field.
        unsafe { PooledBytes::of_block(self.into_block().share(), len) }
    }

    /// The block; its marks say what the length is too short to say.
    #[inline]
    pub(crate) fn into_block(self) -> Block {
        let mut ended = ManuallyDrop::new(self);
        // SAFETY: `ended` is not used again, and its destructor does not run.
        unsafe { ManuallyDrop::take(&mut ended.lease) }.block
    }
}

impl Drop for PooledBuf {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the buffer ends here; the block is not used again.
        Core::release(unsafe { ManuallyDrop::take(&mut self.lease) });
    }
}

holds_a_slice!(PooledBuf);

impl DerefMut for PooledBuf {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        self.as_mut_slice()
    }
}

impl AsMut<[u8]> for PooledBuf {
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl BorrowMut<[u8]> for PooledBuf {
    fn borrow_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl<'a> IntoIterator for &'a mut PooledBuf {
    type Item = &'a mut u8;
    type IntoIter = slice::IterMut<'a, u8>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

//! A buffer that is frozen in part: what is complete goes on, what is not stays with the writer.

use core::mem;

use super::PooledBuf;
use crate::block::Lease;
use crate::error::AcquireError;
use crate::frozen::PooledBytes;
use crate::pool_core::Core;

impl PooledBuf {
    /// Freezes the first `at` bytes, without a copy, and moves the rest to a buffer of at least the same capacity from
    /// the same pool, which this one becomes. What was read is handed on, and reading goes on.
    ///
    /// **Cost.** An acquire, and a copy of the rest: nothing when all is frozen, and neither when `at` is 0. Splitting a
    /// full buffer frame by frame would copy what follows again for each. Split once, behind the last complete frame, and
    /// take the frames off the frozen front ([`split_to`](PooledBytes::split_to)): then less than a frame is copied.
    ///
    /// It never waits, as [`reserve`](Self::reserve): the buffer holds what it would wait for.
    ///
    /// # Panics
    /// When `at` exceeds the length; and, unless `at` is 0, as [`reserve`](Self::reserve).
    /// [`try_split_frozen`](Self::try_split_frozen) comes back.
    ///
    /// ```
    /// let pool = buffer_pool::BufferPool::new();
    /// let mut buf = pool.acquire(4096);
    /// buf.extend_from_slice(b"GET /a\nGET /b\nGET"); // as it came
    /// let end = buf.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    /// let mut lines = buf.split_frozen(end);
    /// assert_eq!(lines.split_to(7), "GET /a\n");
    /// assert_eq!(lines, "GET /b\n");
    /// assert_eq!((&*buf, buf.capacity()), (&b"GET"[..], 4096)); // to be read on
    /// ```
    #[must_use = "the first bytes are in what is returned, and nowhere else"]
    #[track_caller]
    pub fn split_frozen(&mut self, at: usize) -> PooledBytes {
        self.assert_splits(at);
        if at == 0 {
            return PooledBytes::new();
        }
        let capacity = self.capacity();
        let lease = Core::acquire_larger(self.core(), capacity, capacity);
        self.freeze_front(at, lease)
    }

    /// Like [`split_frozen`](Self::split_frozen), within the budget and without panics for lack of memory. Both buffers
    /// must fit into the budget.
    ///
    /// # Errors
    /// As [`BufferPool::try_acquire`](crate::BufferPool::try_acquire); the buffer is unchanged.
    ///
    /// # Panics
    /// When `at` exceeds the length.
    #[track_caller]
    pub fn try_split_frozen(&mut self, at: usize) -> Result<PooledBytes, AcquireError> {
        self.assert_splits(at);
        if at == 0 {
            return Ok(PooledBytes::new());
        }
        let capacity = self.capacity();
        let lease = Core::try_acquire_larger(self.core(), capacity, capacity)?;
        Ok(self.freeze_front(at, lease))
    }

    #[track_caller]
    fn assert_splits(&self, at: usize) {
        assert!(
            at <= self.len,
            "split at {at} is out of range for {} bytes",
            self.len
        );
    }

    /// Goes on in `lease`, which has room for what follows `at`.
    fn freeze_front(&mut self, at: usize, lease: Lease) -> PooledBytes {
        let mut rest = Self::new(lease);
        rest.append(&self[at..]);
        let mut front = mem::replace(self, rest);
        front.truncate(at);
        front.freeze()
    }
}

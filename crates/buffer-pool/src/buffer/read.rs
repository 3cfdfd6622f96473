//! A buffer filled from a source: `io::Read` without a copy in between.

use core::slice;
use std::io;

use super::PooledBuf;

impl PooledBuf {
    /// Appends what one `read` of `source` gives, as much as fits; returns how many bytes that were: 0 at the end of
    /// the source, and when the buffer is full.
    ///
    /// No copy is made, and nothing is cleared but memory that was never written since its block was created. All that
    /// was lent to the source counts as written, so that a later [`acquire_zeroed`](crate::BufferPool::acquire_zeroed)
    /// of this memory clears it up to its capacity; [`read_exact_from`](Self::read_exact_from) lends no more than it is
    /// asked for. Sources that write to uninitialised memory get
    /// [`spare_capacity_mut`](Self::spare_capacity_mut) instead.
    ///
    /// - **The source sees stale bytes**: what earlier buffers of the pool left in the memory that it is to overwrite. A
    ///   `Read` that looks at what it is given, or claims to have read what it has not, makes them known or contents.
    /// - At most `n` more bytes: `buf.read_from(source.take(n))`, by [`Read::take`](io::Read::take).
    /// - A read that times out or would block has appended nothing, and what came before stays: read on.
    ///
    /// # Errors
    /// What the source reports, [`Interrupted`](io::ErrorKind::Interrupted) included; the contents are as before.
    ///
    /// # Panics
    /// When the source claims to have read more than it was lent.
    ///
    /// ```
    /// let pool = buffer_pool::BufferPool::new();
    /// let mut buf = pool.acquire(4096);
    /// assert_eq!(buf.read_from(&b"request"[..])?, 7);
    /// assert_eq!(&*buf, b"request");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn read_from(&mut self, source: impl io::Read) -> io::Result<usize> {
        self.read_once(source, self.capacity())
    }

    /// Appends what `source` gives until the buffer is full or the source ends; returns how many bytes that were.
    /// Interrupted reads are repeated.
    ///
    /// With [`Read::take`](io::Read::take) it is the way to read an exact number of bytes of a source that may time out: what
    /// came before the error stays in the buffer, and the next call goes on. Lends stale bytes to the source, as
    /// [`read_from`](Self::read_from).
    ///
    /// # Errors
    /// What the source reports. What it gave before is in the buffer.
    ///
    /// # Panics
    /// As [`read_from`](Self::read_from).
    ///
    /// ```
    /// use std::io::Read;
    ///
    /// let pool = buffer_pool::BufferPool::new();
    /// let mut file = std::io::repeat(7).take(5000);
    /// let mut chunk = pool.acquire(4096);
    /// assert_eq!(chunk.fill_from(&mut file)?, 4096);
    /// chunk.clear();
    /// assert_eq!(chunk.fill_from(&mut file)?, 904);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// To a length, as far as it comes:
    /// ```
    /// use std::io::{self, Read};
    /// use buffer_pool::PooledBuf;
    ///
    /// /// Reads on until `buf` has `len` bytes; whether it has. After a timeout, to be called again.
    /// fn fill_to(buf: &mut PooledBuf, source: impl Read, len: usize) -> io::Result<bool> {
    ///     buf.fill_from(source.take((len - buf.len()) as u64))?;
    ///     Ok(buf.len() == len) // `false`: the source has ended
    /// }
    /// # let pool = buffer_pool::BufferPool::new();
    /// # let (mut buf, mut source) = (pool.acquire(100), &b"abcde"[..]);
    /// # assert!(fill_to(&mut buf, &mut source, 3)? && buf == "abc");
    /// # assert!(!fill_to(&mut buf, &mut source, 6)? && buf == "abcde");
    /// # Ok::<(), io::Error>(())
    /// ```
    pub fn fill_from(&mut self, mut source: impl io::Read) -> io::Result<usize> {
        let before = self.len();
        while self.spare_len() > 0 {
            match self.read_from(&mut source) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.len() - before)
    }

    /// Appends exactly `count` bytes of `source`. Interrupted reads are repeated. All or nothing: it cannot be resumed
    /// after a timeout, as [`fill_from`](Self::fill_from) can. Lends stale bytes to the source, as
    /// [`read_from`](Self::read_from), no more than `count`.
    ///
    /// # Errors
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) when the source ends before, and what it reports: the length is
    /// as before then, and what the source gave is lost. [`InvalidInput`](io::ErrorKind::InvalidInput), with a
    /// [`CapacityError`](crate::CapacityError), when `count` bytes do not fit: nothing was read.
    ///
    /// # Panics
    /// As [`read_from`](Self::read_from).
    ///
    /// ```
    /// let pool = buffer_pool::BufferPool::new();
    /// let mut source = &b"headbody"[..];
    /// let mut head = pool.acquire(4);
    /// head.read_exact_from(&mut source, 4)?;
    /// assert_eq!((&*head, source), (&b"head"[..], &b"body"[..]));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_exact_from(&mut self, mut source: impl io::Read, count: usize) -> io::Result<()> {
        self.check_fits(self.len.saturating_add(count))?;
        let before = self.len();
        let end = before + count;
        while self.len() < end {
            match self.read_once(&mut source, end) {
                Ok(0) => {
                    self.truncate(before);
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.truncate(before);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Appends what one `read` gives, up to a length of `end`, which is at most the capacity.
    fn read_once(&mut self, mut source: impl io::Read, end: usize) -> io::Result<usize> {
        let room = end - self.len;
        self.lease.block.initialise(end);
        // SAFETY: the bytes below `end` are initialised. They are noted before the source runs: it may write without
        // saying so, and it may panic.
        unsafe { self.lease.block.written(end) };
        // SAFETY: from the length, which is within the block, to `end`; initialised; `&mut self` owns them.
        let lent = unsafe {
            slice::from_raw_parts_mut(self.lease.block.data().add(self.len).as_ptr(), room)
        };
        let count = source.read(lent)?;
        assert!(
            count <= room,
            "the source claims to have read {count} bytes into {room}"
        );
        self.len += count;
        Ok(count)
    }
}

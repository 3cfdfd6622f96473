//! A buffer as a writer: `io::Write`, `fmt::Write`, `Extend` and `bytes::BufMut`.

use core::fmt;
use std::io;

use bytes::buf::UninitSlice;
use bytes::{Buf, BufMut};

use super::PooledBuf;
use crate::error::CapacityError;

/// Appends what fits, and allocates nothing: a full buffer takes 0 bytes. `write_all` and `write!` append what fits and
/// then fail with [`WriteZero`](io::ErrorKind::WriteZero), around a [`CapacityError`] that says how much was needed.
///
/// ```
/// use std::io::{ErrorKind, Write};
/// use buffer_pool::{BufferPool, CapacityError, Classes};
///
/// let pool = BufferPool::builder().classes(Classes::down_to(64)).build();
/// let mut buf = pool.acquire(64);
/// let error = buf.write_all(&[7; 100]).unwrap_err();
/// assert_eq!((error.kind(), buf.len()), (ErrorKind::WriteZero, 64));
/// let inner = error.get_ref().unwrap().downcast_ref::<CapacityError>().unwrap();
/// assert_eq!((inner.needed, inner.capacity), (100, 64));
/// ```
impl io::Write for PooledBuf {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fitting = &bytes[..bytes.len().min(self.spare_len())];
        self.append(fitting);
        Ok(fitting.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let needed = self.len().saturating_add(bytes.len());
        if self.write(bytes)? == bytes.len() {
            Ok(())
        } else {
            Err(self.full(needed))
        }
    }

    #[inline]
    fn write_vectored(&mut self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let before = self.len();
        for part in parts {
            if self.write(part)? < part.len() {
                break;
            }
        }
        Ok(self.len() - before)
    }

    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl PooledBuf {
    #[cold]
    fn full(&self, needed: usize) -> io::Error {
        let capacity = self.capacity();
        io::Error::new(io::ErrorKind::WriteZero, CapacityError { needed, capacity })
    }
}

/// Appends text whole, or, where it does not fit, nothing of it, and fails. Of `write!` with several parts those before
/// that are appended.
///
/// ```
/// use std::fmt::Write;
///
/// let pool = buffer_pool::BufferPool::new();
/// let mut buf = pool.acquire(100);
/// write!(buf, "{:>4}", 46)?;
/// assert_eq!(buf, "  46");
/// # Ok::<(), std::fmt::Error>(())
/// ```
impl fmt::Write for PooledBuf {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.try_extend_from_slice(text.as_bytes())
            .map_err(|_| fmt::Error)
    }
}

/// Appends; panics when the bytes do not fit.
impl<'a> Extend<&'a u8> for PooledBuf {
    fn extend<I: IntoIterator<Item = &'a u8>>(&mut self, bytes: I) {
        self.extend(bytes.into_iter().copied());
    }
}

/// Appends; panics when the bytes do not fit.
impl Extend<u8> for PooledBuf {
    fn extend<I: IntoIterator<Item = u8>>(&mut self, bytes: I) {
        bytes
            .into_iter()
            .for_each(|byte| self.extend_from_slice(&[byte]));
    }
}

/// What tokio's `AsyncReadExt::read_buf(&mut buf)` reads into, without a copy. Panics when more is put than fits.
// SAFETY: `remaining_mut` and `chunk_mut` agree on the memory from the length to the capacity, which stays where it is;
// `advance_mut` panics beyond it.
unsafe impl BufMut for PooledBuf {
    #[inline]
    fn remaining_mut(&self) -> usize {
        self.spare_len()
    }

    #[inline]
    unsafe fn advance_mut(&mut self, count: usize) {
        assert!(
            count <= self.spare_len(),
            "advanced {count} bytes past the {} that remain",
            self.spare_len()
        );
        // SAFETY: within the capacity, as asserted; the caller has initialised `count` bytes from the length on.
        unsafe { self.set_len(self.len() + count) };
    }

    #[inline]
    fn chunk_mut(&mut self) -> &mut UninitSlice {
        let (len, spare) = (self.len, self.spare_len());
        // SAFETY: the range lies in the block that `&mut self` owns. An `UninitSlice` does not let uninitialised bytes
        // be written by safe code, so what was initialised stays so.
        unsafe { UninitSlice::from_raw_parts_mut(self.lease.block.tail(len).as_ptr(), spare) }
    }

    // The provided method hands `chunk_mut` out, after which the whole block counts as dirty.
    fn put<T: Buf>(&mut self, mut source: T) {
        let count = source.remaining();
        assert!(
            count <= self.spare_len(),
            "put {count} bytes where {} remain",
            self.spare_len()
        );
        while source.has_remaining() {
            let chunk = source.chunk();
            let len = chunk.len();
            self.extend_from_slice(chunk);
            source.advance(len);
        }
    }

    #[inline]
    fn put_slice(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn put_bytes(&mut self, byte: u8, count: usize) {
        self.resize(self.len().saturating_add(count), byte);
    }
}

//! A buffer as a writer: `io::Write` and `bytes::BufMut`.

use std::io;

use bytes::buf::UninitSlice;
use bytes::{Buf, BufMut};

use super::PooledBuf;

/// Appends what fits. A full buffer takes 0 bytes, so that `write_all` and `write!` fail with
/// [`WriteZero`](io::ErrorKind::WriteZero).
impl io::Write for PooledBuf {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fitting = &bytes[..bytes.len().min(self.spare_len())];
        self.append(fitting);
        Ok(fitting.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.write(bytes)? == bytes.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::WriteZero.into())
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

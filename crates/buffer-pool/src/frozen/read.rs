//! Frozen bytes as a source: `bytes::Buf`, and the ways into `bytes::Bytes` and `Vec<u8>`.

use bytes::{Buf, Bytes};

use super::PooledBytes;
use crate::block::Shared;
use crate::buffer::PooledBuf;

/// Without copying: the `Bytes` holds the value, beside its own count, in one allocation of the global allocator. What
/// is empty gives its buffer back and allocates nothing.
impl From<PooledBytes> for Bytes {
    fn from(bytes: PooledBytes) -> Self {
        if bytes.is_empty() {
            return Self::new();
        }
        Self::from_owner(bytes)
    }
}

/// Without copying, as from a [`PooledBytes`].
impl From<PooledBuf> for Bytes {
    fn from(buffer: PooledBuf) -> Self {
        buffer.freeze().into()
    }
}

/// Without copying where [`PooledBuf::into_vec`] does not copy and this is the only clone or slice: the memory leaves the
/// pool then. Otherwise a copy.
///
/// ```
/// let pool = buffer_pool::BufferPool::new();
/// let mut buf = pool.acquire(100);
/// buf.extend_from_slice(b"to keep");
/// let bytes = buf.freeze();
/// let copy = Vec::from(bytes.clone());
/// assert_eq!((&copy[..], copy.capacity()), (&b"to keep"[..], 7));
/// let taken = Vec::from(bytes); // alone, of a pool of the global allocator
/// assert_eq!((&taken[..], taken.capacity()), (&b"to keep"[..], 4096));
/// ```
impl From<PooledBytes> for Vec<u8> {
    fn from(bytes: PooledBytes) -> Self {
        let is_of_vecs = |shared: &Shared| shared.core().source().is_of_vecs();
        if !bytes.shared.as_ref().is_some_and(is_of_vecs) {
            return bytes.to_vec();
        }
        match bytes.try_into_mut() {
            Ok(buffer) => buffer.into(),
            Err(bytes) => bytes.to_vec(),
        }
    }
}

/// As [`into_vec`](PooledBuf::into_vec), or, where that gives the buffer back, a copy.
impl From<PooledBuf> for Vec<u8> {
    fn from(buffer: PooledBuf) -> Self {
        buffer.into_vec().unwrap_or_else(|buffer| buffer.to_vec())
    }
}

/// Reads from the front; `advance` drops what was read, and keeps the buffer, also when all was. `copy_to_bytes` copies
/// nothing.
///
/// ```
/// use bytes::Buf;
///
/// let pool = buffer_pool::BufferPool::new();
/// let mut buf = pool.acquire(64);
/// buf.extend_from_slice(b"\x00\x05hello...");
/// let mut message = buf.freeze();
/// let len = message.get_u16();
/// let body = message.copy_to_bytes(len.into()); // `Bytes` that show the pool's buffer
/// assert_eq!((&body[..], message.remaining()), (&b"hello"[..], 3));
/// ```
impl Buf for PooledBytes {
    #[inline]
    fn remaining(&self) -> usize {
        self.len
    }

    #[inline]
    fn chunk(&self) -> &[u8] {
        self
    }

    #[inline]
    fn advance(&mut self, count: usize) {
        assert!(
            count <= self.len,
            "advanced {count} bytes past the {} that remain",
            self.len
        );
        self.skip(count);
    }

    fn copy_to_bytes(&mut self, count: usize) -> Bytes {
        self.split_to(count).into()
    }
}

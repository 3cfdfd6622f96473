//! Frozen bytes as a source: `bytes::Buf`, and the way into `bytes::Bytes`.

use bytes::{Buf, Bytes};

use super::PooledBytes;
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

/// Reads from the front; `advance` drops what was read. `copy_to_bytes` copies nothing.
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

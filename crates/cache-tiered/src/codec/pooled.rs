//! `Pooled`: bytes in buffers of a pool.

use super::raw::BYTES;
use super::{Codec, CodecError};
use buffer_pool::{BufferPool, PooledBytes};
use std::sync::Arc;

/// Bytes as they are, in buffers of a pool: what is loaded is written to a recycled buffer.
///
/// ```
/// use buffer_pool::{BufferPool, PooledBytes};
/// use cache_tiered::{Codec, Pooled};
///
/// let codec = Pooled::new(BufferPool::builder().build());
/// let value: PooledBytes = codec.decode(b"loaded")?;
/// assert_eq!(&value[..], b"loaded");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pooled {
    pool: BufferPool,
}

impl Pooled {
    /// Decodes into buffers of `pool`.
    pub const fn new(pool: BufferPool) -> Self {
        Self { pool }
    }

    /// The pool.
    pub const fn pool(&self) -> &BufferPool {
        &self.pool
    }
}

impl Codec<PooledBytes> for Pooled {
    fn encode<'a>(
        &self,
        value: &'a PooledBytes,
        _: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], CodecError> {
        Ok(value)
    }

    fn decode(&self, bytes: &[u8]) -> Result<PooledBytes, CodecError> {
        let mut buffer = self
            .pool
            .try_acquire(bytes.len())
            .map_err(|error| CodecError::Buffer(Arc::new(error)))?;
        buffer.extend_from_slice(bytes);
        Ok(buffer.freeze())
    }

    fn id(&self) -> u64 {
        BYTES
    }
}

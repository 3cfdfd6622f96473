//! `Codec`: values as bytes, for stores that keep bytes.

use buffer_pool::{BufferPool, PooledBytes};
use bytes::Bytes;
use std::error::Error;
use std::sync::Arc;

/// Turns a `T` into bytes and back. Instances carry state: a pool, a dictionary, a schema.
///
/// ```
/// use cache_tiered::{Codec, Raw};
///
/// let mut scratch = Vec::new();
/// let bytes = Codec::<u64>::encode(&Raw, &258, &mut scratch)?;
/// assert_eq!(bytes, [0, 0, 0, 0, 0, 0, 1, 2]);
/// let back: u64 = Raw.decode(bytes)?;
/// assert_eq!(back, 258);
/// # Ok::<(), cache_tiered::CodecError>(())
/// ```
pub trait Codec<T>: Send + Sync + 'static {
    /// The bytes of `value`: borrowed from it where it holds them, else written to `scratch`,
    /// which is cleared by the callee and may be reused from call to call.
    ///
    /// # Errors
    ///
    /// [`CodecError`] if the value has no form in bytes.
    fn encode<'a>(&self, value: &'a T, scratch: &'a mut Vec<u8>) -> Result<&'a [u8], CodecError>;

    /// The value of which these are the bytes.
    ///
    /// # Errors
    ///
    /// [`CodecError`] if the bytes are those of no value.
    fn decode(&self, bytes: &[u8]) -> Result<T, CodecError>;
}

/// Why bytes and value do not go together.
///
/// ```
/// use cache_tiered::{Codec, CodecError, Raw};
///
/// let found: Result<u64, _> = Raw.decode(b"abc");
/// assert!(matches!(found, Err(CodecError::Length { expected: 8, found: 3 })));
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The number of bytes is not that of a value.
    #[error(
        "{found} bytes where a value has {expected}: check that the store was written with this codec"
    )]
    Length {
        /// The bytes that a value has.
        expected: usize,
        /// The bytes that were there.
        found: usize,
    },
    /// The bytes are not UTF-8.
    #[error("text that is not UTF-8: check that the store was written with this codec")]
    Utf8(#[from] std::str::Utf8Error),
    /// There is no memory for the value.
    #[error("no buffer for a value: give the pool more room")]
    Buffer(#[source] Arc<dyn Error + Send + Sync>),
    /// Anything else, from a codec of your own.
    #[error(transparent)]
    Other(Arc<dyn Error + Send + Sync>),
}

impl CodecError {
    /// Wraps an error of your own.
    pub fn other(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Other(Arc::from(error.into()))
    }
}

/// Bytes and text as they are, `u64` as eight bytes in big-endian order, so that the order of the
/// bytes is the order of the numbers.
///
/// ```
/// use cache_tiered::{Codec, Raw};
///
/// let text: String = Raw.decode(b"as it is")?;
/// assert_eq!(text, "as it is");
/// # Ok::<(), cache_tiered::CodecError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Raw;

impl Codec<Vec<u8>> for Raw {
    fn encode<'a>(&self, value: &'a Vec<u8>, _: &'a mut Vec<u8>) -> Result<&'a [u8], CodecError> {
        Ok(value)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Vec<u8>, CodecError> {
        Ok(bytes.to_vec())
    }
}

impl Codec<Bytes> for Raw {
    fn encode<'a>(&self, value: &'a Bytes, _: &'a mut Vec<u8>) -> Result<&'a [u8], CodecError> {
        Ok(value)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Bytes, CodecError> {
        Ok(Bytes::copy_from_slice(bytes))
    }
}

impl Codec<Arc<[u8]>> for Raw {
    fn encode<'a>(&self, value: &'a Arc<[u8]>, _: &'a mut Vec<u8>) -> Result<&'a [u8], CodecError> {
        Ok(value)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Arc<[u8]>, CodecError> {
        Ok(Arc::from(bytes))
    }
}

impl Codec<String> for Raw {
    fn encode<'a>(&self, value: &'a String, _: &'a mut Vec<u8>) -> Result<&'a [u8], CodecError> {
        Ok(value.as_bytes())
    }

    fn decode(&self, bytes: &[u8]) -> Result<String, CodecError> {
        Ok(std::str::from_utf8(bytes)?.to_owned())
    }
}

impl Codec<u64> for Raw {
    fn encode<'a>(&self, value: &'a u64, scratch: &'a mut Vec<u8>) -> Result<&'a [u8], CodecError> {
        scratch.clear();
        scratch.extend_from_slice(&value.to_be_bytes());
        Ok(scratch)
    }

    fn decode(&self, bytes: &[u8]) -> Result<u64, CodecError> {
        let bytes: [u8; 8] = bytes.try_into().map_err(|_| CodecError::Length {
            expected: 8,
            found: bytes.len(),
        })?;
        Ok(u64::from_be_bytes(bytes))
    }
}

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
}

//! `Codec`: values as bytes, for stores that keep bytes.

mod pooled;
#[cfg(feature = "serde")]
mod postcard;
mod raw;

pub use self::pooled::Pooled;
#[cfg(feature = "serde")]
pub use self::postcard::Postcard;
pub use self::raw::Raw;

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

    /// Which form of bytes this is: what a codec wrote is read only by one of the same id, as a
    /// tier on disk notes the ids of its codecs and refuses others. 0, the default, is not told
    /// apart from any other 0.
    ///
    /// It must be the same in each run and build, and change with the form of the bytes. The crate
    /// itself takes letters and a number, such as `u64::from_be_bytes(*b"raw u64\0")`.
    fn id(&self) -> u64 {
        0
    }
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
    /// The bytes are those of no value of the type.
    #[error(
        "bytes of no value of this type: check that the store was written with this codec, and with this version of the type"
    )]
    Malformed(#[source] Arc<dyn Error + Send + Sync>),
    /// More bytes than the value has.
    #[error(
        "{surplus} bytes behind the value: check that the store was written with this codec, and with this version of the type"
    )]
    Surplus {
        /// The bytes that are too many.
        surplus: usize,
    },
    /// The value has no form in bytes.
    #[error("a value that has no form in bytes: change its type, or use another codec")]
    Unencodable(#[source] Arc<dyn Error + Send + Sync>),
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

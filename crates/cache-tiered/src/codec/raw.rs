//! `Raw`: bytes, text and `u64` as they are.

use super::{Codec, CodecError};
use bytes::Bytes;
use std::sync::Arc;

/// The id of anything that is any bytes.
pub(super) const BYTES: u64 = u64::from_be_bytes(*b"rawbytes");
const TEXT: u64 = u64::from_be_bytes(*b"raw text");
const U64: u64 = u64::from_be_bytes(*b"raw u64\0");

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

    fn id(&self) -> u64 {
        BYTES
    }
}

impl Codec<Bytes> for Raw {
    fn encode<'a>(&self, value: &'a Bytes, _: &'a mut Vec<u8>) -> Result<&'a [u8], CodecError> {
        Ok(value)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Bytes, CodecError> {
        Ok(Bytes::copy_from_slice(bytes))
    }

    fn id(&self) -> u64 {
        BYTES
    }
}

impl Codec<Arc<[u8]>> for Raw {
    fn encode<'a>(&self, value: &'a Arc<[u8]>, _: &'a mut Vec<u8>) -> Result<&'a [u8], CodecError> {
        Ok(value)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Arc<[u8]>, CodecError> {
        Ok(Arc::from(bytes))
    }

    fn id(&self) -> u64 {
        BYTES
    }
}

impl Codec<String> for Raw {
    fn encode<'a>(&self, value: &'a String, _: &'a mut Vec<u8>) -> Result<&'a [u8], CodecError> {
        Ok(value.as_bytes())
    }

    fn decode(&self, bytes: &[u8]) -> Result<String, CodecError> {
        Ok(std::str::from_utf8(bytes)?.to_owned())
    }

    fn id(&self) -> u64 {
        TEXT
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

    fn id(&self) -> u64 {
        U64
    }
}

//! `Postcard`: values of serde in the format of the postcard crate.

use super::{Codec, CodecError};
use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Whatever serde can write and read, in the format of [postcard](https://postcard.jamesmunns.com):
/// compact, and without names or types.
///
/// So the bytes do not tell which type they are of: if yours changes, take another number for its
/// [version](Self::version), and a tier on disk that has the old one is refused instead of misread.
///
/// All bytes have to be of the value. Whatever they say, decoding allocates in advance for no more
/// elements than there are bytes left, and in a map, where postcard does not look at that, for at
/// most 1 MiB of them. What bytes can do is nest as deeply as they are long where a type holds
/// itself in a `Box`, and repeat without end an element that takes no byte, as in a `Vec<()>`: have
/// no such types in bytes that others may make.
///
/// ```
/// use cache_tiered::{Codec, Postcard};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct Page {
///     title: String,
///     views: u64,
/// }
///
/// let page = Page { title: "home".to_owned(), views: 12 };
/// let mut scratch = Vec::new();
/// let bytes = Postcard::new().encode(&page, &mut scratch)?;
/// assert_eq!(bytes, b"\x04home\x0c");
/// let back: Page = Postcard::new().decode(bytes)?;
/// assert_eq!(back, page);
/// # Ok::<(), cache_tiered::CodecError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Postcard {
    version: u32,
}

impl Postcard {
    /// The codec of version 0 of a type.
    #[must_use]
    pub const fn new() -> Self {
        Self { version: 0 }
    }

    /// The codec of another version of a type, which reads nothing of the others.
    ///
    /// ```
    /// use cache_tiered::{Codec, Postcard};
    ///
    /// let (old, new) = (Postcard::new(), Postcard::new().version(1));
    /// assert_ne!(Codec::<u8>::id(&old), Codec::<u8>::id(&new));
    /// ```
    #[must_use]
    pub const fn version(self, version: u32) -> Self {
        Self { version }
    }
}

impl<T: Serialize + DeserializeOwned> Codec<T> for Postcard {
    fn encode<'a>(&self, value: &'a T, scratch: &'a mut Vec<u8>) -> Result<&'a [u8], CodecError> {
        scratch.clear();
        postcard::serialize_with_flavor(value, Scratch(scratch))
            .map_err(|error| CodecError::Unencodable(Arc::new(error)))
    }

    fn decode(&self, bytes: &[u8]) -> Result<T, CodecError> {
        let (value, rest) = postcard::take_from_bytes(bytes)
            .map_err(|error| CodecError::Malformed(Arc::new(error)))?;
        match rest.len() {
            0 => Ok(value),
            surplus => Err(CodecError::Surplus { surplus }),
        }
    }

    fn id(&self) -> u64 {
        const NAME: u64 = u64::from_be_bytes(*b"post\0\0\0\0");
        NAME | self.version as u64
    }
}

/// Where an encoding goes.
struct Scratch<'a>(&'a mut Vec<u8>);

impl<'a> Flavor for Scratch<'a> {
    type Output = &'a [u8];

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<&'a [u8]> {
        Ok(self.0)
    }
}

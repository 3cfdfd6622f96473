//! Values in fewer bytes, where that pays.
//!
//! What was made smaller begins with its own length before that, 4 bytes in little-endian order; a
//! block of LZ4 or a frame of zstd follows. Whoever keeps it has to remember the [`Method`].

#[cfg(feature = "lz4")]
mod lz4;
mod sample;
#[cfg(test)]
mod tests;
#[cfg(feature = "zstd")]
mod zstd;

use crate::little_endian::u32_at;

/// How values are made smaller on their way to a tier.
///
/// A value stays as it is where less than an eighth would be saved: so what is compressed already
/// costs a look when it is written, and nothing when it is read. What was written by one of them is
/// read whichever is set, provided that its feature is there.
///
/// ```
/// use cache_tiered::{Compression, DiskTier};
///
/// let tier = DiskTier::new("cache").compression(Compression::None);
/// # drop(tier);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// As they are.
    #[default]
    None,
    /// [LZ4](https://lz4.org), fast in both directions; feature `lz4`.
    #[cfg(feature = "lz4")]
    Lz4,
    /// [zstd](https://facebook.github.io/zstd/), smaller and slower; feature `zstd`.
    #[cfg(feature = "zstd")]
    Zstd {
        /// From -7, fast, to 22, small; 0 is zstd's own choice, 3. What is beyond is the nearest.
        level: i32,
    },
}

/// How the bytes of a value lie somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Method {
    /// As they are.
    None = 0,
    Lz4 = 1,
    Zstd = 2,
}

/// Why bytes do not become a value again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecompressError {
    /// They are not what was written.
    #[error("bytes that no compression wrote")]
    Malformed,
    /// The value would have more bytes than it may have, or than there is memory for.
    #[error("a value of {bytes} bytes, which is more than a value may have")]
    TooLarge { bytes: usize },
    /// This build can not read them.
    #[error("a value that was compressed by {method:?}: build with that feature to read it")]
    Unsupported { method: Method },
}

/// Bytes of the length in front of what was made smaller.
const LENGTH_BYTES: usize = 4;
/// Smaller values are left as they are: there is nothing to gain but the time.
const VALUE_BYTES_MIN: usize = 64;

/// The bytes that a value of `bytes` may take at most when it was made smaller.
const fn room(bytes: usize) -> usize {
    bytes - bytes / 8
}

impl Compression {
    /// Makes `value` smaller. If the method is [`Method::None`] the value is to be kept as it is, and
    /// `out` is of no use; else it is what `out` has now. `out` is scratch: what it held is gone.
    pub(crate) fn compress(self, value: &[u8], out: &mut Vec<u8>) -> Method {
        let small = value.len() < VALUE_BYTES_MIN || u32::try_from(value.len()).is_err();
        if self == Self::None || small {
            return Method::None;
        }
        if let Some(part) = sample::doubtful(value)
            && self.write(part, out).is_none()
        {
            return Method::None;
        }
        self.write(value, out).unwrap_or(Method::None)
    }

    /// None if it does not pay.
    fn write(self, value: &[u8], out: &mut Vec<u8>) -> Option<Method> {
        out.clear();
        out.extend_from_slice(&(value.len() as u32).to_le_bytes());
        let method = self.pack(value, out)?;
        (out.len() <= room(value.len())).then_some(method)
    }

    #[cfg_attr(
        not(any(feature = "lz4", feature = "zstd")),
        expect(
            unused_variables,
            clippy::ptr_arg,
            reason = "there is nothing to pack by"
        )
    )]
    fn pack(self, value: &[u8], out: &mut Vec<u8>) -> Option<Method> {
        match self {
            Self::None => None,
            #[cfg(feature = "lz4")]
            Self::Lz4 => lz4::compress(value, out).then_some(Method::Lz4),
            #[cfg(feature = "zstd")]
            Self::Zstd { level } => zstd::compress(value, level, out).then_some(Method::Zstd),
        }
    }
}

/// Makes `out` the value of at most `bytes_max` bytes that was written as `bytes` by `method`.
///
/// The memory that it asks for is no more than `bytes_max`, nor than any value of as many bytes takes.
pub(crate) fn decompress(
    method: Method,
    bytes: &[u8],
    bytes_max: usize,
    out: &mut Vec<u8>,
) -> Result<(), DecompressError> {
    out.clear();
    if method == Method::None {
        prepare(bytes.len(), bytes_max, out)?;
        out.extend_from_slice(bytes);
        return Ok(());
    }
    let (length, packed) = bytes
        .split_at_checked(LENGTH_BYTES)
        .ok_or(DecompressError::Malformed)?;
    let length = u32_at(length, 0) as usize;
    let ratio_max: usize = match method {
        // A byte says of at most 255 others that they were there before.
        Method::None | Method::Lz4 => 255,
        // Four bytes are a block of up to 128 KiB of the same byte.
        Method::Zstd => 128 << 8,
    };
    if length > packed.len().saturating_mul(ratio_max) {
        return Err(DecompressError::Malformed);
    }
    prepare(length, bytes_max, out)?;
    if unpack(method, packed, length, out)? && out.len() == length {
        Ok(())
    } else {
        Err(DecompressError::Malformed)
    }
}

#[cfg_attr(
    not(any(feature = "lz4", feature = "zstd")),
    expect(
        unused_variables,
        clippy::ptr_arg,
        reason = "there is nothing to unpack by"
    )
)]
fn unpack(
    method: Method,
    packed: &[u8],
    length: usize,
    out: &mut Vec<u8>,
) -> Result<bool, DecompressError> {
    match method {
        #[cfg(feature = "lz4")]
        Method::Lz4 => Ok(lz4::decompress(packed, length, out)),
        #[cfg(feature = "zstd")]
        Method::Zstd => Ok(zstd::decompress(packed, length, out)),
        method => Err(DecompressError::Unsupported { method }),
    }
}

fn prepare(bytes: usize, bytes_max: usize, out: &mut Vec<u8>) -> Result<(), DecompressError> {
    let too_large = || DecompressError::TooLarge { bytes };
    if bytes > bytes_max {
        return Err(too_large());
    }
    out.try_reserve_exact(bytes).map_err(|_| too_large())
}

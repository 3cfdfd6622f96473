//! Values that prove what they are: a header with key, version and length, and a body that follows from the three.

use std::fmt;

use buffer_pool::{BufferPool, PooledBytes};
use thiserror::Error;

use crate::trace::generate::scramble;

/// Bytes of the header, hence the smallest value: key (8), version (4), length (4), all little-endian.
pub const HEADER_LEN: u32 = 16;

/// The largest value: what the length field and a cache weight can say, with room for what tiers add.
pub const VALUE_LEN_MAX: u32 = 1 << 30;

/// One state of one key: the origin starts at version 1, each overwrite adds 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Identity {
    /// The key.
    pub key: u64,
    /// The version, from 1.
    pub version: u32,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {} of key {}", self.version, self.key)
    }
}

/// How the bytes read for a key are not one of its values.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum Flaw {
    /// Shorter than a header.
    #[error("{len} bytes, less than a header")]
    Short {
        /// The length of what was read.
        len: usize,
    },
    /// Cut, or followed by something else.
    #[error("{len} bytes, where the header says {stated}")]
    Length {
        /// The length of what was read.
        len: usize,
        /// The length in the header.
        stated: u32,
    },
    /// The value of another key.
    #[error("{found}")]
    Key {
        /// What the header says it is.
        found: Identity,
    },
    /// A byte of the body that does not follow from the header.
    #[error("{found} with a wrong byte at offset {offset}")]
    Body {
        /// What the header says it is.
        found: Identity,
        /// Where the first difference is.
        offset: usize,
    },
}

/// Which sizes values have: uniform over a range, decided by key and version.
///
/// ```
/// use strata_cli::replay::{Identity, ValueSizes};
///
/// let sizes = ValueSizes::new(100, 1024)?;
/// let size = sizes.of(Identity { key: 7, version: 1 });
/// assert!((100..=1024).contains(&size));
/// assert_eq!(size, sizes.of(Identity { key: 7, version: 1 }));
/// # Ok::<(), strata_cli::replay::ValueSizesError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ValueSizes {
    min: u32,
    max: u32,
}

/// Why a range of value sizes is refused.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum ValueSizesError {
    /// The range is reversed.
    #[error("the range {min}..{max} is reversed: give the smaller size first")]
    Reversed {
        /// The first size given.
        min: u64,
        /// The second size given.
        max: u64,
    },
    /// A value could not hold its header.
    #[error(
        "values of {size} bytes: use at least {HEADER_LEN}, the header with key, version and length"
    )]
    TooSmall {
        /// The size given.
        size: u64,
    },
    /// A value would be larger than a tier takes.
    #[error("values of {size} bytes: use at most {VALUE_LEN_MAX} (1 GiB)")]
    TooLarge {
        /// The size given.
        size: u64,
    },
}

impl ValueSizes {
    /// The largest size.
    #[must_use]
    pub fn largest(&self) -> u32 {
        self.max
    }

    /// Sizes from `min` to `max` bytes, both included.
    ///
    /// # Errors
    ///
    /// A reversed range, one that starts below [`HEADER_LEN`] or ends above [`VALUE_LEN_MAX`].
    pub fn new(min: u64, max: u64) -> Result<Self, ValueSizesError> {
        if min < u64::from(HEADER_LEN) {
            return Err(ValueSizesError::TooSmall { size: min });
        }
        if max < min {
            return Err(ValueSizesError::Reversed { min, max });
        }
        match (u32::try_from(min), u32::try_from(max)) {
            (Ok(min), Ok(max)) if max <= VALUE_LEN_MAX => Ok(Self { min, max }),
            _ => Err(ValueSizesError::TooLarge { size: max }),
        }
    }

    /// The size of one version of one key.
    #[must_use]
    pub fn of(&self, identity: Identity) -> u32 {
        let span = u64::from(self.max - self.min) + 1;
        let draw = scramble(identity.key ^ scramble(u64::from(identity.version)));
        self.min + (draw % span) as u32
    }
}

impl fmt::Display for ValueSizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.min, self.max)
    }
}

/// The value of `identity` with `size` bytes, in a buffer of `pool`. O(size).
///
/// ```
/// use buffer_pool::BufferPool;
/// use strata_cli::replay::{Identity, compose, examine};
///
/// let pool = BufferPool::builder().build();
/// let value = compose(Identity { key: 7, version: 3 }, 100, &pool);
/// assert_eq!(examine(&value, 7), Ok(3));
/// assert!(examine(&value, 8).is_err());
/// assert!(examine(&value[..99], 7).is_err());
/// ```
///
/// # Panics
/// When `size` is below [`HEADER_LEN`].
#[must_use]
pub fn compose(identity: Identity, size: u32, pool: &BufferPool) -> PooledBytes {
    assert!(
        size >= HEADER_LEN,
        "a value of {size} bytes cannot hold its header"
    );
    let mut value = pool.acquire(size as usize);
    value.extend_from_slice(&identity.key.to_le_bytes());
    value.extend_from_slice(&identity.version.to_le_bytes());
    value.extend_from_slice(&size.to_le_bytes());
    let mut body = Body::new(identity, size);
    let mut left = (size - HEADER_LEN) as usize;
    // In pieces: an append of a whole piece costs one capacity check, not one for each word.
    let mut piece = [0_u8; 256];
    while left > 0 {
        for word in piece.chunks_exact_mut(8) {
            word.copy_from_slice(&body.next_word());
        }
        let take = left.min(piece.len());
        value.extend_from_slice(&piece[..take]);
        left -= take;
    }
    value.freeze()
}

/// Which version of `key` the bytes are.
///
/// # Errors
/// The first [`Flaw`] found when they are no version of `key`. Every byte is looked at.
pub fn examine(bytes: &[u8], key: u64) -> Result<u32, Flaw> {
    let Some((header, rest)) = bytes.split_first_chunk::<{ HEADER_LEN as usize }>() else {
        return Err(Flaw::Short { len: bytes.len() });
    };
    let mut long = [0; 8];
    long.copy_from_slice(&header[..8]);
    let [version, stated] = [8, 12].map(|start| {
        let mut short = [0; 4];
        short.copy_from_slice(&header[start..start + 4]);
        u32::from_le_bytes(short)
    });
    let found = Identity {
        key: u64::from_le_bytes(long),
        version,
    };
    if found.key != key {
        return Err(Flaw::Key { found });
    }
    if stated as usize != bytes.len() {
        return Err(Flaw::Length {
            len: bytes.len(),
            stated,
        });
    }
    match first_difference(rest, Body::new(found, stated)) {
        Some(offset) => Err(Flaw::Body {
            found,
            offset: offset + HEADER_LEN as usize,
        }),
        None => Ok(version),
    }
}

fn first_difference(bytes: &[u8], mut body: Body) -> Option<usize> {
    let mut words = bytes.chunks_exact(8);
    let mut offset = 0;
    for word in &mut words {
        let wanted = body.next_word();
        if word != wanted {
            let inside = word
                .iter()
                .zip(wanted)
                .position(|(found, wanted)| *found != wanted);
            return Some(offset + inside.unwrap_or(0));
        }
        offset += 8;
    }
    let tail = words.remainder().iter().zip(body.next_word());
    let inside = tail
        .into_iter()
        .position(|(found, wanted)| *found != wanted);
    inside.map(|inside| offset + inside)
}

/// The body of a value, eight bytes at a time.
struct Body {
    state: u64,
}

impl Body {
    fn new(identity: Identity, size: u32) -> Self {
        let rest = u64::from(identity.version) << 32 | u64::from(size);
        Self {
            state: scramble(identity.key) ^ scramble(rest),
        }
    }

    /// One multiplication a word: the body must differ everywhere between versions, not pass statistical tests.
    fn next_word(&mut self) -> [u8; 8] {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.state ^ (self.state >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        (word ^ (word >> 32)).to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> BufferPool {
        BufferPool::builder().build()
    }

    #[test]
    fn a_value_is_recognised_at_every_size() {
        let pool = pool();
        for size in HEADER_LEN..HEADER_LEN + 600 {
            let identity = Identity {
                key: 1 << 40,
                version: size,
            };
            let value = compose(identity, size, &pool);
            assert_eq!(value.len(), size as usize);
            assert_eq!(examine(&value, 1 << 40), Ok(size));
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let identity = Identity {
            key: 77,
            version: 3,
        };
        let value = compose(identity, 61, &pool()).to_vec();
        for bit in 0..value.len() * 8 {
            let mut flipped = value.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // A flip in the version gives another version, whose body then differs.
            assert!(examine(&flipped, 77).is_err(), "bit {bit}");
        }
        for len in 0..value.len() {
            assert!(examine(&value[..len], 77).is_err(), "cut to {len}");
        }
    }

    #[test]
    fn another_key_or_an_older_version_is_told_apart() {
        let pool = pool();
        let old = compose(Identity { key: 5, version: 1 }, 100, &pool);
        assert_eq!(examine(&old, 5), Ok(1));
        let found = Identity { key: 5, version: 1 };
        assert_eq!(examine(&old, 6), Err(Flaw::Key { found }));
        let mut renumbered = old.to_vec();
        renumbered[8] = 2;
        let found = Identity { key: 5, version: 2 };
        assert_eq!(
            examine(&renumbered, 5),
            Err(Flaw::Body { found, offset: 16 })
        );
    }

    #[test]
    fn sizes_stay_in_their_range_and_reach_both_ends() {
        let sizes = ValueSizes::new(100, 103).expect("a valid range");
        let drawn = (0..1000).map(|key| sizes.of(Identity { key, version: 1 }));
        let mut seen: Vec<u32> = drawn.collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [100, 101, 102, 103]);
    }

    #[test]
    fn impossible_sizes_are_refused() {
        let small = ValueSizes::new(0, 10);
        assert_eq!(small, Err(ValueSizesError::TooSmall { size: 0 }));
        let reversed = ValueSizes::new(200, 100);
        assert_eq!(
            reversed,
            Err(ValueSizesError::Reversed { min: 200, max: 100 })
        );
        let large = ValueSizes::new(100, u64::MAX);
        assert_eq!(large, Err(ValueSizesError::TooLarge { size: u64::MAX }));
    }
}

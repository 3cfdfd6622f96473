//! One frame: its bytes, and the parser that takes any bytes and never panics.
//!
//! ```text
//!  0        4        8                16               24               32      36      40 41 42    48
//!  | crc    | length | sequence       | subject        | stamp          | klen  | group | k| f| zero| key value zeros
//! ```
//!
//! All numbers are little endian. `length` counts header, key and value; zeros follow up to the
//! next multiple of 8. The checksum is that of the frame's place ([`Seed`]) and everything behind it, the
//! zeros included.

use crate::checksum::Seed;
use crate::little_endian::{u32_at, u64_at};

/// Bytes before the key.
pub(super) const FRAME_HEADER: usize = 48;
/// Frames begin at multiples of it.
pub(super) const FRAME_ALIGN: u64 = 8;

/// Above all numbers that are ever given out, so that the next one can always be counted.
pub(super) const NUMBERS_MAX: u64 = 1 << 62;

/// The frame is the last one of its group.
pub(super) const FLAG_LAST: u8 = 1;
/// The frame repeats one of an older segment, which is about to be given up.
pub(super) const FLAG_COPY: u8 = 2;

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// `key` is to have `value`.
    Put = 1,
    /// `key` is to be removed.
    Remove = 2,
    /// The records in the ranges that `value` lists are settled.
    Settled = 3,
    /// The record `subject` is dead; `value` is the reason, in UTF-8.
    Dead = 4,
    /// The dead record `subject` is to be driven again.
    Revived = 5,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Put,
            2 => Self::Remove,
            3 => Self::Settled,
            4 => Self::Dead,
            5 => Self::Revived,
            _ => return None,
        })
    }

    /// True for what the user wants to have remembered, false for what is said about it.
    pub(super) const fn is_record(self) -> bool {
        matches!(self, Self::Put | Self::Remove)
    }
}

/// A frame, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// Grows from frame to frame, in all segments.
    pub(super) sequence: u64,
    /// The record that the frame is about: its own sequence, the original's for a copy; 0 for
    /// [`Kind::Settled`].
    pub(super) subject: u64,
    /// The user's stamp.
    pub(super) stamp: u64,
    /// Which group of the segment it was written in, from 0.
    pub(super) group: u32,
    pub(super) kind: Kind,
    pub(super) flags: u8,
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
}

/// Why there is no frame in some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameFault {
    #[error("nothing was written here")]
    Blank,
    #[error("the bytes end within the header of a frame")]
    Short,
    #[error("the length of the frame is impossible")]
    Length,
    #[error("the checksum does not match")]
    Checksum,
    #[error("the header of the frame says what no journal writes")]
    Header,
}

/// Bytes that a frame takes, with the zeros at its end. None if it can not be told in 32 bits.
pub(super) fn frame_bytes(key: usize, value: usize) -> Option<u64> {
    let length = FRAME_HEADER.checked_add(key)?.checked_add(value)?;
    let length = u32::try_from(length).ok()?;
    Some(u64::from(length).next_multiple_of(FRAME_ALIGN))
}

impl<'a> Frame<'a> {
    /// Bytes that the frame takes.
    ///
    /// # Panics
    ///
    /// If key and value have 4 GiB together.
    pub(super) fn bytes(&self) -> u64 {
        frame_bytes(self.key.len(), self.value.len()).expect("a frame is no larger than a segment")
    }

    /// Appends the frame to `out`, as it is to lie at `offset` of the segment of `seed`.
    pub(super) fn encode(&self, seed: &Seed, offset: u64, out: &mut Vec<u8>) {
        let start = out.len();
        let total = self.bytes() as usize;
        let length = (FRAME_HEADER + self.key.len() + self.value.len()) as u32;
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&self.sequence.to_le_bytes());
        out.extend_from_slice(&self.subject.to_le_bytes());
        out.extend_from_slice(&self.stamp.to_le_bytes());
        out.extend_from_slice(&(self.key.len() as u32).to_le_bytes());
        out.extend_from_slice(&self.group.to_le_bytes());
        out.extend_from_slice(&[self.kind as u8, self.flags, 0, 0, 0, 0, 0, 0]);
        out.extend_from_slice(self.key);
        out.extend_from_slice(self.value);
        out.resize(start + total, 0);
        let checksum = seed.checksum(offset, &out[start + 4..]);
        out[start..start + 4].copy_from_slice(&checksum.to_le_bytes());
    }

    /// The frame at the start of `bytes`, which are the rest of the segment of `seed` from
    /// `offset` on. Any bytes will do; nothing is allocated. Cost: one pass over the frame.
    pub(super) fn parse(bytes: &'a [u8], seed: &Seed, offset: u64) -> Result<Self, FrameFault> {
        let shape = Shape::of(bytes)?;
        let head = &bytes[..FRAME_HEADER];
        if seed.checksum(offset, &bytes[4..shape.total]) != u32_at(head, 0) {
            return Err(FrameFault::Checksum);
        }
        let Shape {
            length,
            key_length,
            kind,
            ..
        } = shape;
        let flags = head[41];
        let (key, value) = bytes[FRAME_HEADER..length].split_at(key_length);
        Ok(Self {
            sequence: u64_at(head, 8),
            subject: u64_at(head, 16),
            stamp: u64_at(head, 24),
            group: u32_at(head, 36),
            kind,
            flags,
            key,
            value,
        })
    }

    pub(super) const fn is_last_of_group(&self) -> bool {
        self.flags & FLAG_LAST != 0
    }

    pub(super) const fn is_copy(&self) -> bool {
        self.flags & FLAG_COPY != 0
    }
}

/// What a header says of the frame's parts, which are within the bytes.
struct Shape {
    length: usize,
    key_length: usize,
    /// With the zeros at the end.
    total: usize,
    kind: Kind,
}

impl Shape {
    fn of(bytes: &[u8]) -> Result<Self, FrameFault> {
        let head = bytes
            .first_chunk::<FRAME_HEADER>()
            .ok_or(FrameFault::Short)?;
        if head[..8] == [0; 8] {
            return Err(FrameFault::Blank);
        }
        let length = u32_at(head, 4) as usize;
        let key_length = u32_at(head, 32) as usize;
        let total = length
            .checked_next_multiple_of(FRAME_ALIGN as usize)
            .ok_or(FrameFault::Length)?;
        if total > bytes.len() || length < FRAME_HEADER || key_length > length - FRAME_HEADER {
            return Err(FrameFault::Length);
        }
        let kind = Kind::of(head[40]).ok_or(FrameFault::Header)?;
        let numbered = u64_at(head, 8) < NUMBERS_MAX && u64_at(head, 16) < NUMBERS_MAX;
        if !numbered || head[41] & !(FLAG_LAST | FLAG_COPY) != 0 || head[42..] != [0; 6] {
            return Err(FrameFault::Header);
        }
        Ok(Self {
            length,
            key_length,
            total,
            kind,
        })
    }
}

/// Sequence and bytes of what may be a frame, its checksum not looked at: few other bytes pass.
pub(super) fn claimed(bytes: &[u8]) -> Option<(u64, u64)> {
    let shape = Shape::of(bytes).ok()?;
    Some((u64_at(bytes, 8), shape.total as u64))
}

/// Ranges of sequences, first and last included, as the value of a [`Kind::Settled`] frame.
pub(super) fn encode_ranges(ranges: &[(u64, u64)]) -> Vec<u8> {
    let numbers = ranges.iter().flat_map(|&(first, last)| [first, last]);
    numbers.flat_map(u64::to_le_bytes).collect()
}

/// The ranges in the value of a [`Kind::Settled`] frame. None if they are none.
pub(super) fn parse_ranges(value: &[u8]) -> Option<impl Iterator<Item = (u64, u64)> + '_> {
    let (pairs, rest) = value.as_chunks::<16>();
    let ranges = pairs.iter().map(|pair| (u64_at(pair, 0), u64_at(pair, 8)));
    (rest.is_empty() && ranges.clone().all(|(first, last)| first <= last)).then_some(ranges)
}

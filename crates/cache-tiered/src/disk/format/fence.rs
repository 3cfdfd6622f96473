//! Fences: what was written before them is not to be answered any more.

use super::{VERSION, array_at, put_numbers};
use crate::checksum::Seed;
use crate::little_endian::{u32_at, u64_at};
use crate::sealed::{Fault, Kind, seal};

/// Bytes of the header of a file of fences.
pub(in crate::disk) const FENCES_HEADER: usize = 64;
/// Bytes of a file of fences at most.
const FILE_BYTES_MAX: u32 = 1 << 26;
/// Bytes of a fence: none lies in two sectors.
pub(in crate::disk) const FENCE_BYTES: usize = 32;

const _: () = assert!(FENCES_HEADER.is_multiple_of(FENCE_BYTES) && 512 % FENCE_BYTES == 0);

const KIND: Kind = Kind {
    magic: *b"STRATADF",
    version: VERSION,
};

/// The first bytes of a file of fences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::disk) struct FencesHeader {
    /// The tier it belongs to.
    pub(in crate::disk) uuid: [u8; 16],
    /// Bytes of the file.
    pub(in crate::disk) file_bytes: u32,
    /// Its place among the files.
    pub(in crate::disk) number: u64,
    /// The highest ordinal of a region when the file was begun: the fences of earlier files are
    /// about regions up to it.
    pub(in crate::disk) ordinal: u64,
}

impl FencesHeader {
    /// What the checksums of the file's fences depend on.
    pub(in crate::disk) fn seed(&self) -> Seed {
        Seed::new(self.uuid, self.number, self.ordinal)
    }

    pub(in crate::disk) fn encode(&self) -> [u8; FENCES_HEADER] {
        let mut bytes: [u8; FENCES_HEADER] = KIND.begin();
        bytes[12..16].copy_from_slice(&self.file_bytes.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.uuid);
        put_numbers(&mut bytes, 32, &[self.number, self.ordinal]);
        seal(&mut bytes);
        bytes
    }

    pub(in crate::disk) fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let bytes = KIND.check::<FENCES_HEADER>(bytes)?;
        let file_bytes = u32_at(bytes, 12);
        if file_bytes > FILE_BYTES_MAX {
            return Err(Fault::Damaged("a file of fences is longer than any"));
        }
        Ok(Self {
            file_bytes,
            uuid: array_at(bytes, 16),
            number: u64_at(bytes, 32),
            ordinal: u64_at(bytes, 40),
        })
    }
}

/// What a fence is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(in crate::disk) enum FenceKind {
    /// The key of this hash, and others that share it.
    Key = 1,
    /// Entries with the tag of this hash.
    Tag = 2,
    /// Everything.
    All = 3,
}

/// Of what it is about, nothing with a stamp below its own is an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::disk) struct Fence {
    pub(in crate::disk) kind: FenceKind,
    /// Zero if it is about everything.
    pub(in crate::disk) hash: u64,
    pub(in crate::disk) stamp: u64,
}

impl Fence {
    pub(in crate::disk) fn encode(&self, seed: &Seed, offset: u64) -> [u8; FENCE_BYTES] {
        let mut bytes = [0; FENCE_BYTES];
        bytes[4..8].copy_from_slice(&(self.kind as u32).to_le_bytes());
        put_numbers(&mut bytes, 8, &[self.hash, self.stamp]);
        let checksum = seed.checksum(offset, &bytes[4..]);
        bytes[..4].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The fence in `bytes`, which lie at `offset` of the file of this seed.
    pub(in crate::disk) fn parse(bytes: &[u8], seed: &Seed, offset: u64) -> Option<Self> {
        let bytes = bytes.first_chunk::<FENCE_BYTES>()?;
        if u32_at(bytes, 0) != seed.checksum(offset, &bytes[4..]) {
            return None;
        }
        let kind = match u32_at(bytes, 4) {
            1 => FenceKind::Key,
            2 => FenceKind::Tag,
            3 => FenceKind::All,
            _ => return None,
        };
        Some(Self {
            kind,
            hash: u64_at(bytes, 8),
            stamp: u64_at(bytes, 16),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_fences_come_back_and_nothing_else_passes() {
        let header = FencesHeader {
            file_bytes: 4096,
            uuid: [7; 16],
            number: 3,
            ordinal: 1 << 21,
        };
        assert_eq!(FencesHeader::parse(&header.encode()), Ok(header));
        for kind in [FenceKind::Key, FenceKind::Tag, FenceKind::All] {
            let fence = Fence {
                kind,
                hash: 0x0123_4567_89ab_cdef,
                stamp: 77,
            };
            let bytes = fence.encode(&header.seed(), 64);
            assert_eq!(Fence::parse(&bytes, &header.seed(), 64), Some(fence));
            assert_eq!(Fence::parse(&bytes, &header.seed(), 96), None);
            for bit in 0..FENCE_BYTES * 8 {
                let mut flipped = bytes;
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Fence::parse(&flipped, &header.seed(), 64), None);
            }
        }
    }
}

//! The superblock: whose tier it is, how it is laid out, and which numbers were never given.

use super::{VERSION, array_at, put_numbers};
use crate::disk::index::{GRAIN, REGION_BYTES_MAX, REGIONS_MAX};
use crate::little_endian::{u32_at, u64_at};
use crate::sealed::{Fault, Kind, seal};

/// Bytes of a superblock. There are two, a sector apart and more, written in turns.
pub(in crate::disk) const SUPERBLOCK: usize = 128;

const KIND: Kind = Kind {
    magic: *b"STRATADT",
    version: VERSION,
};
const CLOSED: u32 = 1;

/// The newer of the two counts, by its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::disk) struct Superblock {
    /// The tier it belongs to.
    pub(in crate::disk) uuid: [u8; 16],
    /// Which superblock of all this is.
    pub(in crate::disk) epoch: u64,
    /// What the bytes of keys and values mean, as the user names it.
    pub(in crate::disk) codec: u64,
    pub(in crate::disk) region_bytes: u32,
    pub(in crate::disk) regions: u32,
    /// No stamp above it was ever given.
    pub(in crate::disk) stamp_high: u64,
    /// No ordinal above it was ever given to a region.
    pub(in crate::disk) ordinal_high: u64,
    /// Which run of the machine wrote it.
    pub(in crate::disk) boot: [u8; 16],
    /// Everything was written before this superblock, nothing after it.
    pub(in crate::disk) closed: bool,
    /// A file of fences that there must be: the last one, if `closed`; and its bytes, if `closed`.
    pub(in crate::disk) fences: (u64, u64),
}

impl Superblock {
    pub(in crate::disk) fn encode(&self) -> [u8; SUPERBLOCK] {
        let mut bytes: [u8; SUPERBLOCK] = KIND.begin();
        bytes[12..16].copy_from_slice(&self.region_bytes.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.uuid);
        let numbers = [self.epoch, self.codec, self.stamp_high, self.ordinal_high];
        put_numbers(&mut bytes, 32, &numbers);
        bytes[72..76].copy_from_slice(&self.regions.to_le_bytes());
        bytes[76..80].copy_from_slice(&(u32::from(self.closed) * CLOSED).to_le_bytes());
        bytes[80..96].copy_from_slice(&self.boot);
        put_numbers(&mut bytes, 96, &[self.fences.0, self.fences.1]);
        seal(&mut bytes);
        bytes
    }

    /// Whether a superblock of a tier may begin so.
    pub(in crate::disk) fn may_begin(bytes: &[u8]) -> bool {
        bytes
            .iter()
            .zip(&KIND.magic)
            .all(|(byte, magic)| byte == magic)
    }

    pub(in crate::disk) fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let bytes = KIND.check::<SUPERBLOCK>(bytes)?;
        let flags = u32_at(bytes, 76);
        let block = Self {
            region_bytes: u32_at(bytes, 12),
            uuid: array_at(bytes, 16),
            epoch: u64_at(bytes, 32),
            codec: u64_at(bytes, 40),
            stamp_high: u64_at(bytes, 48),
            ordinal_high: u64_at(bytes, 56),
            regions: u32_at(bytes, 72),
            boot: array_at(bytes, 80),
            closed: flags == CLOSED,
            fences: (u64_at(bytes, 96), u64_at(bytes, 104)),
        };
        let region_bytes = u64::from(block.region_bytes);
        let sound = flags & !CLOSED == 0
            && (super::BATCH_ALIGN..=REGION_BYTES_MAX).contains(&region_bytes)
            && region_bytes.is_multiple_of(super::BATCH_ALIGN.max(GRAIN))
            && (1..=REGIONS_MAX).contains(&block.regions);
        if sound {
            Ok(block)
        } else {
            Err(Fault::Damaged("a superblock says what no disk tier writes"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Superblock {
        Superblock {
            uuid: [7; 16],
            epoch: 3,
            codec: 99,
            region_bytes: 16 << 20,
            regions: 512,
            stamp_high: 1 << 40,
            ordinal_high: 1 << 20,
            boot: [9; 16],
            closed: true,
            fences: (12, 3456),
        }
    }

    #[test]
    fn a_superblock_comes_back() {
        for closed in [false, true] {
            let block = Superblock { closed, ..sample() };
            assert_eq!(Superblock::parse(&block.encode()), Ok(block));
        }
    }

    #[test]
    fn a_superblock_of_impossible_numbers_is_refused() {
        let odd = [
            Superblock {
                regions: 0,
                ..sample()
            },
            Superblock {
                regions: REGIONS_MAX + 1,
                ..sample()
            },
            Superblock {
                region_bytes: 0,
                ..sample()
            },
            Superblock {
                region_bytes: 4097,
                ..sample()
            },
            Superblock {
                region_bytes: 1 << 30,
                ..sample()
            },
        ];
        for block in odd {
            let found = Superblock::parse(&block.encode());
            assert!(matches!(found, Err(Fault::Damaged(_))), "{block:?}");
        }
    }
}

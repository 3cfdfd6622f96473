//! The header of a region: which use of its room this is.

use super::{VERSION, array_at, put_numbers};
use crate::checksum::Seed;
use crate::little_endian::{u32_at, u64_at};
use crate::sealed::{Fault, Kind, seal};

/// Bytes of the header, behind which the first batch begins.
pub(in crate::disk) const REGION_HEADER: usize = 64;

const KIND: Kind = Kind {
    magic: *b"STRATADR",
    version: VERSION,
};

/// Written before anything else of this use of the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::disk) struct RegionHeader {
    /// The tier it belongs to.
    pub(in crate::disk) uuid: [u8; 16],
    /// Its place among the regions.
    pub(in crate::disk) region: u32,
    /// Which beginning of a region this is, of all that there were: never given twice.
    pub(in crate::disk) ordinal: u64,
}

impl RegionHeader {
    /// What the checksums of this use of the region depend on.
    pub(in crate::disk) fn seed(&self) -> Seed {
        Seed::new(self.uuid, u64::from(self.region), self.ordinal)
    }

    pub(in crate::disk) fn encode(&self) -> [u8; REGION_HEADER] {
        let mut bytes: [u8; REGION_HEADER] = KIND.begin();
        bytes[12..16].copy_from_slice(&self.region.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.uuid);
        put_numbers(&mut bytes, 32, &[self.ordinal]);
        seal(&mut bytes);
        bytes
    }

    pub(in crate::disk) fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let bytes = KIND.check::<REGION_HEADER>(bytes)?;
        Ok(Self {
            region: u32_at(bytes, 12),
            uuid: array_at(bytes, 16),
            ordinal: u64_at(bytes, 32),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back() {
        let header = RegionHeader {
            uuid: [7; 16],
            region: 511,
            ordinal: 1 << 50,
        };
        assert_eq!(RegionHeader::parse(&header.encode()), Ok(header));
    }
}

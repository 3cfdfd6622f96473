//! Where things lie: the numbers that do not change while a tier is open.

use super::format::{BATCH_ALIGN, FOOTER_TRAILER, REGION_HEADER, RegionHeader};
use crate::checksum::Seed;
use crate::device::{DeviceFile, write_full};
use std::io;

/// The file of all regions, one behind the other.
pub(super) const REGIONS: &str = "regions";

/// Whose tier it is, and how its file is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) uuid: [u8; 16],
    pub(super) region_bytes: u64,
    pub(super) regions: u32,
}

impl Layout {
    /// Where in that file an offset of a region is.
    pub(super) const fn position(&self, region: u32, offset: u64) -> u64 {
        self.region_bytes * region as u64 + offset
    }

    pub(super) const fn header(&self, region: u32, ordinal: u64) -> RegionHeader {
        RegionHeader {
            uuid: self.uuid,
            region,
            ordinal,
        }
    }

    pub(super) fn seed(&self, region: u32, ordinal: u64) -> Seed {
        self.header(region, ordinal).seed()
    }

    /// Makes the header of a region nothing, so that nothing in the region counts.
    pub(super) fn void(&self, file: &dyn DeviceFile, region: u32) -> io::Result<()> {
        write_full(file, self.position(region, 0), &[0; REGION_HEADER])
    }

    /// Bytes of an entry at most: a region with nothing else has room for it.
    pub(super) const fn entry_bytes_max(&self) -> u64 {
        let footer = super::format::Footer::bytes(1);
        self.region_bytes - REGION_HEADER as u64 - footer
    }
}

/// Where the batch behind `tail` begins.
pub(super) const fn next_batch(tail: u64) -> u64 {
    tail.next_multiple_of(BATCH_ALIGN)
}

const _: () = assert!(REGION_HEADER + FOOTER_TRAILER < BATCH_ALIGN as usize);

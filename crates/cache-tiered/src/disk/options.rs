//! How a tier is made.

use super::error::OpenError;
use super::format::{BATCH_ALIGN, Superblock};
use super::index::{REGION_BYTES_MAX, REGIONS_MAX};

/// How a tier is made, or has to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub(super) region_bytes: u64,
    pub(super) regions: u32,
    /// What keys and values mean: a tier of other codecs is refused.
    pub(super) codec: u64,
    pub(super) durable: bool,
    pub(super) batch_bytes: usize,
    pub(super) buffer_bytes: usize,
    pub(super) fence_file_bytes: u32,
}

impl Options {
    pub(super) fn check(&self) -> Result<(), OpenError> {
        let setting = |setting, value, range| {
            Err(OpenError::Setting {
                setting,
                value,
                range,
            })
        };
        let bytes = self.region_bytes;
        if !(4 * BATCH_ALIGN..=REGION_BYTES_MAX).contains(&bytes)
            || !bytes.is_multiple_of(BATCH_ALIGN)
        {
            return setting(
                "region bytes",
                bytes,
                "a multiple of 4 KiB from 16 KiB to 32 MiB",
            );
        }
        if !(4..=REGIONS_MAX).contains(&self.regions) {
            let range = "a capacity of 4 to 1,048,576 regions";
            return setting("the number of regions", self.regions.into(), range);
        }
        Ok(())
    }

    /// The superblock of a new tier.
    pub(super) const fn superblock(&self, uuid: [u8; 16], boot: [u8; 16]) -> Superblock {
        Superblock {
            uuid,
            epoch: 0,
            codec: self.codec,
            region_bytes: self.region_bytes as u32,
            regions: self.regions,
            stamp_high: 0,
            ordinal_high: 0,
            boot,
            closed: false,
            fences: (0, 0),
        }
    }
}

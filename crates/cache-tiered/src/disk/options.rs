//! How a tier is made.

use super::error::OpenError;
use super::format::{BATCH_ALIGN, Superblock};
use super::index::{REGION_BYTES_MAX, REGIONS_MAX};

/// Bytes of a region at most, where nobody says how many.
const REGION_BYTES: u64 = 16 << 20;
/// And at least.
const REGION_BYTES_MIN: u64 = 64 << 10;
/// So many regions there should be at least, as what is reclaimed is a whole one.
const REGIONS: u64 = 64;

/// How a tier is made, or has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) capacity: u64,
    /// Where it is not said, those that the tier has, or that fit the capacity.
    pub(crate) region_bytes: Option<u64>,
    /// What keys and values mean: a tier of other codecs is refused.
    pub(crate) codec: u64,
    pub(crate) durable: bool,
    /// Who finds no room for an entry makes some, rather than dropping it.
    pub(crate) waits: bool,
    /// Only keys that were looked for twice of late are worth a write.
    pub(crate) frequent: bool,
    pub(crate) bytes_per_second: Option<u64>,
    pub(crate) batch_bytes: usize,
    pub(crate) buffer_bytes: usize,
    pub(crate) fence_file_bytes: u32,
}

/// How the file of regions is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Division {
    pub(super) region_bytes: u64,
    pub(super) regions: u32,
}

impl Options {
    /// What a tier without a word about it would have.
    pub(crate) const DEFAULT: Self = Self {
        capacity: 1 << 30,
        region_bytes: None,
        codec: 0,
        durable: false,
        waits: false,
        frequent: false,
        bytes_per_second: None,
        batch_bytes: 256 << 10,
        buffer_bytes: 16 << 20,
        fence_file_bytes: 1 << 20,
    };

    /// The division for a tier, of which `old` is there already.
    ///
    /// # Errors
    ///
    /// [`OpenError::Setting`] for what can not be divided.
    pub(super) fn division(&self, old: Option<&Superblock>) -> Result<Division, OpenError> {
        let setting = |setting, value, range| OpenError::Setting {
            setting,
            value,
            range,
        };
        let fitting = || {
            let share = (self.capacity / REGIONS).max(1).next_power_of_two();
            share.clamp(REGION_BYTES_MIN, REGION_BYTES)
        };
        let region_bytes = self
            .region_bytes
            .unwrap_or_else(|| old.map_or_else(fitting, |old| u64::from(old.region_bytes)));
        if !(4 * BATCH_ALIGN..=REGION_BYTES_MAX).contains(&region_bytes)
            || !region_bytes.is_multiple_of(BATCH_ALIGN)
        {
            let range = "a multiple of 4 KiB from 16 KiB to 32 MiB";
            return Err(setting("the size of a region", region_bytes, range));
        }
        let regions = self.capacity / region_bytes;
        if !(4..=u64::from(REGIONS_MAX)).contains(&regions) {
            let range = "a capacity of 4 to 1,048,576 regions";
            return Err(setting("the number of regions", regions, range));
        }
        Ok(Division {
            region_bytes,
            regions: regions as u32,
        })
    }

    /// The superblock of a new tier.
    pub(super) const fn superblock(
        &self,
        division: Division,
        uuid: [u8; 16],
        boot: [u8; 16],
    ) -> Superblock {
        Superblock {
            uuid,
            epoch: 0,
            codec: self.codec,
            region_bytes: division.region_bytes as u32,
            regions: division.regions,
            stamp_high: 0,
            ordinal_high: 0,
            boot,
            closed: false,
            fences: (0, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_fit_the_capacity_and_stay_as_they_are() {
        let with = |capacity, region_bytes| Options {
            capacity,
            region_bytes,
            ..Options::DEFAULT
        };
        let division = |options: Options| options.division(None).unwrap();
        assert_eq!(division(with(1 << 30, None)).region_bytes, 16 << 20);
        assert_eq!(division(with(1 << 20, None)).region_bytes, 64 << 10);
        assert_eq!(division(with(1 << 30, Some(1 << 20))).regions, 1024);
        let old = with(1 << 20, None).superblock(division(with(1 << 20, None)), [0; 16], [0; 16]);
        let grown = with(1 << 30, None).division(Some(&old)).unwrap();
        assert_eq!((grown.region_bytes, grown.regions), (64 << 10, 1 << 14));
        for (capacity, region_bytes) in [
            (0, None),
            (1 << 16, None),
            (1 << 30, Some(5000)),
            (1 << 40, Some(1 << 14)),
        ] {
            assert!(with(capacity, region_bytes).division(None).is_err());
        }
    }
}

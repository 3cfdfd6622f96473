//! The footer of a sealed region: what is in it, so that nobody has to walk it.

use crate::checksum::{Seed, crc32c};
use crate::disk::index::{ENTRY_BYTES_MAX, GRAIN, Place, REGION_BYTES_MAX};
use crate::little_endian::{u32_at, u64_at};

/// Bytes of what is said of one entry.
pub(in crate::disk) const FOOTER_RECORD: usize = 24;
/// Bytes behind the records, the last ones of the region.
pub(in crate::disk) const FOOTER_TRAILER: usize = 16;

const MAGIC: u32 = u32::from_le_bytes(*b"FOOT");

/// What recovery and reclaim have to know of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::disk) struct FooterRecord {
    /// Of the key.
    pub(in crate::disk) hash: u64,
    pub(in crate::disk) stamp: u64,
    pub(in crate::disk) offset: u32,
    pub(in crate::disk) bytes: u32,
}

impl FooterRecord {
    pub(in crate::disk) fn place(&self, region: u32) -> Place {
        Place::new(region, u64::from(self.offset), u64::from(self.bytes))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.hash.to_le_bytes());
        out.extend_from_slice(&self.stamp.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.bytes.to_le_bytes());
    }

    fn parse(bytes: &[u8]) -> Self {
        Self {
            hash: u64_at(bytes, 0),
            stamp: u64_at(bytes, 8),
            offset: u32_at(bytes, 16),
            bytes: u32_at(bytes, 20),
        }
    }

    fn is_sound(&self, end: u64) -> bool {
        let (offset, bytes) = (u64::from(self.offset), u64::from(self.bytes));
        offset.is_multiple_of(GRAIN)
            && bytes.is_multiple_of(GRAIN)
            && (1..=ENTRY_BYTES_MAX).contains(&bytes)
            && offset + bytes <= end
    }
}

/// The records of a region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::disk) struct Footer {
    pub(in crate::disk) records: Vec<FooterRecord>,
}

impl Footer {
    /// Bytes of a footer of so many records.
    pub(in crate::disk) const fn bytes(records: usize) -> u64 {
        (records * FOOTER_RECORD + FOOTER_TRAILER) as u64
    }

    /// Writes the footer of a region of so many bytes and of this seed behind `out`; returns where
    /// in the region it has to lie.
    pub(in crate::disk) fn encode(&self, region_bytes: u64, seed: &Seed, out: &mut Vec<u8>) -> u64 {
        let start = out.len();
        for record in &self.records {
            record.encode(out);
        }
        let records = crc32c(&out[start..]);
        let mut trailer = [0; FOOTER_TRAILER];
        trailer[..4].copy_from_slice(&MAGIC.to_le_bytes());
        trailer[4..8].copy_from_slice(&(self.records.len() as u32).to_le_bytes());
        trailer[8..12].copy_from_slice(&records.to_le_bytes());
        let at = region_bytes - FOOTER_TRAILER as u64;
        let checksum = seed.checksum(at, &trailer[..12]);
        trailer[12..].copy_from_slice(&checksum.to_le_bytes());
        out.extend_from_slice(&trailer);
        region_bytes - Self::bytes(self.records.len())
    }

    /// How many records the trailer in the last bytes of a region speaks of; none if it is no
    /// trailer of this use of it.
    pub(in crate::disk) fn count(trailer: &[u8], region_bytes: u64, seed: &Seed) -> Option<usize> {
        let trailer = trailer.first_chunk::<FOOTER_TRAILER>()?;
        let at = region_bytes - FOOTER_TRAILER as u64;
        if u32_at(trailer, 12) != seed.checksum(at, &trailer[..12]) || u32_at(trailer, 0) != MAGIC {
            return None;
        }
        let count = u32_at(trailer, 4) as usize;
        (Self::bytes(count) <= region_bytes).then_some(count)
    }

    /// The footer in the last bytes of a region, which begin with its first record.
    pub(in crate::disk) fn parse(bytes: &[u8], region_bytes: u64, seed: &Seed) -> Option<Self> {
        let (records, trailer) = bytes.split_last_chunk::<FOOTER_TRAILER>()?;
        let count = Self::count(trailer, region_bytes, seed)?;
        if records.len() != count * FOOTER_RECORD || u32_at(trailer, 8) != crc32c(records) {
            return None;
        }
        let end = region_bytes - Self::bytes(count);
        let records: Vec<_> = records
            .chunks_exact(FOOTER_RECORD)
            .map(FooterRecord::parse)
            .collect();
        let sound = records.iter().all(|record| record.is_sound(end));
        sound.then_some(Self { records })
    }
}

const _: () = assert!(REGION_BYTES_MAX <= 1 << u32::BITS);

#[cfg(test)]
mod tests {
    use super::*;

    const REGION: u64 = 8192;

    fn seed() -> Seed {
        Seed::new([3; 16], 4, 5)
    }

    fn sample() -> Footer {
        let record = |number: u32| FooterRecord {
            hash: u64::from(number) << 50,
            stamp: u64::from(number),
            offset: 64 + number * 48,
            bytes: 48,
        };
        Footer {
            records: (0..5).map(record).collect(),
        }
    }

    fn encoded(footer: &Footer) -> Vec<u8> {
        let mut bytes = Vec::new();
        let at = footer.encode(REGION, &seed(), &mut bytes);
        assert_eq!(at + bytes.len() as u64, REGION);
        bytes
    }

    #[test]
    fn a_footer_comes_back() {
        for footer in [sample(), Footer::default()] {
            let bytes = encoded(&footer);
            let trailer = &bytes[bytes.len() - FOOTER_TRAILER..];
            let count = Footer::count(trailer, REGION, &seed());
            assert_eq!(count, Some(footer.records.len()));
            assert_eq!(Footer::parse(&bytes, REGION, &seed()), Some(footer));
        }
    }

    #[test]
    fn a_flipped_bit_or_another_use_makes_it_none() {
        let sound = encoded(&sample());
        for bit in 0..sound.len() * 8 {
            let mut flipped = sound.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Footer::parse(&flipped, REGION, &seed()), None, "bit {bit}");
        }
        let other = Seed::new([3; 16], 4, 6);
        assert_eq!(Footer::parse(&sound, REGION, &other), None);
        for length in 0..sound.len() {
            assert_eq!(Footer::parse(&sound[..length], REGION, &seed()), None);
        }
    }

    #[test]
    fn records_that_reach_beyond_are_refused() {
        let mut reaching = [sample(), sample(), sample()];
        reaching[0].records[2].offset = REGION as u32 - 48;
        reaching[1].records[2].bytes = 0;
        reaching[2].records[2].offset = 65;
        for footer in reaching {
            assert_eq!(Footer::parse(&encoded(&footer), REGION, &seed()), None);
        }
    }
}

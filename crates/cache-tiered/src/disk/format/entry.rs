//! An entry: header, key, tags and value, packed one behind the other in a region.

use crate::checksum::{Seed, crc32c};
use crate::compress::Method;
use crate::disk::index::{ENTRY_BYTES_MAX, GRAIN};
use crate::little_endian::{u32_at, u64_at};

/// Bytes before the key.
pub(in crate::disk) const ENTRY_HEADER: usize = 32;

/// What lies before the key. Its own checksum lets a walk skip the rest, and a damaged length lead
/// nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryHeader {
    body_checksum: u32,
    key_bytes: u16,
    tags: u8,
    method: Method,
    value_bytes: u32,
    /// Of the load or mutation that brought the value.
    pub(in crate::disk) stamp: u64,
    /// Milliseconds since 1970 from which on the value is no answer any more; 0 is never.
    pub(in crate::disk) expiry: u64,
}

/// Keys have fewer bytes.
const KEY_BYTES_END: usize = 1 << 16;
/// Entries have fewer tags.
const TAGS_END: usize = 1 << 8;

/// What follows the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    pub(in crate::disk) key: &'a [u8],
    /// Hashes of tags, eight bytes each.
    pub(crate) tags: &'a [u8],
    pub(crate) value: &'a [u8],
}

impl Parts<'_> {
    /// Bytes of an entry with these parts, a multiple of eight; none if there is no such entry.
    pub(in crate::disk) fn entry_bytes(&self) -> Option<u64> {
        let sound = self.key.len() < KEY_BYTES_END && self.tags.len() / 8 < TAGS_END;
        let body = self.key.len() + self.tags.len() + self.value.len();
        let bytes = (ENTRY_HEADER as u64 + body as u64).next_multiple_of(GRAIN);
        (sound && bytes <= ENTRY_BYTES_MAX).then_some(bytes)
    }

    /// Writes the entry to `out`, which is as large as it and lies at `offset` of the region of
    /// this seed.
    pub(in crate::disk) fn encode(
        &self,
        method: Method,
        stamp: u64,
        expiry: u64,
        seed: &Seed,
        offset: u64,
        out: &mut [u8],
    ) {
        debug_assert_eq!(self.entry_bytes(), Some(out.len() as u64));
        let body = self.key.len() + self.tags.len() + self.value.len();
        let (room, padding) = out[ENTRY_HEADER..].split_at_mut(body);
        let (key, rest) = room.split_at_mut(self.key.len());
        let (tags, value) = rest.split_at_mut(self.tags.len());
        key.copy_from_slice(self.key);
        tags.copy_from_slice(self.tags);
        value.copy_from_slice(self.value);
        padding.fill(0);
        let header = EntryHeader {
            body_checksum: crc32c(&out[ENTRY_HEADER..ENTRY_HEADER + body]),
            key_bytes: self.key.len() as u16,
            tags: (self.tags.len() / 8) as u8,
            method,
            value_bytes: self.value.len() as u32,
            stamp,
            expiry,
        };
        out[..ENTRY_HEADER].copy_from_slice(&header.encode(seed, offset));
    }
}

impl EntryHeader {
    fn encode(&self, seed: &Seed, offset: u64) -> [u8; ENTRY_HEADER] {
        let mut bytes = [0; ENTRY_HEADER];
        bytes[4..8].copy_from_slice(&self.body_checksum.to_le_bytes());
        bytes[8..10].copy_from_slice(&self.key_bytes.to_le_bytes());
        bytes[10] = self.tags;
        bytes[11] = self.method as u8;
        bytes[12..16].copy_from_slice(&self.value_bytes.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.stamp.to_le_bytes());
        bytes[24..].copy_from_slice(&self.expiry.to_le_bytes());
        let checksum = seed.checksum(offset, &bytes[4..]);
        bytes[..4].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The header in `bytes`, which lie at `offset` of the region of this seed.
    pub(in crate::disk) fn parse(bytes: &[u8], seed: &Seed, offset: u64) -> Option<Self> {
        let bytes = bytes.first_chunk::<ENTRY_HEADER>()?;
        if u32_at(bytes, 0) != seed.checksum(offset, &bytes[4..]) {
            return None;
        }
        let method = match bytes[11] {
            0 => Method::None,
            1 => Method::Lz4,
            2 => Method::Zstd,
            _ => return None,
        };
        let header = Self {
            body_checksum: u32_at(bytes, 4),
            key_bytes: u16::from_le_bytes([bytes[8], bytes[9]]),
            tags: bytes[10],
            method,
            value_bytes: u32_at(bytes, 12),
            stamp: u64_at(bytes, 16),
            expiry: u64_at(bytes, 24),
        };
        (header.bytes() <= ENTRY_BYTES_MAX).then_some(header)
    }

    pub(crate) const fn method(&self) -> Method {
        self.method
    }

    /// Bytes of the entry, with its header and padding.
    pub(in crate::disk) const fn bytes(&self) -> u64 {
        (ENTRY_HEADER as u64 + self.body_bytes() as u64).next_multiple_of(GRAIN)
    }

    const fn body_bytes(&self) -> usize {
        self.key_bytes as usize + self.tags as usize * 8 + self.value_bytes as usize
    }

    /// The parts of the entry that begins with this header, if `entry` holds all of it undamaged.
    pub(in crate::disk) fn parts<'a>(&self, entry: &'a [u8]) -> Option<Parts<'a>> {
        let body = entry.get(ENTRY_HEADER..ENTRY_HEADER + self.body_bytes())?;
        if crc32c(body) != self.body_checksum {
            return None;
        }
        let (key, rest) = body.split_at(usize::from(self.key_bytes));
        let (tags, value) = rest.split_at(usize::from(self.tags) * 8);
        Some(Parts { key, tags, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFSET: u64 = 4096;

    fn seed() -> Seed {
        Seed::new([3; 16], 4, 5)
    }

    fn entry(parts: &Parts<'_>) -> Vec<u8> {
        let mut bytes = vec![0xaa; parts.entry_bytes().unwrap() as usize];
        parts.encode(Method::Lz4, 8, 9, &seed(), OFFSET, &mut bytes);
        bytes
    }

    const SAMPLE: Parts<'static> = Parts {
        key: b"key",
        tags: b"12345678",
        value: b"a value",
    };

    #[test]
    fn an_entry_comes_back() {
        for parts in [
            SAMPLE,
            Parts {
                key: b"",
                tags: b"",
                value: b"",
            },
        ] {
            let bytes = entry(&parts);
            assert!(bytes.len().is_multiple_of(8));
            let header = EntryHeader::parse(&bytes, &seed(), OFFSET).unwrap();
            assert_eq!(header.bytes(), bytes.len() as u64);
            let method = header.method();
            assert_eq!((header.stamp, header.expiry), (8, 9));
            assert_eq!(method, Method::Lz4);
            assert_eq!(header.parts(&bytes), Some(parts));
        }
    }

    #[test]
    fn a_flipped_bit_or_a_missing_byte_makes_it_nothing() {
        let sound = entry(&SAMPLE);
        let parts = |bytes: &[u8]| {
            let header = EntryHeader::parse(bytes, &seed(), OFFSET)?;
            header.parts(bytes).map(|parts| parts.value.to_vec())
        };
        assert!(parts(&sound).is_some());
        // The padding says nothing.
        let told = ENTRY_HEADER + 3 + 8 + 7;
        for bit in 0..told * 8 {
            let mut flipped = sound.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(parts(&flipped), None, "bit {bit}");
        }
        for length in 0..told {
            assert_eq!(parts(&sound[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn an_entry_of_another_place_or_use_is_none() {
        let bytes = entry(&SAMPLE);
        let others = [(seed(), 0), (Seed::new([3; 16], 4, 6), OFFSET)];
        for (seed, offset) in others {
            assert_eq!(EntryHeader::parse(&bytes, &seed, offset), None);
        }
    }

    #[test]
    fn what_is_too_large_has_no_entry() {
        let large = vec![0; ENTRY_BYTES_MAX as usize];
        let with = |key, tags, value| Parts { key, tags, value }.entry_bytes();
        assert_eq!(with(&[], &[], &large), None);
        assert_eq!(with(&large[..1 << 16], &[], &[]), None);
        assert_eq!(with(&[], &large[..8 << 8], &[]), None);
        let body = ENTRY_BYTES_MAX as usize - ENTRY_HEADER;
        assert_eq!(with(&[], &[], &large[..body]), Some(ENTRY_BYTES_MAX));
    }
}

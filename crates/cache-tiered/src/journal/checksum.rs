//! CRC-32C, and the seed that binds a frame to its place.
//!
//! A checksum finds damage. It is no authentication: who can write the files can forge it.

/// CRC-32C (Castagnoli) of `bytes`.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// What the checksums of one use of one segment file depend on beside their frames.
///
/// A file is used again when its records are settled, so behind the frames of its present use lie
/// those of earlier ones, each of them whole. None may pass for a frame of this use: what a frame
/// stores is its checksum under a mask made of the journal, the segment's number, the count of
/// uses (never the same twice) and the frame's own offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seed {
    bytes: [u8; 32],
}

impl Seed {
    pub(super) fn new(uuid: [u8; 16], number: u64, begun: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&uuid);
        bytes[16..24].copy_from_slice(&number.to_le_bytes());
        bytes[24..].copy_from_slice(&begun.to_le_bytes());
        Self { bytes }
    }

    /// The checksum of what lies at `offset` of the segment.
    pub(super) fn checksum(&self, offset: u64, bytes: &[u8]) -> u32 {
        let mut place = [0; 40];
        place[..32].copy_from_slice(&self.bytes);
        place[32..].copy_from_slice(&offset.to_le_bytes());
        crc32c(bytes) ^ crc32c(&place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_polynomial_is_castagnolis() {
        // The check value that RFC 3720 and the catalogues of CRCs give.
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn a_checksum_is_bound_to_journal_segment_use_and_offset() {
        let here = Seed::new([1; 16], 2, 3).checksum(4, b"frame");
        assert_ne!(here, Seed::new([9; 16], 2, 3).checksum(4, b"frame"));
        assert_ne!(here, Seed::new([1; 16], 9, 3).checksum(4, b"frame"));
        assert_ne!(here, Seed::new([1; 16], 2, 9).checksum(4, b"frame"));
        assert_ne!(here, Seed::new([1; 16], 2, 3).checksum(12, b"frame"));
    }
}

//! The seed that binds the checksum of a frame to its place.

use crate::checksum::crc32c;

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
    fn a_checksum_is_bound_to_journal_segment_use_and_offset() {
        let here = Seed::new([1; 16], 2, 3).checksum(4, b"frame");
        assert_ne!(here, Seed::new([9; 16], 2, 3).checksum(4, b"frame"));
        assert_ne!(here, Seed::new([1; 16], 9, 3).checksum(4, b"frame"));
        assert_ne!(here, Seed::new([1; 16], 2, 9).checksum(4, b"frame"));
        assert_ne!(here, Seed::new([1; 16], 2, 3).checksum(12, b"frame"));
    }
}

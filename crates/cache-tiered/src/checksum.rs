//! CRC-32C, which finds damage in files, and how it is bound to a place. It is no authentication: who can write a file can forge it.

/// CRC-32C (Castagnoli) of `bytes`.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// What checksums in one use of one part of a file depend on beside the bytes they are of.
///
/// Room is used again, so behind what was written in this use lies what was written in earlier ones,
/// each piece of it whole. None may pass for a piece of this use: what is stored is a checksum
/// under a mask made of whose file it is, the number of the part, the count of uses (never the same
/// twice) and the piece's own offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seed {
    bytes: [u8; 32],
}

impl Seed {
    pub(crate) fn new(uuid: [u8; 16], number: u64, begun: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&uuid);
        bytes[16..24].copy_from_slice(&number.to_le_bytes());
        bytes[24..].copy_from_slice(&begun.to_le_bytes());
        Self { bytes }
    }

    /// The checksum of what lies at `offset` of the part.
    pub(crate) fn checksum(&self, offset: u64, bytes: &[u8]) -> u32 {
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
    fn a_checksum_is_bound_to_owner_part_use_and_offset() {
        let here = Seed::new([1; 16], 2, 3).checksum(4, b"frame");
        assert_ne!(here, Seed::new([9; 16], 2, 3).checksum(4, b"frame"));
        assert_ne!(here, Seed::new([1; 16], 9, 3).checksum(4, b"frame"));
        assert_ne!(here, Seed::new([1; 16], 2, 9).checksum(4, b"frame"));
        assert_ne!(here, Seed::new([1; 16], 2, 3).checksum(12, b"frame"));
    }
}

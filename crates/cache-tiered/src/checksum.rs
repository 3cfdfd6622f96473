//! CRC-32C, which finds damage in files, and how it is bound to a place. It is no authentication: who can write a file can forge it.

/// CRC-32C (Castagnoli) of `bytes`.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// Bytes of a piece that is bound to its place together with that, at most.
#[cfg(feature = "disk")]
pub(crate) const PIECE_BYTES_MAX: usize = 28;

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

    /// The checksum of a short piece at `offset` of the part: that of the place and the piece as one message. As CRCs are
    /// linear, a [`checksum`](Self::checksum) does not notice that use and piece both differ, by the same bits at the same
    /// distance from their ends: what an earlier use left would pass after one flipped bit.
    ///
    /// # Panics
    ///
    /// If the piece is longer than [`PIECE_BYTES_MAX`].
    #[cfg(feature = "disk")]
    pub(crate) fn piece(&self, offset: u64, piece: &[u8]) -> u32 {
        let mut message = [0; 40 + PIECE_BYTES_MAX];
        message[..32].copy_from_slice(&self.bytes);
        message[32..40].copy_from_slice(&offset.to_le_bytes());
        let end = 40 + piece.len();
        message[40..end].copy_from_slice(piece);
        crc32c(&message[..end])
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

    /// A piece of another use, and a bit of it flipped: up to five bits that differ are always noticed.
    #[cfg(feature = "disk")]
    #[test]
    fn a_piece_of_another_use_does_not_pass_for_a_flipped_bit() {
        let piece = [0x5a; PIECE_BYTES_MAX];
        for other in [0, 1, 3 ^ 1, 3 ^ 4, 3 ^ 0x10, 3 ^ 0x4000, 3 ^ 5, 3 ^ 7] {
            let stored = Seed::new([1; 16], 2, other).piece(4, &piece);
            for bit in 0..PIECE_BYTES_MAX * 8 {
                let mut flipped = piece;
                flipped[bit / 8] ^= 1 << (bit % 8);
                let here = Seed::new([1; 16], 2, 3).piece(4, &flipped);
                assert_ne!(here, stored, "use {other}, bit {bit}");
            }
        }
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

//! CRC-32C, which finds damage in files, and how it is bound to a place. It is no authentication: who can write a file can forge it.

use crc_fast::{CrcAlgorithm, Digest};

/// CRC-32C (Castagnoli) of `bytes`.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// What checksums in one use of one part of a file depend on beside the bytes they are of.
///
/// Room is used again, so behind what was written in this use lies what was written in earlier ones,
/// each piece of it whole. None may pass for a piece of this use: what is stored is the checksum of a message
/// that begins with whose file it is, the number of the part, the count of uses (never the same twice) and the
/// piece's own offset, and goes on with the piece.
///
/// Place and piece have to be one message. CRCs are linear: were the checksums of the two combined by XOR, one would not
/// notice that use and piece both differ by the same bits at the same distance from their ends, and what an
/// earlier use left would pass after one flipped bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seed {
    /// Of the CRC, behind all of the place but the offset.
    state: u64,
}

impl Seed {
    pub(crate) fn new(uuid: [u8; 16], number: u64, begun: u64) -> Self {
        let mut place = [0; 32];
        place[..16].copy_from_slice(&uuid);
        place[16..24].copy_from_slice(&number.to_le_bytes());
        place[24..].copy_from_slice(&begun.to_le_bytes());
        let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
        digest.update(&place);
        Self {
            state: digest.get_state(),
        }
    }

    /// The checksum of what lies at `offset` of the part.
    pub(crate) fn checksum(&self, offset: u64, bytes: &[u8]) -> u32 {
        let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc32Iscsi, self.state);
        digest.update(&offset.to_le_bytes());
        digest.update(bytes);
        // A CRC of 32 bits, in a type that has room for longer ones.
        digest.finalize() as u32
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
    #[test]
    fn a_piece_of_another_use_does_not_pass_for_a_flipped_bit() {
        let piece = [0x5a; 96];
        for other in [0, 1, 3 ^ 1, 3 ^ 4, 3 ^ 0x10, 3 ^ 0x4000, 3 ^ 5, 3 ^ 7] {
            let stored = Seed::new([1; 16], 2, other).checksum(4, &piece);
            for bit in 0..piece.len() * 8 {
                let mut flipped = piece;
                flipped[bit / 8] ^= 1 << (bit % 8);
                let here = Seed::new([1; 16], 2, 3).checksum(4, &flipped);
                assert_ne!(here, stored, "use {other}, bit {bit}");
            }
        }
    }

    #[test]
    fn place_and_piece_are_one_message() {
        let message = [
            &[7; 16][..],
            &2_u64.to_le_bytes(),
            &3_u64.to_le_bytes(),
            &4_u64.to_le_bytes(),
            b"piece",
        ];
        let seed = Seed::new([7; 16], 2, 3);
        assert_eq!(seed.checksum(4, b"piece"), crc32c(&message.concat()));
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

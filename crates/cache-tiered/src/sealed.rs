//! The block that a file begins with: magic, version, content, checksum.

use crate::checksum::crc32c;
use crate::little_endian::u32_at;

/// Why bytes are not the block they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// They do not begin as such a file does.
    Foreign,
    /// They are of another version of the format.
    Version(u32),
    /// They are such a block, and damaged.
    Damaged(&'static str),
}

/// What the blocks of one kind have in common: eight bytes of magic at 0, four of version at 8,
/// and a checksum in the last four.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) magic: [u8; 8],
    pub(crate) version: u32,
}

/// Where the content of a block begins.
pub(crate) const CONTENT: usize = 12;

impl Kind {
    /// A block of zeros, but for magic and version.
    pub(crate) fn begin<const BYTES: usize>(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(&self.magic);
        bytes[8..CONTENT].copy_from_slice(&self.version.to_le_bytes());
        bytes
    }

    /// The block of these bytes, of which there may be more. Magic is looked at first, then the
    /// version, then the checksum: another version may have another checksum.
    pub(crate) fn check<'a, const BYTES: usize>(
        &self,
        bytes: &'a [u8],
    ) -> Result<&'a [u8; BYTES], Fault> {
        if bytes.first_chunk() != Some(&self.magic) {
            return Err(Fault::Foreign);
        }
        match bytes.get(8..CONTENT).map(|version| u32_at(version, 0)) {
            // There is no version 0: the block was never written to its end.
            None | Some(0) => return Err(Fault::Damaged("the file is cut short")),
            Some(version) if version != self.version => return Err(Fault::Version(version)),
            Some(_) => {}
        }
        let Some(block) = bytes.first_chunk::<BYTES>() else {
            return Err(Fault::Damaged("the file is cut short"));
        };
        if u32_at(block, BYTES - 4) != crc32c(&block[..BYTES - 4]) {
            return Err(Fault::Damaged("a checksum does not match"));
        }
        Ok(block)
    }
}

/// Writes the checksum of a block into its last four bytes.
pub(crate) fn seal(bytes: &mut [u8]) {
    let (content, checksum) = bytes.split_at_mut(bytes.len() - 4);
    checksum.copy_from_slice(&crc32c(content).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind {
        magic: *b"STRATATT",
        version: 7,
    };

    fn block() -> [u8; 32] {
        let mut bytes = KIND.begin();
        bytes[20] = 5;
        seal(&mut bytes);
        bytes
    }

    #[test]
    fn a_sealed_block_is_sound_and_no_other() {
        let sound = block();
        assert_eq!(KIND.check(&sound), Ok(&sound));
        for bit in 0..32 * 8 {
            let mut flipped = sound;
            flipped[bit / 8] ^= 1 << (bit % 8);
            let fault = KIND.check::<32>(&flipped).unwrap_err();
            match bit / 8 {
                0..8 => assert_eq!(fault, Fault::Foreign),
                8..12 => assert!(matches!(fault, Fault::Version(_))),
                _ => assert!(matches!(fault, Fault::Damaged(_))),
            }
        }
        for length in 0..32 {
            let fault = KIND.check::<32>(&sound[..length]).unwrap_err();
            assert_eq!(fault == Fault::Foreign, length < 8);
        }
    }
}

//! The header of a segment, and the file that says whose journal it is.

use super::frame::NUMBERS_MAX;
use crate::checksum::Seed;
use crate::checksum::crc32c;
use crate::little_endian::{u32_at, u64_at};

/// The version of the format that this code writes, and the only one it reads.
pub(super) const VERSION: u32 = 2;
/// Bytes of a segment's header. It lies within one sector, so a loss of power leaves the old one or the new one; a process
/// that dies may leave something of both.
pub(super) const SEGMENT_HEADER: usize = 128;
/// Bytes of a segment at most.
pub(super) const SEGMENT_BYTES_MAX: u64 = 1 << 30;
/// Bytes of the identity.
pub(super) const IDENTITY: usize = 64;

const SEGMENT_MAGIC: [u8; 8] = *b"STRATAWS";
const IDENTITY_MAGIC: [u8; 8] = *b"STRATAWJ";

/// Why a header is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// It is one, of another version of the format.
    Version(u32),
    /// It is damaged, or no header.
    Damaged(&'static str),
}

/// What the first bytes of a segment say of this use of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    /// The journal it belongs to.
    pub(super) uuid: [u8; 16],
    /// Its place among the segments.
    pub(super) number: u64,
    /// Which beginning of a segment this was, of all that the journal tried: never used twice.
    pub(super) begun: u64,
    /// No frame of it has a lower sequence.
    pub(super) first_sequence: u64,
    /// The oldest segment that was needed when this one began; older ones are given up.
    pub(super) oldest: u64,
    /// Where the segment before this one ends. What lies there beyond was never acknowledged.
    pub(super) previous_tail: u64,
    /// The highest stamp before this segment.
    pub(super) stamp_high: u64,
    /// Bytes of the file.
    pub(super) segment_bytes: u64,
    /// Groups begin at multiples of it.
    pub(super) group_align: u32,
    /// Each group was synced before it was acknowledged.
    pub(super) synced: bool,
    /// Which run of the machine wrote it.
    pub(super) boot: [u8; 16],
}

impl SegmentHeader {
    pub(super) fn seed(&self) -> Seed {
        Seed::new(self.uuid, self.number, self.begun)
    }

    /// Where the first group begins.
    pub(super) fn first_offset(&self) -> u64 {
        first_offset(u64::from(self.group_align))
    }

    pub(super) fn encode(&self) -> [u8; SEGMENT_HEADER] {
        let mut bytes = [0; SEGMENT_HEADER];
        bytes[..8].copy_from_slice(&SEGMENT_MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.group_align.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.uuid);
        let numbers = [
            self.number,
            self.begun,
            self.first_sequence,
            self.oldest,
            self.previous_tail,
            self.stamp_high,
            self.segment_bytes,
        ];
        for (field, number) in bytes[32..].chunks_exact_mut(8).zip(numbers) {
            field.copy_from_slice(&number.to_le_bytes());
        }
        bytes[88..104].copy_from_slice(&self.boot);
        bytes[104] = u8::from(self.synced);
        seal(&mut bytes);
        bytes
    }

    /// The header in `bytes`; never panics.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let Some(bytes) = bytes.first_chunk::<SEGMENT_HEADER>() else {
            return Err(HeaderFault::Damaged("the file is shorter than its header"));
        };
        check(bytes, SEGMENT_MAGIC)?;
        let header = Self {
            group_align: u32_at(bytes, 12),
            uuid: uuid_at(bytes, 16),
            number: u64_at(bytes, 32),
            begun: u64_at(bytes, 40),
            first_sequence: u64_at(bytes, 48),
            oldest: u64_at(bytes, 56),
            previous_tail: u64_at(bytes, 64),
            stamp_high: u64_at(bytes, 72),
            segment_bytes: u64_at(bytes, 80),
            boot: uuid_at(bytes, 88),
            synced: bytes[104] == 1,
        };
        let align = u64::from(header.group_align);
        let sound = align.is_power_of_two()
            && (8..=1 << 20).contains(&align)
            && header.oldest <= header.number
            && [header.number, header.begun, header.first_sequence]
                .iter()
                .all(|number| (1..NUMBERS_MAX).contains(number))
            && header.segment_bytes <= SEGMENT_BYTES_MAX
            && header.first_offset() < header.segment_bytes
            && header.segment_bytes.is_multiple_of(align);
        if sound {
            Ok(header)
        } else {
            Err(HeaderFault::Damaged(
                "its header says what no journal writes",
            ))
        }
    }
}

/// Where the first group of a segment begins.
pub(super) fn first_offset(group_align: u64) -> u64 {
    (SEGMENT_HEADER as u64).next_multiple_of(group_align)
}

/// Whether `bytes` begin as every header of journal `uuid` does, whatever has become of the rest.
pub(super) fn is_remainder(bytes: &[u8], uuid: [u8; 16]) -> bool {
    bytes.len() >= SEGMENT_HEADER
        && bytes[..8] == SEGMENT_MAGIC
        && u32_at(bytes, 8) == VERSION
        && uuid_at(bytes, 16) == uuid
}

/// Which beginning of a segment the header in `bytes` says it is, sound or not.
pub(super) fn begun_at(bytes: &[u8]) -> u64 {
    u64_at(bytes, 40)
}

/// Whether `bytes` are the beginning of an identity that was never written to its end.
pub(super) fn is_unfinished_identity(bytes: &[u8]) -> bool {
    if bytes.len() >= IDENTITY {
        return false;
    }
    let mut whole = encode_identity([0; 16]);
    // Any uuid will do.
    if let Some(uuid) = bytes.get(16..) {
        let known = uuid.len().min(16);
        whole[16..16 + known].copy_from_slice(&uuid[..known]);
    }
    // What is left of the checksum says nothing.
    let told = bytes.len().min(IDENTITY - 4);
    bytes[..told] == whole[..told]
}

/// The bytes of the identity of journal `uuid`.
pub(super) fn encode_identity(uuid: [u8; 16]) -> [u8; IDENTITY] {
    let mut bytes = [0; IDENTITY];
    bytes[..8].copy_from_slice(&IDENTITY_MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[16..32].copy_from_slice(&uuid);
    seal(&mut bytes);
    bytes
}

/// Which journal `bytes` are the identity of; never panics.
pub(super) fn parse_identity(bytes: &[u8]) -> Result<[u8; 16], HeaderFault> {
    let Some(bytes) = bytes.first_chunk::<IDENTITY>() else {
        return Err(HeaderFault::Damaged("the file is cut short"));
    };
    check(bytes, IDENTITY_MAGIC)?;
    Ok(uuid_at(bytes, 16))
}

/// Writes the checksum into the last four bytes.
fn seal(bytes: &mut [u8]) {
    let (content, checksum) = bytes.split_at_mut(bytes.len() - 4);
    checksum.copy_from_slice(&crc32c(content).to_le_bytes());
}

/// Magic, then version, then checksum: another version may have another checksum.
fn check(bytes: &[u8], magic: [u8; 8]) -> Result<(), HeaderFault> {
    if bytes[..8] != magic {
        return Err(HeaderFault::Damaged(
            "it does not begin as a file of a journal",
        ));
    }
    let sealed = u32_at(bytes, bytes.len() - 4) == crc32c(&bytes[..bytes.len() - 4]);
    match u32_at(bytes, 8) {
        VERSION if sealed => Ok(()),
        VERSION => Err(HeaderFault::Damaged(
            "the checksum of its header does not match",
        )),
        version => Err(HeaderFault::Version(version)),
    }
}

fn uuid_at(bytes: &[u8], at: usize) -> [u8; 16] {
    bytes[at..at + 16].try_into().expect("sixteen bytes")
}

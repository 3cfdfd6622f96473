//! The bytes of a snapshot. All parsers take any bytes, never panic, and allocate nothing.
//!
//! ```text
//!  header  | magic 8 | version 4 | kind 4 | id 16 | taken 8 | entries 8 | zeros 12 | crc 4 |   64 bytes
//!  block   | crc 4 | length 4 | entries 4 | zeros 4 | entry entry ...                      |   16 bytes and `length`
//!  entry   | key length 4 | value length 4 | left 8 | key | value                          |
//! ```

use crate::checksum::crc32c;
use crate::little_endian::{u32_at, u64_at};
use std::time::{SystemTime, UNIX_EPOCH};

/// The version that this code writes, and the only one that it reads.
pub(super) const VERSION: u32 = 1;
/// Bytes of the header.
pub(super) const HEADER: usize = 64;
/// Bytes before the entries of a block.
pub(super) const BLOCK_HEADER: usize = 16;
/// Bytes before the key of an entry.
pub(super) const ENTRY_HEADER: usize = 16;
/// A block is closed once its entries have so many bytes.
pub(super) const BLOCK_BYTES: usize = 256 << 10;
/// Bytes of a block's entries at most: one more entry than fills it.
pub(super) const BLOCK_BYTES_MAX: usize = BLOCK_BYTES + (1 << 30);

const MAGIC: [u8; 8] = *b"STRATASN";

/// What the entries of a snapshot have beside their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    /// Keys and values.
    Entries = 1,
    /// Keys alone: the values are loaded anew.
    Keys = 2,
}

/// Why bytes are no header or no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It does not begin as a snapshot does.
    Foreign,
    /// A snapshot of another version of the format.
    Version(u32),
    /// It is one, and damaged.
    Damaged(&'static str),
}

/// The first bytes of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    /// Different in every snapshot: the blocks of another are not taken for this one's.
    pub(super) id: [u8; 16],
    /// Milliseconds since 1970 when it was taken.
    pub(super) taken: u64,
    pub(super) entries: u64,
}

impl Header {
    pub(super) fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&(self.kind as u32).to_le_bytes());
        bytes[16..32].copy_from_slice(&self.id);
        bytes[32..40].copy_from_slice(&self.taken.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.entries.to_le_bytes());
        let checksum = crc32c(&bytes[..HEADER - 4]);
        bytes[HEADER - 4..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Magic, then version, then checksum: another version may have another checksum.
    pub(super) fn parse(bytes: &[u8; HEADER]) -> Result<Self, Fault> {
        if bytes[..8] != MAGIC {
            return Err(Fault::Foreign);
        }
        let version = u32_at(bytes, 8);
        if version != VERSION {
            return Err(Fault::Version(version));
        }
        if u32_at(bytes, HEADER - 4) != crc32c(&bytes[..HEADER - 4]) {
            return Err(Fault::Damaged("the checksum of its header does not match"));
        }
        let kind = match u32_at(bytes, 12) {
            1 => Kind::Entries,
            2 => Kind::Keys,
            _ => return Err(Fault::Damaged("its entries are of no kind that there is")),
        };
        Ok(Self {
            kind,
            id: bytes[16..32].try_into().expect("sixteen bytes"),
            taken: u64_at(bytes, 32),
            entries: u64_at(bytes, 40),
        })
    }
}

/// The header of a block: how many bytes follow, and what they must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockHeader {
    checksum: u32,
    pub(super) length: usize,
    pub(super) entries: u32,
}

impl BlockHeader {
    /// That of block `number`, of these entries.
    pub(super) fn encode(
        id: [u8; 16],
        number: u64,
        entries: u32,
        body: &[u8],
    ) -> [u8; BLOCK_HEADER] {
        let mut bytes = [0; BLOCK_HEADER];
        let length = u32::try_from(body.len()).expect("no more than a block has");
        bytes[4..8].copy_from_slice(&length.to_le_bytes());
        bytes[8..12].copy_from_slice(&entries.to_le_bytes());
        let checksum = checksum(id, number, &bytes, body);
        bytes[..4].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// What the bytes say, which is believed only of a block that [`is_whole`](Self::is_whole).
    pub(super) fn parse(bytes: &[u8; BLOCK_HEADER]) -> Self {
        Self {
            checksum: u32_at(bytes, 0),
            length: u32_at(bytes, 4) as usize,
            entries: u32_at(bytes, 8),
        }
    }

    /// Whether `body` is the block's, and the block number `number` of this snapshot.
    pub(super) fn is_whole(
        &self,
        header: &[u8; BLOCK_HEADER],
        id: [u8; 16],
        number: u64,
        body: &[u8],
    ) -> bool {
        self.checksum == checksum(id, number, header, body)
    }
}

/// The checksum of a block: of its place, of its header behind the checksum, and of its entries.
fn checksum(id: [u8; 16], number: u64, header: &[u8; BLOCK_HEADER], body: &[u8]) -> u32 {
    let mut place = [0; 36 + 4];
    place[..16].copy_from_slice(&id);
    place[16..24].copy_from_slice(&number.to_le_bytes());
    place[24..36].copy_from_slice(&header[4..]);
    place[36..].copy_from_slice(&crc32c(body).to_le_bytes());
    crc32c(&place)
}

/// Milliseconds since 1970. A clock that stands before that stands at 0.
pub(crate) fn milliseconds_of(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// One entry, as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
    /// Milliseconds that it had to live when the snapshot was taken; `u64::MAX` is for ever.
    pub(crate) left: u64,
}

impl<'a> Entry<'a> {
    /// Bytes that it takes.
    pub(super) const fn bytes(&self) -> usize {
        ENTRY_HEADER + self.key.len() + self.value.len()
    }

    /// Adds it to the entries of a block.
    pub(super) fn encode(&self, body: &mut Vec<u8>) {
        for part in [self.key, self.value] {
            let length = u32::try_from(part.len()).expect("no more than a block has");
            body.extend_from_slice(&length.to_le_bytes());
        }
        body.extend_from_slice(&self.left.to_le_bytes());
        body.extend_from_slice(self.key);
        body.extend_from_slice(self.value);
    }

    /// The first entry in `bytes`, and what follows it; none if they end before it does.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (header, rest) = bytes.split_at_checked(ENTRY_HEADER)?;
        let (key, rest) = rest.split_at_checked(u32_at(header, 0) as usize)?;
        let (value, rest) = rest.split_at_checked(u32_at(header, 4) as usize)?;
        let left = u64_at(header, 8);
        Some((Self { key, value, left }, rest))
    }
}

//! Tiers to be crafted, with checksums that match: whatever else is wrong with them an opening has to find.

use crate::checksum::{Seed, crc32c};
use crate::disk::fences::name;
use crate::disk::format::{
    BATCH_ALIGN, ENTRY_HEADER, FENCE_BYTES, FENCES_HEADER, FOOTER_RECORD, FOOTER_TRAILER, Fence,
    FenceKind, FencesHeader, Footer, FooterRecord, RegionHeader, Superblock,
};
use crate::disk::hash;

/// Which tier and which run of the machine crafted files belong to.
pub(super) const UUID: [u8; 16] = [0x5a; 16];
const BOOT: [u8; 16] = [1; 16];

pub(super) const REGION_BYTES: u64 = 16 << 10;
pub(super) const REGIONS: u32 = 4;
/// Keys that crafted entries have.
pub(super) const KEYS: u8 = 16;
/// An entry to be crafted, with checksums that match. Its value says its key and its stamp.
#[derive(Debug)]
pub struct CraftedEntry {
    /// Which of the keys.
    pub key: u8,
    /// Its stamp.
    pub stamp: u16,
    /// Milliseconds since 1970; 0 is never.
    pub expiry: u16,
    /// What it says of its compression.
    pub compression: u8,
    /// Eights of bytes for its tags.
    pub tags: Vec<u64>,
}

/// A footer to be crafted, with checksums that match.
#[derive(Debug)]
pub struct CraftedFooter {
    /// How many of the entries it leaves out.
    pub without: u8,
    /// Further records: key, stamp, offset and bytes.
    pub more: Vec<(u8, u16, u16, u16)>,
}

/// A region to be crafted.
#[derive(Debug)]
pub struct CraftedRegion {
    /// Which one it says to be, if not the one that it is.
    pub number: Option<u8>,
    /// Its ordinal.
    pub ordinal: u8,
    /// What is in it.
    pub batches: Vec<Vec<CraftedEntry>>,
    /// What it ends with.
    pub footer: Option<CraftedFooter>,
}

/// A file of fences to be crafted.
#[derive(Debug)]
pub struct CraftedFences {
    /// The number in its name.
    pub number: u8,
    /// The number that it says, if another.
    pub says: Option<u8>,
    /// The last region when it was begun.
    pub ordinal: u8,
    /// Kind, key and stamp of each.
    pub fences: Vec<(u8, u8, u16)>,
    /// Bytes of the file, if not so many that one more fits.
    pub bytes: Option<u32>,
}

/// A tier to be crafted.
#[derive(Debug)]
pub struct CraftedTier {
    /// It says that it was closed.
    pub closed: bool,
    /// The epochs of both superblocks.
    pub epochs: (u8, u8),
    /// How many regions it says to have, if not as many as it has.
    pub regions_say: Option<u32>,
    /// No ordinal above it was ever given.
    pub ordinal_high: u8,
    /// The last file of fences, and where its fences end, if it does not say what is there.
    pub fences_say: Option<(u8, u16)>,
    /// Its regions, as many as count.
    pub regions: Vec<CraftedRegion>,
    /// Its files of fences.
    pub fences: Vec<CraftedFences>,
}

/// A file: its name and its bytes.
pub type File = (String, Vec<u8>);

pub(super) fn key(number: u8) -> Vec<u8> {
    format!("key {}", number % KEYS).into_bytes()
}

pub(super) fn value(number: u8, stamp: u64) -> Vec<u8> {
    format!("{} since {stamp}", number % KEYS).into_bytes()
}

impl CraftedEntry {
    /// Adds the entry to a region; what a footer says of it.
    fn encode(&self, seed: &Seed, out: &mut Vec<u8>) -> FooterRecord {
        let offset = out.len() as u64;
        let (key, value) = (key(self.key), value(self.key, self.stamp.into()));
        let tags: Vec<u8> = self.tags.iter().flat_map(|tag| tag.to_le_bytes()).collect();
        let tags = &tags[..tags.len().min(8 * 255)];
        let body = [&key[..], tags, &value].concat();
        let mut header = [0; ENTRY_HEADER];
        header[4..8].copy_from_slice(&crc32c(&body).to_le_bytes());
        header[8..10].copy_from_slice(&(key.len() as u16).to_le_bytes());
        header[10] = (tags.len() / 8) as u8;
        header[11] = self.compression;
        header[12..16].copy_from_slice(&(value.len() as u32).to_le_bytes());
        header[16..24].copy_from_slice(&u64::from(self.stamp).to_le_bytes());
        header[24..].copy_from_slice(&u64::from(self.expiry).to_le_bytes());
        out.extend(bound(&header, seed, offset));
        out.extend(body);
        out.resize(out.len().next_multiple_of(8), 0);
        FooterRecord {
            hash: hash(UUID, &key),
            stamp: self.stamp.into(),
            offset: offset as u32,
            bytes: (out.len() as u64 - offset) as u32,
        }
    }
}

impl CraftedRegion {
    fn bytes(&self, region: u32) -> Vec<u8> {
        let header = RegionHeader {
            uuid: UUID,
            region: self.number.map_or(region, u32::from),
            ordinal: self.ordinal.into(),
        };
        let seed = Seed::new(UUID, region.into(), header.ordinal);
        let mut bytes = header.encode().to_vec();
        let mut records = Vec::new();
        for (number, batch) in self.batches.iter().enumerate() {
            if number > 0 {
                bytes.resize(bytes.len().next_multiple_of(BATCH_ALIGN as usize), 0);
            }
            records.extend(batch.iter().map(|entry| entry.encode(&seed, &mut bytes)));
        }
        bytes.resize(REGION_BYTES as usize, 0);
        let Some(crafted) = &self.footer else {
            return bytes;
        };
        let kept = records.len().saturating_sub(crafted.without.into());
        records.truncate(kept);
        records.extend(crafted.more.iter().map(|record| FooterRecord {
            hash: hash(UUID, &key(record.0)),
            stamp: record.1.into(),
            offset: record.2.into(),
            bytes: record.3.into(),
        }));
        records.truncate((REGION_BYTES as usize - FOOTER_TRAILER) / FOOTER_RECORD);
        let mut footer = Vec::new();
        let at = Footer { records }.encode(REGION_BYTES, &seed, &mut footer);
        bytes[at as usize..].copy_from_slice(&footer);
        bytes
    }
}

impl CraftedFences {
    /// Where its fences end.
    fn end(&self) -> usize {
        FENCES_HEADER + self.fences.len() * FENCE_BYTES
    }

    fn file(&self) -> File {
        let length = self.end();
        let header = FencesHeader {
            uuid: UUID,
            file_bytes: self.bytes.unwrap_or((length + FENCE_BYTES) as u32),
            number: self.says.unwrap_or(self.number).into(),
            ordinal: self.ordinal.into(),
        };
        let seed = Seed::new(UUID, header.number, header.ordinal);
        let mut bytes = header.encode().to_vec();
        for &(kind, number, stamp) in &self.fences {
            let (kind, hash) = match kind % 3 {
                0 => (FenceKind::Key, hash(UUID, &key(number))),
                1 => (FenceKind::Tag, number.into()),
                _ => (FenceKind::All, 0),
            };
            let stamp = stamp.into();
            let fence = Fence { kind, hash, stamp };
            bytes.extend(fence.encode(&seed, bytes.len() as u64));
        }
        bytes.resize(header.file_bytes.clamp(length as u32, 4 << 10) as usize, 0);
        (name(self.number.into()), bytes)
    }
}

impl CraftedTier {
    /// The bytes of its files.
    #[must_use]
    pub fn files(&self) -> Vec<File> {
        let last = self.fences.last();
        let end = last.map_or(0, |last| if self.closed { last.end() } else { 0 });
        let fences = match self.fences_say {
            Some((number, end)) => (number.into(), end.into()),
            None => (last.map_or(0, |last| last.number.into()), end as u64),
        };
        let superblock = |epoch: u8| Superblock {
            uuid: UUID,
            epoch: epoch.into(),
            codec: 1,
            region_bytes: REGION_BYTES as u32,
            regions: self.regions_say.unwrap_or(REGIONS),
            stamp_high: 1 << 20,
            ordinal_high: self.ordinal_high.into(),
            boot: BOOT,
            closed: self.closed,
            fences,
        };
        let mut superblocks = superblock(self.epochs.0).encode().to_vec();
        superblocks.resize(4096, 0);
        superblocks.extend(superblock(self.epochs.1).encode());
        superblocks.resize(8192, 0);
        let regions = (0..REGIONS).zip(&self.regions);
        let regions = regions.flat_map(|(number, region)| region.bytes(number));
        let mut files = vec![
            ("superblocks".to_owned(), superblocks),
            ("regions".to_owned(), regions.collect()),
        ];
        files.extend(self.fences.iter().map(CraftedFences::file));
        files
    }
}

/// These bytes with the checksum of their place in the first four.
pub(super) fn bound(bytes: &[u8], seed: &Seed, offset: u64) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let checksum = seed.checksum(offset, &bytes[4..]);
    bytes[..4].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

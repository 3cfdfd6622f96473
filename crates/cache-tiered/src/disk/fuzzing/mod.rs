//! The way in for the fuzz targets: the parsers, and an opening over crafted files. Only there with
//! `cfg(fuzzing)`, which cargo-fuzz sets; no part of what the crate offers.

mod craft;

pub use self::craft::{
    CraftedEntry, CraftedFences, CraftedFooter, CraftedRegion, CraftedTier, File,
};

use self::craft::{KEYS, REGION_BYTES, REGIONS, UUID, bound, key, value};
use super::format::{
    ENTRY_HEADER, EntryHeader, FENCE_BYTES, FENCES_HEADER, FOOTER_RECORD, Fence, FencesHeader,
    Footer, FooterRecord, REGION_HEADER, RegionHeader, SUPERBLOCK, Superblock,
};
use super::{Disk, Options, Surroundings};
use crate::ManualClock;
use crate::checksum::{Seed, crc32c};
use crate::device::simulated::Simulated;
use crate::little_endian::{u32_at, u64_at};
use crate::sealed::seal;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Milliseconds since 1970 when crafted tiers are opened.
const NOW: u64 = 1_000;

/// Parses `bytes` as the first block of any file, as they are and with a checksum that matches.
///
/// # Panics
///
/// If a sound block does not say the same when it is written again.
pub fn parse_block(bytes: &[u8]) {
    let _any = (
        Superblock::parse(bytes),
        RegionHeader::parse(bytes),
        FencesHeader::parse(bytes),
    );
    let sealed = |length: usize| {
        let mut block = bytes.get(..length)?.to_vec();
        seal(&mut block);
        Some(block)
    };
    if let Some(Ok(block)) = sealed(SUPERBLOCK).map(|block| Superblock::parse(&block)) {
        assert_eq!(Superblock::parse(&block.encode()), Ok(block));
    }
    if let Some(Ok(header)) = sealed(REGION_HEADER).map(|block| RegionHeader::parse(&block)) {
        assert_eq!(RegionHeader::parse(&header.encode()), Ok(header));
    }
    if let Some(Ok(header)) = sealed(FENCES_HEADER).map(|block| FencesHeader::parse(&block)) {
        assert_eq!(FencesHeader::parse(&header.encode()), Ok(header));
    }
}

/// Parses `bytes` as an entry, a fence and a footer, as they are and with checksums that match.
///
/// # Panics
///
/// If what is found lies beyond the bytes, or passes elsewhere too.
pub fn parse_piece(bytes: &[u8], offset: u64) {
    let seed = Seed::new(UUID, 1, 1);
    parse_entry(bytes, &seed, offset);
    let _any = (
        Fence::parse(bytes, &seed, offset),
        Footer::parse(bytes, REGION_BYTES, &seed),
    );
    if let Some(fence) = bytes.get(..FENCE_BYTES) {
        let fence = bound(fence, &seed, offset);
        if let Some(found) = Fence::parse(&fence, &seed, offset) {
            let again = found.encode(&seed, offset);
            assert_eq!(Fence::parse(&again, &seed, offset), Some(found));
            assert_eq!(Fence::parse(&again, &seed, offset ^ 32), None);
        }
    }
    let records: Vec<FooterRecord> = bytes.chunks_exact(FOOTER_RECORD).map(record).collect();
    let mut footer = Vec::new();
    let crafted = Footer { records };
    if Footer::bytes(crafted.records.len()) > REGION_BYTES {
        return;
    }
    let at = crafted.encode(REGION_BYTES, &seed, &mut footer);
    if let Some(found) = Footer::parse(&footer, REGION_BYTES, &seed) {
        assert_eq!(found, crafted);
        let inside =
            |record: &FooterRecord| u64::from(record.offset) + u64::from(record.bytes) <= at;
        assert!(found.records.iter().all(inside));
    }
}

fn record(bytes: &[u8]) -> FooterRecord {
    FooterRecord {
        hash: u64_at(bytes, 0),
        stamp: u64_at(bytes, 8),
        offset: u32_at(bytes, 16),
        bytes: u32_at(bytes, 20),
    }
}

fn parse_entry(bytes: &[u8], seed: &Seed, offset: u64) {
    if let Some(header) = EntryHeader::parse(bytes, seed, offset) {
        let _any = header.parts(bytes);
    }
    let Some((header, rest)) = bytes.split_at_checked(ENTRY_HEADER) else {
        return;
    };
    let body = usize::from(u16::from_le_bytes([header[8], header[9]]))
        + usize::from(header[10]) * 8
        + u32_at(header, 12) as usize;
    let mut header = header.to_vec();
    if let Some(body) = rest.get(..body) {
        header[4..8].copy_from_slice(&crc32c(body).to_le_bytes());
    }
    let entry = [bound(&header, seed, offset), rest.to_vec()].concat();
    let Some(header) = EntryHeader::parse(&entry, seed, offset) else {
        return;
    };
    assert_eq!(EntryHeader::parse(&entry, seed, offset ^ 8), None);
    if let Some(parts) = header.parts(&entry) {
        let found = parts.key.len() + parts.tags.len() + parts.value.len();
        assert!(found == body && body <= rest.len());
    }
}

/// Opens a tier of these files, reads it, removes keys, closes it and opens it again; how many keys it had,
/// if it could be opened.
///
/// # Panics
///
/// If a value is answered that no entry has, or one that was removed.
#[must_use]
pub fn recover(files: &[File], durable: bool) -> Option<usize> {
    let device = Simulated::new(1);
    for (name, bytes) in files {
        device.put(name, bytes);
    }
    let disk = open(&device, durable)?;
    // Of a key that it does not have it notes no removal: files that contradict each other may bring it.
    let mut removed = check(&disk, &[]);
    let found = removed.len();
    removed.retain(|number| number.is_multiple_of(2));
    for &number in &removed {
        let hash = disk.hash(&key(number));
        let stamp = disk.next_stamp();
        disk.begin_mutation(hash, hash, stamp)
            .expect("the device takes fences");
        disk.end_mutation(hash);
    }
    let _left = check(&disk, &removed);
    let _report = disk.verify();
    let _left = check(&disk, &removed);
    disk.close().expect("the device is sound");
    drop(disk);
    let disk = open(&device.killed(), durable).expect("what it wrote itself");
    let _left = check(&disk, &removed);
    Some(found)
}

fn open(device: &Simulated, durable: bool) -> Option<Disk> {
    let options = Options {
        capacity: REGION_BYTES * u64::from(REGIONS),
        region_bytes: Some(REGION_BYTES),
        codec: 1,
        durable,
        batch_bytes: 2 << 10,
        buffer_bytes: 12 << 10,
        fence_file_bytes: 704,
        ..Options::DEFAULT
    };
    let surroundings = Surroundings {
        stamp: Arc::new(AtomicU64::new(0)),
        floors: Arc::default(),
        clock: Arc::new(ManualClock::new()),
        wall: NOW,
    };
    let opened = Disk::open(Box::new(device.clone()), &options, surroundings);
    opened.ok().map(|(disk, _)| disk)
}

/// The keys that are there, none of which was removed, and each with a value of its own.
fn check(disk: &Disk, removed: &[u8]) -> Vec<u8> {
    let is_there = |number: &u8| {
        let bytes = key(*number);
        let found = disk.read(disk.hash(&bytes), &bytes, |_, parts| {
            Some(parts.value.to_vec())
        });
        let Some(found) = found else {
            return false;
        };
        assert!(!removed.contains(number), "key {number} was removed");
        assert_eq!(found.taken, value(*number, found.stamp), "key {number}");
        true
    };
    (0..KEYS).filter(is_there).collect()
}

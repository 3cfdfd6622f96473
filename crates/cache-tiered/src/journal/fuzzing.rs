//! The way in for the fuzz targets: the parsers, and an opening over crafted files. Only there with
//! `cfg(fuzzing)`, which cargo-fuzz sets; no part of what the crate offers.

use super::frame::{FLAG_LAST, Frame, Kind};
use super::header::{SEGMENT_HEADER, SegmentHeader, encode_identity, parse_identity};
use super::{Change, Journal, JournalOptions, WhenFull};
use crate::checksum::{Seed, crc32c};
use crate::device::simulated::Simulated;
use crate::durability::Durability;
use std::sync::Arc;

/// Which journal and which run of the machine crafted files belong to.
const UUID: [u8; 16] = [0x5a; 16];
const BOOT: [u8; 16] = [1; 16];

/// Bytes of a segment of the journal that opens crafted files.
const SEGMENT_BYTES: u64 = 16 << 10;

/// Parses `bytes` as a frame, as they are and with a checksum that matches.
///
/// # Panics
///
/// If what is found lies beyond the bytes, or a sound frame is refused by another run.
pub fn parse_frame(bytes: &[u8], offset: u64) {
    let seed = Seed::new(UUID, 1, 1);
    let _any = Frame::parse(bytes, &seed, offset);
    let Some(length) = bytes
        .get(4..8)
        .map(|length| crate::little_endian::u32_at(length, 0))
    else {
        return;
    };
    let total = (length as usize).next_multiple_of(8);
    if total < 8 || total > bytes.len() {
        return;
    }
    let mut sealed = bytes.to_vec();
    let checksum = seed.checksum(offset, &sealed[4..total]);
    sealed[..4].copy_from_slice(&checksum.to_le_bytes());
    if let Ok(frame) = Frame::parse(&sealed, &seed, offset) {
        assert!(frame.bytes() as usize == total);
        let mut again = Vec::new();
        frame.encode(&seed, offset, &mut again);
        assert_eq!(Frame::parse(&again, &seed, offset), Ok(frame));
        assert!(Frame::parse(&again, &seed, offset + 8).is_err());
        if let Some(ranges) = super::frame::parse_ranges(frame.value) {
            assert!(ranges.count() == frame.value.len() / 16);
        }
    }
}

/// Parses `bytes` as the header of a segment and as an identity, as they are and with checksums that
/// match.
///
/// # Panics
///
/// If a sound header does not say the same when it is written again.
pub fn parse_header(bytes: &[u8]) {
    let _any = (SegmentHeader::parse(bytes), parse_identity(bytes));
    let Some(mut sealed) = bytes.first_chunk::<SEGMENT_HEADER>().copied() else {
        return;
    };
    let (content, checksum) = sealed.split_at_mut(SEGMENT_HEADER - 4);
    checksum.copy_from_slice(&crc32c(content).to_le_bytes());
    if let Ok(header) = SegmentHeader::parse(&sealed) {
        assert_eq!(SegmentHeader::parse(&header.encode()), Ok(header));
        assert!(header.first_offset() < header.segment_bytes);
    }
}

/// A frame to be crafted. What is left out is what a journal would write.
#[derive(Debug)]
pub struct CraftedFrame {
    /// 1 to 5; others are taken for 1.
    pub kind: u8,
    /// By how much its sequence is above the one before.
    pub step: u8,
    /// By how much its subject is below its sequence.
    pub back: u16,
    /// Its group, if not the one that is due.
    pub group: Option<u32>,
    /// The last of its group.
    pub is_last: bool,
    /// Further flags.
    pub flags: u8,
    /// Bytes of the key.
    pub key: u8,
    /// The value.
    pub value: Vec<u8>,
}

/// A segment to be crafted, with checksums that match.
#[derive(Debug)]
pub struct CraftedSegment {
    /// Its number, and which beginning it was.
    pub number: u16,
    /// Which beginning of a segment it was.
    pub begun: u16,
    /// By how much the oldest in use is below its number.
    pub back: u16,
    /// The first sequence.
    pub first_sequence: u32,
    /// Where the one before it ends.
    pub previous_tail: u32,
    /// In units of 4 KiB.
    pub blocks: u8,
    /// Groups have blocks of their own.
    pub is_synced: bool,
    /// Written in this run of the machine.
    pub is_of_this_boot: bool,
    /// What it holds.
    pub frames: Vec<CraftedFrame>,
    /// What follows.
    pub rest: Vec<u8>,
}

impl CraftedSegment {
    /// The bytes of the file.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let number = u64::from(self.number).max(1);
        let group_align = if self.is_synced { 4096 } else { 8 };
        let header = SegmentHeader {
            uuid: UUID,
            number,
            begun: u64::from(self.begun).max(1),
            first_sequence: u64::from(self.first_sequence).max(1),
            oldest: number.saturating_sub(u64::from(self.back)),
            previous_tail: u64::from(self.previous_tail),
            stamp_high: 7,
            segment_bytes: (1 + u64::from(self.blocks % 8)) * 4096,
            group_align,
            synced: self.is_synced,
            boot: if self.is_of_this_boot { BOOT } else { [9; 16] },
        };
        let mut bytes = header.encode().to_vec();
        bytes.resize(header.first_offset() as usize, 0);
        let mut sequence = header.first_sequence - 1;
        let mut group = 0;
        for frame in &self.frames {
            sequence += u64::from(frame.step);
            let flags = frame.flags | if frame.is_last { FLAG_LAST } else { 0 };
            let offset = bytes.len() as u64;
            let crafted = Frame {
                sequence,
                subject: sequence.saturating_sub(u64::from(frame.back)),
                stamp: sequence,
                group: frame.group.unwrap_or(group),
                kind: kind(frame.kind),
                flags,
                key: &vec![3; usize::from(frame.key)],
                value: &frame.value,
            };
            crafted.encode(&header.seed(), offset, &mut bytes);
            if frame.is_last {
                group += 1;
                bytes.resize(bytes.len().next_multiple_of(group_align as usize), 0);
            }
        }
        bytes.extend_from_slice(&self.rest);
        bytes.resize(bytes.len().max(header.segment_bytes as usize), 0);
        bytes
    }
}

fn kind(byte: u8) -> Kind {
    match byte {
        2 => Kind::Remove,
        3 => Kind::Settled,
        4 => Kind::Dead,
        5 => Kind::Revived,
        _ => Kind::Put,
    }
}

/// The identity of the journal that crafted segments belong to.
#[must_use]
pub fn identity() -> Vec<u8> {
    encode_identity(UUID).to_vec()
}

/// Files by their names, as a journal finds them.
#[derive(Debug)]
pub struct CraftedFiles(Simulated);

impl CraftedFiles {
    /// Puts the files on a device in memory.
    #[must_use]
    pub fn new(files: &[(String, Vec<u8>)]) -> Self {
        let device = Simulated::new(1);
        for (name, bytes) in files {
            device.put(name, bytes);
        }
        Self(device)
    }

    /// Opens the journal, uses it and opens it again; true if it could be opened.
    ///
    /// # Panics
    ///
    /// If records come out of order, or hold more bytes than the files.
    pub fn recover(self, is_synced: bool, salvage: bool) -> bool {
        let options = JournalOptions {
            segment_bytes: SEGMENT_BYTES,
            capacity_bytes: 8 * SEGMENT_BYTES,
            durability: if is_synced {
                Durability::Power
            } else {
                Durability::Process
            },
            when_full: WhenFull::Refuse,
            salvage,
            ..JournalOptions::default()
        };
        let files = self.0.names().into_iter();
        let bytes: usize = files.map(|name| self.0.bytes(&name).len()).sum();
        let Ok((journal, recovery)) = Journal::open_on(Arc::new(self.0.clone()), options.clone())
        else {
            return false;
        };
        let mut sum = 0;
        let mut last = 0;
        for record in &recovery.records {
            assert!(record.sequence > last && record.sequence <= recovery.sequence_high);
            last = record.sequence;
            let value = match &record.change {
                Change::Put(value) => value.len(),
                Change::Remove => 0,
            };
            sum += record.key.len() + value;
        }
        assert!(sum <= bytes, "more than the files hold");
        let letters = journal.dead_letters(0, usize::MAX).expect("they were read");
        assert_eq!(letters.len() as u64, recovery.dead);
        let change = Change::Put(vec![1; 100]);
        let appended = journal.append(recovery.stamp_high, b"key".to_vec(), change);
        let appended = appended.expect("it is small").wait();
        let sequences: Vec<u64> = recovery.records.iter().map(|one| one.sequence).collect();
        journal.settle(&sequences);
        let closed = journal.close();
        drop(journal);
        let opened = Journal::open_on(Arc::new(self.0.killed()), options);
        let (_, again) = opened.expect("what it wrote itself");
        if let (Ok(sequence), Ok(())) = (appended, closed) {
            let left: Vec<u64> = again.records.iter().map(|one| one.sequence).collect();
            assert_eq!(left, [sequence]);
        }
        true
    }
}

//! The way in for the fuzz target: any bytes, and crafted snapshots, given to the reader. Only there
//! with `cfg(fuzzing)`, which cargo-fuzz sets; no part of what the crate offers.

use super::format::{BlockHeader, Header};
use super::{Entry, Kind, SnapshotError, SnapshotReader};
use std::io::Cursor;
use std::path::Path;

/// What a reader found: entries, and whether the file is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Key, value and the rest of the life of each.
    pub entries: Vec<(Vec<u8>, Vec<u8>, u64)>,
    /// It was read to its end.
    pub whole: bool,
}

/// Reads bytes as a snapshot of entries, or else of keys.
///
/// # Panics
///
/// If what is handed over takes more bytes than there are.
#[must_use]
pub fn read(bytes: &[u8]) -> Found {
    let open =
        |kind| SnapshotReader::new(Path::new(""), Cursor::new(bytes), bytes.len() as u64, kind);
    let mut found = Found {
        entries: Vec::new(),
        whole: false,
    };
    let opened = match open(Kind::Entries) {
        Err(SnapshotError::Kind { .. }) => open(Kind::Keys),
        opened => opened,
    };
    let Ok(mut reader) = opened else {
        return found;
    };
    let mut taken = 0;
    let mut each = |entry: Entry<'_>| {
        taken += entry.bytes();
        assert!(taken <= bytes.len());
        let owned = (entry.key.to_vec(), entry.value.to_vec(), entry.left);
        found.entries.push(owned);
        Ok(true)
    };
    let end = loop {
        match reader.next_block(&mut each) {
            Ok(true) => {}
            Ok(false) => break true,
            Err(_) => break false,
        }
    };
    found.whole = end;
    found
}

/// A block to be crafted, with a checksum that matches.
#[derive(Debug)]
pub struct CraftedBlock {
    /// Entries.
    pub entries: Vec<(Vec<u8>, Vec<u8>, u64)>,
    /// What follows them in the block.
    pub rest: Vec<u8>,
    /// How many entries more than it has it says to have.
    pub more: u32,
    /// How many blocks before its place its checksum says that it is.
    pub back: u64,
}

/// A snapshot with checksums that match: whatever else is wrong with it the reader has to find.
#[must_use]
pub fn craft(keys_alone: bool, more_entries: u64, blocks: &[CraftedBlock]) -> Vec<u8> {
    let id = [7; 16];
    let sum: usize = blocks.iter().map(|block| block.entries.len()).sum();
    let header = Header {
        kind: if keys_alone {
            Kind::Keys
        } else {
            Kind::Entries
        },
        id,
        taken: 1,
        entries: (sum as u64).wrapping_add(more_entries),
    };
    let mut bytes = header.encode().to_vec();
    for (number, block) in (0..).zip(blocks) {
        let mut body = Vec::new();
        for (key, value, left) in &block.entries {
            let left = *left;
            Entry { key, value, left }.encode(&mut body);
        }
        body.extend(&block.rest);
        let says = (block.entries.len() as u32).wrapping_add(block.more);
        let place = u64::wrapping_sub(number, block.back);
        bytes.extend(BlockHeader::encode(id, place, says, &body));
        bytes.extend(body);
    }
    bytes
}

//! What is in a region: by its footer, or by walking it.

use super::Disk;
use super::format::{
    BATCH_ALIGN, ENTRY_HEADER, EntryHeader, FOOTER_RECORD, FOOTER_TRAILER, Footer, FooterRecord,
    REGION_HEADER,
};
use super::layout::Layout;
use crate::checksum::Seed;
use crate::device::{DeviceFile, read_full};
use std::io;

/// The records of a region, and whether a footer says them.
pub(super) struct Scanned {
    pub(super) records: Vec<FooterRecord>,
    pub(super) sealed: bool,
}

/// Reads what is in a region of this ordinal. `hash` tells that of a key. O(footer), or O(region)
/// where there is none.
pub(super) fn scan(
    file: &dyn DeviceFile,
    layout: &Layout,
    region: u32,
    ordinal: u64,
    hash: impl Fn(&[u8]) -> u64,
) -> io::Result<Scanned> {
    let seed = layout.seed(region, ordinal);
    if let Some(footer) = footer(file, layout, region, &seed)? {
        return Ok(Scanned {
            records: footer.records,
            sealed: true,
        });
    }
    let mut bytes = vec![0; layout.region_bytes as usize];
    let read = read_full(file, layout.position(region, 0), &mut bytes)?;
    bytes.truncate(read);
    Ok(Scanned {
        records: walk(&bytes, &seed, hash),
        sealed: false,
    })
}

fn footer(
    file: &dyn DeviceFile,
    layout: &Layout,
    region: u32,
    seed: &Seed,
) -> io::Result<Option<Footer>> {
    let mut trailer = [0; FOOTER_TRAILER];
    let at = layout.region_bytes - FOOTER_TRAILER as u64;
    if read_full(file, layout.position(region, at), &mut trailer)? != FOOTER_TRAILER {
        return Ok(None);
    }
    let Some(count) = Footer::count(&trailer, layout.region_bytes, seed) else {
        return Ok(None);
    };
    let mut bytes = vec![0; count * FOOTER_RECORD + FOOTER_TRAILER];
    let at = layout.region_bytes - bytes.len() as u64;
    let read = read_full(file, layout.position(region, at), &mut bytes)?;
    Ok(Footer::parse(&bytes[..read], layout.region_bytes, seed))
}

/// The entries in the bytes of a region. Where one is damaged, the walk goes on at the next place
/// where a batch may begin.
fn walk(bytes: &[u8], seed: &Seed, hash: impl Fn(&[u8]) -> u64) -> Vec<FooterRecord> {
    let mut records = Vec::new();
    let mut at = REGION_HEADER as u64;
    while at + ENTRY_HEADER as u64 <= bytes.len() as u64 {
        let rest = &bytes[at as usize..];
        let entry = EntryHeader::parse(rest, seed, at)
            .and_then(|header| Some((header, header.parts(rest)?)));
        let Some((header, parts)) = entry else {
            at = (at + 1).next_multiple_of(BATCH_ALIGN);
            continue;
        };
        records.push(FooterRecord {
            hash: hash(parts.key),
            stamp: header.stamp,
            offset: at as u32,
            bytes: header.bytes() as u32,
        });
        at += header.bytes();
    }
    records
}

impl Disk {
    /// What was written to a region; nothing if it can not be read.
    pub(super) fn records(&self, region: u32, ordinal: u64) -> Vec<FooterRecord> {
        let hash = |key: &[u8]| self.hash(key);
        match scan(&*self.file, &self.layout, region, ordinal, hash) {
            Ok(scanned) => scanned.records,
            Err(_) => {
                self.counts.read_errors.add();
                Vec::new()
            }
        }
    }
}

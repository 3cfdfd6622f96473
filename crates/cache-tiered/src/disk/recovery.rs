//! What of the regions a restart takes up.

use super::format::{Footer, FooterRecord, REGION_HEADER, RegionHeader, Superblock};
use super::hash;
use super::index::{Index, Place};
use super::layout::Layout;
use super::scan::scan;
use super::standing::{Standing, Unreliable};
use crate::device::{DeviceFile, read_full, write_full};
use std::collections::HashMap;
use std::io;

/// What of the regions still counts.
pub(super) struct Taken {
    /// In the order of their ordinals.
    pub(super) sealed: Vec<(u32, u64)>,
    /// By hashes of keys: the newest entry of each id, and its stamp.
    pub(super) entries: Vec<(u64, (u64, Place))>,
    /// To be written again, as their files may go before what they are about.
    pub(super) fences: Vec<(u64, u64)>,
}

/// Reads all regions.
pub(super) fn take_up(
    file: &dyn DeviceFile,
    layout: &Layout,
    old: &Superblock,
    standing: &Standing,
) -> io::Result<Result<Taken, Unreliable>> {
    let mut sealed = Vec::new();
    for region in 0..layout.regions {
        let mut bytes = [0; REGION_HEADER];
        let position = layout.position(region, 0);
        read_full(file, position, &mut bytes)?;
        if bytes == [0; REGION_HEADER] {
            continue;
        }
        match RegionHeader::parse(&bytes) {
            Ok(header)
                if header.uuid == layout.uuid
                    && header.region == region
                    && (1..=old.ordinal_high).contains(&header.ordinal) =>
            {
                sealed.push((region, header.ordinal));
            }
            // It may be readable next time, when nobody knows what became of its keys.
            _ => layout.void(file, region)?,
        }
    }
    sealed.sort_unstable_by_key(|&(_, ordinal)| ordinal);
    if sealed
        .first()
        .is_some_and(|&(_, oldest)| standing.misses(oldest))
    {
        // Fences about it were in a file before the first one that there is.
        return Ok(Err(Unreliable("a file of fences is missing")));
    }
    let mut newest: HashMap<u64, (u64, u64, Place)> = HashMap::new();
    let mut renewed = HashMap::new();
    for &(region, ordinal) in &sealed {
        let scanned = scan(file, layout, region, ordinal, |key| hash(layout.uuid, key))?;
        if !scanned.sealed {
            reseal(file, layout, region, ordinal, &scanned.records)?;
        }
        for record in scanned.records {
            if let Some(floor) = standing.cover(record.hash, record.stamp) {
                // It was older than its fence when it came to the disk: that was given up before.
                if !standing.outlasts(floor, ordinal) {
                    renewed.insert(Index::id(record.hash), (record.hash, floor.stamp));
                }
                continue;
            }
            let place = record.place(region);
            let id = Index::id(record.hash);
            match newest.get(&id) {
                Some(&(_, stamp, _)) if stamp > record.stamp => {}
                // Of two copies the one in the newer region.
                _ => drop(newest.insert(id, (record.hash, record.stamp, place))),
            }
        }
    }
    let fences = renewed.into_values().collect();
    let entries = newest.into_values();
    Ok(Ok(Taken {
        sealed,
        entries: entries
            .map(|(hash, stamp, place)| (hash, (stamp, place)))
            .collect(),
        fences,
    }))
}

/// Gives a region that was being filled a footer of what was found in it: what was not found now
/// does not appear later.
fn reseal(
    file: &dyn DeviceFile,
    layout: &Layout,
    region: u32,
    ordinal: u64,
    records: &[FooterRecord],
) -> io::Result<()> {
    let footer = Footer {
        records: records.to_vec(),
    };
    let mut bytes = Vec::new();
    let seed = layout.seed(region, ordinal);
    let at = footer.encode(layout.region_bytes, &seed, &mut bytes);
    write_full(file, layout.position(region, at), &bytes)
}

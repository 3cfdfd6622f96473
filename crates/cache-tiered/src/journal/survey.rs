//! What lies in the directory: whose journal it is, which segment files are in use, which are spare.

use super::error::OpenError;
use super::header::{self, HeaderFault, SEGMENT_HEADER, SegmentHeader};
use super::names::{self, Name};
use super::recovery::Loss;
use super::torn::is_torn;
use crate::device::{Device, DeviceFile, Lock, read_full, write_full};
use std::io;

/// Numbers that are skipped where a header that may have used some can not be read.
pub(super) const UNKNOWN: u64 = 1 << 32;

/// A segment file with a sound header.
pub(super) struct Found {
    pub(super) slot: u32,
    pub(super) name: String,
    pub(super) file: Box<dyn DeviceFile>,
    pub(super) header: SegmentHeader,
}

/// Files that are damaged, by slot and name.
pub(super) type Aside = Vec<(u32, String)>;

/// The files, sorted.
pub(super) struct Survey {
    /// Those in use, by number.
    pub(super) live: Vec<Found>,
    pub(super) spares: Vec<Found>,
    pub(super) aside: Aside,
    /// Files of segments that were never begun.
    pub(super) torn: Vec<String>,
    pub(super) losses: Vec<Loss>,
    pub(super) next_slot: u32,
    pub(super) begun_high: u64,
}

/// The names of all files, by what they say. Refuses a directory with other files.
pub(super) fn listed(device: &dyn Device) -> Result<Vec<Name>, OpenError> {
    let named = device
        .list()?
        .into_iter()
        .map(|name| match names::classify(&name) {
            Name::Foreign => Err(OpenError::ForeignFile { file: name }),
            kind => Ok(kind),
        });
    named.collect()
}

/// Opens and locks the file that says whose journal it is, or makes it.
pub(super) fn lock(device: &dyn Device) -> Result<Lock, OpenError> {
    let file = if listed(device)?.contains(&Name::Identity) {
        device.open(names::IDENTITY)?
    } else {
        match device.create(names::IDENTITY) {
            // Somebody else was faster, and has the lock or not.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                device.open(names::IDENTITY)?
            }
            made => made?,
        }
    };
    Lock::take(file)?.ok_or(OpenError::Locked)
}

/// Whose journal it is. Writes the identity if it was never written.
pub(super) fn identify(
    device: &dyn Device,
    file: &dyn DeviceFile,
    kinds: &[Name],
    salvage: bool,
) -> Result<[u8; 16], OpenError> {
    let mut bytes = [0; header::IDENTITY];
    let read = read_full(file, 0, &mut bytes)?;
    // A crash while it was made leaves a beginning of it, or zeros.
    let segments = kinds.iter().any(|kind| matches!(kind, Name::Segment(_)));
    let begun = header::is_unfinished_identity(&bytes[..read]);
    let unfinished = !segments && (begun || bytes == [0; header::IDENTITY]);
    let uuid = match header::parse_identity(&bytes[..read]) {
        Ok(uuid) => return Ok(uuid),
        Err(_) if unfinished => device.uuid(),
        Err(HeaderFault::Damaged(_)) if salvage => {
            uuid_of_segments(device, kinds)?.unwrap_or_else(|| device.uuid())
        }
        Err(fault) => return Err(refusal(names::IDENTITY, fault)),
    };
    write_full(file, 0, &header::encode_identity(uuid))?;
    file.sync_data()?;
    device.sync_directory()?;
    Ok(uuid)
}

/// The journal that the first segment with a sound header belongs to.
fn uuid_of_segments(device: &dyn Device, kinds: &[Name]) -> Result<Option<[u8; 16]>, OpenError> {
    for kind in kinds {
        if let Name::Segment(slot) = *kind {
            let file = device.open(&names::segment(slot))?;
            if let Ok(header) = read_header(&*file)? {
                return Ok(Some(header.uuid));
            }
        }
    }
    Ok(None)
}

fn read_header(file: &dyn DeviceFile) -> Result<Result<SegmentHeader, HeaderFault>, OpenError> {
    let mut bytes = [0; SEGMENT_HEADER];
    let read = read_full(file, 0, &mut bytes)?;
    Ok(SegmentHeader::parse(&bytes[..read]))
}

fn refusal(file: &str, fault: HeaderFault) -> OpenError {
    let file = file.to_owned();
    match fault {
        HeaderFault::Version(version) => OpenError::Version { file, version },
        HeaderFault::Damaged(reason) => OpenError::Damaged {
            file,
            offset: 0,
            reason: reason.to_owned(),
        },
    }
}

/// Reads all headers and tells the segments in use from spare files.
pub(super) fn survey(
    device: &dyn Device,
    uuid: [u8; 16],
    kinds: &[Name],
    salvage: bool,
) -> Result<Survey, OpenError> {
    let mut found: Vec<Found> = Vec::new();
    let mut unsound = Vec::new();
    let mut next_slot = 0;
    for kind in kinds {
        if let Name::Segment(slot) | Name::Unborn(slot) | Name::Damaged(slot) = *kind {
            next_slot = next_slot.max(slot + 1);
        }
        let Name::Segment(slot) = *kind else { continue };
        let name = names::segment(slot);
        let file = device.open(&name)?;
        match read_header(&*file)? {
            Ok(header) if header.uuid != uuid => {
                return Err(OpenError::ForeignFile { file: name });
            }
            Ok(header) => found.push(Found {
                slot,
                name,
                file,
                header,
            }),
            Err(fault) => unsound.push((slot, name, file, fault)),
        }
    }
    let begun_high = found.iter().map(|found| found.header.begun).max();
    let begun_high = begun_high.unwrap_or(0);
    // Of two with one number the later one counts: the beginning of the other had failed.
    found.sort_by_key(|found| (found.header.number, std::cmp::Reverse(found.header.begun)));
    let newest = found
        .iter()
        .max_by_key(|found| (found.header.number, found.header.begun));
    let oldest = newest.map_or(0, |newest| newest.header.oldest);
    let (mut live, mut spares): (Vec<Found>, Vec<Found>) = (Vec::new(), Vec::new());
    for one in found {
        let again = live
            .last()
            .is_some_and(|last| last.header.number == one.header.number);
        if again || one.header.number < oldest {
            spares.push(one);
        } else {
            live.push(one);
        }
    }
    let (mut aside, mut torn, mut losses) = (Aside::new(), Vec::new(), Vec::new());
    for (slot, name, file, fault) in unsound {
        match fault {
            HeaderFault::Damaged(_) if is_torn(&*file, uuid, &live, oldest, begun_high)? => {
                torn.push(name)
            }
            HeaderFault::Damaged(reason) if salvage => {
                losses.push(Loss {
                    file: name.clone(),
                    offset: 0,
                    reason: reason.to_owned(),
                });
                aside.push((slot, name));
            }
            fault => return Err(refusal(&name, fault)),
        }
    }
    check_gaps(&live, oldest, salvage, &mut losses)?;
    let unknown = if aside.is_empty() { 0 } else { UNKNOWN };
    Ok(Survey {
        live,
        spares,
        aside,
        torn,
        losses,
        next_slot,
        begun_high: begun_high + unknown,
    })
}

/// Refuses, or reports, numbers that are missing.
fn check_gaps(
    live: &[Found],
    oldest: u64,
    salvage: bool,
    losses: &mut Vec<Loss>,
) -> Result<(), OpenError> {
    let mut expected = oldest;
    for found in live {
        let number = found.header.number;
        if number != expected {
            let reason = format!(
                "the segments {expected} to {} before it are missing",
                number - 1
            );
            if !salvage {
                return Err(OpenError::Damaged {
                    file: found.name.clone(),
                    offset: 0,
                    reason,
                });
            }
            losses.push(Loss {
                file: found.name.clone(),
                offset: 0,
                reason,
            });
        }
        expected = number + 1;
    }
    Ok(())
}

//! Opening: whose journal it is, which segments are in use, what they hold.

use super::device::{Device, DeviceFile, read_full, write_full};
use super::error::OpenError;
use super::header::{self, HeaderFault, SEGMENT_HEADER, SegmentHeader};
use super::ledger::{Ledger, Place};
use super::log::{Log, Segment, Spare};
use super::names::{self, Name};
use super::options::JournalOptions;
use super::recovery::{Fold, Loss, Recovery, Torn};
use super::scan::{Damage, End, Image};
use super::stats::JournalStats;
use std::collections::VecDeque;
use std::sync::Arc;

/// Numbers that are skipped where a header that may have used some can not be read.
const UNKNOWN: u64 = 1 << 32;

/// A segment file with a sound header.
struct Found {
    slot: u32,
    name: String,
    file: Box<dyn DeviceFile>,
    header: SegmentHeader,
}

/// Files that are damaged, by slot and name.
type Aside = Vec<(u32, String)>;

/// The files, sorted.
struct Survey {
    /// Those in use, by number.
    live: Vec<Found>,
    spares: Vec<Found>,
    aside: Aside,
    losses: Vec<Loss>,
    next_slot: u32,
    begun_high: u64,
}

/// Opens the journal on `device`, or makes one if there is none.
pub(super) fn open(
    device: Arc<dyn Device>,
    options: JournalOptions,
) -> Result<(Log, Recovery), OpenError> {
    options.check()?;
    let names = device.list()?;
    let kinds: Vec<Name> = names.iter().map(|name| names::classify(name)).collect();
    if let Some(foreign) = kinds.iter().position(|kind| *kind == Name::Foreign) {
        return Err(OpenError::ForeignFile {
            file: names[foreign].clone(),
        });
    }
    let (identity, uuid) = identify(&*device, &kinds, options.salvage)?;
    let survey = survey(&*device, uuid, &kinds, options.salvage)?;
    for unborn in names
        .iter()
        .filter(|name| matches!(names::classify(name), Name::Unborn(_)))
    {
        device.delete(unborn)?;
    }
    // A process that died may have left names that are only in memory: the files under them are
    // about to be relied on.
    device.sync_directory()?;
    let (fold, segments, mut recovery, aside) =
        replay(&*device, survey.live, survey.aside, &options)?;
    recovery.losses.extend(survey.losses);
    let mut log = Log {
        boot: device.boot(),
        device,
        identity,
        copy_limit: options.segments_max() + 1,
        options,
        uuid,
        files: segments.len() + survey.spares.len(),
        next_number: segments.back().map_or(1, |newest| newest.number + 1),
        segments,
        open: false,
        spares: Vec::new(),
        condemned: Vec::new(),
        next_slot: survey.next_slot,
        next_begun: survey.begun_high + 1,
        next_sequence: recovery.sequence_high + 1,
        stamp_high: recovery.stamp_high,
        ledger: fold,
        held: false,
        buffer: Vec::new(),
        stats: JournalStats::default(),
    };
    log.sort_spares(survey.spares)?;
    recovery.dead = log.ledger.dead_len() as u64;
    if !recovery.losses.is_empty() {
        log.rebuild(&aside)?;
    }
    Ok((log, recovery))
}

/// Opens and locks the file that says whose journal it is, or makes it.
fn identify(
    device: &dyn Device,
    kinds: &[Name],
    salvage: bool,
) -> Result<(Box<dyn DeviceFile>, [u8; 16]), OpenError> {
    let there = kinds.contains(&Name::Identity);
    let segments = kinds.iter().any(|kind| matches!(kind, Name::Segment(_)));
    let file = if there {
        device.open(names::IDENTITY)?
    } else {
        device.create(names::IDENTITY)?
    };
    if !file.try_lock()? {
        return Err(OpenError::Locked);
    }
    let mut bytes = [0; header::IDENTITY];
    let read = read_full(&*file, 0, &mut bytes)?;
    // A crash while it was made leaves it without a byte, or with zeros.
    let unfinished = !segments && bytes == [0; header::IDENTITY];
    let uuid = match header::parse_identity(&bytes[..read]) {
        Ok(uuid) => return Ok((file, uuid)),
        Err(_) if unfinished => device.uuid(),
        Err(HeaderFault::Damaged(_)) if salvage => {
            uuid_of_segments(device, kinds)?.unwrap_or_else(|| device.uuid())
        }
        Err(fault) => return Err(refusal(names::IDENTITY, fault)),
    };
    write_full(&*file, 0, &header::encode_identity(uuid))?;
    file.sync_data()?;
    device.sync_directory()?;
    Ok((file, uuid))
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
fn survey(
    device: &dyn Device,
    uuid: [u8; 16],
    kinds: &[Name],
    salvage: bool,
) -> Result<Survey, OpenError> {
    let mut found: Vec<Found> = Vec::new();
    let mut aside = Aside::new();
    let mut losses = Vec::new();
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
            Err(HeaderFault::Damaged(reason)) if salvage => {
                losses.push(Loss {
                    file: name.clone(),
                    offset: 0,
                    reason: reason.to_owned(),
                });
                aside.push((slot, name));
            }
            Err(fault) => return Err(refusal(&name, fault)),
        }
    }
    let unknown = if aside.is_empty() { 0 } else { UNKNOWN };
    let begun_high = found.iter().map(|found| found.header.begun).max();
    // Of two with one number the later one counts: the beginning of the other had failed.
    found.sort_by_key(|found| (found.header.number, std::cmp::Reverse(found.header.begun)));
    let oldest = found.last().map_or(0, |newest| newest.header.oldest);
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
    check_gaps(&live, oldest, salvage, &mut losses)?;
    Ok(Survey {
        live,
        spares,
        aside,
        losses,
        next_slot,
        begun_high: begun_high.unwrap_or(0) + unknown,
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

/// Reads the segments in use, in order.
fn replay(
    device: &dyn Device,
    live: Vec<Found>,
    mut aside: Aside,
    options: &JournalOptions,
) -> Result<(Ledger, VecDeque<Segment>, Recovery, Aside), OpenError> {
    let mut fold = Fold::default();
    let mut recovery = Recovery::default();
    let mut segments = VecDeque::with_capacity(live.len());
    let tails: Vec<Option<u64>> = ends(&live);
    let unknown = if aside.is_empty() { 0 } else { UNKNOWN };
    let mut cut_off = false;
    for (found, end) in live.into_iter().zip(tails) {
        let Found {
            slot,
            name,
            file,
            header,
        } = found;
        let image = Image::read(&*file, header)?;
        recovery.sequence_high = recovery
            .sequence_high
            .max(header.first_sequence.saturating_sub(1));
        fold.stamp_high = fold.stamp_high.max(header.stamp_high);
        let mut tail = header.first_offset();
        if !cut_off {
            match walk(&image, end, &mut fold, &mut recovery.sequence_high) {
                Ok(walked) => {
                    tail = walked.tail;
                    if end.is_none() {
                        sync_again(&*file, &image, &walked)?;
                    } else if options.is_synced() && !header.synced {
                        file.sync_data()?;
                    }
                    recovery.torn = walked.torn.map(|_| Torn {
                        file: name.clone(),
                        offset: walked.tail,
                    });
                }
                Err(damage) => {
                    // Power failed under records that were never synced: what is left is what was
                    // there at some time.
                    let powerless = !header.synced && header.boot != device.boot();
                    if !powerless && !options.salvage {
                        return Err(OpenError::Damaged {
                            file: name,
                            offset: damage.offset,
                            reason: damage.reason.to_owned(),
                        });
                    }
                    cut_off = powerless && !options.salvage;
                    recovery.losses.push(Loss {
                        file: name.clone(),
                        offset: damage.offset,
                        reason: damage.reason.to_owned(),
                    });
                    if !cut_off {
                        aside.push((slot, name.clone()));
                    }
                    // Frames that can not be read had sequences too.
                    recovery.sequence_high += UNKNOWN;
                }
            }
        }
        segments.push_back(Segment {
            number: header.number,
            name,
            file,
            seed: header.seed(),
            tail,
            group: 0,
            bytes: header.segment_bytes,
            broken: false,
        });
    }
    recovery.sequence_high += unknown;
    recovery.stamp_high = fold.stamp_high;
    recovery.records = fold.take_records();
    Ok((fold.ledger, segments, recovery, aside))
}

/// Where each segment ends, as the next one says; the last one is to tell itself.
fn ends(live: &[Found]) -> Vec<Option<u64>> {
    let next = live.iter().skip(1).map(Some).chain([None]);
    let pairs = live.iter().zip(next);
    pairs
        .map(|(this, next)| {
            let next = next.filter(|next| next.header.number == this.header.number + 1);
            next.map(|next| next.header.previous_tail)
        })
        .collect()
}

fn walk(
    image: &Image,
    end: Option<u64>,
    fold: &mut Fold,
    sequence_high: &mut u64,
) -> Result<End, Damage> {
    let number = image.header.number;
    let strange = fold.strange;
    let mut last = 0;
    let walked = image.walk(end, |offset, frame| {
        last = frame.sequence;
        let bytes = frame.bytes();
        let place = Place {
            number,
            offset,
            bytes,
        };
        fold.visit(place, frame);
    });
    *sequence_high = last.max(*sequence_high);
    if fold.strange > strange {
        let reason = "a frame says what no journal writes";
        return Err(Damage {
            offset: image.header.first_offset(),
            reason,
        });
    }
    let walked = walked?;
    *sequence_high = walked.sequence_high.max(*sequence_high);
    let len = image.bytes.len() as u64;
    if len < image.header.segment_bytes {
        return Err(Damage {
            offset: len,
            reason: "the file is cut short",
        });
    }
    Ok(walked)
}

/// Makes header and last group of the newest segment durable, which a process that died may have
/// left in the page cache. They are written again, as a sync that failed then may have left them
/// there for good: read, but never to be written.
fn sync_again(file: &dyn DeviceFile, image: &Image, walked: &End) -> Result<(), OpenError> {
    let (start, end) = walked.last_group;
    write_full(file, 0, &image.bytes[..SEGMENT_HEADER])?;
    if start < end {
        write_full(file, start, &image.bytes[start as usize..end as usize])?;
    }
    // And so is what was not found: the device may hold frames there that a cut covers in memory.
    let room = image.header.segment_bytes - walked.tail;
    write_full(file, walked.tail, &[0; 64][..room.min(64) as usize])?;
    Ok(file.sync_data()?)
}

impl Log {
    fn sort_spares(&mut self, spares: Vec<Found>) -> Result<(), OpenError> {
        for found in spares {
            let bytes = self.options.segment_bytes;
            if found.header.segment_bytes == bytes && found.file.len()? >= bytes {
                self.spares.push(Spare {
                    name: found.name,
                    file: found.file,
                });
            } else {
                self.condemned.push(found.name);
            }
        }
        Ok(())
    }

    /// Copies all that could be read to new segments, so that the next opening meets no damage,
    /// and moves the damaged files aside.
    fn rebuild(&mut self, aside: &Aside) -> Result<(), OpenError> {
        let subjects: Vec<u64> = self.ledger.subjects().collect();
        let limit = std::mem::replace(&mut self.copy_limit, usize::MAX);
        // Until the last copy is there, a crash must leave the damage to be met again.
        self.held = true;
        self.copy_forward(&subjects)
            .map_err(|no_room| match no_room {
                super::clean::NoRoom::Device(error) => error.into(),
                super::clean::NoRoom::Full => OpenError::from(std::io::Error::other(
                    "a dead letter and its reason fit no segment: use larger ones",
                )),
            })?;
        self.held = false;
        self.release(true);
        let damaged = |name: &String| aside.iter().any(|(_, damaged)| damaged == name);
        self.spares.retain(|spare| !damaged(&spare.name));
        self.condemned.retain(|name| !damaged(name));
        self.begin(usize::MAX).map_err(|failed| failed.error)?;
        self.copy_limit = limit;
        for (slot, name) in aside {
            self.device.rename(name, &names::damaged(*slot))?;
        }
        self.device.sync_directory()?;
        Ok(())
    }
}

//! Opening: what the segments in use hold, and a log that goes on from there.

use super::begin::SPARES_MAX;
use super::error::OpenError;
use super::header::SEGMENT_HEADER;
use super::ledger::Place;
use super::log::{Log, Segment, Spare};
use super::names::{self, Name};
use super::options::JournalOptions;
use super::recovery::{Fold, Loss, Recovery, Torn};
use super::scan::{Damage, End, Image};
use super::stats::JournalStats;
use super::survey::{Aside, Found, UNKNOWN, identify, listed, lock, survey};
use crate::device::{Device, DeviceFile, write_full};
use std::collections::VecDeque;
use std::sync::Arc;

/// Opens the journal on `device`, or makes one if there is none.
pub(super) fn open(
    device: Arc<dyn Device>,
    options: JournalOptions,
) -> Result<(Log, Recovery), OpenError> {
    options.check()?;
    let lock = lock(&*device)?;
    // Listed once more: until it was locked, somebody else may have changed what is there.
    let kinds = listed(&*device)?;
    let uuid = identify(&*device, lock.file(), &kinds, options.salvage)?;
    let survey = survey(&*device, uuid, &kinds, options.salvage)?;
    let unborn = unborn(&*device, &kinds, options.segment_bytes)?;
    // A process that died may have left names that are only in memory: the files under them are
    // about to be relied on.
    device.sync_directory()?;
    let replay = Replay::run(&*device, survey.live, survey.aside, &options)?;
    let Replay {
        fold,
        segments,
        mut recovery,
        aside,
        ..
    } = replay;
    recovery.losses.extend(survey.losses);
    let never_begun = survey.torn.first().map(|file| Torn {
        file: file.clone(),
        offset: 0,
    });
    recovery.torn = never_begun.or(recovery.torn);
    if fold.ledger.largest() > options.record_bytes_max() {
        return Err(OpenError::Setting {
            setting: "segment_bytes",
            value: options.segment_bytes,
            range: "segments as large as those that the journal was made with",
        });
    }
    let mut log = Log {
        boot: device.boot(),
        device,
        _lock: lock,
        copy_limit: options.segments_max().max(segments.len()) + 1,
        options,
        uuid,
        files: segments.len() + survey.spares.len() + survey.torn.len() + unborn.len(),
        next_number: segments.back().map_or(1, |newest| newest.number + 1),
        segments,
        open: false,
        spares: unborn,
        released: VecDeque::new(),
        condemned: survey.torn,
        next_slot: survey.next_slot,
        next_begun: survey.begun_high + 1,
        next_sequence: recovery.sequence_high + 1,
        stamp_high: recovery.stamp_high,
        ledger: fold.ledger,
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

/// The files that were prepared for segments and never begun, as far as they are worth keeping: on a device that is full
/// no others could be made. The rest is deleted.
fn unborn(
    device: &dyn Device,
    kinds: &[Name],
    segment_bytes: u64,
) -> Result<VecDeque<Spare>, OpenError> {
    let mut kept = VecDeque::new();
    for kind in kinds {
        let Name::Unborn(slot) = *kind else { continue };
        let name = names::unborn(slot);
        let file = device.open(&name)?;
        // A shorter one was not given room. That of the others may have been lost by a sync that failed: they are given it
        // again, which takes nothing where it is there.
        let roomy = kept.len() < SPARES_MAX && file.len()? == segment_bytes;
        if roomy && file.allocate(segment_bytes).is_ok() {
            let unborn = Some(slot);
            kept.push_back(Spare { name, file, unborn });
        } else {
            device.delete(&name)?;
        }
    }
    Ok(kept)
}

/// The segments in use, read in order.
#[derive(Default)]
struct Replay {
    fold: Fold,
    recovery: Recovery,
    segments: VecDeque<Segment>,
    aside: Aside,
    /// What comes now was written after something that is lost, and so counts as lost.
    cut_off: bool,
}

impl Replay {
    fn run(
        device: &dyn Device,
        live: Vec<Found>,
        aside: Aside,
        options: &JournalOptions,
    ) -> Result<Self, OpenError> {
        let unknown = if aside.is_empty() { 0 } else { UNKNOWN };
        let mut replay = Self {
            aside,
            ..Self::default()
        };
        let tails = ends(&live);
        for (found, end) in live.into_iter().zip(tails) {
            let tail = replay.segment(device, &found, end, options)?;
            // One that was cut short, by a loss of power, is not used again.
            let cut = found.file.len()? < found.header.segment_bytes;
            replay.segments.push_back(Segment {
                number: found.header.number,
                name: found.name,
                file: found.file,
                seed: found.header.seed(),
                first: found.header.first_offset(),
                tail,
                group: 0,
                bytes: found.header.segment_bytes,
                broken: cut,
            });
        }
        let recovery = &mut replay.recovery;
        recovery.sequence_high += unknown;
        recovery.stamp_high = replay.fold.stamp_high;
        recovery.records = replay.fold.take_records();
        Ok(replay)
    }

    /// Reads a segment; returns where it ends.
    fn segment(
        &mut self,
        device: &dyn Device,
        found: &Found,
        end: Option<u64>,
        options: &JournalOptions,
    ) -> Result<u64, OpenError> {
        let header = &found.header;
        let first = header.first_sequence - 1;
        self.recovery.sequence_high = self.recovery.sequence_high.max(first);
        self.fold.stamp_high = self.fold.stamp_high.max(header.stamp_high);
        if self.cut_off {
            return Ok(header.segment_bytes);
        }
        let image = Image::read(&*found.file, *header)?;
        let high = &mut self.recovery.sequence_high;
        let walked = match walk(&image, end, &mut self.fold, high) {
            Ok(walked) => walked,
            Err(damage) => {
                self.damaged(device, found, damage, options)?;
                // Should the next header have to say where it ends, the damage is met again.
                return Ok(header.segment_bytes);
            }
        };
        if end.is_none() {
            sync_again(&*found.file, &image, &walked)?;
        } else if options.is_synced() && !header.synced {
            found.file.sync_data()?;
        }
        self.recovery.torn = walked.torn.map(|_| Torn {
            file: found.name.clone(),
            offset: walked.tail,
        });
        Ok(walked.tail)
    }

    /// Refuses damage, or reports it.
    fn damaged(
        &mut self,
        device: &dyn Device,
        found: &Found,
        damage: Damage,
        options: &JournalOptions,
    ) -> Result<(), OpenError> {
        let (file, offset, reason) = (found.name.clone(), damage.offset, damage.reason.to_owned());
        // Power failed under records that were never synced: what is left is what was there at
        // some time.
        let powerless = !found.header.synced && found.header.boot != device.boot();
        if options.salvage {
            self.aside.push((found.slot, file.clone()));
        } else if powerless {
            self.cut_off = true;
        } else {
            return Err(OpenError::Damaged {
                file,
                offset,
                reason,
            });
        }
        self.recovery.losses.push(Loss {
            file,
            offset,
            reason,
        });
        // Frames that can not be read had sequences too.
        self.recovery.sequence_high += UNKNOWN;
        Ok(())
    }
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
    let tail = walked.tail;
    write_full(file, 0, &image.bytes[..SEGMENT_HEADER])?;
    // Alone: until the header is there, what lies behind it belongs to an earlier use.
    file.sync_data()?;
    if start < end {
        write_full(file, start, &image.bytes[start as usize..end as usize])?;
    }
    // And so is what was not found: the device may hold frames there that a cut covers in memory.
    let room = image.header.segment_bytes.saturating_sub(tail);
    write_full(file, tail, &[0; 64][..room.min(64) as usize])?;
    Ok(file.sync_data()?)
}

impl Log {
    fn sort_spares(&mut self, spares: Vec<Found>) -> Result<(), OpenError> {
        for found in spares {
            let bytes = self.options.segment_bytes;
            if found.header.segment_bytes == bytes && found.file.len()? >= bytes {
                self.spares.push_back(Spare {
                    name: found.name,
                    file: found.file,
                    unborn: None,
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
        let files = |log: &Self| log.spares.len() + log.released.len() + log.condemned.len();
        let before = files(self);
        self.spares.retain(|spare| !damaged(&spare.name));
        self.released.retain(|spare| !damaged(&spare.name));
        self.condemned.retain(|name| !damaged(name));
        self.files -= before - files(self);
        self.begin(usize::MAX).map_err(|failed| failed.error)?;
        self.copy_limit = limit;
        for (slot, name) in aside {
            self.device.rename(name, &names::damaged(*slot))?;
        }
        self.device.sync_directory()?;
        Ok(())
    }
}

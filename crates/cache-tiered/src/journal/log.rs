//! The segments: where the next group goes, how one is begun, and what a failed write leaves.
//!
//! ```text
//!   begin -> open --full--> sealed --all settled, and the oldest--> spare -> begin (again)
//!              |
//!              +--write or sync failed--> sealed at the last good group
//! ```
//!
//! Segments are given up from the oldest on only, so those in use have numbers without gaps. The
//! header of each says where the one before it ends, and which was the oldest in use: a file whose
//! number is lower holds nothing any more.

use super::checksum::Seed;
use super::device::{Device, DeviceFile, write_full};
use super::frame::{FLAG_COPY, FLAG_LAST, Frame, Kind};
use super::header::SegmentHeader;
use super::ledger::{Ledger, Place};
use super::names;
use super::options::JournalOptions;
use super::stats::JournalStats;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

/// Spare files that are kept for reuse; more are deleted.
const SPARES_MAX: usize = 2;

/// A segment in use.
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) name: String,
    pub(super) file: Box<dyn DeviceFile>,
    pub(super) seed: Seed,
    /// Where the next group begins; what lies there beyond was never acknowledged.
    pub(super) tail: u64,
    /// The group of this segment that comes next.
    pub(super) group: u32,
    /// Bytes of the file.
    pub(super) bytes: u64,
    /// A sync of it has failed: no other may be believed.
    pub(super) broken: bool,
}

/// A file whose records are all settled.
pub(super) struct Spare {
    pub(super) name: String,
    pub(super) file: Box<dyn DeviceFile>,
}

/// A frame to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draft<'a> {
    pub(super) kind: Kind,
    pub(super) copy: bool,
    /// The record it is about. None: it is a record of its own.
    pub(super) subject: Option<u64>,
    pub(super) stamp: u64,
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
}

/// Why a group is not in the journal.
#[derive(Debug)]
pub(super) enum GroupError {
    /// It is not there, and will not be after a restart.
    Refused(io::Error),
    /// It may be there after a restart.
    Unknown(io::Error),
}

/// Why no segment could be begun.
#[derive(Debug)]
pub(super) struct BeginError {
    pub(super) error: io::Error,
    /// A header of it may be on the device.
    pub(super) in_doubt: bool,
}

/// The segments and all that is known of them. Owned by whoever commits.
pub(super) struct Log {
    pub(super) device: Arc<dyn Device>,
    /// Keeps the lock.
    pub(super) identity: Box<dyn DeviceFile>,
    pub(super) options: JournalOptions,
    pub(super) uuid: [u8; 16],
    pub(super) boot: [u8; 16],
    /// Those in use, the oldest first; numbers without gaps.
    pub(super) segments: VecDeque<Segment>,
    /// The last of `segments` takes groups.
    pub(super) open: bool,
    pub(super) spares: Vec<Spare>,
    /// Files to be deleted once a header says that they are not needed.
    pub(super) condemned: Vec<String>,
    /// Files there are, those of failed beginnings included.
    pub(super) files: usize,
    pub(super) next_slot: u32,
    pub(super) next_number: u64,
    pub(super) next_begun: u64,
    pub(super) next_sequence: u64,
    pub(super) stamp_high: u64,
    pub(super) ledger: Ledger,
    /// Segments that there may be while old ones are copied or given up: one more than otherwise,
    /// as after a crash in the midst of it there may be as many as there may be already.
    pub(super) copy_limit: usize,
    /// No segment is given up for now.
    pub(super) held: bool,
    /// The bytes of the group being written.
    pub(super) buffer: Vec<u8>,
    pub(super) stats: JournalStats,
}

impl Log {
    /// Bytes that the next group may have in the open segment.
    pub(super) fn room(&self) -> u64 {
        match self.segments.back() {
            Some(segment) if self.open => segment.bytes.saturating_sub(segment.tail),
            _ => 0,
        }
    }

    /// Writes frames as one group, which must have room, and makes it durable. Returns the
    /// sequence and the place of each.
    pub(super) fn write_group(
        &mut self,
        drafts: &[Draft<'_>],
    ) -> Result<Vec<(u64, Place)>, GroupError> {
        let written = self.attempt(drafts, true);
        self.stats.failures += u64::from(written.is_err());
        written
    }

    fn attempt(
        &mut self,
        drafts: &[Draft<'_>],
        may_move: bool,
    ) -> Result<Vec<(u64, Place)>, GroupError> {
        let places = self.encode(drafts);
        let synced = self.options.is_synced();
        let align = self.options.group_align();
        let segment = self.segments.back_mut().expect("a segment has room");
        let end = segment.tail + self.buffer.len() as u64;
        debug_assert!(self.open && end <= segment.bytes);
        if let Err(error) = write_full(&*segment.file, segment.tail, &self.buffer) {
            return self.after_failed_write(drafts, may_move, error);
        }
        if synced {
            self.stats.syncs += 1;
            if let Err(error) = segment.file.sync_data() {
                // What the device holds of the group nobody knows, and no later sync of this file
                // would tell. The header of the next segment makes it void; the groups before have
                // blocks of their own and were synced.
                segment.broken = true;
                self.open = false;
                let _voided_later_if_not_now = self.begin(self.copy_limit);
                return Err(GroupError::Unknown(error));
            }
        }
        segment.tail = end.next_multiple_of(align).min(segment.bytes);
        segment.group += 1;
        self.stats.commits += 1;
        self.stats.bytes += self.buffer.len() as u64;
        self.stats.frames += drafts.len() as u64;
        let stamps = drafts.iter().map(|draft| draft.stamp);
        self.stamp_high = stamps.max().unwrap_or(0).max(self.stamp_high);
        Ok(places)
    }

    /// Puts the bytes of a group into the buffer.
    fn encode(&mut self, drafts: &[Draft<'_>]) -> Vec<(u64, Place)> {
        let segment = self.segments.back().expect("a segment has room");
        self.buffer.clear();
        let mut places = Vec::with_capacity(drafts.len());
        for (index, draft) in drafts.iter().enumerate() {
            let offset = segment.tail + self.buffer.len() as u64;
            let sequence = self.next_sequence;
            self.next_sequence += 1;
            let last = index + 1 == drafts.len();
            let own = if draft.kind.is_record() { sequence } else { 0 };
            let frame = Frame {
                sequence,
                subject: draft.subject.unwrap_or(own),
                stamp: draft.stamp,
                group: segment.group,
                kind: draft.kind,
                flags: (u8::from(last) * FLAG_LAST) | (u8::from(draft.copy) * FLAG_COPY),
                key: draft.key,
                value: draft.value,
            };
            frame.encode(&segment.seed, offset, &mut self.buffer);
            let place = Place {
                number: segment.number,
                offset,
                bytes: frame.bytes(),
            };
            places.push((sequence, place));
        }
        // The rest of the last block belongs to nobody: what an earlier use left there goes.
        let end = segment.tail + self.buffer.len() as u64;
        let padded = end.next_multiple_of(self.options.group_align());
        let padded = padded.min(segment.bytes).max(end);
        self.buffer.resize((padded - segment.tail) as usize, 0);
        places
    }

    /// Goes to a new segment, whose header makes void what the failed write left.
    fn after_failed_write(
        &mut self,
        drafts: &[Draft<'_>],
        may_move: bool,
        error: io::Error,
    ) -> Result<Vec<(u64, Place)>, GroupError> {
        let segment = self.segments.back().expect("the one that failed");
        let number = segment.number;
        // A segment without any group is not given up for another one.
        if may_move && segment.group > 0 {
            match self.begin(self.copy_limit) {
                Ok(()) => return self.attempt(drafts, false),
                // A header that ends this segment may be on the device: nothing may follow here.
                Err(failed) if failed.in_doubt => return Err(GroupError::Unknown(error)),
                Err(_) => {}
            }
        }
        let there = self
            .segments
            .back()
            .is_some_and(|last| last.number == number);
        self.open = there && self.cut().is_ok();
        if self.open {
            Err(GroupError::Refused(error))
        } else {
            Err(GroupError::Unknown(error))
        }
    }

    /// Makes void what lies at the tail of the last segment: a frame is found only behind the one
    /// before it.
    fn cut(&mut self) -> io::Result<()> {
        let segment = self.segments.back_mut().expect("the one that failed");
        let room = segment.bytes - segment.tail;
        let zeros = [0; 64];
        write_full(
            &*segment.file,
            segment.tail,
            &zeros[..zeros.len().min(room as usize)],
        )?;
        if self.options.is_synced() {
            self.stats.syncs += 1;
            segment
                .file
                .sync_data()
                .inspect_err(|_| segment.broken = true)?;
        }
        Ok(())
    }

    /// Seals the open segment and begins another, in a spare file if there is one. At most `limit`
    /// are in use then. If it fails in doubt the open segment is sealed all the same.
    pub(super) fn begin(&mut self, limit: usize) -> Result<(), BeginError> {
        self.try_begin(limit).inspect_err(|failed| {
            if failed.in_doubt {
                self.open = false;
            }
        })
    }

    fn try_begin(&mut self, limit: usize) -> Result<(), BeginError> {
        self.release(true);
        if self.segments.len() >= limit {
            return Err(BeginError {
                error: io::ErrorKind::StorageFull.into(),
                in_doubt: false,
            });
        }
        let number = self.next_number;
        let header = SegmentHeader {
            uuid: self.uuid,
            number,
            begun: self.next_begun,
            first_sequence: self.next_sequence,
            oldest: self.segments.front().map_or(number, |oldest| oldest.number),
            previous_tail: self.segments.back().map_or(0, |last| last.tail),
            stamp_high: self.stamp_high,
            segment_bytes: self.options.segment_bytes,
            group_align: self.options.group_align() as u32,
            synced: self.options.is_synced(),
            boot: self.boot,
        };
        self.next_begun += 1;
        let (name, file) = match self.spares.pop() {
            Some(spare) => self.recycle(spare, &header)?,
            None => self.create(&header)?,
        };
        self.segments.push_back(Segment {
            number,
            name,
            file,
            seed: header.seed(),
            tail: header.first_offset(),
            group: 0,
            bytes: header.segment_bytes,
            broken: false,
        });
        self.next_number += 1;
        self.open = true;
        self.stats.segments_begun += 1;
        self.trim();
        Ok(())
    }

    fn recycle(
        &mut self,
        spare: Spare,
        header: &SegmentHeader,
    ) -> Result<(String, Box<dyn DeviceFile>), BeginError> {
        self.stats.syncs += 1;
        // Synced whatever the durability: no frame may reach the device before its header.
        write_full(&*spare.file, 0, &header.encode())
            .and_then(|()| spare.file.sync_data())
            // The file is left alone from here on; the next open sorts it out.
            .map_err(|error| BeginError {
                error,
                in_doubt: true,
            })?;
        self.stats.segments_recycled += 1;
        Ok((spare.name, spare.file))
    }

    fn create(
        &mut self,
        header: &SegmentHeader,
    ) -> Result<(String, Box<dyn DeviceFile>), BeginError> {
        let name = names::segment(self.next_slot);
        let unborn = names::unborn(self.next_slot);
        self.next_slot += 1;
        let made = self.device.create(&unborn).and_then(|file| {
            file.allocate(header.segment_bytes)?;
            write_full(&*file, 0, &header.encode())?;
            file.sync_data()?;
            Ok(file)
        });
        self.stats.syncs += 1;
        let file = made.map_err(|error| {
            // If even this fails, the next open deletes it.
            let _left_behind = self.device.delete(&unborn);
            BeginError {
                error,
                in_doubt: false,
            }
        })?;
        self.stats.syncs += 1;
        self.files += 1;
        let renamed = self.device.rename(&unborn, &name);
        renamed
            .and_then(|()| self.device.sync_directory())
            .map_err(|error| BeginError {
                error,
                in_doubt: true,
            })?;
        Ok((name, file))
    }

    /// Gives up the oldest segments that hold nothing unsettled; the open one too if it is to be
    /// `sealed`.
    pub(super) fn release(&mut self, sealed: bool) {
        while !self.held
            && let Some(oldest) = self.segments.front()
        {
            let kept = self.open && !sealed && self.segments.len() == 1;
            if kept || self.ledger.load(oldest.number).records > 0 {
                return;
            }
            // The last one ends where the next one's header says, so its number must be known.
            if self.segments.len() == 1 {
                self.open = false;
            }
            let Some(oldest) = self.segments.pop_front() else {
                return;
            };
            if oldest.broken || oldest.bytes != self.options.segment_bytes {
                self.condemned.push(oldest.name);
            } else {
                self.spares.push(Spare {
                    name: oldest.name,
                    file: oldest.file,
                });
            }
        }
    }

    /// The counters, with what is there now.
    pub(super) fn counted(&self) -> JournalStats {
        let dead = self.ledger.dead_len() as u64;
        JournalStats {
            unsettled: self.ledger.len() as u64 - dead,
            dead,
            segments: self.segments.len() as u64,
            file_bytes: self.files as u64 * self.options.segment_bytes,
            ..self.stats
        }
    }

    /// Deletes the files that are not worth keeping. The newest header says that no file that is
    /// not in use is needed.
    fn trim(&mut self) {
        let kept = self.spares.len().min(SPARES_MAX);
        let surplus = self.spares.drain(kept..).map(|spare| spare.name);
        self.condemned.extend(surplus);
        if self.condemned.is_empty() {
            return;
        }
        let device = &self.device;
        let before = self.condemned.len();
        // What can not be deleted now is tried again at the next segment.
        self.condemned.retain(|name| device.delete(name).is_err());
        self.files -= before - self.condemned.len();
        self.stats.syncs += 1;
        // A file that comes back is a spare one then.
        let _harmless = self.device.sync_directory();
    }
}

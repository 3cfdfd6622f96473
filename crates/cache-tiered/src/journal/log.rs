//! What is written: a group of frames at the tail of the open segment, and what a failure leaves.

use super::frame::{FLAG_COPY, FLAG_LAST, Frame, Kind};
use super::ledger::{Ledger, Place};
use super::options::JournalOptions;
use super::stats::JournalStats;
use crate::checksum::Seed;
use crate::device::{Device, DeviceFile, Lock, write_full};
use crate::observe::Watch;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

/// A segment in use.
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) name: String,
    pub(super) file: Box<dyn DeviceFile>,
    pub(super) seed: Seed,
    /// Where its first group begins.
    pub(super) first: u64,
    /// Where the next group begins; what lies there beyond was never acknowledged.
    pub(super) tail: u64,
    /// The group of this segment that comes next.
    pub(super) group: u32,
    /// Bytes of the file.
    pub(super) bytes: u64,
    /// A sync of it has failed: no other may be believed. Or it is shorter than it should be. It is
    /// not used again.
    pub(super) broken: bool,
}

/// A file for a segment to come: its records are all settled, or it never had any.
pub(super) struct Spare {
    pub(super) name: String,
    pub(super) file: Box<dyn DeviceFile>,
    /// The slot of a file that was never begun, which has no name of its own yet.
    pub(super) unborn: Option<u32>,
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

/// The segments and all that is known of them. Owned by whoever commits.
pub(super) struct Log {
    pub(super) device: Arc<dyn Device>,
    /// Nobody else has the journal open.
    pub(super) _lock: Lock,
    pub(super) options: JournalOptions,
    pub(super) uuid: [u8; 16],
    pub(super) boot: [u8; 16],
    /// Those in use, the oldest first; numbers without gaps.
    pub(super) segments: VecDeque<Segment>,
    /// The last of `segments` takes groups.
    pub(super) open: bool,
    pub(super) spares: VecDeque<Spare>,
    /// Files of segments that were given up since the newest header was written: to the device they are in use.
    pub(super) released: VecDeque<Spare>,
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
    /// Segments that there may be while old ones are copied: one more than otherwise, or than a
    /// crash in the midst of it left.
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
            let watch = Watch::start();
            let synced = segment.file.sync_data();
            let error = synced.as_ref().err();
            self.options.observer.sync_ended(error, watch);
            if let Err(error) = synced {
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
        let (frames, bytes) = (drafts.len(), self.buffer.len());
        self.options.observer.group_written(frames, bytes);
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
}

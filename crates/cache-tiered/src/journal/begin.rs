//! The segments: how one is begun, and how one is given up.
//!
//! ```text
//!   begin -> open --full--> sealed --all settled, and the oldest--> spare -> begin (again)
//!              |
//!              +--write or sync failed--> sealed at the last good group
//! ```
//!
//! Segments are given up from the oldest on only, so those in use have numbers without gaps. The
//! header of each says where the one before it ends, and which was the oldest in use: a file whose
//! number is lower holds nothing any more. From then on it may be written over; a header that is torn by that is told
//! from a damaged one (`torn`).

use super::header::SegmentHeader;
use super::log::{Log, Segment, Spare};
use super::names;
use crate::device::{DeviceFile, write_full};
use std::io;

/// Spare files that are kept for reuse; more are deleted. And files that failed beginnings may
/// leave, beyond the segments that there may be.
pub(super) const SPARES_MAX: usize = 3;

/// Why no segment could be begun.
#[derive(Debug)]
pub(super) struct BeginError {
    pub(super) error: io::Error,
    /// A header of it may be on the device.
    pub(super) in_doubt: bool,
}

impl Log {
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
        self.drop_hollow();
        if self.segments.len() >= limit {
            return Err(BeginError {
                error: io::ErrorKind::StorageFull.into(),
                in_doubt: false,
            });
        }
        if self.spares.is_empty() {
            self.prepare(limit).map_err(|error| BeginError {
                error,
                in_doubt: false,
            })?;
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
        let spare = self.spares.pop_front().expect("there is one");
        let (name, file) = match spare.unborn {
            None => self.recycle(spare, &header)?,
            Some(slot) => self.install(spare, slot, &header)?,
        };
        self.segments.push_back(Segment {
            number,
            name,
            file,
            seed: header.seed(),
            first: header.first_offset(),
            tail: header.first_offset(),
            group: 0,
            bytes: header.segment_bytes,
            broken: false,
        });
        self.next_number += 1;
        self.open = true;
        self.stats.segments_begun += 1;
        // The header says so now.
        self.spares.append(&mut self.released);
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

    /// Gives a file that was never begun its header and then its name.
    fn install(
        &mut self,
        spare: Spare,
        slot: u32,
        header: &SegmentHeader,
    ) -> Result<(String, Box<dyn DeviceFile>), BeginError> {
        self.stats.syncs += 2;
        let written = write_full(&*spare.file, 0, &header.encode());
        if let Err(error) = written.and_then(|()| spare.file.sync_data()) {
            self.discard(&spare.name);
            return Err(BeginError {
                error,
                in_doubt: false,
            });
        }
        let name = names::segment(slot);
        let renamed = self.device.rename(&spare.name, &name);
        renamed
            .and_then(|()| self.device.sync_directory())
            .map_err(|error| BeginError {
                error,
                in_doubt: true,
            })?;
        Ok((name, spare.file))
    }

    /// Sees to it that there are a file for the next segment and two more: when the device is full,
    /// what is settled can still be noted in one, and makes room once the header of the other says so.
    pub(super) fn reserve(&mut self, limit: usize) -> io::Result<()> {
        while self.spares.len() + self.released.len() < SPARES_MAX {
            self.prepare(limit)?;
        }
        Ok(())
    }

    /// Makes a file for a segment to come, with room for all of it.
    fn prepare(&mut self, limit: usize) -> io::Result<()> {
        // Files of beginnings that failed lie about until the journal is opened again.
        let kept = self.files - self.condemned.len();
        if kept > limit.saturating_add(SPARES_MAX) {
            let reason = "the device failed to begin too many segments: open the journal again";
            return Err(io::Error::other(reason));
        }
        let slot = self.next_slot;
        if slot >= names::SLOTS_MAX {
            return Err(io::Error::other(
                "the journal has used up its names for files: open it again",
            ));
        }
        let name = names::unborn(slot);
        let created = self.device.create(&name);
        if !matches!(&created, Err(error) if error.kind() != io::ErrorKind::AlreadyExists) {
            self.next_slot += 1;
        }
        let file = created?;
        self.files += 1;
        if let Err(error) = file.allocate(self.options.segment_bytes) {
            // A device may be full for long: no attempt may use up a name. But a loss of power must not leave this file under
            // a name that another one had since.
            if self.discard(&name) && self.device.sync_directory().is_ok() {
                self.next_slot = slot;
            }
            return Err(error);
        }
        self.spares.push_back(Spare {
            name,
            file,
            unborn: Some(slot),
        });
        Ok(())
    }

    /// Deletes a file that has no name of its own; if that fails, which is told by false, the next
    /// opening does it.
    fn discard(&mut self, unborn: &str) -> bool {
        let deleted = self.device.delete(unborn).is_ok();
        self.files -= usize::from(deleted);
        deleted
    }

    /// Takes the newest segment back if no group of it was acknowledged: the next one has its
    /// number, and counts instead, since it is begun later. So a device that fails for a while
    /// leaves no row of empty segments.
    fn drop_hollow(&mut self) {
        let hollow = |last: &Segment| last.tail == last.first;
        if !self.held
            && self.segments.back().is_some_and(hollow)
            && let Some(last) = self.segments.pop_back()
        {
            self.open = false;
            self.next_number = last.number;
            self.spare(last);
        }
    }

    /// Keeps the file of a segment for another one, if it is good for that: once a header says that it is not in use.
    fn spare(&mut self, segment: Segment) {
        if segment.broken || segment.bytes != self.options.segment_bytes {
            self.condemned.push(segment.name);
        } else {
            self.released.push_back(Spare {
                name: segment.name,
                file: segment.file,
                unborn: None,
            });
        }
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
            self.spare(oldest);
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

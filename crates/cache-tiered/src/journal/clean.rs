//! Room: which group may begin a segment, and how stragglers leave the oldest one.
//!
//! ```text
//!   segments in use:   0 .. max - 2   records may begin another
//!                      max - 1        what is said about records may (settled, dead)
//!                      max            copies of the oldest segment's records may; then it goes
//! ```
//!
//! So a journal full of records can still note what is settled, and always has a segment to copy
//! into. On a full device two prepared files are kept for the same: records do not begin a segment
//! when they would take one of the last two. Copying goes on only while unsettled records fill at most three quarters of what records
//! may have: beyond, it would cost more and more for less and less, and the journal is full.

use super::error::ReadError;
use super::frame;
use super::frame::{FRAME_HEADER, Frame, Kind, frame_bytes};
use super::ledger::Place;
use super::log::{Draft, GroupError, Log};
use crate::device;
use std::io;
use std::sync::Arc;

/// Segments that records may not begin.
const RESERVED: usize = 2;

/// What a group is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Records of the user.
    Records,
    /// What is said about records, which may make room.
    Notes,
}

/// Why there is no room.
#[derive(Debug)]
pub(super) enum NoRoom {
    /// The journal holds what it may.
    Full,
    /// The device refuses.
    Device(io::Error),
}

/// A record read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) kind: Kind,
    pub(super) stamp: u64,
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
}

impl Log {
    /// Makes room for a group of `bytes` in the open segment, if need be in another one.
    pub(super) fn make_room(&mut self, purpose: Purpose, bytes: u64) -> Result<(), NoRoom> {
        debug_assert!(bytes <= self.options.usable_bytes());
        let most = self.options.segments_max();
        let limit = match purpose {
            Purpose::Records => most - RESERVED,
            Purpose::Notes => most - RESERVED + 1,
        };
        // Each turn gives up a segment or ends: after one for each there is nothing to be gained.
        for _ in 0..=self.segments.len() + 1 {
            if self.room() >= bytes {
                return Ok(());
            }
            self.release(true);
            let begun = self.begin_for(limit);
            let below = self.segments.len() < limit && !self.spares.is_empty();
            match begun {
                Ok(()) => {}
                // What is settled makes room: for that the file in reserve is there, unless copying
                // a few records brings it back at once.
                Err(_) if purpose == Purpose::Notes && below && !self.oldest_is_sparse() => {
                    self.begin(limit)
                        .map_err(|failed| NoRoom::Device(failed.error))?;
                }
                Err(NoRoom::Device(error)) if !device::is_full(&error) => {
                    return Err(NoRoom::Device(error));
                }
                Err(no_room) if purpose == Purpose::Records && !self.copying_gains(bytes) => {
                    return Err(no_room);
                }
                Err(_) => self.copy_oldest()?,
            }
        }
        if self.room() >= bytes {
            Ok(())
        } else {
            Err(NoRoom::Full)
        }
    }

    /// Begins a segment if that leaves a file in reserve.
    fn begin_for(&mut self, limit: usize) -> Result<(), NoRoom> {
        if self.segments.len() >= limit {
            return Err(NoRoom::Full);
        }
        self.reserve(limit).map_err(NoRoom::Device)?;
        self.begin(limit)
            .map_err(|failed| NoRoom::Device(failed.error))
    }

    /// Whether enough of the segments in use is settled. There may be fewer than the options allow
    /// if the device is full.
    fn copying_gains(&self, bytes: u64) -> bool {
        let most = self.options.segments_max() - RESERVED;
        let segments = self.segments.len().min(most) as u64;
        self.ledger.bytes() + bytes <= segments * self.options.usable_bytes() / 4 * 3
    }

    fn oldest_is_sparse(&self) -> bool {
        let oldest = self.segments.front();
        let load = oldest.map_or(0, |oldest| self.ledger.load(oldest.number).bytes);
        load <= self.options.usable_bytes() / 2
    }

    /// Copies what is unsettled of the oldest segment to the open one, or to a new one, and gives
    /// the oldest up.
    pub(super) fn copy_oldest(&mut self) -> Result<(), NoRoom> {
        let Some(oldest) = self.segments.front() else {
            return Err(NoRoom::Full);
        };
        let subjects = self.ledger.in_segment(oldest.number);
        if self.segments.len() == 1 {
            // The oldest is the open one.
            self.begin(self.copy_limit)
                .map_err(|failed| NoRoom::Device(failed.error))?;
        }
        self.copy_forward(&subjects)?;
        self.release(false);
        Ok(())
    }

    /// Copies records to the open segment, as far as they fit; the rest to a new one.
    pub(super) fn copy_forward(&mut self, subjects: &[u64]) -> Result<(), NoRoom> {
        let mut bodies = Vec::with_capacity(subjects.len());
        for &subject in subjects {
            let (place, reason) = self.ledger.find(subject).ok_or(NoRoom::Full)?;
            let reason = reason.map(str::to_owned);
            let body = self
                .read(place)
                .map_err(|error| NoRoom::Device(io::Error::other(error)))?;
            bodies.push((subject, body, reason));
        }
        let mut rest = bodies.as_slice();
        while !rest.is_empty() {
            let count = fitting(rest, self.room());
            if count == 0 {
                // A record and its note fit an empty segment: none that is larger is let in.
                self.begin(self.copy_limit)
                    .map_err(|failed| NoRoom::Device(failed.error))?;
                continue;
            }
            let (now, later) = rest.split_at(count);
            self.copy_group(now).map_err(|error| match error {
                GroupError::Refused(error) | GroupError::Unknown(error) => NoRoom::Device(error),
            })?;
            rest = later;
        }
        Ok(())
    }

    fn copy_group(&mut self, bodies: &[(u64, Body, Option<String>)]) -> Result<(), GroupError> {
        let mut drafts = Vec::with_capacity(bodies.len());
        for (subject, body, reason) in bodies {
            // The note first: a crash in between must not leave a copy that lives without it.
            drafts.extend(reason.as_ref().map(|reason| Draft {
                kind: Kind::Dead,
                copy: true,
                subject: Some(*subject),
                stamp: 0,
                key: &[],
                value: reason.as_bytes(),
            }));
            drafts.push(Draft {
                kind: body.kind,
                copy: true,
                subject: Some(*subject),
                stamp: body.stamp,
                key: &body.key,
                value: &body.value,
            });
        }
        let places = self.write_group(&drafts)?;
        for (draft, (_, place)) in drafts.iter().zip(places) {
            if let (true, Some(subject)) = (draft.kind.is_record(), draft.subject) {
                self.ledger.place(subject, place);
                self.stats.copied += 1;
            }
        }
        Ok(())
    }

    /// Reads a record back and checks it.
    pub(super) fn read(&self, place: Place) -> Result<Body, ReadError> {
        let index = self
            .segments
            .partition_point(|segment| segment.number < place.number);
        let segment = &self.segments[index];
        let damaged = |reason: frame::FrameFault| ReadError::Damaged {
            file: segment.name.clone(),
            offset: place.offset,
            reason: reason.to_string(),
        };
        let mut bytes = vec![0; place.bytes as usize];
        let read = device::read_full(&*segment.file, place.offset, &mut bytes);
        let read = read.map_err(|source| ReadError::Io {
            file: segment.name.clone(),
            source: Arc::new(source),
        })?;
        let frame = Frame::parse(&bytes[..read], &segment.seed, place.offset).map_err(damaged)?;
        Ok(Body {
            kind: frame.kind,
            stamp: frame.stamp,
            key: frame.key.to_vec(),
            value: frame.value.to_vec(),
        })
    }
}

/// Bytes of a record's copy, and of the note that it is dead.
fn copy_bytes((_, body, reason): &(u64, Body, Option<String>)) -> u64 {
    let record = frame_bytes(body.key.len(), body.value.len()).expect("it was read");
    let note = reason.as_ref().map_or(0, |reason| {
        (FRAME_HEADER as u64 + reason.len() as u64).next_multiple_of(frame::FRAME_ALIGN)
    });
    record + note
}

/// How many of the first `bodies` go into `room`.
fn fitting(bodies: &[(u64, Body, Option<String>)], room: u64) -> usize {
    let mut bytes = 0;
    let ends = bodies.iter().map(|body| {
        bytes += copy_bytes(body);
        bytes
    });
    ends.take_while(|&end| end <= room).count()
}

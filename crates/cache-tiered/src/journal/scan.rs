//! Reading a segment: its frames, where they end, and whether they may end there.
//!
//! In a segment that is followed by another one, the frames end where the next header says. In
//! the last one they end at the first place without a frame, since a crash may have torn the last
//! group. That place may also be damage, with acknowledged records behind it. It is, if a frame is
//! found behind it that only a later group can have written: a group is written when the one
//! before it is acknowledged.

use super::frame::{FRAME_ALIGN, Frame, FrameFault, claimed};
use super::header::SegmentHeader;
use crate::device::{DeviceFile, read_full};
use std::io;

/// Bytes that the look behind a torn tail may checksum, in sizes of the segment.
pub(super) const LOOK_MAX: u64 = 8;
/// Sequences by which a frame of a torn group may be ahead of the last one.
pub(super) const SEQUENCES_MAX: u64 = 1 << 32;

/// A segment file in memory.
pub(super) struct Image {
    pub(super) header: SegmentHeader,
    pub(super) bytes: Vec<u8>,
}

/// What the frames of a segment end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// The first place without a frame.
    pub(super) tail: u64,
    /// Where the last group begins, and where its last frame ends: what lies between may never
    /// have been synced.
    pub(super) last_group: (u64, u64),
    /// The group that comes next.
    pub(super) group: u32,
    /// The highest sequence seen, even behind the tail; 0 if there is none.
    pub(super) sequence_high: u64,
    /// Why there is no frame at the tail, if anything was written there.
    pub(super) torn: Option<FrameFault>,
}

/// The segment is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) offset: u64,
    pub(super) reason: &'static str,
}

impl Image {
    /// Reads a segment. Allocates no more than the file holds.
    pub(super) fn read(file: &dyn DeviceFile, header: SegmentHeader) -> io::Result<Self> {
        let len = file.len()?.min(header.segment_bytes);
        let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        let read = read_full(file, 0, &mut bytes)?;
        bytes.truncate(read);
        Ok(Self { header, bytes })
    }

    fn frame(&self, offset: u64) -> Result<Frame<'_>, FrameFault> {
        let rest = usize::try_from(offset).ok();
        let rest = rest.and_then(|offset| self.bytes.get(offset..));
        Frame::parse(rest.ok_or(FrameFault::Short)?, &self.header.seed(), offset)
    }

    /// Where the frame or group behind a frame that ends at `end` begins.
    fn behind(&self, end: u64, last_of_group: bool) -> u64 {
        if last_of_group {
            end.next_multiple_of(u64::from(self.header.group_align))
        } else {
            end
        }
    }

    /// Hands each frame to `visit` with its offset, up to `end` if that is known. Returns how they
    /// end, or the damage that they end with; what lies before it was visited.
    pub(super) fn walk(
        &self,
        end: Option<u64>,
        mut visit: impl FnMut(u64, Frame<'_>),
    ) -> Result<End, Damage> {
        let first = self.header.first_offset();
        let mut at = End {
            tail: first,
            last_group: (first, first),
            group: 0,
            sequence_high: self.header.first_sequence.saturating_sub(1),
            torn: None,
        };
        let mut within_group = false;
        let fault = loop {
            if end == Some(at.tail) {
                return Ok(at);
            }
            let frame = match self.frame(at.tail) {
                Ok(frame) if frame.sequence > at.sequence_high && frame.group == at.group => frame,
                // Left by a group that was refused, whose place a later one took.
                Ok(_) => break FrameFault::Header,
                Err(fault) => break fault,
            };
            if !within_group {
                at.last_group = (at.tail, at.tail);
            }
            at.sequence_high = frame.sequence;
            within_group = !frame.is_last_of_group();
            let frame_end = at.tail + frame.bytes();
            visit(at.tail, frame);
            at.last_group.1 = frame_end;
            at.group += u32::from(!within_group);
            at.tail = self.behind(frame_end, !within_group);
        };
        if end.is_some() {
            let reason = "a frame that was acknowledged is missing";
            return Err(Damage {
                offset: at.tail,
                reason,
            });
        }
        at.torn = (fault != FrameFault::Blank && fault != FrameFault::Short).then_some(fault);
        self.look_behind(&mut at)?;
        Ok(at)
    }

    /// Looks for frames behind the tail. Those of the torn group tell of sequences that were given
    /// out; those of a later group tell of damage.
    fn look_behind(&self, at: &mut End) -> Result<(), Damage> {
        let damage = |reason| Damage {
            offset: at.tail,
            reason,
        };
        let floor = at.sequence_high;
        let mut budget = LOOK_MAX * self.bytes.len() as u64;
        let mut offset = at.tail + FRAME_ALIGN;
        while let Some(rest) = self.bytes.get(offset as usize..)
            && !rest.is_empty()
        {
            // What an earlier use of the file left has lower sequences.
            if let Some((sequence, total)) = claimed(rest)
                && (floor + 1..floor.saturating_add(SEQUENCES_MAX)).contains(&sequence)
            {
                // Values made to look like frames must not make this quadratic.
                let Some(left) = budget.checked_sub(total) else {
                    return Ok(());
                };
                budget = left;
                if let Ok(frame) = self.frame(offset) {
                    if frame.group > at.group {
                        return Err(damage(
                            "frames that were acknowledged are missing, later ones are there",
                        ));
                    }
                    at.sequence_high = at.sequence_high.max(frame.sequence);
                    at.torn = at.torn.or(Some(FrameFault::Blank));
                }
            }
            offset += FRAME_ALIGN;
        }
        Ok(())
    }
}

//! A header that was being written over an older one when the process died.
//!
//! A header is written into a file that a header on the device says is not in use, and no frame is written before it is
//! whole. So a file whose header is torn holds nothing, and the headers that are sound name all segments in use, each of
//! which is there. The damaged header of a segment in use shows otherwise: that segment is missing, or, if it was the
//! newest, its file has sound frames of the segment that comes next.

use super::frame::{FRAME_ALIGN, Frame, claimed};
use super::header::{SEGMENT_HEADER, begun_at, is_remainder};
use super::scan::{LOOK_MAX, SEQUENCES_MAX};
use super::survey::Found;
use crate::checksum::Seed;
use crate::device::{DeviceFile, read_full};
use std::io;

/// Attempts to begin a segment, after those that sound headers tell of, among which a header that can not be read is looked for.
const ATTEMPTS: u64 = 64;

/// Whether the unsound header of `file` is that of a segment that was never begun. `live` are the segments in use, by
/// number, the first of which should be `oldest`; `begun_high` is the latest attempt that sound headers tell of. False where
/// that can not be told. Cost: the file is read.
pub(super) fn is_torn(
    file: &dyn DeviceFile,
    uuid: [u8; 16],
    live: &[Found],
    oldest: u64,
    begun_high: u64,
) -> io::Result<bool> {
    let numbers = live.iter().map(|found| found.header.number);
    let whole = numbers.zip(oldest..).all(|(found, due)| found == due);
    let Some(newest) = live.last().filter(|_| whole) else {
        return Ok(false);
    };
    let mut bytes = vec![0; usize::try_from(file.len()?).map_err(io::Error::other)?];
    let read = read_full(file, 0, &mut bytes)?;
    let bytes = &bytes[..read];
    if !is_remainder(bytes, uuid) {
        return Ok(false);
    }
    // What the header says of its attempt may have a bit that flipped.
    let said = begun_at(bytes);
    let flipped = (0..u64::BITS).map(|bit| said ^ (1 << bit));
    let attempts = (begun_high + 1..=begun_high + ATTEMPTS).chain([said]);
    let next = newest.header.number + 1;
    let seeds = attempts
        .chain(flipped)
        .map(|begun| Seed::new(uuid, next, begun));
    let first = newest.header.first_sequence;
    Ok(holds_none(bytes, &seeds.collect::<Vec<_>>(), first))
}

/// Whether there is no frame of any of these seeds with a sequence from `first` on. False if that takes too long to tell.
fn holds_none(bytes: &[u8], seeds: &[Seed], first: u64) -> bool {
    let mut budget = LOOK_MAX * bytes.len() as u64 * seeds.len() as u64;
    let mut offset = SEGMENT_HEADER;
    while let Some(rest) = bytes.get(offset..) {
        if let Some((sequence, total)) = claimed(rest)
            && (first..first + SEQUENCES_MAX).contains(&sequence)
        {
            // As when looking behind a torn tail: values made to look like frames must not make this quadratic.
            let cost = total * seeds.len() as u64;
            let Some(left) = budget.checked_sub(cost) else {
                return false;
            };
            budget = left;
            let is_of = |seed| Frame::parse(rest, seed, offset as u64).is_ok();
            if seeds.iter().any(is_of) {
                return false;
            }
        }
        offset += FRAME_ALIGN as usize;
    }
    true
}

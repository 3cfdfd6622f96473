//! The two superblocks, written in turns.

use super::format::{SUPERBLOCK, Superblock};
use crate::device::{DeviceFile, Lock, read_full, write_full};
use crate::sealed::Fault;
use std::io;

/// The file of the superblocks, which is locked while the tier is open.
pub(super) const SUPERBLOCKS: &str = "superblocks";

/// Each has a block of its own.
const APART: u64 = 4096;
/// Bytes of their file, which has them before the first is written.
pub(super) const SUPERBLOCKS_BYTES: u64 = 2 * APART;

/// The superblocks of an open tier.
pub(super) struct Superblocks {
    lock: Lock,
    /// The newer one.
    pub(super) current: Superblock,
}

/// What the file of superblocks says.
pub(super) enum Found {
    /// Nothing: the making of the tier was not finished.
    Nothing,
    /// The newest one, and whether the other is as it should be.
    Newest(Superblock, bool),
}

/// Reads both.
pub(super) fn read(file: &dyn DeviceFile) -> io::Result<Result<Found, Fault>> {
    let mut bytes = vec![0; SUPERBLOCKS_BYTES as usize];
    let read = read_full(file, 0, &mut bytes)?;
    bytes.truncate(read);
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(Ok(Found::Nothing));
    }
    let slots = [0, APART as usize].map(|at| {
        let rest = bytes.get(at..).unwrap_or_default();
        let slot = &rest[..rest.len().min(SUPERBLOCK)];
        (slot.iter().all(|byte| *byte == 0), Superblock::parse(slot))
    });
    let whole = bytes.len() as u64 == SUPERBLOCKS_BYTES;
    let blank = slots.each_ref().map(|(blank, _)| *blank);
    let [(_, first), (_, second)] = slots;
    Ok(match (first, second) {
        // Another version is never a matter of damage, nor written over.
        (Err(Fault::Version(version)), _) | (_, Err(Fault::Version(version))) => {
            Err(Fault::Version(version))
        }
        (Ok(first), Ok(second)) if first.epoch > second.epoch => Ok(Found::Newest(first, whole)),
        (Ok(_), Ok(second)) => Ok(Found::Newest(second, whole)),
        (Ok(block), Err(_)) => Ok(Found::Newest(block, whole && blank[1] && block.epoch == 1)),
        (Err(_), Ok(block)) => Ok(Found::Newest(block, whole && blank[0] && block.epoch == 1)),
        (Err(_), Err(_)) if is_unfinished(&bytes) => Ok(Found::Nothing),
        (Err(fault), Err(_)) => Err(fault),
    })
}

/// Whether there is nothing but a beginning of the first superblock: the device had no room for the rest of it, or the
/// process ended there.
fn is_unfinished(bytes: &[u8]) -> bool {
    let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    let (before, rest) = bytes.split_at(bytes.len().min(APART as usize));
    let (block, behind) = rest.split_at(rest.len().min(SUPERBLOCK));
    let end = (block.iter())
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    is_zero(before) && is_zero(behind) && end < SUPERBLOCK && Superblock::may_begin(&block[..end])
}

impl Superblocks {
    pub(super) const fn new(lock: Lock, current: Superblock) -> Self {
        Self { lock, current }
    }

    /// Writes the next one, in place of the older of the two, and makes it durable.
    pub(super) fn write(&mut self, change: impl FnOnce(&mut Superblock)) -> io::Result<()> {
        let mut next = self.current;
        change(&mut next);
        next.epoch += 1;
        let file = self.lock.file();
        write_full(file, next.epoch % 2 * APART, &next.encode())?;
        file.sync_data()?;
        self.current = next;
        Ok(())
    }
}

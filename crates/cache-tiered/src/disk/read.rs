//! Reading an entry: by the index, and believed only if it says itself that it is the one.

use super::Disk;
use super::format::{Compression, EntryHeader, FenceKind};
use super::index::Place;
use crate::device::read_full;

/// An entry as it lies on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) value: Vec<u8>,
    pub(super) tags: Vec<u8>,
    pub(super) compression: Compression,
    pub(super) stamp: u64,
    pub(super) expiry: u64,
}

/// Why the bytes at a place are not the entry that was looked for.
enum Missed {
    /// Another key has the same hash.
    OtherKey,
    /// They are damaged, could not be read, or were given up meanwhile.
    Unsound,
}

impl Disk {
    /// The entry of a key. One look at the index, and one read of the device unless the entry is
    /// on its way to it. What is damaged is dropped and counted.
    pub(super) fn read(&self, hash: u64, key: &[u8]) -> Option<Found> {
        let mut place = self.index.touch(hash)?;
        loop {
            match self.read_at(place, key) {
                Ok(found) => return Some(found),
                Err(Missed::OtherKey) => return None,
                Err(Missed::Unsound) => {}
            }
            // It may have moved while it was read.
            match self.index.get(hash) {
                Some(now) if !now.is_at(place) => place = now,
                Some(_) => {
                    self.counts.damaged.add();
                    self.forget(hash, place, self.next_stamp());
                    return None;
                }
                None => return None,
            }
        }
    }

    /// Drops an entry that may still be readable one day, and that nothing must bring back then.
    pub(super) fn forget(&self, hash: u64, place: Place, stamp: u64) {
        // The fence first: who finds no place needs none.
        if self.fence(FenceKind::Key, hash, stamp).is_ok() {
            self.index.remove_at(hash, place);
        }
    }

    fn read_at(&self, place: Place, key: &[u8]) -> Result<Found, Missed> {
        let (bytes, ordinal) = self.bytes_at(place).ok_or(Missed::Unsound)?;
        let seed = self.layout.seed(place.region(), ordinal);
        let header = EntryHeader::parse(&bytes, &seed, place.offset());
        let header = header.ok_or(Missed::Unsound)?;
        let parts = header.parts(&bytes).ok_or(Missed::Unsound)?;
        if parts.key != key {
            return Err(Missed::OtherKey);
        }
        Ok(Found {
            value: parts.value.to_vec(),
            tags: parts.tags.to_vec(),
            compression: header.compression(),
            stamp: header.stamp,
            expiry: header.expiry,
        })
    }

    /// The bytes at a place, and the ordinal of the region at that time.
    pub(super) fn bytes_at(&self, place: Place) -> Option<(Vec<u8>, u64)> {
        let ordinal = self.regions.ordinal(place.region())?;
        let end = place.offset() + place.bytes();
        if !self.regions.is_written(place.region(), end) {
            if let Some(bytes) = self.writer.read(place, ordinal) {
                return Some((bytes, ordinal));
            }
            // It was written in between, or given up.
            if !self.regions.is_written(place.region(), end) {
                return None;
            }
        }
        let mut bytes = vec![0; place.bytes() as usize];
        let position = self.layout.position(place.region(), place.offset());
        match read_full(&*self.file, position, &mut bytes) {
            Ok(read) if read == bytes.len() => Some((bytes, ordinal)),
            Ok(_) => None,
            Err(_) => {
                self.counts.read_errors.add();
                None
            }
        }
    }
}

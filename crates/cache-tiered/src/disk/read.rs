//! Reading an entry: by the index, and believed only if it says itself that it is the one.

use super::Disk;
use super::format::{EntryHeader, FenceKind, Parts};
use super::index::Place;
use crate::device::read_full;
use buffer_pool::PooledBuf;

/// What was found for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found<T> {
    /// What the caller made of the entry.
    pub(crate) taken: T,
    pub(crate) stamp: u64,
    /// Milliseconds that are left of its life; none if it has no end.
    pub(crate) left: Option<u64>,
    /// How often it was found before since it was written, counted to three.
    pub(crate) hits: u64,
}

/// Why the bytes at a place are not the entry that was looked for.
enum Missed {
    /// Another key has the same hash.
    OtherKey,
    /// Its time is over, or a floor covers it.
    Over,
    /// They are damaged, or were given up meanwhile; or the caller could make nothing of them.
    Unsound,
    /// The device failed.
    Unread,
    /// They cannot be had without waiting.
    Later,
}

/// Whether a read may wait for the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Device,
    AtOnce,
}

/// A larger entry is not read at once: what checks and copies it takes a while by itself.
const AT_ONCE_MAX: u64 = 64 << 10;

/// Bytes of an entry, from wherever they are at present.
pub(super) enum Bytes {
    /// Of a batch that is not in the file yet.
    Waiting(Vec<u8>),
    Read(PooledBuf),
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Waiting(bytes) => bytes,
            Self::Read(bytes) => bytes,
        }
    }
}

impl Disk {
    /// What `take` makes of the entry of a key: none if it can make nothing of that. One look at the index,
    /// and one read of the device unless the entry is on its way to it. What is damaged is dropped and
    /// counted.
    pub(crate) fn read<T>(
        &self,
        hash: u64,
        key: &[u8],
        take: impl FnMut(&EntryHeader, &Parts<'_>) -> Option<T>,
    ) -> Option<Found<T>> {
        let found = self.find(hash, key, take);
        match &found {
            Some(_) => self.counts.hits.add(),
            None => {
                self.counts.misses.add();
                self.admission.missed(hash);
            }
        }
        found
    }

    /// As [`read`](Self::read), if that needs no waiting: nothing is written, no thread is waited for that may be
    /// writing, and the system has the bytes in memory. Nothing otherwise, or where the entry
    /// was found as often as `hits_below`; then it is as if this had not been called.
    pub(crate) fn read_at_once<T>(
        &self,
        hash: u64,
        key: &[u8],
        hits_below: u64,
        take: impl FnMut(&EntryHeader, &Parts<'_>) -> Option<T>,
    ) -> Option<Found<T>> {
        if !self.is_serving() || !self.breaker.allows(self.time.now()) {
            return None;
        }
        let place = self.index.get(hash)?;
        if place.hits() >= hits_below || place.bytes() > AT_ONCE_MAX {
            return None;
        }
        let found = self.read_at(place, key, Reach::AtOnce, take).ok()?;
        self.index.touch(hash);
        self.counts.hits.add();
        Some(found)
    }

    /// Whether there is an entry of a key, as far as the index says: nothing is read.
    pub(crate) fn has(&self, hash: u64) -> bool {
        self.is_serving() && self.index.get(hash).is_some()
    }

    fn find<T>(
        &self,
        hash: u64,
        key: &[u8],
        mut take: impl FnMut(&EntryHeader, &Parts<'_>) -> Option<T>,
    ) -> Option<Found<T>> {
        if !self.is_serving() {
            return None;
        }
        let mut place = self.index.touch(hash)?;
        if !self.breaker.allows(self.time.now()) {
            return None;
        }
        loop {
            let (damaged, expired) = match self.read_at(place, key, Reach::Device, &mut take) {
                Ok(found) => return Some(found),
                Err(Missed::OtherKey | Missed::Unread | Missed::Later) => return None,
                Err(Missed::Over) => (0, 1),
                Err(Missed::Unsound) => (1, 0),
            };
            // It may have moved while it was read.
            match self.index.get(hash) {
                Some(now) if !now.is_at(place) => place = now,
                Some(_) => {
                    self.counts.damaged.add_many(damaged);
                    self.counts.expired.add_many(expired);
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

    fn read_at<T>(
        &self,
        place: Place,
        key: &[u8],
        reach: Reach,
        mut take: impl FnMut(&EntryHeader, &Parts<'_>) -> Option<T>,
    ) -> Result<Found<T>, Missed> {
        let (bytes, ordinal) = self.bytes_at(place, reach)?;
        let seed = self.layout.seed(place.region(), ordinal);
        let header = EntryHeader::parse(&bytes, &seed, place.offset());
        let header = header.ok_or(Missed::Unsound)?;
        let parts = header.parts(&bytes).ok_or(Missed::Unsound)?;
        if parts.key != key {
            return Err(Missed::OtherKey);
        }
        let left = match header.expiry {
            0 => None,
            expiry => Some(expiry.saturating_sub(self.time.wall())),
        };
        if left == Some(0) || self.is_covered(header.stamp, parts.tags) {
            return Err(Missed::Over);
        }
        Ok(Found {
            taken: take(&header, &parts).ok_or(Missed::Unsound)?,
            stamp: header.stamp,
            left,
            hits: place.hits(),
        })
    }

    /// The bytes at a place, and the ordinal of the region at that time.
    fn bytes_at(&self, place: Place, reach: Reach) -> Result<(Bytes, u64), Missed> {
        let ordinal = self.regions.ordinal(place.region());
        let ordinal = ordinal.ok_or(Missed::Unsound)?;
        let end = place.offset() + place.bytes();
        if !self.regions.is_written(place.region(), end) {
            if let Some(bytes) = self.writer.read(place, ordinal) {
                return Ok((Bytes::Waiting(bytes), ordinal));
            }
            // It was written in between, or given up.
            if !self.regions.is_written(place.region(), end) {
                return Err(Missed::Unsound);
            }
        }
        let bytes = (self.buffers).try_acquire_stale(place.bytes() as usize);
        let mut bytes = bytes.map_err(|_| Missed::Unread)?;
        let position = self.layout.position(place.region(), place.offset());
        if reach == Reach::AtOnce {
            return match self.file.read_at_once(position, &mut bytes) {
                Ok(Some(read)) if read == bytes.len() => Ok((Bytes::Read(bytes), ordinal)),
                _ => Err(Missed::Later),
            };
        }
        let read = read_full(&*self.file, position, &mut bytes);
        self.breaker.ended(read.is_ok(), self.time.now());
        match read {
            Ok(read) if read == bytes.len() => Ok((Bytes::Read(bytes), ordinal)),
            Ok(_) => Err(Missed::Unsound),
            Err(_) => {
                self.counts.read_errors.add();
                Err(Missed::Unread)
            }
        }
    }

    /// The bytes at a place, if they can be had.
    pub(super) fn bytes_of(&self, place: Place) -> Option<Bytes> {
        self.bytes_at(place, Reach::Device)
            .ok()
            .map(|(bytes, _)| bytes)
    }
}

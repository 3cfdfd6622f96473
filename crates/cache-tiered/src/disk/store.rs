//! Storing: an entry comes from memory, if it is worth it and its key has not changed on the way.

use super::Disk;
use super::format::{FenceKind, Parts};
use super::index::Place;
use super::marks::Mark;
use super::writer::{Appended, NewEntry};
use crate::compress::Method;

/// An entry as memory hands it over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) key: &'a [u8],
    /// From [`encode_tags`](super::encode_tags).
    pub(crate) tags: &'a [u8],
    pub(crate) value: &'a [u8],
    pub(crate) method: Method,
    /// Bytes of the value before it was compressed.
    pub(crate) plain_bytes: usize,
    pub(crate) stamp: u64,
    /// Milliseconds since 1970; 0 for never.
    pub(crate) expiry: u64,
}

impl Disk {
    /// Whether an entry of a key would come to the disk at all: nothing has to be encoded for one that is there
    /// already, that is not worth it, or that nobody takes.
    pub(crate) fn wants(&self, hash: u64) -> bool {
        let count = if !self.takes() || !self.breaker.allows(self.time.now()) {
            &self.counts.dropped
        } else if self.index.get(hash).is_some() {
            &self.counts.clean
        } else if !self.admission.is_frequent(hash) {
            &self.counts.refused
        } else {
            return true;
        };
        count.add();
        false
    }

    /// Stores a value that left memory when the mark of its key, by the hash `key`, was `mark`, unless it is
    /// there.
    pub(crate) fn store(&self, key: u64, hash: u64, entry: &Entry<'_>, mark: Mark) {
        let new = NewEntry {
            hash,
            parts: Parts {
                key: entry.key,
                tags: entry.tags,
                value: entry.value,
            },
            method: entry.method,
            stamp: entry.stamp,
            expiry: entry.expiry,
        };
        let mut there = false;
        let permitted = |place: Place| {
            self.index.insert_if(hash, place, |now| {
                there = now.is_some();
                !there && self.takes() && self.marks.is_unchanged(key, mark)
            })
        };
        let bytes = new.parts.entry_bytes().unwrap_or_default();
        if !self.admission.affords(bytes, self.time.now()) {
            self.counts.refused.add();
            return;
        }
        let mut appended = self.append(&new, permitted);
        if appended == Appended::Overtaken && there {
            appended = Appended::Clean;
        }
        match appended {
            Appended::Done => {
                self.counts.stored.add();
                let bytes = entry.key.len() + entry.plain_bytes;
                self.counts.stored_bytes.add_many(bytes as u64);
                self.after_append(hash, entry.stamp, entry.tags);
            }
            Appended::Clean => self.counts.clean.add(),
            Appended::Overtaken => self.counts.overtaken.add(),
            Appended::TooLarge => self.counts.unfit.add(),
            Appended::NoRoom => self.counts.dropped.add(),
        }
    }

    /// Counts a value that has no form on the disk.
    pub(crate) fn unfit(&self) {
        self.counts.unfit.add();
    }

    /// Appends an entry. If there is no room for it and it is to wait, it does some of the work that makes room.
    fn append(&self, entry: &NewEntry<'_>, permitted: impl FnMut(Place) -> bool) -> Appended {
        let mut permitted = permitted;
        loop {
            let appended = (self.writer).append(&self.layout, &self.regions, entry, &mut permitted);
            if self.writer.has_waiting() || appended == Appended::NoRoom {
                self.signal.call();
            }
            // Where there is nothing to be done that would make room, there will be none.
            if appended != Appended::NoRoom || !self.waits || !self.work() {
                return appended;
            }
        }
    }

    /// An entry has come to the open region. If a floor was raised on its way, the fence of that may be in a
    /// file that goes before the region does; if one is raised from now on, its fence comes later than the entry.
    pub(super) fn after_append(&self, hash: u64, stamp: u64, tags: &[u8]) {
        if !self.is_covered(stamp, tags) {
            return;
        }
        while let Some(place) = self.index.get(hash) {
            let fenced = self.fence(FenceKind::Key, hash, stamp + 1).is_ok();
            if !fenced || self.index.remove_at(hash, place) {
                break;
            }
        }
        self.counts.expired.add();
    }
}

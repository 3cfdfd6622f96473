//! The disk tier, in the making: its parts, which only their tests use so far.
//!
//! ```text
//!   a value leaves memory --> batch --> region, region, ... (one file, each filled once)
//!                               |            |  sealed by a footer, reclaimed oldest first;
//!   index: 12 bytes a key <-----+            v  what was hit moves to the open region
//!   a mutation: mark, fence, index      free again, its header made void
//! ```
//!
//! # What must hold
//!
//! * An entry is an answer only if header, key, tags and value have the checksums of this use of
//!   its region, and its key is the one asked for. So no damage and no reuse gives wrong bytes.
//! * *Who finds no place in the index needs no fence*: so an entry leaves the index only when a
//!   fence says so to a restart, or the header of its region is void.
//! * A value that left memory enters the index only if its key was not changed since: [`marks`].
//! * *An entry in the index is that of the key's present value*: so who leaves memory and has one is
//!   not written again, and nothing in the index is ever replaced.

mod counts;
mod error;
mod fences;
mod format;
mod index;
mod layout;
mod marks;
mod open;
mod options;
mod read;
mod recovery;
mod regions;
mod scan;
mod standing;
mod superblocks;
mod work;
mod writer;

#[cfg(test)]
mod tests;

use self::counts::Counts;
use self::fences::Fences;
use self::format::{Compression, Fence, FenceKind, Parts};
use self::index::{Index, Place};
use self::layout::Layout;
use self::marks::{Mark, Marks};
use self::regions::Regions;
use self::superblocks::Superblocks;
use self::writer::{Appended, NewEntry, Writer};
use crate::device::{Device, DeviceFile};
use parking_lot::Mutex;
use siphasher::sip::SipHasher13;
use std::hash::Hasher;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// An entry as memory hands it over.
#[derive(Clone, Copy, Debug)]
struct Entry<'a> {
    key: &'a [u8],
    tags: &'a [u8],
    value: &'a [u8],
    compression: Compression,
    stamp: u64,
    expiry: u64,
}

/// The disk tier of opaque bytes.
struct Disk {
    device: Box<dyn Device>,
    file: Box<dyn DeviceFile>,
    layout: Layout,
    /// What was acknowledged survives a loss of power.
    durable: bool,
    superblocks: Mutex<Superblocks>,
    index: Index,
    marks: Marks,
    regions: Regions,
    writer: Writer,
    fences: Fences,
    /// The last stamp given (AcqRel, as those of the cache, whose it is).
    stamp: Arc<AtomicU64>,
    counts: Counts,
}

impl Disk {
    /// The hash of a key: keyed by the tier's uuid, the same in each run.
    fn hash(&self, key: &[u8]) -> u64 {
        hash(self.layout.uuid, key)
    }

    fn next_stamp(&self) -> u64 {
        self.stamp.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Writes a fence.
    fn fence(&self, kind: FenceKind, hash: u64, stamp: u64) -> io::Result<()> {
        let result = self
            .fences
            .append(&*self.device, Fence { kind, hash, stamp }, || {
                self.regions.last_ordinal()
            });
        match &result {
            Ok(()) => self.counts.fences.add(),
            Err(_) => self.counts.write_errors.add(),
        }
        result
    }

    /// Stores a value that left memory when the mark of its key was `mark`, unless it is there.
    fn store(&self, hash: u64, entry: &Entry<'_>, mark: Mark) -> Appended {
        if self.index.get(hash).is_some() {
            self.counts.clean.add();
            return Appended::Clean;
        }
        let new = NewEntry {
            hash,
            parts: Parts {
                key: entry.key,
                tags: entry.tags,
                value: entry.value,
            },
            compression: entry.compression,
            stamp: entry.stamp,
            expiry: entry.expiry,
        };
        let permitted = |place: Place| {
            self.index.insert_if(hash, place, |now| {
                now.is_none() && self.marks.is_unchanged(hash, mark)
            })
        };
        let appended = (self.writer).append(&self.layout, &self.regions, &new, permitted);
        match appended {
            Appended::Done => self.counts.stored.add(),
            Appended::Overtaken => self.counts.overtaken.add(),
            Appended::Clean | Appended::TooLarge => {}
            Appended::NoRoom => self.counts.dropped.add(),
        }
        appended
    }

    /// A mutation of a key begins: no entry of it is an answer from now on, nor after a restart.
    /// [`end_mutation`](Self::end_mutation) has to follow, also after an error.
    ///
    /// # Errors
    ///
    /// That of the device: a restart may bring the entry back, so the mutation must not go on.
    fn begin_mutation(&self, hash: u64, stamp: u64) -> io::Result<()> {
        self.marks.begin(hash);
        if self.index.get(hash).is_some() {
            self.fence(FenceKind::Key, hash, stamp)?;
            self.index.remove(hash);
        }
        Ok(())
    }

    /// What the mutation changed is shown, or given up.
    fn end_mutation(&self, hash: u64) {
        self.marks.end(hash);
    }

    /// Writes all that was stored so far.
    fn flush(&self) {
        self.writer.end_batch();
        while let Some(batch) = self.writer.next() {
            self.write(&batch);
            self.writer.written();
        }
    }
}

/// The hash of a key of the tier of this uuid.
fn hash(uuid: [u8; 16], key: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_key(&uuid);
    hasher.write(key);
    hasher.finish()
}

//! The disk tier of opaque bytes: what it promises and how it keeps that. [`Tiered`](crate::Tiered)
//! brings it keys and values through codecs.
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
//! * A fence is about what came to the disk before it: so who finds, after an entry has come to a
//!   region, that a floor covers it, writes a fence for it; and a mutation fences the very place that
//!   it removes.
//! * Where no fence can be written, the whole tier is given up: on the disk by a superblock of another
//!   uuid, under which nothing counts; and until that is written, no key of the index is changed.

mod admission;
mod counts;
mod error;
mod fences;
mod format;
#[cfg(fuzzing)]
pub mod fuzzing;
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
mod stats;
mod store;
mod superblocks;
mod tags;
mod time;
mod verify;
mod work;
mod worker;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use self::error::OpenError;
pub(crate) use self::format::{EntryHeader, Parts};
pub(crate) use self::marks::Mark;
pub(crate) use self::open::Surroundings;
pub(crate) use self::options::Options;
pub(crate) use self::read::Found;
pub use self::stats::DiskStats;
pub(crate) use self::store::Entry;
pub(crate) use self::tags::{decode as decode_tags, encode as encode_tags};
pub use self::verify::DiskReport;
pub(crate) use self::worker::Worker;

use self::admission::Admission;
use self::counts::Counts;
use self::fences::Fences;
use self::format::{Fence, FenceKind};
use self::index::Index;
use self::layout::Layout;
use self::marks::Marks;
use self::regions::Regions;
use self::superblocks::Superblocks;
use self::time::Time;
use self::worker::Signal;
use self::writer::Writer;
use crate::breaker::Breaker;
use crate::device::{Device, DeviceFile};
use crate::floors::Floors;
use crate::tag::Tag;
use buffer_pool::BufferPool;
use parking_lot::Mutex;
use siphasher::sip::SipHasher13;
use std::collections::HashMap;
use std::hash::Hasher;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The disk tier of opaque bytes.
pub(crate) struct Disk {
    device: Box<dyn Device>,
    file: Box<dyn DeviceFile>,
    layout: Layout,
    /// What was acknowledged survives a loss of power.
    durable: bool,
    /// Who finds no room for an entry makes some, rather than dropping it.
    waits: bool,
    superblocks: Mutex<Superblocks>,
    index: Index,
    marks: Marks,
    regions: Regions,
    writer: Writer,
    fences: Fences,
    /// The last stamp given (AcqRel, as those of the cache, whose it is).
    stamp: Arc<AtomicU64>,
    /// What is older than they are is no answer; they are the cache's.
    floors: Arc<Floors>,
    /// Those of tags that runs before have left, by the hashes of their names.
    former_floors: HashMap<u64, u64>,
    time: Time,
    admission: Admission,
    breaker: Breaker,
    /// For what is read.
    buffers: BufferPool,
    /// One at a time does [`work`](Self::work).
    working: Mutex<()>,
    signal: Arc<Signal>,
    /// It answers and takes entries. Cleared (Release) when a fence could not be written, before the index
    /// is; looked at (Acquire) under the lock of the index by who would put an entry there.
    serving: AtomicBool,
    /// It was closed: nothing comes to it any more, and nothing is reclaimed. Set under `working`.
    closed: AtomicBool,
    counts: Counts,
}

/// No fence can be written, nor can the tier be given up.
#[derive(Debug, thiserror::Error)]
#[error(
    "the disk tier can not note that a key changes, so a restart might bring back the old value: check the device of the disk tier, or build the cache without it"
)]
pub(crate) struct Unfenced(#[source] io::Error);

impl Disk {
    /// The hash of a key: keyed by the tier's uuid, the same in each run.
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        hash(self.layout.uuid, key)
    }

    fn next_stamp(&self) -> u64 {
        self.stamp.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// What stands for a key in the [`marks`], of which `key` is a hash: to be called under the lock under
    /// which its value leaves memory.
    pub(crate) fn mark(&self, key: u64) -> Mark {
        self.marks.read(key)
    }

    fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Acquire)
    }

    /// Whether entries may come to it.
    fn takes(&self) -> bool {
        self.is_serving() && !self.closed.load(Ordering::Acquire)
    }

    /// Writes a fence. After an error no other can be written.
    fn fence(&self, kind: FenceKind, hash: u64, stamp: u64) -> io::Result<()> {
        let result = self.reopen_fences().and_then(|()| {
            let fence = Fence { kind, hash, stamp };
            let ordinal = || self.regions.last_ordinal();
            self.fences.append(&*self.device, fence, ordinal)
        });
        match &result {
            Ok(()) => self.counts.fences.add(),
            Err(_) => {
                self.counts.write_errors.add();
                self.serving.store(false, Ordering::Release);
            }
        }
        result
    }

    /// A closed tier says where its fences end. If there is one more, it must not say so.
    fn reopen_fences(&self) -> io::Result<()> {
        if !self.closed.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut superblocks = self.superblocks.lock();
        if superblocks.current.closed {
            superblocks.write(|next| next.closed = false)?;
        }
        Ok(())
    }

    /// Lets nothing of the tier count any more, nor after a restart. Once that was said on the disk it is
    /// done for good, and this does nothing.
    fn give_up(&self) -> io::Result<()> {
        self.serving.store(false, Ordering::Release);
        let mut superblocks = self.superblocks.lock();
        if superblocks.current.uuid == self.layout.uuid {
            let uuid = self.device.uuid();
            superblocks.write(|next| next.uuid = uuid)?;
            self.index.clear();
        }
        Ok(())
    }

    /// A mutation of a key begins: no entry of it is an answer from now on, nor after a restart. `key` is
    /// the hash by which it has a mark, `hash` that of its bytes.
    /// [`end_mutation`](Self::end_mutation) has to follow, also after an error.
    ///
    /// # Errors
    ///
    /// That of the device: a restart may bring the entry back, so the mutation must not go on.
    pub(crate) fn begin_mutation(&self, key: u64, hash: u64, stamp: u64) -> Result<(), Unfenced> {
        self.marks.begin(key);
        while let Some(place) = self.index.get(hash) {
            let fenced = self.is_serving() && self.fence(FenceKind::Key, hash, stamp).is_ok();
            if !fenced {
                return self.give_up().map_err(Unfenced);
            }
            // One that has moved meanwhile may be in a region that the fence is not about.
            if self.index.remove_at(hash, place) {
                break;
            }
        }
        Ok(())
    }

    /// [`begin_mutation`](Self::begin_mutation) of a key that has no bytes, and so no entry.
    pub(crate) fn begin_unknown(&self, key: u64) {
        self.marks.begin(key);
    }

    /// Milliseconds since 1970.
    pub(crate) fn wall(&self) -> u64 {
        self.time.wall()
    }

    /// What the mutation changed is shown, or given up.
    pub(crate) fn end_mutation(&self, key: u64) {
        self.marks.end(key);
    }

    /// After the floor of a tag was raised: the same goes for a restart.
    ///
    /// # Errors
    ///
    /// That of the device; the tier answers nothing any more, and says so on the disk as soon as it can.
    pub(crate) fn raise_tag(&self, tag: &Tag, stamp: u64) -> Result<(), Unfenced> {
        let hash = self.hash(tag.name().as_bytes());
        self.raise(FenceKind::Tag, hash, stamp)
    }

    /// After the floor of everything was raised: the same goes for a restart, and the tier is empty.
    ///
    /// # Errors
    ///
    /// As [`raise_tag`](Self::raise_tag).
    pub(crate) fn raise_all(&self, stamp: u64) -> Result<(), Unfenced> {
        self.raise(FenceKind::All, 0, stamp)
    }

    fn raise(&self, kind: FenceKind, hash: u64, stamp: u64) -> Result<(), Unfenced> {
        let fenced = self.is_serving() && self.fence(kind, hash, stamp).is_ok();
        if fenced {
            return Ok(());
        }
        self.give_up().map_err(Unfenced)
    }

    /// Whether an entry is older than a floor that is about it.
    fn is_covered(&self, stamp: u64, tags: &[u8]) -> bool {
        if tags.is_empty() {
            return self.floors.cover(stamp, &[]);
        }
        // Tags that can not be read are of no entry that this code wrote.
        let Some(tags) = tags::decode(tags) else {
            return true;
        };
        let former = |tag: &Tag| {
            let floor = self.former_floors.get(&self.hash(tag.name().as_bytes()));
            floor.is_some_and(|floor| stamp < *floor)
        };
        self.floors.cover(stamp, &tags)
            || (!self.former_floors.is_empty() && tags.iter().any(former))
    }

    /// Whether the time of an entry is over.
    fn is_over(&self, expiry: u64) -> bool {
        expiry != 0 && expiry <= self.time.wall()
    }
}

/// The hash of a key of the tier of this uuid.
fn hash(uuid: [u8; 16], key: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_key(&uuid);
    hasher.write(key);
    hasher.finish()
}

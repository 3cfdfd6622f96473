//! Opening a tier: what is there, and whether it may be relied upon.

use super::Disk;
use super::counts::Counts;
use super::error::OpenError;
use super::fences::{self, Fences};
use super::format::{FenceKind, FencesHeader, REGION_HEADER, Superblock};
use super::index::Index;
use super::layout::{Layout, REGIONS};
use super::marks::Marks;
use super::options::Options;
use super::recovery::take_up;
use super::regions::Regions;
use super::standing::{Standing, Unreliable, fence_files};
use super::superblocks::{self, Found, SUPERBLOCKS, SUPERBLOCKS_BYTES, Superblocks};
use super::writer::Writer;
use crate::device::{Device, DeviceFile, Lock, read_full};
use crate::sealed::Fault;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Stamps are reserved so many at a time.
const STAMP_LEAP: u64 = 1 << 40;
/// Ordinals of regions likewise.
const ORDINAL_LEAP: u64 = 1 << 24;

/// What opening found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// There was no tier.
    New,
    /// All that was written and still counts is there.
    Warm,
    /// What was there can not be relied upon.
    Emptied(&'static str),
}

impl Disk {
    /// Opens the tier on a device, or makes one.
    pub(super) fn open(
        device: Box<dyn Device>,
        options: &Options,
        stamp: Arc<AtomicU64>,
    ) -> Result<(Self, Begun), OpenError> {
        options.check()?;
        let names = device.list()?;
        let known = |name: &String| {
            [SUPERBLOCKS, REGIONS, fences::NEW].contains(&&**name) || fences::number(name).is_some()
        };
        if let Some(file) = names.iter().find(|name| !known(name)) {
            return Err(OpenError::Foreign { file: file.clone() });
        }
        let exists = names.iter().any(|name| name == SUPERBLOCKS);
        if !exists && let Some(file) = names.first() {
            return Err(OpenError::Foreign { file: file.clone() });
        }
        let file = if exists {
            device.open(SUPERBLOCKS)?
        } else {
            let file = device.create(SUPERBLOCKS)?;
            // Other files without it would be taken for somebody else's.
            device.sync_directory()?;
            file
        };
        let lock = Lock::take(file)?.ok_or(OpenError::Locked)?;
        let found = match superblocks::read(lock.file())? {
            Ok(found) => found,
            Err(Fault::Foreign) => {
                let file = SUPERBLOCKS.to_owned();
                return Err(OpenError::Foreign { file });
            }
            Err(Fault::Version(version)) => return Err(OpenError::Version { version }),
            Err(Fault::Damaged(reason)) => return Err(OpenError::Damaged { reason }),
        };
        lock.file().allocate(SUPERBLOCKS_BYTES)?;
        let (old, reason) = match found {
            Found::Nothing => (None, None),
            Found::Newest(block, true) => (Some(block), None),
            Found::Newest(block, false) => (Some(block), Some("a superblock was damaged")),
        };
        if let Some(old) = &old
            && old.codec != options.codec
        {
            return Err(OpenError::Codec {
                found: old.codec,
                expected: options.codec,
            });
        }
        let opening = Opening {
            device,
            options,
            lock,
            stamp,
        };
        match (old, reason) {
            (None, _) => opening.anew(None, Begun::New),
            (Some(old), Some(reason)) => opening.anew(Some(old), Begun::Emptied(reason)),
            (Some(old), None) => opening.warm(old),
        }
    }
}

/// An opening under way: the tier is locked.
struct Opening<'a> {
    device: Box<dyn Device>,
    options: &'a Options,
    lock: Lock,
    stamp: Arc<AtomicU64>,
}

impl Opening<'_> {
    /// The numbers of the files of fences, in order.
    fn regions_file(&self) -> io::Result<Box<dyn DeviceFile>> {
        let file = match self.device.open(REGIONS) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.device.create(REGIONS)?,
            file => file?,
        };
        file.allocate(self.options.region_bytes * u64::from(self.options.regions))?;
        Ok(file)
    }

    /// Makes the headers of all regions nothing.
    fn void_regions(&self, layout: &Layout, file: &dyn DeviceFile) -> io::Result<()> {
        for region in 0..layout.regions {
            let mut bytes = [0; REGION_HEADER];
            read_full(file, layout.position(region, 0), &mut bytes)?;
            if bytes != [0; REGION_HEADER] {
                layout.void(file, region)?;
            }
        }
        file.sync_data()
    }

    const fn layout(&self, uuid: [u8; 16]) -> Layout {
        Layout {
            uuid,
            region_bytes: self.options.region_bytes,
            regions: self.options.regions,
        }
    }

    /// Makes an empty tier, in place of `old`: under another uuid nothing of that counts.
    fn anew(self, old: Option<Superblock>, begun: Begun) -> Result<(Disk, Begun), OpenError> {
        let numbers = fence_files(&*self.device)?;
        let mut next = (self.options).superblock(self.device.uuid(), self.device.boot());
        let file = self.regions_file()?;
        self.void_regions(&self.layout(next.uuid), &*file)?;
        if let Some(old) = &old {
            next.epoch = old.epoch;
            next.stamp_high = old.stamp_high;
            next.ordinal_high = old.ordinal_high;
        }
        let number = numbers.last().map_or(1, |last| last + 1);
        let disk = self.begin(file, next, number, VecDeque::new(), &[])?;
        for number in numbers {
            disk.device.delete(&fences::name(number))?;
        }
        Ok((disk, begun))
    }

    /// Takes up what a run before left, if it may be relied upon.
    fn warm(self, old: Superblock) -> Result<(Disk, Begun), OpenError> {
        if old.region_bytes != self.options.region_bytes as u32 {
            return self.anew(Some(old), Begun::Emptied("its regions had another size"));
        }
        if !old.closed && !self.options.durable && old.boot != self.device.boot() {
            let reason = "the machine stopped before the tier was closed";
            return self.anew(Some(old), Begun::Emptied(reason));
        }
        let standing = match Standing::read(&*self.device, &old)? {
            Ok(standing) => standing,
            Err(Unreliable(reason)) => return self.anew(Some(old), Begun::Emptied(reason)),
        };
        let older: VecDeque<_> = standing.files(old.ordinal_high).collect();
        let number = older.back().map_or(1, |last| last.0 + 1);
        let file = self.regions_file()?;
        let taken = match take_up(&*file, &self.layout(old.uuid), &old, &standing)? {
            Ok(taken) => taken,
            Err(Unreliable(reason)) => return self.anew(Some(old), Begun::Emptied(reason)),
        };
        let disk = self.begin(file, old, number, older, &taken.sealed)?;
        for (hash, stamp) in taken.fences {
            disk.fence(FenceKind::Key, hash, stamp)?;
        }
        for (hash, (_, place)) in taken.entries {
            disk.index.insert_if(hash, place, |_| true);
        }
        Ok((disk, Begun::Warm))
    }

    /// Puts the tier together, and says on the device that it is open.
    fn begin(
        self,
        file: Box<dyn DeviceFile>,
        old: Superblock,
        number: u64,
        older: VecDeque<(u64, u64)>,
        sealed: &[(u32, u64)],
    ) -> Result<Disk, OpenError> {
        let layout = self.layout(old.uuid);
        let ordinal = old.ordinal_high;
        let fences = Fences::begin(
            &*self.device,
            &FencesHeader {
                file_bytes: self.options.fence_file_bytes,
                uuid: old.uuid,
                number,
                ordinal,
            },
            older,
            self.options.durable,
        )?;
        self.stamp.fetch_max(old.stamp_high, Ordering::AcqRel);
        let stamp_high = self.stamp.load(Ordering::Acquire) + STAMP_LEAP;
        let mut superblocks = Superblocks::new(self.lock, old);
        let boot = self.device.boot();
        if self.options.durable {
            self.device.sync_directory()?;
        }
        superblocks.write(|next| {
            next.regions = layout.regions;
            next.stamp_high = stamp_high;
            next.ordinal_high = ordinal + ORDINAL_LEAP;
            next.boot = boot;
            next.closed = false;
            next.fences = (number, 0);
        })?;
        Ok(Disk {
            device: self.device,
            file,
            layout,
            durable: self.options.durable,
            superblocks: Mutex::new(superblocks),
            index: Index::new(),
            marks: Marks::new(),
            regions: Regions::new(layout.regions, sealed, ordinal),
            writer: Writer::new(self.options.batch_bytes, self.options.buffer_bytes),
            fences,
            stamp: self.stamp,
            counts: Counts::default(),
        })
    }
}

impl Disk {
    /// Seals and writes everything, and says so on the device: what is stored is there after a
    /// loss of power too.
    pub(super) fn close(&self) -> io::Result<()> {
        self.writer.seal(&self.layout, &self.regions);
        self.flush();
        self.file.sync_data()?;
        self.fences.sync_all(&*self.device)?;
        self.device.sync_directory()?;
        let (fences, stamp) = (self.fences.position(), self.stamp.load(Ordering::Acquire));
        let ordinal = self.regions.last_ordinal();
        self.superblocks.lock().write(|next| {
            next.closed = true;
            next.fences = fences;
            next.stamp_high = stamp;
            next.ordinal_high = ordinal;
        })
    }
}

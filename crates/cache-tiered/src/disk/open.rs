//! Opening a tier: what is there, and whether it may be relied upon.

use super::Disk;
use super::admission::Admission;
use super::counts::Counts;
use super::error::OpenError;
use super::fences::{self, Fences};
use super::format::{FenceKind, FencesHeader, REGION_HEADER, Superblock};
use super::index::Index;
use super::layout::{Layout, REGIONS};
use super::marks::Marks;
use super::options::{Division, Options};
use super::recovery::take_up;
use super::regions::Regions;
use super::standing::{Standing, Unreliable, fence_files};
use super::superblocks::{self, Found, SUPERBLOCKS, SUPERBLOCKS_BYTES, Superblocks};
use super::time::Time;
use super::worker::Signal;
use super::writer::Writer;
use crate::breaker::Breaker;
use crate::device::{Device, DeviceFile, Lock, read_full};
use crate::floors::Floors;
use crate::memory::Clock;
use crate::sealed::Fault;
use buffer_pool::BufferPool;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Stamps are reserved so many at a time.
const STAMP_LEAP: u64 = 1 << 40;
/// Ordinals of regions likewise.
const ORDINAL_LEAP: u64 = 1 << 24;

/// What opening found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begun {
    /// There was no tier.
    New,
    /// All that was written and still counts is there.
    Warm,
    /// What was there can not be relied upon.
    Emptied(&'static str),
}

/// What a tier shares with the cache that it is of.
#[derive(Clone)]
pub(crate) struct Surroundings {
    /// The last stamp given.
    pub(crate) stamp: Arc<AtomicU64>,
    pub(crate) floors: Arc<Floors>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The time of the system, in milliseconds since 1970.
    pub(crate) wall: u64,
}

impl Disk {
    /// Opens the tier on a device, or makes one.
    pub(crate) fn open(
        device: Box<dyn Device>,
        options: &Options,
        surroundings: Surroundings,
    ) -> Result<(Self, Begun), OpenError> {
        options.division(None)?;
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
            division: options.division(old.as_ref())?,
            device,
            options,
            lock,
            surroundings,
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
    division: Division,
    lock: Lock,
    surroundings: Surroundings,
}

impl Opening<'_> {
    /// The file of regions, as long as it has to be.
    fn regions_file(&self) -> io::Result<Box<dyn DeviceFile>> {
        let file = match self.device.open(REGIONS) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.device.create(REGIONS)?,
            file => file?,
        };
        let Division {
            region_bytes,
            regions,
        } = self.division;
        let bytes = region_bytes * u64::from(regions);
        let cut = file.len()? > bytes;
        file.allocate(bytes)?;
        if cut {
            // Before anything says that there are fewer: a region that came back had lost its fences.
            file.sync_data()?;
        }
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
            region_bytes: self.division.region_bytes,
            regions: self.division.regions,
        }
    }

    /// Makes an empty tier, in place of `old`: under another uuid nothing of that counts.
    fn anew(self, old: Option<Superblock>, begun: Begun) -> Result<(Disk, Begun), OpenError> {
        let numbers = fence_files(&*self.device)?;
        let (uuid, boot) = (self.device.uuid(), self.device.boot());
        let mut next = (self.options).superblock(self.division, uuid, boot);
        let file = self.regions_file()?;
        self.void_regions(&self.layout(next.uuid), &*file)?;
        if let Some(old) = &old {
            next.epoch = old.epoch;
            next.stamp_high = old.stamp_high;
            next.ordinal_high = old.ordinal_high;
        }
        let number = numbers.last().map_or(1, |last| last + 1);
        let fences = self.new_fences(&next, number, VecDeque::new())?;
        let disk = self.begin(file, next, fences, &[], HashMap::new())?;
        for number in numbers {
            disk.device.delete(&fences::name(number))?;
        }
        Ok((disk, begun))
    }

    /// Takes up what a run before left, if it may be relied upon.
    fn warm(self, old: Superblock) -> Result<(Disk, Begun), OpenError> {
        if u64::from(old.region_bytes) != self.division.region_bytes {
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
        let mut older: VecDeque<_> = standing.files(old.ordinal_high).collect();
        let file = self.regions_file()?;
        let taken = match take_up(&*file, &self.layout(old.uuid), &old, &standing)? {
            Ok(taken) => taken,
            Err(Unreliable(reason)) => return self.anew(Some(old), Begun::Emptied(reason)),
        };
        let fences = match standing.left() {
            Some(left) => {
                older.pop_back();
                let Options {
                    fence_file_bytes,
                    durable,
                    ..
                } = *self.options;
                Fences::resume(&*self.device, &left, older, fence_file_bytes, durable)?
            }
            None => {
                let number = older.back().map_or(1, |last| last.0 + 1);
                self.new_fences(&old, number, older)?
            }
        };
        let floors = standing.floors_of_tags();
        let disk = self.begin(file, old, fences, &taken.sealed, floors)?;
        for (hash, stamp) in taken.fences {
            disk.fence(FenceKind::Key, hash, stamp)?;
        }
        for (hash, (_, place)) in taken.entries {
            disk.index.insert_if(hash, place, |_| true);
        }
        Ok((disk, Begun::Warm))
    }

    /// Begins a file of fences behind older ones.
    fn new_fences(
        &self,
        block: &Superblock,
        number: u64,
        older: VecDeque<(u64, u64)>,
    ) -> io::Result<Fences> {
        let header = FencesHeader {
            file_bytes: self.options.fence_file_bytes,
            uuid: block.uuid,
            number,
            ordinal: block.ordinal_high,
        };
        Fences::begin(&*self.device, &header, older, self.options.durable)
    }

    /// Puts the tier together, and says on the device that it is open.
    fn begin(
        self,
        file: Box<dyn DeviceFile>,
        old: Superblock,
        fences: Fences,
        sealed: &[(u32, u64)],
        former_floors: HashMap<u64, u64>,
    ) -> Result<Disk, OpenError> {
        let layout = self.layout(old.uuid);
        let ordinal = old.ordinal_high;
        let (number, _) = fences.position();
        let Surroundings {
            stamp,
            floors,
            clock,
            wall,
        } = self.surroundings;
        stamp.fetch_max(old.stamp_high, Ordering::AcqRel);
        let stamp_high = stamp.load(Ordering::Acquire) + STAMP_LEAP;
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
            waits: self.options.waits,
            superblocks: Mutex::new(superblocks),
            index: Index::new(),
            marks: Marks::new(),
            regions: Regions::new(layout.regions, sealed, ordinal),
            writer: Writer::new(self.options.batch_bytes, self.options.buffer_bytes),
            fences,
            stamp,
            floors,
            former_floors,
            time: Time::new(clock, wall),
            admission: Admission::new(
                self.options.frequent,
                self.options.bytes_per_second,
                self.options.capacity,
            ),
            breaker: Breaker::default(),
            buffers: BufferPool::new(),
            working: Mutex::new(()),
            signal: Arc::new(Signal::default()),
            serving: AtomicBool::new(true),
            closed: AtomicBool::new(false),
            counts: Counts::default(),
        })
    }
}

impl Disk {
    /// Seals and writes everything, and says so on the device: what is stored is there after a
    /// loss of power too.
    pub(crate) fn close(&self) -> io::Result<()> {
        if !self.is_serving() {
            return self.give_up();
        }
        let _one = self.working.lock();
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.writer.seal(&self.layout, &self.regions);
        self.flush_alone();
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

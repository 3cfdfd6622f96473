//! Opening a tier: what is there, whether it may be relied upon, and what of it still counts.

use super::counts::Counts;
use super::fences::{self, Fences, Told};
use super::format::{
    BATCH_ALIGN, FENCE_BYTES, Fence, FenceKind, Footer, REGION_HEADER, RegionHeader, Superblock,
};
use super::index::{Index, Place, REGION_BYTES_MAX, REGIONS_MAX};
use super::layout::{Layout, REGIONS};
use super::marks::Marks;
use super::regions::Regions;
use super::scan::scan;
use super::superblocks::{self, Found, SUPERBLOCKS, Superblocks};
use super::writer::Writer;
use super::{Disk, hash};
use crate::device::{Device, DeviceFile, DirectoryError, Lock, is_full, read_full, write_full};
use crate::sealed::Fault;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Stamps are reserved so many at a time.
const STAMP_LEAP: u64 = 1 << 40;
/// Ordinals of regions likewise.
const ORDINAL_LEAP: u64 = 1 << 24;

/// How a tier is made, or has to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub(super) region_bytes: u64,
    pub(super) regions: u32,
    /// What keys and values mean: a tier of other codecs is refused.
    pub(super) codec: u64,
    pub(super) durable: bool,
    pub(super) batch_bytes: usize,
    pub(super) buffer_bytes: usize,
    pub(super) fence_file_bytes: u64,
}

/// Why a tier could not be opened. Nothing was changed, but where the device failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum OpenError {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error("{setting} is {value}: choose {range}")]
    Setting {
        setting: &'static str,
        value: u64,
        range: &'static str,
    },
    #[error(
        "the directory holds {file}, which is not of a disk tier: choose an empty directory, or move the file away"
    )]
    Foreign { file: String },
    #[error(
        "the disk tier has version {version} of the format, which this program does not read: open it with the program that wrote it, or delete it to start empty"
    )]
    Version { version: u32 },
    #[error(
        "the disk tier was written with other codecs (id {found:#x} where {expected:#x} was expected): use those, or delete it to start empty"
    )]
    Codec { found: u64, expected: u64 },
    #[error("the disk tier is damaged ({reason}): delete it to start empty")]
    Damaged { reason: &'static str },
    #[error(
        "the disk tier is locked: another process (or another handle in this one) has it open; close that one or choose another directory"
    )]
    Locked,
    #[error(
        "there is no room for the disk tier: make room, or choose another directory or capacity"
    )]
    Full(#[source] Arc<io::Error>),
    #[error("the disk tier could not be opened: check the device")]
    Io(#[source] Arc<io::Error>),
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        if is_full(&error) {
            Self::Full(Arc::new(error))
        } else {
            Self::Io(Arc::new(error))
        }
    }
}

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

impl Options {
    fn check(&self) -> Result<(), OpenError> {
        let setting = |setting, value, range| {
            Err(OpenError::Setting {
                setting,
                value,
                range,
            })
        };
        let bytes = self.region_bytes;
        if !(4 * BATCH_ALIGN..=REGION_BYTES_MAX).contains(&bytes)
            || !bytes.is_multiple_of(BATCH_ALIGN)
        {
            return setting(
                "region bytes",
                bytes,
                "a multiple of 4 KiB from 16 KiB to 32 MiB",
            );
        }
        if !(4..=REGIONS_MAX).contains(&self.regions) {
            let range = "a capacity of 4 to 1,048,576 regions";
            return setting("the number of regions", self.regions.into(), range);
        }
        Ok(())
    }

    const fn superblock(&self, uuid: [u8; 16], boot: [u8; 16]) -> Superblock {
        Superblock {
            uuid,
            epoch: 0,
            codec: self.codec,
            region_bytes: self.region_bytes as u32,
            regions: self.regions,
            stamp_high: 0,
            ordinal_high: 0,
            boot,
            closed: false,
            fences: (0, 0),
        }
    }
}

/// A tier that is not relied upon: for this reason it begins anew.
struct Unreliable(&'static str);

/// The highest fence of its kind, and in which of the files it is.
#[derive(Clone, Copy, Default)]
struct Floor {
    stamp: u64,
    file: usize,
}

/// What a restart finds of fences.
#[derive(Default)]
struct Standing {
    /// By ids of keys.
    keys: HashMap<u64, Floor>,
    tags: HashMap<u64, Floor>,
    all: Floor,
    /// The files, and the last region when each ended; none for the last file.
    files: Vec<(u64, Option<u64>)>,
}

impl Standing {
    /// Adds a fence of the file that was read last.
    fn raise(&mut self, fence: &Fence) {
        let file = self.files.len() - 1;
        let floor = match fence.kind {
            FenceKind::Key => self.keys.entry(Index::id(fence.hash)).or_default(),
            FenceKind::Tag => self.tags.entry(fence.hash).or_default(),
            FenceKind::All => &mut self.all,
        };
        if fence.stamp >= floor.stamp {
            let stamp = fence.stamp;
            *floor = Floor { stamp, file };
        }
    }

    /// The fence by which an entry is no answer any more.
    fn cover(&self, hash: u64, stamp: u64) -> Option<Floor> {
        let key = self.keys.get(&Index::id(hash)).copied();
        let floors = [Some(self.all), key];
        floors
            .into_iter()
            .flatten()
            .find(|floor| stamp < floor.stamp)
    }

    /// Whether a fence goes only after a region of this ordinal.
    fn outlasts(&self, floor: Floor, ordinal: u64) -> bool {
        let (_, last) = self.files[floor.file];
        last.is_none_or(|last| ordinal <= last)
    }
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
            name == SUPERBLOCKS || name == REGIONS || fences::number(name).is_some()
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
    fn fence_files(&self) -> io::Result<Vec<u64>> {
        let names = self.device.list()?;
        let mut numbers: Vec<_> = names
            .iter()
            .filter_map(|name| fences::number(name))
            .collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn regions_file(&self) -> io::Result<Box<dyn DeviceFile>> {
        let file = match self.device.open(REGIONS) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.device.create(REGIONS)?,
            file => file?,
        };
        file.allocate(self.options.region_bytes * u64::from(self.options.regions))?;
        Ok(file)
    }

    /// Makes the headers of all regions nothing.
    fn void_regions(&self) -> io::Result<()> {
        let file = self.regions_file()?;
        for region in 0..self.options.regions {
            let position = self.options.region_bytes * u64::from(region);
            let mut bytes = [0; REGION_HEADER];
            read_full(&*file, position, &mut bytes)?;
            if bytes != [0; REGION_HEADER] {
                write_full(&*file, position, &[0; REGION_HEADER])?;
            }
        }
        file.sync_data()
    }

    /// Makes an empty tier, in place of `old`: under another uuid nothing of that counts.
    fn anew(self, old: Option<Superblock>, begun: Begun) -> Result<(Disk, Begun), OpenError> {
        let numbers = self.fence_files()?;
        self.void_regions()?;
        let mut next = (self.options).superblock(self.device.uuid(), self.device.boot());
        if let Some(old) = &old {
            next.epoch = old.epoch;
            next.stamp_high = old.stamp_high;
            next.ordinal_high = old.ordinal_high;
        }
        let number = numbers.last().map_or(1, |last| last + 1);
        let disk = self.begin(next, number, VecDeque::new(), &[])?;
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
        let standing = match self.standing(&old)? {
            Ok(standing) => standing,
            Err(Unreliable(reason)) => return self.anew(Some(old), Begun::Emptied(reason)),
        };
        let number = standing.files.last().map_or(1, |last| last.0 + 1);
        let bound =
            |&(number, ordinal): &(u64, Option<u64>)| (number, ordinal.unwrap_or(old.ordinal_high));
        let older = standing.files.iter().map(bound).collect();
        let file = self.regions_file()?;
        let layout = Layout {
            uuid: old.uuid,
            region_bytes: self.options.region_bytes,
            regions: self.options.regions,
        };
        let taken = take_up(&*file, &layout, &old, &standing)?;
        let disk = self.begin(old, number, older, &taken.sealed)?;
        for (hash, stamp) in taken.fences {
            disk.fence(FenceKind::Key, hash, stamp)?;
        }
        for (hash, (_, place)) in taken.entries {
            disk.index.insert_if(hash, place, |_| true);
        }
        Ok((disk, Begun::Warm))
    }

    /// Reads the fences.
    fn standing(&self, old: &Superblock) -> io::Result<Result<Standing, Unreliable>> {
        let mut standing = Standing::default();
        let numbers = self.fence_files()?;
        let mut expected = None;
        for (at, &number) in numbers.iter().enumerate() {
            let is_last = at + 1 == numbers.len();
            let file = self.device.open(&fences::name(number))?;
            let mut bytes = vec![0; usize::try_from(file.len()?).unwrap_or(usize::MAX)];
            let read = read_full(&*file, 0, &mut bytes)?;
            bytes.truncate(read);
            if is_last && number > old.fences.0 && fences::is_unbegun(&bytes) {
                self.device.delete(&fences::name(number))?;
                break;
            }
            let (header, told, end, torn) = match fences::read(&bytes, old.uuid, number) {
                Told::Whole(header, told, end) => (header, told, end, false),
                Told::Torn(header, told, end) => (header, told, end, true),
                Told::Damaged => return Ok(Err(Unreliable("a file of fences is damaged"))),
            };
            if expected.is_some_and(|expected| expected != number) {
                return Ok(Err(Unreliable("a file of fences is missing")));
            }
            expected = Some(number + 1);
            if let Some(before) = standing.files.last_mut() {
                before.1 = Some(header.ordinal);
            }
            standing.files.push((number, None));
            // A process that was killed leaves a part of a fence at most.
            let killed = old.boot == self.device.boot();
            let partial = bytes.len() as u64 - end < FENCE_BYTES as u64;
            if torn && (!is_last || old.closed || killed && !partial) {
                return Ok(Err(Unreliable("a file of fences is damaged")));
            }
            if is_last && old.closed && old.fences != (number, end) {
                return Ok(Err(Unreliable("fences are missing")));
            }
            for fence in told {
                standing.raise(&fence);
            }
        }
        if numbers.last().is_none_or(|last| *last < old.fences.0) {
            return Ok(Err(Unreliable("a file of fences is missing")));
        }
        Ok(Ok(standing))
    }

    /// Puts the tier together, and says on the device that it is open.
    fn begin(
        self,
        old: Superblock,
        number: u64,
        older: VecDeque<(u64, u64)>,
        sealed: &[(u32, u64)],
    ) -> Result<Disk, OpenError> {
        let file = self.regions_file()?;
        let layout = Layout {
            uuid: old.uuid,
            region_bytes: self.options.region_bytes,
            regions: self.options.regions,
        };
        let ordinal = old.ordinal_high;
        let fences = Fences::begin(
            &*self.device,
            old.uuid,
            number,
            ordinal,
            older,
            self.options.fence_file_bytes,
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

/// What of the regions still counts.
struct Taken {
    /// In the order of their ordinals.
    sealed: Vec<(u32, u64)>,
    /// By hashes of keys: the newest entry of each id, and its stamp.
    entries: Vec<(u64, (u64, Place))>,
    /// Against older entries of the same ids.
    fences: Vec<(u64, u64)>,
}

/// Reads all regions.
fn take_up(
    file: &dyn DeviceFile,
    layout: &Layout,
    old: &Superblock,
    standing: &Standing,
) -> io::Result<Taken> {
    let mut sealed = Vec::new();
    for region in 0..layout.regions {
        let mut bytes = [0; REGION_HEADER];
        let position = layout.position(region, 0);
        read_full(file, position, &mut bytes)?;
        if bytes == [0; REGION_HEADER] {
            continue;
        }
        match RegionHeader::parse(&bytes) {
            Ok(header)
                if header.uuid == layout.uuid
                    && header.region == region
                    && (1..=old.ordinal_high).contains(&header.ordinal) =>
            {
                sealed.push((region, header.ordinal));
            }
            // It may be readable next time, when nobody knows what became of its keys.
            _ => write_full(file, position, &[0; REGION_HEADER])?,
        }
    }
    sealed.sort_unstable_by_key(|&(_, ordinal)| ordinal);
    let mut newest: HashMap<u64, (u64, u64, Place)> = HashMap::new();
    let mut losers = HashSet::new();
    let mut renewed = HashMap::new();
    for &(region, ordinal) in &sealed {
        let scanned = scan(file, layout, region, ordinal, |key| hash(layout.uuid, key))?;
        if !scanned.sealed {
            reseal(file, layout, region, ordinal, &scanned.records)?;
        }
        for record in scanned.records {
            if let Some(floor) = standing.cover(record.hash, record.stamp) {
                // It was older than its fence when it came to the disk: that was given up before.
                if !standing.outlasts(floor, ordinal) {
                    renewed.insert(Index::id(record.hash), (record.hash, floor.stamp));
                }
                continue;
            }
            let place = record.place(region);
            let id = Index::id(record.hash);
            match newest.get(&id) {
                Some(&(_, stamp, _)) if stamp > record.stamp => {
                    losers.insert(id);
                    continue;
                }
                Some(&(_, stamp, _)) if stamp < record.stamp => {
                    losers.insert(id);
                }
                _ => {}
            }
            newest.insert(id, (record.hash, record.stamp, place));
        }
    }
    let fences = (losers.iter())
        .filter_map(|id| newest.get(id))
        .map(|&(hash, stamp, _)| (hash, stamp))
        .chain(renewed.into_values())
        .collect();
    let entries = newest.into_values();
    Ok(Taken {
        sealed,
        entries: entries
            .map(|(hash, stamp, place)| (hash, (stamp, place)))
            .collect(),
        fences,
    })
}

/// Gives a region that was being filled a footer of what was found in it: what was not found now
/// does not appear later.
fn reseal(
    file: &dyn DeviceFile,
    layout: &Layout,
    region: u32,
    ordinal: u64,
    records: &[super::format::FooterRecord],
) -> io::Result<()> {
    let footer = Footer {
        records: records.to_vec(),
    };
    let mut bytes = Vec::new();
    let seed = layout.seed(region, ordinal);
    let at = footer.encode(layout.region_bytes, &seed, &mut bytes);
    write_full(file, layout.position(region, at), &bytes)
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

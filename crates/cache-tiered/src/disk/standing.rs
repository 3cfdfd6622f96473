//! Which fences stand after a restart.

use super::fences::{self, Left, Told};
use super::format::{Fence, FenceKind, Superblock};
use super::index::Index;
use crate::device::Device;
use std::collections::HashMap;
use std::io;

/// A tier that is not relied upon: for this reason it begins anew.
pub(super) struct Unreliable(pub(super) &'static str);

/// The highest fence of its kind, and in which of the files it is.
#[derive(Clone, Copy, Default)]
pub(super) struct Floor {
    pub(super) stamp: u64,
    file: usize,
}

/// What a restart finds of fences.
#[derive(Default)]
pub(super) struct Standing {
    /// By ids of keys.
    keys: HashMap<u64, Floor>,
    tags: HashMap<u64, Floor>,
    all: Floor,
    /// The last region when the first of the files began.
    begun: u64,
    /// The files, and the last region when each ended; none for the last file.
    files: Vec<(u64, Option<u64>)>,
    /// The last of them, if more fences can go to it.
    left: Option<Left>,
}

impl Standing {
    /// The last file of fences, if it can be gone on with.
    pub(super) const fn left(&self) -> Option<Left> {
        self.left
    }

    /// The stamps below which entries with a tag are nothing, by the hashes of the tags.
    pub(super) fn floors_of_tags(&self) -> HashMap<u64, u64> {
        let floor = |(hash, floor): (&u64, &Floor)| (*hash, floor.stamp);
        self.tags.iter().map(floor).collect()
    }

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

    /// Reads the files of fences of the tier of this superblock, on a machine of this run.
    pub(super) fn read(
        device: &dyn Device,
        old: &Superblock,
    ) -> io::Result<Result<Self, Unreliable>> {
        let mut standing = Self::default();
        let numbers = fence_files(device)?;
        let mut expected = None;
        for (at, &number) in numbers.iter().enumerate() {
            let is_last = at + 1 == numbers.len();
            let file = device.open(&fences::name(number))?;
            let (header, told, end, torn) = match fences::read(&*file, old.uuid, number)? {
                Told::Whole(header, told, end) => (header, told, end, false),
                Told::Torn(header, told, end) => (header, told, end, true),
                Told::Damaged => return Ok(Err(Unreliable("a file of fences is damaged"))),
            };
            if expected.is_some_and(|expected| expected != number) {
                return Ok(Err(Unreliable("a file of fences is missing")));
            }
            expected = Some(number + 1);
            match standing.files.last_mut() {
                Some(before) => before.1 = Some(header.ordinal),
                None => standing.begun = header.ordinal,
            }
            standing.files.push((number, None));
            // A process that is killed leaves no part of a fence, as it lies in one page.
            let killed = old.boot == device.boot();
            if torn && (!is_last || old.closed || killed) {
                return Ok(Err(Unreliable("a file of fences is damaged")));
            }
            standing.left = (!torn).then(|| Left::new(header, end)).flatten();
            if is_last && old.closed && old.fences != (number, end) {
                return Ok(Err(Unreliable("fences are missing")));
            }
            if is_last && !old.closed && end >= u64::from(header.file_bytes) {
                return Ok(Err(Unreliable("a file of fences is missing")));
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

    /// The numbers of the files and the last region when each ended, of which for the last file
    /// only this is known.
    pub(super) fn files(&self, last: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let bound =
            move |&(number, ordinal): &(u64, Option<u64>)| (number, ordinal.unwrap_or(last));
        self.files.iter().map(bound)
    }

    /// Whether fences about a region of this ordinal were in a file before the first there is.
    pub(super) const fn misses(&self, ordinal: u64) -> bool {
        ordinal <= self.begun
    }

    /// The fence by which an entry is no answer any more.
    pub(super) fn cover(&self, hash: u64, stamp: u64) -> Option<Floor> {
        let key = self.keys.get(&Index::id(hash)).copied();
        let floors = [Some(self.all), key];
        floors
            .into_iter()
            .flatten()
            .find(|floor| stamp < floor.stamp)
    }

    /// Whether a fence goes only after a region of this ordinal.
    pub(super) fn outlasts(&self, floor: Floor, ordinal: u64) -> bool {
        let (_, last) = self.files[floor.file];
        last.is_none_or(|last| ordinal <= last)
    }
}

/// The numbers of the files of fences, in order.
pub(super) fn fence_files(device: &dyn Device) -> io::Result<Vec<u64>> {
    let names = device.list()?;
    let numbers = names.iter().filter_map(|name| fences::number(name));
    let mut numbers: Vec<_> = numbers.collect();
    numbers.sort_unstable();
    Ok(numbers)
}

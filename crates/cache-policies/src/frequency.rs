//! Slots in buckets by frequency: where the one with the fewest hits is known at any time, in constant time.
//!
//! ```text
//!  lowest -> bucket 1 <-> bucket 2 <-> bucket 7      in the order of their frequencies; none is empty
//!             newest       newest       newest
//!               |            |            |          the slots of a frequency, in the order in which they got it
//!             oldest       oldest       oldest
//! ```
//! A hit moves a slot into the next bucket, which is made if it is not there. Buckets are kept in one column and used
//! again; only a slot that is unpinned can belong anywhere, so an index of the buckets is kept from the first pin on.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::ledger::grow;
use crate::list::{halves, whole};
use crate::slot::Slot;

/// In place of a slot or a bucket: none.
const NONE: u32 = u32::MAX;
/// In place of a slot's bucket: it is not resident.
const ABSENT: u32 = u32::MAX;
/// In place of a slot's bucket: it is pinned.
const PINNED: u32 = u32::MAX - 1;

#[derive(Copy, Clone, Debug)]
struct Cell {
    /// The neighbour that got the frequency later, or `NONE`; pinned: the upper half of the frequency.
    newer: u32,
    /// The neighbour that got the frequency earlier, or `NONE`; pinned: the lower half of the frequency.
    older: u32,
    /// Where the slot is; else `ABSENT` or `PINNED`.
    bucket: u32,
}

#[derive(Copy, Clone, Debug)]
struct Bucket {
    frequency: u64,
    /// A slot; never `NONE` in a bucket in use.
    newest: u32,
    /// A slot; never `NONE` in a bucket in use.
    oldest: u32,
    /// The bucket of the next frequency up, or `NONE`; of a free bucket: the next free one.
    higher: u32,
    /// The bucket of the next frequency down, or `NONE`.
    lower: u32,
}

const _: () = assert!(size_of::<Cell>() == 12 && size_of::<Bucket>() == 24);

/// The buckets, and where each slot is.
#[derive(Clone, Debug)]
pub(crate) struct Frequencies {
    /// By slot.
    cells: Vec<Cell>,
    buckets: Vec<Bucket>,
    /// The first of the buckets that are free to be used, or `NONE`.
    free: u32,
    /// The bucket of the lowest frequency, or `NONE`.
    lowest: u32,
    /// The buckets in use by frequency, from the first pin on.
    index: Option<BTreeMap<u64, u32>>,
}

impl Frequencies {
    pub(crate) fn new() -> Self {
        Frequencies {
            cells: Vec::new(),
            buckets: Vec::new(),
            free: NONE,
            lowest: NONE,
            index: None,
        }
    }

    /// The slot that has the lowest frequency the longest.
    #[inline]
    pub(crate) fn least(&self) -> Option<Slot> {
        let bucket = self.buckets.get(self.lowest as usize)?;
        Some(Slot::new(bucket.oldest))
    }

    /// Gives a slot that is not resident the frequency 1.
    ///
    /// # Panics
    /// If it is resident, or above [`Slot::MAX`].
    #[inline]
    pub(crate) fn insert(&mut self, slot: Slot) {
        if slot.index() >= self.cells.len() {
            grow(&mut self.cells, slot, || Cell {
                newer: 0,
                older: 0,
                bucket: ABSENT,
            });
        }
        assert!(
            self.cells[slot.index()].bucket == ABSENT,
            "slot {} is resident already",
            slot.get()
        );
        let bucket = match self.buckets.get(self.lowest as usize) {
            Some(lowest) if lowest.frequency == 1 => self.lowest,
            _ => self.open(1, NONE),
        };
        self.link(bucket, slot);
    }

    /// Gives a slot that is not resident a frequency of at least 1, as the newest of it. Above 1, the time is logarithmic
    /// in the number of different frequencies, as it is for pins.
    ///
    /// # Panics
    /// If it is resident, or above [`Slot::MAX`].
    pub(crate) fn insert_at(&mut self, slot: Slot, frequency: u64) {
        self.insert(slot);
        if frequency > 1 {
            self.pin(slot);
            self.stow(slot, frequency);
            self.unpin(slot);
        }
    }

    /// The frequency of a slot.
    ///
    /// # Panics
    /// If it is not resident.
    pub(crate) fn frequency(&self, slot: Slot) -> u64 {
        match self.expect_resident(slot) {
            PINNED => self.stowed(slot),
            bucket => self.buckets[bucket as usize].frequency,
        }
    }

    /// Adds 1 to the frequency of a slot.
    ///
    /// # Panics
    /// If it is not resident.
    #[inline]
    pub(crate) fn raise(&mut self, slot: Slot) {
        let at = self.expect_resident(slot);
        if at == PINNED {
            self.stow(slot, self.stowed(slot) + 1);
            return;
        }
        let Bucket {
            frequency,
            newest,
            oldest,
            higher,
            ..
        } = self.buckets[at as usize];
        let raised = frequency + 1;
        let next = self.buckets.get(higher as usize);
        let target = match next {
            Some(next) if next.frequency == raised => higher,
            _ if newest == oldest => {
                // The slot is alone: its bucket goes with it.
                self.buckets[at as usize].frequency = raised;
                if let Some(index) = &mut self.index {
                    index.remove(&frequency);
                    index.insert(raised, at);
                }
                return;
            }
            _ => self.open(raised, at),
        };
        self.unlink(at, slot);
        self.link(target, slot);
    }

    /// Makes a slot absent.
    ///
    /// # Panics
    /// If it is not resident.
    #[inline]
    pub(crate) fn remove(&mut self, slot: Slot) {
        let at = self.expect_resident(slot);
        if at != PINNED {
            self.unlink(at, slot);
        }
        self.cells[slot.index()].bucket = ABSENT;
    }

    /// Takes a slot out of the order, unless it is pinned already. It keeps its frequency.
    ///
    /// # Panics
    /// If it is not resident.
    pub(crate) fn pin(&mut self, slot: Slot) {
        let at = self.expect_resident(slot);
        if at == PINNED {
            return;
        }
        if self.index.is_none() {
            let in_use = self.ascending();
            self.index = Some(
                in_use
                    .map(|at| (self.buckets[at as usize].frequency, at))
                    .collect(),
            );
        }
        let frequency = self.buckets[at as usize].frequency;
        self.unlink(at, slot);
        self.cells[slot.index()].bucket = PINNED;
        self.stow(slot, frequency);
    }

    /// Puts a slot back into the order, if it is pinned: as the newest of its frequency.
    ///
    /// # Panics
    /// If it is not resident.
    pub(crate) fn unpin(&mut self, slot: Slot) {
        if self.expect_resident(slot) != PINNED {
            return;
        }
        let frequency = self.stowed(slot);
        let index = self.index.as_ref();
        let below = index.and_then(|index| index.range(..=frequency).next_back());
        let bucket = match below {
            Some((&same, &bucket)) if same == frequency => bucket,
            Some((_, &lower)) => self.open(frequency, lower),
            None => self.open(frequency, NONE),
        };
        self.link(bucket, slot);
    }

    /// Asserts that a slot is resident.
    ///
    /// # Panics
    /// If it is not.
    #[inline]
    pub(crate) fn expect_resident(&self, slot: Slot) -> u32 {
        let bucket = self
            .cells
            .get(slot.index())
            .map_or(ABSENT, |cell| cell.bucket);
        assert!(bucket != ABSENT, "slot {} is not resident", slot.get());
        bucket
    }

    /// Makes a bucket of this frequency, which the caller fills, above another one; above `NONE` it is the lowest.
    fn open(&mut self, frequency: u64, lower: u32) -> u32 {
        let higher = match self.buckets.get(lower as usize) {
            Some(lower) => lower.higher,
            None => self.lowest,
        };
        let bucket = Bucket {
            frequency,
            newest: NONE,
            oldest: NONE,
            higher,
            lower,
        };
        let at = self.free;
        let at = if let Some(place) = self.buckets.get_mut(at as usize) {
            self.free = place.higher;
            *place = bucket;
            at
        } else {
            // There are no more buckets than slots.
            self.buckets.push(bucket);
            self.buckets.len() as u32 - 1
        };
        match self.buckets.get_mut(lower as usize) {
            Some(lower) => lower.higher = at,
            None => self.lowest = at,
        }
        if let Some(higher) = self.buckets.get_mut(higher as usize) {
            higher.lower = at;
        }
        if let Some(index) = &mut self.index {
            index.insert(frequency, at);
        }
        at
    }

    /// Frees a bucket whose last slot has left.
    fn close(&mut self, at: u32) {
        let closed = self.buckets[at as usize];
        match self.buckets.get_mut(closed.lower as usize) {
            Some(lower) => lower.higher = closed.higher,
            None => self.lowest = closed.higher,
        }
        if let Some(higher) = self.buckets.get_mut(closed.higher as usize) {
            higher.lower = closed.lower;
        }
        self.buckets[at as usize].higher = self.free;
        self.free = at;
        if let Some(index) = &mut self.index {
            index.remove(&closed.frequency);
        }
    }

    /// Makes a slot that is in no bucket the newest of one.
    #[inline]
    fn link(&mut self, at: u32, slot: Slot) {
        let bucket = &mut self.buckets[at as usize];
        let older = bucket.newest;
        bucket.newest = slot.get();
        match self.cells.get_mut(older as usize) {
            Some(older) => older.newer = slot.get(),
            None => bucket.oldest = slot.get(),
        }
        self.cells[slot.index()] = Cell {
            newer: NONE,
            older,
            bucket: at,
        };
    }

    /// Takes a slot out of its bucket, which goes if the slot was its last.
    #[inline]
    fn unlink(&mut self, at: u32, slot: Slot) {
        let Cell { newer, older, .. } = self.cells[slot.index()];
        let bucket = &mut self.buckets[at as usize];
        match self.cells.get_mut(newer as usize) {
            Some(newer) => newer.older = older,
            None => bucket.newest = older,
        }
        match self.cells.get_mut(older as usize) {
            Some(older) => older.newer = newer,
            None => bucket.oldest = newer,
        }
        if bucket.newest == NONE {
            self.close(at);
        }
    }

    /// Keeps the frequency of a pinned slot.
    fn stow(&mut self, slot: Slot, frequency: u64) {
        let cell = &mut self.cells[slot.index()];
        [cell.older, cell.newer] = halves(frequency);
    }

    fn stowed(&self, slot: Slot) -> u64 {
        let cell = self.cells[slot.index()];
        whole([cell.older, cell.newer])
    }

    /// The buckets in use, from the lowest on.
    fn ascending(&self) -> impl Iterator<Item = u32> {
        let mut next = self.lowest;
        core::iter::from_fn(move || {
            let bucket = self.buckets.get(next as usize)?;
            Some(core::mem::replace(&mut next, bucket.higher))
        })
    }

    /// The resident slots, in the order of their numbers.
    pub(crate) fn residents(&self) -> impl Iterator<Item = Slot> {
        let cells = (0..).zip(&self.cells);
        cells
            .filter(|(_, cell)| cell.bucket != ABSENT)
            .map(|(number, _)| Slot::new(number))
    }

    /// Asserts that buckets and slots belong together as the drawing shows.
    pub(crate) fn check(&self) {
        let (mut lower, mut frequency, mut linked, mut in_use) = (NONE, 0, 0, 0);
        for at in self.ascending() {
            let bucket = self.buckets[at as usize];
            assert_eq!(bucket.lower, lower, "a bucket does not point back");
            assert!(
                bucket.frequency > frequency,
                "the buckets are not in the order of their frequencies"
            );
            let (mut newer, mut place) = (NONE, bucket.newest);
            assert_ne!(place, NONE, "an empty bucket is in use");
            while let Some(cell) = self.cells.get(place as usize) {
                assert_eq!(
                    (cell.newer, cell.bucket),
                    (newer, at),
                    "a slot is not where it says"
                );
                linked += 1;
                newer = core::mem::replace(&mut place, cell.older);
            }
            assert_eq!(bucket.oldest, newer, "the oldest slot is not the last");
            if let Some(index) = &self.index {
                assert_eq!(
                    index.get(&bucket.frequency),
                    Some(&at),
                    "the index misses a bucket"
                );
            }
            (lower, frequency, in_use) = (at, bucket.frequency, in_use + 1);
        }
        let in_buckets = self.cells.iter().filter(|cell| cell.bucket < PINNED);
        assert_eq!(in_buckets.count(), linked, "a slot is in no bucket");
        let bucket = |at: u32| self.buckets.get(at as usize);
        let free = core::iter::successors(bucket(self.free), |free| bucket(free.higher));
        // One more than all would be a circle.
        let free = free.take(self.buckets.len() + 1).count();
        assert_eq!(in_use + free, self.buckets.len(), "a bucket is lost");
        let indexed = self.index.as_ref().map(BTreeMap::len);
        assert!(
            indexed.is_none_or(|indexed| indexed == in_use),
            "the index has a bucket that is not in use"
        );
    }
}

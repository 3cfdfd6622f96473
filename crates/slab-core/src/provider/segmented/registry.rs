//! All segments of a provider: in rows by the room that they have, and in buckets by their address.
//!
//! A block leads to its segment by its address alone. A segment contains exactly one multiple of its own size, because
//! it is as long and need not be aligned; the number of that multiple is its key. An address inside of the segment lies
//! above the multiple or below it, so the key is the address divided by the size, rounded down or up: two buckets to
//! look into. There are at least as many buckets as segments, unless the parent refuses the memory for them.

use core::alloc::Layout;
use core::ptr::NonNull;
use core::slice;

use super::run::{Run, UNITS};
use super::segment::{self, EMPTY, Link, ROOMS, Segment};

/// Buckets that need no memory of the parent.
const INLINE: usize = 8;
/// By how much the number of buckets grows.
const GROWTH: usize = 8;

/// The segments of a provider; whoever holds the lock has them and their records.
pub(super) struct Registry {
    /// The first segment of each row.
    rows: [Link; ROOMS],
    /// How many there are, how many of them are empty, and how many of their units are in use.
    pub(super) segments: usize,
    pub(super) empty: usize,
    pub(super) units: usize,
    /// The buckets of a small provider.
    inline: [Link; INLINE],
    /// Those of a larger one.
    table: Option<Table>,
}

/// Buckets in a block of the parent: a power of two of them.
#[derive(Clone, Copy)]
pub(super) struct Table {
    buckets: NonNull<Link>,
    len: usize,
}

/// What became of a block that was given back.
pub(super) enum Returned {
    /// It lies in no segment: it is the parent's own.
    Foreign,
    /// Its units are free.
    Kept,
    /// They were the last in use of a segment that is not kept: its block and perhaps the table go back to the parent.
    Surplus(NonNull<u8>, Option<Table>),
}

// SAFETY: records and tables lie in blocks that belong to the registry, which any thread may use that has it.
unsafe impl Send for Registry {}

impl Registry {
    pub(super) const EMPTY: Self = Self {
        rows: [None; ROOMS],
        segments: 0,
        empty: 0,
        units: 0,
        inline: [None; INLINE],
        table: None,
    };

    /// A place for `run` in the segment that has the least room of those that are sure to have enough.
    pub(super) fn take(&mut self, run: Run, unit: usize) -> Option<NonNull<u8>> {
        let segment = self.rows[run.order()..].iter().find_map(|row| *row)?;
        // SAFETY: it stands in a row: the record is there, and whoever has the registry has it alone.
        unsafe {
            let record = &mut *segment.as_ptr();
            let before = record.used();
            let block = record.take(run, unit)?;
            self.units += record.used() - before;
            self.sort(segment, unit);
            Some(block)
        }
    }

    /// Takes back the block at `address`, and one empty segment out if there are more than `spare` then.
    pub(super) fn put(&mut self, address: usize, run: Run, spare: usize, unit: usize) -> Returned {
        let Some(segment) = self.find(address, unit) else {
            return Returned::Foreign;
        };
        // SAFETY: it was found, so its record is there, and whoever has the registry has it alone.
        unsafe {
            let record = &mut *segment.as_ptr();
            let before = record.used();
            record.put(address, run, unit);
            self.units -= before - record.used();
            self.sort(segment, unit);
        }
        match self.surplus(spare, unit) {
            Some((block, table)) => Returned::Surplus(block, table),
            None => Returned::Kept,
        }
    }

    /// Adds a segment.
    ///
    /// # Safety
    /// 1. `Segment::create` made it with the same `unit`. 2. It stays where it is until it is taken out.
    pub(super) unsafe fn add(&mut self, segment: NonNull<Segment>, unit: usize) {
        self.segments += 1;
        // SAFETY: clauses 1 and 2.
        unsafe {
            self.chain(segment, unit);
            self.sort(segment, unit);
        }
    }

    /// Takes an empty segment out if there are more than `spare`, and with the last segment the table: blocks of the
    /// parent that nobody uses any more.
    pub(super) fn surplus(
        &mut self,
        spare: usize,
        unit: usize,
    ) -> Option<(NonNull<u8>, Option<Table>)> {
        if self.empty <= spare {
            return None;
        }
        let segment = self.rows[EMPTY]?;
        // SAFETY: it stands in a row, so it is the registry's, and is taken out of row and bucket here.
        let block = unsafe {
            self.unlink(segment);
            self.unchain(segment, unit);
            segment.as_ref().block()
        };
        self.segments -= 1;
        let table = if self.segments == 0 {
            self.table.take()
        } else {
            None
        };
        Some((block, table))
    }

    /// Takes any segment out, used or not, for the end of the provider: gives its block.
    pub(super) fn last(&mut self) -> Option<NonNull<u8>> {
        let bucket = self.buckets().iter_mut().find(|bucket| bucket.is_some())?;
        let segment = (*bucket)?;
        // SAFETY: it is the registry's. Nobody looks at rows any more.
        unsafe {
            *bucket = segment.as_ref().chain;
            Some(segment.as_ref().block())
        }
    }

    /// Takes the table out, for the end of the provider.
    pub(super) fn last_table(&mut self) -> Option<Table> {
        self.table.take()
    }

    /// How many buckets there should be, if that is more than there are.
    pub(super) fn wanted_buckets(&mut self) -> Option<usize> {
        let len = self.buckets().len();
        (self.segments > len).then_some(len * GROWTH)
    }

    /// Makes `table` the buckets, unless another thread was as quick. Gives back a table that is not needed any more.
    pub(super) fn install(&mut self, table: Table, unit: usize) -> Option<Table> {
        if table.len <= self.buckets().len() {
            return Some(table);
        }
        let mut rest: Link = None;
        for bucket in self.buckets() {
            // All chains end to end.
            while let Some(segment) = *bucket {
                // SAFETY: it is the registry's.
                unsafe {
                    let record = &mut *segment.as_ptr();
                    *bucket = record.chain;
                    record.chain = rest;
                }
                rest = Some(segment);
            }
        }
        let old = self.table.replace(table);
        while let Some(segment) = rest {
            // SAFETY: it is the registry's, and in no bucket.
            unsafe {
                rest = segment.as_ref().chain;
                self.chain(segment, unit);
            }
        }
        old
    }

    fn buckets(&mut self) -> &mut [Link] {
        match self.table {
            // SAFETY: the table has so many buckets, all initialised, and belongs to the registry.
            Some(table) => unsafe { slice::from_raw_parts_mut(table.buckets.as_ptr(), table.len) },
            None => &mut self.inline,
        }
    }

    fn bucket(&mut self, key: usize) -> &mut Link {
        let buckets = self.buckets();
        // Fibonacci hashing: keys are often in a row, or in steps; the upper bits of the product spread either.
        let product = (key as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        // A power of two of them, from `INLINE` on.
        let at = product >> (u64::BITS - buckets.len().ilog2());
        &mut buckets[at as usize]
    }

    /// The segment in which `address` lies.
    fn find(&mut self, address: usize, unit: usize) -> Link {
        let below = address / (unit * UNITS);
        [below, below.wrapping_add(1)].into_iter().find_map(|key| {
            let mut link = *self.bucket(key);
            while let Some(segment) = link {
                // SAFETY: it is the registry's.
                let record = unsafe { segment.as_ref() };
                if record.holds(address, unit) {
                    return link;
                }
                link = record.chain;
            }
            None
        })
    }

    /// Puts `segment` into its bucket.
    ///
    /// # Safety
    /// 1. It is the registry's, and in no bucket.
    unsafe fn chain(&mut self, segment: NonNull<Segment>, unit: usize) {
        // SAFETY: clause 1.
        unsafe {
            let key = segment::key(segment.as_ref().block(), unit);
            let bucket = self.bucket(key);
            (*segment.as_ptr()).chain = bucket.replace(segment);
        }
    }

    /// Takes `segment` out of its bucket.
    ///
    /// # Safety
    /// 1. It is the registry's, and in its bucket.
    unsafe fn unchain(&mut self, segment: NonNull<Segment>, unit: usize) {
        // SAFETY: clause 1, for it and for those before it in the bucket.
        unsafe {
            let key = segment::key(segment.as_ref().block(), unit);
            let mut link = self.bucket(key);
            while let Some(at) = *link {
                if at == segment {
                    *link = segment.as_ref().chain;
                    return;
                }
                link = &mut (*at.as_ptr()).chain;
            }
        }
    }

    /// Moves `segment` into the row that it belongs into now.
    ///
    /// # Safety
    /// 1. It is the registry's, and in the row that its record names.
    unsafe fn sort(&mut self, segment: NonNull<Segment>, unit: usize) {
        // SAFETY: clause 1, for it and for its new neighbour.
        unsafe {
            let room = segment.as_ref().fitting_room(unit);
            if room == segment.as_ref().room {
                return;
            }
            self.unlink(segment);
            let Some(room) = room else { return };
            self.empty += usize::from(room == EMPTY);
            let next = self.rows[room].replace(segment);
            let record = &mut *segment.as_ptr();
            record.room = Some(room);
            record.next = next;
            if let Some(next) = next {
                (*next.as_ptr()).previous = Some(segment);
            }
        }
    }

    /// Takes `segment` out of its row, if it stands in one.
    ///
    /// # Safety
    /// 1. It is the registry's, and in the row that its record names.
    unsafe fn unlink(&mut self, segment: NonNull<Segment>) {
        // SAFETY: clause 1, for it and for its neighbours; they are other segments.
        unsafe {
            let record = &mut *segment.as_ptr();
            let Some(room) = record.room.take() else {
                return;
            };
            self.empty -= usize::from(room == EMPTY);
            let (previous, next) = (record.previous.take(), record.next.take());
            match previous {
                Some(previous) => (*previous.as_ptr()).next = next,
                None => self.rows[room] = next,
            }
            if let Some(next) = next {
                (*next.as_ptr()).previous = previous;
            }
        }
    }
}

impl Table {
    /// What a table of `len` buckets is asked of the parent with.
    pub(super) const fn layout_of(len: usize) -> Option<Layout> {
        match Layout::array::<Link>(len) {
            Ok(layout) => Some(layout),
            Err(_) => None,
        }
    }

    /// `len` buckets without a segment.
    ///
    /// # Safety
    /// 1. `block` is a block of `layout_of(len)` that nothing else uses. 2. `len` is a power of two.
    pub(super) unsafe fn create(block: NonNull<u8>, len: usize) -> Self {
        let buckets = block.cast::<Link>();
        for at in 0..len {
            // SAFETY: clause 1.
            unsafe { buckets.add(at).write(None) };
        }
        Self { buckets, len }
    }

    /// The block of the parent and what it was asked for with.
    pub(super) fn into_block(self) -> (NonNull<u8>, Option<Layout>) {
        (self.buckets.cast(), Self::layout_of(self.len))
    }
}

//! A segment: one block of the parent, with the record of its units inside.
//!
//! ```text
//!   block of the parent, 64 units long, aligned as the record is
//!   | slack | unit 0 | unit 1 | ... | unit 62 | slack |     units are aligned to their size; the record lies in the
//!                                                           larger slack, which is at least half a unit
//!   | unit 0 | unit 1 | ...         | unit 62 | record  |     if the block happens to be aligned to a unit
//! ```
//!
//! A segment has 63 units either way, and its record never shares one.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::run::{ORDERS, Run, UNITS};

/// A segment in a row of others, or the end of the row.
pub(super) type Link = Option<NonNull<Segment>>;

/// The rows that segments stand in by the longest run that they have room for; after them those that are empty.
pub(super) const ROOMS: usize = ORDERS + 1;
/// The row of segments that are wholly free.
pub(super) const EMPTY: usize = ORDERS;

/// Every unit is free.
const WHOLE: u64 = u64::MAX >> 1;

/// The record of a segment. It belongs to who holds the lock.
pub(super) struct Segment {
    /// The parent's block, with the right to all of it.
    block: NonNull<u8>,
    /// Unit 0, derived from `block`.
    first: NonNull<u8>,
    /// Units that are free. Bit 63 is never set.
    free: u64,
    /// The row that the segment stands in, by its number; `None` if no unit is free.
    pub(super) room: Option<usize>,
    /// Neighbours in that row.
    pub(super) next: Link,
    pub(super) previous: Link,
    /// The next segment of the same bucket.
    pub(super) chain: Link,
}

const _: () = assert!(size_of::<Segment>() <= 128 && align_of::<Segment>() <= 128);

/// What a segment of units of `unit` bytes is asked of the parent with.
pub(super) const fn layout(unit: usize) -> Layout {
    assert!(
        unit.is_power_of_two() && unit >= 256,
        "a unit is a power of two of at least 256 bytes"
    );
    assert!(
        unit <= isize::MAX as usize / (2 * UNITS),
        "a segment of such units is larger than an address space"
    );
    match Layout::from_size_align(unit * UNITS, align_of::<Segment>()) {
        Ok(layout) => layout,
        Err(_) => panic!("the layout was checked"),
    }
}

/// The number under which a segment is found: the multiple of its size that lies in it, of which there is exactly one.
pub(super) fn key(block: NonNull<u8>, unit: usize) -> usize {
    block.addr().get().div_ceil(unit * UNITS)
}

impl Segment {
    /// Writes the record of a new segment.
    ///
    /// # Safety
    /// 1. `block` is a block of `layout(unit)` that nothing else uses.
    pub(super) unsafe fn create(block: NonNull<u8>, unit: usize) -> NonNull<Self> {
        let front = block.addr().get().wrapping_neg() & (unit - 1);
        // Where the record lies, from the start: in the front, behind unit 62, or instead of unit 63.
        let record = if front >= unit / 2 {
            0
        } else {
            front + (UNITS - 1) * unit
        };
        // SAFETY: clause 1. A record fits into half a unit. If the front is as long it ends before unit 0, else more
        // than half a unit follows unit 62. The block is aligned for a record, and units are.
        unsafe {
            let first = block.add(front);
            let record = block.add(record).cast::<Self>();
            record.write(Self {
                block,
                first,
                free: WHOLE,
                room: None,
                next: None,
                previous: None,
                chain: None,
            });
            record
        }
    }

    /// The block of the parent.
    pub(super) fn block(&self) -> NonNull<u8> {
        self.block
    }

    /// The row that the segment belongs into.
    pub(super) fn fitting_room(&self, unit: usize) -> Option<usize> {
        if self.free == WHOLE {
            return Some(EMPTY);
        }
        let phase = self.phase(unit);
        (0..ORDERS)
            .rev()
            .find(|&order| Run::whole(order).place(self.free, phase).is_some())
    }

    /// Takes `run` out of the free units; gives its address.
    pub(super) fn take(&mut self, run: Run, unit: usize) -> Option<NonNull<u8>> {
        let at = run.place(self.free, self.phase(unit))?;
        self.free &= !run.at(at);
        // SAFETY: `place` finds units of the segment, which all lie in the block.
        Some(unsafe { self.first.add(at as usize * unit) })
    }

    /// Whether `address` is that of one of the units, or inside of one.
    pub(super) fn holds(&self, address: usize, unit: usize) -> bool {
        address.wrapping_sub(self.first.addr().get()) < (UNITS - 1) * unit
    }

    /// Makes the units of the block at `address` free again.
    ///
    /// `take` gave the address for `run`, and it was not put back since.
    pub(super) fn put(&mut self, address: usize, run: Run, unit: usize) {
        debug_assert!(self.holds(address, unit));
        let units = run.at(((address - self.first.addr().get()) / unit) as u32);
        debug_assert!(
            self.free & units == 0,
            "the block was given back before, or never given out"
        );
        self.free |= units;
    }

    /// Units in use.
    pub(super) fn used(&self) -> usize {
        (WHOLE & !self.free).count_ones() as usize
    }

    /// Where unit 0 stands between multiples of the largest alignment.
    fn phase(&self, unit: usize) -> u32 {
        (self.first.addr().get() / unit % super::run::LARGEST) as u32
    }
}

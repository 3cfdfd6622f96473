//! `Segmented`: aligned blocks carved out of large unaligned ones.
//!
//! | file | what it has |
//! |---|---|
//! | `run` | what a block takes of a segment, and where it can lie |
//! | `segment` | one block of the parent and the record of its units |
//! | `registry` | all segments, by room and by address |
//!
//! A segment has 63 units, and a word that tells which are free. That is simpler than a buddy tree and no slower: the
//! places for a block come out of a few shifts of the word, neighbours join by being neighbours, and a block of three
//! units takes three and not four. What a buddy system has and a bitmap lacks, finding a segment with room without a
//! search, the rows of the registry do: they sort segments by the longest aligned power of two that is free.

mod registry;
mod run;
mod segment;

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

use lock_api::{Mutex, RawMutex};

use super::Provider;
use crate::cache::SpinLock;
use crate::error::ProvideError;
use registry::{Registry, Returned, Table};
use run::{Run, UNITS};
use segment::Segment;

/// Empty segments that are kept, unless the provider is told otherwise.
const SPARE: usize = 1;

/// Carves aligned blocks, such as the slabs of a [`SlabCache`](crate::SlabCache), out of segments of 64 units that it
/// asks of `P`.
///
/// An allocator that is asked for 64 KiB at a multiple of 64 KiB has to look for an aligned place in up to twice as
/// much memory, and wastes the rest or leaves it in pieces. A segment is asked for without such an alignment, and
/// holds 63 aligned units wherever it lies; its bookkeeping lies in what is left over. So when segments are full, of
/// the bytes asked of `P` 1 in 64 (1.6%) is in no block if blocks have one unit, and 2 in 64 (3.1%) if they have two.
/// That counts addresses; of resident memory it is less, because what is left over is not touched but for a record of
/// 64 bytes. The table described below adds some 0.01%.
///
/// | a block | comes from |
/// |---|---|
/// | of up to 8 units, aligned to up to 8 units | a segment, if rounding it to whole units wastes no more than its alignment |
/// | larger, more aligned, or small and little aligned | `P`, as if this provider were not there |
/// | for which a segment is needed, and `P` refuses one | `P`, if it has the block itself |
///
/// A block has its units to itself: one that ends inside of its last unit, as a slab of 4096 small slots may, leaves the
/// rest of that unit unused and untouched. What counts is the block rounded up to its alignment, for the next of its
/// kind begins there. If there are no smaller blocks to use what lies between, of a segment's bytes are in no block:
///
/// | nothing but blocks of | fit | left over |
/// |---|---|---|
/// | 1 unit, aligned to 1 | 63 | 1.6% |
/// | 8 units, aligned to 8 | 7 | 12.5% |
/// | 5 units, aligned to 8 | 7 at least | up to 45% |
/// | 1 unit, aligned to 2 | 31 at least | up to 52% |
///
/// `UNIT` is therefore best the size of the slabs: a power of two from 256 bytes on. With the default of 64 KiB, segments
/// have 4 MiB, in which the kernel can place huge pages.
///
/// Blocks that come back are used again. A segment that is wholly free goes back to `P`, but for a number of spare
/// ones, so that a block that comes and goes does not take a segment along each time. [`release_empty`] gives those
/// back too. The last segment, and dropping the provider, leave nothing behind.
///
/// Threads that find no room at once each ask `P` for a segment; the first that arrives serves them all, and of the others
/// those beyond the spare go straight back.
///
/// A call costs O(1) in segments and blocks, given that addresses spread over the table that leads to segments. A lock
/// `L` of the `lock_api` kind, which must not unwind, is held for a few dozen steps, and never while `P` is called; the table grows by eight
/// times when there are more segments than places in it, and moving into the larger one is the only thing under the
/// lock that takes O(segments).
///
/// [`release_empty`]: Self::release_empty
///
/// ```
/// use slab_core::{Global, Segmented, SlabCache};
///
/// let cache = SlabCache::new_in(Segmented::new(Global))?;
/// let greeting = cache.alloc(String::from("in a slab, in a segment"))?;
/// assert_eq!(greeting.len(), 23);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Shared by reference, with smaller units:
///
/// ```
/// use slab_core::{Segmented, SlabCache, SpinLock, StaticRegion};
///
/// static MEMORY: StaticRegion<{ 200 << 10 }> = StaticRegion::new();
/// static SEGMENTS: Segmented<&StaticRegion<{ 200 << 10 }>, SpinLock, 1024> =
///     Segmented::with_spare_segments(0, &MEMORY);
///
/// let cache = SlabCache::<u64, _, SpinLock, 1024>::with_spare_slabs_in(0, &SEGMENTS)?;
/// let value = cache.alloc(7)?;
/// assert_eq!(SEGMENTS.stats().block_bytes, 1024);
/// drop((cache, value));
/// assert_eq!(SEGMENTS.stats().segments, 0);
/// assert_eq!(MEMORY.free_bytes(), 200 << 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Segmented<P: Provider, L: RawMutex = SpinLock, const UNIT: usize = 65536> {
    registry: Mutex<L, Registry>,
    /// Empty segments that are kept at most.
    spare: usize,
    parent: P,
}

impl<P: Provider> Segmented<P> {
    /// Carves segments of 4 MiB in units of 64 KiB, and keeps one that is empty. Asks nothing of `parent` yet.
    pub const fn new(parent: P) -> Self {
        Self::with_spare_segments(SPARE, parent)
    }
}

impl<P: Provider, L: RawMutex, const UNIT: usize> Segmented<P, L, UNIT> {
    /// What a segment is asked of the parent with.
    const SEGMENT: Layout = segment::layout(UNIT);

    /// Carves segments of `64 * UNIT` bytes and keeps up to `spare` that are empty. Asks nothing of `parent` yet.
    ///
    /// A `UNIT` that is no power of two from 256 bytes up does not compile:
    ///
    /// ```compile_fail,E0080
    /// use slab_core::{Global, Segmented, SpinLock};
    ///
    /// let memory = Segmented::<_, SpinLock, 48000>::with_spare_segments(1, Global);
    /// ```
    pub const fn with_spare_segments(spare: usize, parent: P) -> Self {
        const { assert!(Self::SEGMENT.size() == UNIT * UNITS) };
        Self {
            registry: Mutex::new(Registry::EMPTY),
            spare,
            parent,
        }
    }

    /// The provider that segments come from.
    pub fn parent(&self) -> &P {
        &self.parent
    }

    /// Gives empty segments back to the parent until there are at most `keep`. Returns how many went back; the lock is
    /// taken once for each.
    ///
    /// ```
    /// use slab_core::{Global, Segmented, SlabCache};
    ///
    /// static MEMORY: Segmented<Global> = Segmented::new(Global);
    ///
    /// let cache = SlabCache::new_in(&MEMORY)?;
    /// let value = cache.alloc(1)?;
    /// drop((cache, value));
    /// assert_eq!(MEMORY.stats().segments, 1, "kept for the next");
    /// assert_eq!(MEMORY.release_empty(0), 1);
    /// assert_eq!(MEMORY.stats().segments, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn release_empty(&self, keep: usize) -> usize {
        let mut released = 0;
        loop {
            let surplus = self.registry.lock().surplus(keep, UNIT);
            let Some((block, table)) = surplus else {
                return released;
            };
            // SAFETY: the registry gave them away.
            unsafe { self.release(block, table) };
            released += 1;
        }
    }

    /// How much of what the parent gave is in use. O(1).
    pub fn stats(&self) -> SegmentedStats {
        let registry = self.registry.lock();
        SegmentedStats {
            segments: registry.segments,
            empty_segments: registry.empty,
            segment_bytes: registry.segments * Self::SEGMENT.size(),
            block_bytes: registry.units * UNIT,
        }
    }

    /// A block for `run`, which `layout` needs, when no segment has room: of a new segment if the parent gives one.
    #[cold]
    fn extend(&self, run: Run, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        let Ok(block) = self.parent.allocate(Self::SEGMENT) else {
            // Another thread may have given something back, and the parent may have less than a segment.
            let taken = self.registry.lock().take(run, UNIT);
            return taken.map_or_else(|| self.parent.allocate(layout), Ok);
        };
        let (taken, surplus, wanted) = {
            // SAFETY: a block of this layout that is ours; the segment stays until the registry gives it away.
            let segment = unsafe { Segment::create(block, UNIT) };
            let mut registry = self.registry.lock();
            // SAFETY: it was made just now, with this unit.
            unsafe { registry.add(segment, UNIT) };
            // Threads that found no room at once all come here with a segment. Room in those of the others goes first,
            // so that only one segment is needed and the rest go back.
            let taken = registry.take(run, UNIT);
            let surplus = registry.surplus(self.spare, UNIT);
            (taken, surplus, registry.wanted_buckets())
        };
        if let Some((block, table)) = surplus {
            // SAFETY: the registry gave them away.
            unsafe { self.release(block, table) };
        }
        if let Some(len) = wanted {
            self.enlarge(len);
        }
        debug_assert!(taken.is_some(), "a new segment has room for any run");
        taken.ok_or(ProvideError::Exhausted)
    }

    /// Gives the table `len` buckets, if the parent has memory for them. It works without, slower.
    fn enlarge(&self, len: usize) {
        let Some(Ok(block)) = Table::layout_of(len).map(|layout| self.parent.allocate(layout))
        else {
            return;
        };
        // SAFETY: a block of this layout that is ours; `wanted_buckets` multiplies powers of two.
        let table = unsafe { Table::create(block, len) };
        let unneeded = self.registry.lock().install(table, UNIT);
        // SAFETY: the registry does not have it any more.
        unsafe { self.release_table(unneeded) };
    }

    /// Gives a segment's block, and perhaps the table, back to the parent.
    ///
    /// # Safety
    /// 1. They are the parent's blocks, and nothing uses them any more.
    unsafe fn release(&self, block: NonNull<u8>, table: Option<Table>) {
        // SAFETY: clause 1; every segment was asked for with this layout.
        unsafe {
            self.parent.deallocate(block, Self::SEGMENT);
            self.release_table(table);
        }
    }

    /// # Safety
    /// 1. As for `release`.
    unsafe fn release_table(&self, table: Option<Table>) {
        if let Some((block, Some(layout))) = table.map(Table::into_block) {
            // SAFETY: clause 1; the layout is the one that the table was asked for with.
            unsafe { self.parent.deallocate(block, layout) };
        }
    }
}

// SAFETY: a block of the parent's own has its clauses from there. 1: a block that is carved has as many units as it
// needs, at an address that is a multiple of the alignment as `Run::place` finds it, inside of a block of the parent,
// and its pointer derives from that block's. 2: a unit is given out only while its bit is set, under the lock, and the
// record lies outside of all units. 3: the segment goes back to the parent when no unit is in use, or with the
// provider; it does not move with it. 4: the default, or the parent's. 5: nothing here panics, and the parent's methods
// do not unwind.
unsafe impl<P: Provider, L: RawMutex, const UNIT: usize> Provider for Segmented<P, L, UNIT> {
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        let Some(run) = Run::of(layout, UNIT) else {
            return self.parent.allocate(layout);
        };
        let taken = self.registry.lock().take(run, UNIT);
        taken.map_or_else(|| self.extend(run, layout), Ok)
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        if Run::of(layout, UNIT).is_none() {
            return self.parent.allocate_zeroed(layout);
        }
        let block = self.allocate(layout)?;
        // SAFETY: a block of this layout, which is the caller's to be.
        unsafe { block.write_bytes(0, layout.size()) };
        Ok(block)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        let returned = match Run::of(layout, UNIT) {
            Some(run) => {
                let mut registry = self.registry.lock();
                registry.put(block.addr().get(), run, self.spare, UNIT)
            }
            None => Returned::Foreign,
        };
        // SAFETY: the caller's promises. A block that lies in no segment is the parent's, with the same layout. A
        // surplus segment has no unit in use, and the registry gave it away.
        unsafe {
            match returned {
                Returned::Foreign => self.parent.deallocate(block, layout),
                Returned::Kept => {}
                Returned::Surplus(segment, table) => self.release(segment, table),
            }
        }
    }
}

impl<P: Provider, L: RawMutex, const UNIT: usize> Drop for Segmented<P, L, UNIT> {
    /// Gives all segments back. Whoever has a block of one still must not use it any more: blocks are valid until the
    /// provider and its copies are gone.
    fn drop(&mut self) {
        while let Some(block) = self.registry.get_mut().last() {
            // SAFETY: the registry gave it away, and no block in it is valid without a provider.
            unsafe { self.release(block, None) };
        }
        let table = self.registry.get_mut().last_table();
        // SAFETY: no segment is left, and the registry does not have it any more.
        unsafe { self.release_table(table) };
    }
}

impl<P: Provider, L: RawMutex, const UNIT: usize> fmt::Debug for Segmented<P, L, UNIT> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segmented")
            .field("unit", &UNIT)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// Figures of a [`Segmented`] provider, without the blocks that its parent serves directly.
///
/// ```
/// use core::alloc::Layout;
/// use slab_core::{Global, Provider, Segmented};
///
/// let memory = Segmented::new(Global);
/// let slab = Layout::from_size_align(65536, 65536)?;
/// let block = memory.allocate(slab)?;
/// let stats = memory.stats();
/// assert_eq!((stats.segments, stats.segment_bytes, stats.block_bytes), (1, 4 << 20, 65536));
/// // SAFETY: the block is from this provider, with this layout, and not used any more.
/// unsafe { memory.deallocate(block, slab) };
/// assert_eq!(memory.stats().empty_segments, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentedStats {
    /// Segments that the parent gave and did not get back.
    pub segments: usize,
    /// Those among them that are wholly free.
    pub empty_segments: usize,
    /// Bytes of the segments.
    pub segment_bytes: usize,
    /// Bytes of the units in use: those of blocks, rounded up to units.
    pub block_bytes: usize,
}

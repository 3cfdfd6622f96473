//! `Mapped`: memory straight from the kernel, by mmap, with huge pages.
//!
//! | file | what it has |
//! |---|---|
//! | `route` | which blocks are carved out of chunks, and which are mappings of their own |
//! | `granules` | a set of a chunk's 512 granules |
//! | `tier/` | all chunks of one kind, by address and by room; when memory goes back |
//! | `carving` | what is done around the tiers, without their locks: chunks are mapped, purged, unmapped |
//! | `space` | the calls of the kernel |
//!
//! slab-core's `Segmented` carves too, 63 units out of a segment with its record inside. Here chunks are to be whole
//! huge pages with nothing in them but blocks, of 1 to 256 granules, and what is known to be zero is to stay known.
//!
//! No models: all that threads share lies under a lock a tier, and calls of the kernel are what a model cannot make.

mod carving;
mod granules;
mod route;
mod space;
#[cfg(all(test, target_os = "linux"))]
mod tests;
mod tier;

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

use rustix::param::page_size;
use slab_core::{ProvideError, Provider};

use crate::sync::{Mutex, Tally};
use route::{FINE, FINE_CHUNK, HUGE, Kind, PAGE, Route};
use space::Space;
use tier::Tier;

/// Memory straight from the kernel, private and anonymous, with huge pages (feature `mmap`, on unix).
///
/// ```
/// use buffer_pool::{BufferPool, Mapped};
///
/// let pool = BufferPool::builder().provider(Mapped::new()).alignment(4096).build();
/// let page = pool.acquire_zeroed(4096); // fresh pages are zero: nothing is cleared
/// assert_eq!(page.as_ptr() as usize % 4096, 0);
/// ```
///
/// What pools of the global allocator do not have: buffers of any class share huge pages, so that the processor needs
/// one entry of its TLB, and the kernel one fault, for 2 MiB instead of 4 KiB; blocks that the pool gives back are the
/// system's again, whatever else the program has allocated; and fresh memory need not be cleared.
///
/// # Where blocks lie
///
/// A process has 65,530 mappings, unless told otherwise (`vm.max_map_count`), so a block has none of its own unless it
/// is large. Chunks are 2 MiB long and so aligned.
///
/// | a block | lies in |
/// |---|---|
/// | of up to 16 KiB, no multiple of 4 KiB | a part of 32 KiB of a chunk, in granules of 64 bytes |
/// | of up to 1 MiB | a chunk, in granules of 4 KiB, with huge pages |
/// | of those, aligned to more than twice its size and 4 KiB | a chunk without huge pages, of which little would be used |
/// | larger, or aligned to more than 2 MiB | a mapping of its own; from 2 MiB on aligned to 2 MiB, with huge pages |
///
/// # When memory goes back
///
/// A chunk of which no block is in use is unmapped, but for one that is [kept](Self::spare_chunks); so is a large block
/// at once. Of a chunk that is in use, blocks that came back keep their memory until they are more than what is in use;
/// then all of it goes back (`MADV_DONTNEED`), which costs the chunk its huge pages until three quarters of it are in
/// use again. So what was used, is free and was not given back is never more than what is in use, plus the spare chunk;
/// besides, the chunk that is being filled has all its memory from the first write on, if that is a huge page. (On
/// unixes other than Linux only whole chunks and large blocks go back, and there are no huge pages to ask for.)
/// [`trim`](Self::trim) gives back everything that is free.
///
/// For all that, and in the [stats](Self::stats), a part of 32 KiB out of which small blocks are carved is one block: it
/// comes back when none of them is in use any more. Few small blocks that stay can so keep many times their size.
///
/// # Cost
///
/// A block costs a lock, one a row of the first table, under which room is looked for: two words a chunk that is passed
/// over, mostly none. No lock is held while the kernel is called. A chunk costs a few system calls and 180 bytes of the
/// global allocator; with huge pages the first write to one clears 2 MiB. A pool comes here only for what it has not
/// idle. Its budget counts what buffers hold; of memory there may be more, as said above.
///
/// When the kernel refuses, [`ProvideError::Exhausted`] comes back and nothing has changed. Where the system has huge
/// pages disabled (`/sys/kernel/mm/transparent_hugepage/enabled` says `never`), there are small ones.
///
/// To share one among pools, or to ask for [`stats`](Self::stats), keep it in an `Arc`, which is a provider too:
///
/// ```
/// use std::sync::Arc;
/// use buffer_pool::{BufferPool, Mapped};
///
/// let memory = Arc::new(Mapped::new());
/// let pool = BufferPool::builder().provider(Arc::clone(&memory)).build();
/// let large = pool.acquire(8 << 20);
/// assert_eq!(memory.stats().large_blocks, 1);
/// drop((large, pool));
/// memory.trim();
/// assert_eq!(memory.stats().mapped_bytes, 0);
/// ```
///
/// Dropping the provider unmaps all chunks. A large block that was never given back stays mapped.
pub struct Mapped {
    fine: Mutex<Tier>,
    dense: Mutex<Tier>,
    sparse: Mutex<Tier>,
    space: Space,
    huge_pages: bool,
    populate: bool,
    spare_chunks: usize,
    /// Blocks with a mapping of their own.
    large: Tally,
}

/// How much memory a [`Mapped`] has from the kernel, and what it is used for.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MappedStats {
    /// Bytes of address space mapped: chunks, large blocks, and what the kernel did not take back.
    pub mapped_bytes: u64,
    /// Chunks of 2 MiB.
    pub chunks: usize,
    /// Of these, chunks of which no block is in use.
    pub empty_chunks: usize,
    /// Bytes of chunks that are in blocks, or are on their way back to the kernel.
    pub chunk_bytes_used: usize,
    /// Bytes of chunks that were in blocks before and may still have memory behind them.
    pub chunk_bytes_stale: usize,
    /// Blocks with a mapping of their own.
    pub large_blocks: u64,
}

impl Mapped {
    /// Maps nothing yet. Huge pages are asked for, nothing is populated ahead, one empty chunk is kept.
    #[must_use]
    pub fn new() -> Self {
        Self {
            fine: Mutex::new(Tier::new(FINE, page_size())),
            dense: Mutex::new(Tier::new(PAGE, page_size())),
            sparse: Mutex::new(Tier::new(PAGE, page_size())),
            space: Space::new(),
            huge_pages: true,
            populate: false,
            spare_chunks: 1,
            large: Tally::new(0),
        }
    }

    /// Whether huge pages are asked for (`MADV_HUGEPAGE`), as they are unless set, or asked not to be used
    /// (`MADV_NOHUGEPAGE`). Without them, memory is taken in steps of 4 KiB, and a chunk in which little was ever
    /// written takes little. Concerns what is mapped from now on.
    #[must_use]
    pub fn huge_pages(mut self, huge_pages: bool) -> Self {
        self.huge_pages = huge_pages;
        self
    }

    /// Whether memory is put behind what is mapped at once, so that no write to it faults later, and a lack of memory
    /// is an error now. Off unless set. A block then costs what faulting in its whole chunk does; and of chunks in use
    /// no memory goes back.
    ///
    /// ```
    /// use buffer_pool::{BufferPool, Mapped};
    ///
    /// let memory = Mapped::new().huge_pages(false).populate(true).spare_chunks(16);
    /// let pool = BufferPool::builder().provider(memory).build();
    /// # drop(pool.acquire(4096));
    /// ```
    #[must_use]
    pub fn populate(mut self, populate: bool) -> Self {
        self.populate = populate;
        self
    }

    /// How many empty chunks, of 2 MiB each, are kept with their memory for the next blocks; 1 unless set, so that a
    /// block that comes and goes does not take a chunk along each time.
    #[must_use]
    pub fn spare_chunks(mut self, chunks: usize) -> Self {
        self.spare_chunks = chunks;
        self
    }

    /// Gives back all memory that is free: unmaps empty chunks, spare ones too, and purges what is free of others,
    /// unless they are [populated](Self::populate). Returns how many bytes that were, of addresses: not all of them
    /// need have had memory. O(chunks), and a call of the kernel for each free range that has memory.
    ///
    /// ```
    /// use buffer_pool::{BufferPool, Mapped};
    /// use std::sync::Arc;
    ///
    /// let memory = Arc::new(Mapped::new());
    /// let pool = BufferPool::builder().provider(Arc::clone(&memory)).build();
    /// let mut buffers: Vec<_> = (0..4).map(|_| pool.acquire(64 << 10)).collect();
    /// buffers.truncate(2);
    /// pool.reclaim(usize::MAX);
    /// assert_eq!(memory.stats().chunk_bytes_stale, 128 << 10, "no more than is in use");
    /// assert!(memory.trim() >= 128 << 10);
    /// assert_eq!(memory.stats().chunk_bytes_stale, 0);
    /// ```
    pub fn trim(&self) -> usize {
        self.space.sweep();
        let mut trimmed = 0;
        for kind in [Kind::Dense, Kind::Sparse] {
            let mut bound = usize::MAX;
            loop {
                let surplus = self.tier(kind).lock().surplus(0, bound);
                let Some(base) = surplus else { break };
                // Each once: the kernel may refuse, and the chunk be back.
                bound = base.addr().get();
                trimmed += self.release(kind, base);
            }
            let mut bound = usize::MAX;
            loop {
                let claim = self.tier(kind).lock().claim_below(bound, self.policy(kind));
                let Some(claim) = claim else { break };
                bound = claim.base.addr().get();
                trimmed += self.purge(kind, &claim);
            }
        }
        trimmed
    }

    /// What is mapped, and what for. O(1); the figures fit together while no other thread allocates.
    pub fn stats(&self) -> MappedStats {
        let mut stats = MappedStats {
            mapped_bytes: self.space.mapped(),
            large_blocks: self.large.value(),
            ..MappedStats::default()
        };
        for kind in [Kind::Dense, Kind::Sparse] {
            let tier = self.tier(kind).lock();
            stats.chunks += tier.len();
            stats.empty_chunks += tier.empty();
            stats.chunk_bytes_used += tier.used_bytes();
            stats.chunk_bytes_stale += tier.stale_bytes();
        }
        stats
    }

    /// A block, and whether it is zero.
    fn block(&self, layout: Layout) -> Result<(NonNull<u8>, bool), ProvideError> {
        if layout.size() == 0 {
            return Ok((layout.dangling_ptr(), true));
        }
        match Route::of(layout) {
            Route::Carved(kind, run) => self.carve(kind, run),
            Route::Own => {
                let len = whole_pages(layout)?;
                let huge = len >= HUGE;
                let align = layout.align().max(if huge { HUGE } else { 1 });
                let block = self.map(len, align, huge.then_some(self.huge_pages))?;
                self.large.add(1);
                Ok((block, true))
            }
        }
    }
}

/// Bytes of the pages that a block of its own needs.
fn whole_pages(layout: Layout) -> Result<usize, ProvideError> {
    let len = layout.size().checked_next_multiple_of(page_size());
    len.ok_or(ProvideError::TooLarge)
}

// SAFETY: 1: a carved block has as many granules as its size needs, of a chunk that is mapped readable and writable, at
// a place that is aligned because the chunk is aligned to its size; a mapping of its own has whole pages at a multiple
// of the alignment. 2: a granule is given out while it is free, under the lock; the kernel maps where nothing is. 3: a
// chunk is unmapped when nothing of it is in use, or with the provider, and is not moved with it. 4: fresh pages are
// zero, and so are purged ones; a granule is clean from then until it is given out; else the block is cleared. 5:
// nothing panics: lists grow by `try_reserve`, and indices are of chunks that were found.
unsafe impl Provider for Mapped {
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        Ok(self.block(layout)?.0)
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        let (block, is_zero) = self.block(layout)?;
        // The memory sanitizer does not see the kernel clear pages: it takes them for what was there before.
        if !is_zero || cfg!(buffer_pool_sanitize_memory) {
            // SAFETY: a block of this layout, which is the caller's to be.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        Ok(block)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() == 0 {
            return;
        }
        match Route::of(layout) {
            // SAFETY: the caller's promises; the layout leads where it led when the block was asked for.
            Route::Carved(kind, run) => unsafe { self.put(kind, block, run) },
            Route::Own => {
                // The same length as in `block`, which has not failed.
                if let Ok(len) = whole_pages(layout) {
                    self.large.subtract(1);
                    // SAFETY: the caller's promises; the block is a mapping of this length.
                    unsafe { self.space.dispose(block, len) };
                }
            }
        }
    }
}

impl Drop for Mapped {
    /// Unmaps all chunks. Whoever has a block of one still must not use it any more: blocks are valid until the
    /// provider is gone.
    fn drop(&mut self) {
        for tier in [&self.dense, &self.sparse] {
            while let Some(base) = tier.lock().last() {
                // SAFETY: a chunk that is in no tier any more, and no block of it is valid without a provider.
                unsafe { self.space.dispose(base, HUGE) };
            }
        }
        self.space.sweep();
    }
}

impl Default for Mapped {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Mapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapped")
            .field("huge_pages", &self.huge_pages)
            .field("populate", &self.populate)
            .field("spare_chunks", &self.spare_chunks)
            .field("stats", &self.stats())
            .finish()
    }
}

const _: () = assert!(HUGE.is_multiple_of(PAGE) && FINE_CHUNK.is_multiple_of(PAGE));

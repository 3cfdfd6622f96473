//! `SlabCache`: objects of one type in slabs that every thread may free into (Bonwick's object cache, 1994).
//!
//! | file | what it has |
//! |---|---|
//! | `geometry` | how a slab is divided, at compile time |
//! | `remote` | the word by which any thread frees a slot, and the states of a slab |
//! | `header` | a slab and what its possessor does with it |
//! | `bitmap` | the slots of a slab that its possessor knows to be free |
//! | `claim` | free slots of one slab, out of its bitmap and ready to be used |
//! | `handover` | how a slab passes from one possessor to the next |
//! | `chain` | slabs in a row, for one owner |
//! | `depot` | slabs with freed slots on their way to who allocates |
//! | `shelf` | the slabs that the cache allocates from under its lock |
//! | `heap` | the slabs that a local cache allocates from without a lock |
//! | `control` | what outlives the handles, and when it ends |
//! | `boxed`, `local_box`, `traits` | the owners of values |
//! | `local` | the local cache |

mod bitmap;
mod boxed;
mod chain;
mod claim;
mod control;
mod depot;
mod geometry;
mod handover;
mod header;
mod heap;
mod local;
mod local_box;
mod remote;
mod shelf;
mod spin;
mod traits;

use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use lock_api::RawMutex;

use crate::error::{AllocError, ProvideError};
use crate::provider::{Global, Provider};
use chain::Chain;
use claim::Claim;
use control::{Block, Control};
use geometry::Geometry;
use shelf::{Shelf, Taken};

pub use boxed::SlabBox;
pub use local::LocalCache;
pub use local_box::LocalBox;
#[cfg(slab_core_loom)]
pub(crate) use remote::CAPACITY_MAX;
pub use spin::SpinLock;

/// Empty slabs that an owner keeps, unless the cache is told otherwise: four megabytes of the default size.
const SPARE_SLABS: usize = 64;

/// An allocator for values of one type, in slabs of `SLAB` bytes that are aligned to `SLAB`.
///
/// Handles are cheap to clone and may be used by any thread. Values are owned by [`SlabBox`]es, which free their slot
/// from any thread and may outlive every handle. The last of handles and boxes gives the last memory back and drops the
/// provider, on the thread it goes on.
///
/// Allocating through the cache takes its lock for a few steps. A [`LocalCache`] is the fast way: it takes the lock once
/// for each slab that it gets, when its own are used up. Freeing takes no lock, but for the drop of the last handle. The
/// provider is never called while the lock is held. `L` must not unwind. Slabs that become empty are kept for
/// reuse: up to 64 spare ones unless the cache is told otherwise, beyond which they go back when slots are looked for, or
/// by [`release_empty`](Self::release_empty). Where more than the spare slabs hold come and go together, ask for as many
/// spare slabs, or each round asks the provider anew.
///
/// A slot that is freed as a [`SlabBox`] is used again when the other free slots of its slab are: a value that comes and
/// goes through the cache walks over a whole slab. A [`LocalCache`] and its boxes use the slot freed last, whose lines are
/// near.
///
/// `SLAB` is a power of two; its default needs a `usize` of 32 bits. A slab has 192 bytes of header on 64-bit targets, a bit for each slot, and at most 4096
/// slots; it takes no more memory than they need. Two slots must fit, else the program does not compile:
///
/// ```compile_fail,E0080
/// use slab_core::{Global, SlabCache, SpinLock};
///
/// let cache = SlabCache::<[u8; 4096], Global, SpinLock, 4096>::with_spare_slabs_in(1, Global);
/// ```
///
/// `P` is where memory comes from, `L` any lock of the `lock_api` kind.
///
/// ```
/// use slab_core::{SlabBox, SlabCache};
///
/// let cache = SlabCache::new()?;
/// let first: SlabBox<String> = cache.alloc(String::from("first"))?;
/// let second = cache.alloc(String::from("second"))?;
/// drop(first);
/// drop(cache);
/// assert_eq!(*second, "second");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SlabCache<T, P = Global, L = SpinLock, const SLAB: usize = 65536>
where
    P: Provider + Send + Sync + 'static,
    L: RawMutex + Send + Sync + 'static,
{
    /// A counted handle keeps it.
    block: NonNull<Block<P, L>>,
    _values: PhantomData<fn() -> T>,
}

// SAFETY: all that a handle reaches is behind the lock, atomic, or the provider, which may be used from any thread. It
// holds no `T`: a value that a thread puts in comes out as a box on the same thread.
unsafe impl<T, P, L, const SLAB: usize> Send for SlabCache<T, P, L, SLAB>
where
    P: Provider + Send + Sync + 'static,
    L: RawMutex + Send + Sync + 'static,
{
}
// SAFETY: as for `Send`.
unsafe impl<T, P, L, const SLAB: usize> Sync for SlabCache<T, P, L, SLAB>
where
    P: Provider + Send + Sync + 'static,
    L: RawMutex + Send + Sync + 'static,
{
}

#[cfg(feature = "alloc")]
impl<T> SlabCache<T> {
    /// A cache on the global allocator, of slabs of 64 KiB.
    ///
    /// # Errors
    /// [`ProvideError`] if there is no memory for the control block.
    pub fn new() -> Result<Self, ProvideError> {
        Self::new_in(Global)
    }
}

impl<T, P: Provider + Send + Sync + 'static> SlabCache<T, P> {
    /// A cache on `provider`, of slabs of 64 KiB.
    ///
    /// # Errors
    /// [`ProvideError`] if the provider has no memory for the control block.
    pub fn new_in(provider: P) -> Result<Self, ProvideError> {
        Self::with_spare_slabs_in(SPARE_SLABS, provider)
    }
}

impl<T, P, L, const SLAB: usize> SlabCache<T, P, L, SLAB>
where
    P: Provider + Send + Sync + 'static,
    L: RawMutex + Send + Sync + 'static,
{
    /// A cache on `provider` with any lock and slab size, which keeps up to `spare` empty slabs (and each of its
    /// [`LocalCache`]s as many). With 0, a value that comes and goes at the boundary of a slab may call the provider
    /// each time.
    ///
    /// # Errors
    /// [`ProvideError`] if the provider has no memory for the control block.
    ///
    /// ```
    /// use slab_core::{SlabCache, SpinLock, StaticRegion};
    ///
    /// static MEMORY: StaticRegion<8192> = StaticRegion::new();
    ///
    /// let cache = SlabCache::<u64, _, SpinLock, 1024>::with_spare_slabs_in(1, &MEMORY)?;
    /// let value = cache.alloc(9)?;
    /// assert_eq!(*value, 9);
    /// drop((value, cache));
    /// assert_eq!(MEMORY.free_bytes(), 8192);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_spare_slabs_in(spare: usize, provider: P) -> Result<Self, ProvideError> {
        const { assert!(Geometry::<T, SLAB>::CAPACITY >= 2) };
        Ok(Self {
            block: Block::create::<T, SLAB>(provider, spare)?,
            _values: PhantomData,
        })
    }

    /// A part of the cache for the calling thread's own use.
    ///
    /// # Errors
    /// [`ProvideError`] if the provider has no memory for its block of about a hundred bytes.
    pub fn local(&self) -> Result<LocalCache<T, P, L, SLAB>, ProvideError> {
        LocalCache::new(self.clone())
    }

    /// Stores `value`. O(1) under the lock; when slots run out, up to 32 slabs to sort there. Without the lock, a provider
    /// call for each of them that is empty and not spare, and either one for a new slab or one step for each slot that
    /// was freed in the slab found.
    ///
    /// # Errors
    /// [`AllocError`] with the value, when no slot is free and the provider has no memory for a slab.
    #[inline]
    pub fn alloc(&self, value: T) -> Result<SlabBox<T, SLAB>, AllocError<T>> {
        match self.alloc_uninit() {
            Ok(slot) => Ok(slot.write(value)),
            Err(error) => Err(AllocError::new(value, error)),
        }
    }

    /// Stores what `make` returns, and calls it only if there is room; not under the lock.
    ///
    /// # Errors
    /// [`ProvideError`] when no slot is free and the provider has no memory for a slab.
    ///
    /// # Panics
    /// If `make` does; nothing has changed then.
    #[inline]
    pub fn alloc_with(&self, make: impl FnOnce() -> T) -> Result<SlabBox<T, SLAB>, ProvideError> {
        Ok(self.alloc_uninit()?.write(make()))
    }

    /// A slot without a value; [`SlabBox::write`] makes it one with a value.
    ///
    /// # Errors
    /// [`ProvideError`] when no slot is free and the provider has no memory for a slab.
    #[inline]
    pub fn alloc_uninit(&self) -> Result<SlabBox<MaybeUninit<T>, SLAB>, ProvideError> {
        let mut surplus = Chain::EMPTY;
        // SAFETY: this cache's slabs are of this geometry.
        let taken =
            self.on_shelf(|shelf, control| unsafe { shelf.take::<T, SLAB>(control, &mut surplus) });
        if surplus.len != 0 {
            // SAFETY: the shelf gave them away, empty; this handle keeps the block.
            unsafe { Control::release_chain(self.block.cast(), surplus) };
        }
        let slot = match taken {
            Taken::Slot(slot) => slot,
            other => self.refill(other)?,
        };
        // SAFETY: the slot is in use and ours; a `MaybeUninit` is always a value.
        Ok(unsafe { SlabBox::from_slot(slot.cast()) })
    }

    /// Gives the empty slabs that the cache possesses back to the provider, but `keep` of them. Returns how many went
    /// back. Takes the lock for O(slabs that the cache possesses); those of local caches are not among them.
    ///
    /// ```
    /// use slab_core::SlabCache;
    ///
    /// let cache = SlabCache::new()?;
    /// drop(cache.alloc("gone")?);
    /// assert_eq!(cache.stats().slabs, 1, "kept for the next");
    /// assert_eq!(cache.release_empty(0), 1);
    /// assert_eq!(cache.stats().slabs, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn release_empty(&self, keep: usize) -> usize {
        // SAFETY: the shelf is this cache's. It gave the slabs away, empty; this handle keeps the block.
        unsafe {
            let surplus = self.on_shelf(|shelf, control| shelf.trim::<T, SLAB>(control, keep));
            let released = surplus.len;
            Control::release_chain(self.block.cast(), surplus);
            released
        }
    }

    /// Figures of the cache and all its parts. Slabs are counted without stopping other threads. O(1).
    pub fn stats(&self) -> CacheStats {
        // SAFETY: this handle keeps the block.
        let slabs = unsafe { self.block.as_ref() }.control.slabs();
        CacheStats {
            slabs,
            slots_per_slab: usize::from(Geometry::<T, SLAB>::CAPACITY),
            slab_bytes: Geometry::<T, SLAB>::LAYOUT.size(),
        }
    }

    /// A slot of a slab that nobody else has, which then goes on the shelf if it has another: of the one that was taken
    /// off it, after collecting what others freed, or of a new one.
    #[cold]
    fn refill(&self, taken: Taken<T>) -> Result<NonNull<T>, ProvideError> {
        // SAFETY: this handle keeps the block. The slab is ours until it is put on the shelf, and OWNED; of its free
        // slots one is taken.
        unsafe {
            let slab = match taken {
                Taken::Slot(slot) => return Ok(slot),
                Taken::Uncollected(slab) => {
                    slab.collect::<T, SLAB>();
                    slab
                }
                Taken::Nothing => Block::slab::<T, SLAB>(self.block)?,
            };
            let claim = Claim::new();
            slab.claim::<T, SLAB>(&claim);
            let slot = claim.take::<T, SLAB>();
            slab.unclaim::<T, SLAB>(&claim);
            // With its last free slot it leaves like a current slab that is used up: what the shelf holds has one.
            if slab.has_free() || !slab.detach::<T, SLAB>() {
                self.on_shelf(|shelf, _| shelf.put(slab));
            }
            debug_assert!(slot.is_some(), "a slab without a free slot was taken");
            slot.ok_or(ProvideError::Exhausted)
        }
    }

    fn on_shelf<R>(&self, step: impl FnOnce(&mut Shelf, &Control) -> R) -> R {
        // SAFETY: this handle keeps the block.
        let block = unsafe { self.block.as_ref() };
        block.shelf.with(|shelf| step(shelf, &block.control))
    }

    fn provider(&self) -> &P {
        // SAFETY: this handle keeps the block.
        &unsafe { self.block.as_ref() }.provider
    }

    fn block(&self) -> NonNull<Block<P, L>> {
        self.block
    }
}

impl<T, P, L, const SLAB: usize> Clone for SlabCache<T, P, L, SLAB>
where
    P: Provider + Send + Sync + 'static,
    L: RawMutex + Send + Sync + 'static,
{
    /// Another handle of the same cache.
    ///
    /// # Panics
    /// If half an address space of handles was cloned and forgotten.
    fn clone(&self) -> Self {
        // SAFETY: this handle keeps the block.
        unsafe { self.block.as_ref() }.control.attach();
        Self {
            block: self.block,
            _values: PhantomData,
        }
    }
}

impl<T, P, L, const SLAB: usize> Drop for SlabCache<T, P, L, SLAB>
where
    P: Provider + Send + Sync + 'static,
    L: RawMutex + Send + Sync + 'static,
{
    fn drop(&mut self) {
        let block = self.block;
        // SAFETY: the handle is counted, and not used after this. The shelf is taken while the block is there.
        unsafe {
            Control::detach::<T, SLAB>(block.cast(), || {
                block
                    .as_ref()
                    .shelf
                    .with(|shelf| core::mem::replace(shelf, Shelf::new()))
            });
        }
    }
}

impl<T, P, L, const SLAB: usize> fmt::Debug for SlabCache<T, P, L, SLAB>
where
    P: Provider + Send + Sync + 'static,
    L: RawMutex + Send + Sync + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlabCache")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// Figures of a [`SlabCache`].
///
/// ```
/// use slab_core::SlabCache;
///
/// let cache = SlabCache::<u64>::new()?;
/// let stats = cache.stats();
/// assert_eq!(stats.slabs, 0, "slabs are made when a value needs one");
/// assert_eq!(stats.slots_per_slab, 4096);
/// assert!(stats.slab_bytes <= 65536);
/// # Ok::<(), slab_core::ProvideError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStats {
    /// Slabs that exist: of the cache, of its local caches, and of boxes alone.
    pub slabs: usize,
    /// Values that fit into a slab.
    pub slots_per_slab: usize,
    /// Bytes asked of the provider for a slab.
    pub slab_bytes: usize,
}

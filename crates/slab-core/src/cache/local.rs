//! `LocalCache`: one thread's own slabs of a cache, used without atomic read-modify-writes while they last.

use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use lock_api::RawMutex;

use super::SlabCache;
use super::boxed::SlabBox;
use super::chain::Chain;
use super::control::{Block, Control};
use super::header::Slab;
use super::heap::LocalHeap;
use super::local_box::LocalBox;
use super::spin::SpinLock;
use crate::error::{AllocError, ProvideError};
use crate::provider::{Global, Provider};

/// One thread's part of a [`SlabCache`]: allocates and frees without an atomic read-modify-write.
///
/// But for three things: the cache's lock is taken once for each slab that it fetches, a slab is settled with one exchange
/// when it goes or comes back, and dropping the last handle of the cache takes the lock.
///
/// It owns its slabs. It may move to another thread while it lends no [`LocalBox`], but is not shared (`!Sync`); each
/// thread makes its own by [`SlabCache::local`]. What is freed elsewhere comes back when slots run out. Dropping it
/// passes slabs that still hold values on to the other owners.
///
/// The slot freed last is the next to be used, while its lines are near. Empty slabs beyond the cache's spare ones go back
/// to the provider, but for the one that slots come from and that of the slot freed last: as they become empty if their
/// last slot is freed here. Slabs that other threads empty say nothing; this cache looks for them as it goes, at two slabs
/// for each slab's worth of slots (or 1024, if a slab has more) that it takes out of slabs. One that only frees, does
/// nothing, or uses the slot freed last again and again does not look: [`release_empty`](Self::release_empty) does, at
/// all of them.
///
/// ```
/// use slab_core::SlabCache;
///
/// let cache = SlabCache::new()?;
/// std::thread::scope(|scope| {
///     for thread in 0..2 {
///         let cache = cache.clone();
///         scope.spawn(move || {
///             let local = cache.local().expect("there is memory");
///             let boxes: Vec<_> = (0..100).map(|n| local.alloc(n * thread).unwrap()).collect();
///             assert_eq!(*boxes[7], 7 * thread);
///         });
///     }
/// });
/// # Ok::<(), slab_core::ProvideError>(())
/// ```
pub struct LocalCache<T, P = Global, L = SpinLock, const SLAB: usize = 65536>
where
    P: Provider + Send + Sync + 'static,
    L: RawMutex + Send + Sync + 'static,
{
    /// In a block of the provider; this value is the only one to point to it, apart from the heap's slabs.
    heap: NonNull<LocalHeap>,
    cache: SlabCache<T, P, L, SLAB>,
    /// Neither `Send` nor `Sync` by itself; `Send` is given below.
    _one_thread: PhantomData<*mut ()>,
}

// SAFETY: the heap and its slabs belong to this value alone, and move with it; no `LocalBox` is there when it moves.
// It holds no `T`.
unsafe impl<T, P, L, const SLAB: usize> Send for LocalCache<T, P, L, SLAB>
where
    P: Provider + Send + Sync + 'static,
    L: RawMutex + Send + Sync + 'static,
{
}

impl<T, P, L, const SLAB: usize> LocalCache<T, P, L, SLAB>
where
    P: Provider + Send + Sync + 'static,
    L: RawMutex + Send + Sync + 'static,
{
    pub(super) fn new(cache: SlabCache<T, P, L, SLAB>) -> Result<Self, ProvideError> {
        let block = cache.provider().allocate(Layout::new::<LocalHeap>())?;
        let heap = block.cast::<LocalHeap>();
        // SAFETY: the provider's clauses 1 and 2: a block of this layout that is ours alone.
        unsafe { heap.write(LocalHeap::new(cache.block().cast())) };
        Ok(Self {
            heap,
            cache,
            _one_thread: PhantomData,
        })
    }

    /// The cache that this is a part of.
    pub fn cache(&self) -> &SlabCache<T, P, L, SLAB> {
        &self.cache
    }

    /// Stores `value`. O(1) while the current slab lasts. Then it looks at up to 8 full slabs of its own and up to 32 that
    /// others let go of, of which the empty ones beyond the spare go back to the provider with a call each; takes a step
    /// for each slot that others freed in the slab found; or calls the provider for a new one. If that is refused, it
    /// looks at all of its slabs.
    ///
    /// # Errors
    /// [`AllocError`] with the value, when no slot is free and the provider has no memory for a slab.
    #[inline(always)]
    pub fn alloc(&self, value: T) -> Result<LocalBox<'_, T, SLAB>, AllocError<T>> {
        match self.alloc_uninit() {
            Ok(slot) => Ok(slot.write(value)),
            Err(error) => Err(AllocError::new(value, error)),
        }
    }

    /// Stores what `make` returns, and calls it only if there is room.
    ///
    /// # Errors
    /// [`ProvideError`] when no slot is free and the provider has no memory for a slab.
    ///
    /// # Panics
    /// If `make` does; nothing has changed then.
    #[inline(always)]
    pub fn alloc_with(
        &self,
        make: impl FnOnce() -> T,
    ) -> Result<LocalBox<'_, T, SLAB>, ProvideError> {
        Ok(self.alloc_uninit()?.write(make()))
    }

    /// A slot without a value.
    ///
    /// # Errors
    /// [`ProvideError`] when no slot is free and the provider has no memory for a slab.
    #[inline(always)]
    pub fn alloc_uninit(&self) -> Result<LocalBox<'_, MaybeUninit<T>, SLAB>, ProvideError> {
        // SAFETY: the heap is there, and its slabs are of this geometry.
        let slot = match unsafe { self.heap().take::<T, SLAB>() } {
            Some(slot) => slot,
            None => self.refill()?,
        };
        // SAFETY: `take` gives a slot in use of a slab that the heap owns; a `MaybeUninit` is always a value.
        Ok(unsafe { LocalBox::from_slot(slot.cast()) })
    }

    /// Drops the value of a shared box; without an atomic read-modify-write if it lies in a slab of this local cache.
    ///
    /// ```
    /// use slab_core::SlabCache;
    ///
    /// let cache = SlabCache::new()?;
    /// let local = cache.local()?;
    /// let message = local.alloc("there and back")?.into_shared();
    /// local.free(message);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn free(&self, shared: SlabBox<T, SLAB>) {
        let slot = Return::<T, SLAB> {
            heap: self.heap,
            slot: SlabBox::into_slot(shared),
        };
        // SAFETY: the slot holds a value, which was the box's and is not used afterwards.
        unsafe { slot.slot.drop_in_place() };
    }

    /// Gives the empty slabs back to the provider, but `keep` of them, after taking back what other threads freed.
    /// The slab that values are stored into next stays as well. Returns how many went back. O(slabs of this local
    /// cache).
    pub fn release_empty(&self, keep: usize) -> usize {
        // SAFETY: the heap is there.
        unsafe { self.heap().trim::<T, SLAB>(keep) }
    }

    #[inline(always)]
    fn heap(&self) -> &LocalHeap {
        // SAFETY: the block lives as long as this value, and all in it are cells.
        unsafe { self.heap.as_ref() }
    }

    /// A slot, when none is at hand.
    #[cold]
    fn refill(&self) -> Result<NonNull<T>, ProvideError> {
        let heap = self.heap();
        // SAFETY: the heap and the block are there; `take` gave none before, and slabs are of this geometry.
        unsafe {
            heap.survey::<T, SLAB>();
            if !heap.refill::<T, SLAB>(LocalHeap::SCANNED_MAX) {
                let mut surplus = Chain::EMPTY;
                let found = self
                    .cache
                    .on_shelf(|shelf, control| shelf.pop(control, &mut surplus));
                Control::release_chain(heap.control(), surplus);
                let slab = match found {
                    Some(slab) => Ok(slab),
                    None => Block::slab::<T, SLAB>(self.cache.block()),
                };
                let filled = match slab {
                    Ok(slab) => {
                        heap.adopt::<T, SLAB>(slab);
                        heap.refill::<T, SLAB>(0)
                    }
                    Err(error) if !heap.refill::<T, SLAB>(usize::MAX) => return Err(error),
                    Err(_) => true,
                };
                debug_assert!(filled, "a slab without a free slot was ready");
            }
            heap.take::<T, SLAB>().ok_or(ProvideError::Exhausted)
        }
    }
}

/// Frees the slot of a shared box when dropped: by the heap, if it owns the slab.
struct Return<T, const SLAB: usize> {
    heap: NonNull<LocalHeap>,
    slot: NonNull<T>,
}

impl<T, const SLAB: usize> Drop for Return<T, SLAB> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the slot was the box's, whose value is gone. Only a heap makes itself a slab's owner, so if this one
        // is, the slab is the caller's.
        unsafe {
            let slab = Slab::of::<T, T, SLAB>(self.slot);
            if slab.owner() == self.heap.as_ptr() {
                LocalHeap::put::<T, SLAB>(self.heap, self.slot);
            } else {
                slab.free::<T, SLAB>(self.slot);
            }
        }
    }
}

impl<T, P, L, const SLAB: usize> Drop for LocalCache<T, P, L, SLAB>
where
    P: Provider + Send + Sync + 'static,
    L: RawMutex + Send + Sync + 'static,
{
    fn drop(&mut self) {
        // SAFETY: no `LocalBox` is left. After `close` no slab knows the heap, and the block goes back as it came; the
        // handle is dropped after that.
        unsafe {
            self.heap().close::<T, SLAB>();
            self.cache
                .provider()
                .deallocate(self.heap.cast(), Layout::new::<LocalHeap>());
        }
    }
}

impl<T, P, L, const SLAB: usize> fmt::Debug for LocalCache<T, P, L, SLAB>
where
    P: Provider + Send + Sync + 'static,
    L: RawMutex + Send + Sync + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalCache")
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}

//! The pool: a handle that hands out buffers.

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::time::Duration;
use std::time::Instant;

use crate::block::{Fill, Lease};
use crate::buffer::PooledBuf;
use crate::builder::Builder;
use crate::class::Classes;
use crate::error::AcquireError;
use crate::leak::Outstanding;
use crate::pool_core::Core;
use crate::stats::PoolStats;
use crate::sync::Arc;
use crate::wait::{Acquire, Handle};

/// A handle to a pool of byte buffers that are recycled by size class.
///
/// Clones are handles to the same pool; they are `Send`, `Sync` and `'static`. A buffer goes back when it is dropped,
/// on any thread. When the last handle is dropped the idle blocks are freed, as by [`close`](Self::close); buffers in use stay valid,
/// and their memory is freed when they are dropped.
///
/// | | length | contents |
/// |---|---|---|
/// | [`acquire`](Self::acquire) | 0 | none: write first |
/// | [`acquire_zeroed`](Self::acquire_zeroed) | as asked | zeros; only bytes that may not be zero are cleared |
/// | [`acquire_stale`](Self::acquire_stale) | as asked | initialised, otherwise unspecified; nothing is cleared |
///
/// **Cost.** Each thread keeps some idle blocks at hand: acquiring and releasing those takes neither a lock nor an
/// atomic read-modify-write, with `max_bytes` a few stores and loads more. What a thread does not have at hand comes from a depot with locks that threads rarely share, many blocks at a time. A miss, a release past
/// the caps on idle memory, and anything above the largest class call the provider.
///
/// **Past the budget** (`max_bytes`) idle blocks of all classes and threads are freed, the largest of each place first,
/// until the request fits. If that is not enough,
///
/// | | |
/// |---|---|
/// | `try_acquire*` | return [`AcquireError::Exhausted`] |
/// | [`acquire_timeout`](Self::acquire_timeout), [`acquire_async`](Self::acquire_async) | wait |
/// | `acquire*` | wait, or hand out a block that is not charged, as [`Exhaustion`](crate::Exhaustion) says |
///
/// **Waiting** is strictly first come, first served, across threads and tasks and whatever the size: a large request
/// gets all that becomes free until it fits, and those behind it wait, small ones too. While anybody waits, requests
/// that come find the budget used up, so that none overtakes. What is released is handed to the first in line by the
/// thread that releases it.
///
/// So whoever holds buffers and waits for more may wait forever: for what only itself could release; for somebody who
/// waits for it in turn; behind a large request that waits for what it holds, although there is enough for its own. Take
/// all that a task needs in one buffer, or the second one by `try_acquire` or `acquire_timeout`, and let go of
/// the first when that fails. A request made anew, as in a `select!` within a loop, goes to the end of the line.
///
/// **A refusal**, and a request that gets in line, has looked through all stripes of the depot and all threads'
/// caches, twice: microseconds, and more with many processors.
///
/// **Any size** is served: 0 bytes by the smallest class; above the largest class by a block of exactly that size,
/// charged to the budget, counted as oversize and freed on release. Above `max_bytes` no wait would end: that is
/// [`AcquireError::Oversize`], and `acquire*` panic, or go past the budget if they may.
///
/// **The global allocator** of the program must not use pools: they use it, in the midst of their work.
///
/// ```
/// use buffer_pool::BufferPool;
///
/// let pool = BufferPool::new();
/// let mut buf = pool.acquire(8_000);
/// buf.extend_from_slice(b"header");
/// let frozen = buf.freeze();
/// let copy = frozen.clone();
/// std::thread::spawn(move || assert_eq!(&copy[..4], b"head")).join().unwrap();
/// drop(frozen);
/// assert_eq!(pool.stats().idle_bytes(), 8192);
/// ```
pub struct BufferPool {
    core: Arc<Core>,
}

impl BufferPool {
    /// Idle bytes that a pool keeps unless [`Builder::max_idle_bytes`] says otherwise: 128 MiB.
    pub const MAX_IDLE_BYTES_DEFAULT: usize = 128 << 20;
    /// Bytes that a thread keeps at hand unless [`Builder::thread_cache_bytes`] says otherwise: 512 KiB.
    pub const THREAD_CACHE_BYTES_DEFAULT: usize = 512 << 10;
    /// The interval of decay unless [`Builder::decay`] says otherwise: 10 seconds.
    pub const DECAY_DEFAULT: Duration = Duration::from_secs(10);
    /// The largest alignment that a pool's blocks may have: 2 MiB.
    pub const ALIGNMENT_MAX: usize = 2 << 20;

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// A block as no buffer has it.
    #[cfg(all(test, not(buffer_pool_loom)))]
    pub(crate) fn bare_block(&self, size: usize) -> crate::block::Block {
        Core::acquire(&self.core, size, Fill::Nothing).block
    }

    /// A pool on the global allocator with default classes and no budget.
    #[must_use]
    pub fn new() -> Self {
        Builder::new().build()
    }

    /// Configures a pool.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn from_core(core: Core) -> Self {
        Self {
            core: Arc::new(core),
        }
    }

    /// An empty buffer with a capacity of at least `capacity` bytes.
    ///
    /// Past the budget it waits, unless the pool was built with
    /// [`Exhaustion::Overflow`](crate::Exhaustion::Overflow); after [`close`](Self::close) it does not wait, and hands out
    /// a block that is not charged.
    ///
    /// Where it waits, it blocks the thread: a task takes [`acquire_async`](Self::acquire_async).
    ///
    /// # Panics
    /// When the provider has no memory, even after all idle blocks went back to it, or the block would be larger than
    /// `max_bytes` (with [`Exhaustion::Wait`](crate::Exhaustion::Wait)), or `capacity` exceeds
    /// [`Classes::SIZE_MAX`]. [`try_acquire`](Self::try_acquire) returns an error instead, as is right for sizes that
    /// come from outside. Also when the waker of another request panics that is handed memory by this call, as it may be
    /// by the drop of a buffer.
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn acquire(&self, capacity: usize) -> PooledBuf {
        PooledBuf::new(Core::acquire(&self.core, capacity, Fill::Nothing))
    }

    /// A buffer of `len` zeros.
    ///
    /// Of a recycled block only what was written since it last was zero is cleared, so a large buffer of which
    /// little was used costs little. A new block comes from the provider's zeroed memory.
    ///
    /// # Panics
    /// As [`acquire`](Self::acquire).
    ///
    /// ```
    /// let pool = buffer_pool::BufferPool::new();
    /// pool.acquire(4096).extend_from_slice(&[0xAA; 100]);
    /// assert!(pool.acquire_zeroed(4096).iter().all(|&byte| byte == 0)); // cleared 100 bytes
    /// ```
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn acquire_zeroed(&self, len: usize) -> PooledBuf {
        zeroed(Core::acquire(&self.core, len, Fill::Zeros), len)
    }

    /// A buffer of `len` bytes that are initialised but unspecified: what an earlier buffer of this pool left, or
    /// zeros. For callers that overwrite all of it.
    ///
    /// Only bytes that were never written since their block was created are zeroed, once. Memory is never exposed
    /// uninitialised, but **data of one user of the pool may be seen by the next**.
    ///
    /// # Panics
    /// As [`acquire`](Self::acquire).
    ///
    /// ```
    /// let pool = buffer_pool::BufferPool::new();
    /// let mut page = pool.acquire_stale(4096);
    /// page.fill(7); // the whole of it
    /// ```
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn acquire_stale(&self, len: usize) -> PooledBuf {
        stale(Core::acquire(&self.core, len, Fill::Zeros), len)
    }

    /// Like [`acquire`](Self::acquire), but within the budget only, without waiting, and without panics.
    ///
    /// # Errors
    /// [`Exhausted`](AcquireError::Exhausted) when the budget is lent out, or others wait for what is left of it,
    /// [`Oversize`](AcquireError::Oversize) when the block for this request exceeds it altogether, [`Closed`](AcquireError::Closed) after
    /// [`close`](Self::close), [`Alloc`](AcquireError::Alloc) when the provider has no memory.
    #[inline]
    #[track_caller]
    pub fn try_acquire(&self, capacity: usize) -> Result<PooledBuf, AcquireError> {
        Core::try_acquire(&self.core, capacity, Fill::Nothing).map(PooledBuf::new)
    }

    /// Like [`acquire_zeroed`](Self::acquire_zeroed), but within the budget only, and without panics.
    ///
    /// # Errors
    /// As [`try_acquire`](Self::try_acquire).
    #[inline]
    #[track_caller]
    pub fn try_acquire_zeroed(&self, len: usize) -> Result<PooledBuf, AcquireError> {
        Core::try_acquire(&self.core, len, Fill::Zeros).map(|lease| zeroed(lease, len))
    }

    /// Like [`acquire_stale`](Self::acquire_stale), but within the budget only, and without panics.
    ///
    /// # Errors
    /// As [`try_acquire`](Self::try_acquire).
    #[inline]
    #[track_caller]
    pub fn try_acquire_stale(&self, len: usize) -> Result<PooledBuf, AcquireError> {
        Core::try_acquire(&self.core, len, Fill::Zeros).map(|lease| stale(lease, len))
    }

    /// Like [`try_acquire`](Self::try_acquire), but waits its turn, for `timeout` at most: with a timeout of zero not at
    /// all, with one beyond the end of the clock forever. What was handed over when the time is up is returned.
    ///
    /// For zeros or a buffer to overwrite, [`PooledBuf::resize`] or [`PooledBuf::resize_stale`] it afterwards.
    ///
    /// It keeps within the budget and waits even if the pool was built with
    /// [`Exhaustion::Overflow`](crate::Exhaustion::Overflow).
    ///
    /// # Errors
    /// [`Exhausted`](AcquireError::Exhausted) when the time is up, [`Closed`](AcquireError::Closed) when the pool is
    /// closed before that, the others as [`try_acquire`](Self::try_acquire), without waiting.
    ///
    /// ```
    /// use std::time::Duration;
    /// use buffer_pool::{AcquireError, BufferPool};
    ///
    /// let pool = BufferPool::builder().max_bytes(64 << 10).build();
    /// let held = pool.acquire(64 << 10);
    /// let refused = pool.acquire_timeout(4096, Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(refused, AcquireError::Exhausted { max_bytes: 64 << 10 });
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| assert!(pool.acquire_timeout(4096, Duration::MAX).is_ok()));
    ///     drop(held);
    /// });
    /// ```
    #[track_caller]
    pub fn acquire_timeout(
        &self,
        capacity: usize,
        timeout: Duration,
    ) -> Result<PooledBuf, AcquireError> {
        Core::acquire_timeout(&self.core, capacity, Fill::Nothing, timeout).map(PooledBuf::new)
    }

    /// Like [`acquire_timeout`](Self::acquire_timeout), as a future of any runtime, and without a time limit: whoever
    /// drops it leaves the line.
    ///
    /// # Errors
    /// [`Closed`](AcquireError::Closed) when the pool is closed, [`Oversize`](AcquireError::Oversize) and
    /// [`Alloc`](AcquireError::Alloc) as [`try_acquire`](Self::try_acquire).
    ///
    /// ```
    /// use buffer_pool::{AcquireError, BufferPool};
    ///
    /// async fn reply(pool: &BufferPool, text: &[u8]) -> Result<bytes::Bytes, AcquireError> {
    ///     let mut buf = pool.acquire_async(text.len()).await?;
    ///     buf.extend_from_slice(text);
    ///     Ok(buf.freeze().into())
    /// }
    /// ```
    #[track_caller]
    pub fn acquire_async(&self, capacity: usize) -> Acquire<'_> {
        Acquire::new(Handle::Borrowed(self), capacity)
    }

    /// Like [`acquire_async`](Self::acquire_async), as a future with a handle of its own: for spawned tasks, and for
    /// structs that keep a request from one poll to the next. It keeps the pool open.
    ///
    /// ```
    /// let pool = buffer_pool::BufferPool::builder().max_bytes(1 << 20).build();
    /// let request = pool.acquire_owned(4096);
    /// std::thread::spawn(move || drop(request)).join().unwrap();
    /// ```
    #[track_caller]
    pub fn acquire_owned(&self, capacity: usize) -> Acquire<'static> {
        Acquire::new(Handle::Owned(self.clone()), capacity)
    }

    /// Requests that are in line for memory at this moment, of threads and tasks. One relaxed load.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.core.queue().waiting()
    }

    /// Creates idle blocks for `count` requests of `size` bytes and writes zeros to all of their memory, so that later
    /// requests meet neither the provider nor page faults. Returns how many were kept: fewer than `count` when a
    /// cap on idle memory is reached.
    ///
    /// # Errors
    /// As [`try_acquire`](Self::try_acquire), and [`Unpooled`](AcquireError::Unpooled) above the largest class. Idle
    /// blocks are not reclaimed for this. Blocks created before the error stay.
    ///
    /// ```
    /// let pool = buffer_pool::BufferPool::new();
    /// assert_eq!(pool.prewarm(64 << 10, 8), Ok(8));
    /// let buf = pool.acquire(60_000);
    /// assert_eq!((pool.stats().recycles(), pool.stats().misses()), (1, 0));
    /// # drop(buf);
    /// ```
    pub fn prewarm(&self, size: usize, count: usize) -> Result<usize, AcquireError> {
        Core::prewarm(&self.core, size, count)
    }

    /// Frees idle blocks until at least `bytes` are freed or none is left; returns the bytes freed.
    /// `reclaim(usize::MAX)` frees all. Buffers in use are not touched. On a pool without `max_bytes` what is in the
    /// caches of other threads stays there.
    ///
    /// ```
    /// let pool = buffer_pool::BufferPool::new();
    /// drop((pool.acquire(4096), pool.acquire(4096)));
    /// assert_eq!(pool.reclaim(1), 4096);
    /// assert_eq!(pool.reclaim(usize::MAX), 4096);
    /// ```
    pub fn reclaim(&self, bytes: usize) -> usize {
        self.core.reclaim(bytes)
    }

    /// Frees idle blocks that were not needed of late, if a decay interval has ended at `now`
    /// ([`Builder::decay`]); returns the bytes freed. Half of what lay unused in the interval is freed, for each
    /// interval since the last time. Calls that are slow anyway do this by themselves now and then; a pool that nobody
    /// uses needs somebody to call this, say from a timer.
    ///
    /// Each thread ends the intervals of its own cache, in its next call that needs more than that has at hand. In the
    /// stead of threads that sleep, or need no more, this does it in a pool with `max_bytes`; without one what is in their
    /// caches stays there.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let pool = buffer_pool::BufferPool::builder().decay(Some(Duration::from_secs(1))).build();
    /// pool.prewarm(4096, 100)?;
    /// let start = Instant::now();
    /// let mut freed = 0;
    /// for second in 1..20 {
    ///     freed += pool.maintain(start + Duration::from_secs(second));
    /// }
    /// assert_eq!(freed, 100 * 4096);
    /// # Ok::<(), buffer_pool::AcquireError>(())
    /// ```
    pub fn maintain(&self, now: Instant) -> usize {
        self.core.maintain(now)
    }

    /// Frees all idle blocks and keeps none from now on, for all handles. Buffers in use stay valid and are freed when
    /// they are dropped. `try_` calls, `acquire_timeout` and `acquire_async` return [`AcquireError::Closed`]; the others
    /// still hand out buffers, past the budget if need be, which are freed when they are dropped. Who waits is woken and
    /// gets the same. The drop of the last handle closes too.
    ///
    /// On a pool without `max_bytes` what is in the caches of other threads is freed when each of them ends, or next
    /// makes a call, to any pool, that its cache cannot serve.
    ///
    /// # Panics
    /// When a waker of `acquire_async` does: after all of them were woken.
    pub fn close(&self) {
        self.core.close();
    }

    /// Whether [`close`](Self::close) was called.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.core.is_closed()
    }

    /// Counts since the pool was built, and what it holds now. Takes the lock of each stripe of the depot in turn, and
    /// reads what each thread counts for itself.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        self.core.stats()
    }

    /// The buffers in use that the pool has noted, the first acquired first: all, or a sample, as
    /// [`Builder::track_outstanding`] says; none unless it was asked to. Clones and slices of one `PooledBytes` are one.
    /// A buffer that [`PooledBuf::reserve`] moved is said to be acquired there.
    #[must_use]
    pub fn outstanding(&self) -> Vec<Outstanding> {
        self.core.leaks().outstanding()
    }

    /// The size classes.
    #[must_use]
    pub fn classes(&self) -> &Classes {
        self.core.classes()
    }

    /// The budget in bytes; `None` without one.
    #[must_use]
    pub fn max_bytes(&self) -> Option<usize> {
        Some(self.core.budget().limit()).filter(|&limit| limit != usize::MAX)
    }

    /// The alignment of every buffer's first byte.
    #[must_use]
    pub fn alignment(&self) -> usize {
        self.core.source().alignment()
    }
}

/// A block as a buffer of `len` zeros.
#[inline]
fn zeroed(lease: Lease, len: usize) -> PooledBuf {
    let mut buffer = PooledBuf::new(lease);
    buffer.resize(len, 0);
    buffer
}

/// A block as a buffer of `len` bytes of whatever it holds.
#[inline]
fn stale(lease: Lease, len: usize) -> PooledBuf {
    let mut buffer = PooledBuf::new(lease);
    buffer.expose(len);
    buffer
}

impl Clone for BufferPool {
    fn clone(&self) -> Self {
        self.core.handle_added();
        Self {
            core: Arc::clone(&self.core),
        }
    }
}

impl Drop for BufferPool {
    fn drop(&mut self) {
        self.core.handle_dropped();
    }
}

// What panics in a call is said of the call, and comes before anything of the pool is changed or after; no lock is held
// while foreign code runs, and a provider does not unwind.
impl UnwindSafe for BufferPool {}
impl RefUnwindSafe for BufferPool {}

impl Default for BufferPool {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.fmt(f)
    }
}

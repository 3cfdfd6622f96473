//! How a pool is configured.

use core::fmt;
use core::time::Duration;

use slab_core::{Global, Provider};

use crate::block::AnyProvider;
use crate::class::Classes;

use crate::pool::BufferPool;
use crate::pool_core::{Caps, Core, Settings};

/// What [`acquire`](BufferPool::acquire), `acquire_zeroed` and `acquire_stale` do when the budget is used up, no idle
/// block is left to reclaim, or others wait already. A pool without `max_bytes` never comes to that.
///
/// ```
/// use buffer_pool::{BufferPool, Exhaustion};
///
/// let pool = BufferPool::builder().max_bytes(4096).exhaustion(Exhaustion::Overflow).build();
/// let within = pool.acquire(4096);
/// let past = pool.acquire(4096);
/// assert_eq!((pool.stats().overflow, pool.stats().charged_bytes), (1, 4096));
/// # drop((within, past));
/// ```
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Exhaustion {
    /// Wait until enough was released, first come, first served. Who holds buffers of the pool and acquires one more
    /// may wait for ever ([`BufferPool`], "Waiting"): [`BufferPool::acquire_timeout`] and `try_acquire` come back. A
    /// buffer that grows does not wait: [`PooledBuf::reserve`](crate::PooledBuf::reserve).
    #[default]
    Wait,
    /// Hand out a block that is not charged to the budget, is counted as overflow, and is freed when it is released.
    /// The pool's own memory stays within `max_bytes`; the overflow comes on top and is limited by the provider alone.
    Overflow,
}

/// Configures a [`BufferPool`].
///
/// ```
/// use buffer_pool::{BufferPool, Classes};
///
/// let pool = BufferPool::builder()
///     .classes(Classes::powers_of_two())
///     .max_bytes(256 << 20)
///     .max_idle_bytes(64 << 20)
///     .alignment(4096)
///     .build();
/// let page = pool.acquire_zeroed(4096);
/// assert_eq!(page.as_ptr() as usize % 4096, 0);
/// ```
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    provider: AnyProvider,
    classes: Classes,
    alignment: usize,
    max_bytes: usize,
    exhaustion: Exhaustion,
    caps: Caps,
    decay: Option<Duration>,
    track: u32,
    poison: bool,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            provider: AnyProvider::new(Global),
            classes: Classes::default(),
            alignment: 1,
            max_bytes: usize::MAX,
            exhaustion: Exhaustion::default(),
            caps: Caps {
                idle_bytes: BufferPool::MAX_IDLE_BYTES_DEFAULT,
                idle_per_class: usize::MAX,
                cache_bytes: BufferPool::THREAD_CACHE_BYTES_DEFAULT,
                stripes: default_stripes(),
            },
            decay: Some(BufferPool::DECAY_DEFAULT),
            track: 0,
            poison: false,
        }
    }

    /// The capacities of the blocks; [`Classes::default`] unless set.
    pub fn classes(mut self, classes: Classes) -> Self {
        self.classes = classes;
        self
    }

    /// The budget: the most bytes that blocks in use and idle ones may have together. No limit unless set.
    ///
    /// Counted is the capacity of each block from its creation to its destruction; the pool's own
    /// bookkeeping (64 bytes a block, and some KiB a thread) and overflow blocks ([`Exhaustion::Overflow`]) come on top.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// What [`BufferPool::acquire`] does past the budget; [`Exhaustion::Wait`] unless set.
    pub fn exhaustion(mut self, exhaustion: Exhaustion) -> Self {
        self.exhaustion = exhaustion;
        self
    }

    /// The most bytes that idle blocks may have; [`BufferPool::MAX_IDLE_BYTES_DEFAULT`] unless set. A block that is
    /// released beyond that is freed; a class larger than that is never kept.
    ///
    /// Threads' caches have half of it at most; room that one of them has reserved counts as used, though it may be empty,
    /// until an interval of decay in which it was not used has ended.
    pub fn max_idle_bytes(mut self, bytes: usize) -> Self {
        self.caps.idle_bytes = bytes;
        self
    }

    /// The most bytes of idle blocks that one thread keeps at hand; [`BufferPool::THREAD_CACHE_BYTES_DEFAULT`] unless set.
    /// The first block of each class that it uses does not count. They are freed, or pass to others, when the thread
    /// ends; before that only a pool with `max_bytes` can take them back.
    ///
    /// ```
    /// use buffer_pool::BufferPool;
    ///
    /// // Streams of large buffers between threads: more at hand.
    /// let pool = BufferPool::builder().thread_cache_bytes(8 << 20).build();
    /// # drop(pool);
    /// ```
    pub fn thread_cache_bytes(mut self, bytes: usize) -> Self {
        self.caps.cache_bytes = bytes;
        self
    }

    /// After what interval idle blocks that were not needed in it begin to be freed, half of them an interval;
    /// [`BufferPool::DECAY_DEFAULT`] unless set. `None` keeps them. See [`BufferPool::maintain`].
    pub fn decay(mut self, interval: Option<Duration>) -> Self {
        self.decay = interval;
        self
    }

    /// Notes where one in `every` buffers was acquired, for [`BufferPool::outstanding`] to tell while it is in use; 1 for
    /// all, 0 for none, as is unless set. For finding leaks: acquire and release no longer take the short way, and
    /// what is noted is so under a lock.
    pub fn track_outstanding(mut self, every: u32) -> Self {
        self.track = every;
        self
    }

    /// Overwrites what was written to a buffer with the byte 0xDE when it is released, so that who relies on the
    /// contents of [`BufferPool::acquire_stale`] is found out. For debugging: every release costs as much as what was
    /// written is long.
    ///
    /// ```
    /// let pool = buffer_pool::BufferPool::builder().poison_on_release(true).build();
    /// pool.acquire(64).extend_from_slice(b"secret");
    /// assert_eq!(&pool.acquire_stale(64)[..6], [0xDE; 6]);
    /// ```
    pub fn poison_on_release(mut self, poison: bool) -> Self {
        self.poison = poison;
        self
    }

    /// The most idle blocks of each class. No limit unless set; 0 keeps none, so that nothing is recycled. Threads' caches
    /// have half of them at most: with 1, each acquire and release takes a lock.
    pub fn max_idle_per_class(mut self, blocks: usize) -> Self {
        self.caps.idle_per_class = blocks;
        self
    }

    /// The alignment of each buffer's first byte, in bytes; 1 unless set. (O_DIRECT wants 512 or 4096; huge pages,
    /// 2 MiB.)
    ///
    /// # Panics
    /// Unless it is a power of two up to 2 MiB.
    pub fn alignment(mut self, alignment: usize) -> Self {
        assert!(
            alignment.is_power_of_two() && alignment <= BufferPool::ALIGNMENT_MAX,
            "an alignment must be a power of two up to 2097152, not {alignment}"
        );
        self.alignment = alignment;
        self
    }

    /// Where the blocks' memory comes from; the global allocator unless set. The provider is never called while a lock
    /// of the pool is held, and it is dropped after the last block. While it takes memory back it must neither acquire
    /// from nor release to a pool that it serves: who finds no memory there, for itself or for one that waits, waits for
    /// idle blocks that are on their way back.
    pub fn provider(mut self, provider: impl Provider + Send + Sync + 'static) -> Self {
        self.provider = AnyProvider::new(provider);
        self
    }

    /// How many parts, each with its own lock, the idle blocks lie in; rounded down to a power of two, and at least 1.
    /// Twice the available parallelism unless set: more spread threads better, fewer share blocks sooner.
    pub fn stripes(mut self, stripes: usize) -> Self {
        self.caps.stripes = stripes.clamp(1, STRIPES_MAX);
        self
    }

    /// Builds the pool. It holds no buffer memory until the first `acquire` or `prewarm`.
    #[must_use]
    pub fn build(self) -> BufferPool {
        BufferPool::from_core(Core::new(Settings {
            provider: self.provider,
            classes: self.classes,
            alignment: self.alignment,
            max_bytes: self.max_bytes,
            exhaustion: self.exhaustion,
            caps: self.caps,
            decay: self.decay,
            track: self.track,
            poison: self.poison,
        }))
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("classes", &self.classes)
            .field("alignment", &self.alignment)
            .field("max_bytes", &self.max_bytes)
            .field("exhaustion", &self.exhaustion)
            .field("caps", &self.caps)
            .finish_non_exhaustive()
    }
}

/// Bounds the memory of an empty pool.
const STRIPES_MAX: usize = 256;

fn default_stripes() -> usize {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    (2 * threads).next_power_of_two().min(STRIPES_MAX)
}

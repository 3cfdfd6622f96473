//! Statistics of a pool: what was asked for, what was recycled, what memory is held.

/// Counts of a pool since it was built, and what it holds at this moment.
///
/// Counting costs the fast paths nothing and is never off: a thread's idle blocks of a class are the difference of two
/// numbers that count what came and went, which only that thread writes. Everything else is counted where the provider
/// is called. Parts are read one after another: the numbers fit together exactly when no other thread uses the pool
/// meanwhile.
///
/// Who comes from a pool that counts allocations, recycles and misses: allocations are [`acquires`](Self::acquires),
/// recycles and misses have their names, the recycle rate is [`recycle_rate`](Self::recycle_rate).
///
/// ```
/// let pool = buffer_pool::BufferPool::new();
/// drop(pool.acquire(5000));
/// let buf = pool.acquire(6000);
/// let stats = pool.stats();
/// assert_eq!((stats.acquires(), stats.recycles(), stats.misses()), (2, 1, 1));
/// assert_eq!((stats.outstanding(), stats.live_bytes(), stats.idle_bytes()), (1, 6144, 0));
/// assert_eq!(stats.recycle_rate(), 0.5);
/// # drop(buf);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// One entry a size class, ascending.
    pub classes: Vec<ClassStats>,
    /// Requests above the largest class that were served within the budget.
    pub oversize: u64,
    /// Requests of any size that were served past the budget.
    pub overflow: u64,
    /// Requests that got an error: of `try_acquire*`, `try_reserve`, `acquire_timeout` and `acquire_async`.
    pub refused: u64,
    /// Buffers in use that are not of a class: oversize and overflow.
    pub unpooled: u64,
    /// Capacity of those, in bytes.
    pub unpooled_bytes: u64,
    /// Capacity of the overflow buffers among those, in bytes: what is held on top of `charged_bytes`.
    pub overflow_bytes: u64,
    /// Capacity of all blocks that count against `max_bytes`, in use and idle. Never above it.
    pub charged_bytes: u64,
    /// The highest `charged_bytes` so far.
    pub peak_bytes: u64,
}

/// Counts of one size class.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClassStats {
    /// Capacity of the class's blocks, in bytes.
    pub size: usize,
    /// Blocks in use.
    pub live: u64,
    /// Blocks waiting to be used again.
    pub idle: u64,
    /// Requests served with an idle block.
    pub recycles: u64,
    /// Requests served with a new block.
    pub misses: u64,
    /// Released blocks that were freed, because a cap on idle memory was reached or the pool is closed.
    pub discards: u64,
    /// Idle blocks that were freed: by `reclaim`, `close` or decay, for a request that the budget or the provider had no
    /// memory for, or at the end of a thread when the depot was full.
    pub reclaimed: u64,
}

impl PoolStats {
    /// Requests that got a buffer: recycles, misses, oversize and overflow.
    #[must_use]
    pub fn acquires(&self) -> u64 {
        self.recycles() + self.misses() + self.oversize + self.overflow
    }

    /// Requests served with an idle block.
    #[must_use]
    pub fn recycles(&self) -> u64 {
        self.sum(|class| class.recycles)
    }

    /// Requests of a class served with a new block.
    #[must_use]
    pub fn misses(&self) -> u64 {
        self.sum(|class| class.misses)
    }

    /// Released blocks that were freed, because a cap on idle memory was reached or the pool is closed.
    #[must_use]
    pub fn discards(&self) -> u64 {
        self.sum(|class| class.discards)
    }

    /// Idle blocks that were freed: by `reclaim`, `close` or decay, for a request that the budget or the provider had no
    /// memory for, or at the end of a thread when the depot was full.
    #[must_use]
    pub fn reclaimed(&self) -> u64 {
        self.sum(|class| class.reclaimed)
    }

    /// Buffers in use, the unpooled ones included. Clones and slices of one `PooledBytes` count as one.
    #[must_use]
    pub fn outstanding(&self) -> u64 {
        self.sum(|class| class.live) + self.unpooled
    }

    /// Capacity of the buffers in use, in bytes.
    #[must_use]
    pub fn live_bytes(&self) -> u64 {
        self.sum(|class| class.live * class.size as u64) + self.unpooled_bytes
    }

    /// Capacity of the idle blocks, in bytes.
    #[must_use]
    pub fn idle_bytes(&self) -> u64 {
        self.sum(|class| class.idle * class.size as u64)
    }

    /// Recycles as a share of acquires, from 0 to 1; 0 before the first.
    #[must_use]
    pub fn recycle_rate(&self) -> f64 {
        match self.acquires() {
            0 => 0.0,
            acquires => self.recycles() as f64 / acquires as f64,
        }
    }

    fn sum(&self, value: impl Fn(&ClassStats) -> u64) -> u64 {
        self.classes.iter().map(value).sum()
    }
}

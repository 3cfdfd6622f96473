//! One face over the pools and allocators, so that all run the same code; and ours.

/// What a workload will ask for at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand {
    /// Bytes of the largest buffer.
    pub(super) size: usize,
    /// Buffers that are in use at once.
    pub(super) live: usize,
}

/// A source of buffers. All that forward a call are inlined by force, so that no contender pays for this face.
pub(super) trait Buffers: Send + Sync + 'static {
    const NAME: &'static str;
    type Buffer<'a>
    where
        Self: 'a;
    /// Set up as its own docs advise for such a demand.
    fn of(demand: Demand) -> Self;
    /// Bytes that its caches may hold beside what is in use, by its docs.
    fn caches() -> usize {
        0
    }
    /// A buffer of at least `size` bytes. Pools of objects give all buffers the demand's largest size.
    fn acquire(&self, size: usize) -> Self::Buffer<'_>;
    /// Where the buffer's bytes begin: as many as were asked for may be written.
    fn start(buffer: &mut Self::Buffer<'_>) -> *mut u8;
    /// Writes the first byte; nothing may have been written before.
    #[inline(always)]
    fn put(buffer: &mut Self::Buffer<'_>, byte: u8) {
        // SAFETY: `start` promises as many writable bytes as were asked for, which is never none.
        unsafe { Self::start(buffer).write(byte) }
    }
    /// The first byte, which `put` wrote.
    #[inline(always)]
    fn first(buffer: &mut Self::Buffer<'_>) -> u8 {
        // SAFETY: `put` wrote it.
        unsafe { Self::start(buffer).read() }
    }
}

/// Ours, as its first example shows it.
macro_rules! ours {
    ($(#[$doc:meta])* $source:ident, $name:literal, $library:ident) => {
        $(#[$doc])*
        pub(super) struct $source($library::BufferPool);

        impl Buffers for $source {
            const NAME: &'static str = $name;
            type Buffer<'a> = $library::PooledBuf;

            fn of(_: Demand) -> Self {
                $source($library::BufferPool::builder().build())
            }
            /// The thread's, which does not count the first block of each class.
            fn caches() -> usize {
                let sizes = $library::Classes::default();
                $library::BufferPool::THREAD_CACHE_BYTES_DEFAULT + sizes.sizes().iter().sum::<usize>()
            }
            #[inline(always)]
            fn acquire(&self, size: usize) -> $library::PooledBuf {
                self.0.acquire(size)
            }
            #[inline(always)]
            fn start(buffer: &mut $library::PooledBuf) -> *mut u8 {
                buffer.spare_capacity_mut().as_mut_ptr().cast()
            }
            #[inline(always)]
            fn put(buffer: &mut $library::PooledBuf, byte: u8) {
                buffer.extend_from_slice(&[byte]);
            }
            #[inline(always)]
            fn first(buffer: &mut $library::PooledBuf) -> u8 {
                buffer[0]
            }
        }
    };
}

ours!(
    /// The pool as it is.
    Strata,
    "strata-pool",
    buffer_pool
);
ours!(
    /// The same sources, compiled without the counts of the hot path.
    Uncounted,
    "strata-pool-uncounted",
    buffer_pool_uncounted
);

//! `zeropool`, by its fast path.

use zeropool::ZeroPool;

use super::buffers::{Buffers, Demand};

/// `zeropool` by `alloc_uninit`.
pub(super) struct Zeropool(ZeroPool);

/// Buffers of a class that zeropool shares between threads, unless told otherwise, on a small machine.
const SHARED_DEFAULT: usize = 32;

impl Buffers for Zeropool {
    const NAME: &'static str = "zeropool";
    type Buffer<'a> = zeropool::BufUninit<'a>;

    fn of(demand: Demand) -> Self {
        let pool = ZeroPool::new();
        Zeropool(match demand.live > SHARED_DEFAULT {
            true => pool.max_buffers_per_class(demand.live),
            false => pool,
        })
    }
    #[inline(always)]
    fn acquire(&self, size: usize) -> Self::Buffer<'_> {
        self.0.alloc_uninit(size)
    }
    #[inline(always)]
    fn start(buffer: &mut Self::Buffer<'_>) -> *mut u8 {
        buffer.as_uninit_mut().as_mut_ptr().cast()
    }
}

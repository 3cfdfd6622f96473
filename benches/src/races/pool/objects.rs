//! The pools of objects, whose objects are vectors here: opool, object-pool, lockfree-object-pool.

use opool::PoolAllocator;

use super::buffers::{Buffers, Demand};

/// `opool::Pool` of vectors, with room for all that are in use at once, and its example's 64 at least.
pub(super) struct Opool(opool::Pool<Vectors, Vec<u8>>);

pub(super) struct Vectors(usize);

impl PoolAllocator<Vec<u8>> for Vectors {
    fn allocate(&self) -> Vec<u8> {
        Vec::with_capacity(self.0)
    }
}

impl Buffers for Opool {
    const NAME: &'static str = "opool";
    type Buffer<'a> = opool::RefGuard<'a, Vectors, Vec<u8>>;

    fn of(demand: Demand) -> Self {
        Opool(opool::Pool::new(demand.live.max(64), Vectors(demand.size)))
    }
    #[inline(always)]
    fn acquire(&self, _: usize) -> Self::Buffer<'_> {
        self.0.get()
    }
    #[inline(always)]
    fn start(buffer: &mut Self::Buffer<'_>) -> *mut u8 {
        buffer.as_mut_ptr()
    }
}

/// `object_pool::Pool` of vectors.
pub(super) struct ObjectPool(object_pool::Pool<Vec<u8>>, usize);

impl Buffers for ObjectPool {
    const NAME: &'static str = "object-pool";
    type Buffer<'a> = object_pool::Reusable<'a, Vec<u8>>;

    fn of(demand: Demand) -> Self {
        ObjectPool(object_pool::Pool::new(0, Vec::new), demand.size)
    }
    #[inline(always)]
    fn acquire(&self, _: usize) -> Self::Buffer<'_> {
        self.0.pull(|| Vec::with_capacity(self.1))
    }
    #[inline(always)]
    fn start(buffer: &mut Self::Buffer<'_>) -> *mut u8 {
        buffer.as_mut_ptr()
    }
}

/// `lockfree_object_pool::LinearObjectPool` of vectors, its fastest.
pub(super) struct Lockfree(lockfree_object_pool::LinearObjectPool<Vec<u8>>);

impl Buffers for Lockfree {
    const NAME: &'static str = "lockfree-object-pool";
    type Buffer<'a> = lockfree_object_pool::LinearReusable<'a, Vec<u8>>;

    fn of(demand: Demand) -> Self {
        Lockfree(lockfree_object_pool::LinearObjectPool::new(
            move || Vec::with_capacity(demand.size),
            |_| {},
        ))
    }
    #[inline(always)]
    fn acquire(&self, _: usize) -> Self::Buffer<'_> {
        self.0.pull()
    }
    #[inline(always)]
    fn start(buffer: &mut Self::Buffer<'_>) -> *mut u8 {
        buffer.as_mut_ptr()
    }
}

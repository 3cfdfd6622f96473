//! One face over the pools and allocators, so that all run the same code.

use std::alloc::{GlobalAlloc, Layout};

use buffer_pool::{BufferPool, PooledBuf};
use opool::PoolAllocator;
use zeropool::ZeroPool;

use super::seed::{SeedBuffer, SeedPool};
use crate::races::general::General;

/// A source of buffers of one size.
pub(super) trait Buffers: Send + Sync + 'static {
    const NAME: &'static str;
    type Buffer<'a>
    where
        Self: 'a;
    fn of_size(size: usize) -> Self;
    fn acquire(&self) -> Self::Buffer<'_>;
    /// Where the buffer's bytes begin: at least the size of them may be written.
    fn start(buffer: &mut Self::Buffer<'_>) -> *mut u8;
}

/// Ours, as its first example shows it.
pub(super) struct Strata(BufferPool, usize);

impl Buffers for Strata {
    const NAME: &'static str = "strata-pool";
    type Buffer<'a> = PooledBuf;

    fn of_size(size: usize) -> Self {
        Strata(BufferPool::builder().build(), size)
    }
    fn acquire(&self) -> PooledBuf {
        self.0.acquire(self.1)
    }
    fn start(buffer: &mut PooledBuf) -> *mut u8 {
        buffer.spare_capacity_mut().as_mut_ptr().cast()
    }
}

impl Buffers for SeedPool {
    const NAME: &'static str = "seed-design";
    type Buffer<'a> = SeedBuffer<'a>;

    fn of_size(size: usize) -> Self {
        SeedPool::new(size)
    }
    fn acquire(&self) -> SeedBuffer<'_> {
        SeedPool::acquire(self)
    }
    fn start(buffer: &mut SeedBuffer<'_>) -> *mut u8 {
        buffer.as_mut_ptr()
    }
}

/// `opool::Pool` of vectors, with room for what the bursts hold.
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

    fn of_size(size: usize) -> Self {
        Opool(opool::Pool::new(64, Vectors(size)))
    }
    fn acquire(&self) -> Self::Buffer<'_> {
        self.0.get()
    }
    fn start(buffer: &mut Self::Buffer<'_>) -> *mut u8 {
        buffer.as_mut_ptr()
    }
}

/// `object_pool::Pool` of vectors.
pub(super) struct ObjectPool(object_pool::Pool<Vec<u8>>, usize);

impl Buffers for ObjectPool {
    const NAME: &'static str = "object-pool";
    type Buffer<'a> = object_pool::Reusable<'a, Vec<u8>>;

    fn of_size(size: usize) -> Self {
        ObjectPool(object_pool::Pool::new(0, Vec::new), size)
    }
    fn acquire(&self) -> Self::Buffer<'_> {
        self.0.pull(|| Vec::with_capacity(self.1))
    }
    fn start(buffer: &mut Self::Buffer<'_>) -> *mut u8 {
        buffer.as_mut_ptr()
    }
}

/// `lockfree_object_pool::LinearObjectPool` of vectors, its fastest.
pub(super) struct Lockfree(lockfree_object_pool::LinearObjectPool<Vec<u8>>);

impl Buffers for Lockfree {
    const NAME: &'static str = "lockfree-object-pool";
    type Buffer<'a> = lockfree_object_pool::LinearReusable<'a, Vec<u8>>;

    fn of_size(size: usize) -> Self {
        Lockfree(lockfree_object_pool::LinearObjectPool::new(
            move || Vec::with_capacity(size),
            |_| {},
        ))
    }
    fn acquire(&self) -> Self::Buffer<'_> {
        self.0.pull()
    }
    fn start(buffer: &mut Self::Buffer<'_>) -> *mut u8 {
        buffer.as_mut_ptr()
    }
}

/// `zeropool` by its fast path, `alloc_uninit`.
pub(super) struct Zeropool(ZeroPool, usize);

impl Buffers for Zeropool {
    const NAME: &'static str = "zeropool";
    type Buffer<'a> = zeropool::BufUninit<'a>;

    fn of_size(size: usize) -> Self {
        Zeropool(ZeroPool::new(), size)
    }
    fn acquire(&self) -> Self::Buffer<'_> {
        self.0.alloc_uninit(self.1)
    }
    fn start(buffer: &mut Self::Buffer<'_>) -> *mut u8 {
        buffer.as_uninit_mut().as_mut_ptr().cast()
    }
}

/// A vector on an allocator that is called through `GlobalAlloc`, as if it were the program's own.
pub(super) struct Allocator<A>(A, Layout);

/// A block of it, freed when it is dropped.
pub(super) struct Block<'a, A: GlobalAlloc> {
    allocator: &'a Allocator<A>,
    ptr: *mut u8,
}

impl<A: GlobalAlloc> Drop for Block<'_, A> {
    fn drop(&mut self) {
        // SAFETY: `ptr` came from this allocator with this layout and is freed once, here.
        unsafe { self.allocator.0.dealloc(self.ptr, self.allocator.1) }
    }
}

impl<A: General> Buffers for Allocator<A> {
    const NAME: &'static str = A::VEC;
    type Buffer<'a> = Block<'a, A>;

    fn of_size(size: usize) -> Self {
        Allocator(
            A::ALLOCATOR,
            Layout::array::<u8>(size).expect("a size below isize::MAX"),
        )
    }
    fn acquire(&self) -> Block<'_, A> {
        // SAFETY: every size of the workloads is above 0.
        let ptr = unsafe { self.0.alloc(self.1) };
        assert!(
            !ptr.is_null(),
            "the allocator refused {} bytes",
            self.1.size()
        );
        Block {
            allocator: self,
            ptr,
        }
    }
    fn start(buffer: &mut Block<'_, A>) -> *mut u8 {
        buffer.ptr
    }
}

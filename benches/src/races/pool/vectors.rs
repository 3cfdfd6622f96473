//! Vectors on the general allocators, and one that is never given back.

use std::alloc::{Layout, System};
use std::marker::PhantomData;
use std::ptr::NonNull;

use super::buffers::{Buffers, Demand};
use crate::races::general::General;

/// Vectors on an allocator that is called through `GlobalAlloc`, as if it were the program's own.
pub(super) struct Vectors<A>(PhantomData<A>);

/// What `Vec::with_capacity` has: freed when it is dropped.
pub(super) struct Vector<A: General> {
    start: NonNull<u8>,
    capacity: usize,
    allocator: PhantomData<A>,
}

// SAFETY: it owns its bytes, and the general allocators free on any thread.
unsafe impl<A: General> Send for Vector<A> {}

fn layout(capacity: usize) -> Layout {
    Layout::array::<u8>(capacity).expect("a size below isize::MAX")
}

impl<A: General> Drop for Vector<A> {
    fn drop(&mut self) {
        // SAFETY: it came from this allocator with this layout and is freed once, here.
        unsafe { A::ALLOCATOR.dealloc(self.start.as_ptr(), layout(self.capacity)) }
    }
}

impl<A: General> Buffers for Vectors<A> {
    const NAME: &'static str = A::VEC;
    type Buffer<'a> = Vector<A>;

    fn of(_: Demand) -> Self {
        Vectors(PhantomData)
    }
    #[inline(always)]
    fn acquire(&self, size: usize) -> Vector<A> {
        // SAFETY: every size of the workloads is above 0.
        let start = unsafe { A::ALLOCATOR.alloc(layout(size)) };
        Vector {
            start: NonNull::new(start).expect("memory"),
            capacity: size,
            allocator: PhantomData,
        }
    }
    #[inline(always)]
    fn start(buffer: &mut Vector<A>) -> *mut u8 {
        buffer.start.as_ptr()
    }
}

/// One vector for the whole of the race, lent again and again to one borrower at a time: what the work costs without a
/// source of buffers.
pub(super) struct Held(Vector<System>);

// SAFETY: the vector's bytes are only reached through what `acquire` lends.
unsafe impl Sync for Held {}

impl Buffers for Held {
    const NAME: &'static str = "no-pool";
    type Buffer<'a> = &'a Held;

    fn of(demand: Demand) -> Self {
        assert_eq!(demand.live, 1, "there is one");
        Held(Vectors(PhantomData).acquire(demand.size))
    }
    #[inline(always)]
    fn acquire(&self, _: usize) -> &Held {
        self
    }
    #[inline(always)]
    fn start(buffer: &mut &Held) -> *mut u8 {
        buffer.0.start.as_ptr()
    }
}

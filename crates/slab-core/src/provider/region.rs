//! `StaticRegion`: blocks from a byte array that the program sets aside, for targets without a heap.

#![expect(
    clippy::disallowed_types,
    reason = "no part of the object cache, and in none of its models"
)]

use core::alloc::Layout;
use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering};

use super::Provider;
use crate::error::ProvideError;

/// Offsets and sizes of blocks are multiples of this; a free block holds its own [`Free`] record.
const GRANULE: usize = 16;
/// No further free block.
const END: usize = usize::MAX;

const _: () = assert!(size_of::<Free>() <= GRANULE && align_of::<Free>() <= GRANULE);

/// The record at the start of a free block.
#[derive(Clone, Copy)]
struct Free {
    /// Bytes, a multiple of `GRANULE` and not 0.
    size: usize,
    /// Offset of the next free block, at a higher address and not adjacent; or `END`.
    next: usize,
}

/// A byte array as a provider: `N` bytes, usually in a `static`.
///
/// Free blocks form one list in address order. Allocation takes the first block that fits, at any
/// power-of-two alignment; a block that comes back is joined with its neighbours. Both cost
/// O(free blocks), and nothing is stored beside the blocks in use. Sizes are rounded up to 16 bytes.
///
/// The provider is `&StaticRegion<N>`, not the region itself: blocks lie inside the region, and a
/// borrowed region cannot move. It is `Sync`: a spin flag guards the list for the few steps of a call,
/// so it must not be called from an interrupt handler that may interrupt a call.
///
/// ```
/// use slab_core::{Arena, StaticRegion};
///
/// static MEMORY: StaticRegion<4096> = StaticRegion::new();
///
/// let mut readings = Arena::with_slots_per_slab_in(64, &MEMORY);
/// let first = readings.insert(20.5_f32);
/// assert_eq!(readings[first], 20.5);
/// drop(readings);
/// assert_eq!(MEMORY.free_bytes(), 4096);
/// ```
#[repr(C, align(16))]
pub struct StaticRegion<const N: usize> {
    /// Blocks in use, and `Free` records at the start of the others. First, so that it is aligned.
    bytes: UnsafeCell<[MaybeUninit<u8>; N]>,
    /// Set while one thread is inside a call; everything below and the records belong to that thread.
    busy: AtomicBool,
    /// Offset of the first free block, or `END`. 0 in a new region, as every field is: one that is not
    /// would put all `N` bytes into the executable.
    first: Cell<usize>,
    /// Whether the record of the initial free block has been written.
    ready: Cell<bool>,
}

// SAFETY: `bytes`' free parts, `first` and `ready` are touched only by the thread that set `busy`
// (Acquire) and before it clears it (Release); blocks in use belong to whoever got them.
unsafe impl<const N: usize> Sync for StaticRegion<N> {}

impl<const N: usize> StaticRegion<N> {
    /// Bytes that can be given out: `N` without the rest below 16.
    const USABLE: usize = N / GRANULE * GRANULE;

    /// A region of which everything is free. `const`, so that it can initialise a `static`, which takes no
    /// room in the executable.
    pub const fn new() -> Self {
        Self {
            bytes: UnsafeCell::new([MaybeUninit::uninit(); N]),
            busy: AtomicBool::new(false),
            first: Cell::new(0),
            ready: Cell::new(false),
        }
    }

    /// Bytes that are free, in however many pieces. O(free blocks).
    pub fn free_bytes(&self) -> usize {
        self.locked(|| {
            let mut total = 0;
            let mut at = self.first.get();
            while at != END {
                // SAFETY: the flag is held, and `at` comes from the list.
                let free = unsafe { self.read(at) };
                total += free.size;
                at = free.next;
            }
            total
        })
    }

    /// Runs `step` with the flag held. `step` does not unwind, so the flag is always cleared.
    fn locked<R>(&self, step: impl FnOnce() -> R) -> R {
        // Acquire pairs with the Release below: the records that the last holder wrote are visible.
        while self
            .busy
            .compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            core::hint::spin_loop();
        }
        if !self.ready.get() {
            self.ready.set(true);
            if Self::USABLE == 0 {
                self.first.set(END);
            } else {
                let whole = Free {
                    size: Self::USABLE,
                    next: END,
                };
                // SAFETY: the flag is held, and all of the array is free.
                unsafe { self.write(0, whole) };
            }
        }
        let result = step();
        self.busy.store(false, Ordering::Release);
        result
    }

    fn base(&self) -> *mut u8 {
        self.bytes.get().cast()
    }

    /// The record of the free block at `offset`.
    ///
    /// # Safety
    /// 1. The flag is held. 2. `offset` is that of a block on the list.
    unsafe fn read(&self, offset: usize) -> Free {
        debug_assert!(offset.is_multiple_of(GRANULE) && offset + GRANULE <= Self::USABLE);
        // SAFETY: clause 1: nobody writes. Clause 2: the record is inside the array, aligned because the
        // array is, and was written when the block went on the list.
        unsafe { self.base().add(offset).cast::<Free>().read() }
    }

    /// Makes `free` the record of the free block at `offset`.
    ///
    /// # Safety
    /// 1. The flag is held. 2. The `free.size` bytes at `offset` are free and inside the array; both are
    ///    multiples of `GRANULE`, the size is not 0. 3. `free.next` is on the list, or `END`.
    unsafe fn write(&self, offset: usize, free: Free) {
        debug_assert!(offset.is_multiple_of(GRANULE) && offset + free.size <= Self::USABLE);
        // SAFETY: clause 1: nobody else reads or writes. Clause 2: the record is inside a block that is
        // free, aligned because the array is.
        unsafe { self.base().add(offset).cast::<Free>().write(free) }
    }

    /// Makes `next` follow the free block `previous`, or the head where `previous` is `END`.
    ///
    /// # Safety
    /// 1. The flag is held. 2. `previous` is on the list, or `END`. 3. `next` has the record of a free
    ///    block, or is `END`.
    unsafe fn link(&self, previous: usize, next: usize) {
        if previous == END {
            self.first.set(next);
        } else {
            // SAFETY: the clauses; the block keeps its size.
            unsafe {
                let free = self.read(previous);
                self.write(previous, Free { next, ..free });
            }
        }
    }

    /// Takes a block of `size` bytes at an address that is a multiple of `align` off the list; gives its
    /// offset.
    ///
    /// # Safety
    /// 1. The flag is held. 2. `size` and `align` are multiples of `GRANULE` and not 0, `align` a power of
    ///    two.
    unsafe fn take(&self, size: usize, align: usize) -> Option<usize> {
        let mut previous = END;
        let mut at = self.first.get();
        while at != END {
            // SAFETY: clause 1, and `at` comes from the list.
            let free = unsafe { self.read(at) };
            // From the address, because the array is aligned to a granule only.
            let skip = (self.base() as usize + at).wrapping_neg() & (align - 1);
            if skip <= free.size && size <= free.size - skip {
                let rest = Free {
                    size: free.size - skip - size,
                    next: free.next,
                };
                let mut next = free.next;
                if rest.size != 0 {
                    next = at + skip + size;
                    // SAFETY: clause 1; the end of the free block, a multiple of `GRANULE` by clause 2.
                    unsafe { self.write(next, rest) };
                }
                let before = Free { size: skip, next };
                // SAFETY: clause 1; the beginning of the free block stays if there is one, and `next` is the
                // record of its end, or what followed it; else the block before it leads to that.
                unsafe {
                    if skip != 0 {
                        self.write(at, before);
                    } else {
                        self.link(previous, next);
                    }
                }
                return Some(at + skip);
            }
            previous = at;
            at = free.next;
        }
        None
    }

    /// Puts the block of `size` bytes at `offset` back and joins it with free neighbours.
    ///
    /// # Safety
    /// 1. The flag is held. 2. `take` gave `offset` for `size` bytes, and nobody uses the block any more.
    unsafe fn put(&self, offset: usize, mut size: usize) {
        let mut previous = END;
        let mut next = self.first.get();
        while next != END && next < offset {
            previous = next;
            // SAFETY: clause 1, and `next` comes from the list.
            next = unsafe { self.read(next) }.next;
        }
        if next != END && offset + size == next {
            // SAFETY: as above.
            let after = unsafe { self.read(next) };
            size += after.size;
            next = after.next;
        }
        if previous != END {
            // SAFETY: as above.
            let mut before = unsafe { self.read(previous) };
            if previous + before.size == offset {
                before.size += size;
                before.next = next;
                // SAFETY: clause 1; the free block before this one, which ends where this one begins.
                unsafe { self.write(previous, before) };
                return;
            }
        }
        // SAFETY: clauses 1 and 2: the block is free now, and so is the one after it where they were
        // joined; then it has a record, and the list leads to it.
        unsafe {
            self.write(offset, Free { size, next });
            self.link(previous, offset);
        }
    }
}

impl<const N: usize> Default for StaticRegion<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> fmt::Debug for StaticRegion<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticRegion")
            .field("bytes", &N)
            .field("free_bytes", &self.free_bytes())
            .finish()
    }
}

/// The bytes that a block of `layout` takes, if it can fit at all.
fn rounded(layout: Layout) -> Option<usize> {
    layout.size().checked_next_multiple_of(GRANULE)
}

// SAFETY: 1: `take` returns an offset with `size` bytes behind it whose address is a multiple of the
// alignment, and the pointer derives from the whole array. 2: `take` removes the block from the list of
// free blocks and only free blocks are given out or written. 3: the blocks lie in the region, which the
// reference keeps borrowed and so in place; the reference may move. 4: default. 5: no step can panic.
unsafe impl<const N: usize> Provider for &StaticRegion<N> {
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        if layout.size() == 0 {
            return Ok(layout.dangling_ptr());
        }
        let size = rounded(layout).ok_or(ProvideError::TooLarge)?;
        let align = layout.align().max(GRANULE);
        let offset = self
            // SAFETY: `locked` holds the flag; the size is rounded up and not 0.
            .locked(|| unsafe { self.take(size, align) })
            .ok_or(ProvideError::Exhausted)?;
        // SAFETY: the offset is inside the array.
        NonNull::new(unsafe { self.base().add(offset) }).ok_or(ProvideError::Exhausted)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        let Some(size) = rounded(layout).filter(|&size| size != 0) else {
            return;
        };
        // Clause 1: the block lies in the array, so the difference is its offset.
        let offset = block.as_ptr() as usize - self.base() as usize;
        debug_assert!(offset + size <= StaticRegion::<N>::USABLE);
        // SAFETY: `locked` holds the flag; by clauses 1 to 3 `take` gave this block, and nobody uses it.
        self.locked(|| unsafe { self.put(offset, size) });
    }
}

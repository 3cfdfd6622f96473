//! A block: memory for one buffer, and the header out of band that knows what was ever written to it.
//!
//! ```text
//!   Header (a slot of 64 bytes in a slab)    data (provider memory, aligned as the pool asks)
//!   +--------------------------+             0          len            init       capacity
//!   | data --------------------+-----------> +-----------+--------------+-------------+
//!   | capacity, place, pool    |             |  written, or known zero  | never       |
//!   | refs   (atomic)          |             |  above `dirty`: zero     | written     |
//!   | marks  {init, dirty}     |             +-----------+--------------+-------------+
//!   +--------------------------+
//! ```
//!
//! A block has one owner at a time, which is what a `Block` value stands for:
//! a `PooledBuf`, a magazine of a thread, a shelf of the depot, or, counted by `refs`, the `Shared` references of
//! `PooledBytes` together. `refs` is 1 whenever a `Block` exists. The block keeps its pool's core alive from creation
//! to destruction, so that neither acquire nor release count references.

mod lease;
mod shared;
mod source;
#[cfg(all(test, not(buffer_pool_loom)))]
mod tests;

use core::mem::MaybeUninit;
use core::ptr::NonNull;

use slab_core::{ProvideError, SlabBox};

use crate::pool_core::Core;
use crate::sync::atomic::AtomicU32;
use crate::sync::{Arc, TrackedCell};

pub(crate) use lease::{Home, Lease};
pub(crate) use shared::Shared;
pub(crate) use source::{AnyProvider, Source};
use source::{HeaderBox, VacantHeader};

/// Where a block came from, which says where it goes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A class of the pool, by its index; charged to the budget; kept when released.
    Class(u8),
    /// Above the largest class; charged to the budget; freed when released.
    Oversize,
    /// Past the budget; not charged; freed when released.
    Overflow,
}

/// What a new block's memory must hold.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    Nothing,
    Zeros,
}

/// A cache line of its own: two threads that use two blocks do not share one.
#[repr(align(64))]
struct Header {
    data: NonNull<u8>,
    capacity: usize,
    place: Place,
    core: Arc<Core>,
    /// References to the block. Written by owners of `Shared`: added by clones (Relaxed: the cloner holds one, so the
    /// count cannot fall to zero), taken by drops (Release) and read by the last drop and by `try_unique` (Acquire),
    /// which pair with those.
    refs: AtomicU32,
    /// Read and written by the owner of the `Block` only; handed on with it, through
    /// a stripe's mutex, a rack's latch or `refs`.
    marks: TrackedCell<Marks>,
}

/// What is known of the data.
struct Marks {
    /// Bytes below were written, or zeroed, since the block was created.
    init: usize,
    /// Bytes from here to `init` are zero. May exceed `init`: bytes between may hold anything.
    dirty: usize,
    /// Leak detection has noted the block.
    tracked: bool,
}

/// Sole ownership of a block. It has no destructor: an owner releases it to the pool or destroys it.
#[must_use = "a block that is neither released nor destroyed leaks"]
pub(crate) struct Block(NonNull<Header>);

// SAFETY: a `Block` owns its header and data alone (`refs` is 1), and they hold nothing bound to a thread: the core is
// Send + Sync, the data are bytes.
unsafe impl Send for Block {}
// SAFETY: through `&Block` only fields that never change and data are read.
unsafe impl Sync for Block {}

impl Block {
    /// A new block of `capacity` bytes from the core's provider. Accounts for nothing.
    pub(crate) fn create(
        core: &Arc<Core>,
        capacity: usize,
        place: Place,
        fill: Fill,
    ) -> Result<Self, ProvideError> {
        let source = core.source();
        let header = source.header()?;
        let (data, init) = match fill {
            Fill::Nothing => (source.allocate(capacity)?, 0),
            Fill::Zeros => (source.allocate_zeroed(capacity)?, capacity),
        };
        let marks = Marks {
            init,
            dirty: 0,
            tracked: false,
        };
        Ok(Self::new(header, core, data, capacity, place, marks))
    }

    /// A block of memory that the core's source did not give. Accounts for nothing.
    ///
    /// # Safety
    /// 1. The core's source may take `data` back as a block of `capacity` bytes, and nobody else uses it.
    /// 2. The first `init` bytes are initialised, and `init` is at most `capacity`.
    pub(crate) unsafe fn adopt(
        core: &Arc<Core>,
        data: NonNull<u8>,
        capacity: usize,
        place: Place,
        init: usize,
    ) -> Result<Self, ProvideError> {
        debug_assert!(init <= capacity);
        let header = core.source().header()?;
        let marks = Marks {
            init,
            dirty: init,
            tracked: false,
        };
        Ok(Self::new(header, core, data, capacity, place, marks))
    }

    fn new(
        header: VacantHeader,
        core: &Arc<Core>,
        data: NonNull<u8>,
        capacity: usize,
        place: Place,
        marks: Marks,
    ) -> Self {
        let header = header.write(Header {
            data,
            capacity,
            place,
            core: Arc::clone(core),
            refs: AtomicU32::new(1),
            marks: TrackedCell::new(marks),
        });
        Self(SlabBox::into_raw(header))
    }

    /// Gives the memory back to the provider and the count on the core to the caller.
    pub(crate) fn destroy(self) -> Arc<Core> {
        let capacity = self.capacity();
        let (core, data) = self.disown();
        // SAFETY: the data came from this core's source with this capacity, in `create`, or may go there, by clause 1
        // of `adopt`.
        unsafe { core.source().deallocate(data, capacity) };
        core
    }

    /// Gives the count on the core and the data, which is not the source's any more, to the caller.
    pub(crate) fn disown(self) -> (Arc<Core>, NonNull<u8>) {
        // SAFETY: the pointer is what `into_raw` gave in `create` or `adopt`; `self` is the sole owner and gone after this.
        let header = HeaderBox::into_inner(unsafe { HeaderBox::from_raw(self.0) });
        (header.core, header.data)
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: `create` made the header valid; it stays so while an owner exists.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.header().core
    }

    #[inline]
    pub(crate) fn capacity(&self) -> usize {
        self.header().capacity
    }

    #[inline]
    pub(crate) fn place(&self) -> Place {
        self.header().place
    }

    #[inline(always)]
    pub(crate) fn class(&self) -> Option<usize> {
        match self.place() {
            Place::Class(class) => Some(class.into()),
            Place::Oversize | Place::Overflow => None,
        }
    }

    #[inline]
    pub(crate) fn data(&self) -> NonNull<u8> {
        self.header().data
    }

    #[inline]
    fn marks<R>(&mut self, change: impl FnOnce(&mut Marks) -> R) -> R {
        // SAFETY: `&mut self` on the sole owner: nobody else reaches the marks.
        self.header()
            .marks
            .with_mut(|marks| change(unsafe { &mut *marks }))
    }

    /// Bytes from the start that have been written or zeroed.
    pub(crate) fn init(&mut self) -> usize {
        self.marks(|marks| marks.init)
    }

    /// Notes that the bytes below `end` are initialised and may hold anything.
    ///
    /// # Safety
    /// 1. The bytes below `end` are initialised, and `end` is at most the capacity.
    #[inline]
    pub(crate) unsafe fn written(&mut self, end: usize) {
        debug_assert!(end <= self.capacity());
        self.marks(|marks| {
            if end > marks.dirty {
                marks.dirty = end;
            }
            if end > marks.init {
                marks.init = end;
            }
        });
    }

    /// Copies `bytes` to `start` and on.
    ///
    /// # Safety
    /// 1. `start` is at most `init()`, and `start + bytes.len()` at most the capacity.
    #[inline]
    pub(crate) unsafe fn write(&mut self, start: usize, bytes: &[u8]) {
        debug_assert!(start <= self.init() && start + bytes.len() <= self.capacity());
        // SAFETY: in bounds by clause 1; `bytes` cannot overlap memory that `&mut self` owns; what is below the new
        // end is then initialised.
        unsafe {
            self.data()
                .add(start)
                .copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
            self.written(start + bytes.len());
        }
    }

    /// Moves `len` initialised bytes from `start` to the front.
    ///
    /// # Safety
    /// 1. `start + len` is at most `init()`.
    pub(crate) unsafe fn move_to_front(&mut self, start: usize, len: usize) {
        debug_assert!(start + len <= self.init());
        // SAFETY: both ranges lie in the initialised part by clause 1; `copy_from` allows overlap.
        unsafe {
            self.data().copy_from(self.data().add(start), len);
            self.written(len);
        }
    }

    /// Fills `start..end` with `byte`.
    ///
    /// # Safety
    /// 1. `start` is at most `init()` and `end`, and `end` at most the capacity.
    pub(crate) unsafe fn fill(&mut self, start: usize, end: usize, byte: u8) {
        debug_assert!(start <= self.init() && start <= end && end <= self.capacity());
        // SAFETY: in bounds by clause 1.
        unsafe {
            self.data().add(start).write_bytes(byte, end - start);
            self.written(end);
        }
    }

    /// Makes `start..end` zero, writing only what is not known to be.
    ///
    /// # Safety
    /// 1. `start` is at most `init()` and `end`, and `end` at most the capacity.
    pub(crate) unsafe fn zero(&mut self, start: usize, end: usize) {
        debug_assert!(start <= self.init() && start <= end && end <= self.capacity());
        let data = self.data();
        self.marks(|marks| {
            let dirty_end = marks.dirty.min(end);
            if start < dirty_end {
                // SAFETY: in bounds by clause 1.
                unsafe { data.add(start).write_bytes(0, dirty_end - start) };
            }
            let unwritten = marks.init.max(dirty_end).max(start);
            if unwritten < end {
                // SAFETY: as above.
                unsafe { data.add(unwritten).write_bytes(0, end - unwritten) };
            }
            marks.init = marks.init.max(end);
            if end >= marks.dirty && start < marks.dirty {
                marks.dirty = start;
            }
        });
    }

    /// Makes every byte below `end` initialised, keeping what is there.
    pub(crate) fn initialise(&mut self, end: usize) {
        assert!(end <= self.capacity());
        let data = self.data();
        self.marks(|marks| {
            if marks.init < end {
                // SAFETY: `end` is within the capacity, as asserted.
                unsafe { data.add(marks.init).write_bytes(0, end - marks.init) };
                marks.init = end;
            }
        });
    }

    /// The bytes from `len` to the capacity, to be written by anyone in any way: nothing is known of them afterwards.
    pub(crate) fn spare(&mut self, len: usize) -> &mut [MaybeUninit<u8>] {
        let capacity = self.capacity();
        assert!(len <= capacity);
        self.marks(|marks| {
            marks.dirty = capacity;
            // Safe code may write `MaybeUninit::uninit()`, which takes the initialisation back.
            marks.init = marks.init.min(len);
        });
        // SAFETY: the range lies in the block that `&mut self` owns.
        unsafe {
            core::slice::from_raw_parts_mut(self.data().add(len).cast().as_ptr(), capacity - len)
        }
    }

    /// Like `spare`, for a writer that writes only initialised bytes.
    pub(crate) fn tail(&mut self, len: usize) -> NonNull<u8> {
        let capacity = self.capacity();
        assert!(len <= capacity);
        self.marks(|marks| marks.dirty = capacity);
        // SAFETY: `len` is within the block.
        unsafe { self.data().add(len) }
    }

    /// A second owner of the block. Only for mutants that lose track of it.
    #[cfg(buffer_pool_loom)]
    pub(crate) fn duplicate(&self) -> Self {
        Self(self.0)
    }

    /// Tells blocks apart while they exist.
    pub(crate) fn address(&self) -> usize {
        self.0.addr().get()
    }

    /// Notes whether leak detection knows the block; returns what was noted before.
    pub(crate) fn set_tracked(&mut self, tracked: bool) -> bool {
        self.marks(|marks| core::mem::replace(&mut marks.tracked, tracked))
    }

    /// Overwrites what was ever written.
    pub(crate) fn poison(&mut self) {
        let init = self.init();
        // SAFETY: from the start, which is within all, up to `init`.
        unsafe { self.fill(0, init, POISON) };
    }

    pub(crate) fn share(self) -> Shared {
        Shared::new(self)
    }
}

/// What released memory is overwritten with when that is asked for.
const POISON: u8 = 0xDE;

/// In a normal build a header is a cache line.
#[cfg(all(target_pointer_width = "64", not(buffer_pool_loom)))]
const _: () = assert!(size_of::<Header>() == 64);

//! A slab of the object cache: its header, and what its possessor does with it.
//!
//! Every pointer into a slab derives from the pointer that the provider gave for its block. A box keeps such a pointer
//! to its slot; masking the address leads back to the header without losing what the pointer may reach.

use core::ptr::{self, NonNull};

use super::control::Control;
use super::geometry::Geometry;
use super::heap::LocalHeap;
use super::remote::{END, RemoteWord, Settled};
use crate::sync::atomic::{AtomicPtr, Ordering};
use crate::sync::{TrackedCell, Witnesses};

/// What starts on a cache line of its own: what other threads write must not slow down who reads the rest.
#[cfg_attr(target_pointer_width = "64", repr(align(64)))]
struct Line<V>(V);

/// The first bytes of a slab. `repr(C)` for the order of the lines.
#[repr(C)]
pub(super) struct Header {
    /// Read by everybody, written by the creator.
    control: NonNull<Control>,
    /// The local heap that owns the slab, or null. Written by that heap alone: on adoption its address, null when it
    /// lets go.
    ///
    /// Relaxed: a thread compares it with its own heap, and about that it reads only what it wrote itself. A heap that
    /// lay at the same address earlier had cleared it before its block was given back.
    owner: AtomicPtr<LocalHeap>,
    /// The next slab on the depot: written by who pushes, read by who took.
    below: TrackedCell<Option<Slab>>,
    witnesses: Witnesses,
    /// Written by each thread that frees a slot.
    remote: Line<RemoteWord>,
    /// The possessor's.
    private: Line<TrackedCell<Private>>,
}

// What the docs of `SlabCache` say.
#[cfg(all(not(slab_core_loom), target_pointer_width = "64"))]
const _: () = assert!(size_of::<Header>() == 192);

/// The possessor's part of the header.
#[derive(Clone, Copy)]
pub(super) struct Private {
    /// The first free slot that the possessor knows, or `END`; it holds the next.
    free: u16,
    /// Slots from here on were never used.
    fresh: u16,
    /// Slots in use, those included that others freed and nobody collected.
    pub(super) used: u16,
    /// A local free that leaves fewer than this in use makes the heap look at its lists: 0 never (current),
    /// 1 when empty (ready), `u16::MAX` always (full).
    pub(super) alarm: u16,
    /// Neighbours in the list of the possessor that has the slab in one.
    pub(super) next: Option<Slab>,
    pub(super) previous: Option<Slab>,
}

/// A slab, by the base of its block. Using it needs the right to, which the type does not prove: see each method.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Slab(NonNull<Header>);

impl Slab {
    /// Writes the header of a new slab, which is the caller's.
    ///
    /// # Safety
    /// 1. `block` is a block of the control block's layout that nothing else uses.
    pub(super) unsafe fn initialise(block: NonNull<u8>, control: NonNull<Control>) -> Self {
        let header = block.cast::<Header>();
        let private = Private {
            free: END,
            fresh: 0,
            used: 0,
            alarm: 0,
            next: None,
            previous: None,
        };
        // SAFETY: clause 1; the layout begins with a header.
        unsafe {
            header.write(Header {
                control,
                owner: AtomicPtr::new(ptr::null_mut()),
                below: TrackedCell::new(None),
                witnesses: Witnesses::new(),
                remote: Line(RemoteWord::new()),
                private: Line(TrackedCell::new(private)),
            });
        }
        Self(header)
    }

    /// Ends the header and gives the block back as it came.
    ///
    /// # Safety
    /// 1. The caller possesses the slab. 2. No slot is in use, so nobody else knows it.
    pub(super) unsafe fn retire(self) -> NonNull<u8> {
        #[cfg(slab_core_loom)]
        // SAFETY: clauses 1 and 2: nobody else uses any part of it.
        unsafe {
            let header = &mut *self.0.as_ptr();
            header.remote.0.retire();
            header.private.0.with_mut(|_| ());
            header.below.with_mut(|_| ());
            for slot in 0..crate::cache::CAPACITY_MAX as u16 {
                header.witnesses.written(slot);
            }
        }
        // SAFETY: clauses 1 and 2.
        unsafe { self.0.drop_in_place() };
        self.0.cast()
    }

    /// The slab in which `slot` lies.
    ///
    /// # Safety
    /// 1. `slot` points to a slot in use of a slab of this geometry, and derives from the slab's base.
    #[inline(always)]
    pub(super) unsafe fn of<T, const SLAB: usize>(slot: NonNull<T>) -> Self {
        // The mask leaves the base, which is not null, as no slab lies at 0.
        let base = slot.as_ptr().map_addr(|address| address & !(SLAB - 1));
        // SAFETY: clause 1: the base of a block that is aligned to `SLAB` is not null.
        Self(unsafe { NonNull::new_unchecked(base.cast()) })
    }

    /// # Safety
    /// 1. The slab is there as long as the reference is used.
    #[inline(always)]
    unsafe fn header<'a>(self) -> &'a Header {
        // SAFETY: clause 1; all that changes in a header lies in cells and atomics.
        unsafe { self.0.as_ref() }
    }

    /// The control block.
    ///
    /// # Safety
    /// 1. The slab is there.
    #[inline(always)]
    pub(super) unsafe fn control(self) -> NonNull<Control> {
        // SAFETY: clause 1.
        unsafe { self.header() }.control
    }

    /// The heap that owns the slab, or null; certain only if it is the caller's own.
    ///
    /// # Safety
    /// 1. The slab is there.
    #[inline(always)]
    pub(super) unsafe fn owner(self) -> *mut LocalHeap {
        // SAFETY: clause 1. Relaxed: see the field.
        unsafe { self.header() }.owner.load(Ordering::Relaxed)
    }

    /// Sets or clears the owning heap.
    ///
    /// # Safety
    /// 1. The caller possesses the slab, and is that heap.
    pub(super) unsafe fn set_owner(self, owner: *mut LocalHeap) {
        // SAFETY: clause 1. Relaxed: see the field.
        unsafe { self.header() }
            .owner
            .store(owner, Ordering::Relaxed);
    }

    /// Reads or changes the possessor's part.
    ///
    /// # Safety
    /// 1. The caller possesses the slab. 2. `access` does not use this slab's private part otherwise.
    #[inline(always)]
    pub(super) unsafe fn private<R>(self, access: impl FnOnce(&mut Private) -> R) -> R {
        // SAFETY: clause 1 makes the access the only one, clause 2 keeps it so.
        unsafe { self.header().private.0.with_mut(|it| access(&mut *it)) }
    }

    /// Where `slot` lies.
    ///
    /// # Safety
    /// 1. The slab is there and of this geometry. 2. `slot < CAPACITY`.
    #[inline(always)]
    unsafe fn slot<T, const SLAB: usize>(self, slot: u16) -> NonNull<T> {
        debug_assert!(slot < Geometry::<T, SLAB>::CAPACITY);
        let offset = Geometry::<T, SLAB>::FIRST + usize::from(slot) * Geometry::<T, SLAB>::STRIDE;
        // SAFETY: clauses 1 and 2: the geometry has the slot inside of the block.
        unsafe { self.0.byte_add(offset).cast() }
    }

    /// The number of the slot that `slot` points to.
    #[inline(always)]
    fn number<T, const SLAB: usize>(slot: NonNull<T>) -> u16 {
        let offset = (slot.addr().get() & (SLAB - 1)) - Geometry::<T, SLAB>::FIRST;
        debug_assert!(offset.is_multiple_of(Geometry::<T, SLAB>::STRIDE));
        (offset / Geometry::<T, SLAB>::STRIDE) as u16
    }

    /// A free slot that the possessor knows, now in use.
    ///
    /// # Safety
    /// 1. The caller possesses the slab. 2. It is of this geometry.
    #[inline(always)]
    pub(super) unsafe fn take<T, const SLAB: usize>(self) -> Option<NonNull<T>> {
        // SAFETY: clauses 1 and 2. A slot on the free list holds a link that was written when it was freed, and who
        // freed it is done with it: its free was collected, or was the possessor's.
        unsafe {
            let slot = self.private(|private| {
                let slot = private.free;
                if slot != END {
                    private.free = self.slot::<T, SLAB>(slot).cast::<u16>().read();
                } else if private.fresh < Geometry::<T, SLAB>::CAPACITY {
                    private.fresh += 1;
                    private.used += 1;
                    return Some(private.fresh - 1);
                } else {
                    return None;
                }
                private.used += 1;
                Some(slot)
            })?;
            self.header().witnesses.written(slot);
            Some(self.slot::<T, SLAB>(slot))
        }
    }

    /// Puts a slot back that the possessor frees itself; true if its heap has to look at its lists.
    ///
    /// # Safety
    /// 1. The caller possesses the slab that `slot` points into, as [`of`](Self::of) demands. 2. The slot is in use and
    ///    holds no value any more.
    #[inline(always)]
    pub(super) unsafe fn put<T, const SLAB: usize>(self, slot: NonNull<T>) -> bool {
        let number = Self::number::<T, SLAB>(slot);
        // SAFETY: clauses 1 and 2: the slot is the caller's to write, as is the private part.
        unsafe {
            self.header().witnesses.written(number);
            self.private(|private| {
                slot.cast::<u16>().write(private.free);
                private.free = number;
                private.used -= 1;
                private.used < private.alarm
            })
        }
    }

    /// Frees a slot from any thread.
    ///
    /// # Safety
    /// 1. `slot` points into this slab, as [`of`](Self::of) demands. 2. The slot is in use, holds no value any more, and
    ///    is the caller's; nobody uses it afterwards.
    #[inline]
    pub(super) unsafe fn free<T, const SLAB: usize>(self, slot: NonNull<T>) {
        let number = Self::number::<T, SLAB>(slot);
        // SAFETY: clause 2: a slab with a slot in use is there. After the exchange it need not be, so no reference to the
        // header but the word's own goes into the call.
        let mover = unsafe { self.header() }.remote.0.free(number, |next| {
            // SAFETY: clauses 1 and 2; a slot has two aligned bytes at least. The link comes before the exchange.
            unsafe {
                self.header().witnesses.written(number);
                slot.cast::<u16>().write(next);
            }
        });
        if mover {
            // SAFETY: who made the slab QUEUED possesses it.
            unsafe { Control::queued(self) };
        }
    }

    /// Takes back what others freed, once the possessor knows no free slot any more. True if that was any.
    ///
    /// # Safety
    /// 1. The caller possesses the slab, it is OWNED, and `take` gave none.
    pub(super) unsafe fn collect(self) -> bool {
        // SAFETY: clause 1.
        let collected = unsafe { self.header() }.remote.0.collect();
        // SAFETY: clause 1.
        unsafe {
            self.private(|private| {
                debug_assert!(private.free == END, "a list would be lost");
                debug_assert!(collected.count <= private.used, "a slot was freed twice");
                private.free = collected.head;
                private.used -= collected.count;
            });
        }
        collected.count != 0
    }

    /// Whether no slot is in use, those that others freed being free.
    ///
    /// # Safety
    /// 1. The caller possesses the slab.
    pub(super) unsafe fn is_empty(self) -> bool {
        // SAFETY: clause 1.
        unsafe {
            let pending = self.header().remote.0.pending();
            self.private(|private| private.used == pending)
        }
    }

    /// Lets go of a slab without a free slot; false if it has one again and is still the caller's.
    ///
    /// # Safety
    /// 1. As for [`collect`](Self::collect). 2. The caller does not touch it after `true`.
    pub(super) unsafe fn detach(self) -> bool {
        // SAFETY: clause 1. The last access of the call is the exchange.
        unsafe { self.header() }.remote.0.detach()
    }

    /// Makes a QUEUED slab OWNED. True if it is empty.
    ///
    /// # Safety
    /// 1. The caller took the slab from the depot.
    pub(super) unsafe fn adopt(self) -> bool {
        // SAFETY: clause 1 makes the caller the possessor.
        unsafe {
            let pending = self.header().remote.0.adopt();
            self.private(|private| private.used == pending)
        }
    }

    /// Lets go of a slab: see [`RemoteWord::settle`]. One that knows a free slot is queued if `reuse`.
    ///
    /// # Safety
    /// 1. The caller possesses the slab. 2. It does not touch it after `Detached`.
    pub(super) unsafe fn settle<T, const SLAB: usize>(self, reuse: bool) -> Settled {
        let capacity = Geometry::<T, SLAB>::CAPACITY;
        // SAFETY: clause 1.
        let (used, known) = unsafe {
            self.private(|private| {
                let known = private.free != END || private.fresh < capacity;
                (private.used, known)
            })
        };
        // SAFETY: clause 1. The last access of the call is the exchange.
        unsafe { self.header() }
            .remote
            .0
            .settle(used, |pending| reuse && (known || pending != 0))
    }

    /// Lets go of a slab when no cache is left: empty, or DETACHED.
    ///
    /// # Safety
    /// As for [`settle`](Self::settle).
    pub(super) unsafe fn abandon(self) -> Settled {
        // SAFETY: the caller's promises are the ones asked for.
        unsafe {
            let used = self.private(|private| private.used);
            self.header().remote.0.settle(used, |_| false)
        }
    }

    /// Makes every slot of an OWNED empty slab one that was never used.
    ///
    /// # Safety
    /// 1. The caller possesses the slab, and [`is_empty`](Self::is_empty) held.
    pub(super) unsafe fn reset(self) {
        // SAFETY: clause 1: no slot is in use, so nobody frees one.
        unsafe {
            self.header().remote.0.collect();
            self.private(|private| {
                (private.free, private.fresh, private.used) = (END, 0, 0);
            });
        }
    }

    /// Makes an OWNED empty slab QUEUED.
    ///
    /// # Safety
    /// As for [`reset`](Self::reset).
    pub(super) unsafe fn queue_empty(self) {
        // SAFETY: the caller's promises.
        unsafe {
            self.reset();
            self.header().remote.0.queue_empty();
        }
    }

    /// The slab below on the depot.
    ///
    /// # Safety
    /// 1. The caller took the slab from the depot.
    pub(super) unsafe fn below(self) -> Option<Self> {
        // SAFETY: clause 1: who pushed it is done writing.
        unsafe { self.header().below.with(|it| *it) }
    }

    /// Writes the slab below on the depot.
    ///
    /// # Safety
    /// 1. The caller made the slab QUEUED and has not pushed it.
    pub(super) unsafe fn set_below(self, below: Option<Self>) {
        // SAFETY: clause 1.
        unsafe { self.header().below.with_mut(|it| *it = below) }
    }

    /// As the depot stores it.
    pub(super) fn as_ptr(self) -> *mut Header {
        self.0.as_ptr()
    }

    /// Back from [`as_ptr`](Self::as_ptr).
    pub(super) fn from_ptr(header: *mut Header) -> Option<Self> {
        NonNull::new(header).map(Self)
    }
}

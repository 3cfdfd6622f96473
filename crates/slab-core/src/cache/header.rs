//! A slab of the object cache: its header, and what its possessor does with it.
//!
//! Every pointer into a slab derives from the pointer that the provider gave for its block. A box keeps such a pointer
//! to its slot; masking the address leads back to the header without losing what the pointer may reach.
//!
//! ```text
//!   line 0   control, below     read by everybody, hardly ever written
//!   line 1   remote             written by each thread that frees a slot
//!   line 2   owner, private     the possessor's
//!   words    a bit for each slot that the possessor knows to be free; the possessor's as well
//! ```

use core::ptr::{self, NonNull};

use super::bitmap::{Bitmap, Summary};
use super::claim::Claim;
use super::control::Control;
use super::geometry::Geometry;
use super::heap::LocalHeap;
use super::remote::RemoteWord;
use crate::sync::atomic::{AtomicPtr, Ordering};
use crate::sync::{TrackedCell, Witnesses};

/// What starts on a cache line of its own: what other threads write must not slow down who reads the rest.
#[cfg_attr(target_pointer_width = "64", repr(align(64)))]
pub(super) struct Line<V>(pub(super) V);

/// The first bytes of a slab. `repr(C)` for the order of the lines.
#[repr(C)]
pub(super) struct Header {
    /// Read by everybody, written by the creator.
    control: NonNull<Control>,
    /// The next slab on the depot: written by who pushes, read by who took.
    below: TrackedCell<Option<Slab>>,
    witnesses: Witnesses,
    /// Written by each thread that frees a slot.
    pub(super) remote: Line<RemoteWord>,
    /// The possessor's.
    own: Line<Own>,
}

/// What a free by the possessor looks at, on one line.
#[repr(C)]
struct Own {
    /// The local heap that owns the slab, or null. Written by that heap alone: on adoption its address, null when it
    /// lets go.
    ///
    /// Relaxed: a thread compares it with its own heap, and about that it reads only what it wrote itself. A heap that
    /// lay at the same address earlier had cleared it before its block was given back.
    owner: AtomicPtr<LocalHeap>,
    private: TrackedCell<Private>,
}

// What the docs of `SlabCache` say.
#[cfg(all(not(slab_core_loom), target_pointer_width = "64"))]
const _: () = assert!(size_of::<Header>() == 192);

/// The possessor's part of the header.
#[derive(Clone, Copy)]
pub(super) struct Private {
    /// Of the bitmap.
    pub(super) summary: Summary,
    /// Slots in use when the last possessor let go of the slab, those included that others freed and nobody collected.
    /// Valid until the next possessor collects or frees a slot.
    pub(super) left: u16,
    /// Where the heap that owns the slab has it.
    pub(super) place: Place,
    /// Neighbours in the list of the possessor that has the slab in one.
    pub(super) next: Option<Slab>,
    pub(super) previous: Option<Slab>,
}

/// Where a heap has a slab of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In no list: slots come from it.
    Current,
    /// In the list of those with a free slot.
    Ready,
    /// In the list of those without.
    Full,
}

/// A slab, by the base of its block. Using it needs the right to, which the type does not prove: see each method.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Slab(NonNull<Header>);

impl Slab {
    /// Writes the header of a new slab, which is the caller's, and of which all slots are free.
    ///
    /// # Safety
    /// 1. `block` is a block of this geometry's layout that nothing else uses.
    pub(super) unsafe fn initialise<T, const SLAB: usize>(
        block: NonNull<u8>,
        control: NonNull<Control>,
    ) -> Self {
        let header = block.cast::<Header>();
        let slab = Self(header);
        let private = Private {
            summary: Summary::EMPTY,
            left: 0,
            place: Place::Current,
            next: None,
            previous: None,
        };
        // SAFETY: clause 1; the layout begins with a header.
        unsafe {
            header.write(Header {
                control,
                below: TrackedCell::new(None),
                witnesses: Witnesses::new(),
                remote: Line(RemoteWord::new()),
                own: Line(Own {
                    owner: AtomicPtr::new(ptr::null_mut()),
                    private: TrackedCell::new(private),
                }),
            });
            slab.bitmap::<T, SLAB, _>(|mut bitmap| bitmap.fill());
        }
        slab
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
            header.own.0.private.with_mut(|_| ());
            header.below.with_mut(|_| ());
            for slot in 0..crate::cache::CAPACITY_MAX as u16 {
                header.witnesses.written(slot);
            }
        }
        // SAFETY: clauses 1 and 2.
        unsafe { self.0.drop_in_place() };
        self.0.cast()
    }

    /// The slab in which `within` points, of the geometry for `T`.
    ///
    /// # Safety
    /// 1. `within` points into the block of a slab of this geometry, and derives from its base.
    #[inline(always)]
    pub(super) unsafe fn of<U, T, const SLAB: usize>(within: NonNull<U>) -> Self {
        let header = within.as_ptr().map_addr(Geometry::<T, SLAB>::base);
        // SAFETY: clause 1: the mask leaves the base of a block that is aligned to `SLAB`, which is not null.
        Self(unsafe { NonNull::new_unchecked(header.cast()) })
    }

    /// # Safety
    /// 1. The slab is there as long as the reference is used.
    #[inline(always)]
    pub(super) unsafe fn header<'a>(self) -> &'a Header {
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
        unsafe { self.header() }.own.0.owner.load(Ordering::Relaxed)
    }

    /// Sets or clears the owning heap.
    ///
    /// # Safety
    /// 1. The caller possesses the slab, and is that heap.
    pub(super) unsafe fn set_owner(self, owner: *mut LocalHeap) {
        // SAFETY: clause 1. Relaxed: see the field.
        unsafe { self.header() }
            .own
            .0
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
        unsafe { self.header().own.0.private.with_mut(|it| access(&mut *it)) }
    }

    /// Where slot `slot` lies.
    ///
    /// # Safety
    /// 1. The slab is there and of this geometry. 2. `slot < CAPACITY`.
    #[inline(always)]
    unsafe fn slot<T, const SLAB: usize>(self, slot: usize) -> NonNull<T> {
        debug_assert!(slot < usize::from(Geometry::<T, SLAB>::CAPACITY));
        let offset = Geometry::<T, SLAB>::FIRST + slot * Geometry::<T, SLAB>::STRIDE;
        // SAFETY: clauses 1 and 2: the geometry has the slot inside of the block.
        unsafe { self.0.byte_add(offset).cast() }
    }

    /// Reads or changes the bitmap.
    ///
    /// # Safety
    /// 1. The caller possesses the slab, and it is of this geometry. 2. `access` does not use this slab's private part
    ///    otherwise.
    #[inline(always)]
    pub(super) unsafe fn bitmap<T, const SLAB: usize, R>(
        self,
        access: impl FnOnce(Bitmap<'_, T, SLAB>) -> R,
    ) -> R {
        // SAFETY: clauses 1 and 2. The words lie behind the header, inside of the block, and are the possessor's as the
        // private part is.
        unsafe {
            let words = self.0.byte_add(Geometry::<T, SLAB>::WORDS_OFFSET).cast();
            self.private(|private| access(Bitmap::new(&mut private.summary, words.as_ptr())))
        }
    }

    /// Tells loom that the caller is the only one to use `slot`.
    ///
    /// # Safety
    /// 1. As for [`put`](Self::put).
    #[inline(always)]
    pub(super) unsafe fn witness<T, const SLAB: usize>(self, slot: NonNull<T>) {
        let number = Geometry::<T, SLAB>::number(slot.addr().get());
        // SAFETY: clause 1: a slab with a slot in use is there.
        unsafe { self.header() }.witnesses.written(number as u16);
    }

    /// Moves a word of free slots that the possessor knows into `claim`, which has none; false if there is no such
    /// slot.
    ///
    /// # Safety
    /// 1. The caller possesses the slab. 2. It is of this geometry. 3. The slots are the claim's, and go from it to
    ///    callers or come back by [`unclaim`](Self::unclaim).
    pub(super) unsafe fn claim<T, const SLAB: usize>(self, claim: &Claim) -> bool {
        // SAFETY: clauses 1 and 2. A bit is set for slots below the capacity alone, and who freed them is done with them:
        // the free was collected, or was the possessor's. Clause 3.
        unsafe {
            let Some((first, bits)) = self.bitmap::<T, SLAB, _>(|mut bitmap| bitmap.take()) else {
                return false;
            };
            claim.fill(self.slot::<T, SLAB>(first).cast(), bits);
        }
        true
    }

    /// Takes back what `claim` has left.
    ///
    /// # Safety
    /// 1. The caller possesses the slab, and it is of this geometry. 2. What the claim has is from this slab.
    pub(super) unsafe fn unclaim<T, const SLAB: usize>(self, claim: &Claim) {
        let Some((first, bits)) = claim.give_up() else {
            return;
        };
        let first = Geometry::<T, SLAB>::number(first.addr().get());
        // SAFETY: clause 1; clause 2: the bits were cleared when they were claimed.
        unsafe { self.bitmap::<T, SLAB, _>(|mut bitmap| bitmap.put_back(first, bits)) }
    }

    /// Puts a slot back that the possessor frees itself. If that is `true` the slab may have got its first free slot, or
    /// lost its last one in use: the caller [notes](Self::note) it.
    ///
    /// # Safety
    /// 1. The caller possesses the slab, which is of this geometry. 2. `slot` points to one of its slots, derives from its
    ///    base, and is in use without a value.
    #[inline(always)]
    pub(super) unsafe fn put<T, const SLAB: usize>(self, slot: NonNull<T>) -> bool {
        let number = Geometry::<T, SLAB>::number(slot.addr().get());
        // SAFETY: clauses 1 and 2: the slot has a bit.
        unsafe { self.bitmap::<T, SLAB, _>(|mut bitmap| bitmap.set(number)) }
    }

    /// Brings the summary up to date after [`put`](Self::put) said so of `slot`.
    ///
    /// # Safety
    /// As for `put`.
    pub(super) unsafe fn note<T, const SLAB: usize>(self, slot: NonNull<T>) {
        let number = Geometry::<T, SLAB>::number(slot.addr().get());
        // SAFETY: the caller's promises.
        unsafe { self.bitmap::<T, SLAB, _>(|mut bitmap| bitmap.note(number)) }
    }

    /// Frees a slot from any thread.
    ///
    /// # Safety
    /// 1. `slot` points to a slot of this slab, which is of this geometry, and derives from its base. 2. The slot is in
    ///    use, holds no value any more, and is the caller's; nobody uses it afterwards.
    #[inline]
    pub(super) unsafe fn free<T, const SLAB: usize>(self, slot: NonNull<T>) {
        let number = Geometry::<T, SLAB>::number(slot.addr().get()) as u16;
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

    /// Takes back what others freed. True if the possessor then knows a slot more. One step for each slot.
    ///
    /// A slot that was freed twice, which takes unsafe code, is not counted again if both frees are in one batch, or if the
    /// bitmap has the slot still; in a debug build that is a panic. A slot that was used again in between is not noticed.
    ///
    /// # Safety
    /// 1. The caller possesses the slab, it is OWNED and of this geometry.
    pub(super) unsafe fn collect<T, const SLAB: usize>(self) -> bool {
        // SAFETY: clause 1. The slots of the list are free: the link in each was written by who freed it.
        unsafe {
            let collected = self.header().remote.0.collect();
            let mut slot = collected.head;
            let mut taken = 0;
            self.bitmap::<T, SLAB, _>(|mut bitmap| {
                for _ in 0..collected.count {
                    if slot >= Geometry::<T, SLAB>::CAPACITY {
                        break;
                    }
                    self.header().witnesses.written(slot);
                    taken += u16::from(bitmap.insert(usize::from(slot)));
                    slot = self.slot::<T, SLAB>(usize::from(slot)).cast::<u16>().read();
                }
            });
            debug_assert_eq!(taken, collected.count, "a slot was freed twice");
            taken != 0
        }
    }

    /// Whether the possessor knows every slot to be free. O(1).
    ///
    /// # Safety
    /// 1. The caller possesses the slab, and it is of this geometry.
    pub(super) unsafe fn all_free<T, const SLAB: usize>(self) -> bool {
        // SAFETY: clause 1.
        unsafe { self.bitmap::<T, SLAB, _>(|bitmap| bitmap.is_full()) }
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

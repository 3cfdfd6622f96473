//! The control block: what all handles, slabs and late frees of one cache share, and when it ends.
//!
//! ```text
//!   handles     SlabCache and LocalCache values. The one that brings it to 0 (once: nothing raises it again) lets go of
//!               every slab that the cache possesses: empty ones go back to the provider, the others are DETACHED.
//!   references  1 for all handles together, 1 for each slab, 1 for each free that queued a slab until it is done.
//!               The one that brings it to 0 ends the block and drops the provider.
//! ```
//!
//! A free that queued a slab takes its reference before the push, because the slab, and with it the slab's reference,
//! may be gone right after. After the push it looks whether a handle is left; if not it drains the depot itself. The
//! depot's ordering sees to it that a slab is drained by the last handle or by who pushed it (see [`Depot`]).
//!
//! [`Control`] is the part without type parameters, which slabs point to. [`Block`] is the whole.

use core::alloc::Layout;
use core::ptr::NonNull;

use lock_api::RawMutex;

use super::chain::Chain;
use super::depot::Depot;
use super::geometry::Geometry;
use super::header::Slab;
use super::remote::Settled;
use super::shelf::Shelf;
use crate::error::ProvideError;
use crate::provider::Provider;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Lock, Mutant, TrackedCell, active, weaken};

/// More handles than this can only be forgotten ones.
const HANDLES_MAX: usize = isize::MAX as usize;

/// What every slab of a cache knows of it.
pub(super) struct Control {
    /// Written when a handle is made or dropped; see the module.
    handles: AtomicUsize,
    /// Written when a slab is made, queued or given back; see the module.
    references: AtomicUsize,
    /// Slabs that exist. Relaxed: a statistic.
    slabs: AtomicUsize,
    depot: Depot,
    /// Of a slab's block.
    layout: Layout,
    /// Empty slabs that an owner keeps at most.
    pub(super) spare: usize,
    deallocate: unsafe fn(NonNull<Control>, NonNull<u8>, Layout),
    end: unsafe fn(NonNull<Control>),
    /// Written at the end, so that loom sees who does not wait for it.
    last: TrackedCell<()>,
}

/// The control block with its provider and lock. `repr(C)`: a pointer to it is one to its `control`.
#[repr(C)]
pub(super) struct Block<P, L> {
    pub(super) control: Control,
    pub(super) provider: P,
    pub(super) shelf: Lock<L, Shelf>,
}

impl<P: Provider, L: RawMutex> Block<P, L> {
    /// A block in the provider's memory, with one handle.
    pub(super) fn create<T, const SLAB: usize>(
        provider: P,
        spare: usize,
    ) -> Result<NonNull<Self>, ProvideError> {
        let block = provider.allocate(Layout::new::<Self>())?.cast::<Self>();
        let control = Control {
            handles: AtomicUsize::new(1),
            references: AtomicUsize::new(1),
            slabs: AtomicUsize::new(0),
            depot: Depot::new(),
            layout: Geometry::<T, SLAB>::LAYOUT,
            spare,
            deallocate: Self::deallocate,
            end: Self::end,
            last: TrackedCell::new(()),
        };
        // SAFETY: the provider's clauses 1 and 2: a block of this layout that is ours alone.
        unsafe {
            block.write(Self {
                control,
                provider,
                shelf: Lock::new(Shelf::new()),
            });
        }
        Ok(block)
    }

    /// A new slab, the caller's and OWNED.
    ///
    /// # Safety
    /// 1. `this` is a live block. 2. Its slabs are of this geometry.
    pub(super) unsafe fn slab<T, const SLAB: usize>(
        this: NonNull<Self>,
    ) -> Result<Slab, ProvideError> {
        // SAFETY: clause 1.
        let Self {
            control, provider, ..
        } = unsafe { this.as_ref() };
        let block = provider.allocate(control.layout)?;
        // Relaxed both: the caller's handle keeps the block, and counting orders nothing.
        control.references.fetch_add(1, Ordering::Relaxed);
        control.slabs.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the provider's clauses 1 and 2; clause 2: the block is of the geometry's layout.
        Ok(unsafe { Slab::initialise::<T, SLAB>(block, this.cast()) })
    }

    /// # Safety
    /// 1. `control` is the first part of a live block of these types. 2. As for the provider's `deallocate`.
    unsafe fn deallocate(control: NonNull<Control>, block: NonNull<u8>, layout: Layout) {
        // SAFETY: clauses 1 and 2; the pointer is to the whole block.
        unsafe {
            let provider = &(*control.cast::<Self>().as_ptr()).provider;
            provider.deallocate(block, layout);
        }
    }

    /// # Safety
    /// 1. As for `deallocate`. 2. No reference to the block is counted any more.
    unsafe fn end(control: NonNull<Control>) {
        // SAFETY: clauses 1 and 2: the block is ours alone. The provider is moved out before the block goes back to it.
        unsafe {
            control.as_ref().last.with_mut(|_| ());
            let Self {
                control: _,
                provider,
                shelf: _,
            } = control.cast::<Self>().read();
            provider.deallocate(control.cast(), Layout::new::<Self>());
        }
    }
}

impl Control {
    /// Counts a further handle.
    pub(super) fn attach(&self) {
        // Relaxed: who attaches has a handle, which keeps the count above 0.
        let before = self.handles.fetch_add(1, Ordering::Relaxed);
        if before >= HANDLES_MAX {
            self.handles.fetch_sub(1, Ordering::Relaxed);
            panic!("too many handles of one cache");
        }
    }

    /// Slabs that exist.
    pub(super) fn slabs(&self) -> usize {
        self.slabs.load(Ordering::Relaxed)
    }

    /// Takes every slab out of the depot; each leads to the next by `below`.
    pub(super) fn take_queued(&self) -> Option<Slab> {
        self.depot.take()
    }

    /// Drops a handle. `shelf` gives the slabs of the shelf, if it was the last.
    ///
    /// # Safety
    /// 1. The caller owns a counted handle and does not use it afterwards. 2. The cache's slabs are of this geometry.
    pub(super) unsafe fn detach<T, const SLAB: usize>(
        this: NonNull<Self>,
        shelf: impl FnOnce() -> Shelf,
    ) {
        // SAFETY: clause 1: the handles' reference keeps the block.
        let control = unsafe { this.as_ref() };
        // AcqRel: what was done with other handles is done before the last goes on. That rests on this argument alone: no
        // model fails without it, because the shelf's lock and the depot's exchanges order all that models see. It stays
        // because nothing else orders a handle that neither locked nor pushed.
        if control.handles.fetch_sub(1, Ordering::AcqRel) != 1 {
            return;
        }
        // SAFETY: the shelf possesses its slabs, and nobody else looks at it: there is no handle. Clause 2.
        unsafe {
            let mut shelf = shelf();
            while let Some(slab) = shelf.owned::<T, SLAB>() {
                if slab.settle::<T, SLAB>(false) == Settled::Empty {
                    Self::release(this, slab);
                }
            }
            Self::abandon_all(this, shelf.incoming());
            Self::abandon_all(this, control.depot.take());
            Self::release_reference(this);
        }
    }

    /// Pushes a slab and sees to it that somebody looks at it.
    ///
    /// # Safety
    /// 1. The caller made `slab` QUEUED and has not pushed it. 2. It does not touch it afterwards.
    #[cold]
    pub(super) unsafe fn queued(slab: Slab) {
        // SAFETY: clause 1: the slab is there, and its reference keeps the block until the push. After it the
        // reference taken here does.
        unsafe {
            let this = slab.control();
            let control = this.as_ref();
            // Relaxed: the slab's reference keeps the count above 0.
            control.references.fetch_add(1, Ordering::Relaxed);
            control.depot.push(slab);
            // Relaxed: the push acquired the take of the last handle, if that came first.
            let orphaned = control.handles.load(Ordering::Relaxed) == 0;
            if orphaned && !active(Mutant::NobodyDrains) {
                Self::abandon_all(this, control.depot.take());
            }
            Self::release_reference(this);
        }
    }

    /// Pushes a slab of which the caller's handle keeps the block.
    ///
    /// # Safety
    /// 1. As for `queued`. 2. The caller has a handle, and drops it later.
    pub(super) unsafe fn push(&self, slab: Slab) {
        // SAFETY: clause 1. The last handle drains the depot after this.
        unsafe { self.depot.push(slab) }
    }

    /// Lets go of all slabs from `slab` on.
    ///
    /// # Safety
    /// 1. The caller took them from the depot, and has a reference to the block.
    unsafe fn abandon_all(this: NonNull<Self>, mut slab: Option<Slab>) {
        while let Some(top) = slab {
            // SAFETY: clause 1; `below` is read while the slab is still ours.
            unsafe {
                slab = top.below();
                if top.abandon() == Settled::Empty {
                    Self::release(this, top);
                }
            }
        }
    }

    /// Gives an empty slab back to the provider.
    ///
    /// # Safety
    /// 1. The caller possesses `slab`, and none of its slots is in use. 2. It has a reference to the block.
    pub(super) unsafe fn release(this: NonNull<Self>, slab: Slab) {
        // SAFETY: clauses 1 and 2; the layout is the one the block was asked for with.
        unsafe {
            let control = this.as_ref();
            let block = slab.retire();
            (control.deallocate)(this, block, control.layout);
            control.slabs.fetch_sub(1, Ordering::Relaxed);
            Self::release_reference(this);
        }
    }

    /// Gives the empty slabs of a chain back.
    ///
    /// # Safety
    /// As for `release`, for each.
    pub(super) unsafe fn release_chain(this: NonNull<Self>, mut chain: Chain) {
        while let Some(slab) = chain.pop() {
            // SAFETY: the caller's promises.
            unsafe { Self::release(this, slab) };
        }
    }

    /// # Safety
    /// 1. The caller owns a counted reference and does not use it afterwards.
    unsafe fn release_reference(this: NonNull<Self>) {
        let both = weaken(Ordering::AcqRel, Mutant::LastRelaxed, Ordering::Relaxed);
        // SAFETY: clause 1. AcqRel: the last one ends the block after what all others did with it. The others do not
        // touch it after this.
        unsafe {
            this.as_ref().last.with(|_| ());
            if this.as_ref().references.fetch_sub(1, both) == 1 {
                (this.as_ref().end)(this);
            }
        }
    }
}

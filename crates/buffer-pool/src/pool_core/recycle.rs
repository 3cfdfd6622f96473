//! Acquire and release: magazines first, then the depot.

use core::panic::Location;
use core::ptr::NonNull;

use super::Core;
use crate::block::{Block, Fill, Home, Lease, Place};
use crate::builder::Exhaustion;
use crate::class::Classes;
use crate::error::AcquireError;
use crate::magazine::{self, Rack, Refused};
use crate::mutant::{Mutant, active};
use crate::sync::Arc;
use crate::wait::Waiting;

impl Core {
    /// A block of at least `size` bytes within the budget. A recycled one holds what its last owner left, whatever
    /// `fill` says; a new one holds what `fill` says.
    #[inline]
    #[track_caller]
    pub(crate) fn try_acquire(
        this: &Arc<Self>,
        size: usize,
        fill: Fill,
    ) -> Result<Lease, AcquireError> {
        let result = Self::attempt_at(this, size, fill, Location::caller());
        if result.is_err() {
            this.count_refusal();
        }
        result
    }

    /// Like `try_acquire`, for a request that was made at `location`. A refusal is not counted: the caller asks for less
    /// next, or waits.
    #[inline]
    pub(crate) fn attempt_at(
        this: &Arc<Self>,
        size: usize,
        fill: Fill,
        location: &'static Location<'static>,
    ) -> Result<Lease, AcquireError> {
        match this.hit(size) {
            Some(lease) => Ok(lease),
            None => Self::attempt_slowly(this, size, fill, location),
        }
    }

    #[inline(never)]
    fn attempt_slowly(
        this: &Arc<Self>,
        size: usize,
        fill: Fill,
        location: &'static Location<'static>,
    ) -> Result<Lease, AcquireError> {
        let block = match Self::recycle_in_turn(this, size) {
            Some(block) => block,
            None if this.is_closed() => return Err(AcquireError::Closed),
            None => Self::supply(this, size, fill)?,
        };
        Ok(this.noted(block, location).into())
    }

    /// Tells leak detection that `block` came back.
    pub(super) fn forget(block: &mut Block) {
        if block.core().leaks.is_on() {
            Arc::clone(block.core()).leaks.forget(block);
        }
    }

    /// Like `try_acquire`, but past the budget, and after `close`, the block comes from the provider all the same.
    #[inline]
    #[track_caller]
    pub(crate) fn acquire(this: &Arc<Self>, size: usize, fill: Fill) -> Lease {
        match this.hit(size) {
            Some(lease) => lease,
            None => Self::acquire_slowly(this, size, fill, Location::caller()),
        }
    }

    /// A block for a buffer that grows to `least` bytes: of at least `most` if that is to be had. It waits for nobody, as
    /// the buffer holds what others, and it itself, would wait for.
    #[track_caller]
    pub(crate) fn try_acquire_larger(
        this: &Arc<Self>,
        least: usize,
        most: usize,
    ) -> Result<Lease, AcquireError> {
        Self::attempt_larger(this, least, most, Location::caller())
            .inspect_err(|_| this.count_refusal())
    }

    fn attempt_larger(
        this: &Arc<Self>,
        least: usize,
        most: usize,
        location: &'static Location<'static>,
    ) -> Result<Lease, AcquireError> {
        match Self::attempt_at(this, most, Fill::Nothing, location) {
            Err(_) if least < most => Self::attempt_at(this, least, Fill::Nothing, location),
            outcome => outcome,
        }
    }

    /// Like `try_acquire_larger`; past the budget, where that is allowed, the block comes from the provider all the same.
    #[track_caller]
    pub(crate) fn acquire_larger(this: &Arc<Self>, least: usize, most: usize) -> Lease {
        let location = Location::caller();
        let larger = Self::attempt_larger(this, least, most, location).or_else(|error| {
            Self::overflow_for(this, most, Fill::Nothing, error)
                .or_else(|_| Self::overflow_for(this, least, Fill::Nothing, error))
                .map(|block| this.noted(block, location).into())
        });
        match larger {
            Ok(lease) => lease,
            Err(error) => panic!("cannot move a buffer to {least} bytes: {error}"),
        }
    }

    #[inline(never)]
    fn acquire_slowly(
        this: &Arc<Self>,
        size: usize,
        fill: Fill,
        location: &'static Location<'static>,
    ) -> Lease {
        let block = match Self::recycle_in_turn(this, size) {
            Some(block) => block,
            None => Self::acquire_cold(this, size, fill),
        };
        this.noted(block, location).into()
    }

    /// `block`, for leak detection to know where it is handed out to.
    pub(crate) fn noted(&self, mut block: Block, location: &'static Location<'static>) -> Block {
        if self.leaks.is_on() {
            self.leaks.note(&mut block, location);
        }
        block
    }

    #[cold]
    #[inline(never)]
    fn acquire_cold(this: &Arc<Self>, size: usize, fill: Fill) -> Block {
        let supplied = match Self::supply(this, size, fill) {
            Err(AcquireError::Exhausted { .. }) if this.exhaustion == Exhaustion::Wait => {
                Waiting::block(this, size, fill, None)
            }
            supplied => supplied,
        };
        match supplied.or_else(|error| Self::overflow_for(this, size, fill, error)) {
            Ok(block) => block,
            Err(error) => panic!("cannot acquire {size} bytes: {error}"),
        }
    }

    /// A block past the budget, in place of `error`, where the pool was built for that; or after `close`, when there is
    /// nobody left to keep it for.
    fn overflow_for(
        this: &Arc<Self>,
        size: usize,
        fill: Fill,
        error: AcquireError,
    ) -> Result<Block, AcquireError> {
        let overflows = match error {
            AcquireError::Closed => true,
            AcquireError::Exhausted { .. } | AcquireError::Oversize { .. } => {
                this.exhaustion == Exhaustion::Overflow
            }
            _ => false,
        };
        match overflows && size <= Classes::SIZE_MAX {
            true => Self::overflow(this, size, fill),
            false => Err(error),
        }
    }

    /// A block out of this thread's magazine.
    #[inline(always)]
    fn hit(&self, size: usize) -> Option<Lease> {
        let class = self.classes.index(size)?;
        let block = match magazine::magazine(self.key.value(), class) {
            // SAFETY: the thread's own magazine, which it does not free in here. Without a budget nobody else touches it.
            Some(magazine) => unsafe { (*magazine).pop() },
            None => self.hit_inside(class),
        };
        // Of the class that the magazine is for.
        block.map(|block| Lease::new(block, Home::of_class(self, class)))
    }

    /// A block out of this thread's magazine, in a pool with a budget.
    #[inline(never)]
    fn hit_inside(&self, class: usize) -> Option<Block> {
        if self.is_awaited() {
            return None;
        }
        let rack = magazine::rack(self.latched_key.value())?;
        // SAFETY: the thread's own rack, which it does not free in here, of this pool, which has a budget.
        unsafe { rack.as_ref().pop(class) }
    }

    /// Like `recycle`, for a request that comes now: `None` when it has to let others go first.
    #[inline(always)]
    fn recycle_in_turn(this: &Arc<Self>, size: usize) -> Option<Block> {
        match this.is_awaited() {
            true => None,
            false => Self::recycle(this, size),
        }
    }

    /// An idle block out of this thread's rack or the depot: of the class of `size`, or, rather than a new one, of a class
    /// that is not much larger. With a budget only the first: there what is lent in excess is lacking elsewhere.
    pub(super) fn recycle(this: &Arc<Self>, size: usize) -> Option<Block> {
        let class = this.classes.index(size)?;
        let mut classes = match this.bounded {
            true => class..class + 1,
            false => this.classes.substitutes(class),
        };
        let rack = Self::rack(this);
        // SAFETY: the thread's own; no foreign code has run since, and none runs while blocks are taken.
        classes.find_map(|class| unsafe { Self::take(this, rack, class) })
    }

    /// An idle block of `class`, out of `rack` or the depot.
    ///
    /// # Safety
    /// 1. The rack is the calling thread's, of this pool.
    unsafe fn take(this: &Arc<Self>, rack: Option<NonNull<Rack>>, class: usize) -> Option<Block> {
        if let Some(rack) = rack {
            // SAFETY: clause 1.
            let block = unsafe { rack.as_ref().take(class) };
            // With a budget what the rack did not have is looked for once more: it may be barred.
            if block.is_some() || !this.bounded {
                return block;
            }
        }
        let mut found = None;
        let taken = this.depot.take(class, 1, |block| found = Some(block));
        let size = this.classes.sizes()[class];
        this.allowance.restore(class, size, taken);
        this.counts.classes[class].recycles.add(taken as u64);
        found
    }

    /// The calling thread's rack. Looks through the pool, or the thread, first, when that is due. Runs foreign code: of
    /// earlier results of this none is valid any more.
    fn rack(this: &Arc<Self>) -> Option<NonNull<Rack>> {
        magazine::sweep();
        let rack = magazine::rack_of(this)?;
        // SAFETY: the thread's own; no foreign code has run since.
        if this.decay.is_on() && unsafe { rack.as_ref().errand() } {
            this.maintain_now();
            return magazine::rack_of(this);
        }
        Some(rack)
    }

    /// Takes a block back: to a magazine or the depot, or to the provider when it is not of a class or must not be
    /// kept.
    ///
    /// Not public, and a block cannot be made from foreign memory:
    /// ```compile_fail,E0599
    /// let pool = buffer_pool::BufferPool::new();
    /// pool.release(vec![0; 4096]);
    /// ```
    #[inline]
    pub(crate) fn release(lease: Lease) {
        let home = lease.home();
        // SAFETY: the lease keeps it.
        unsafe { Self::release_to(home.core(), home.class(), lease.block) }
    }

    /// Like `release`, of a block whose home is not at hand.
    #[inline]
    pub(crate) fn release_block(block: Block) {
        let class = block.class();
        let core: *const Self = &**block.core();
        // SAFETY: the block keeps it.
        unsafe { Self::release_to(core, class, block) }
    }

    /// # Safety
    /// 1. `block` is of this core, and of this class, if any. The core may be gone when this returns.
    #[inline(always)]
    unsafe fn release_to(core: *const Self, class: Option<usize>, block: Block) {
        let Some(class) = class else {
            return Self::release_slowly(block);
        };
        // SAFETY: the block keeps it, by clause 1, here and below, until it is pushed.
        let key = unsafe { (*core).key.value() };
        match magazine::magazine(key, class) {
            // SAFETY: as in `hit`.
            Some(magazine) => match unsafe { (*magazine).push(block) } {
                Ok(()) => {}
                Err(block) => Self::release_slowly(block),
            },
            // SAFETY: as above.
            None => Self::release_inside(unsafe { (*core).latched_key.value() }, class, block),
        }
    }

    /// Like `release`, in a pool with a budget.
    #[inline(never)]
    fn release_inside(key: u64, class: usize, block: Block) {
        let Some(rack) = magazine::rack(key) else {
            return Self::release_slowly(block);
        };
        // SAFETY: as in `hit_inside`.
        match unsafe { rack.as_ref().push(class, block) } {
            Ok(()) => {
                // SAFETY: the thread's own still; it keeps the core.
                let core = unsafe { rack.as_ref() }.core();
                // Serving may free the rack: the core is kept for it.
                if core.queue.waiting() != 0 {
                    Self::serve(&Arc::clone(core));
                }
            }
            Err(block) => Self::release_slowly(block),
        }
    }

    #[inline(never)]
    fn release_slowly(mut block: Block) {
        Self::forget(&mut block);
        if block.core().poison {
            block.poison();
        }
        if active(Mutant::ServeBeforePut) {
            Self::serve_waiting(block.core());
            Self::keep(block);
        } else if let Some(core) = Self::keep(block) {
            Self::serve(&core);
        }
    }

    /// Puts a block where it is found, or destroys it. Returns the core if others wait for what is free now: a read
    /// that comes after the block was put (`crate::wait`).
    pub(super) fn keep(block: Block) -> Option<Arc<Self>> {
        let awaited = |core: &Arc<Self>| core.queue.waiting() != 0;
        let Place::Class(class) = block.place() else {
            return Some(Self::destroy(block)).filter(awaited);
        };
        let class = usize::from(class);
        let refused = match Self::rack(block.core()) {
            // SAFETY: the thread's own; `put` runs no foreign code. The rack keeps the core.
            Some(rack) => match unsafe { rack.as_ref().put(class, block) } {
                Ok(()) => {
                    // SAFETY: the thread's own still.
                    let core = unsafe { rack.as_ref() }.core();
                    return awaited(core).then(|| Arc::clone(core));
                }
                Err(Refused::Full(block)) => block,
                Err(Refused::Barred(block)) => match Self::shelve_kept(class, block) {
                    Ok(core) => return Some(core).filter(awaited),
                    Err(block) => block,
                },
            },
            None => match Self::shelve_kept(class, block) {
                Ok(core) => return Some(core).filter(awaited),
                Err(block) => block,
            },
        };
        refused.core().counts.classes[class].discards.add(1);
        Some(Self::destroy(refused)).filter(awaited)
    }

    /// Like `shelve`, where nothing but the block may keep the core: whoever takes it from the depot may destroy it.
    #[cold]
    fn shelve_kept(class: usize, block: Block) -> Result<Arc<Self>, Block> {
        let core = Arc::clone(block.core());
        core.shelve(class, block).map(|()| core)
    }

    /// Puts a block into the depot; gives it back when that is closed or the caps on idle memory are reached.
    pub(crate) fn shelve(&self, class: usize, block: Block) -> Result<(), Block> {
        let size = self.classes.sizes()[class];
        if self.allowance.reserve(class, size, 1) == 0 {
            return Err(block);
        }
        let mut block = Some(block);
        let put = self
            .depot
            .put(class, 1, || block.take().expect("one block is put"));
        if put.is_err() {
            self.allowance.restore(class, size, 1);
        }
        block.map_or(Ok(()), Err)
    }

    /// Gives a block back to the provider, and its charge to the budget; returns its count of the core.
    #[cold]
    pub(super) fn destroy(block: Block) -> Arc<Self> {
        let (capacity, place) = (block.capacity(), block.place());
        let core = block.destroy();
        core.discharge(capacity, place);
        core
    }

    /// Gives the charge of a block that is gone back to the budget.
    pub(super) fn discharge(&self, capacity: usize, place: Place) {
        match place {
            Place::Class(class) => self.counts.classes[usize::from(class)].blocks.subtract(1),
            Place::Oversize => self.counts.unpooled_removed(capacity),
            Place::Overflow => {
                self.counts.unpooled_removed(capacity);
                self.counts.overflow_bytes.subtract(capacity as u64);
            }
        }
        if place != Place::Overflow {
            self.budget.refund(capacity);
        }
    }
}

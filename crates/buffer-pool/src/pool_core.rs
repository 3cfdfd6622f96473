//! What the handles and the blocks of a pool share: provider, classes, depot, budget, counts.
//!
//! **Lifetime.** Each handle and each block, lent or idle, holds one count of the core. Idle blocks lie in the depot,
//! which the core owns: that circle is broken by `close`, which the last handle's drop calls. From then on every
//! released block is destroyed, and the last one frees the core.
//!
//! **Release against close** (`release`, `Depot::put`, `Depot::close`): a releasing thread may have nothing but the
//! block to keep the core alive. Once it has pushed the block on a shelf, whoever closes the pool may take and
//! destroy it, and free the core, before the pushing call has returned. So after a push nothing of the core is
//! touched: the unlock is the last access (see `crate::sync` on what an unlock does).

use core::fmt;

use slab_core::Provider;

use crate::block::{Block, Chain, Fill, Place};
use crate::budget::Budget;
use crate::class::Classes;
use crate::depot::{Caps, Depot, ShelfCount};
use crate::error::AcquireError;
use crate::mutant::{Mutant, active};
use crate::stats::{ClassStats, PoolStats};
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::sync::{Arc, Tally, yield_now};

/// A provider as a pool keeps it.
pub(crate) type SharedProvider = Box<dyn Provider + Send + Sync>;

pub(crate) struct Core {
    provider: SharedProvider,
    classes: Classes,
    alignment: usize,
    depot: Depot,
    budget: Budget,
    /// Handles of the pool. Written by their clones and drops; the one that takes it to zero closes the pool.
    /// Relaxed: it only picks that one; blocks and memory are handed over by the stripes' mutexes.
    handles: AtomicUsize,
    /// Set once by `close`, read where no idle block was found. Relaxed: it decides between two answers that a call
    /// at the same time as `close` may both give; what must not be missed is under the stripes' mutexes.
    closed: AtomicBool,
    counts: Counts,
}

/// Counts of what is slow anyway. The fast paths count under the stripe's lock.
#[derive(Debug, Default)]
struct Counts {
    classes: Box<[ClassCounts]>,
    oversize: Tally,
    overflow: Tally,
    refused: Tally,
    /// Lent blocks that are not of a class, and their bytes.
    unpooled: Tally,
    unpooled_bytes: Tally,
    overflow_bytes: Tally,
}

#[derive(Debug, Default)]
struct ClassCounts {
    /// Blocks that exist.
    blocks: Tally,
    misses: Tally,
    discards: Tally,
    reclaimed: Tally,
}

/// What a pool is built from.
pub(crate) struct Settings {
    pub(crate) provider: SharedProvider,
    pub(crate) classes: Classes,
    pub(crate) alignment: usize,
    pub(crate) max_bytes: usize,
    pub(crate) caps: Caps,
}

impl Core {
    /// A core with one handle.
    pub(crate) fn new(settings: Settings) -> Self {
        let Settings {
            provider,
            classes,
            alignment,
            max_bytes,
            caps,
        } = settings;
        let class_counts = classes
            .sizes()
            .iter()
            .map(|_| ClassCounts::default())
            .collect();
        Self {
            provider,
            depot: Depot::new(&classes, caps),
            classes,
            alignment,
            budget: Budget::new(max_bytes),
            handles: AtomicUsize::new(1),
            closed: AtomicBool::new(false),
            counts: Counts {
                classes: class_counts,
                ..Counts::default()
            },
        }
    }

    pub(crate) fn provider(&self) -> &dyn Provider {
        &*self.provider
    }

    pub(crate) fn alignment(&self) -> usize {
        self.alignment
    }

    pub(crate) fn classes(&self) -> &Classes {
        &self.classes
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    pub(crate) fn handle_added(&self) {
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn handle_dropped(&self) {
        if self.handles.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.close();
        }
    }

    /// A block of at least `size` bytes within the budget. A recycled one holds what its last owner left, whatever
    /// `fill` says; a new one holds what `fill` says.
    #[inline]
    pub(crate) fn try_acquire(
        this: &Arc<Self>,
        size: usize,
        fill: Fill,
    ) -> Result<Block, AcquireError> {
        Self::attempt(this, size, fill).inspect_err(|_| this.counts.refused.add(1))
    }

    /// Like `try_acquire`, but a refusal is not counted: the caller asks for less next.
    #[inline]
    pub(crate) fn attempt(
        this: &Arc<Self>,
        size: usize,
        fill: Fill,
    ) -> Result<Block, AcquireError> {
        if let Some(class) = this.classes.index(size)
            && let Some(block) = this.depot.take(class)
        {
            return Ok(block);
        }
        if this.is_closed() {
            return Err(AcquireError::Closed);
        }
        Self::supply(this, size, fill)
    }

    /// Like `try_acquire`, but past the budget, and after `close`, the block comes from the provider all the same.
    #[inline]
    pub(crate) fn acquire(this: &Arc<Self>, size: usize, fill: Fill) -> Block {
        if let Some(class) = this.classes.index(size)
            && let Some(block) = this.depot.take(class)
        {
            return block;
        }
        Self::acquire_cold(this, size, fill)
    }

    #[cold]
    #[inline(never)]
    fn acquire_cold(this: &Arc<Self>, size: usize, fill: Fill) -> Block {
        let supplied = match Self::supply(this, size, fill) {
            Err(AcquireError::Exhausted { .. }) => Self::overflow(this, size, fill),
            Err(AcquireError::Oversize { .. }) if size <= Classes::SIZE_MAX => {
                Self::overflow(this, size, fill)
            }
            supplied => supplied,
        };
        match supplied {
            Ok(block) => block,
            Err(error) => panic!("cannot acquire {size} bytes: {error}"),
        }
    }

    /// Creates a block for a request, reclaiming idle ones when the budget or the provider demands it.
    #[cold]
    #[inline(never)]
    fn supply(this: &Arc<Self>, size: usize, fill: Fill) -> Result<Block, AcquireError> {
        let (capacity, place) = match this.classes.index(size) {
            Some(class) => (this.classes.sizes()[class], Place::Class(class)),
            None => (size, Place::Oversize),
        };
        let block = Self::create(this, size, capacity, place, fill)?;
        match place {
            Place::Class(class) => this.counts.classes[class].misses.add(1),
            _ => this.counts.oversize.add(1),
        }
        Ok(block)
    }

    /// Charges and creates a block.
    fn create(
        this: &Arc<Self>,
        size: usize,
        capacity: usize,
        place: Place,
        fill: Fill,
    ) -> Result<Block, AcquireError> {
        let limit = this.budget.limit().min(Classes::SIZE_MAX);
        if capacity > limit {
            return Err(AcquireError::Oversize {
                requested: size,
                limit,
            });
        }
        if !this.charge(capacity) {
            return Err(AcquireError::Exhausted { max_bytes: limit });
        }
        match Self::allocate(this, capacity, place, fill) {
            Ok(block) => Ok(block),
            Err(error) => {
                this.budget.refund(capacity);
                Err(error)
            }
        }
    }

    /// Charges the budget, reclaiming idle blocks; `false` when it is lent out.
    fn charge(&self, bytes: usize) -> bool {
        // Ends: each turn freed a block, or waits for a thread that is freeing some.
        while let Err(shortfall) = self.budget.charge(bytes) {
            if self.reclaim(shortfall) > 0 {
                continue;
            }
            if self.departed().is_some() {
                // What others took off the shelves before this thread looked there has been refunded by now.
                return self.budget.charge(bytes).is_ok();
            }
            yield_now();
        }
        true
    }

    /// How many idle blocks have gone back to the provider so far, if none is on its way.
    fn departed(&self) -> Option<usize> {
        let departures = self.depot.departures();
        if active(Mutant::DeparturesIgnored) {
            return Some(departures.ended());
        }
        departures.settled()
    }

    /// An uncharged block with the capacity that a pooled one would have.
    fn overflow(this: &Arc<Self>, size: usize, fill: Fill) -> Result<Block, AcquireError> {
        let capacity = this
            .classes
            .index(size)
            .map_or(size, |class| this.classes.sizes()[class]);
        let block = Self::allocate(this, capacity, Place::Overflow, fill)?;
        this.counts.overflow.add(1);
        Ok(block)
    }

    /// Asks the provider; when it has nothing, again after every idle block went back to it.
    fn allocate(
        this: &Arc<Self>,
        capacity: usize,
        place: Place,
        fill: Fill,
    ) -> Result<Block, AcquireError> {
        let mut departed = this.depot.departures().ended();
        // Ends: between two requests an idle block went back, by this thread or another.
        let block = loop {
            if let Ok(block) = Block::create(this, capacity, place, fill) {
                break block;
            }
            this.reclaim(usize::MAX);
            let settled = loop {
                match this.departed() {
                    Some(departed) => break departed,
                    None => yield_now(),
                }
            };
            if settled == departed {
                return Err(AcquireError::Alloc { bytes: capacity });
            }
            departed = settled;
        };
        match place {
            Place::Class(class) => this.counts.classes[class].blocks.add(1),
            Place::Oversize => this.counts.unpooled_added(capacity),
            Place::Overflow => {
                this.counts.unpooled_added(capacity);
                this.counts.overflow_bytes.add(capacity as u64);
            }
        }
        Ok(block)
    }

    /// Takes a block back: to the depot, or to the provider when it is not of a class or the depot refuses it.
    ///
    /// Not public, and a block cannot be made from foreign memory:
    /// ```compile_fail,E0599
    /// let pool = buffer_pool::BufferPool::new();
    /// pool.release(vec![0; 4096]);
    /// ```
    #[inline]
    pub(crate) fn release(block: Block) {
        let Place::Class(class) = block.place() else {
            return Self::destroy(block);
        };
        let core: *const Self = Arc::as_ptr(block.core());
        // SAFETY: the block's count keeps the core, and so the depot, alive until the block is on a shelf (see the
        // module's text); nothing is touched after that.
        if let Err(block) = unsafe { Depot::put(&raw const (*core).depot, class, block) } {
            block.core().counts.classes[class].discards.add(1);
            Self::destroy(block);
        }
    }

    /// Gives a block back to the provider, and its charge to the budget.
    #[cold]
    fn destroy(block: Block) {
        let (capacity, place) = (block.capacity(), block.place());
        let core = block.destroy();
        match place {
            Place::Class(class) => core.counts.classes[class].blocks.subtract(1),
            Place::Oversize => core.counts.unpooled_removed(capacity),
            Place::Overflow => {
                core.counts.unpooled_removed(capacity);
                core.counts.overflow_bytes.subtract(capacity as u64);
            }
        }
        if place != Place::Overflow {
            core.budget.refund(capacity);
        }
    }

    /// Destroys a chain of idle blocks; returns their bytes.
    fn destroy_all(&self, mut chain: Chain) -> usize {
        let mut bytes = 0;
        while let Some(block) = chain.pop() {
            bytes += block.capacity();
            if let Place::Class(class) = block.place() {
                self.counts.classes[class].reclaimed.add(1);
            }
            Self::destroy(block);
            self.depot.departures().end_one();
        }
        bytes
    }

    /// Destroys idle blocks of at least `bytes` in all, or all there are; returns their bytes.
    pub(crate) fn reclaim(&self, bytes: usize) -> usize {
        let mut freed = 0;
        for stripe in 0..self.depot.stripes() {
            if freed >= bytes {
                break;
            }
            freed += self.destroy_all(self.depot.remove(stripe, bytes - freed));
        }
        freed
    }

    /// Destroys all idle blocks and keeps none from now on.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        for stripe in 0..self.depot.stripes() {
            self.destroy_all(self.depot.close(stripe));
        }
    }

    /// Creates up to `count` idle blocks for requests of `size` bytes, written with zeros; returns how many the depot
    /// kept.
    pub(crate) fn prewarm(
        this: &Arc<Self>,
        size: usize,
        count: usize,
    ) -> Result<usize, AcquireError> {
        let Some(class) = this.classes.index(size) else {
            return Err(AcquireError::Oversize {
                requested: size,
                limit: this.classes.largest(),
            });
        };
        if this.is_closed() {
            return Err(AcquireError::Closed);
        }
        let capacity = this.classes.sizes()[class];
        for kept in 0..count {
            if capacity > this.budget.limit() {
                return Err(AcquireError::Oversize {
                    requested: size,
                    limit: this.budget.limit(),
                });
            }
            // Idle blocks are not reclaimed for this: they are as good as what would replace them.
            if this.budget.charge(capacity).is_err() {
                return Err(AcquireError::Exhausted {
                    max_bytes: this.budget.limit(),
                });
            }
            let Ok(mut block) = Block::create(this, capacity, Place::Class(class), Fill::Nothing)
            else {
                this.budget.refund(capacity);
                return Err(AcquireError::Alloc { bytes: capacity });
            };
            this.counts.classes[class].blocks.add(1);
            block.initialise(capacity);
            // SAFETY: `this` keeps the depot alive.
            if let Err(block) = unsafe { Depot::put(&raw const this.depot, class, block) } {
                Self::destroy(block);
                return Ok(kept);
            }
        }
        Ok(count)
    }

    pub(crate) fn stats(&self) -> PoolStats {
        let mut shelves = vec![ShelfCount::default(); self.classes.sizes().len()];
        self.depot.count(&mut shelves);
        let each = self
            .classes
            .sizes()
            .iter()
            .zip(&self.counts.classes)
            .zip(&shelves);
        let classes = each.map(|((&size, counts), shelf)| ClassStats {
            size,
            live: counts.blocks.value().saturating_sub(shelf.idle as u64),
            idle: shelf.idle as u64,
            recycles: shelf.recycles,
            misses: counts.misses.value(),
            discards: counts.discards.value(),
            reclaimed: counts.reclaimed.value(),
        });
        PoolStats {
            classes: classes.collect(),
            oversize: self.counts.oversize.value(),
            overflow: self.counts.overflow.value(),
            refused: self.counts.refused.value(),
            unpooled: self.counts.unpooled.value(),
            unpooled_bytes: self.counts.unpooled_bytes.value(),
            overflow_bytes: self.counts.overflow_bytes.value(),
            charged_bytes: self.budget.held() as u64,
            peak_bytes: self.budget.peak(),
        }
    }
}

impl Counts {
    fn unpooled_added(&self, capacity: usize) {
        self.unpooled.add(1);
        self.unpooled_bytes.add(capacity as u64);
    }

    fn unpooled_removed(&self, capacity: usize) {
        self.unpooled.subtract(1);
        self.unpooled_bytes.subtract(capacity as u64);
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferPool")
            .field("classes", &self.classes)
            .field("alignment", &self.alignment)
            .field("max_bytes", &self.budget.limit())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(buffer_pool_loom)))]
mod tests {
    use crate::BufferPool;
    use crate::sync::{locks_taken, thread};

    fn locks(work: impl FnOnce()) -> usize {
        let before = locks_taken();
        work();
        locks_taken() - before
    }

    #[test]
    fn acquire_takes_one_lock_and_release_one() {
        let pool = BufferPool::builder().stripes(4).build();
        for size in [4096, 64 << 10, 1 << 20] {
            drop(pool.acquire(size));
            let mut held = None;
            assert_eq!(locks(|| held = Some(pool.acquire(size))), 1);
            assert_eq!(locks(|| held = None), 1);
            assert_eq!(locks(|| held = Some(pool.acquire_zeroed(size))), 1);
            let frozen = held.take().map(|buffer| buffer.freeze());
            assert_eq!(locks(|| drop(frozen.clone())), 0);
            assert_eq!(locks(|| drop(frozen)), 1);
        }
        assert_eq!(pool.stats().misses(), 3);
    }

    #[test]
    fn a_hit_in_the_stripe_of_another_thread_takes_one_lock() {
        let pool = BufferPool::builder().stripes(4).build();
        drop(pool.acquire(4096));
        // Threads are numbered in turn, so that three more of them do not all share this one's stripe.
        thread::scope(|scope| {
            for _ in 0..3 {
                let work = || assert_eq!(locks(|| drop(pool.acquire(4096))), 2);
                scope
                    .spawn(work)
                    .join()
                    .expect("one lock to acquire, one to release");
            }
        });
        assert_eq!((pool.stats().misses(), pool.stats().recycles()), (1, 3));
    }

    #[test]
    fn an_oversize_buffer_takes_no_lock() {
        let pool = BufferPool::new();
        assert_eq!(locks(|| drop(pool.acquire(2 << 20))), 0);
    }
}

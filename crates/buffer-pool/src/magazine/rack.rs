//! A rack: one thread's magazines of one pool.

use core::ptr::NonNull;

use super::Magazine;
use super::latch::{Held, Latch};
use super::room::{Ledger, capacity_max};
use super::thread::Thread;
use crate::block::Block;
use crate::decay::Surplus;
use crate::mutant::{Mutant, active};
use crate::pool_core::Core;
use crate::sync::{Arc, Tally, TrackedCell};

/// Belongs to the thread that made it, which alone frees it; others reach it through the pool's register.
pub(crate) struct Rack {
    /// A rack keeps its pool's core alive.
    pub(super) core: Arc<Core>,
    number: u64,
    /// By which whoever touches a magazine of a pool with a budget keeps others out; not used in other pools.
    pub(super) latch: Latch,
    /// Whose rack it is.
    pub(super) thread: Option<Thread>,
    /// One a class.
    pub(super) magazines: Box<[Magazine]>,
    /// Touched by who may touch the magazines.
    pub(super) ledger: TrackedCell<Ledger>,
    /// Calls that needed more than a magazine; the thread's own.
    errands: Tally,
    /// Calls that found the rack barred; the thread's own.
    refusals: Tally,
    /// The robbery whose bar is the last. Touched with the register's lock.
    pub(super) robbery: Tally,
    /// Intervals of decay that were over when the magazines were last looked through for it. Set by who may touch the
    /// magazines.
    intervals: Tally,
}

/// A rack as the pool's register knows it.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(crate) struct RackPointer(pub(super) NonNull<Rack>);

// SAFETY: a rack is taken off the register before its thread frees it. What other threads read of it are tallies; what
// they change they change while the latch keeps the thread out.
unsafe impl Send for RackPointer {}

impl RackPointer {
    /// # Safety
    /// 1. The rack is on the register, whose lock is held while the reference lives.
    pub(crate) unsafe fn rack(&self) -> &Rack {
        // SAFETY: clause 1: its thread takes it off the register, under that lock, before it frees it.
        unsafe { self.0.as_ref() }
    }
}

/// Calls that need more than a magazine between two looks at the clock.
const ERRANDS_A_LOOK: u64 = 64;

/// Calls that find their rack barred until its owner lifts the bar: what a robber's fence costs is a small part of what
/// they take.
const REFUSALS_A_LIFT: u64 = if cfg!(buffer_pool_loom) { 1 } else { 256 };

impl Rack {
    /// An empty rack of `core`'s, not on its register yet.
    pub(super) fn new(core: &Arc<Core>) -> Self {
        let sizes = core.classes().sizes();
        let magazine = |&size| Magazine::new(capacity_max(core.cache_bytes(), size));
        Self {
            core: Arc::clone(core),
            number: core.number(),
            latch: Latch::new(core.fence()),
            thread: Thread::current(),
            magazines: sizes.iter().map(magazine).collect(),
            ledger: TrackedCell::new(Ledger::new(sizes.len())),
            errands: Tally::new(0),
            refusals: Tally::new(0),
            robbery: Tally::new(0),
            intervals: Tally::new(core.decay().ended()),
        }
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn magazines(&self) -> *const Magazine {
        self.magazines.as_ptr()
    }

    /// An idle block of `class` that is at hand. `None` also when the rack is barred.
    ///
    /// # Safety
    /// 1. The rack is the calling thread's. 2. The pool has a budget, and such a class.
    #[inline(always)]
    pub(crate) unsafe fn pop(&self, class: usize) -> Option<Block> {
        let _held = self.latch.enter()?;
        // SAFETY: inside, so the magazines are this thread's for now, by clause 1; a magazine a class, clause 2.
        unsafe { self.magazines.get_unchecked(class).pop() }
    }

    /// Keeps `block` at hand; gives it back when there is no room or the rack is barred.
    ///
    /// # Safety
    /// As `pop`.
    #[inline(always)]
    pub(crate) unsafe fn push(&self, class: usize, block: Block) -> Result<(), Block> {
        match self.latch.enter() {
            // SAFETY: as in `pop`.
            Some(_held) => unsafe { self.magazines.get_unchecked(class).push(block) },
            None => Err(block),
        }
    }

    /// An idle block of `class`: at hand, or out of the depot with as many more as half the magazine holds. `None` also
    /// when the rack is barred: `Core` looks into the depot then.
    ///
    /// # Safety
    /// 1. The rack is the calling thread's.
    pub(crate) unsafe fn take(&self, class: usize) -> Option<Block> {
        let Some(_held) = self.enter() else {
            self.stay_out();
            return None;
        };
        let magazine = &self.magazines[class];
        // SAFETY: entered, so the magazines are this thread's for now, by clause 1.
        unsafe {
            if let Some(block) = magazine.pop() {
                return Some(block);
            }
            if !self.core.depot().seems_to_have(class) {
                return None;
            }
            self.grow(class);
            let wanted = magazine.capacity().div_ceil(2).max(1);
            let mut first = None;
            let taken = self.core.depot().take(class, wanted, |block| match first {
                None => first = Some(block),
                Some(_) => match magazine.push(block) {
                    Ok(()) => {}
                    Err(_) => unreachable!("half of an empty magazine has room"),
                },
            });
            let size = self.core.classes().sizes()[class];
            self.core.allowance().restore(class, size, taken);
            first.inspect(|_| magazine.passed())
        }
    }

    /// Keeps `block`, here or in the depot; gives it back when neither may, as the pool is closed or its caps on idle
    /// memory are reached, or when the rack is barred.
    ///
    /// # Safety
    /// 1. The rack is the calling thread's.
    pub(crate) unsafe fn put(&self, class: usize, block: Block) -> Result<(), Refused> {
        let Some(_held) = self.enter() else {
            self.stay_out();
            return Err(Refused::Barred(block));
        };
        // Without a budget: what would be kept here now would stay until the thread looks for racks of closed pools.
        if self.core.is_closed() {
            return Err(Refused::Full(block));
        }
        let magazine = &self.magazines[class];
        // SAFETY: entered, so the magazines are this thread's for now, by clause 1.
        unsafe {
            let Err(block) = magazine.push(block) else {
                return Ok(());
            };
            if !self.grow(class) {
                // Without any room the block goes straight to the depot.
                if magazine.len() == 0 {
                    return self.core.shelve(class, block).map_err(Refused::Full);
                }
                if !self.spill(class) {
                    // The caps are reached. What lies here is of use to this thread alone: half of it goes to the
                    // depot, and the room with it.
                    self.spill_with_room(class, magazine.len().div_ceil(2));
                    return Err(Refused::Full(block));
                }
            }
            magazine.push(block).map_err(Refused::Full)
        }
    }

    /// Counts a call that needed more than a magazine, and ends intervals that the pool has ended. Whether it is time to
    /// look at the clock.
    ///
    /// # Safety
    /// 1. The rack is the calling thread's.
    pub(crate) unsafe fn errand(&self) -> bool {
        if self.intervals_behind() > 0 {
            // SAFETY: clause 1.
            unsafe { self.end_intervals() };
        }
        let errands = self.errands.value().wrapping_add(1);
        self.errands.set(errands);
        errands.is_multiple_of(ERRANDS_A_LOOK)
    }

    /// How many intervals of decay the pool has ended that this rack has not.
    pub(crate) fn intervals_behind(&self) -> u64 {
        // Read before the pool's, which is never less: what ends in between only adds to the answer.
        let ended_here = self.intervals.value();
        self.core.decay().ended().saturating_sub(ended_here)
    }

    /// Moves blocks of the classes that the thread did not use since the last interval that it ended to the depot: as
    /// `Surplus` says. Room that they do not use goes back.
    ///
    /// # Safety
    /// 1. The rack is the calling thread's.
    pub(crate) unsafe fn end_intervals(&self) {
        let Some(_held) = self.enter() else { return };
        // SAFETY: entered, so the magazines are this thread's for now, by clause 1; there is no more surplus than blocks.
        unsafe {
            self.decay(|class, surplus| {
                self.spill_with_room(class, surplus);
            });
        }
    }

    /// Has the surplus of each class that served no request since this was called last taken away, and gives the room back
    /// that the class does not use.
    ///
    /// # Safety
    /// 1. The magazines are the calling thread's for now.
    pub(super) unsafe fn decay(&self, mut take: impl FnMut(usize, usize)) {
        let ended = self.core.decay().ended();
        let intervals = ended.saturating_sub(self.intervals.value());
        let intervals = u32::try_from(intervals).unwrap_or(u32::MAX);
        self.intervals.set(ended);
        for (class, magazine) in self.magazines.iter().enumerate() {
            let requests = magazine.served.value().wrapping_sub(magazine.moved.value());
            // SAFETY: clause 1.
            let before = self.ledger.with_mut(|ledger| unsafe {
                core::mem::replace(&mut (*ledger).requests[class], requests)
            });
            if requests == before {
                take(class, Surplus::of(magazine.len(), intervals));
                // SAFETY: clause 1; there is room for what is left.
                unsafe { self.shrink(class, magazine.len()) };
            }
        }
    }

    /// Gives all blocks to the depot, and those that it refuses to `refused`; gives all room back.
    ///
    /// # Safety
    /// 1. The rack is the calling thread's, and nothing is put into it any more.
    pub(super) unsafe fn clear(&self, refused: &mut Vec<Block>) {
        // Beforehand, as the allocator may be anyone's, and a robber may wait for who is inside. From here on there are
        // only ever fewer.
        refused.reserve(self.len());
        // Ends: after the bar was lifted only a robber that comes in between sets it again.
        let _held = loop {
            match self.enter() {
                Some(held) => break held,
                None => self.core.readmit(self),
            }
        };
        let before = refused.len();
        for (class, magazine) in self.magazines.iter().enumerate() {
            // SAFETY: entered, so the magazines are this thread's for now, by clause 1.
            unsafe {
                if active(Mutant::ExitForgets) {
                    continue;
                }
                self.spill_with_room(class, magazine.len());
                while let Some(block) = magazine.remove() {
                    refused.push(block);
                }
                self.shrink(class, 0);
            }
        }
        self.core.depot().departures().start(refused.len() - before);
    }

    /// Adds the idle blocks, and the requests that were served, to the sums of each class.
    pub(crate) fn count(&self, idle: &mut [u64], recycles: &mut [u64]) {
        for ((magazine, idle), recycles) in self.magazines.iter().zip(idle).zip(recycles) {
            let (len, served) = magazine.count();
            *idle += len;
            *recycles += served;
        }
    }

    /// Blocks that were put in so far.
    pub(crate) fn puts(&self) -> u64 {
        let kept = |sum: u64, magazine: &Magazine| sum.wrapping_add(magazine.kept.value());
        self.magazines.iter().fold(0, kept)
    }

    /// The right to touch the magazines, for the owner; `None` when the rack is barred.
    #[inline(always)]
    fn enter(&self) -> Option<Option<Held<'_>>> {
        match self.core.is_bounded() {
            true => self.latch.enter().map(Some),
            false => Some(None),
        }
    }

    /// Counts a call of the owner's that was refused. After enough of them it comes back, unless memory is as short as it
    /// was: what others wait for is best kept where everyone finds it.
    #[cold]
    fn stay_out(&self) {
        if self.latch.is_inside() {
            return;
        }
        let refusals = self.refusals.value().wrapping_add(1);
        self.refusals.set(refusals);
        if refusals.is_multiple_of(REFUSALS_A_LIFT) && !self.core.is_awaited() {
            self.core.readmit(self);
        }
    }

    /// Moves half of the blocks, the longest unused, to the depot. `false` when that takes none.
    ///
    /// # Safety
    /// 1. The magazines are the calling thread's for now.
    unsafe fn spill(&self, class: usize) -> bool {
        let size = self.core.classes().sizes()[class];
        let half = self.magazines[class].len().div_ceil(2);
        let count = self.core.allowance().reserve(class, size, half);
        // SAFETY: clause 1; there are at least so many blocks.
        if count > 0 && unsafe { self.shelve_oldest(class, count) } {
            return true;
        }
        self.core.allowance().restore(class, size, count);
        false
    }

    /// Moves `count` blocks, the longest unused, to the depot, and the room that they have with them. `false`, and
    /// nothing happens, when it is closed.
    ///
    /// # Safety
    /// 1. The magazines are the calling thread's for now. 2. There are so many blocks in it.
    unsafe fn spill_with_room(&self, class: usize, count: usize) -> bool {
        // SAFETY: clauses 1 and 2.
        unsafe {
            if count == 0 || !self.shelve_oldest(class, count) {
                return false;
            }
            let room = self.take_room(class, self.magazines[class].capacity() - count);
            debug_assert_eq!(room, count);
            let size = self.core.classes().sizes()[class];
            self.core.allowance().pass_on(class, size, room);
        }
        true
    }

    /// Moves `count` blocks to the depot, for which room is reserved there.
    ///
    /// # Safety
    /// 1. The magazines are the calling thread's for now. 2. There are so many blocks in it.
    unsafe fn shelve_oldest(&self, class: usize, count: usize) -> bool {
        let magazine = &self.magazines[class];
        let mut at = 0;
        // SAFETY: clauses 1 and 2; each is read once, and forgotten afterwards. `put` runs no foreign code in between.
        let put = self.core.depot().put(class, count, || unsafe {
            at += 1;
            magazine.oldest(at - 1)
        });
        if put.is_ok() {
            // SAFETY: as above.
            unsafe { magazine.forget_oldest(count) };
        }
        put.is_ok()
    }
}

/// Why a rack did not keep a block.
pub(crate) enum Refused {
    /// The pool is closed, or its caps on idle memory are reached.
    Full(Block),
    /// The rack was robbed, and is barred.
    Barred(Block),
}

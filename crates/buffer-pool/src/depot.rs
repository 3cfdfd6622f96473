//! The depot: idle blocks, in stripes that threads spread over.
//!
//! ```text
//!   stripe 0 (own cache lines)         stripe 1 ...
//!   +------------------------------+
//!   | nonempty: bit per class      |   a hint, read without the lock
//!   | mutex {                      |
//!   |   closed, idle_bytes         |
//!   |   shelf of class 0: b -> b   |   last in, first out, linked through the headers
//!   |   shelf of class 1: b        |
//!   | }                            |
//!   +------------------------------+
//! ```
//!
//! A thread has a home stripe. `take` locks the home stripe, or, when its hint says that the class is empty there, the
//! first other stripe whose hint says otherwise: one lock in all for a hit. `put` locks the home stripe; only when
//! the caps of the home stripe are reached does it try others. A stripe holds the shelves of all classes, so
//! that the idle bytes and the counters of statistics lie under the lock that is held anyway.
//!
//! The caps on idle memory are dealt out to the stripes beforehand, in shares that add up to them: they are never
//! passed, and no counter is shared.
//!
//! **Closing.** `closed` is set stripe by stripe, under the lock, in the same critical section that empties it. A
//! putter reads it in the critical section that pushes. So a block is either pushed before, and taken by the
//! closer, or refused, and destroyed by the putter: none stays behind.

use crate::block::{Block, Chain};
use crate::class::Classes;
use crate::departures::Departures;
use crate::mutant::{Mutant, active};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{CachePadded, Mutex, home};

/// What limits idle memory.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Caps {
    pub(crate) idle_bytes: usize,
    pub(crate) idle_per_class: usize,
    /// Stripes wished for.
    pub(crate) stripes: usize,
}

pub(crate) struct Depot {
    /// A power of two of them.
    stripes: Box<[CachePadded<Stripe>]>,
    departures: Departures,
}

struct Stripe {
    /// Bit `c` is set when the shelf of class `c` has blocks. Written under the lock, read without it. Relaxed: a hint.
    /// A wrong 0 costs a miss (before a bounded pool is called exhausted, `remove` looks under the locks), a wrong 1
    /// a look under the lock; blocks are published by the mutex.
    nonempty: AtomicU64,
    shelves: Mutex<Shelves>,
}

struct Shelves {
    closed: bool,
    idle_bytes: usize,
    /// This stripe's share of the cap; `idle_bytes` never exceeds it.
    idle_bytes_max: usize,
    shelves: Box<[Shelf]>,
}

struct Shelf {
    /// Capacity of the class.
    size: usize,
    /// At most `idle_max` blocks of this class.
    blocks: Chain,
    idle_max: usize,
    /// Blocks taken from here to serve a request.
    recycles: u64,
}

/// One class in one sum over the stripes.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct ShelfCount {
    pub(crate) idle: usize,
    pub(crate) recycles: u64,
}

impl Depot {
    pub(crate) fn new(classes: &Classes, caps: Caps) -> Self {
        // As many stripes as have a share that the largest block, and one block of each class, fits into.
        let by_bytes = caps.idle_bytes / classes.largest();
        let count = prev_power_of_two(caps.stripes.min(by_bytes).min(caps.idle_per_class));
        let stripe = |index: usize| {
            let idle_max =
                caps.idle_per_class / count + usize::from(index < caps.idle_per_class % count);
            let shelf = |&size: &usize| Shelf {
                size,
                blocks: Chain::new(),
                idle_max,
                recycles: 0,
            };
            CachePadded::new(Stripe {
                nonempty: AtomicU64::new(0),
                shelves: Mutex::new(Shelves {
                    closed: false,
                    idle_bytes: 0,
                    idle_bytes_max: caps.idle_bytes / count,
                    shelves: classes.sizes().iter().map(shelf).collect(),
                }),
            })
        };
        Self {
            stripes: (0..count).map(stripe).collect(),
            departures: Departures::new(),
        }
    }

    /// An idle block of `class`.
    #[inline]
    pub(crate) fn take(&self, class: usize) -> Option<Block> {
        let mask = self.stripes.len() - 1;
        let start = home();
        for offset in 0..=mask {
            let stripe = &self.stripes[(start + offset) & mask];
            // Relaxed: see the field.
            if stripe.nonempty.load(Ordering::Relaxed) & (1 << class) != 0
                && let Some(block) = stripe.take(class)
            {
                return Some(block);
            }
        }
        None
    }

    /// Keeps `block`, or gives it back when the depot is closed or full.
    ///
    /// # Safety
    /// 1. `depot` is valid until a stripe's lock is released with the block inside; afterwards it is not touched.
    ///    (The block's count may be all that keeps the depot alive, and whoever takes the block may drop it. That is
    ///    why this takes no reference.)
    pub(crate) unsafe fn put(
        depot: *const Self,
        class: usize,
        mut block: Block,
    ) -> Result<(), Block> {
        // SAFETY: valid by clause 1 until a push has succeeded; not used after that. References in locals, unlike those
        // in arguments, promise nothing about the time after their last use.
        let stripes = unsafe { &*(*depot).stripes };
        let start = home();
        for offset in 0..stripes.len() {
            let stripe: *const Stripe = &raw const *stripes[(start + offset) & (stripes.len() - 1)];
            // SAFETY: a stripe of the depot is valid as long as that is.
            match unsafe { Stripe::put(stripe, class, block) } {
                Ok(()) => return Ok(()),
                Err((refused, Refusal::Closed)) => return Err(refused),
                Err((refused, Refusal::Full)) => block = refused,
            }
        }
        Err(block)
    }

    /// Stripes, for callers that visit each with `remove` or `close`.
    pub(crate) fn stripes(&self) -> usize {
        self.stripes.len()
    }

    /// Blocks that `remove` and `close` have taken; whoever destroys one says so there.
    pub(crate) fn departures(&self) -> &Departures {
        &self.departures
    }

    /// Takes idle blocks out of one stripe, the largest first, until they have `bytes` or none is left.
    pub(crate) fn remove(&self, stripe: usize, bytes: usize) -> Chain {
        self.stripes[stripe].remove(bytes, false, &self.departures)
    }

    /// Closes one stripe for good and takes all its blocks.
    pub(crate) fn close(&self, stripe: usize) -> Chain {
        self.stripes[stripe].remove(usize::MAX, true, &self.departures)
    }

    /// Adds this moment's counts to `counts`, one a class.
    pub(crate) fn count(&self, counts: &mut [ShelfCount]) {
        for stripe in &self.stripes {
            let shelves = stripe.shelves.lock();
            for (count, shelf) in counts.iter_mut().zip(&shelves.shelves) {
                count.idle += shelf.blocks.len();
                count.recycles += shelf.recycles;
            }
        }
    }
}

/// Why a stripe did not keep a block.
enum Refusal {
    Closed,
    Full,
}

impl Stripe {
    #[inline]
    fn take(&self, class: usize) -> Option<Block> {
        #[cfg(buffer_pool_loom)]
        if active(Mutant::TakeInTwoSections) {
            return self.take_in_two_sections(class);
        }
        #[cfg(buffer_pool_loom)]
        if active(Mutant::UnlinkUnseen) {
            return self.take_seen(class);
        }
        let mut shelves = self.shelves.lock();
        let shelf = &mut shelves.shelves[class];
        let block = shelf.blocks.pop()?;
        shelf.recycles += 1;
        let (size, empty) = (shelf.size, shelf.blocks.is_empty());
        shelves.idle_bytes -= size;
        if empty {
            self.hint(class, false);
        }
        Some(block)
    }

    /// # Safety
    /// As [`Depot::put`], of the stripe.
    #[inline]
    unsafe fn put(stripe: *const Self, class: usize, block: Block) -> Result<(), (Block, Refusal)> {
        // SAFETY: valid by clause 1. A local that is not used after the guard's end: `hint` comes before it.
        let stripe = unsafe { &*stripe };
        let seen_open = active(Mutant::ClosedReadBeforeLock) && !stripe.shelves.lock().closed;
        let mut shelves = stripe.shelves.lock();
        if shelves.closed && !seen_open {
            return Err((block, Refusal::Closed));
        }
        let room = shelves.idle_bytes_max - shelves.idle_bytes;
        let shelf = &mut shelves.shelves[class];
        if shelf.size > room || shelf.blocks.len() >= shelf.idle_max {
            return Err((block, Refusal::Full));
        }
        let first = shelf.blocks.is_empty();
        shelf.blocks.push(block);
        let size = shelf.size;
        shelves.idle_bytes += size;
        if first {
            stripe.hint(class, true);
        }
        Ok(())
    }

    fn remove(&self, bytes: usize, close: bool, departures: &Departures) -> Chain {
        let mut removed = Chain::new();
        let mut sum = 0;
        let mut shelves = self.shelves.lock();
        shelves.closed |= close;
        for class in (0..shelves.shelves.len()).rev() {
            let shelf = &mut shelves.shelves[class];
            if shelf.blocks.is_empty() {
                continue;
            }
            while sum < bytes
                && let Some(block) = shelf.blocks.pop()
            {
                sum += shelf.size;
                removed.push(block);
            }
            if shelf.blocks.is_empty() {
                self.hint(class, false);
            }
        }
        shelves.idle_bytes -= sum;
        departures.start(removed.len());
        removed
    }

    /// Called with the lock held.
    #[inline]
    fn hint(&self, class: usize, nonempty: bool) {
        // Relaxed, and a load with a store rather than an exchange: only the holder of the lock writes.
        let bits = self.nonempty.load(Ordering::Relaxed);
        let bit = 1 << class;
        self.nonempty.store(
            if nonempty { bits | bit } else { bits & !bit },
            Ordering::Relaxed,
        );
    }

    #[cfg(buffer_pool_loom)]
    fn take_in_two_sections(&self, class: usize) -> Option<Block> {
        let duplicate = self.shelves.lock().shelves[class].blocks.duplicate_head()?;
        let mut shelves = self.shelves.lock();
        if let Some(block) = shelves.shelves[class].blocks.pop() {
            let _: Block = block;
            let size = shelves.shelves[class].size;
            shelves.idle_bytes -= size;
        }
        Some(duplicate)
    }

    #[cfg(buffer_pool_loom)]
    fn take_seen(&self, class: usize) -> Option<Block> {
        let seen = !self.shelves.lock().shelves[class].blocks.is_empty();
        let mut shelves = self.shelves.lock();
        let block = shelves.shelves[class].blocks.pop()?;
        shelves.idle_bytes -= block.capacity();
        seen.then_some(block)
    }
}

/// The largest power of two up to `number`; 1 for 0.
fn prev_power_of_two(number: usize) -> usize {
    1 << (usize::BITS - 1 - number.max(1).leading_zeros())
}

#[cfg(all(test, not(buffer_pool_loom)))]
mod tests {
    use super::*;

    fn shares(caps: Caps) -> (usize, usize, usize) {
        let depot = Depot::new(&Classes::default(), caps);
        let share = |stripe: &CachePadded<Stripe>| {
            let shelves = stripe.shelves.lock();
            (shelves.idle_bytes_max, shelves.shelves[0].idle_max)
        };
        let (bytes, blocks) = depot
            .stripes
            .iter()
            .map(share)
            .fold((0, 0), |sum, (bytes, blocks)| {
                (sum.0 + bytes, sum.1 + blocks)
            });
        (depot.stripes.len(), bytes, blocks)
    }

    #[test]
    fn shares_add_up_to_the_caps() {
        const MIB: usize = 1 << 20;
        let caps = |idle_bytes, idle_per_class| Caps {
            idle_bytes,
            idle_per_class,
            stripes: 8,
        };
        assert_eq!(shares(caps(64 * MIB, 1000)), (8, 64 * MIB, 1000));
        assert_eq!(shares(caps(64 * MIB, 13)), (8, 64 * MIB, 13));
        assert_eq!(shares(caps(64 * MIB, 3)), (2, 64 * MIB, 3));
        assert_eq!(shares(caps(5 * MIB, 1000)), (4, 5 * MIB, 1000));
        assert_eq!(shares(caps(MIB / 2, 1000)), (1, MIB / 2, 1000));
        assert_eq!(shares(caps(0, 0)), (1, 0, 0));
    }
}

//! The depot: idle blocks that lie in no thread's magazine, in stripes that threads spread over.
//!
//! ```text
//!   stripe 0 (own cache lines)         stripe 1 ...
//!   +------------------------------+
//!   | nonempty: bit per class      |   a hint, read without the lock
//!   | mutex {                      |
//!   |   closed, puts               |
//!   |   shelf of class 0: [b b b]  |   an array of blocks, last in, first out
//!   |   shelf of class 1: [b]      |
//!   | }                            |
//!   +------------------------------+
//! ```
//!
//! A thread has a home stripe. `take` locks the home stripe, or, when its hint says that the class is empty there, the
//! first other stripe whose hint says otherwise. `put` locks the home stripe. Both move many blocks in one critical
//! section, and touch none of them: only pointers are copied. Where an array must grow, its memory is allocated
//! outside of the lock.
//!
//! **Closing.** `closed` is set stripe by stripe, under the lock, in the same critical section that empties it. A
//! putter reads it in the critical section that pushes. So a block is either pushed before, and taken by the
//! closer, or refused, and destroyed by the putter: none stays behind.

mod allowance;
mod shelf;

use crate::block::Block;
use crate::decay::Surplus;
use crate::departures::Departures;
use crate::mutant::{Mutant, active};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{CachePadded, Mutex, home};

pub(crate) use allowance::Allowance;
use shelf::Shelf;

/// Blocks of which an array keeps the pointers while no lock is held.
pub(crate) const BATCH: usize = 64;

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
    /// Blocks put here so far: whoever sees the same number twice knows that none came in between.
    puts: u64,
    shelves: Box<[Shelf]>,
}

/// The depot was closed: it keeps nothing more.
#[derive(Debug)]
pub(crate) struct Closed;

impl Depot {
    /// With `stripes` rounded down to a power of two.
    pub(crate) fn new(sizes: &[usize], stripes: usize) -> Self {
        let stripe = |_| {
            CachePadded::new(Stripe {
                nonempty: AtomicU64::new(0),
                shelves: Mutex::new(Shelves {
                    closed: false,
                    puts: 0,
                    shelves: sizes.iter().map(|&size| Shelf::new(size)).collect(),
                }),
            })
        };
        let count = 1_usize << stripes.max(1).ilog2();
        Self {
            stripes: (0..count).map(stripe).collect(),
            departures: Departures::new(),
        }
    }

    /// Gives up to `most` idle blocks of `class` to `keep`; returns how many.
    pub(crate) fn take(&self, class: usize, most: usize, mut keep: impl FnMut(Block)) -> usize {
        let mask = self.stripes.len() - 1;
        let start = home();
        for offset in 0..=mask {
            let stripe = &self.stripes[(start + offset) & mask];
            // Relaxed: see the field.
            if stripe.nonempty.load(Ordering::Relaxed) & (1 << class) != 0 {
                let taken = stripe.take(class, most, &mut keep);
                if taken > 0 {
                    return taken;
                }
            }
        }
        0
    }

    /// Keeps `count` blocks of `class` that `next` hands over one after another; none when it is closed.
    pub(crate) fn put(
        &self,
        class: usize,
        count: usize,
        next: impl FnMut() -> Block,
    ) -> Result<(), Closed> {
        self.stripes[home() & (self.stripes.len() - 1)].put(class, count, next)
    }

    /// Stripes, for callers that visit each.
    pub(crate) fn stripes(&self) -> usize {
        self.stripes.len()
    }

    /// Blocks that `remove` and `remove_surplus` have taken, or that a rack was robbed of; whoever destroys one says so
    /// there.
    pub(crate) fn departures(&self) -> &Departures {
        &self.departures
    }

    /// Takes idle blocks out of one stripe, the largest first, until they have `bytes`, or are a batch, or none is
    /// left. Returns how many blocks were put there so far.
    pub(crate) fn remove(&self, stripe: usize, bytes: usize, into: &mut Vec<Block>) -> u64 {
        self.stripes[stripe].remove(bytes, into, &self.departures)
    }

    /// Closes one stripe for good: what it holds is left to `remove`.
    pub(crate) fn close(&self, stripe: usize) {
        self.stripes[stripe].shelves.lock().closed = true;
    }

    /// Ends the interval of one stripe: what lay there unused is to go, as `Surplus` says.
    pub(crate) fn end_interval(&self, stripe: usize, intervals: u32) {
        let mut shelves = self.stripes[stripe].shelves.lock();
        for shelf in &mut shelves.shelves {
            shelf.end_interval(|unused| Surplus::of(unused, intervals));
        }
    }

    /// Takes what is to go from one stripe, until it is a batch or none is left.
    pub(crate) fn remove_surplus(&self, stripe: usize, into: &mut Vec<Block>) {
        let stripe = &self.stripes[stripe];
        let mut shelves = stripe.shelves.lock();
        let before = into.len();
        for class in 0..shelves.shelves.len() {
            let shelf = &mut shelves.shelves[class];
            if shelf.remove_surplus(into) > 0 && shelf.len() == 0 {
                stripe.hint(class, false);
            }
        }
        self.departures.start(into.len() - before);
    }

    /// Whether a stripe seems to have blocks of `class`: a hint.
    pub(crate) fn seems_to_have(&self, class: usize) -> bool {
        // Relaxed: see the field.
        let has = |stripe: &CachePadded<Stripe>| {
            stripe.nonempty.load(Ordering::Relaxed) & (1 << class) != 0
        };
        self.stripes.iter().any(has)
    }

    /// Adds this moment's idle blocks to `idle`, one number a class.
    pub(crate) fn count(&self, idle: &mut [u64]) {
        for stripe in &self.stripes {
            let shelves = stripe.shelves.lock();
            for (count, shelf) in idle.iter_mut().zip(&shelves.shelves) {
                *count += shelf.len() as u64;
            }
        }
    }
}

impl Stripe {
    fn take(&self, class: usize, most: usize, keep: &mut impl FnMut(Block)) -> usize {
        #[cfg(buffer_pool_loom)]
        if active(Mutant::TakeInTwoSections) {
            return self.take_in_two_sections(class, keep);
        }
        #[cfg(buffer_pool_loom)]
        if active(Mutant::UnlinkUnseen) {
            return self.take_seen(class, keep);
        }
        let mut shelves = self.shelves.lock();
        let shelf = &mut shelves.shelves[class];
        let count = most.min(shelf.len());
        for _ in 0..count {
            shelf.pop().into_iter().for_each(&mut *keep);
        }
        if shelf.len() == 0 {
            self.hint(class, false);
        }
        count
    }

    fn put(
        &self,
        class: usize,
        count: usize,
        mut next: impl FnMut() -> Block,
    ) -> Result<(), Closed> {
        let seen_open = active(Mutant::ClosedReadBeforeLock) && !self.shelves.lock().closed;
        let mut spare = Vec::new();
        // Ends: the second array is large enough, unless others put as much as all there was meanwhile.
        loop {
            let mut shelves = self.shelves.lock();
            if shelves.closed && !seen_open {
                return Err(Closed);
            }
            let shelf = &mut shelves.shelves[class];
            if let Err(capacity) = shelf.make_room(count, &mut spare) {
                // The allocator may be anyone's: it is not called under the lock.
                drop(shelves);
                spare = Vec::with_capacity(capacity);
                continue;
            }
            (0..count).for_each(|_| shelf.push(next()));
            shelves.puts += count as u64;
            self.hint(class, true);
            // The array that was outgrown is freed after the lock, as it was declared before.
            return Ok(());
        }
    }

    fn remove(&self, bytes: usize, into: &mut Vec<Block>, departures: &Departures) -> u64 {
        let mut shelves = self.shelves.lock();
        let (before, mut sum) = (into.len(), 0);
        for class in (0..shelves.shelves.len()).rev() {
            let shelf = &mut shelves.shelves[class];
            if shelf.len() == 0 {
                continue;
            }
            while sum < bytes
                && into.len() < into.capacity()
                && let Some(block) = shelf.pop()
            {
                sum += shelf.size();
                into.push(block);
            }
            if shelf.len() == 0 {
                self.hint(class, false);
            }
        }
        departures.start(into.len() - before);
        shelves.puts
    }

    /// Called with the lock held.
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
    fn take_in_two_sections(&self, class: usize, keep: &mut impl FnMut(Block)) -> usize {
        let Some(duplicate) = self.shelves.lock().shelves[class].duplicate_last() else {
            return 0;
        };
        let mut shelves = self.shelves.lock();
        if let Some(block) = shelves.shelves[class].pop() {
            let _: Block = block;
        }
        keep(duplicate);
        1
    }

    #[cfg(buffer_pool_loom)]
    fn take_seen(&self, class: usize, keep: &mut impl FnMut(Block)) -> usize {
        let seen = self.shelves.lock().shelves[class].len() > 0;
        let mut shelves = self.shelves.lock();
        match shelves.shelves[class].pop() {
            Some(block) if seen => keep(block),
            _ => return 0,
        }
        1
    }
}

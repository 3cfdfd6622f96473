//! What robbers do to a rack: other threads in a pool with a budget, under the lock of its register, and its own thread
//! where all idle blocks are asked for.

use super::Magazine;
use super::rack::Rack;
use super::thread::Thread;
use crate::block::Block;

impl Rack {
    /// Takes blocks out, the largest first, until they have `bytes` or are a batch, or none is left. The room of
    /// magazines that are empty goes back. Returns how many blocks were put in so far.
    ///
    /// # Safety
    /// 1. In a pool with a budget, the register's lock is held. 2. The rack is the calling thread's, or barred, with a heavy
    ///    fence since.
    pub(crate) unsafe fn rob(&self, bytes: usize, into: &mut Vec<Block>) -> u64 {
        if !self.owner_is_outside() {
            return self.puts();
        }
        let (before, mut sum) = (into.len(), 0);
        for (class, magazine) in self.magazines.iter().enumerate().rev() {
            let size = self.core.classes().sizes()[class];
            while sum < bytes && into.len() < into.capacity() {
                // SAFETY: the owner is outside: this thread, or one that has left and stays out, by clause 2; and by clause 1
                // nobody else robs it.
                let Some(block) = (unsafe { magazine.remove() }) else {
                    break;
                };
                sum += size;
                into.push(block);
            }
            if magazine.len() == 0 {
                // SAFETY: as above.
                unsafe { self.shrink(class, 0) };
            }
        }
        self.core.depot().departures().start(into.len() - before);
        self.puts()
    }

    /// Takes a block of `class` for a request.
    ///
    /// # Safety
    /// As `rob`.
    pub(crate) unsafe fn steal(&self, class: usize) -> Option<Block> {
        if !self.owner_is_outside() {
            return None;
        }
        // SAFETY: the owner is outside, and stays there, by clauses 1 and 2.
        unsafe {
            let block = self.magazines[class].pop();
            if self.magazines[class].len() == 0 {
                self.shrink(class, 0);
            }
            block
        }
    }

    /// For a robber: waits until the owner is outside. `false` when that is this thread, which is inside.
    fn owner_is_outside(&self) -> bool {
        if self.is_own() {
            // Inside: an allocator that the pool calls in there has come here.
            return !self.latch.is_inside();
        }
        self.latch.wait();
        true
    }

    /// Whether there is a block of `class`; a hint, unless it is the owner who asks.
    pub(crate) fn seems_to_have(&self, class: usize) -> bool {
        self.magazines[class].count().0 > 0
    }

    /// Blocks in all magazines; a hint.
    pub(crate) fn len(&self) -> usize {
        let count = |magazine: &Magazine| magazine.count().0 as usize;
        self.magazines.iter().map(count).sum()
    }

    /// Keeps the owner out from the next heavy fence on; returns whether it was not already. With the register's lock.
    pub(crate) fn bar(&self, robbery: u64) -> bool {
        let open = self.latch.bar();
        if open {
            self.robbery.set(robbery);
        }
        open
    }

    /// Whether the owner is kept out since that robbery. With the register's lock.
    pub(crate) fn is_barred_by(&self, robbery: u64) -> bool {
        self.latch.is_barred() && self.robbery.value() == robbery
    }

    /// Whether the owner is kept out. With the register's lock.
    #[cfg(all(test, not(buffer_pool_loom)))]
    pub(crate) fn is_barred(&self) -> bool {
        self.latch.is_barred()
    }

    /// Whether the calling thread may rob the rack: its own, or one that is barred. With the register's lock.
    pub(crate) fn is_in_reach(&self) -> bool {
        self.is_own() || self.latch.is_barred()
    }

    /// Lets the owner in again. With the register's lock.
    pub(crate) fn lift(&self) {
        self.latch.lift();
    }

    /// Whether the rack is the calling thread's.
    pub(crate) fn is_own(&self) -> bool {
        self.thread.is_some() && self.thread == Thread::current()
    }

    /// Takes blocks that the owner did not use since the last interval that it ended: as `Surplus` says, and as far as
    /// there is room for them.
    ///
    /// # Safety
    /// As `rob`.
    pub(crate) unsafe fn rob_unused(&self, into: &mut Vec<Block>) {
        if !self.owner_is_outside() {
            return;
        }
        let before = into.len();
        // SAFETY: the owner is outside, and stays there, by clauses 1 and 2.
        unsafe {
            self.decay(|class, surplus| {
                let room = into.capacity() - into.len();
                let magazine = &self.magazines[class];
                into.extend((0..surplus.min(room)).map_while(|_| magazine.remove()));
            });
        }
        self.core.depot().departures().start(into.len() - before);
    }
}

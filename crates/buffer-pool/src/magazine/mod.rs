//! Magazines: idle blocks at hand for one thread (Bonwick and Adams, 2001).
//!
//! ```text
//!   thread A                               thread B
//!   table by the pool's number             table
//!     |  (thread-local, no destructor)       |
//!     v                                      v
//!   rack of pool 1   rack of pool 2        rack of pool 1        a magazine a class; registered with the pool
//!   [b b b|  ]       [b|]                  [b b|    ]
//!        \                 refill and spill, half a magazine at a time
//!         +-----------------------+----------+
//!                                 v
//!                     depot of pool 1, striped
//! ```
//!
//! | file | what it has |
//! |---|---|
//! | `mod` | a magazine: an array, and two numbers that are its length and its statistics at once |
//! | `rack` | a thread's magazines of one pool; how they refill, spill, and end |
//! | `robbery` | what is done to a rack by those who rob it |
//! | `room` | how many blocks each of them may hold |
//! | `thread` | where a thread finds its racks, and what becomes of them when it ends |
//! | `latch` | what owner and robber of a rack take turns by, in a pool with a budget |
//!
//! **Who touches a magazine.** In a pool without a budget its thread alone does, without an atomic
//! read-modify-write: a hit is a look into the thread's table, a comparison, and a pop. Other threads read the two numbers
//! for statistics only. A block goes to the magazine of the thread that releases it, whichever acquired it.
//!
//! In a pool with a budget an idle block in a sleeping thread's magazine may be what a request waits for. There any
//! thread may rob another's rack, and its owner takes turns with it by the rack's latch, which costs the owner no atomic
//! read-modify-write either: the robber pays for both. A robbed rack stays barred for a while, in which its owner uses
//! the depot: where memory is short, idle blocks are best kept where everyone finds them.
//! Blocks move between rack and depot inside the latch *and* under the stripe's lock, so that who looks through both
//! (`Core::reclaim`) misses one only if it was put somewhere meanwhile, which is counted, and makes it look again.
//!
//! **Room.** A magazine starts without any, and doubles its room when it is full, or refills, as long as the thread's
//! cache (`Builder::thread_cache_bytes`) and the magazines' half of the pool's caps on idle memory have some left. Room is
//! reserved beforehand, so that a release only compares a length with a capacity; its slots are there from the
//! beginning. The first block of each class does not count
//! against the thread's cache. When that is used up, room that other magazines do not use is taken back. Room goes back
//! also when it was not used for an interval of decay, and when the magazine was robbed of its last block.
//!
//! **Ends.** A thread that ends gives its blocks to the depot: by the destructor of a thread-local that the hit path
//! does not need. What other destructors release after that goes to the depot at once. Closing a pool empties the racks
//! of the closing thread, and, with a budget, those of all threads. In a pool without a budget the others notice
//! when they next need more than a magazine, of any pool, or end; until then they hold what their caches held. A rack is
//! freed by its own thread alone, never while that is inside of it: so the global allocator, which is called there when
//! an array of the depot grows, must not use pools.

mod latch;
mod rack;
mod robbery;
mod room;
mod thread;

use core::mem::MaybeUninit;

use crate::block::Block;
use crate::sync::{Tally, TrackedCell};

pub(crate) use rack::Refused;
pub(crate) use rack::{Rack, RackPointer};
#[cfg(all(test, buffer_pool_loom))]
pub(crate) use thread::leave;
pub(crate) use thread::{magazine, note_closing, own_rack, rack, rack_of, retire, sweep};

/// The most blocks of a magazine: beyond it the depot's lock is far away already.
const BLOCKS_MAX: usize = 64;

/// Whether `kept` is the length and nothing is counted: in a race alone, to measure what counting costs. Statistics are
/// wrong then, and so are pools with a budget, which count what was put.
const UNCOUNTED: bool = cfg!(buffer_pool_uncounted);

/// Idle blocks of one class at hand for one thread.
///
/// Its owner is the rack's thread, or who holds the rack's latch. Two magazines share no cache line.
#[repr(align(64))]
pub(crate) struct Magazine {
    /// Blocks put in so far. Set by the owner, read by anyone.
    kept: Tally,
    /// Blocks taken out so far; there are `kept - served` in it. Set by the owner, read by anyone.
    served: Tally,
    /// Those of them that served no request: they went to the depot, or were robbed. Set before `served`.
    moved: Tally,
    /// Touched by the owner only.
    slots: TrackedCell<Slots>,
}

struct Slots {
    /// Blocks that may be in it: room for so many is reserved. At most as many as `blocks` has.
    capacity: usize,
    /// The first `kept - served` are blocks, the last one put at the end.
    blocks: Box<[MaybeUninit<Block>]>,
}

impl Magazine {
    /// An empty one, in which there may be no more than `capacity_max` blocks ever.
    fn new(capacity_max: usize) -> Self {
        Self {
            kept: Tally::new(0),
            served: Tally::new(0),
            moved: Tally::new(0),
            slots: TrackedCell::new(Slots {
                capacity: 0,
                blocks: Box::new_uninit_slice(capacity_max),
            }),
        }
    }

    /// # Safety
    /// 1. The caller is the owner, and `touch` does not come back here.
    #[inline(always)]
    unsafe fn slots<R>(&self, touch: impl FnOnce(&mut Slots) -> R) -> R {
        // SAFETY: the slots are the owner's, clause 1, and no other reference to them is there.
        self.slots.with_mut(|slots| touch(unsafe { &mut *slots }))
    }

    #[inline(always)]
    fn served(&self) -> u64 {
        match UNCOUNTED {
            true => 0,
            false => self.served.value(),
        }
    }

    /// Counts so many blocks that go, of what the two numbers are now.
    #[inline(always)]
    fn count_out(&self, kept: u64, served: u64, count: u64) {
        match UNCOUNTED {
            true => self.kept.set(kept.wrapping_sub(count)),
            false => self.served.set(served.wrapping_add(count)),
        }
    }

    /// Blocks in it; of another thread's magazine a number that may be old.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.kept.value().wrapping_sub(self.served()) as usize
    }

    /// The block put in last.
    ///
    /// # Safety
    /// 1. The caller is the owner.
    #[inline(always)]
    pub(crate) unsafe fn pop(&self) -> Option<Block> {
        let (kept, served) = (self.kept.value(), self.served());
        if kept == served {
            return None;
        }
        self.count_out(kept, served, 1);
        let last = kept.wrapping_sub(served) as usize - 1;
        // SAFETY: clause 1. The slot at `last` is within `len`, so it holds a block, which is not in the magazine any
        // more.
        Some(unsafe { self.slots(|slots| slots.blocks.get_unchecked(last).assume_init_read()) })
    }

    /// Puts a block in, or gives it back when there is no room.
    ///
    /// # Safety
    /// 1. The caller is the owner.
    #[inline(always)]
    pub(crate) unsafe fn push(&self, block: Block) -> Result<(), Block> {
        let (kept, served) = (self.kept.value(), self.served());
        let len = kept.wrapping_sub(served) as usize;
        // SAFETY: clause 1; below the capacity there is a slot, and the ones from `len` on hold no block.
        unsafe {
            self.slots(|slots| {
                if len >= slots.capacity {
                    return Err(block);
                }
                slots.blocks.get_unchecked_mut(len).write(block);
                self.kept.set(kept.wrapping_add(1));
                Ok(())
            })
        }
    }

    /// Counts a block that came for a request and went past the magazine.
    ///
    /// # Safety
    /// 1. The caller is the owner.
    unsafe fn passed(&self) {
        let kept = self.kept.value().wrapping_add(1);
        self.kept.set(kept);
        self.count_out(kept, self.served(), 1);
    }

    /// Takes a block that serves no request.
    ///
    /// # Safety
    /// 1. The caller is the owner.
    unsafe fn remove(&self) -> Option<Block> {
        if self.len() == 0 {
            return None;
        }
        self.moved.set(self.moved.value().wrapping_add(1));
        // SAFETY: clause 1.
        unsafe { self.pop() }
    }

    /// Blocks in it, and requests that were served from it. Both may be old; neither is ever absurd.
    fn count(&self) -> (u64, u64) {
        // The owner goes on while this reads, and nothing orders its writes for others: a negative number is none. As
        // `moved` is set before `served`, and read after it, what is moved is not taken for served, where processors
        // keep to that order.
        let (served, moved) = (self.served.value(), self.moved.value());
        let len = self.kept.value().wrapping_sub(served) as i64;
        let requests = served.wrapping_sub(moved) as i64;
        (len.max(0) as u64, requests.max(0) as u64)
    }

    /// The block that was put in as number `at`, of those that are there.
    ///
    /// # Safety
    /// 1. The caller is the owner. 2. `at` is below the length. 3. The block is forgotten before the magazine is used
    ///    again, and asked for once.
    unsafe fn oldest(&self, at: usize) -> Block {
        debug_assert!(at < self.len());
        // SAFETY: clause 1; the slot holds a block, clause 2, of which this becomes the only value, clause 3.
        unsafe { self.slots(|slots| slots.blocks[at].assume_init_read()) }
    }

    /// Closes the gap that the first `count` blocks have left, which are somewhere else now.
    ///
    /// # Safety
    /// 1. The caller is the owner. 2. So many are there.
    unsafe fn forget_oldest(&self, count: usize) {
        let len = self.len();
        debug_assert!(count <= len);
        // SAFETY: clause 1; the first `len` slots are there, clause 2, and pointers are moved as they are.
        unsafe {
            self.slots(|slots| {
                let blocks = slots.blocks.as_mut_ptr();
                blocks.copy_from(blocks.add(count), len - count);
            });
        }
        self.moved
            .set(self.moved.value().wrapping_add(count as u64));
        self.count_out(self.kept.value(), self.served(), count as u64);
    }

    /// Blocks that may be in it.
    ///
    /// # Safety
    /// 1. The caller is the owner.
    unsafe fn capacity(&self) -> usize {
        // SAFETY: clause 1.
        unsafe { self.slots(|slots| slots.capacity) }
    }

    /// Sets how many blocks may be in it, at least as many as are, and at most as many as there are slots. Calls no
    /// allocator: the slots are there from the beginning.
    ///
    /// # Safety
    /// 1. The caller is the owner.
    unsafe fn set_capacity(&self, capacity: usize) {
        debug_assert!(capacity >= self.len());
        // SAFETY: clause 1.
        unsafe {
            self.slots(|slots| {
                assert!(
                    capacity <= slots.blocks.len(),
                    "a magazine has so many slots"
                );
                slots.capacity = capacity;
            });
        }
    }
}

#[cfg(all(test, not(buffer_pool_loom)))]
mod tests {
    use super::*;

    #[test]
    fn counts_read_while_their_owner_writes_are_not_absurd() {
        let magazine = Magazine::new(4);
        // A block is being moved: the one number tells of it, the other not yet.
        magazine.kept.set(1);
        magazine.moved.set(1);
        assert_eq!(magazine.count(), (1, 0));
        magazine.served.set(1);
        assert_eq!(magazine.count(), (0, 0));
        // And one was taken out that this thread does not know was put in.
        magazine.served.set(2);
        assert_eq!(magazine.count(), (0, 1));
    }
}

//! What the handles and the blocks of a pool share: source, classes, racks, depot, budget, counts.
//!
//! | file | what it has |
//! |---|---|
//! | `mod` | the core, its register of racks, its end |
//! | `recycle` | acquire and release: magazines first, then the depot |
//! | `supply` | new blocks: charged, created, or past the budget |
//! | `reclaim` | idle blocks that go back to the provider |
//! | `wait` | what is done for those who wait for memory |
//! | `adopt` | blocks of memory that comes from outside, or goes there |
//! | `counts` | what is counted where it is slow anyway, and the sums of statistics |
//!
//! **Lifetime.** Each handle, each rack and each block, lent or idle, holds one count of the core. Idle blocks lie in
//! racks and in the depot, which the core owns: that circle is broken by `close`, which the last handle's drop calls.
//! From then on every released block is destroyed, each thread gives its rack up, and the last of them frees the core.

mod adopt;
mod counts;
mod reclaim;
mod recycle;
mod supply;
mod wait;

use core::fmt;
use core::time::Duration;
use std::time::Instant;

use crate::block::{AnyProvider, Source};
use crate::budget::Budget;
use crate::builder::Exhaustion;
use crate::class::Classes;
use crate::decay::Decay;
use crate::depot::{Allowance, Depot};
use crate::leak::Leaks;
use crate::magazine::{self, Rack, RackPointer};
use crate::mutant::{Mutant, active};
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::sync::{Fence, Mutex, Tally};
use crate::wait::{Grant, Queue};
use counts::Counts;

/// Aligned so that `block::Home` has room for a class in a pointer to it.
#[repr(align(128))]
pub(crate) struct Core {
    /// By which the hit path knows the thread's rack: `number`, or `NO_RACK` when the hit path is not to be used. Set to
    /// that by `close`. A tally, so Relaxed: who still reads the number uses its own magazine once more, whose blocks go
    /// when the thread next looks for racks of closed pools; with a budget, it finds its rack barred.
    key: Tally,
    /// As `key`, by which the path of a pool with a budget knows it.
    latched_key: Tally,
    classes: Classes,
    /// No other pool has it.
    number: u64,
    /// Whether there is a budget, so that threads may rob each other's racks.
    bounded: bool,
    /// Set once by `close`, read where no idle block was found, and inside a rack. Relaxed: it decides
    /// between two answers that a call at the same time as `close` may both give; what must not be missed is under
    /// the stripes' mutexes and the racks' latches, or, for who looks for racks to give up, ordered by the count of
    /// closings (`magazine::sweep`).
    closed: AtomicBool,
    /// Handles of the pool. Written by their clones and drops; the one that takes it to zero closes the pool.
    /// Relaxed: it only picks that one; blocks and memory are handed over by mutexes and latches.
    handles: AtomicUsize,
    /// For racks that are robbed, in a pool with a budget.
    fence: Fence,
    cache_bytes: usize,
    source: Source,
    budget: Budget,
    allowance: Allowance,
    depot: Depot,
    register: Mutex<Register>,
    /// Requests that wait for memory; always empty without a budget.
    queue: Queue<Grant>,
    exhaustion: Exhaustion,
    decay: Decay,
    leaks: Leaks,
    /// Whether released memory is overwritten.
    poison: bool,
    counts: Counts,
}

/// The racks of all threads, and what those served that are gone.
struct Register {
    closed: bool,
    racks: Vec<RackPointer>,
    /// One a class.
    recycles: Box<[u64]>,
    /// Blocks that were put into the racks that are gone.
    puts: u64,
    /// How often racks were robbed, or were to be.
    robberies: u64,
}

/// What no pool has as its number.
const NO_RACK: u64 = u64::MAX;

/// What limits idle memory.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Caps {
    pub(crate) idle_bytes: usize,
    pub(crate) idle_per_class: usize,
    /// Of one thread's rack.
    pub(crate) cache_bytes: usize,
    /// Stripes of the depot.
    pub(crate) stripes: usize,
}

/// What a pool is built from.
pub(crate) struct Settings {
    pub(crate) provider: AnyProvider,
    pub(crate) classes: Classes,
    pub(crate) alignment: usize,
    pub(crate) max_bytes: usize,
    pub(crate) exhaustion: Exhaustion,
    pub(crate) caps: Caps,
    pub(crate) decay: Option<Duration>,
    /// One acquisition in so many is noted; 0: none.
    pub(crate) track: u32,
    /// Whether released memory is overwritten.
    pub(crate) poison: bool,
}

impl Core {
    /// A core with one handle.
    pub(crate) fn new(settings: Settings) -> Self {
        /// The number of the next pool; a table's empty places have 0.
        static NEXT: Tally = Tally::new(1);
        let Settings {
            provider,
            classes,
            alignment,
            max_bytes,
            exhaustion,
            caps,
            decay,
            track,
            poison,
        } = settings;
        let leaks = Leaks::new(track);
        let number = NEXT.next();
        let bounded = max_bytes != usize::MAX;
        // The hit paths look at nothing but magazines.
        let plain = !poison && !leaks.is_on();
        let count = classes.sizes().len();
        Self {
            key: Tally::new(if plain && !bounded { number } else { NO_RACK }),
            latched_key: Tally::new(if plain && bounded { number } else { NO_RACK }),
            number,
            bounded,
            closed: AtomicBool::new(false),
            handles: AtomicUsize::new(1),
            fence: match bounded {
                true => Fence::of_process(),
                false => Fence::full(),
            },
            cache_bytes: caps.cache_bytes,
            source: Source::new(provider, alignment),
            budget: Budget::new(max_bytes),
            allowance: Allowance::new(caps.idle_bytes, caps.idle_per_class, count),
            depot: Depot::new(classes.sizes(), caps.stripes),
            register: Mutex::new(Register {
                closed: false,
                racks: Vec::new(),
                recycles: vec![0; count].into(),
                puts: 0,
                robberies: 0,
            }),
            queue: Queue::new(),
            exhaustion,
            decay: Decay::new(decay, Instant::now()),
            leaks,
            poison,
            counts: Counts::new(count),
            classes,
        }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn is_bounded(&self) -> bool {
        self.bounded
    }

    pub(crate) fn fence(&self) -> Fence {
        self.fence
    }

    pub(crate) fn cache_bytes(&self) -> usize {
        self.cache_bytes
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    pub(crate) fn classes(&self) -> &Classes {
        &self.classes
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    pub(crate) fn allowance(&self) -> &Allowance {
        &self.allowance
    }

    pub(crate) fn depot(&self) -> &Depot {
        &self.depot
    }

    pub(crate) fn decay(&self) -> &Decay {
        &self.decay
    }

    pub(crate) fn leaks(&self) -> &Leaks {
        &self.leaks
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

    /// Lets other threads find `rack`; `false` when the pool is closed.
    pub(crate) fn register(&self, rack: RackPointer) -> bool {
        let mut spare = Vec::new();
        // Ends: the second array is large enough, unless as many threads came meanwhile.
        loop {
            let mut register = self.register.lock();
            if register.closed {
                return false;
            }
            let len = register.racks.len();
            if len == register.racks.capacity() {
                if spare.capacity() <= len {
                    // The allocator may be anyone's: it is not called under the lock.
                    drop(register);
                    spare = Vec::with_capacity(2 * len + 4);
                    continue;
                }
                spare.append(&mut register.racks);
                core::mem::swap(&mut spare, &mut register.racks);
            }
            register.racks.push(rack);
            return true;
        }
    }

    /// Lets the owner of `rack`, who calls this, in again. Of a closed pool too: the owner has read by then that it is
    /// closed, as whoever closed it had the register's lock afterwards; it gives the rack up before it next uses it.
    pub(crate) fn readmit(&self, rack: &Rack) {
        // No robber is there while this thread has the lock.
        let _register = (!active(Mutant::LiftUnlocked)).then(|| self.register.lock());
        rack.lift();
    }

    /// The rack, which is empty and its thread's own, is not found any more; what it served stays counted.
    pub(crate) fn unregister(&self, rack: RackPointer) {
        let mut idle = vec![0; self.classes.sizes().len()];
        let mut register = self.register.lock();
        let Some(at) = register.racks.iter().position(|&other| other == rack) else {
            return;
        };
        register.racks.swap_remove(at);
        // SAFETY: the rack was on the register until now, whose lock is held.
        let rack = unsafe { rack.rack() };
        register.puts = register.puts.wrapping_add(rack.puts());
        rack.count(&mut idle, &mut register.recycles);
        debug_assert!(idle.iter().all(|&idle| idle == 0), "blocks are left behind");
    }

    /// Destroys all idle blocks and keeps none from now on; wakes all who wait.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.key.set(NO_RACK);
        self.latched_key.set(NO_RACK);
        self.register.lock().closed = true;
        magazine::note_closing();
        for stripe in 0..self.depot.stripes() {
            self.depot.close(stripe);
        }
        self.reclaim(usize::MAX);
        magazine::retire(self.number);
        self.queue.close();
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferPool")
            .field("classes", &self.classes)
            .field("alignment", &self.source.alignment())
            .field("max_bytes", &self.budget.limit())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(buffer_pool_loom)))]
mod tests {
    use crate::BufferPool;
    use crate::sync::{Arc, locks_taken, thread};

    fn locks(work: impl FnOnce()) -> usize {
        let before = locks_taken();
        work();
        locks_taken() - before
    }

    #[test]
    fn a_hit_takes_no_lock_and_neither_does_its_release() {
        let unbounded = BufferPool::builder().stripes(4).build();
        let bounded = BufferPool::builder().max_bytes(64 << 20).build();
        for pool in [unbounded, bounded] {
            for size in [4096, 64 << 10, 1 << 20] {
                drop(pool.acquire(size));
                let mut held = None;
                assert_eq!(locks(|| held = Some(pool.acquire(size))), 0);
                assert_eq!(locks(|| held = None), 0);
                assert_eq!(locks(|| held = Some(pool.acquire_zeroed(size))), 0);
                let frozen = held.take().map(|buffer| buffer.freeze());
                assert_eq!(locks(|| drop(frozen.clone())), 0);
                assert_eq!(locks(|| drop(frozen)), 0);
            }
            assert_eq!(pool.stats().misses(), 3);
        }
    }

    #[test]
    fn blocks_of_a_thread_that_ended_cost_one_lock() {
        let pool = BufferPool::builder().stripes(4).build();
        thread::scope(|scope| {
            let two = || drop([pool.acquire(4096), pool.acquire(4096)]);
            scope.spawn(two).join().expect("no panic");
        });
        drop(pool.acquire(8192));
        let mut held = None;
        assert_eq!(locks(|| held = Some(pool.acquire(4096))), 1);
        assert_eq!((pool.stats().misses(), pool.stats().recycles()), (3, 1));
    }

    #[test]
    fn an_oversize_buffer_takes_no_lock() {
        let pool = BufferPool::new();
        assert_eq!(locks(|| drop(pool.acquire(2 << 20))), 0);
    }

    #[test]
    fn neither_acquire_nor_release_count_references() {
        let pool = BufferPool::new();
        let held: Vec<_> = (0..100).map(|_| pool.acquire(4096)).collect();
        let counts = || Arc::strong_count(pool.core());
        let before = counts();
        drop(held);
        let held: Vec<_> = (0..100).map(|_| pool.acquire(4096)).collect();
        assert_eq!(
            counts(),
            before,
            "each block has its count from creation on"
        );
        drop(held);
        pool.reclaim(usize::MAX);
        assert_eq!(counts(), 2, "the handle and the thread's rack");
    }
}

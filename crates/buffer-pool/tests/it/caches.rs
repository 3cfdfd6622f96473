//! What threads keep at hand: many pools on a thread, threads that sleep, threads that end.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use buffer_pool::{BufferPool, PooledBuf};

use crate::memory::Poisoned;

/// A thread that does what it is told, and sleeps otherwise.
pub(crate) struct Worker {
    jobs: mpsc::Sender<Box<dyn FnOnce() + Send>>,
    thread: JoinHandle<()>,
}

impl Worker {
    pub(crate) fn start() -> Self {
        let (jobs, inbox) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        let thread = thread::spawn(move || inbox.into_iter().for_each(|job| job()));
        Self { jobs, thread }
    }

    /// What `job` returns, run by the thread.
    pub(crate) fn run<R: Send + 'static>(&self, job: impl FnOnce() -> R + Send + 'static) -> R {
        let (result, outbox) = mpsc::sync_channel(1);
        let job = move || result.send(job()).expect("somebody waits");
        self.jobs.send(Box::new(job)).expect("the thread is there");
        outbox.recv().expect("the job does not panic")
    }

    /// Waits until the thread, and its destructors, are through.
    pub(crate) fn end(self) {
        drop(self.jobs);
        self.thread.join().expect("no job panicked");
    }
}

/// Some blocks at hand for the calling thread.
fn warm(pool: &BufferPool, blocks: usize) {
    drop((0..blocks).map(|_| pool.acquire(4096)).collect::<Vec<_>>());
}

#[test]
fn a_thread_has_many_pools() {
    // More than a thread's table has places.
    let memory = Poisoned::shared();
    let build = |_| BufferPool::builder().provider(memory.clone()).build();
    let pools: Vec<_> = (0..100).map(build).collect();
    for round in 0..3 {
        let held: Vec<_> = pools.iter().map(|pool| pool.acquire(5000)).collect();
        let places: HashSet<_> = held.iter().map(|buf| buf.as_ptr()).collect();
        assert_eq!(places.len(), 100);
        drop(held);
        for pool in &pools {
            let stats = pool.stats();
            assert_eq!((stats.misses(), stats.recycles()), (1, round));
        }
    }
    drop(pools);
    assert_eq!(memory.live_bytes(), 0);
}

#[test]
fn pools_that_come_and_go_leave_nothing_in_a_thread_that_stays() {
    let memory = Poisoned::shared();
    let worker = Worker::start();
    for _ in 0..100 {
        let pool = BufferPool::builder().provider(memory.clone()).build();
        let theirs = pool.clone();
        worker.run(move || warm(&theirs, 4));
        drop(pool);
        assert!(
            memory.live_bytes() < 8 * 4096 + 8192,
            "the pool before the last is gone: {}",
            memory.live_bytes()
        );
    }
    worker.run(|| warm(&BufferPool::new(), 1));
    assert_eq!(
        memory.live_bytes(),
        0,
        "a call to another pool lets go of the last"
    );
    worker.end();
}

#[test]
fn a_sleeping_thread_keeps_no_more_than_its_cache() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder()
        .provider(memory.clone())
        .thread_cache_bytes(16 << 10)
        .build();
    let worker = Worker::start();
    let theirs = pool.clone();
    worker.run(move || warm(&theirs, 100));
    assert_eq!(pool.stats().idle_bytes(), 100 * 4096);
    pool.reclaim(usize::MAX);
    let kept = pool.stats().idle_bytes();
    assert!((1..=(16 << 10) + 4096).contains(&kept), "{kept}");
    worker.end();
    assert_eq!(pool.stats().idle_bytes(), kept, "it is in the depot now");
    assert_eq!(pool.reclaim(usize::MAX) as u64, kept);
}

#[test]
fn with_a_budget_a_sleeping_thread_keeps_nothing_from_others() {
    let pool = BufferPool::builder().max_bytes(64 << 10).build();
    let workers: Vec<_> = (0..4).map(|_| Worker::start()).collect();
    for worker in &workers {
        let theirs = pool.clone();
        worker.run(move || warm(&theirs, 4));
    }
    let idle = pool.stats().idle_bytes();
    assert!((16 << 10..=64 << 10).contains(&idle), "{idle}");
    let all = pool.try_acquire(64 << 10).expect("nothing is lent");
    assert_eq!((pool.stats().idle_bytes(), all.capacity()), (0, 64 << 10));
    drop(all);
    for worker in &workers {
        let theirs = pool.clone();
        worker.run(move || warm(&theirs, 4));
    }
    pool.close();
    assert_eq!(pool.stats().charged_bytes, 0, "of all threads");
    workers.into_iter().for_each(Worker::end);
}

#[test]
fn sleeping_threads_do_not_use_the_idle_cap_up() {
    // Twice what the cap has, if each kept a block of each class.
    let pool = BufferPool::builder().max_idle_bytes(64 << 20).build();
    let workers: Vec<_> = (0..40).map(|_| Worker::start()).collect();
    for worker in &workers {
        let theirs = pool.clone();
        worker.run(move || {
            let sizes = theirs.classes().sizes().to_vec();
            sizes
                .into_iter()
                .for_each(|size| drop(theirs.acquire(size)));
        });
    }
    for size in [4096, 64 << 10, 1 << 20] {
        drop(pool.acquire(size));
        let before = pool.stats();
        (0..1000).for_each(|_| drop(pool.acquire(size)));
        let stats = pool.stats();
        let new = (
            stats.misses() - before.misses(),
            stats.discards() - before.discards(),
        );
        assert_eq!(new, (0, 0), "{size}");
    }
    workers.into_iter().for_each(Worker::end);
}

#[test]
fn an_idle_block_of_the_class_is_taken_from_a_sleeper_before_others_are_freed() {
    let pool = BufferPool::builder().max_bytes((1 << 20) + 4096).build();
    let worker = Worker::start();
    let theirs = pool.clone();
    let place = worker.run(move || {
        drop(theirs.acquire(1 << 20));
        theirs.acquire(4096).as_ptr() as usize
    });
    let buf = pool.acquire(4096);
    assert_eq!(buf.as_ptr() as usize, place, "the one that lay there");
    let stats = pool.stats();
    assert_eq!((stats.misses(), stats.recycles()), (2, 1));
    assert_eq!((stats.reclaimed(), stats.idle_bytes()), (0, 1 << 20));
    // And back: now the other one sleeps.
    drop(buf);
    let theirs = pool.clone();
    let again = worker.run(move || theirs.acquire(4096).as_ptr() as usize);
    assert_eq!((again, pool.stats().reclaimed()), (place, 0));
    worker.end();
}

#[test]
fn a_dropped_pool_goes_with_the_threads_that_used_it() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder().provider(memory.clone()).build();
    let (sleeper, caller) = (Worker::start(), Worker::start());
    for worker in [&sleeper, &caller] {
        let theirs = pool.clone();
        worker.run(move || warm(&theirs, 4));
    }
    drop(pool);
    let two = memory.live_bytes();
    caller.run(|| warm(&BufferPool::new(), 1));
    let one = memory.live_bytes();
    assert!(0 < one && one < two, "{one} of {two}");
    sleeper.end();
    assert_eq!(memory.live_bytes(), 0);
    caller.end();
}

#[test]
fn what_is_left_of_a_closed_pool_with_a_budget_goes_with_the_next_miss() {
    let memory = Poisoned::shared();
    let builder = BufferPool::builder().provider(memory.clone());
    let pool = builder.max_bytes(1 << 20).decay(None).build();
    let worker = Worker::start();
    let theirs = pool.clone();
    worker.run(move || warm(&theirs, 4));
    drop(pool);
    let left = memory.live_bytes();
    assert!(0 < left && left < 8192, "no block, but headers: {left}");
    let other = BufferPool::builder().max_bytes(1 << 20).build();
    worker.run(move || warm(&other, 1));
    assert_eq!(memory.live_bytes(), 0);
    worker.end();
}

#[test]
fn released_blocks_are_at_hand_for_the_thread_that_released_them() {
    let pool = BufferPool::new();
    let worker = Worker::start();
    let buf = pool.acquire(4096);
    let place = buf.as_ptr() as usize;
    let theirs = pool.clone();
    let again = worker.run(move || {
        drop(buf);
        theirs.acquire(4096)
    });
    assert_eq!(again.as_ptr() as usize, place);
    drop(again);
    assert_eq!(pool.acquire(4096).as_ptr() as usize, place);
    worker.end();
}

thread_local! {
    static FIRST: RefCell<Vec<PooledBuf>> = const { RefCell::new(Vec::new()) };
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// Uses a pool, and drops its last handle, as its thread ends.
struct Last {
    pool: BufferPool,
    held: PooledBuf,
    told: mpsc::Sender<u64>,
}

impl Drop for Last {
    fn drop(&mut self) {
        FIRST
            .try_with(|first| first.borrow_mut().clear())
            .unwrap_or_default();
        for _ in 0..3 {
            drop((self.pool.acquire(4096), self.pool.acquire_zeroed(10_000)));
        }
        self.held.extend_from_slice(b"still there");
        self.pool.close();
        self.told
            .send(self.pool.stats().outstanding())
            .expect("the test waits");
    }
}

/// Destructors of thread-locals run in the reverse order of their first use on glibc, and in any order elsewhere: the
/// pool's own are first used before or after those of the test.
#[test]
fn a_pool_is_used_and_dropped_while_its_thread_ends() {
    for bounded in [false, true] {
        for pool_first in [false, true] {
            let memory = Poisoned::shared();
            let (told, outstanding) = mpsc::channel();
            let builder = BufferPool::builder().provider(memory.clone());
            let pool = match bounded {
                true => builder.max_bytes(1 << 20).build(),
                false => builder.build(),
            };
            let thread = thread::spawn(move || {
                if pool_first {
                    warm(&pool, 3);
                }
                LAST.with(|_| ());
                FIRST.with_borrow_mut(|first| first.push(pool.acquire(4096)));
                let held = pool.acquire(6000);
                LAST.set(Some(Last { pool, held, told }));
            });
            thread.join().expect("no panic");
            assert_eq!(outstanding.recv(), Ok(1), "the one that the thread holds");
            assert_eq!(memory.live_bytes(), 0);
        }
    }
}

#[test]
fn many_short_lived_threads_share_the_blocks_of_few() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder()
        .provider(memory.clone())
        .max_bytes(1 << 20)
        .build();
    for _ in 0..300 {
        let pool = pool.clone();
        thread::spawn(move || warm(&pool, 8)).join().unwrap();
    }
    let stats = pool.stats();
    assert_eq!((stats.acquires(), stats.outstanding()), (2400, 0));
    assert_eq!((stats.misses(), stats.recycles()), (8, 2392));
    drop(pool);
    assert_eq!(memory.live_bytes(), 0);
}

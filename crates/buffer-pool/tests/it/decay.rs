//! Idle memory goes back to the system when it is not needed.
#![cfg(target_os = "linux")]

use std::alloc::Layout;
use std::fs;
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

use buffer_pool::{BufferPool, ClassStats};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use slab_core::{ProvideError, Provider};

use crate::caches::Worker;

/// A mapping of its own for each block, so that what is given back is gone.
struct Mapped;

// SAFETY: the kernel's mappings: of whole pages, zero, apart from all others, at one address until they are unmapped.
unsafe impl Provider for Mapped {
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        assert!(layout.align() <= 4096, "pages are aligned to no more");
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping, placed by the kernel.
        let block =
            unsafe { mmap_anonymous(ptr::null_mut(), layout.size(), access, MapFlags::PRIVATE) };
        let block = block.map_err(|_| ProvideError::Exhausted)?;
        NonNull::new(block.cast()).ok_or(ProvideError::Exhausted)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: a mapping of this size, which nobody uses any more, by the caller's clauses.
        unsafe { munmap(block.as_ptr().cast(), layout.size()) }.expect("a mapping can be unmapped");
    }
}

/// Bytes of this process that are in memory.
fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").expect("Linux tells");
    let pages = statm.split(' ').nth(1).expect("the second number");
    pages.parse::<usize>().expect("a number of pages") * 4096
}

const MIB: usize = 1 << 20;
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn resident_memory_falls_after_decay() {
    // Far more than all other tests of this process use meanwhile.
    const BLOCKS: usize = 384;
    let builder = BufferPool::builder().provider(Mapped).decay(Some(SECOND));
    let pool = builder.max_idle_bytes(usize::MAX).build();
    let start = Instant::now();
    let before = resident_bytes();
    let mut held: Vec<_> = (0..BLOCKS).map(|_| pool.acquire(MIB)).collect();
    for buf in &mut held {
        buf.resize(MIB, 1);
    }
    drop(held);
    let full = resident_bytes();
    assert!(full > before + BLOCKS * MIB * 3 / 4, "{before} {full}");
    // The first interval had the buffers in use: nothing lay idle all the time.
    assert!(pool.maintain(start + SECOND) <= MIB);
    for interval in 2..20 {
        pool.maintain(start + interval * SECOND);
    }
    let after = resident_bytes();
    assert!(after < full - BLOCKS * MIB * 3 / 4, "{full} {after}");
    assert_eq!(pool.stats().idle_bytes(), 0);
}

#[test]
fn what_is_needed_in_each_interval_stays() {
    let pool = BufferPool::builder().decay(Some(SECOND)).build();
    let start = Instant::now();
    let wave = |blocks: usize| {
        drop(
            (0..blocks)
                .map(|_| pool.acquire(64 << 10))
                .collect::<Vec<_>>(),
        )
    };
    wave(200);
    for interval in 1..30 {
        wave(50);
        pool.maintain(start + interval * SECOND);
    }
    let idle = pool.stats().classes[8].idle;
    assert!((50..60).contains(&idle), "{idle} of 200 for waves of 50");
    let misses = pool.stats().misses();
    wave(50);
    assert_eq!(pool.stats().misses(), misses);
}

#[test]
fn half_goes_an_interval() {
    let pool = BufferPool::builder().decay(Some(SECOND)).build();
    assert_eq!(pool.prewarm(64 << 10, 64), Ok(64));
    let start = Instant::now() + SECOND;
    let idle = || pool.stats().idle_bytes() / (64 << 10);
    pool.maintain(start);
    assert_eq!(idle(), 64, "the interval began with none");
    pool.maintain(start + SECOND / 2);
    assert_eq!(idle(), 64, "no interval has ended");
    pool.maintain(start + SECOND);
    assert_eq!(idle(), 32);
    pool.maintain(start + 3 * SECOND);
    assert_eq!(idle(), 8, "two intervals have ended");
    assert_eq!(pool.stats().reclaimed(), 56);
}

#[test]
fn without_an_interval_nothing_decays() {
    let pool = BufferPool::builder().decay(None).build();
    assert_eq!(pool.prewarm(64 << 10, 64), Ok(64));
    for hour in 1..10 {
        assert_eq!(pool.maintain(Instant::now() + hour * 3600 * SECOND), 0);
    }
}

#[test]
fn decay_gives_the_room_of_idle_blocks_back() {
    let builder = BufferPool::builder().max_idle_per_class(4);
    let pool = builder.decay(Some(SECOND)).build();
    let start = Instant::now();
    assert_eq!(pool.prewarm(4096, 4), Ok(4));
    for second in 1..10 {
        pool.maintain(start + second * SECOND);
    }
    assert_eq!(pool.stats().idle_bytes(), 0);
    assert_eq!(pool.prewarm(4096, 8), Ok(4));
}

#[test]
fn decay_gives_the_room_of_unused_magazines_back() {
    let builder = BufferPool::builder().max_idle_per_class(4);
    let pool = builder.decay(Some(SECOND)).build();
    let start = Instant::now();
    // In the magazine, and from there to the depot, which decays.
    drop([pool.acquire(4096), pool.acquire(4096)]);
    for second in 1..20 {
        pool.maintain(start + second * SECOND);
    }
    assert_eq!(pool.stats().idle_bytes(), 0);
    assert_eq!(pool.prewarm(4096, 8), Ok(4));
}

/// Idle blocks of the largest class.
fn large(pool: &BufferPool) -> u64 {
    pool.stats()
        .classes
        .last()
        .map_or(0, |class: &ClassStats| class.idle)
}

#[test]
fn classes_that_another_thread_does_not_use_any_more_decay() {
    let builder = || BufferPool::builder().decay(Some(SECOND));
    for pool in [builder().build(), builder().max_bytes(64 << 20).build()] {
        let start = Instant::now();
        let worker = Worker::start();
        let theirs = pool.clone();
        worker.run(move || drop(theirs.acquire(MIB)));
        for interval in 1..8 {
            let theirs = pool.clone();
            // More than a magazine has: calls that are slow.
            let wave = move || drop((0..200).map(|_| theirs.acquire(4096)).collect::<Vec<_>>());
            worker.run(wave);
            pool.maintain(start + interval * SECOND);
        }
        assert_eq!(large(&pool), 0);
        worker.end();
    }
}

#[test]
fn what_a_sleeping_thread_keeps_decays_where_there_is_a_budget() {
    let builder = || BufferPool::builder().decay(Some(SECOND));
    for (pool, left) in [
        (builder().build(), 1),
        (builder().max_bytes(64 << 20).build(), 0),
    ] {
        let start = Instant::now();
        let worker = Worker::start();
        let theirs = pool.clone();
        worker.run(move || {
            drop((
                theirs.acquire(MIB),
                theirs.acquire(4096),
                theirs.acquire(4096),
            ))
        });
        for interval in 1..8 {
            pool.maintain(start + interval * SECOND);
        }
        assert_eq!(large(&pool), left);
        let idle = pool.stats().idle_bytes();
        assert_eq!(idle, left * (MIB as u64 + 8192));
        worker.end();
    }
}

//! The defects of the pool that this one replaces, each as a test that fails if it comes back. (Its two locks an
//! acquire are tested beside `Core`, where locks can be counted.)

use buffer_pool::BufferPool;
use slab_core::{Counting, Global};

use crate::memory::Shared;

#[test]
fn reuse_clears_nothing_unasked() {
    let pool = BufferPool::new();
    pool.acquire(1 << 20).resize(1 << 20, 0x5A);
    let stale = pool.acquire_stale(1 << 20);
    assert!(
        stale.iter().all(|&byte| byte == 0x5A),
        "acquire_stale left what it found"
    );
    drop(stale);
    let mut plain = pool.acquire(1 << 20);
    plain.extend_from_slice(b"front");
    drop(plain);
    let stale = pool.acquire_stale(1 << 20);
    assert!(stale.starts_with(b"front") && stale[5..].iter().all(|&byte| byte == 0x5A));
    assert_eq!(pool.stats().misses(), 1);
}

#[test]
fn no_public_release_of_foreign_memory() {
    // There is no call that takes a buffer: a drop finds the pool that it came from (`Core::release` shows that a Vec
    // does not compile).
    let memory = [(); 2].map(|()| Shared::new(Counting::new(Global)));
    let pools = memory
        .clone()
        .map(|memory| BufferPool::builder().provider(memory.clone()).build());
    let mut bufs: Vec<_> = (0..8).map(|n| pools[n % 2].acquire(4096)).collect();
    bufs.swap(0, 1);
    let (first, second) = bufs.split_at_mut(4);
    std::mem::swap(&mut first[0], &mut second[1]);
    drop(bufs);
    for pool in &pools {
        assert_eq!(
            (pool.stats().classes[0].idle, pool.stats().outstanding()),
            (4, 0)
        );
    }
    drop(pools);
    assert_eq!(memory.map(|memory| memory.live_bytes()), [0, 0]);
}

#[test]
fn idle_bytes_are_trimmed() {
    const MIB: usize = 1 << 20;
    let memory = Shared::new(Counting::new(Global));
    let pool = BufferPool::builder()
        .provider(memory.clone())
        .max_idle_bytes(4 * MIB)
        .build();
    let burst: Vec<_> = (0..64).map(|n| pool.acquire(64 << (10 + n % 5))).collect();
    let peak = pool.stats().live_bytes();
    assert!(peak > 20 * MIB as u64);
    drop(burst);
    let stats = pool.stats();
    assert!(
        stats.idle_bytes() <= 4 * MIB as u64 && stats.idle_bytes() > 2 * MIB as u64,
        "{}",
        stats.idle_bytes()
    );
    assert_eq!(stats.charged_bytes, stats.idle_bytes());
    assert!(
        memory.live_bytes() < 4 * MIB + 64 * 512,
        "the rest went back to the provider"
    );
    assert_eq!(
        (
            stats.peak_bytes,
            stats.discards() + stats.classes.iter().map(|class| class.idle).sum::<u64>()
        ),
        (peak, 64)
    );

    // Unless told otherwise a pool trims as well.
    let pool = BufferPool::builder().provider(memory.clone()).build();
    drop((0..140).map(|_| pool.acquire(MIB)).collect::<Vec<_>>());
    assert!(pool.stats().idle_bytes() <= BufferPool::MAX_IDLE_BYTES_DEFAULT as u64);
}

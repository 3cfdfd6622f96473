//! The budget, the caps on idle memory, reclaim, prewarm, close.

use buffer_pool::{AcquireError, BufferPool, Classes, Exhaustion};

use crate::memory::Poisoned;

const KIB: usize = 1024;

#[test]
fn the_budget_is_strict_and_overflow_is_counted() {
    let pool = BufferPool::builder()
        .max_bytes(64 * KIB)
        .exhaustion(Exhaustion::Overflow)
        .build();
    let held: Vec<_> = (0..16)
        .map(|_| pool.try_acquire(4 * KIB).unwrap())
        .collect();
    let refused = pool.try_acquire(1).unwrap_err();
    assert_eq!(
        refused,
        AcquireError::Exhausted {
            max_bytes: 64 * KIB
        }
    );
    let past = pool.acquire_zeroed(5000);
    assert_eq!(
        (past.len(), past.capacity()),
        (5000, 6 * KIB),
        "as a pooled one would be"
    );
    let stats = pool.stats();
    assert_eq!(
        (stats.overflow, stats.overflow_bytes, stats.refused),
        (1, 6144, 1)
    );
    assert_eq!(
        (stats.charged_bytes, stats.peak_bytes, stats.outstanding()),
        (65536, 65536, 17)
    );
    drop((past, held));
    let stats = pool.stats();
    assert_eq!(
        (stats.overflow, stats.overflow_bytes, stats.unpooled),
        (1, 0, 0)
    );
    assert_eq!(
        (stats.idle_bytes(), stats.charged_bytes),
        (65536, 65536),
        "overflow is not kept"
    );
}

#[test]
fn idle_blocks_of_all_classes_are_reclaimed_before_a_refusal() {
    let pool = BufferPool::builder().max_bytes(64 * KIB).build();
    drop((
        pool.acquire(4 * KIB),
        pool.acquire(8 * KIB),
        pool.acquire(48 * KIB),
    ));
    assert_eq!(pool.stats().idle_bytes(), 60 * KIB as u64);
    let whole = pool.try_acquire(64 * KIB).unwrap();
    let stats = pool.stats();
    assert_eq!(
        (stats.idle_bytes(), stats.charged_bytes, stats.reclaimed()),
        (0, 65536, 3)
    );
    drop(whole);
    let page = pool.acquire(4 * KIB);
    assert_eq!(
        (pool.stats().overflow, pool.stats().charged_bytes),
        (0, 4096),
        "acquire reclaims too"
    );
    drop(page);
}

#[test]
fn only_what_is_needed_is_reclaimed() {
    let pool = BufferPool::builder().max_bytes(64 * KIB).stripes(1).build();
    let pages: Vec<_> = (0..16).map(|_| pool.acquire(4 * KIB)).collect();
    drop(pages);
    let buf = pool.try_acquire(8 * KIB).unwrap();
    assert_eq!(pool.stats().idle_bytes(), 56 * KIB as u64);
    drop(buf);
}

#[test]
fn requests_above_the_budget() {
    let pool = BufferPool::builder()
        .max_bytes(5000)
        .exhaustion(Exhaustion::Overflow)
        .build();
    let small = pool.try_acquire(4096).unwrap();
    drop(small);
    let oversize = AcquireError::Oversize {
        requested: 4097,
        limit: 5000,
    };
    assert_eq!(
        pool.try_acquire(4097).unwrap_err(),
        oversize,
        "its class is larger than the budget"
    );
    assert_eq!(pool.acquire(4097).capacity(), 6144);
    assert_eq!(pool.stats().overflow, 1);
    assert_eq!(
        pool.stats().idle_bytes(),
        4096,
        "nothing was reclaimed in vain"
    );
    assert_eq!(pool.acquire(2 << 20).capacity(), 2 << 20);
    assert!(matches!(
        pool.try_acquire(usize::MAX),
        Err(AcquireError::Oversize { .. })
    ));
    assert_eq!(pool.stats().overflow, 2);

    let nothing = BufferPool::builder()
        .max_bytes(0)
        .exhaustion(Exhaustion::Overflow)
        .build();
    assert!(matches!(
        nothing.try_acquire(0),
        Err(AcquireError::Oversize { .. })
    ));
    assert_eq!(nothing.acquire_stale(10).len(), 10);
    assert_eq!(
        (nothing.stats().charged_bytes, nothing.stats().overflow),
        (0, 1)
    );
    assert_eq!(
        (nothing.max_bytes(), BufferPool::new().max_bytes()),
        (Some(0), None)
    );
}

#[test]
fn oversize_blocks_are_charged() {
    let pool = BufferPool::builder().max_bytes(4 << 20).build();
    let large = pool.try_acquire(3 << 20).unwrap();
    assert!(pool.try_acquire(3 << 20).is_err());
    assert_eq!(pool.stats().charged_bytes, 3 << 20);
    drop(large);
    assert_eq!(pool.stats().charged_bytes, 0);
    assert!(pool.try_acquire(3 << 20).is_ok());
}

#[test]
fn idle_blocks_of_a_class_are_capped() {
    for cap in [0, 1, 3, 10] {
        let pool = BufferPool::builder()
            .max_idle_per_class(cap)
            .stripes(4)
            .build();
        let held: Vec<_> = (0..12).map(|n| pool.acquire(4096 * (1 + n % 2))).collect();
        drop(held);
        let stats = pool.stats();
        let kept = cap.min(6) as u64;
        assert_eq!(
            (stats.classes[0].idle, stats.classes[2].idle),
            (kept, kept),
            "cap {cap}"
        );
        assert_eq!(stats.discards(), 12 - 2 * kept);
    }
}

#[test]
fn a_class_above_the_cap_on_idle_bytes_is_never_kept() {
    let pool = BufferPool::builder().max_idle_bytes(8192).build();
    drop((
        pool.acquire(1 << 20),
        pool.acquire(8192),
        pool.acquire(4096),
    ));
    assert!(pool.stats().idle_bytes() <= 8192);
    assert!(pool.stats().discards() >= 1);
}

#[test]
fn reclaim_gives_the_room_of_idle_blocks_back() {
    let per_class = BufferPool::builder().max_idle_per_class(4).build();
    let in_bytes = BufferPool::builder().max_idle_bytes(4 * 4096).build();
    for pool in [per_class, in_bytes] {
        for round in 0..3 {
            assert_eq!(pool.prewarm(4096, 8), Ok(4), "round {round}");
            assert_eq!(pool.reclaim(usize::MAX), 4 * 4096);
        }
    }
}

#[test]
fn what_is_robbed_gives_the_room_of_the_magazine_back() {
    let builder = BufferPool::builder().max_idle_per_class(4);
    for pool in [builder.max_bytes(1 << 20).build(), capped(4)] {
        drop((0..4).map(|_| pool.acquire(4096)).collect::<Vec<_>>());
        assert_eq!(pool.stats().idle_bytes(), 4 * 4096);
        assert_eq!(pool.reclaim(usize::MAX), 4 * 4096);
        assert_eq!(pool.prewarm(4096, 8), Ok(4));
    }
}

#[test]
fn what_headers_lay_in_goes_back_when_all_is_reclaimed() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder()
        .provider(memory.clone())
        .classes(Classes::down_to(64))
        .build();
    drop((0..5000).map(|_| pool.acquire(64)).collect::<Vec<_>>());
    let full = memory.live_bytes();
    assert_eq!(pool.reclaim(64), 64);
    assert!(memory.live_bytes() + 4096 > full, "no more than was asked");
    assert_eq!(pool.reclaim(usize::MAX), 4999 * 64);
    assert!(memory.live_bytes() <= 4096, "{}", memory.live_bytes());
}

fn capped(blocks: usize) -> BufferPool {
    BufferPool::builder().max_idle_per_class(blocks).build()
}

#[test]
fn a_class_mix_that_changes_within_a_budget_discards_nothing() {
    let pool = BufferPool::builder().max_bytes(64 << 20).build();
    for turn in 0..8 {
        let size = [64 * KIB, 1 << 20][turn % 2];
        let wave: Vec<_> = (0..(64 << 20) / size).map(|_| pool.acquire(size)).collect();
        drop(wave);
        assert_eq!(pool.stats().idle_bytes(), 64 << 20, "turn {turn}");
    }
    assert_eq!(pool.stats().discards(), 0);
}

#[test]
fn reclaim_frees_what_was_asked() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder()
        .provider(memory.clone())
        .stripes(2)
        .build();
    assert_eq!(pool.reclaim(usize::MAX), 0);
    let live = pool.acquire(4096);
    drop((0..8).map(|_| pool.acquire(64 * KIB)).collect::<Vec<_>>());
    assert_eq!(pool.reclaim(0), 0);
    assert_eq!(pool.reclaim(100 * KIB), 128 * KIB);
    assert_eq!(pool.stats().idle_bytes(), 6 * 64 * KIB as u64);
    assert_eq!(pool.reclaim(usize::MAX), 6 * 64 * KIB);
    assert_eq!(
        (pool.stats().reclaimed(), pool.stats().charged_bytes),
        (8, 4096)
    );
    assert!(
        memory.live_bytes() < 2 * 4096 + 1024,
        "a block, and a slab of headers"
    );
    drop(live);
}

#[test]
fn prewarmed_blocks_are_hit_and_zero() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder()
        .provider(memory.clone())
        .max_bytes(64 * KIB)
        .build();
    assert_eq!(pool.prewarm(4 * KIB, 3), Ok(3));
    assert_eq!(
        (pool.stats().idle_bytes(), pool.stats().acquires()),
        (12288, 0)
    );
    let before = memory.allocations();
    assert_eq!(*pool.acquire_stale(4096), [0; 4096]);
    assert_eq!(memory.allocations(), before);
    assert_eq!(
        pool.prewarm(4 * KIB, 100),
        Err(AcquireError::Exhausted {
            max_bytes: 64 * KIB
        })
    );
    assert_eq!(
        pool.stats().idle_bytes(),
        65536,
        "what was created before the error stays"
    );
    assert!(matches!(
        pool.prewarm(2 << 20, 1),
        Err(AcquireError::Unpooled { .. })
    ));
    assert!(matches!(
        pool.prewarm(1 << 20, 1),
        Err(AcquireError::Oversize { .. })
    ));
    pool.close();
    assert_eq!(pool.prewarm(1, 1), Err(AcquireError::Closed));

    let capped = BufferPool::builder().max_idle_per_class(5).build();
    assert_eq!(capped.prewarm(4096, 100), Ok(5));
    assert_eq!(capped.stats().charged_bytes, 5 * 4096);
}

#[test]
fn a_closed_pool_keeps_nothing() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder().provider(memory.clone()).build();
    let (live, idle) = (pool.acquire(4096), pool.acquire(4096));
    drop(idle);
    let other = pool.clone();
    other.close();
    other.close();
    assert!(pool.is_closed());
    assert_eq!(pool.stats().idle_bytes(), 0);
    assert_eq!(pool.try_acquire(1).unwrap_err(), AcquireError::Closed);
    assert_eq!(pool.acquire_zeroed(100).len(), 100);
    drop(live);
    let stats = pool.stats();
    assert_eq!(
        (stats.idle_bytes(), stats.charged_bytes, stats.outstanding()),
        (0, 0, 0)
    );
    assert_eq!(
        (stats.discards(), stats.reclaimed(), stats.refused),
        (2, 1, 1)
    );
    assert!(
        memory.live_bytes() < 4096 + 1024,
        "a slab of headers at most"
    );
    drop((pool, other));
    assert_eq!(memory.live_bytes(), 0);
}

#[test]
fn statistics_add_up() {
    let pool = BufferPool::builder()
        .classes(Classes::powers_of_two())
        .build();
    assert_eq!(
        (pool.stats().recycle_rate(), pool.classes().sizes().len()),
        (0.0, 9)
    );
    for round in 0..10 {
        drop((pool.acquire(4096), pool.acquire(5000)));
        let stats = pool.stats();
        assert_eq!(
            (stats.acquires(), stats.misses(), stats.recycles()),
            (2 * (round + 1), 2, 2 * round)
        );
    }
    assert_eq!(pool.stats().recycle_rate(), 0.9);
    let class = pool.stats().classes[1];
    assert_eq!(
        (
            class.size,
            class.live,
            class.idle,
            class.recycles,
            class.misses
        ),
        (8192, 0, 1, 9, 1)
    );
}

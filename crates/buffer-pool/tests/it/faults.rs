//! Providers that refuse: every call in turn, and regions that run out.

use buffer_pool::{AcquireError, BufferPool, Classes};
use slab_core::{Counting, Failing, Global, StaticRegion};

use crate::memory::Shared;

/// Uses a pool in every way that allocates, then drops everything.
fn exercise(pool: BufferPool) -> usize {
    let mut refused = 0;
    let mut held = Vec::new();
    for size in [100, 4096, 5000, 100, 2 << 20, 8000, 4096] {
        match pool.try_acquire_stale(size) {
            Ok(buf) => held.push(buf),
            Err(AcquireError::Alloc { bytes }) => {
                assert!(bytes >= size);
                refused += 1;
            }
            Err(error) => panic!("{error}"),
        }
        let live: usize = held.iter().map(|buf| buf.capacity()).sum();
        assert_eq!(pool.stats().live_bytes(), live as u64);
        assert_eq!(
            pool.stats().charged_bytes,
            live as u64 + pool.stats().idle_bytes(),
            "a refusal is not charged"
        );
    }
    for buf in &mut held {
        let before = buf.to_vec();
        refused += usize::from(buf.try_reserve(before.len()).is_err());
        assert_eq!(**buf, before[..], "moved whole, or not at all");
    }
    refused += usize::from(pool.prewarm(4096, 3).is_err());
    held.truncate(held.len() / 2);
    refused
}

#[test]
fn the_nth_call_fails_for_every_n() {
    let counted = Shared::new(Failing::every(Counting::new(Global), 0));
    assert_eq!(
        exercise(BufferPool::builder().provider(counted.clone()).build()),
        0
    );
    let calls = counted.calls();
    assert!(calls > 15);
    let memory = Shared::new(Counting::new(Global));
    let mut failures = 0;
    for call in 0..calls {
        failures += exercise(
            BufferPool::builder()
                .provider(Failing::at(memory.clone(), call))
                .build(),
        );
        assert_eq!(
            (memory.live_blocks(), memory.live_bytes()),
            (0, 0),
            "call {call}"
        );
    }
    assert!(
        failures > calls / 2,
        "only what a reclaim makes good for succeeds after a refusal"
    );
    for call in 0..calls {
        exercise(
            BufferPool::builder()
                .provider(Failing::since(memory.clone(), call))
                .build(),
        );
        assert_eq!(
            (memory.live_blocks(), memory.live_bytes()),
            (0, 0),
            "from call {call}"
        );
    }
    for period in 1..calls {
        exercise(
            BufferPool::builder()
                .provider(Failing::every(memory.clone(), period))
                .build(),
        );
        assert_eq!(
            (memory.live_blocks(), memory.live_bytes()),
            (0, 0),
            "period {period}"
        );
    }
}

#[test]
#[should_panic(expected = "the provider has no 4096 bytes")]
fn acquire_panics_without_memory() {
    let pool = BufferPool::builder()
        .provider(Failing::since(Global, 0))
        .build();
    let _ = pool.acquire(1);
}

#[test]
fn a_region_that_is_full_of_idle_blocks_serves_another_class() {
    static REGION: StaticRegion<40_000> = StaticRegion::new();
    let classes = Classes::custom(&[1024, 24_576]).unwrap();
    let pool = BufferPool::builder()
        .provider(&REGION)
        .classes(classes)
        .build();
    let small: Vec<_> = std::iter::from_fn(|| pool.try_acquire(1024).ok()).collect();
    assert!(small.len() > 10, "{}", small.len());
    assert_eq!(
        pool.try_acquire(1024).unwrap_err(),
        AcquireError::Alloc { bytes: 1024 }
    );
    drop(small);
    let large = pool.acquire_zeroed(24_576);
    assert!(large.iter().all(|&byte| byte == 0));
    assert_eq!(
        pool.stats().idle_bytes(),
        0,
        "idle blocks went back to the region first"
    );
    drop(pool);
    drop(large);
    assert_eq!(REGION.free_bytes(), 40_000);
}

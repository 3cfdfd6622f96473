//! Leak detection, and poison on release: what is off unless a programmer looks for a fault.

use std::thread;
use std::time::Duration;

use buffer_pool::{BufferPool, Classes};

use crate::memory::Poisoned;

#[test]
fn buffers_in_use_are_named_by_the_line_that_acquired_them() {
    let pool = BufferPool::builder().track_outstanding(1).build();
    drop(pool.acquire(4096));
    assert_eq!(pool.outstanding(), []);
    let first = (pool.acquire(4096), line!());
    let second = (pool.acquire_zeroed(2 << 20).freeze(), line!());
    let third = (pool.try_acquire_stale(10).unwrap(), line!());
    let clone = second.0.clone();
    let told = || -> Vec<_> {
        let found = pool.outstanding();
        assert!(found.iter().all(|found| found.location.file() == file!()));
        found
            .iter()
            .map(|found| (found.location.line(), found.capacity, found.order))
            .collect()
    };
    let (one, two, three) = (
        (first.1, 4096, 1),
        (second.1, 2 << 20, 2),
        (third.1, 4096, 3),
    );
    assert_eq!(told(), [one, two, three]);
    drop(first);
    drop(second);
    assert_eq!(told(), [two, three], "a clone is left");
    std::thread::spawn(move || drop((clone, third)))
        .join()
        .unwrap();
    assert_eq!(told(), []);
    let adopted = (pool.adopt(Vec::with_capacity(4096)).unwrap(), line!());
    assert_eq!(told(), [(adopted.1, 4096, 4)]);
    let vec = adopted.0.into_vec().unwrap();
    assert_eq!((told(), vec.capacity()), (vec![], 4096));
}

#[test]
fn one_in_many_is_noted() {
    let pool = BufferPool::builder()
        .track_outstanding(10)
        .max_bytes(1 << 20)
        .build();
    let held: Vec<_> = (0..100).map(|_| pool.acquire(4096)).collect();
    assert_eq!(pool.outstanding().len(), 10);
    drop(held);
    assert_eq!(pool.outstanding(), []);
    assert_eq!(
        BufferPool::new().outstanding(),
        [],
        "off unless it is asked for"
    );
}

#[test]
fn a_closed_pool_still_names_what_is_in_use() {
    let pool = BufferPool::builder().track_outstanding(1).build();
    let held = pool.acquire(4096);
    pool.close();
    assert_eq!(pool.outstanding().len(), 1);
    drop(held);
    assert_eq!(pool.outstanding(), []);
}

/// It was a line of the pool's own, once.
#[test]
fn a_request_that_waited_is_named_by_its_callers_line() {
    let pool = BufferPool::builder()
        .max_bytes(4096)
        .track_outstanding(1)
        .build();
    let held = pool.acquire(4096);
    let waiter = || {
        let waited = pool.acquire_timeout(4096, Duration::MAX);
        (waited.expect("it is released"), pool.outstanding())
    };
    thread::scope(|scope| {
        let waiter = scope.spawn(waiter);
        crate::wait::until_waiting(&pool, 1);
        drop(held);
        let (_held, outstanding) = waiter.join().unwrap();
        assert_eq!(outstanding[0].location.file(), file!());
    });
}

#[test]
fn released_memory_is_poisoned() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder()
        .provider(memory.clone())
        .classes(Classes::down_to(64))
        .poison_on_release(true)
        .build();
    pool.acquire(64).extend_from_slice(&[1; 40]);
    let stale = pool.acquire_stale(64);
    assert_eq!(
        (&stale[..40], &stale[40..]),
        (&[0xDE; 40][..], &[0; 24][..])
    );
    drop(stale);
    assert_eq!(*pool.acquire_zeroed(64), [0; 64]);
    let mut frozen = pool.acquire(64);
    frozen.extend_from_slice(&[2; 64]);
    drop(frozen.freeze());
    assert_eq!(*pool.acquire_stale(64), [0xDE; 64]);
    assert_eq!(pool.stats().misses(), 1, "poisoned blocks are used again");
    drop(pool);
    assert_eq!(memory.live_bytes(), 0);
}

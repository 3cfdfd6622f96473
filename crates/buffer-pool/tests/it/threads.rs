//! Threads: buffers that travel, threads that end, pools that go first.

use std::cell::RefCell;
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

use buffer_pool::{AcquireError, BufferPool, Classes, Exhaustion, PooledBuf, PooledBytes};

use crate::memory::Poisoned;
use crate::random::Random;

#[test]
fn short_lived_threads_leave_nothing_behind() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder()
        .provider(memory.clone())
        .stripes(4)
        .build();
    for _ in 0..200 {
        let pool = pool.clone();
        thread::spawn(move || drop((pool.acquire(4096), pool.acquire_zeroed(10_000))))
            .join()
            .unwrap();
    }
    let stats = pool.stats();
    assert_eq!((stats.acquires(), stats.outstanding()), (400, 0));
    assert!(
        stats.misses() <= 8,
        "threads that ended left their blocks to others: {}",
        stats.misses()
    );
    drop(pool);
    assert_eq!(memory.live_bytes(), 0);
}

#[test]
fn buffers_return_from_any_thread() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder().provider(memory.clone()).build();
    let (sender, receiver) = mpsc::sync_channel::<PooledBuf>(4);
    thread::scope(|scope| {
        scope.spawn(move || {
            receiver
                .into_iter()
                .for_each(|buf| assert!(buf.iter().all(|&byte| byte == buf[0])))
        });
        for turn in 0..2000_u32 {
            let mut buf = pool.acquire(4096);
            buf.resize(1000, turn as u8);
            sender.send(buf).unwrap();
        }
        drop(sender);
    });
    let stats = pool.stats();
    assert_eq!((stats.acquires(), stats.outstanding()), (2000, 0));
    assert!(
        stats.misses() <= 100,
        "what the consumer's cache does not hold feeds the producer: {}",
        stats.misses()
    );
}

/// Hands `rounds` buffers of `size` bytes to a thread that drops each before the next is acquired; returns the share of
/// them that was recycled.
fn handed_over(pool: &BufferPool, size: usize, rounds: usize) -> f64 {
    let (sender, receiver) = mpsc::channel::<PooledBuf>();
    let (dropped, gone) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            for buf in receiver {
                drop(buf);
                dropped.send(()).unwrap();
            }
        });
        for _ in 0..rounds {
            sender.send(pool.acquire(size)).unwrap();
            gone.recv().unwrap();
        }
        drop(sender);
    });
    assert_eq!(pool.stats().acquires(), rounds as u64);
    pool.stats().recycle_rate()
}

#[test]
fn a_consumer_leaves_the_producer_a_part_of_the_idle_cap() {
    for cap in [1, 2, 3, 4, 8, 16, 32, 64, 65, 200] {
        let pool = BufferPool::builder().max_idle_per_class(cap).build();
        let rate = handed_over(&pool, 4096, 2000);
        assert!(rate > 0.9, "{rate} with {cap} idle blocks");
    }
    for blocks in [1, 2, 4, 8, 9, 16] {
        let pool = BufferPool::builder()
            .max_idle_bytes(blocks * (64 << 10))
            .build();
        let rate = handed_over(&pool, 64 << 10, 2000);
        assert!(rate > 0.9, "{rate} with room for {blocks} idle blocks");
    }
}

#[test]
fn bounded_handoff_recycles() {
    for blocks in [1, 2, 4, 16] {
        let pool = BufferPool::builder().max_bytes(blocks * (64 << 10)).build();
        let rate = handed_over(&pool, 64 << 10, 2000);
        assert!(rate > 0.9, "{rate} with a budget of {blocks} blocks");
    }
}

thread_local! {
    static HELD: RefCell<Vec<(PooledBuf, PooledBytes, BufferPool)>> = const { RefCell::new(Vec::new()) };
    static USES_POOL_AT_EXIT: RefCell<Option<AtExit>> = const { RefCell::new(None) };
}

/// Uses the pool in the destructor of a thread-local.
struct AtExit(BufferPool);

impl Drop for AtExit {
    fn drop(&mut self) {
        let mut buf = self.0.acquire(4096);
        buf.extend_from_slice(b"last words");
        let frozen = buf.freeze();
        drop(frozen.clone());
        assert_eq!(frozen, b"last words");
    }
}

#[test]
fn destructors_of_thread_locals_return_buffers() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder()
        .provider(memory.clone())
        .stripes(1)
        .build();
    let start = Arc::new(Barrier::new(4));
    let spawn = |_| {
        let (pool, start) = (pool.clone(), Arc::clone(&start));
        thread::spawn(move || {
            USES_POOL_AT_EXIT.set(Some(AtExit(pool.clone())));
            let held = (
                pool.acquire_zeroed(100),
                pool.acquire_zeroed(100).freeze(),
                pool,
            );
            HELD.with_borrow_mut(|all| all.push(held));
            start.wait();
        })
    };
    let threads: Vec<_> = (0..4).map(spawn).collect();
    // A join returns after the destructors, in which a panic would abort.
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    let stats = pool.stats();
    assert_eq!((stats.acquires(), stats.outstanding()), (12, 0));
    drop(pool);
    assert_eq!(memory.live_bytes(), 0);
}

#[test]
fn a_buffer_outlives_its_pool() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder().provider(memory.clone()).build();
    let mut buf = pool.acquire(4096);
    let frozen = pool.acquire_zeroed(5000).freeze();
    drop(pool.acquire(1 << 20));
    drop(pool);
    assert!(
        memory.live_bytes() < 4096 + 6144 + 10_000,
        "idle blocks went with the last handle"
    );
    buf.extend_from_slice(b"alive");
    let clone = frozen.clone();
    thread::spawn(move || assert_eq!(clone[4999], 0))
        .join()
        .unwrap();
    assert_eq!(&*buf, b"alive");
    drop(buf);
    let mut last = frozen.try_into_mut().expect("alone");
    last.clear();
    drop(last);
    assert_eq!(memory.live_bytes(), 0);
}

#[test]
fn last_releases_race_with_the_pool_drop() {
    let memory = Poisoned::shared();
    for _ in 0..300 {
        let pool = BufferPool::builder()
            .provider(memory.clone())
            .classes(Classes::down_to(64))
            .stripes(2)
            .build();
        let barrier = &Barrier::new(3);
        let (buf, frozen) = (pool.acquire(64), pool.acquire(64).freeze());
        thread::scope(|scope| {
            let first = scope.spawn(move || {
                barrier.wait();
                drop(buf);
            });
            let second = scope.spawn(move || {
                barrier.wait();
                drop(frozen);
            });
            barrier.wait();
            drop(pool);
            // A scope does not wait for the destructors of thread-locals; a join does.
            first.join().unwrap();
            second.join().unwrap();
        });
        assert_eq!(memory.live_bytes(), 0);
    }
}

#[test]
fn a_panicking_thread_returns_its_buffers() {
    let pool = BufferPool::new();
    let other = pool.clone();
    let panicked = thread::Builder::new()
        .name("meant to panic".into())
        .spawn(move || {
            let mut buf = other.acquire(4096);
            let _frozen = other.acquire_zeroed(10).freeze();
            buf.extend_from_slice(&[0; 5000]);
        });
    assert!(panicked.unwrap().join().is_err());
    assert_eq!(
        (pool.stats().outstanding(), pool.stats().idle_bytes()),
        (0, 8192)
    );
}

/// One thread's share of the churn: buffers filled with their own mark, some frozen and passed on.
fn churn(
    pool: &BufferPool,
    seed: u64,
    next: &mpsc::SyncSender<PooledBytes>,
    inbox: &mpsc::Receiver<PooledBytes>,
) {
    let mut random = Random(seed);
    let mut held: Vec<PooledBuf> = Vec::new();
    for _ in 0..3000 {
        let size = 1 + random.below(6000);
        match random.below(8) {
            0 | 1 => held.push(pool.acquire_zeroed(size)),
            2 => match pool.try_acquire(size) {
                Ok(buf) => held.push(buf),
                Err(error) => assert!(matches!(error, AcquireError::Exhausted { .. }), "{error}"),
            },
            3 if !held.is_empty() => {
                let mut buf = held.swap_remove(random.below(held.len()));
                assert!(
                    buf.iter().all(|&byte| byte == 0),
                    "nobody else writes to it"
                );
                let mark = seed as u8;
                let len = size.min(buf.capacity());
                buf.clear();
                buf.resize(len, mark);
                let frozen = buf.freeze();
                drop(next.try_send(frozen.slice(len / 2..)));
                assert!(frozen.iter().all(|&byte| byte == mark));
            }
            4 => {
                if let Ok(bytes) = inbox.try_recv() {
                    assert!(bytes.windows(2).all(|pair| pair[0] == pair[1]));
                    if let Ok(mut buf) = bytes.try_into_mut() {
                        buf.fill(0xEE);
                    }
                }
            }
            5 if random.below(50) == 0 => drop(pool.reclaim(size)),
            _ => drop(held.pop()),
        }
        held.truncate(24);
    }
}

#[test]
fn churn_on_a_bounded_pool() {
    const BUDGET: usize = 128 << 10;
    let memory = Poisoned::shared();
    let classes = Classes::down_to(64);
    let pool = BufferPool::builder()
        .provider(memory.clone())
        .classes(classes)
        .max_bytes(BUDGET)
        .exhaustion(Exhaustion::Overflow)
        .stripes(2)
        .build();
    thread::scope(|scope| {
        let (senders, inboxes): (Vec<_>, Vec<_>) = (0..4).map(|_| mpsc::sync_channel(8)).unzip();
        let spawn = |(index, inbox): (usize, mpsc::Receiver<PooledBytes>)| {
            let (pool, next) = (pool.clone(), senders[(index + 1) % 4].clone());
            scope.spawn(move || {
                churn(&pool, index as u64 + 1, &next, &inbox);
                assert!(pool.stats().charged_bytes <= BUDGET as u64);
            })
        };
        let threads: Vec<_> = inboxes.into_iter().enumerate().map(spawn).collect();
        // A scope does not wait for the destructors of thread-locals; a join does.
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
    let stats = pool.stats();
    assert_eq!((stats.outstanding(), stats.unpooled_bytes), (0, 0));
    assert_eq!(stats.charged_bytes, stats.idle_bytes());
    assert!(stats.peak_bytes <= BUDGET as u64 && stats.recycles() > 1000);
    drop(pool);
    assert_eq!(memory.live_bytes(), 0);
}

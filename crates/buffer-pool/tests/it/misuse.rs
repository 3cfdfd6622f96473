//! Misuse and accidents, each by name: requests out of range, memory that is refused, pools that go first, buffers that are
//! dropped where nobody expects it. None aborts, leaks, loses a block or hands one out twice.

use std::cell::RefCell;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use buffer_pool::{AcquireError, BufferPool, Exhaustion, PooledBuf, PooledBytes};
use bytes::Bytes;
use slab_core::{Counting, Failing, Global};

use crate::memory::{Poisoned, Shared};

const LARGEST: usize = 1 << 20;

/// Fails unless all that was lent is idle in the pool, once, or given back to the provider.
pub(crate) fn nothing_is_lost(pool: BufferPool, memory: &Poisoned) {
    let stats = pool.stats();
    assert_eq!((stats.outstanding(), stats.unpooled_bytes), (0, 0));
    assert_eq!(stats.charged_bytes, stats.idle_bytes());
    let idle: u64 = stats.classes.iter().map(|class| class.idle).sum();
    let again: Vec<PooledBuf> = stats
        .classes
        .iter()
        .flat_map(|class| (0..class.idle).map(|_| class.size))
        .map(|size| pool.acquire(size))
        .collect();
    let addresses: HashSet<*const u8> = again.iter().map(|buf| buf.as_ptr()).collect();
    assert_eq!(
        addresses.len() as u64,
        idle,
        "one block was handed out twice"
    );
    drop(again);
    drop(pool);
    assert_eq!(memory.live_bytes(), 0, "a leak");
}

#[test]
fn a_request_of_0_bytes_is_a_buffer_of_the_smallest_class() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder().provider(memory.clone()).build();
    let mut buf = pool.acquire(0);
    assert_eq!((buf.len(), buf.capacity()), (0, 4096));
    buf.extend_from_slice(b"room");
    assert!(pool.acquire_zeroed(0).is_empty() && pool.acquire_stale(0).is_empty());
    assert_eq!(pool.try_acquire(0).map(|buf| buf.capacity()), Ok(4096));
    let empty = pool.acquire(0).freeze();
    assert!(empty.is_empty() && empty.slice(..).is_empty());
    assert_eq!(empty.try_into_mut().expect("alone").capacity(), 4096);
    assert_eq!(pool.prewarm(0, 1), Ok(1));
    assert_eq!(pool.reclaim(0), 0);
    drop(buf);
    nothing_is_lost(pool, &memory);
}

#[test]
fn a_request_above_the_largest_class_is_served_to_the_byte_and_not_kept() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder().provider(memory.clone()).build();
    for size in [LARGEST + 1, 3 * LARGEST - 7] {
        for mut buf in [
            pool.acquire(size),
            pool.acquire_zeroed(size),
            pool.try_acquire(size).expect("memory lasts"),
        ] {
            assert_eq!(buf.capacity(), size);
            buf.clear();
            buf.resize(size, 1);
            let frozen = buf.freeze();
            assert_eq!(frozen.slice(size - 1..), [1]);
        }
    }
    assert_eq!(
        pool.prewarm(LARGEST + 1, 1),
        Err(AcquireError::Unpooled {
            requested: LARGEST + 1,
            largest: LARGEST
        })
    );
    assert_eq!((pool.stats().oversize, pool.stats().idle_bytes()), (6, 0));
    nothing_is_lost(pool, &memory);
}

#[test]
fn a_request_above_the_budget_is_refused_or_overflows() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder()
        .provider(memory.clone())
        .max_bytes(10_000)
        .exhaustion(Exhaustion::Overflow)
        .build();
    // Alone above the budget: never to be served within it.
    assert_eq!(
        pool.try_acquire(10_001).unwrap_err(),
        AcquireError::Oversize {
            requested: 10_001,
            limit: 10_000
        }
    );
    let past = pool.acquire_zeroed(10_001);
    assert!(past.len() == 10_001 && past.iter().all(|&byte| byte == 0));
    // Together above it.
    let within = pool.try_acquire(8192).expect("the budget is free");
    let exhausted = Err(AcquireError::Exhausted { max_bytes: 10_000 });
    assert_eq!(pool.try_acquire_zeroed(1).map(drop), exhausted);
    assert_eq!(pool.try_acquire_stale(1).map(drop), exhausted);
    let also_past = pool.acquire(1);
    let stats = pool.stats();
    assert_eq!((stats.overflow, stats.charged_bytes), (2, 8192));
    assert_eq!(stats.refused, 3);
    drop((past, within, also_past));
    assert_eq!(pool.stats().idle_bytes(), 8192, "overflow is not kept");
    nothing_is_lost(pool, &memory);
}

#[test]
fn a_size_that_no_allocation_has_is_refused() {
    let pool = BufferPool::new();
    for size in [usize::MAX, isize::MAX as usize, usize::MAX - 4095] {
        assert!(matches!(
            pool.try_acquire(size),
            Err(AcquireError::Oversize { .. })
        ));
        catch_unwind(AssertUnwindSafe(|| pool.acquire(size))).expect_err("there is no such buffer");
    }
    let mut buf = pool.acquire_zeroed(10);
    assert!(buf.try_reserve(usize::MAX).is_err());
    catch_unwind(AssertUnwindSafe(|| buf.reserve(usize::MAX))).expect_err("no such buffer");
    assert_eq!(*buf, [0; 10], "the buffer is as before");
    drop(buf);
    assert_eq!(pool.stats().outstanding(), 0);
}

/// A layout was made of it, once, and that panicked with other words.
#[test]
fn a_size_that_no_allocation_has_is_refused_by_a_closed_pool_too() {
    let pool = BufferPool::new();
    let mut buf = pool.acquire(64);
    pool.close();
    for size in [usize::MAX, isize::MAX as usize] {
        let panic =
            catch_unwind(AssertUnwindSafe(|| buf.reserve(size))).expect_err("no such buffer");
        let message = panic.downcast_ref::<String>().expect("a formatted message");
        assert!(message.contains("the pool is closed"), "{message}");
    }
    buf.reserve(1 << 20);
    assert!(buf.capacity() >= 1 << 20);
}

#[test]
fn a_provider_that_refuses_leaves_the_pool_usable() {
    let memory = Shared::new(Counting::new(Global));
    let refuses = Failing::since(memory.clone(), 4);
    let pool = BufferPool::builder().provider(refuses).build();
    // The provider gives until its fourth call, then nothing any more.
    let mut held = vec![pool.acquire_zeroed(4096)];
    while let Ok(buf) = pool.try_acquire(LARGEST) {
        held.push(buf);
    }
    let refused = AcquireError::Alloc { bytes: LARGEST };
    assert_eq!(pool.try_acquire_zeroed(LARGEST).unwrap_err(), refused);
    assert_eq!(pool.prewarm(LARGEST, 1), Err(refused));
    catch_unwind(AssertUnwindSafe(|| pool.acquire(LARGEST))).expect_err("no memory, a panic");
    assert!(held[0].try_reserve(1).is_err());
    assert_eq!(*held[0], [0; 4096], "what is lent is untouched");
    drop(held);
    let recycled = pool.acquire(4096);
    assert_eq!(
        pool.stats().outstanding(),
        1,
        "what came back is lent again"
    );
    drop((recycled, pool));
    assert_eq!(memory.live_bytes(), 0);
}

/// Every kind of holder of a pool's memory.
type Holders = (PooledBuf, PooledBytes, PooledBytes, Bytes, PooledBuf);

fn holders(pool: &BufferPool) -> Holders {
    let mut buf = pool.acquire(4096);
    buf.extend_from_slice(b"a buffer");
    let mut shared = pool.acquire_zeroed(5000);
    shared.extend_from_slice(b"shared");
    let shared = shared.freeze();
    let part = shared.slice(5000..);
    let foreign = Bytes::from(pool.acquire_zeroed(10));
    let oversize = pool.acquire_zeroed(LARGEST + 1);
    (buf, shared, part, foreign, oversize)
}

/// Uses all holders in every way that there is, and drops them.
fn use_all((mut buf, shared, part, foreign, oversize): Holders) {
    assert_eq!(&*buf, b"a buffer");
    buf.reserve(4096);
    buf.extend_from_slice(&[1; 4096]);
    assert!(buf.starts_with(b"a buffer") && buf.ends_with(&[1; 4096]));
    drop(shared);
    let mut part = part.try_into_mut().expect("alone");
    part.extend_from_slice(b" no more");
    assert_eq!(&*part, b"shared no more");
    assert_eq!(foreign.slice(3..), [0; 7][..]);
    assert_eq!(Vec::from(foreign), [0; 10]);
    assert_eq!(oversize.freeze().len(), LARGEST + 1);
}

#[test]
fn a_pool_dropped_while_buffers_live_leaves_them_valid() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder().provider(memory.clone()).build();
    let other = pool.clone();
    let held = holders(&pool);
    drop(pool.acquire(LARGEST));
    drop((pool, other));
    assert!(memory.live_bytes() < 2 * LARGEST, "the idle block has gone");
    use_all(held);
    assert_eq!(memory.live_bytes(), 0);
}

#[test]
fn a_pool_closed_while_buffers_live_leaves_them_valid() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder().provider(memory.clone()).build();
    let held = holders(&pool);
    drop(pool.acquire(LARGEST));
    let other = pool.clone();
    pool.close();
    pool.close();
    assert!(pool.is_closed() && other.is_closed());
    assert_eq!(other.try_acquire(1).unwrap_err(), AcquireError::Closed);
    assert_eq!(other.prewarm(4096, 1), Err(AcquireError::Closed));
    use_all(held);
    // It still serves who cannot be refused, and keeps nothing.
    assert_eq!(*other.acquire_zeroed(3), [0; 3]);
    assert_eq!(other.stats().idle_bytes(), 0);
    drop(other);
    nothing_is_lost(pool, &memory);
}

#[test]
fn buffers_dropped_on_other_threads_come_back() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder().provider(memory.clone()).build();
    for _ in 0..20 {
        let threads: Vec<_> = (0..3)
            .map(|_| holders(&pool))
            .map(|held| thread::spawn(move || use_all(held)))
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().expect("no panic"));
    }
    assert_eq!(pool.stats().outstanding(), 0);
    nothing_is_lost(pool, &memory);
}

thread_local! {
    static FIRST: RefCell<Vec<Holders>> = const { RefCell::new(Vec::new()) };
    static SECOND: RefCell<Option<UsesAtExit>> = const { RefCell::new(None) };
}

struct UsesAtExit(BufferPool, Option<Holders>);

impl Drop for UsesAtExit {
    fn drop(&mut self) {
        use_all(self.1.take().expect("once"));
        use_all(holders(&self.0));
        self.0.close();
        use_all(holders(&self.0));
    }
}

#[test]
fn buffers_dropped_in_destructors_of_thread_locals_come_back() {
    let memory = Poisoned::shared();
    // Whether the pool's own thread-local goes before or after these depends on which was used first: both ways.
    for pool_first in [false, true] {
        let pool = BufferPool::builder().provider(memory.clone()).build();
        let handle = pool.clone();
        let used = thread::spawn(move || {
            if pool_first {
                use_all(holders(&handle));
            }
            FIRST.with_borrow(|held| assert!(held.is_empty()));
            SECOND.with_borrow(|used| assert!(used.is_none()));
            FIRST.with_borrow_mut(|held| held.push(holders(&handle)));
            SECOND.set(Some(UsesAtExit(handle.clone(), Some(holders(&handle)))));
        });
        // Returns after the destructors, in which a panic would abort.
        used.join().expect("no panic");
        assert_eq!(pool.stats().outstanding(), 0);
        nothing_is_lost(pool, &memory);
    }
}

#[test]
fn buffers_dropped_during_a_panic_come_back() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder().provider(memory.clone()).build();
    for _ in 0..10 {
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let _held = (holders(&pool), holders(&pool));
            let _handle = pool.clone();
            panic!("while buffers are held");
        }));
        unwound.expect_err("panicked");
    }
    let held = holders(&pool);
    let thread = thread::spawn(move || {
        let _held = held;
        panic!("on a thread that then ends");
    });
    thread.join().expect_err("panicked");
    nothing_is_lost(pool, &memory);
}

#[test]
fn the_last_handle_dropped_during_a_panic_frees_all() {
    let memory = Poisoned::shared();
    let provider = memory.clone();
    let unwound = catch_unwind(|| {
        let pool = BufferPool::builder().provider(provider).build();
        drop(pool.acquire(4096));
        let _held = holders(&pool);
        let _pool = pool;
        panic!("before the end");
    });
    unwound.expect_err("panicked");
    assert_eq!(memory.live_bytes(), 0);
}

#[test]
fn an_iterator_that_panics_leaves_what_came_before() {
    let pool = BufferPool::new();
    let mut buf = pool.acquire(4096);
    let bytes = (0..10).inspect(|&byte| assert!(byte < 5, "five is too many"));
    catch_unwind(AssertUnwindSafe(|| buf.extend(bytes))).expect_err("the iterator's panic");
    assert_eq!(*buf, [0, 1, 2, 3, 4]);
}

#[test]
fn buffers_pass_through_catch_unwind() {
    let pool = BufferPool::new();
    let mut buf = pool.acquire(4096);
    let frozen = pool.acquire_zeroed(10).freeze();
    // No `AssertUnwindSafe`: they are unwind safe themselves.
    let by_reference = catch_unwind(|| (frozen.len(), frozen.clone()));
    assert_eq!(by_reference.expect("no panic"), (10, frozen));
    let by_reference = catch_unwind(|| pool.acquire(usize::MAX));
    by_reference.expect_err("there is no such buffer");
    buf.extend_from_slice(b"moved");
    let moved = catch_unwind(move || {
        let buf = buf;
        assert!(buf.is_empty(), "dropped while unwinding");
    });
    moved.expect_err("the assertion");
    assert_eq!(pool.stats().outstanding(), 0);
}

//! Buffers frozen in part: what goes on, what stays, and what it costs.

use std::panic::{AssertUnwindSafe, catch_unwind};

use buffer_pool::{AcquireError, BufferPool, Builder, Classes, Exhaustion, PooledBuf};
use slab_core::{Failing, Global};

use crate::memory::Poisoned;

const CAPACITY: usize = 64;

fn small() -> Builder {
    BufferPool::builder().classes(Classes::custom(&[CAPACITY]).unwrap())
}

/// A buffer of the bytes 0 to 9.
fn digits(pool: &BufferPool, capacity: usize) -> PooledBuf {
    let mut buf = pool.acquire(capacity);
    buf.extend(0..10);
    buf
}

#[test]
fn the_front_stays_where_it_is_and_the_rest_moves() {
    let pool = small().provider(Poisoned::shared()).build();
    for capacity in [CAPACITY, 100] {
        for at in 0..=10 {
            let mut buf = digits(&pool, capacity);
            let address = buf.as_ptr();
            let front = match at % 2 {
                0 => buf.split_frozen(at),
                _ => buf.try_split_frozen(at).unwrap(),
            };
            assert!(front.iter().copied().eq(0..at as u8));
            assert!(buf.iter().copied().eq(at as u8..10));
            assert_eq!(buf.capacity(), capacity);
            assert!(front.is_empty() || front.as_ptr() == address);
            assert_eq!(pool.stats().outstanding(), 1 + u64::from(at > 0));
            buf.extend([7; 50]);
            assert!(front.iter().copied().eq(0..at as u8));
        }
    }
    assert_eq!(pool.stats().outstanding(), 0);
}

#[test]
fn nothing_split_off_is_no_acquire() {
    let pool = small().build();
    let mut buf = digits(&pool, CAPACITY);
    let address = buf.as_ptr();
    assert!(buf.split_frozen(0).is_empty());
    assert!(buf.try_split_frozen(0).unwrap().is_empty());
    assert_eq!(
        (buf.as_ptr(), buf.len(), pool.stats().acquires()),
        (address, 10, 1)
    );
}

#[test]
fn a_split_past_the_length_panics_and_changes_nothing() {
    let pool = small().build();
    let mut buf = digits(&pool, CAPACITY);
    for split in [
        catch_unwind(AssertUnwindSafe(|| drop(buf.split_frozen(11)))),
        catch_unwind(AssertUnwindSafe(|| drop(buf.try_split_frozen(11)))),
    ] {
        let message = split.unwrap_err();
        let message = message.downcast_ref::<String>().unwrap();
        assert_eq!(message, "split at 11 is out of range for 10 bytes");
    }
    assert_eq!((buf.len(), pool.stats().acquires()), (10, 1));
}

#[test]
fn a_split_that_the_budget_refuses_changes_nothing_and_waits_for_nobody() {
    let pool = small().max_bytes(2 * CAPACITY).build();
    let mut buf = digits(&pool, CAPACITY);
    let front = buf.try_split_frozen(4).expect("there is room for two");
    let refused = AcquireError::Exhausted {
        max_bytes: 2 * CAPACITY,
    };
    assert_eq!(buf.try_split_frozen(1).unwrap_err(), refused);
    catch_unwind(AssertUnwindSafe(|| buf.split_frozen(1))).expect_err("it would wait for itself");
    assert_eq!(*buf, [4, 5, 6, 7, 8, 9]);
    drop(front);
    assert_eq!(buf.split_frozen(1), [4]);

    let overflows = small()
        .max_bytes(CAPACITY)
        .exhaustion(Exhaustion::Overflow)
        .build();
    let mut buf = digits(&overflows, CAPACITY);
    assert_eq!(buf.split_frozen(9).len(), 9);
    assert_eq!((&*buf, buf.capacity()), (&[9][..], CAPACITY));
    assert_eq!(overflows.stats().overflow, 1);
}

#[test]
fn a_split_without_memory_or_without_a_pool() {
    let failing = small().provider(Failing::since(Global, 3)).build();
    let mut buf = digits(&failing, CAPACITY);
    let refused = AcquireError::Alloc { bytes: CAPACITY };
    assert_eq!(buf.try_split_frozen(4).unwrap_err(), refused);
    assert_eq!(buf.len(), 10);

    let pool = small().build();
    let mut buf = digits(&pool, CAPACITY);
    drop(pool);
    assert_eq!(buf.try_split_frozen(4).unwrap_err(), AcquireError::Closed);
    assert_eq!((buf.split_frozen(4).len(), buf.len()), (4, 6));
}

#[test]
fn what_a_split_leaves_behind_the_front_is_not_zero_by_itself() {
    let pool = small().build();
    let mut buf = digits(&pool, CAPACITY);
    let front = buf.split_frozen(4);
    let mut again = front.try_into_mut().expect("the only one");
    again.resize(10, 0);
    assert_eq!(*again, [0, 1, 2, 3, 0, 0, 0, 0, 0, 0]);
    drop((buf, again));
    assert_eq!(*pool.acquire_zeroed(CAPACITY), [0; CAPACITY]);
    assert_eq!(*pool.acquire_zeroed(CAPACITY), [0; CAPACITY]);
}

#[test]
fn the_rest_is_named_by_the_line_that_split_it() {
    let pool = small().track_outstanding(1).build();
    let mut buf = digits(&pool, CAPACITY);
    let (front, line) = (buf.split_frozen(4), line!());
    drop(front);
    let outstanding = pool.outstanding();
    assert_eq!(outstanding.len(), 1);
    let location = outstanding[0].location;
    assert_eq!((location.file(), location.line()), (file!(), line));
}

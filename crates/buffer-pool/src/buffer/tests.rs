//! What each way of writing counts as written, to the byte: read off from what zeroing the whole block touches.

use std::io::{self, IoSlice, Read, Write};

use bytes::{BufMut, Bytes};

use super::PooledBuf;
use crate::BufferPool;

const CAPACITY: usize = 4096;
const TRACE: u8 = 0xEE;

/// What `use_it` leaves: bytes known to be initialised, and bytes that count as written.
fn marks(use_it: impl FnOnce(&mut PooledBuf)) -> (usize, usize) {
    let pool = BufferPool::new();
    let mut buf = pool.acquire(CAPACITY);
    use_it(&mut buf);
    let init = buf.lease.block.init();
    buf.clear();
    // Nothing is unwritten from here on, so that zeroing touches only what counts as written.
    buf.lease.block.initialise(CAPACITY);
    // SAFETY: the whole block, which `buf` owns; it is initialised. The block does not know of these traces.
    unsafe { buf.lease.block.data().write_bytes(TRACE, CAPACITY) };
    buf.resize(CAPACITY, 0);
    let dirty = buf.iter().position(|&byte| byte == TRACE);
    let dirty = dirty.unwrap_or(CAPACITY);
    assert!(
        buf[dirty..].iter().all(|&byte| byte == TRACE),
        "what counts as written is a front"
    );
    (init, dirty)
}

#[test]
fn appending_counts_what_is_appended() {
    assert_eq!(marks(|_| {}), (0, 0));
    assert_eq!(marks(|buf| buf.extend_from_slice(&[1; 10])), (10, 10));
    assert_eq!(marks(|buf| buf.resize(30, 1)), (30, 30));
    assert_eq!(marks(|buf| buf.extend([1, 2, 3])), (3, 3));
    assert_eq!(marks(|buf| buf.write_all(&[1; 20]).unwrap()), (20, 20));
    let parts = [IoSlice::new(&[1; 20]), IoSlice::new(&[2; 5])];
    assert_eq!(
        marks(|buf| assert_eq!(buf.write_vectored(&parts).unwrap(), 25)),
        (25, 25)
    );
    assert_eq!(marks(|buf| buf.put_u32(7)), (4, 4));
    assert_eq!(marks(|buf| buf.put_bytes(7, 9)), (9, 9));
    assert_eq!(marks(|buf| buf.put(Bytes::from_static(b"12345"))), (5, 5));
}

#[test]
fn zeros_are_known_and_do_not_count() {
    assert_eq!(marks(|buf| buf.resize(100, 0)), (100, 0));
    assert_eq!(
        marks(|buf| {
            buf.extend_from_slice(&[1; 10]);
            buf.resize(100, 0);
        }),
        (100, 10)
    );
    assert_eq!(
        marks(|buf| {
            buf.resize(100, 1);
            buf.truncate(10);
            buf.resize(100, 0);
        }),
        (100, 10),
        "cleared again"
    );
    assert_eq!(
        marks(|buf| {
            buf.resize(100, 1);
            buf.truncate(10);
            buf.resize(90, 0);
        }),
        (100, 100),
        "but for the last ten"
    );
}

#[test]
fn what_is_stale_is_as_dirty_as_it_was() {
    assert_eq!(marks(|buf| buf.resize_stale(100)), (100, 0), "new: zeros");
    assert_eq!(
        marks(|buf| {
            buf.extend_from_slice(&[1; 10]);
            buf.clear();
            buf.resize_stale(100);
            assert_eq!(buf[..11], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
        }),
        (100, 10)
    );
    assert_eq!(
        marks(|buf| {
            buf.resize_stale(100);
            buf[5] = 1;
        }),
        (100, 100),
        "and written to"
    );
}

#[test]
fn a_split_marks_what_is_moved() {
    let split = |buf: &mut PooledBuf| {
        buf.resize(30, 1);
        assert_eq!(buf.split_frozen(20).len(), 20);
    };
    assert_eq!(marks(split), (10, 10));
}

#[test]
fn shortening_keeps_what_is_known() {
    let write = |buf: &mut PooledBuf| buf.resize(100, 1);
    assert_eq!(
        marks(|buf| {
            write(buf);
            buf.clear();
        }),
        (100, 100)
    );
    assert_eq!(
        marks(|buf| {
            write(buf);
            buf.truncate(7);
            buf.extend_from_slice(&[2; 3]);
        }),
        (100, 100)
    );
}

#[test]
fn a_mutable_slice_counts_the_contents() {
    let zeros = |buf: &mut PooledBuf| buf.resize(100, 0);
    assert_eq!(
        marks(|buf| {
            zeros(buf);
            assert_eq!(buf[99], 0);
        }),
        (100, 0),
        "reading counts nothing"
    );
    assert_eq!(
        marks(|buf| {
            zeros(buf);
            buf[5] = 1;
        }),
        (100, 100)
    );
    assert_eq!(
        marks(|buf| {
            zeros(buf);
            buf.truncate(50);
            buf.as_mut()[0] = 1;
        }),
        (100, 50),
        "above the length there are zeros still"
    );
}

#[test]
fn lent_memory_counts_up_to_where_it_was_lent() {
    assert_eq!(
        marks(|buf| {
            buf.resize(100, 0);
            buf.truncate(60);
            assert_eq!(buf.spare_capacity_mut().len(), CAPACITY - 60);
        }),
        (60, CAPACITY),
        "safe code may take the initialisation back"
    );
    assert_eq!(
        marks(|buf| {
            buf.resize(100, 0);
            assert_eq!(buf.chunk_mut().len(), CAPACITY - 100);
        }),
        (100, CAPACITY)
    );
    assert_eq!(
        marks(|buf| {
            buf.spare_capacity_mut()[..30].fill(core::mem::MaybeUninit::new(3));
            // SAFETY: written above.
            unsafe { buf.set_len(30) };
        }),
        (30, CAPACITY)
    );
    let mut source = io::repeat(1).take(10);
    assert_eq!(
        marks(|buf| assert_eq!(buf.read_from(&mut source).unwrap(), 10)),
        (CAPACITY, CAPACITY)
    );
    assert_eq!(
        marks(|buf| buf.read_exact_from(io::repeat(1), 10).unwrap()),
        (10, 10)
    );
}

#[test]
fn freezing_and_back_changes_no_mark() {
    let pool = BufferPool::new();
    let mut buf = pool.acquire_zeroed(100);
    let before = buf.lease.block.init();
    let frozen = buf.freeze();
    buf = frozen.try_into_mut().expect("the only one");
    assert_eq!(buf.lease.block.init(), before);
    assert_eq!(buf.len(), 100);
}

//! A `Vec<u8>` becomes a buffer and back without a copy, where that is sound, and comes back where it is not.

use std::thread;

use buffer_pool::{AcquireError, AdoptErrorKind, BufferPool, Builder, Classes, Exhaustion};
use slab_core::{Counting, Global};

use crate::memory::Shared;
use crate::warm::{WATCHED, watched};

fn vec_of(capacity: usize, contents: &[u8]) -> Vec<u8> {
    let mut vec = Vec::with_capacity(capacity);
    vec.extend_from_slice(contents);
    assert_eq!(vec.capacity(), capacity);
    vec
}

/// A pool whose only class is watched.
fn watched_pool() -> Builder {
    let classes = Classes::custom(&[WATCHED]).expect("one class");
    BufferPool::builder().classes(classes)
}

#[test]
fn an_adopted_vec_is_a_buffer_like_any_other() {
    let pool = BufferPool::new();
    let vec = vec_of(6144, b"adopted");
    let address = vec.as_ptr();
    let mut buf = pool.adopt(vec).expect("a class has this capacity");
    assert_eq!((&*buf, buf.capacity()), (&b"adopted"[..], 6144));
    assert_eq!(buf.as_ptr(), address, "nothing was copied");
    let stats = pool.stats();
    assert_eq!((stats.live_bytes(), stats.charged_bytes), (6144, 6144));
    assert_eq!((stats.acquires(), stats.outstanding()), (0, 1));
    buf.extend_from_slice(&[7; 6137]);
    assert_eq!(buf.spare_len(), 0);
    let part = buf.freeze().slice(3..7);
    assert_eq!(part, b"pted");
    drop(part);
    let buf = pool.acquire(5000);
    assert_eq!(buf.as_ptr(), address, "it was kept, and is lent again");
    assert_eq!((pool.stats().recycles(), pool.stats().misses()), (1, 0));
    drop(buf);
    assert_eq!(*pool.acquire_zeroed(6144), [0; 6144], "it is cleared");
    assert_eq!(pool.reclaim(usize::MAX), 6144);
}

#[test]
fn memory_beyond_an_adopted_length_counts_as_uninitialised() {
    let pool = BufferPool::new();
    let mut vec = vec![0xA5; 4096];
    vec.truncate(10);
    // Zeroed, as memory that was never written is, and not what lies there.
    drop(pool.adopt(vec).expect("a class has this capacity"));
    let stale = pool.acquire_stale(4096);
    assert_eq!(
        (&stale[..10], &stale[10..]),
        (&[0xA5; 10][..], &[0; 4086][..])
    );
}

#[test]
fn a_buffer_becomes_a_vec_and_leaves_the_pool() {
    let pool = BufferPool::new();
    for size in [0, 4096, 5000, 1 << 20, (1 << 20) + 1] {
        let mut buf = pool.acquire(size);
        let capacity = buf.capacity();
        buf.extend_from_slice(b"contents");
        let address = buf.as_ptr();
        let mut vec = buf.into_vec().expect("blocks of the global allocator");
        assert_eq!((&vec[..], vec.capacity()), (&b"contents"[..], capacity));
        assert_eq!(vec.as_ptr(), address, "nothing was copied");
        let stats = pool.stats();
        assert_eq!((stats.outstanding(), stats.charged_bytes), (0, 0));
        vec.resize(2 * capacity, 1);
        vec.shrink_to_fit();
    }
    let zeroed = pool.acquire_zeroed(9000).into_vec();
    assert_eq!(zeroed.expect("blocks of the global allocator"), [0; 9000]);
    // Recycled memory as well, and frozen bytes by way of their buffer.
    drop(pool.acquire(4096));
    let mut buf = pool.acquire(4096);
    buf.extend_from_slice(b"0123456789");
    let tail = buf.freeze().slice(7..);
    let vec = tail.try_into_mut().expect("alone").into_vec();
    assert_eq!(vec.expect("blocks of the global allocator"), b"789");
    assert_eq!(pool.stats().charged_bytes, 0);
}

#[test]
fn there_and_back_is_the_same_vec() {
    let pool = BufferPool::new();
    let vec = vec_of(8192, b"there");
    let address = vec.as_ptr();
    let mut buf = pool.adopt(vec).expect("a class has this capacity");
    buf.extend_from_slice(b" and back");
    let vec = buf.into_vec().expect("blocks of the global allocator");
    assert_eq!(
        (&vec[..], vec.as_ptr(), vec.capacity()),
        (&b"there and back"[..], address, 8192)
    );
    let stats = pool.stats();
    assert_eq!((stats.charged_bytes, stats.outstanding()), (0, 0));
}

#[test]
fn memory_is_freed_with_the_layout_that_it_was_allocated_with() {
    let pool = watched_pool().build();
    let before = watched();
    // Adopted, and freed by the pool.
    let buf = pool.adopt(vec_of(WATCHED, b"x")).expect("its class");
    assert_eq!(watched() - before, 1);
    drop(buf);
    assert_eq!((pool.reclaim(usize::MAX), watched() - before), (WATCHED, 0));
    // The pool's, freed by a vec: written, zeroed, and past the budget.
    let vec = pool.acquire(1).into_vec().expect("of the global allocator");
    let zeroed = pool.acquire_zeroed(1).into_vec();
    assert_eq!(watched() - before, 2);
    drop((vec, zeroed.expect("of the global allocator")));
    assert_eq!(watched() - before, 0);
    let small = watched_pool().max_bytes(WATCHED - 1);
    let small = small.exhaustion(Exhaustion::Overflow).build();
    let past = small.acquire(1);
    assert_eq!((small.stats().overflow, watched() - before), (1, 1));
    drop(past.into_vec().expect("of the global allocator"));
    assert_eq!((small.stats().overflow_bytes, watched() - before), (0, 0));
    // A pool that aligns its blocks otherwise frees them otherwise.
    let aligned = watched_pool().alignment(64).build();
    let kept = aligned.acquire(1).into_vec().expect_err("aligned to 64");
    let refused = aligned
        .adopt(vec_of(WATCHED, b"x"))
        .expect_err("aligned to 1");
    assert_eq!(watched() - before, 1, "the vec's, not the buffer's");
    drop((kept, refused, aligned));
    assert_eq!(watched() - before, 0);
}

#[test]
fn what_a_vec_could_not_free_is_not_exchanged() {
    let counted = Shared::new(Counting::new(Global));
    let pools = [
        BufferPool::builder().alignment(2).build(),
        BufferPool::builder().alignment(4096).build(),
        // On the global allocator in the end, but this one keeps count.
        BufferPool::builder().provider(counted.clone()).build(),
        BufferPool::builder().provider(Box::new(Global)).build(),
    ];
    for pool in pools {
        let vec = vec_of(4096, b"refused");
        let address = vec.as_ptr();
        let refused = pool.adopt(vec).expect_err("another memory");
        assert_eq!(refused.kind(), AdoptErrorKind::Foreign);
        let vec = refused.into_vec();
        assert_eq!((&vec[..], vec.as_ptr()), (&b"refused"[..], address));
        assert_eq!(pool.stats().charged_bytes, 0);

        let mut buf = pool.acquire(100);
        buf.extend_from_slice(b"kept");
        let buf = buf.into_vec().expect_err("another memory");
        assert_eq!(&*buf, b"kept", "the buffer came back");
        assert_eq!(pool.stats().outstanding(), 1);
    }
    assert_eq!(counted.live_bytes(), 0);
    // Named or not, it is the global allocator.
    let named = BufferPool::builder().provider(Global).build();
    assert!(named.adopt(vec_of(4096, b"")).is_ok());
}

#[test]
fn capacities_of_no_class_come_back() {
    let pool = BufferPool::new();
    for capacity in [0, 1, 4095, 4097, 5000, (1 << 20) + 1] {
        let refused = pool.adopt(vec_of(capacity, &[])).expect_err("no class");
        assert_eq!(refused.kind(), AdoptErrorKind::Capacity { capacity });
        assert_eq!(refused.into_vec().capacity(), capacity);
    }
    let stats = pool.stats();
    assert_eq!((stats.charged_bytes, stats.refused), (0, 0));
    for &capacity in pool.classes().sizes() {
        drop(pool.adopt(vec_of(capacity, b"a")).expect("a class"));
    }
}

#[test]
fn adopting_keeps_to_the_budget() {
    let pool = BufferPool::builder()
        .max_bytes(12 << 10)
        .exhaustion(Exhaustion::Overflow)
        .build();
    drop((pool.acquire(4096), pool.acquire(4096), pool.acquire(4096)));
    let first = pool
        .adopt(vec_of(8192, b"1"))
        .expect("idle blocks go for it");
    assert_eq!(pool.stats().live_bytes(), 8192);
    let second = pool.adopt(vec_of(4096, b"2")).expect("the rest");
    let max_bytes = 12 << 10;
    let refused = pool.adopt(vec_of(4096, b"3")).expect_err("lent out");
    assert_eq!(
        refused.kind(),
        AdoptErrorKind::Acquire(AcquireError::Exhausted { max_bytes })
    );
    assert_eq!(refused.into_vec(), b"3");
    let refused = pool.adopt(vec_of(16 << 10, b"4")).expect_err("too large");
    assert!(matches!(
        refused.kind(),
        AdoptErrorKind::Acquire(AcquireError::Oversize { .. })
    ));
    assert_eq!(pool.stats().charged_bytes, 12 << 10);
    // What becomes a vec makes room.
    let vec = first.into_vec().expect("of the global allocator");
    let third = pool.adopt(vec_of(8192, b"3")).expect("there is room");
    assert_eq!(
        (&vec[..], &*second, &*third),
        (&b"1"[..], &b"2"[..], &b"3"[..])
    );
    assert!(pool.stats().peak_bytes <= 12 << 10);
}

#[test]
fn a_buffer_that_becomes_a_vec_makes_room_for_who_waits() {
    let pool = BufferPool::builder().max_bytes(4096).build();
    let buf = pool.acquire(4096);
    let waiting = pool.clone();
    let thread = thread::spawn(move || waiting.acquire(4096).capacity());
    // Whether the other thread sleeps by now or is still to come: it ends only when this gives the memory up.
    thread::yield_now();
    let vec = buf.into_vec().expect("of the global allocator");
    assert_eq!((thread.join().unwrap(), vec.capacity()), (4096, 4096));
    assert!(pool.stats().peak_bytes <= 4096);
}

#[test]
fn closed_pools_adopt_nothing_and_give_all() {
    let pool = BufferPool::new();
    let (first, second) = (pool.acquire_zeroed(10), pool.acquire_zeroed(20));
    pool.close();
    let refused = pool.adopt(vec_of(4096, b"late")).expect_err("closed");
    assert_eq!(
        refused.kind(),
        AdoptErrorKind::Acquire(AcquireError::Closed)
    );
    assert_eq!(refused.into_vec(), b"late");
    assert_eq!(first.into_vec().expect("of the global allocator"), [0; 10]);
    drop(pool);
    let vec = thread::spawn(move || second.into_vec());
    assert_eq!(
        vec.join().unwrap().expect("of the global allocator"),
        [0; 20],
        "the last block of a pool that is gone, on another thread"
    );
}

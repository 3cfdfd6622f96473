//! A buffer: lengths, writes that do not fit, zeroing, moving.

use std::alloc::Layout;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

use buffer_pool::{BufferPool, Classes, Exhaustion};
use bytes::BufMut;
use slab_core::{Global, ProvideError, Provider};

use crate::memory::{POISON, Poisoned};

fn small() -> BufferPool {
    BufferPool::builder()
        .classes(Classes::down_to(64))
        .provider(Poisoned::shared())
        .build()
}

#[test]
fn sizes_from_zero_to_oversize_are_defined() {
    let pool = BufferPool::new();
    for (size, capacity) in [
        (0, 4096),
        (1, 4096),
        (4096, 4096),
        (4097, 6144),
        (1 << 20, 1 << 20),
    ] {
        let buf = pool.acquire(size);
        assert_eq!((buf.len(), buf.capacity()), (0, capacity));
        assert_eq!(pool.acquire_zeroed(size).len(), size);
        assert_eq!(pool.acquire_stale(size).len(), size);
        assert_eq!(pool.try_acquire(size).unwrap().capacity(), capacity);
        assert_eq!(pool.try_acquire_zeroed(size).unwrap().len(), size);
        assert_eq!(pool.try_acquire_stale(size).unwrap().len(), size);
    }
    let large = pool.acquire_zeroed((1 << 20) + 1);
    assert_eq!(
        (large.len(), large.capacity()),
        ((1 << 20) + 1, (1 << 20) + 1)
    );
    assert!(large.iter().all(|&byte| byte == 0));
    let stats = pool.stats();
    assert_eq!(
        (stats.oversize, stats.unpooled, stats.unpooled_bytes),
        (1, 1, (1 << 20) + 1)
    );
    drop(large);
    let stats = pool.stats();
    assert_eq!(
        (stats.oversize, stats.unpooled, stats.unpooled_bytes),
        (1, 0, 0)
    );
    assert_eq!(stats.outstanding(), 0);
    assert_eq!(
        stats.charged_bytes,
        stats.idle_bytes(),
        "the oversize block is gone"
    );
}

#[test]
fn writes_that_do_not_fit() {
    let pool = small();
    let mut buf = pool.acquire(64);
    assert_eq!(buf.write(&[1; 60]).unwrap(), 60);
    assert_eq!(buf.write(&[2; 60]).unwrap(), 4, "a short write");
    assert_eq!(buf.write(&[3]).unwrap(), 0);
    assert_eq!(
        buf.write_all(&[3]).unwrap_err().kind(),
        ErrorKind::WriteZero
    );
    assert_eq!(write!(buf, "x").unwrap_err().kind(), ErrorKind::WriteZero);
    assert!(buf.write_all(&[]).is_ok());
    assert!(buf.flush().is_ok());

    let error = buf.try_extend_from_slice(&[3]).unwrap_err();
    assert_eq!((error.needed, error.capacity), (65, 64));
    let error = buf.try_resize(100, 0).unwrap_err();
    assert_eq!((error.needed, error.capacity), (100, 64));
    assert_eq!(buf.spare_len(), 0);
    assert_eq!(buf[..60], [1; 60]);
    assert_eq!(buf[60..], [2; 4], "refused writes changed nothing");
}

#[test]
#[should_panic(expected = "a length of 65 bytes exceeds the buffer's capacity of 64")]
fn extend_past_the_capacity_panics() {
    small().acquire(64).extend_from_slice(&[0; 65]);
}

#[test]
#[should_panic(expected = "exceeds the buffer's capacity")]
fn resize_past_the_capacity_panics() {
    small().acquire(64).resize(65, 1);
}

#[test]
#[should_panic(expected = "exceeds the buffer's capacity")]
fn put_bytes_past_the_capacity_panics() {
    small().acquire(64).put_bytes(0, usize::MAX);
}

#[test]
#[should_panic(expected = "advanced 65 bytes past the 64")]
fn advance_past_the_capacity_panics() {
    let pool = small();
    let mut buf = pool.acquire(64);
    // SAFETY: none of the claimed bytes is read: the call panics.
    unsafe { buf.advance_mut(65) };
}

#[test]
fn a_buffer_is_a_buf_mut() {
    let pool = small();
    let mut buf = pool.acquire(64);
    assert_eq!(buf.remaining_mut(), 64);
    buf.put_u32(0x0102_0304);
    buf.put_slice(b"abc");
    buf.put_bytes(b'.', 2);
    assert_eq!(buf.chunk_mut().len(), 55);
    let mut source: &[u8] = b"rest";
    buf.put(&mut source);
    assert_eq!(&*buf, b"\x01\x02\x03\x04abc..rest");
    buf.extend([1, 2]);
    buf.extend(&[3]);
    assert_eq!(buf[13..], [1, 2, 3]);
}

#[test]
fn vectored_writes_fill_the_buffer() {
    let pool = small();
    let mut buf = pool.acquire(64);
    let parts = [[1; 30], [2; 30], [3; 30]];
    let parts = parts.each_ref().map(|part| IoSlice::new(part));
    assert_eq!(buf.write_vectored(&parts).unwrap(), 64);
    assert_eq!(
        (&buf[28..32], &buf[58..]),
        (&[1, 1, 2, 2][..], &[2, 2, 3, 3, 3, 3][..])
    );
    assert_eq!(buf.write_vectored(&parts).unwrap(), 0);
}

#[test]
fn a_buf_of_many_chunks_is_put_whole_or_not_at_all() {
    let pool = small();
    let mut buf = pool.acquire(64);
    buf.put(bytes::Buf::chain(&[1; 20][..], &[2; 20][..]));
    assert_eq!((&buf[..20], &buf[20..]), (&[1; 20][..], &[2; 20][..]));
    let put = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        buf.put(bytes::Buf::chain(&[3; 20][..], &[4; 5][..]));
    }));
    assert!(put.is_err() && buf.len() == 40);
}

/// Gives its parts one a read, an interruption before each, then the end.
struct Slow<'a>(&'a [&'a [u8]], bool);

impl Read for Slow<'_> {
    fn read(&mut self, lent: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(ErrorKind::Interrupted.into());
        }
        let Some((first, rest)) = self.0.split_first() else {
            return Ok(0);
        };
        assert!(first.len() <= lent.len() && !lent.contains(&POISON));
        lent[..first.len()].copy_from_slice(first);
        self.0 = rest;
        Ok(first.len())
    }
}

#[test]
fn reads_append_what_the_source_gives() {
    let pool = small();
    let mut source = Slow(&[b"one", b"two", b"three", b"4"], false);
    let mut buf = pool.acquire(64);
    buf.extend_from_slice(b">");
    assert_eq!(
        buf.read_from(&mut source).unwrap_err().kind(),
        ErrorKind::Interrupted
    );
    assert_eq!(buf.read_from(&mut source).unwrap(), 3);
    assert_eq!(&*buf, b">one");
    buf.read_exact_from(&mut source, 8).unwrap();
    assert_eq!(&*buf, b">onetwothree");
    let error = buf.read_exact_from(&mut source, 2).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert_eq!(&*buf, b">onetwothree", "what came before the end is lost");
    let error = buf.read_exact_from(&mut source, 53).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(
        error.to_string().contains("a length of 65 bytes"),
        "{error}"
    );

    buf.clear();
    let mut source = Slow(&[b"one", b"two"], false);
    assert_eq!(buf.fill_from(&mut source).unwrap(), 6);
    assert_eq!(&*buf, b"onetwo");
    let mut endless = io::repeat(9);
    assert_eq!(buf.fill_from(&mut endless).unwrap(), 58);
    assert_eq!(
        (
            buf.read_from(&mut endless).unwrap(),
            buf.fill_from(endless).unwrap()
        ),
        (0, 0)
    );
    assert_eq!(buf[6..], [9; 58]);
}

#[test]
fn what_was_lent_to_a_source_is_zeroed_later() {
    let pool = small();
    pool.acquire(128).read_from(&[0xFF; 100][..]).unwrap();
    assert_eq!(*pool.acquire_zeroed(128), [0; 128]);
    let mut buf = pool.acquire(128);
    buf.read_exact_from(&[0xFF; 100][..], 50).unwrap();
    drop(buf);
    assert_eq!(*pool.acquire_zeroed(128), [0; 128]);
}

#[test]
fn lengths_change_within_the_capacity() {
    let pool = small();
    let mut buf = pool.acquire(64);
    buf.resize(10, 7);
    buf.truncate(20);
    assert_eq!(*buf, [7; 10]);
    buf.truncate(4);
    buf.resize(6, 0);
    assert_eq!(*buf, [7, 7, 7, 7, 0, 0], "resize clears what truncate left");
    buf.as_mut()[5] = 9;
    assert_eq!(buf.as_ref(), [7, 7, 7, 7, 0, 9]);
    buf.clear();
    assert!(buf.is_empty());
    assert_eq!(buf, pool.acquire(0));
}

#[test]
fn reserve_moves_to_a_larger_block_once_asked() {
    let pool = small();
    let mut buf = pool.acquire(64);
    buf.extend_from_slice(&[5; 64]);
    buf.reserve(0);
    assert_eq!(buf.capacity(), 64, "enough room: nothing moves");
    buf.reserve(1);
    assert_eq!(buf.capacity(), 128);
    buf.extend_from_slice(&[6]);
    buf.reserve(1000);
    assert_eq!(buf.capacity(), 1536);
    assert_eq!((&buf[..64], &buf[64..]), (&[5; 64][..], &[6][..]));
    assert_eq!(
        pool.stats().outstanding(),
        1,
        "the earlier blocks were released"
    );
    buf.try_reserve(2 << 20).unwrap();
    assert_eq!(buf.len(), 65);
    assert_eq!(pool.stats().unpooled, 1);
}

#[test]
fn try_reserve_is_one_request() {
    let pool = BufferPool::builder().max_bytes(10 << 10).build();
    let mut buf = pool.acquire_zeroed(4096);
    buf.try_reserve(1)
        .expect("6 KiB fit, though twice the capacity does not");
    assert_eq!((buf.capacity(), pool.stats().refused), (6144, 0));
    buf.try_reserve(1 << 20).expect_err("above the budget");
    assert_eq!((buf.capacity(), pool.stats().refused), (6144, 1));
}

#[test]
fn a_buffer_that_moved_is_named_by_the_line_that_moved_it() {
    let pool = BufferPool::builder()
        .max_bytes(21 << 10)
        .track_outstanding(1)
        .build();
    let mut buf = pool.acquire(4096);
    let line = || pool.outstanding()[0].location;
    let moved = (buf.reserve(5000), line!());
    assert_eq!((line().file(), line().line()), (file!(), moved.1));
    // Twice the capacity exceeds the budget; what is needed does not.
    buf.clear();
    let moved = (buf.try_reserve(8193), line!());
    assert_eq!((moved.0, buf.capacity()), (Ok(()), 12 << 10));
    assert_eq!((line().file(), line().line()), (file!(), moved.1));
    assert_eq!(pool.outstanding().len(), 1);
}

#[test]
fn reserve_after_the_pool_is_gone() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder().provider(memory.clone()).build();
    let mut buf = pool.acquire_zeroed(4096);
    drop(pool);
    buf.reserve(1);
    buf.extend_from_slice(&[1]);
    assert_eq!((buf.len(), buf.capacity()), (4097, 8192));
    assert!(buf.try_reserve(1 << 14).is_err(), "the pool is closed");
    assert_eq!(buf.len(), 4097);
    drop(buf);
    assert_eq!(memory.live_bytes(), 0);
}

#[test]
fn zeroed_is_zero_whatever_was_done_before() {
    let pool = small();
    let spoil: [fn(&mut buffer_pool::PooledBuf); 7] = [
        |buf| buf.resize(128, 0xFF),
        |buf| buf.extend_from_slice(&[0xFF; 77]),
        |buf| {
            buf.resize(128, 0);
            buf[100] = 1;
        },
        |buf| {
            buf.spare_capacity_mut().iter_mut().for_each(|byte| {
                byte.write(POISON);
            })
        },
        |buf| {
            let chunk = buf.chunk_mut();
            (0..chunk.len()).for_each(|at| chunk.write_byte(at, POISON));
        },
        |buf| {
            buf.extend_from_slice(&[0xFF; 128]);
            buf.truncate(64);
            buf.resize(128, 0);
        },
        |buf| {
            buf.resize(50, 1);
            buf.spare_capacity_mut()[10].write(3);
            buf.truncate(20);
            buf.resize(128, 0);
        },
    ];
    for first in &spoil {
        for second in &spoil {
            for len in [0, 1, 20, 64, 77, 100, 101, 128] {
                first(&mut pool.acquire(128));
                assert_eq!(*pool.acquire_zeroed(len), [0; 128][..len]);
                second(&mut pool.acquire(128));
                assert_eq!(*pool.acquire_zeroed(128), [0; 128]);
            }
        }
    }
    assert_eq!(pool.stats().outstanding(), 0);
}

#[test]
fn stale_is_never_uninitialised() {
    let pool = small();
    // Memory that was never written, or taken back by writing poison as if uninitialised.
    let mut buf = pool.acquire(128);
    buf.extend_from_slice(&[1; 10]);
    drop(buf);
    assert!(!pool.acquire_stale(128).contains(&POISON));
    let mut buf = pool.acquire(128);
    buf.extend_from_slice(&[1; 10]);
    buf.spare_capacity_mut().iter_mut().for_each(|byte| {
        byte.write(POISON);
    });
    // SAFETY: 20 is within the capacity, and these bytes are initialised.
    unsafe { buf.set_len(20) };
    drop(buf);
    let stale = pool.acquire_stale(128);
    assert_eq!(stale[..10], [1; 10]);
    assert_eq!(stale[10..20], [POISON; 10], "vouched for by set_len");
    assert!(!stale[20..].contains(&POISON));
}

#[test]
fn resizing_stale_exposes_what_was_written_and_never_what_was_not() {
    let pool = small();
    let mut buf = pool.acquire(128);
    buf.extend_from_slice(&[1; 10]);
    drop(buf);
    let mut buf = pool.acquire(128);
    buf.extend_from_slice(&[2; 4]);
    buf.resize_stale(20);
    assert_eq!(
        (&buf[..4], &buf[4..10], &buf[10..]),
        (&[2; 4][..], &[1; 6][..], &[0; 10][..])
    );
    buf.resize_stale(3);
    assert_eq!(*buf, [2; 3], "shorter, too");
    buf.try_resize_stale(128).unwrap();
    assert!(!buf.contains(&POISON));
    let error = buf.try_resize_stale(129).unwrap_err();
    assert_eq!((error.needed, error.capacity, buf.len()), (129, 128, 128));
    // Uninitialised bytes that safe code put there count as never written.
    buf.clear();
    buf.spare_capacity_mut().iter_mut().for_each(|byte| {
        byte.write(POISON);
    });
    buf.resize_stale(128);
    assert_eq!(*buf, [0; 128]);
    buf.fill(7);
    drop(buf);
    assert_eq!(
        *pool.acquire_zeroed(128),
        [0; 128],
        "what it was filled with is cleared"
    );
}

#[test]
#[should_panic(expected = "a length of 65 bytes exceeds the buffer's capacity of 64")]
fn resize_stale_past_the_capacity_panics() {
    small().acquire(64).resize_stale(65);
}

#[test]
fn a_read_that_times_out_is_resumed() {
    /// Two bytes a read, and a timeout after each.
    struct Halting(u8, bool);
    impl Read for Halting {
        fn read(&mut self, lent: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if !self.1 {
                return Err(ErrorKind::TimedOut.into());
            }
            let len = lent.len().min(2);
            lent[..len].fill(self.0);
            self.0 += 1;
            Ok(len)
        }
    }
    let pool = small();
    let (mut buf, mut source, mut timeouts) = (pool.acquire(64), Halting(1, false), 0);
    while buf.len() < 5 {
        match buf.fill_from(source.by_ref().take(5 - buf.len() as u64)) {
            Ok(count) => assert!(count > 0, "the source does not end"),
            Err(error) if error.kind() == ErrorKind::TimedOut => timeouts += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((&*buf, timeouts), (&[1, 1, 2, 2, 3][..], 2));
}

#[test]
fn buffers_are_aligned_as_asked() {
    for alignment in [1, 64, 4096, 2 << 20] {
        let pool = BufferPool::builder().alignment(alignment).build();
        assert_eq!(pool.alignment(), alignment);
        for size in [1, 5000, 1 << 20, (1 << 20) + 1] {
            let buf = pool.acquire_zeroed(size);
            assert_eq!(buf.as_ptr() as usize % alignment, 0);
        }
    }
}

#[test]
#[should_panic(expected = "an alignment must be a power of two up to 2097152, not 3")]
fn an_odd_alignment_panics() {
    let _ = BufferPool::builder().alignment(3);
}

#[test]
#[should_panic(expected = "cannot acquire")]
fn a_request_past_the_address_space_panics() {
    let _ = BufferPool::new().acquire(usize::MAX);
}

#[test]
fn a_buffer_that_grows_does_not_wait_for_itself() {
    let pool = BufferPool::builder()
        .max_bytes(8192)
        .exhaustion(Exhaustion::Overflow)
        .build();
    let mut buf = pool.acquire(4096);
    buf.resize(4096, 7);
    buf.reserve(1);
    assert_eq!((buf.len(), buf.capacity()), (4096, 8192));
    assert!(buf.iter().all(|&byte| byte == 7));
    assert_eq!(pool.stats().overflow, 1);
    pool.close();
    buf.resize(8192, 8);
    buf.reserve(1);
    assert_eq!(pool.stats().overflow, 2);
}

/// Growth went past the budget of a pool that waits, once: 16 buffers in 64 KiB held 1 MiB.
#[test]
fn buffers_that_grow_stay_within_a_budget_that_waits() {
    let pool = BufferPool::builder().max_bytes(64 << 10).build();
    let mut held: Vec<_> = (0..15).map(|_| pool.acquire(4096)).collect();
    let refused = panic_message(|| held[0].reserve(60 << 10));
    assert!(
        refused.contains("drop a buffer or raise max_bytes"),
        "{refused}"
    );
    assert!(held[0].try_reserve(60 << 10).is_err());
    assert_eq!(held[0].capacity(), 4096, "the buffer is as before");
    held.truncate(2);
    held[0].reserve(44 << 10);
    let stats = pool.stats();
    assert!(stats.overflow == 0 && stats.peak_bytes <= 64 << 10);
}

/// `reserve` asked for twice the capacity or nothing, once.
#[test]
fn reserve_is_content_with_what_try_reserve_gets() {
    let classes = Classes::custom(&[4096, 32 << 10, 48 << 10]).unwrap();
    let pool = BufferPool::builder()
        .classes(classes)
        .max_bytes(80 << 10)
        .build();
    let mut buf = pool.acquire(32 << 10);
    buf.resize(32 << 10, 1);
    buf.reserve(1);
    assert_eq!((buf.len(), buf.capacity()), (32 << 10, 48 << 10));
}

/// The larger block past the budget was refused by the provider, and the smaller one was not asked for, once.
#[test]
fn reserve_past_the_budget_is_content_with_what_the_provider_has() {
    let scarce = Scarce(AtomicUsize::new(48_000));
    let pool = BufferPool::builder()
        .provider(scarce)
        .max_bytes(16 << 10)
        .exhaustion(Exhaustion::Overflow)
        .build();
    let mut buf = pool.acquire(16 << 10);
    buf.resize(16 << 10, 1);
    buf.reserve(1);
    assert_eq!(buf.capacity(), 24 << 10);
}

/// Has so many bytes for data; headers, which are aligned, come on top.
struct Scarce(AtomicUsize);

// SAFETY: the global allocator's blocks; a refusal gives none.
unsafe impl Provider for Scarce {
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        let size = if layout.align() == 1 {
            layout.size()
        } else {
            0
        };
        let left = self.0.load(Ordering::SeqCst).checked_sub(size);
        self.0
            .store(left.ok_or(ProvideError::Exhausted)?, Ordering::SeqCst);
        Global.allocate(layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        let size = if layout.align() == 1 {
            layout.size()
        } else {
            0
        };
        self.0.fetch_add(size, Ordering::SeqCst);
        // SAFETY: passed on from the caller.
        unsafe { Global.deallocate(block, layout) };
    }
}

fn panic_message(work: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(work)).expect_err("it panics");
    panic
        .downcast_ref::<String>()
        .expect("a formatted message")
        .clone()
}

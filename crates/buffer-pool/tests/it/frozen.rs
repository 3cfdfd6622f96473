//! Frozen bytes: sharing, slicing, comparing, and the way back.

use std::io::{BufRead, Cursor, Read, Seek, SeekFrom};

use buffer_pool::{BufferPool, PooledBuf, PooledBytes};
use bytes::{Buf, Bytes};

fn frozen(pool: &BufferPool, contents: &[u8]) -> PooledBytes {
    let mut buf = pool.acquire(contents.len());
    buf.extend_from_slice(contents);
    buf.freeze()
}

#[test]
fn handles_are_send_sync_and_static() {
    fn check<T: Send + Sync + 'static>() {}
    check::<BufferPool>();
    check::<PooledBuf>();
    check::<PooledBytes>();
    assert_eq!(size_of::<PooledBuf>(), 24, "as a Vec");
    assert_eq!(size_of::<Option<PooledBuf>>(), 24);
    assert_eq!(size_of::<Option<PooledBytes>>(), 24);
}

#[test]
fn clones_and_slices_share_one_buffer() {
    let pool = BufferPool::new();
    let bytes = frozen(&pool, b"0123456789");
    let clone = bytes.clone();
    let middle = bytes.slice(2..=5).slice(1..);
    assert_eq!((bytes.ref_count(), pool.stats().outstanding()), (3, 1));
    assert_eq!(middle, b"345");
    assert_eq!(middle.as_ptr(), bytes[3..].as_ptr());
    assert_eq!(middle.buffer_capacity(), 4096);
    drop((bytes, clone));
    assert_eq!((middle.ref_count(), pool.stats().outstanding()), (1, 1));
    assert_eq!(middle, b"345");
    drop(middle);
    assert_eq!(
        (pool.stats().outstanding(), pool.stats().idle_bytes()),
        (0, 4096)
    );
}

#[test]
fn slices_of_every_range() {
    let pool = BufferPool::new();
    let bytes = frozen(&pool, b"0123456789");
    for start in 0..=10 {
        for end in start..=10 {
            assert_eq!(bytes.slice(start..end), bytes[start..end]);
            let mut rest = bytes.slice(start..end);
            let at = (end - start) / 2;
            let tail = rest.split_off(at);
            assert_eq!(
                (&*rest, &*tail),
                (&bytes[start..start + at], &bytes[start + at..end])
            );
            let mut rest = bytes.slice(start..end);
            let head = rest.split_to(at);
            assert_eq!(
                (&*head, &*rest),
                (&bytes[start..start + at], &bytes[start + at..end])
            );
        }
    }
    assert!(bytes.slice(10..).is_empty());
    assert_eq!(bytes.slice(..), bytes);
    let mut short = bytes.clone();
    short.truncate(20);
    assert_eq!(short.len(), 10);
    short.truncate(3);
    assert_eq!(short, b"012");
}

#[test]
#[should_panic(expected = "range end 11 is out of range for 10 bytes")]
fn a_slice_past_the_end_panics() {
    let _ = frozen(&BufferPool::new(), b"0123456789").slice(..11);
}

#[test]
#[should_panic(expected = "range starts at 3 but ends at 2")]
fn a_slice_that_ends_before_it_starts_panics() {
    let (start, end) = (3, 2);
    let _ = frozen(&BufferPool::new(), b"0123456789").slice(start..end);
}

#[test]
#[should_panic(expected = "split at 11")]
fn a_split_past_the_end_panics() {
    let _ = frozen(&BufferPool::new(), b"0123456789").split_off(11);
}

#[test]
fn back_to_a_buffer_when_alone() {
    let pool = BufferPool::new();
    let bytes = frozen(&pool, b"0123456789");
    let clone = bytes.clone();
    let bytes = bytes.try_into_mut().expect_err("a clone exists");
    assert_eq!(bytes, b"0123456789", "the value came back");
    drop(clone);
    let address = bytes.as_ptr();
    let mut buf = bytes.try_into_mut().expect("alone");
    assert_eq!(buf.as_ptr(), address, "nothing was copied");
    buf.extend_from_slice(b"ab");
    let tail = buf.freeze().slice(8..);
    let mut buf = tail.try_into_mut().expect("alone");
    assert_eq!(
        (&*buf, buf.capacity()),
        (&b"89ab"[..], 4096),
        "moved to the front"
    );
    buf.resize(12, 0);
    assert_eq!(
        &*buf, b"89ab\0\0\0\0\0\0\0\0",
        "what was left behind is not zero by itself"
    );
    drop(buf);
    assert_eq!(*pool.acquire_zeroed(64), [0; 64]);
}

#[test]
fn many_threads_want_the_buffer_back_and_one_gets_it() {
    let pool = BufferPool::new();
    for _ in 0..200 {
        let bytes = frozen(&pool, &[0; 64]);
        let clones: Vec<PooledBytes> = (0..4).map(|_| bytes.slice(..)).collect();
        drop(bytes);
        let won: usize = std::thread::scope(|scope| {
            let wants = |bytes: PooledBytes| {
                let extra = bytes.clone();
                assert_eq!(extra, [0; 64]);
                drop(extra);
                match bytes.try_into_mut() {
                    Ok(mut buf) => {
                        // Nobody reads any more: what they read above was zeros.
                        buf.fill(1);
                        1
                    }
                    Err(_) => 0,
                }
            };
            let threads: Vec<_> = clones
                .into_iter()
                .map(|clone| scope.spawn(move || wants(clone)))
                .collect();
            let won = threads.into_iter().map(|thread| thread.join().unwrap());
            won.sum()
        });
        assert!(won <= 1);
        assert_eq!(pool.stats().outstanding(), 0);
    }
}

#[test]
fn moving_a_slice_to_the_front_keeps_zeros_known() {
    let pool = BufferPool::new();
    // Contents whose tail was never dirty: moving it must make the front dirty if it is not zero.
    let mut buf = pool.acquire_zeroed(4096);
    buf[4000..].fill(7);
    let mut bytes = buf.freeze();
    let tail = bytes.split_off(4000);
    drop(bytes);
    let buf = tail.try_into_mut().expect("alone");
    assert_eq!(*buf, [7; 96]);
    drop(buf);
    assert_eq!(*pool.acquire_zeroed(4096), [0; 4096]);
}

#[test]
fn into_bytes_without_a_copy() {
    let pool = BufferPool::new();
    let pooled = frozen(&pool, b"0123456789");
    let address = pooled.as_ptr();
    let bytes = Bytes::from(pooled);
    assert_eq!((&bytes[..], bytes.as_ptr()), (&b"0123456789"[..], address));
    let part = bytes.slice(1..3);
    drop(bytes);
    assert_eq!(pool.stats().outstanding(), 1);
    drop(part);
    assert_eq!(pool.stats().outstanding(), 0);
    assert_eq!(Bytes::from(pool.acquire_zeroed(3)), [0; 3][..]);
    assert_eq!(PooledBytes::from(pool.acquire_zeroed(3)), [0; 3]);
}

#[test]
fn an_empty_value_becomes_bytes_that_hold_no_buffer() {
    let pool = BufferPool::new();
    let full = frozen(&pool, b"0123456789");
    let empty = Bytes::from(full.slice(4..4));
    assert_eq!((empty.len(), full.ref_count()), (0, 1));
    drop(full);
    assert_eq!(pool.stats().outstanding(), 0);
}

#[test]
fn an_empty_part_keeps_no_buffer() {
    let pool = BufferPool::new();
    let mut full = frozen(&pool, b"0123456789");
    let mut parts = vec![
        full.slice(4..4),
        full.slice(10..),
        full.slice_ref(&full[3..3]),
        full.split_to(0),
        full.split_off(10),
    ];
    assert_eq!(full.ref_count(), 1);
    parts.push(parts[0].clone());
    parts.push(parts[0].slice(..));
    let all = full.split_to(10);
    assert_eq!((full.ref_count(), all.ref_count()), (0, 1));
    parts.push(full);
    let mut full = all;
    let all = full.split_off(0);
    parts.push(full);
    drop(all);
    assert_eq!(pool.stats().outstanding(), 0);
    for part in parts {
        assert_eq!(
            (part.len(), part.ref_count(), part.buffer_capacity()),
            (0, 0, 0)
        );
        assert_eq!(
            (&part, part.clone()),
            (&PooledBytes::new(), PooledBytes::default())
        );
        assert_eq!(part.try_into_mut().unwrap_err(), b"");
    }
}

#[test]
fn what_was_emptied_in_place_gives_its_buffer_back_when_asked() {
    let pool = BufferPool::new();
    let mut cut = frozen(&pool, b"0123456789");
    cut.truncate(0);
    let mut read = frozen(&pool, b"0123456789");
    read.advance(10);
    for emptied in [cut, read, pool.acquire(0).freeze()] {
        assert_eq!((emptied.len(), emptied.ref_count()), (0, 1));
        let buf = emptied.try_into_mut().expect("alone");
        assert_eq!((buf.len(), buf.capacity()), (0, 4096));
    }
}

#[test]
fn the_empty_value_is_a_constant() {
    static EMPTY: PooledBytes = PooledBytes::new();
    let mut empty = EMPTY.clone();
    assert_eq!(
        (EMPTY.slice(..), empty.split_off(0)),
        (PooledBytes::new(), EMPTY.slice_ref(b""))
    );
    empty.truncate(0);
    empty.advance(0);
    assert!(!empty.has_remaining() && EMPTY.as_slice().is_empty());
    assert!(Bytes::from(EMPTY.clone()).is_empty() && Vec::from(empty).is_empty());
}

#[test]
fn into_a_vec_without_a_copy_when_alone_in_a_pool_of_vecs() {
    let pool = BufferPool::new();
    let bytes = frozen(&pool, b"0123456789");
    let address = bytes.as_ptr();
    let copy = Vec::from(bytes.clone());
    assert_eq!(
        (&copy[..], copy.capacity(), bytes.ref_count()),
        (&b"0123456789"[..], 10, 1)
    );
    let taken = Vec::from(bytes);
    assert_eq!(
        (&taken[..], taken.as_ptr(), taken.capacity()),
        (&b"0123456789"[..], address, 4096)
    );
    let mut part = frozen(&pool, b"0123456789");
    part.advance(3);
    part.truncate(4);
    let taken = Vec::from(part);
    assert_eq!(
        (&taken[..], taken.capacity()),
        (&b"3456"[..], 4096),
        "moved to the front"
    );
    let taken = Vec::from(pool.acquire_zeroed(3));
    assert_eq!((&taken[..], taken.capacity()), (&[0; 3][..], 4096));
    let stats = pool.stats();
    assert_eq!((stats.outstanding(), stats.charged_bytes), (0, 0));

    let aligned = BufferPool::builder().alignment(64).build();
    for copy in [
        Vec::from(frozen(&aligned, b"0123456789").slice(3..7)),
        Vec::from({
            let mut buf = aligned.acquire(4);
            buf.extend_from_slice(b"3456");
            buf
        }),
    ] {
        assert_eq!((&copy[..], copy.capacity()), (&b"3456"[..], 4));
    }
    assert_eq!(
        (aligned.stats().outstanding(), aligned.stats().idle_bytes()),
        (0, 8192)
    );
}

#[test]
fn handles_may_cross_an_unwind() {
    fn check<T: std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    check::<BufferPool>();
    check::<PooledBuf>();
    check::<PooledBytes>();
}

#[test]
fn bytes_of_a_buffer_clone_and_slice_without_a_copy_on_any_thread() {
    let pool = BufferPool::new();
    let pooled = frozen(&pool, b"0123456789");
    let address = pooled.as_ptr() as usize;
    let bytes = Bytes::from(pooled.clone());
    let parts = [bytes.slice(..5), bytes.slice(5..), bytes];
    let threads = parts.map(|part| {
        std::thread::spawn(move || (part.as_ptr() as usize - address, part.len(), part))
    });
    let seen = threads.map(|thread| thread.join().unwrap());
    assert_eq!(
        seen.each_ref().map(|&(at, len, _)| (at, len)),
        [(0, 5), (5, 5), (0, 10)]
    );
    assert_eq!(pooled.ref_count(), 2, "all `Bytes` together hold one");
    let pooled = pooled.try_into_mut().expect_err("`Bytes` show it");
    drop(seen);
    assert_eq!(&*pooled.try_into_mut().expect("alone"), b"0123456789");
}

#[test]
fn taking_bytes_off_the_front_copies_nothing() {
    let pool = BufferPool::new();
    let mut pooled = frozen(&pool, b"headbody");
    let address = pooled.as_ptr();
    let head = pooled.copy_to_bytes(4);
    assert_eq!((&head[..], head.as_ptr()), (&b"head"[..], address));
    assert_eq!(pooled, b"body");
    assert!(pooled.copy_to_bytes(0).is_empty());
    let body = pooled.copy_to_bytes(4);
    assert!(!pooled.has_remaining());
    drop((pooled, head));
    assert_eq!((&body[..], pool.stats().outstanding()), (&b"body"[..], 1));
}

#[test]
#[should_panic(expected = "split at 2")]
fn taking_more_bytes_than_there_are_panics() {
    frozen(&BufferPool::new(), b"0").copy_to_bytes(2);
}

#[test]
fn a_slice_found_by_reference() {
    let pool = BufferPool::new();
    let bytes = frozen(&pool, b"0123456789");
    let middle = bytes.slice(2..8);
    for start in 0..6 {
        for end in start..=6 {
            let found = middle.slice_ref(&middle[start..end]);
            assert_eq!(found, middle[start..end]);
            assert!(start == end || found.as_ptr() == middle[start..].as_ptr());
        }
    }
    assert!(middle.slice_ref(&[]).is_empty());
    for outside in [&bytes[..3], &bytes[7..9], &bytes[..], &bytes[8..], b"23"] {
        let found = std::panic::catch_unwind(|| middle.slice_ref(outside));
        assert!(found.is_err(), "{outside:?} does not lie within");
    }
    assert_eq!(bytes.ref_count(), 2);
}

#[test]
fn reads_by_a_cursor() -> std::io::Result<()> {
    let pool = BufferPool::new();
    let mut reader = Cursor::new(frozen(&pool, b"one\ntwo\nrest"));
    let mut line = String::new();
    reader.read_line(&mut line)?;
    assert_eq!(line, "one\n");
    reader.seek(SeekFrom::Current(4))?;
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest)?;
    assert_eq!(rest, b"rest");
    assert_eq!(reader.into_inner(), b"one\ntwo\nrest");

    let mut reader = frozen(&pool, b"by bytes").reader();
    let mut start = [0; 3];
    reader.read_exact(&mut start)?;
    assert_eq!(
        (&start, reader.into_inner()),
        (b"by ", frozen(&pool, b"bytes"))
    );
    Ok(())
}

#[test]
fn reads_as_a_buf() {
    let pool = BufferPool::new();
    let mut bytes = frozen(&pool, &[0, 1, 2, 3, 4, 5]);
    assert_eq!((bytes.get_u16(), bytes.get_u8()), (1, 2));
    assert_eq!((bytes.remaining(), bytes.chunk()), (3, &[3, 4, 5][..]));
    assert_eq!(bytes.copy_to_bytes(2), [3, 4][..]);
    assert_eq!(bytes, [5]);
}

#[test]
#[should_panic(expected = "advanced 2 bytes past the 1 that remain")]
fn advance_past_the_end_panics() {
    frozen(&BufferPool::new(), b"0").advance(2);
}

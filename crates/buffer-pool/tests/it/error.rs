//! What errors say, and what they are to `std::io`.

use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use buffer_pool::{AcquireError, BufferPool, CapacityError, Classes, PooledBuf};
use slab_core::Failing;

fn says(error: AcquireError) -> String {
    error.to_string()
}

#[test]
fn too_much_is_answered_by_advice_that_helps() {
    let unbounded = BufferPool::new();
    let error = unbounded.try_acquire(usize::MAX).unwrap_err();
    assert!(says(error).ends_with("; request less"), "{error}");
    let error = unbounded.prewarm(2 << 20, 1).unwrap_err();
    assert!(
        says(error).starts_with("2097152 bytes are above the largest class of 1048576 bytes"),
        "{error}"
    );
    assert!(says(error).ends_with("; acquire them when needed, or add a class"));

    let bounded = BufferPool::builder().max_bytes(8192).build();
    let budget = "; request less or raise max_bytes";
    for error in [
        bounded.try_acquire(8193).unwrap_err(),
        bounded.prewarm(1 << 20, 1).unwrap_err(),
        bounded.acquire_timeout(8193, Duration::MAX).unwrap_err(),
    ] {
        assert!(says(error).ends_with(budget), "{error}");
    }
    let wide = BufferPool::builder().max_bytes(usize::MAX - 1).build();
    let error = wide.try_acquire(usize::MAX).unwrap_err();
    assert!(says(error).ends_with("; request less"), "{error}");
}

/// What a function that returns `io::Result` makes of a refusal.
fn filled(pool: &BufferPool, len: usize) -> io::Result<PooledBuf> {
    let mut buf = pool.try_acquire(len)?;
    buf.try_resize(len + 1, 7)?;
    Ok(buf)
}

#[test]
fn refusals_are_io_errors_with_the_refusal_inside() {
    let held = |pool: &BufferPool| pool.acquire(pool.max_bytes().unwrap_or(0));
    let bounded = BufferPool::builder().max_bytes(8192).build();
    let closed = BufferPool::new();
    closed.close();
    let failing = BufferPool::builder()
        .provider(Failing::since(slab_core::Global, 0))
        .build();
    let lent = held(&bounded);
    for (pool, len, kind) in [
        (&bounded, 1, ErrorKind::OutOfMemory),
        (&failing, 1, ErrorKind::OutOfMemory),
        (&bounded, 8193, ErrorKind::InvalidInput),
        (&closed, 1, ErrorKind::Other),
    ] {
        let refusal = pool.try_acquire(len).unwrap_err();
        let error = filled(pool, len).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert_eq!(error.to_string(), refusal.to_string());
        let inside = error.get_ref().unwrap().downcast_ref::<AcquireError>();
        assert_eq!(inside, Some(&refusal));
    }
    drop(lent);
    let error = filled(&bounded, 8192).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let inside = error.get_ref().unwrap().downcast_ref::<CapacityError>();
    assert_eq!(
        inside.map(|inside| (inside.needed, inside.capacity)),
        Some((8193, 8192))
    );
    let unpooled = bounded.prewarm(2 << 20, 1).map_err(io::Error::from);
    assert_eq!(unpooled.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_full_writer_says_how_much_it_needs_whatever_the_budget() {
    let pool = BufferPool::builder()
        .classes(Classes::custom(&[64]).unwrap())
        .max_bytes(64)
        .build();
    let mut buf = pool.acquire(64);
    assert!(pool.try_acquire(1).is_err(), "the budget is lent out");
    buf.write_all(&[1; 60]).unwrap();
    let error = buf.write_all(&[2; 10]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WriteZero);
    assert_eq!(
        error.to_string(),
        "a length of 70 bytes exceeds the buffer's capacity of 64; reserve first"
    );
    assert_eq!(
        (buf.len(), &buf[60..]),
        (64, &[2; 4][..]),
        "what fits is written"
    );
    let error = write!(buf, "{}", 1).unwrap_err();
    assert!(
        error.to_string().starts_with("a length of 65 bytes"),
        "{error}"
    );
    let error = io::copy(&mut &[3; 10][..], &mut buf).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WriteZero);
}
